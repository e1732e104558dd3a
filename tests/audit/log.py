"""A log to seal and to tamper with: events as any part writes them, and a superuser who goes past every guard."""

from __future__ import annotations

import json
from typing import Any

import psycopg


def write(url: str, *data: Any, thread_id: str = "t1", tenant: str = "default") -> list[int]:
    """One event for each of `data`, each in a transaction of its own. Their ids."""
    query = (
        "INSERT INTO hitl.events (type, thread_id, review_id, data) "
        "VALUES ('decided', %s, 'r1', %s::json) RETURNING id"
    )
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT set_config('hitl.tenant', %s, false)", [tenant])
        texts = [one if isinstance(one, str) else json.dumps(one) for one in data]
        return [conn.execute(query, [thread_id, text]).fetchone()[0] for text in texts]


def tamper(url: str, *statements: str) -> None:
    """Change what stands there, with triggers and row-level security out of force."""
    with psycopg.connect(url) as conn:
        conn.execute("SET session_replication_role = replica")
        for statement in statements:
            conn.execute(statement)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What stands there, as a superuser sees it."""
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(query).fetchall()
