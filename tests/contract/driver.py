"""Runs a graph step by step, sync or async, and compares our rows with LangGraph's after every step."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langgraph.types import Command, StateSnapshot

from hitl_graph.checkpointers.async_saver import AsyncReviewSaver
from hitl_graph.checkpointers.saver import ReviewSaver

from .graphs import answer_for
from .ledger import Ledger, Question, is_open, langgraph_pending, open_questions

Durability = Literal["sync", "async", "exit"]
HIDDEN = """
SELECT DISTINCT task_id FROM checkpoint_writes WHERE thread_id = %s AND checkpoint_ns = '' AND (
    task_path LIKE '%%node\\_error\\_handler%%' OR task_path LIKE '~\\_\\_pregel\\_push, ~\\_\\_pregel%%')
"""
"""Error handlers and an entrypoint's `@task`s: what they ask is open, and `get_state` leaves it out."""
_threads = itertools.count()


@dataclasses.dataclass(frozen=True)
class Mode:
    """One of the six ways to run a graph."""

    is_async: bool
    durability: Durability

    def __str__(self) -> str:
        return f"{'async' if self.is_async else 'sync'}-{self.durability}"


MODES = [Mode(is_async, durability) for is_async in (False, True) for durability in ("sync", "async", "exit")]


class Run:
    """One thread of a graph. Each step is checked before it returns.

    Args:
        graph: A compiled graph with one of our savers.
        mode: How it is run.
        ledger: Where the rows are read.
    """

    def __init__(self, graph: Any, mode: Mode, ledger: Ledger, thread_id: str | None = None) -> None:
        self.graph = graph
        self.mode = mode
        self.ledger = ledger
        self.thread_id = thread_id or f"thread-{next(_threads)}"

    @property
    def saver(self) -> ReviewSaver | AsyncReviewSaver:
        """The graph's saver."""
        return self.graph.checkpointer

    def config(self, checkpoint_id: str | None = None, **metadata: str) -> dict[str, Any]:
        """The thread's config."""
        at = {"checkpoint_id": checkpoint_id, "checkpoint_ns": ""} if checkpoint_id else {}
        return {"configurable": {"thread_id": self.thread_id, **at}, "metadata": metadata}

    async def call(self, owner: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """A method of the graph or the saver, its async form in an async mode."""
        if self.mode.is_async:
            return await getattr(owner, f"a{name}")(*args, **kwargs)
        return await asyncio.to_thread(getattr(owner, name), *args, **kwargs)

    async def invoke(self, given: Any, *, at: str | None = None, **metadata: str) -> Any:
        """Run the graph until it pauses or ends, then compare."""
        try:
            return await self.call(
                self.graph, "invoke", given, self.config(at, **metadata), durability=self.mode.durability
            )
        finally:
            await self.check()

    async def start(self, **given: Any) -> Any:
        """New input."""
        return await self.invoke({"text": "first", **given})

    async def resume(self, answers: Mapping[str, Any], *, at: str | None = None, **metadata: str) -> Any:
        """Answers by id."""
        return await self.invoke(Command(resume=dict(answers)), at=at, **metadata)

    async def update(self, values: Any, *, as_node: str | None = None, at: str | None = None) -> None:
        """Edit the state by hand, then compare."""
        await self.call(self.graph, "update_state", self.config(at), values, as_node=as_node)
        await self.check()

    async def on_saver(self, name: str, *args: Any, **kwargs: Any) -> None:
        """A method of the saver, then compare."""
        await self.call(self.saver, name, *args, **kwargs)
        await self.check()

    async def state(self, at: str | None = None) -> StateSnapshot:
        """The thread's state."""
        return await self.call(self.graph, "get_state", self.config(at))

    async def pending(self) -> set[Question]:
        """LangGraph's own pending set."""
        hidden = {row["task_id"] for row in self.ledger.rows(HIDDEN, self.thread_id)}
        writes: list[Any] = []
        if hidden and (found := await self.call(self.saver, "get_tuple", self.config())):
            writes = found.pending_writes
        return langgraph_pending(await self.state(), writes, hidden)

    async def check(self) -> None:
        """Our open rows are LangGraph's pending set: ids, digests and payloads. Every history is whole."""
        reviews = self.ledger.reviews(self.thread_id)
        assert open_questions(reviews) == await self.pending()
        self.ledger.check_history(self.thread_id, reviews)

    def open(self) -> dict[str, Any]:
        """What is open, oldest first: id → what is asked."""
        found = self.ledger.reviews(self.thread_id)
        return {row["id"]: row["payload"] for row in found if is_open(row)}

    def first(self) -> list[str]:
        """The oldest open question, alone."""
        return list(self.open())[:1]

    def statuses(self) -> list[str]:
        """The statuses of the reviews, oldest first."""
        return [row["status"] for row in self.ledger.reviews(self.thread_id)]

    def status_of(self) -> dict[str, str]:
        """The status of each review."""
        return {row["id"]: row["status"] for row in self.ledger.reviews(self.thread_id)}

    def decisions(self) -> list[tuple[Any, ...]]:
        """(type, decision, by, via) of each review, oldest first."""
        columns = ("decision_type", "decision", "by", "via")
        return [tuple(row[name] for name in columns) for row in self.ledger.reviews(self.thread_id)]

    def head(self) -> str:
        """The id of the newest checkpoint."""
        return str(self.ledger.head(self.thread_id))

    async def answer(self, ids: Sequence[str], **metadata: str) -> None:
        """Let the thread go on from these questions."""
        asked = self.open()
        await self.resume({one: answer_for(asked[one]) for one in ids}, **metadata)

    async def finish(
        self,
        answer: Callable[[Any], Any],
        pick: Callable[[Sequence[str]], Sequence[str]] = lambda ids: ids,
        *,
        by_map: bool = True,
    ) -> None:
        """Answer what is open until nothing is, `pick` choosing which come next."""
        for _ in range(20):
            if not (asked := self.open()):
                return
            given = {one: answer(asked[one]) for one in pick(list(asked))}
            if by_map:
                await self.resume(given)
            else:
                await self.invoke(Command(resume=next(iter(given.values()))))
        raise AssertionError("it never ends")
