"""The sync saver: LangGraph's own, with the reviews in the same transaction."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import AsyncCursor, Cursor
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from hitl_graph.checkpointers.ledger import KEPT_FREE, ledger_entry
from hitl_graph.checkpointers.mirror import (
    Statement,
    copy,
    deletion,
    of_fence,
    of_put,
    of_put_writes,
    rollback,
    without_null_resume,
)
from hitl_graph.checkpointers.missing import MISSING_SQL, rows_to_open, wanted
from hitl_graph.checkpointers.serde import strict_serde
from hitl_graph.failpoints import failpoint
from hitl_graph.nodes.ledger import Act, Entry
from hitl_graph.storage.fence import fenced
from hitl_graph.storage.statements import load_statements

__all__ = ["ReviewSaver"]

SQL = load_statements("hitl_graph.storage", "mirror.sql")
_pending: contextvars.ContextVar[Sequence[Statement]] = contextvars.ContextVar("hitl_statements", default=())


@contextlib.contextmanager
def together(statements: Sequence[Statement]) -> Iterator[None]:
    """Whatever the saver writes within is written in one transaction with these statements."""
    token = _pending.set(statements)
    try:
        yield
    finally:
        _pending.reset(token)


def pending_statements() -> list[tuple[Any, dict[str, Any]]]:
    """The SQL that belongs to the write under way."""
    return [(SQL[name], params) for name, params in _pending.get()]


def passed(moment: str) -> None:
    """A place where tests may end the process: a question or an answer is stored, `before_commit` or `after_commit`."""
    names = {name for name, _ in _pending.get()}
    if "open_review" in names:
        failpoint(f"open.{moment}")
    elif "close_task" in names:
        failpoint(f"close.{moment}")


@contextlib.contextmanager
def wholly(cursor: Cursor[DictRow] | AsyncCursor[DictRow], *, pipeline: bool) -> Iterator[None]:
    """What is written within is stored whole or not at all, also where the block is left half way, as by a cancelling.

    Leaving a pipeline tells the server to commit what it was sent so far. Unless it has refused something itself, its
    connection is cut here instead, without waiting for anything: a second cancelling could come there.
    """
    try:
        yield
    except BaseException as error:
        if pipeline and getattr(error, "sqlstate", None) is None:
            cursor.connection.pgconn.finish()
        raise


class ReviewSaver(PostgresSaver):
    """`PostgresSaver` that opens and closes reviews as the thread pauses and goes on.

    Review rows, audit events and status changes are written on the cursor of the checkpoint write, so that
    both are there or neither is. Threads do not wait for each other: each call has a connection of its own.
    Loading executes nothing: types that are not built in come back as plain data unless allowed.

    Raises:
        TypeError: Given one connection instead of a pool.
    """

    conn: ConnectionPool[Any]

    def __init__(self, conn: ConnectionPool[Any], serde: SerializerProtocol | None = None) -> None:
        if not isinstance(conn, ConnectionPool):
            raise TypeError(
                f"ReviewSaver takes a pool, not one {type(conn).__name__}: use open_checkpointer(url)"
            )
        super().__init__(conn, serde=serde or strict_serde())
        self.lock = contextlib.nullcontext()  # type: ignore[assignment]  # each call has a connection of its own
        self.acts = threading.Semaphore(max(conn.max_size - KEPT_FREE, 1))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Load a checkpoint. A database that is away is told apart from what a graph raises."""
        with fenced():
            return super().get_tuple(config)

    def put(
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
            return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store a task's writes, and open or close its reviews.

        Raises:
            RunTakenOver: The run was taken over. Nothing was written.
        """
        if kept := without_null_resume(writes, task_id):
            with fenced(), together([*of_put_writes(config, kept, task_id, task_path), *of_fence(config)]):
                super().put_writes(config, kept, task_id, task_path)

    def effect(self, act: Act, config: RunnableConfig) -> AbstractContextManager[Entry]:
        """The ledger's row of an act: written before the block, its result after it; see `hitl_graph.nodes.ledger`."""
        return ledger_entry(self.conn, self.acts, self.serde, act, config)

    def last_hand_back(self, thread_id: str) -> dict[str, Any] | None:
        """The thread's newest takeover that was handed back; see `hitl_graph.nodes.hand_back`."""
        with fenced(), self._cursor() as cursor:
            return cursor.execute(SQL["last_hand_back"], {"thread_id": str(thread_id)}).fetchone()

    def word(self, thread_id: str, review_id: str) -> dict[str, Any] | None:
        """What the desk has decided about a question; see `hitl_graph.nodes.question`."""
        with fenced(), self._cursor() as cursor:
            return cursor.execute(SQL["word"], {"thread_id": thread_id, "id": review_id}).fetchone()

    def open_missing(self, thread_ids: Sequence[str] | None = None, *, by: str = "unknown") -> list[str]:
        """Open the reviews of threads that are paused without one: LangGraph's own saver wrote there, or a backup.

        The questions are read from the threads themselves, so no graph is needed. Those that have a review, open or
        closed, are left.

        Args:
            thread_ids: Only these threads; None: all, which reads the stored pauses of all.
            by: Who does it; kept in the event `row_opened`.

        Returns:
            The ids of the reviews, oldest pause first.
        """
        with self._cursor() as cursor:
            found = cursor.execute(MISSING_SQL["paused_without_row"], wanted(thread_ids)).fetchall()
        opened: list[str] = []
        for row in found:
            statements, ids = rows_to_open(row, self.serde)
            with together(statements), self._cursor(pipeline=True) as cursor:
                named = {"thread_id": row["thread_id"], "ids": ids, "by": by}
                cursor.execute(MISSING_SQL["opened"], named)
            opened += [one for one in ids if one not in opened]
        return opened

    @contextlib.asynccontextmanager
    async def aeffect(self, act: Act, config: RunnableConfig) -> AsyncIterator[Entry]:
        """`effect`, for async code in a sync graph: the loop does not wait for the database."""
        row = self.effect(act, config)
        entry = await asyncio.to_thread(row.__enter__)
        try:
            yield entry
        except BaseException as error:
            if not await asyncio.to_thread(row.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await asyncio.to_thread(row.__exit__, None, None, None)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread; its open reviews are superseded."""
        with together([("forget_threads", {"thread_ids": [str(thread_id)]})]):
            super().delete_thread(thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints, or whole threads with "delete"; a paused thread stays answerable."""
        if strategy == "delete" and not isinstance(thread_ids, str):
            with together(deletion(thread_ids)), self._cursor(pipeline=True):
                pass
        else:
            super().prune(thread_ids, strategy=strategy)

    def delete_for_runs(self, run_ids: Iterable[str]) -> None:
        """Take back what some runs of an Agent Server did: their checkpoints, and what they answered.

        A thread that falls back to a pause is paused there again, with its review open; where the desk decided, the
        decision stands and waits to be handed over. Finds runs by `run_id` in the metadata, and reads all threads
        for it.

        Raises:
            TypeError: Given one text instead of several ids. Nothing was deleted.
        """
        with together(rollback(run_ids)), self._cursor(pipeline=True):
            pass

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread; where the source is paused the copy is too, with its own reviews of the same ids."""
        with together(copy(source_thread_id, target_thread_id)), self._cursor(pipeline=True):
            pass

    @contextlib.contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[Cursor[DictRow]]:
        with super()._cursor(pipeline=pipeline) as cursor, wholly(cursor, pipeline=pipeline):
            yield cursor
            for sql, params in pending_statements():
                cursor.execute(sql, params)
            passed("before_commit")
        passed("after_commit")
