"""Deciding on a thread's cases from a notebook: through the desk where the checkpointer is ours, else directly."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langgraph.errors import is_invalid_resume
from langgraph.types import Command

from hitl_graph.answers import check_decision
from hitl_graph.checkpointers import AsyncReviewSaver, ReviewSaver
from hitl_graph.decisions import Decision, decision_to_json
from hitl_graph.desk import Desk, Resumed
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError, DecisionConflict, DeskError, ReviewClosed, StaleReview
from hitl_graph.notebook.thread import OpenCase, Thread, aread_thread
from hitl_graph.plain import JSON
from hitl_graph.storage.ways import coming_through
from hitl_graph.wire import answer_foreign

__all__ = ["Busy", "Session", "Went"]

_under_way: set[tuple[int, str]] = set()
_mutex = threading.Lock()


class Busy(DeskError):
    """Another decision about this thread is being applied in this process. Nothing was saved."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Went:
    """How the thread went on.

    Attributes:
        thread: Where it stands now.
        error: What the graph raised, or None.
        refused: Whether the gate refused the answer, so that the case waits again.
    """

    thread: Thread
    error: str | None = None
    refused: bool = False


class Session:
    """One reviewer at one thread.

    With a checkpointer of ours every decision goes through the desk: it is taken exactly once, whoever else
    decides at the same time. With another one the answer goes to the thread by the interrupt's id, and only
    this process is kept from answering twice.

    Args:
        graph: The compiled graph.
        config: The thread's config.
        by: Who decides.
        desk: An open desk; None: one is opened on the checkpointer's own database when it is needed.
    """

    def __init__(
        self, graph: Any, config: Mapping[str, Any], *, by: str, desk: Desk | SyncDesk | None = None
    ) -> None:
        self.graph = graph
        kept = {k: v for k, v in config["configurable"].items() if not k.startswith("checkpoint_")}
        self.config = {**config, "configurable": kept}  # what is decided is decided about the present
        self.by = by
        self._desk = desk

    @property
    def thread_id(self) -> str:
        """The thread."""
        return str(self.config["configurable"]["thread_id"])

    @property
    def has_desk(self) -> bool:
        """Whether decisions go through the desk."""
        return self._desk is not None or isinstance(self.graph.checkpointer, (ReviewSaver, AsyncReviewSaver))

    async def look(self) -> Thread:
        """The thread as it stands."""
        return await aread_thread(self.graph, self.config)

    async def decide(self, review_id: str, digest: str, decision: Decision) -> Went:
        """Take a decision and let the thread go on.

        Raises:
            AnswerError: The case does not take it; `field` names the part.
            StaleReview: What was shown is not what stands there now.
            DecisionConflict, ReviewClosed: Somebody decided, or the thread went on without it.
            Busy: Another decision is being applied. In all of these nothing was saved.
        """
        with self._alone():
            case = await self._still_open(review_id, digest)
            if self.has_desk:
                async with self._opened() as desk:
                    return await self._at_desk(desk, case, decision)
            return await self._direct(case, self._answer(case, decision))

    async def answer(self, review_id: str, digest: str, value: JSON) -> Went:
        """Answer an interrupt of other origin with any value, as it is.

        Raises:
            As `decide`. The asker itself may refuse it: then `Went.refused` says so.
        """
        with self._alone():
            return await self._direct(await self._still_open(review_id, digest), value)

    async def go_on(self) -> Went:
        """Let a thread that stopped, or that was decided elsewhere, go on."""
        with self._alone():
            if self.has_desk:
                async with self._opened() as desk:
                    for failed in await desk.cases(thread_id=self.thread_id, status="failed"):
                        with coming_through("notebook"):
                            await desk.retry(failed.id, by=self.by, thread_id=self.thread_id)
                    resumed = await self._resumed(desk)
                    if resumed is not None:
                        return Went(thread=await self.look(), error=resumed.error)
            return await self._run(None)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One run of a thread at a time in this process; the second is refused and not queued."""
        name = (id(self.graph.checkpointer), self.thread_id)
        with _mutex:
            if name in _under_way:
                raise Busy(
                    f"thread {self.thread_id!r} is going on with another decision: look again in a moment"
                )
            _under_way.add(name)
        try:
            yield
        finally:
            with _mutex:
                _under_way.discard(name)

    async def _still_open(self, review_id: str, digest: str) -> OpenCase:
        thread = await self.look()
        case = next((one for one in thread.cases if one.id == review_id), None)
        if case is None:
            made = next((one for one in reversed(thread.records) if one.review == review_id), None)
            if made is not None:
                raise DecisionConflict(review_id, made.by, made.decision, made.at or "an unknown time")
            raise ReviewClosed(f"review {review_id} is closed: the thread went on without it")
        if case.digest != digest:
            raise StaleReview(review_id, digest, case.digest)
        return case

    def _answer(self, case: OpenCase, decision: Decision) -> JSON:
        """The answer in the shape that the asker wants, checked as the desk would."""
        if case.request is None:
            return answer_foreign(case.payload, decision, response_schema=case.response_schema)
        checked = check_decision(case.request, decision)
        now = dt.datetime.now(dt.UTC)
        told: dict[str, JSON] = {
            "by": self.by,
            "via": "notebook",
            "at": now.isoformat(),
            "digest": case.digest,
            "proposal_digest": case.request.proposal_digest,
        }
        if case.asked_at is not None:
            told |= {
                "asked_at": case.asked_at.isoformat(),
                "waited_s": max(0.0, (now - case.asked_at).total_seconds()),
            }
        return {**decision_to_json(checked), **told}

    async def _direct(self, case: OpenCase, answer: JSON) -> Went:
        """By map: an answer by position would go to whatever waits first."""
        return await self._run(Command(resume={case.id: answer}))

    async def _run(self, given: Command[Any] | None) -> Went:
        metadata = {**self.config.get("metadata", {}), "hitl_by": self.by}
        config = {**self.config, "metadata": metadata}
        try:
            if await self._is_async():
                await self.graph.ainvoke(given, config)
            else:
                await asyncio.to_thread(self.graph.invoke, given, config)
        except Exception as error:  # noqa: BLE001  # whatever a graph raises is shown beside the case
            refused = is_invalid_resume(error) or isinstance(error, AnswerError)
            return Went(
                thread=await self.look(), error=_said(error) if refused else repr(error), refused=refused
            )
        return Went(thread=await self.look())

    async def _is_async(self) -> bool:
        """Whether the checkpointer has an async side; a memory saver has both, `PostgresSaver` has none."""
        try:
            await self.graph.checkpointer.aget_tuple(
                {"configurable": {"thread_id": self.thread_id, "checkpoint_ns": ""}}
            )
        except NotImplementedError:
            return False
        return True

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Any]:
        """The desk: the one that was handed over, or one for this moment, so that no connection is kept."""
        if isinstance(self._desk, SyncDesk):
            yield _Awaited(self._desk)
        elif self._desk is not None:
            yield self._desk
        else:
            async with Desk(self.graph.checkpointer.conn.conninfo, max_size=2) as desk:
                yield desk

    async def _at_desk(self, desk: Any, case: OpenCase, decision: Decision) -> Went:
        row = await desk.show(case.id, thread_id=case.thread_id)
        digest = case.digest if case.request else row.digest
        with coming_through("notebook"):
            await desk.decide(case.id, decision, by=self.by, digest=digest, thread_id=case.thread_id)
        resumed = await self._resumed(desk)
        thread = await self.look()
        if resumed is None:
            return Went(thread=thread)  # another process was faster to resume it
        return Went(thread=thread, error=resumed.error, refused=case.id in resumed.refused)

    async def _resumed(self, desk: Any) -> Resumed | None:
        found: list[Resumed] = await desk.resume(self.graph, thread_ids=[self.thread_id], config=self.config)
        return found[0] if found else None


class _Awaited:
    """A blocking desk, off the loop."""

    def __init__(self, desk: SyncDesk) -> None:
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._desk, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(method, *args, **kwargs)

        return call


def _said(error: BaseException) -> str:
    """Why an answer was refused, without pydantic's frame around it."""
    errors = getattr(error, "errors", None)
    if callable(errors):
        first = errors(include_url=False, include_context=False)[0]
        return str(first["msg"]).removeprefix("Value error, ")
    return str(error)
