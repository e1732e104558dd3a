"""What everything at the desk shares: the connections, and the statements by name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from hitl_graph.plain import printable
from hitl_graph.storage.statements import load_statements

__all__ = ["Connected", "Connection", "Part", "rows", "storable"]

SQL = load_statements("hitl_graph.desk", "queries.sql")
Connection = AsyncConnection[dict[str, Any]]


class Connected:
    """Something that is connected to the database between `async with` and its end."""

    _pool: AsyncConnectionPool[Any] | None = None

    @property
    def pool(self) -> AsyncConnectionPool[Any]:
        """The connections.

        Raises:
            RuntimeError: The desk is closed.
        """
        if self._pool is None:
            raise RuntimeError(
                "the desk is closed: use it inside `async with Desk() as desk:` or `with Desk() as desk:`"
            )
        return self._pool

    async def rows(self, sql: Any, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of one statement, in a transaction of its own."""
        async with self.pool.connection() as conn:
            return await rows(conn, sql, params)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: all that is done on the connection is kept, or nothing is."""
        async with self.pool.connection() as conn, conn.transaction():
            yield conn

    async def refused(
        self, *, by: str, what: str, why: str, thread_id: str = "", review_id: str = ""
    ) -> None:
        """Keep that somebody tried what they may not or cannot: an audit event, in a transaction of its own.

        Call it outside the transaction of what was refused, which is rolled back. Whatever the texts hold, they are
        kept, with hidden characters written out.

        Args:
            by: Who tried, as far as is known.
            what: What they tried, such as `"decide"`.
            why: Why it was refused, in words.
            thread_id: The thread, where there is one. review_id: The case, where there is one.
        """
        data = {"by": by, "what": what, "why": why}
        params = {"thread_id": printable(thread_id), "review_id": printable(review_id)}
        params["data"] = json.dumps({key: printable(str(text)) for key, text in data.items()})
        await self._all("refused_attempt", params)

    async def _all(self, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of a statement of `queries.sql`, in a transaction of its own."""
        return await self.rows(SQL[name], params)


class Part:
    """A noun of the desk, such as `desk.holds`: it has the desk's connections."""

    def __init__(self, desk: Connected) -> None:
        self.desk = desk


async def rows(conn: Connection, sql: Any, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """All rows of one statement on an open connection; none where it returns none."""
    cursor = await conn.execute(sql, params)
    return list(await cursor.fetchall()) if cursor.description else []


def storable(text: object) -> bool:
    """Whether Postgres can hold a text as it is."""
    return isinstance(text, str) and "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
