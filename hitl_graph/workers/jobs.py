"""The tables of procrastinate, in a schema of their own, and connections that notice when the server is gone."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any, LiteralString

import procrastinate.schema
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from hitl_graph.errors import MigrationError
from hitl_graph.storage.pools import is_closed
from hitl_graph.storage.tenants import TenantsPools

__all__ = ["SCHEMA", "jobs_pool", "lasting", "prepare_jobs", "use_jobs_schema"]

SCHEMA = "hitl_jobs"
_LOCK = 7_403_202_612  # any number that nobody else uses
_LASTING = {
    "connect_timeout": 5,  # seconds
    "keepalives": 1,
    "keepalives_idle": 5,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds for which sent bytes may stay unanswered
}


def lasting(url: str) -> str:
    """A connection string under which a silent network ends a connection within seconds, not minutes.

    A deadline of the program's own is none: under a blackhole even the cancelling waits for the network. What the
    string says itself is left as it is.
    """
    given = psycopg.conninfo.conninfo_to_dict(url)
    return make_conninfo(url, **{key: value for key, value in _LASTING.items() if key not in given})


async def use_jobs_schema(conn: psycopg.AsyncConnection[Any], bound: TenantsPools) -> None:
    """Let a connection find procrastinate's tables and the jobs of one tenant there, and nothing else."""
    await bound.abind(conn)
    await conn.execute("SET search_path = hitl_jobs")
    if not conn.autocommit:
        await conn.commit()


def jobs_pool(**options: Any) -> AsyncConnectionPool[Any]:
    """procrastinate's pool; after a restart of the server its idle connections are replaced all at once."""

    async def check(conn: psycopg.AsyncConnection[Any]) -> None:
        if is_closed(conn):
            await pool.drain()
            raise psycopg.OperationalError("the server has closed this connection")

    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(**{**options, "check": check})
    return pool


def prepare_jobs(url: str) -> None:
    """Create or update the job tables. Cheap when there is nothing to do; safe to race.

    Args:
        url: A Postgres connection string.

    Raises:
        MigrationError: The tables are newer than the installed procrastinate, or an update failed. Nothing was kept.
        psycopg.OperationalError: The server cannot be reached.
    """
    steps = _steps()
    newest = max(steps)
    with psycopg.connect(url, autocommit=True, prepare_threshold=None, row_factory=dict_row) as conn:
        if _found(conn) == newest:
            return
        # Locked before the transaction: one that began earlier might still remember that nothing was there.
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            with conn.transaction():
                _bring_up(conn, steps, newest)
        except psycopg.Error as error:
            raise MigrationError(
                f"the job tables could not be made, and nothing was kept: {error}"
            ) from error
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def _bring_up(conn: psycopg.Connection[dict[str, Any]], steps: dict[str, LiteralString], newest: str) -> None:
    found = _found(conn)
    if found is not None and found > newest:
        raise MigrationError(
            f"the job tables are at {found} and the installed procrastinate knows {newest}: "
            "install the newer procrastinate"
        )
    if found is None:
        _create(conn)
    else:
        conn.execute("SELECT hitl.guard_jobs(forced => false)")  # updates reach the jobs of all tenants
    for step in sorted(step for step in steps if found is not None and step > found):
        _update(conn, steps[step])
    conn.execute("RESET search_path")
    conn.execute("SELECT hitl.guard_jobs()")
    conn.execute("INSERT INTO hitl_jobs.installed (step) VALUES (%s) ON CONFLICT DO NOTHING", (newest,))


def _found(conn: psycopg.Connection[dict[str, Any]]) -> str | None:
    """The newest step that is installed."""
    row = conn.execute("SELECT to_regclass('hitl_jobs.installed') IS NOT NULL AS there").fetchone()
    if row is None or not row["there"]:
        return None
    row = conn.execute("SELECT max(step) AS step FROM hitl_jobs.installed").fetchone()
    return row["step"] if row else None


def _create(conn: psycopg.Connection[dict[str, Any]]) -> None:
    conn.execute("CREATE SCHEMA IF NOT EXISTS hitl_jobs")
    conn.execute("SET LOCAL search_path = hitl_jobs")
    conn.execute(procrastinate.schema.SchemaManager.get_schema())
    conn.execute(
        'CREATE TABLE hitl_jobs.installed (step text COLLATE "C" PRIMARY KEY, '
        "applied_at timestamptz NOT NULL DEFAULT now())"
    )


def _update(conn: psycopg.Connection[dict[str, Any]], sql: LiteralString) -> None:
    conn.execute("SET LOCAL search_path = hitl_jobs")
    conn.execute(sql)


def _steps() -> dict[str, LiteralString]:
    """procrastinate's numbered updates by their number, which sorts as text."""
    found: dict[str, LiteralString] = {}
    for file in resources.files("procrastinate.sql").joinpath("migrations").iterdir():
        if named := re.fullmatch(r"(\d\d\.\d\d\.\d\d_\d\d)_\w+\.sql", file.name):
            # the text comes from an installed package and never from outside
            found[named.group(1)] = file.read_text(encoding="utf-8")
    return found
