"""The async saver: LangGraph's own, with the reviews in the same transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncCursor
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from hitl_graph.checkpointers.ledger import KEPT_FREE, aledger_entry
from hitl_graph.checkpointers.mirror import (
    copy,
    deletion,
    of_fence,
    of_put,
    of_put_writes,
    rollback,
    without_null_resume,
)
from hitl_graph.checkpointers.missing import MISSING_SQL, rows_to_open, wanted
from hitl_graph.checkpointers.saver import SQL, passed, pending_statements, together, wholly
from hitl_graph.checkpointers.serde import strict_serde
from hitl_graph.errors import DefinitionError
from hitl_graph.nodes.ledger import Act, Entry
from hitl_graph.storage.fence import fenced

__all__ = ["AsyncReviewSaver"]


class AsyncReviewSaver(AsyncPostgresSaver):
    """`ReviewSaver` for async graphs: the same statements in the same places."""

    conn: AsyncConnectionPool[Any]

    def __init__(self, conn: AsyncConnectionPool[Any], serde: SerializerProtocol | None = None) -> None:
        if not isinstance(conn, AsyncConnectionPool):
            raise TypeError(
                f"AsyncReviewSaver takes a pool, not one {type(conn).__name__}: use open_checkpointer(url)"
            )
        super().__init__(conn, serde=serde or strict_serde())
        self.lock = contextlib.nullcontext()  # type: ignore[assignment]  # each call has a connection of its own
        self.acts = asyncio.Semaphore(max(conn.max_size - KEPT_FREE, 1))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Load a checkpoint. A database that is away is told apart from what a graph raises."""
        with fenced():
            return await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, and close the reviews that it leaves behind.

        Raises:
            RunTakenOver: The run was taken over. Nothing was written.
        """
        with fenced(), together([*of_put(config, checkpoint, metadata), *of_fence(config)]):
            return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store a task's writes, and open or close its reviews.

        Raises:
            RunTakenOver: The run was taken over. Nothing was written.
        """
        if kept := without_null_resume(writes, task_id):
            with fenced(), together([*of_put_writes(config, kept, task_id, task_path), *of_fence(config)]):
                await super().aput_writes(config, kept, task_id, task_path)

    def aeffect(self, act: Act, config: RunnableConfig) -> AbstractAsyncContextManager[Entry]:
        """The ledger's row of an act: written before the block, its result after it; see `hitl_graph.nodes.ledger`."""
        return aledger_entry(self.conn, self.acts, self.serde, act, config)

    async def alast_hand_back(self, thread_id: str) -> dict[str, Any] | None:
        """The thread's newest takeover that was handed back; see `hitl_graph.nodes.hand_back`."""
        with fenced():
            async with self._cursor() as cursor:
                await cursor.execute(SQL["last_hand_back"], {"thread_id": str(thread_id)})
                return await cursor.fetchone()

    async def aword(self, thread_id: str, review_id: str) -> dict[str, Any] | None:
        """What the desk has decided about a question; see `hitl_graph.nodes.question`."""
        with fenced():
            async with self._cursor() as cursor:
                await cursor.execute(SQL["word"], {"thread_id": thread_id, "id": review_id})
                return await cursor.fetchone()

    def word(self, thread_id: str, review_id: str) -> dict[str, Any] | None:
        """`aword`, for sync code in an async graph: it waits for the saver's loop, and must not run on it."""
        return asyncio.run_coroutine_threadsafe(self.aword(thread_id, review_id), self.loop).result()

    async def aopen_missing(
        self, thread_ids: Sequence[str] | None = None, *, by: str = "unknown"
    ) -> list[str]:
        """Open the reviews of threads that are paused without one; see `ReviewSaver.open_missing`."""
        async with self._cursor() as cursor:
            await cursor.execute(MISSING_SQL["paused_without_row"], wanted(thread_ids))
            found = await cursor.fetchall()
        opened: list[str] = []
        for row in found:
            statements, ids = rows_to_open(row, self.serde)
            with together(statements):
                async with self._cursor(pipeline=True) as cursor:
                    named = {"thread_id": row["thread_id"], "ids": ids, "by": by}
                    await cursor.execute(MISSING_SQL["opened"], named)
            opened += [one for one in ids if one not in opened]
        return opened

    @contextlib.contextmanager
    def effect(self, act: Act, config: RunnableConfig) -> Iterator[Entry]:
        """`aeffect`, for sync code in an async graph: it waits for the saver's loop.

        Raises:
            DefinitionError: Called on that loop itself, which it would stop. Nothing was done.
        """
        with contextlib.suppress(RuntimeError):
            if asyncio.get_running_loop() is self.loop:
                problem = "is called without await on the event loop of an async graph: await its ainvoke"
                raise DefinitionError("effect", act.action, problem)
        row = self.aeffect(act, config)
        entry = asyncio.run_coroutine_threadsafe(row.__aenter__(), self.loop).result()
        try:
            yield entry
        except BaseException as error:
            leaving = row.__aexit__(type(error), error, error.__traceback__)
            if not asyncio.run_coroutine_threadsafe(leaving, self.loop).result():
                raise
        else:
            asyncio.run_coroutine_threadsafe(row.__aexit__(None, None, None), self.loop).result()

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread; its open reviews are superseded."""
        with together([("forget_threads", {"thread_ids": [str(thread_id)]})]):
            await super().adelete_thread(thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints, or whole threads with "delete"; a paused thread stays answerable."""
        if strategy == "delete" and not isinstance(thread_ids, str):
            with together(deletion(thread_ids)):
                async with self._cursor(pipeline=True):
                    pass
        else:
            await super().aprune(thread_ids, strategy=strategy)

    async def adelete_for_runs(self, run_ids: Iterable[str]) -> None:
        """Take back what some runs did; see `ReviewSaver.delete_for_runs`."""
        with together(rollback(run_ids)):
            async with self._cursor(pipeline=True):
                pass

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread; where the source is paused the copy is too, with its own reviews of the same ids."""
        with together(copy(source_thread_id, target_thread_id)):
            async with self._cursor(pipeline=True):
                pass

    @contextlib.asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        async with super()._cursor(pipeline=pipeline) as cursor:
            with wholly(cursor, pipeline=pipeline):
                yield cursor
                for sql, params in pending_statements():
                    await cursor.execute(sql, params)
                passed("before_commit")
        passed("after_commit")
