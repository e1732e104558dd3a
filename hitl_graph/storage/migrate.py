"""The tables: LangGraph's own and ours, brought to the newest version by whoever comes first."""

from __future__ import annotations

import re
import time
from importlib import resources
from typing import Any, LiteralString, cast

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from hitl_graph.errors import MigrationError
from hitl_graph.storage.tenants import must_be_bound

__all__ = ["migrate", "migrations"]

_LOCK = 7_403_202_611  # any number that nobody else uses
_WAIT_S = 0.05


def migrations() -> dict[int, tuple[str, LiteralString]]:
    """Our numbered migrations: version to (file name, SQL). The number is in the file's name, not in its place."""
    folder = resources.files("hitl_graph.storage").joinpath("migrations")
    found = {}
    for file in folder.iterdir():
        if named := re.fullmatch(r"(\d{4})_\w+\.sql", file.name):
            found[int(named.group(1))] = (file.name, file.read_text(encoding="utf-8"))
    return dict(sorted(found.items()))


def migrate(url: str) -> None:
    """Create or update the tables that savers and desk need. Cheap when there is nothing to do; safe to race.

    Args:
        url: A Postgres connection string.

    Raises:
        MigrationError: The tables are newer than this library, or a migration failed. Nothing of it was kept.
        TenantError: This database user goes past row-level security and cannot be bound to a tenant.
        psycopg.OperationalError: The server cannot be reached.
    """
    with psycopg.connect(url, autocommit=True, prepare_threshold=None, row_factory=dict_row) as conn:
        if _is_current(conn):
            must_be_bound(conn)
            return
        # Polled and not waited for: a waiting statement would hold a snapshot, and LangGraph's
        # CREATE INDEX CONCURRENTLY waits for every snapshot: both would wait for ever.
        while not _one(conn, "SELECT pg_try_advisory_lock(%s) AS got", _LOCK)["got"]:
            time.sleep(_WAIT_S)
        try:
            PostgresSaver(conn).setup()
            for version, (name, sql) in migrations().items():
                if version > _version(conn):
                    _apply(conn, version, name, sql)
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        must_be_bound(conn)


def _apply(conn: psycopg.Connection[Any], version: int, name: str, sql: LiteralString) -> None:
    try:
        with conn.transaction():
            conn.execute("CREATE SCHEMA IF NOT EXISTS hitl")
            conn.execute(
                "CREATE TABLE IF NOT EXISTS hitl.migrations "
                "(version int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            conn.execute(sql)
            conn.execute("INSERT INTO hitl.migrations (version, name) VALUES (%s, %s)", (version, name))
    except psycopg.Error as error:
        raise MigrationError(f"migration {name} failed, and nothing of it was kept: {error}") from error


def _is_current(conn: psycopg.Connection[Any]) -> bool:
    """Whether both sets of tables are there in the version that this library wants.

    Raises:
        MigrationError: Ours are newer.
    """
    newest = max(migrations())
    if (found := _version(conn)) > newest:
        raise MigrationError(
            f"the tables are at version {found} and this library knows {newest}: install the newer hitl_graph"
        )
    if (
        found < newest
        or not _one(conn, "SELECT to_regclass('checkpoint_migrations') IS NOT NULL AS there")["there"]
    ):
        return False
    theirs = _one(conn, "SELECT coalesce(max(v), -1) AS v FROM checkpoint_migrations")["v"]
    return bool(theirs >= len(PostgresSaver.MIGRATIONS) - 1)


def _version(conn: psycopg.Connection[Any]) -> int:
    if not _one(conn, "SELECT to_regclass('hitl.migrations') IS NOT NULL AS there")["there"]:
        return 0
    return int(_one(conn, "SELECT coalesce(max(version), 0) AS v FROM hitl.migrations")["v"])


def _one(conn: psycopg.Connection[Any], sql: LiteralString, *params: object) -> dict[str, Any]:
    row = conn.execute(sql, params).fetchone()
    assert row is not None
    return cast(dict[str, Any], row)
