"""A database whose owner is no superuser and may make no roles: as on a managed server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

__all__ = ["owned_database"]


@contextlib.contextmanager
def owned_database(db_url: str) -> Iterator[str]:
    """A database beside that of `db_url`; the address names its owner. It is dropped at the end."""
    name = f"{psycopg.conninfo.conninfo_to_dict(db_url)['dbname']}_owned"
    parts = {"name": sql.Identifier(name)}
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {name} LOGIN").format(**parts))
        conn.execute(sql.SQL("CREATE DATABASE {name} OWNER {name} STRATEGY FILE_COPY").format(**parts))
        yield make_conninfo(db_url, dbname=name, user=name)
        conn.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**parts))
        conn.execute(sql.SQL("DROP ROLE {name}").format(**parts))
