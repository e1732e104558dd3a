"""Connection pools: each connection bound to its tenant, and none handed out that the server has closed."""

from __future__ import annotations

import select
from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection, Connection, OperationalError
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from hitl_graph.storage.tenants import TenantsPools
from hitl_graph.storage.ways import way_now

__all__ = ["async_pool", "is_closed", "sync_pool"]

RECONNECT_S = 5.0
"""How long a pool tries to connect once more before it says so; it begins anew with the next call."""
_COMES_BY = "SELECT set_config('hitl.through', %s, false)"


def sync_pool(
    url: str, *, max_size: int, bound: TenantsPools, kwargs: Mapping[str, Any]
) -> ConnectionPool[Any]:
    """A pool that is not open yet.

    After a restart of the server all its idle connections are replaced at once, by whoever comes first.
    """

    def check(conn: Connection[Any]) -> None:
        if is_closed(conn):
            pool.drain()
            raise OperationalError("the server has closed this connection")

    pool: ConnectionPool[Any] = ConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        kwargs=dict(kwargs),
        configure=bound.bind,
        check=check,
        reconnect_timeout=RECONNECT_S,
        open=False,
    )
    return pool


def async_pool(
    url: str, *, max_size: int, bound: TenantsPools, kwargs: Mapping[str, Any], lent: bool = False
) -> AsyncConnectionPool[Any]:
    """`sync_pool`, for the event loop.

    Args:
        url: A Postgres connection string. max_size: Connections at most. kwargs: For each of them.
        bound: Whose rows they see.
        lent: Whether people's own SQL runs on them, as on a desk's: each that comes back is bound anew, beside the call
            that gave it back, and a tenant or role that was set there is gone. Each that is lent says by which way
            whoever has it came.
    """

    async def check(conn: AsyncConnection[Any]) -> None:
        if is_closed(conn):
            await pool.drain()
            raise OperationalError("the server has closed this connection")
        if lent and (way := way_now()):  # asked by whoever takes it, in their own task
            await conn.execute(_COMES_BY, [way], prepare=False)

    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=max_size,
        kwargs=dict(kwargs),
        configure=bound.abind,
        reset=bound.abind if lent else None,
        check=check,
        reconnect_timeout=RECONNECT_S,
        open=False,
    )
    return pool


def is_closed(conn: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether an idle connection was closed by the server: then there is something to read on it. Asks nobody."""
    if conn.closed:
        return True
    found = select.poll() if hasattr(select, "poll") else None
    if found is None:  # as on Windows: the next statement tells
        return False
    found.register(conn.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(found.poll(0))
