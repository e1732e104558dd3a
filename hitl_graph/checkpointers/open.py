"""`open_checkpointer`: one call for laptop and production, sync and async."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from psycopg.rows import dict_row

from hitl_graph.checkpointers.async_saver import AsyncReviewSaver
from hitl_graph.checkpointers.saver import ReviewSaver
from hitl_graph.checkpointers.serde import strict_serde
from hitl_graph.storage.embedded import database_url
from hitl_graph.storage.migrate import migrate
from hitl_graph.storage.pools import async_pool, sync_pool
from hitl_graph.storage.tenants import TenantsPools

__all__ = ["open_checkpointer"]

_CONNECTION: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


class open_checkpointer:  # noqa: N801  # called like a function, used as a context manager
    """A checkpointer on Postgres: `with` gives a sync one, `async with` an async one. Tables are made as needed.

    Args:
        url: A Postgres connection string; None: `HITL_DATABASE_URL`, else the embedded Postgres.
        allow: Classes that may stand in state, besides plain JSON and LangChain's messages.
        max_size: Connections held at most; as many threads of a graph write at once.
        tenant: Whose threads these are; those of other tenants can neither be read nor written, also when they are
            called the same. None: `HITL_TENANT`, else `"default"`.

    Raises:
        EmbeddedPostgresError: The embedded server could not be started.
        MigrationError: The tables are newer than this library.
        TenantError: The tenant's name is none, or this database user cannot be bound to a tenant.
        psycopg.OperationalError: The server cannot be reached.

    Example:
        >>> with open_checkpointer() as checkpointer:                # doctest: +SKIP
        ...     graph = builder.compile(checkpointer=checkpointer)
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        allow: Iterable[type] = (),
        max_size: int = 16,
        tenant: str | None = None,
    ) -> None:
        self._url = url
        self._bound = TenantsPools(tenant)
        self._serde = strict_serde(allow)
        self._max_size = max_size
        self._stack = contextlib.ExitStack()
        self._async_stack = contextlib.AsyncExitStack()

    def __enter__(self) -> ReviewSaver:
        url = _prepared(self._url)
        pool = sync_pool(url, max_size=self._max_size, bound=self._bound, kwargs=_CONNECTION)
        self._stack.enter_context(pool)
        return ReviewSaver(pool, self._serde)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    async def __aenter__(self) -> AsyncReviewSaver:
        url = await asyncio.to_thread(_prepared, self._url)
        pool = async_pool(url, max_size=self._max_size, bound=self._bound, kwargs=_CONNECTION)
        await self._async_stack.enter_async_context(pool)
        return AsyncReviewSaver(pool, self._serde)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._async_stack.aclose()


def _prepared(url: str | None) -> str:
    found = database_url(url)
    migrate(found)
    return found
