"""The desk: lists cases, shows them, and takes each decision once. It knows no graph but the one it is handed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from hitl_graph.answers import check_decision
from hitl_graph.decisions import Decision
from hitl_graph.desk.case import Case, Page, Status
from hitl_graph.desk.in_process import Resumed, Run, resume_threads
from hitl_graph.errors import (
    AmbiguousReview,
    AnswerError,
    DecisionConflict,
    PlainJsonError,
    ReviewClosed,
    ReviewNotFound,
    StaleReview,
)
from hitl_graph.storage.embedded import database_url
from hitl_graph.storage.migrate import migrate
from hitl_graph.storage.statements import load_statements
from hitl_graph.wire import answer_foreign, decisions_to_json

if TYPE_CHECKING:
    from hitl_graph.desk.sync_desk import SyncDesk

__all__ = ["Desk"]

SQL = load_statements("hitl_graph.desk", "queries.sql")
MAX_PAGE = 1000
DEFAULT_PAGE = 50


class Filters(TypedDict, total=False):
    """Which cases a page shows; None does not filter."""

    owner: str | None
    gate: str | None
    kind: str | None
    action: str | None
    workflow: str | None
    thread_id: str | None


class Desk:
    """The reviewer's side. `async with Desk() as desk:` for async code, `with Desk() as desk:` for a plain script.

    Args:
        url: A Postgres connection string; None: `HITL_DATABASE_URL`, else the embedded Postgres.
        max_size: Connections held at most.

    Raises:
        EmbeddedPostgresError: The embedded server could not be started.
        MigrationError: The tables are newer than this library.
    """

    def __init__(self, url: str | None = None, *, max_size: int = 8) -> None:
        self._url = url
        self._max_size = max_size
        self._pool: AsyncConnectionPool[Any] | None = None
        self._sync: SyncDesk | None = None

    async def pending(
        self, /, *, after: int | None = None, limit: int = DEFAULT_PAGE, **filters: Unpack[Filters]
    ) -> Page:
        """Cases that wait for a person, oldest first; see `cases`."""
        return await self.cases(status=Status.PENDING, after=after, limit=limit, **filters)

    async def cases(
        self,
        /,
        *,
        status: Status | str | None = None,
        after: int | None = None,
        limit: int = DEFAULT_PAGE,
        **filters: Unpack[Filters],
    ) -> Page:
        """One page of cases, in the order in which they came.

        Args:
            status: pending, decided, applied, failed or superseded; None for all.
            after: `Page.next` of the page before.
            limit: Cases on a page, 1 to 1,000.
            **filters: owner (the group that must act), gate, kind, action, workflow, thread_id.

        Raises:
            ValueError: An unknown status, or a limit out of range.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit: {limit} is not from 1 to {MAX_PAGE}")
        status = None if status is None else Status(status)
        params: dict[str, Any] = {name: filters.get(name) for name in Filters.__annotations__}
        for name, value in params.items():
            if value is not None and not _storable(value):
                raise ValueError(f"{name}: {value!r} is no text that a case can hold")
        params |= {"status": status, "after": after or 0, "limit": limit + 1}
        rows = await self._all("list_pending" if status is Status.PENDING else "list_cases", params)
        cases = [Case.from_row(row) for row in rows[:limit]]
        return Page(cases, cases[-1].seq if len(rows) > limit else None)

    async def show(self, review_id: str, *, thread_id: str | None = None) -> Case:
        """One case, whole.

        Raises:
            ReviewNotFound: There is none.
            AmbiguousReview: Several threads hold one; name the thread.
        """
        named = _storable(review_id) and (thread_id is None or _storable(thread_id))
        rows = await self._all("find_case", {"id": review_id, "thread_id": thread_id}) if named else []
        if not rows:
            raise ReviewNotFound(
                f"no review {review_id!r}" + (f" in thread {thread_id!r}" if thread_id else "")
            )
        if len(rows) > 1:
            raise AmbiguousReview(review_id, tuple(row["thread_id"] for row in rows))
        return Case.from_row(rows[0])

    async def find(self, prefix: str) -> str:
        """The id that begins with `prefix`, as people type it.

        Raises:
            ReviewNotFound: None or several begin so.
        """
        plain = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = await self._all("ids_like", {"prefix": plain}) if _storable(prefix) else []
        ids = [row["id"] for row in rows]
        if len(ids) == 1 or prefix in ids:
            return str(prefix if prefix in ids else ids[0])
        raise ReviewNotFound(f"{'no review' if not ids else 'more than one review'} begins with {prefix!r}")

    async def history(self, review_id: str, *, thread_id: str | None = None) -> list[dict[str, Any]]:
        """The audit events of one case, in order: id, at, type, data."""
        case = await self.show(review_id, thread_id=thread_id)
        return await self._all("events", {"thread_id": case.thread_id, "id": case.id})

    async def unfinished_runs(self) -> list[dict[str, Any]]:
        """Threads that some process is resuming, or was when it died: thread_id, started_at.

        The next `resume` takes over those whose process is gone.
        """
        return await self._all("unfinished_runs", {})

    async def counts(self, *, workflow: str | None = None) -> list[dict[str, Any]]:
        """How many cases stand where: status, gate, owner, cases, oldest."""
        return await self._all("counts", {"workflow": workflow})

    async def decide(
        self,
        review_id: str,
        decision: Decision | Sequence[Decision],
        *,
        by: str,
        digest: str,
        thread_id: str | None = None,
    ) -> Case:
        """Take one decision, once: of all who decide at the same time, one wins.

        The decision is kept with who and when in one transaction; the thread goes on with the next `resume`.

        Args:
            review_id: The case. decision: What was decided; where a case of other origin asks about several
                acts at once, a list with one for each. by: Who decides.
            digest: The digest of what they were shown (`case.digest`).
            thread_id: Needed only where a copied thread holds the same review.

        Returns:
            The case, decided.

        Raises:
            AnswerError: The case does not take this decision; the error names the field.
            StaleReview: What was shown is no longer what stands there.
            DecisionConflict: Somebody decided first; the error names them.
            ReviewClosed: The thread went on without it.
            ReviewNotFound, AmbiguousReview: No such case, or several. In all of these nothing was saved.
        """
        _check_name(by)
        case = await self.show(review_id, thread_id=thread_id)
        self._must_be_open(case, digest)
        decision = self._checked(case, decision)
        params = {"thread_id": case.thread_id, "id": case.id, "digest": digest, "by": by, "via": "desk"}
        kept = decisions_to_json(decision)
        params |= {"type": kept["type"], "decision": json.dumps(kept)}
        if not await self._all("decide", params):  # somebody was faster
            self._must_be_open(await self.show(case.id, thread_id=case.thread_id), digest)
            raise DecisionConflict(
                case.id, "somebody", "decided", "just now"
            )  # reopened in between: look again
        return await self.show(case.id, thread_id=case.thread_id)

    async def retry(self, review_id: str, *, by: str, thread_id: str | None = None) -> Case:
        """Let a failed case's thread try again with the next `resume`, on the decision that stands.

        Raises:
            ReviewClosed: It has not failed. Nothing was changed.
        """
        case = await self.show(review_id, thread_id=thread_id)
        if not await self._all("retry", {"thread_id": case.thread_id, "id": case.id, "by": by}):
            raise ReviewClosed(
                f"review {case.id} is {case.status.value}, not failed: there is nothing to retry"
            )
        return await self.show(case.id, thread_id=case.thread_id)

    async def resume(
        self,
        graph: Any,
        *,
        thread_ids: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        durability: Literal["sync", "async", "exit"] | None = None,
        concurrency: int = 8,
        limit: int = 10_000,
    ) -> list[Resumed]:
        """Let decided threads of `graph` go on, in this process: one run per thread, all its answers as one map.

        A thread that another process is resuming is waited for. An answer that the gate refuses is taken
        back: the case is pending again, with the reason in `case.error`. A thread that raises is reported,
        not raised.

        Args:
            graph: The compiled graph, with the checkpointer that the threads are in. For the threads of an Agent
                Server a `RemoteGraph(name, url=...)`: the server runs them, and is asked by the name it gave them.
            thread_ids: Only these threads.
            config: Merged into each thread's config, such as `{"configurable": {...}}`.
            durability: LangGraph's; None is its default.
            concurrency: Threads that run at once.
            limit: Threads at most.

        Returns:
            One entry for each thread that was resumed here.
        """
        run = Run(graph, config or {}, durability)
        return await resume_threads(self, run, thread_ids=thread_ids, concurrency=concurrency, limit=limit)

    @staticmethod
    def _must_be_open(case: Case, digest: str) -> None:
        if case.status is Status.SUPERSEDED:
            raise ReviewClosed(f"review {case.id} is closed: the thread went on without it")
        if case.status is not Status.PENDING:
            at = case.decided_at.isoformat() if case.decided_at else "an unknown time"
            raise DecisionConflict(case.id, case.by or "unknown", case.decision_type or "decided", at)
        if digest != case.digest:
            raise StaleReview(case.id, str(digest), case.digest)

    @staticmethod
    def _checked(case: Case, decision: Decision | Sequence[Decision]) -> Decision | Sequence[Decision]:
        try:
            if request := case.request:
                return check_decision(request, decision)  # type: ignore[arg-type]  # a list is refused there
            answer_foreign(case.payload, decision, response_schema=case.response_schema)
            decisions_to_json(decision)
        except PlainJsonError as error:
            raise AnswerError(f"review {case.id}", error.field, error.problem) from None
        return decision

    async def _all(self, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of a named statement, in a transaction of its own."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(SQL[name], params)
            return list(await cursor.fetchall()) if cursor.description else []

    @property
    def pool(self) -> AsyncConnectionPool[Any]:
        """The connections; open between `async with` and its end."""
        if self._pool is None:
            raise RuntimeError(
                "the desk is closed: use it inside `async with Desk() as desk:` or `with Desk() as desk:`"
            )
        return self._pool

    async def __aenter__(self) -> Self:
        url = await asyncio.to_thread(database_url, self._url)
        await asyncio.to_thread(migrate, url)
        kwargs = {"autocommit": True, "row_factory": dict_row}
        self._pool = AsyncConnectionPool(url, min_size=1, max_size=self._max_size, kwargs=kwargs, open=False)
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def __enter__(self) -> SyncDesk:
        from hitl_graph.desk.sync_desk import SyncDesk  # imports this module

        self._sync = SyncDesk(self)
        return self._sync.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sync is not None:
            self._sync.close()
            self._sync = None


def _check_name(by: object) -> None:
    """Who decides must be said, in a way that can be kept.

    Raises:
        AnswerError: It is empty, or no storable text.
    """
    if not isinstance(by, str) or not by.strip():
        raise AnswerError("decide", "by", "is empty: say who decides")
    if not _storable(by):
        raise AnswerError("decide", "by", "holds a character that cannot be stored")


def _storable(text: object) -> bool:
    """Whether Postgres can hold a text as it is."""
    return isinstance(text, str) and "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
