"""A reviewer for tests: decides by a script, and takes a paused thread to its end."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from langgraph.types import Command

from hitl_graph.answers import check_decision
from hitl_graph.checkpointers import AsyncReviewSaver, ReviewSaver
from hitl_graph.decisions import Decision, decision_to_json
from hitl_graph.desk import Case, Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError
from hitl_graph.testing.paused import open_cases
from hitl_graph.testing.script import Rule, Script, ScriptError
from hitl_graph.wire import answer_foreign

__all__ = ["ScriptedReviewer"]


class ScriptedReviewer:
    """Decides every case of a thread as a script says, until the thread asks no more.

    With a saver of this library each decision goes through the desk, as a person's would; with any other saver the
    thread is resumed with the answers by id.

    Args:
        script: One decision, decisions to take in turn, or a function of the `Case`, for all cases; or a mapping from
            the gate (or tool, action, node) to one of these, with `"*"` for the rest.
        by: Who decides.
        limit: Cases in one review at most: a graph that asks for ever fails the test.

    Example:
        >>> from hitl_graph import Approve, Edit, Reject
        >>> reviewer = ScriptedReviewer({"reply": [Reject(reason="tone"), Edit({"body": "Hello"})], "*": Approve()})

    Attributes:
        seen: The cases that were decided, in order.
        decided: The decisions on them.
    """

    def __init__(
        self, script: Rule | Mapping[str, Rule], *, by: str = "scripted-reviewer", limit: int = 50
    ) -> None:
        self._script = Script(script)
        self._by = by
        self._limit = limit
        self.seen: list[Case] = []
        self.decided: list[Decision] = []

    def review(self, graph: Any, thread: str | Mapping[str, Any], *, desk: SyncDesk | None = None) -> Any:
        """Take a thread that was run to its end; one that asks nothing stays as it is.

        Args:
            graph: The compiled graph.
            thread: The thread's id, or the whole config to run it with.
            desk: The desk to decide at; None: one of its own, on the saver's database.

        Returns:
            What the last run gave; the state's values where nothing was asked.

        Raises:
            ScriptError: The script has no answer for a case, the graph asks more than `limit` times, it raises after
                an answer, or the thread was never run. What was decided before stands.
            AnswerError: A case does not take the scripted decision; a note names the case.
        """
        if isinstance(graph.checkpointer, AsyncReviewSaver):
            raise ScriptError("this graph's checkpointer is async: use `await reviewer.areview(...)`")
        return _finished(self._drive(_Thread(graph, thread, is_async=False), desk))

    async def areview(self, graph: Any, thread: str | Mapping[str, Any], *, desk: Desk | None = None) -> Any:
        """`review`, for async graphs."""
        return await self._drive(_Thread(graph, thread, is_async=True), desk)

    @property
    def unused(self) -> tuple[str, ...]:
        """The answers that nobody has asked for, in words."""
        return self._script.unused

    def done(self) -> None:
        """Say that nothing more will be asked; `with ScriptedReviewer(...) as reviewer:` says it at its end.

        Raises:
            ScriptError: The script has answers that nobody has asked for.
        """
        if self.unused:
            raise ScriptError(
                "nobody asked for these answers:\n" + "\n".join(f"- {text}" for text in self.unused)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.done()

    async def _drive(self, thread: _Thread, desk: Desk | SyncDesk | None) -> Any:
        """One body for sync and async: what a sync graph and desk give is not awaited."""
        async with contextlib.AsyncExitStack() as stack:
            side = await self._side(thread, desk, stack)
            values, left = None, self._limit
            await thread.must_exist()
            while cases := await side.open():
                if len(cases) > left:
                    last = cases[0]
                    text = f"and the thread still asks: {last.gate or last.node}: {last.question}"
                    raise ScriptError(f"{self._limit} cases were to be decided at most, {text}")
                left -= len(cases)
                answers = [(case, self._decide(case)) for case in cases]
                values = await side.answer(answers)
            return values if left < self._limit else (await thread.state()).values

    async def _side(
        self, thread: _Thread, desk: Desk | SyncDesk | None, stack: contextlib.AsyncExitStack
    ) -> _AtDesk | _ByMap:
        saver = thread.graph.checkpointer
        if not isinstance(saver, ReviewSaver | AsyncReviewSaver):
            return _ByMap(thread, self._by)
        if desk is None:
            url = saver.conn.conninfo
            if not isinstance(url, str):
                raise TypeError("the saver's pool does not tell its database: pass desk=")
            opened = Desk(url)
            desk = await stack.enter_async_context(opened) if thread.is_async else stack.enter_context(opened)
        return _AtDesk(thread, self._by, desk)

    def _decide(self, case: Case) -> Decision:
        decision = self._script.decide(case)
        self.seen.append(case)
        self.decided.append(decision)
        return decision


class _Thread:
    """One thread of a graph, run in one mode."""

    def __init__(self, graph: Any, thread: str | Mapping[str, Any], *, is_async: bool) -> None:
        given = {"configurable": {"thread_id": thread}} if isinstance(thread, str) else dict(thread)
        self.graph = graph
        self.is_async = is_async
        self.config: dict[str, Any] = given
        self.id = str(given["configurable"]["thread_id"])

    async def call(self, owner: Any, name: str, *args: Any) -> Any:
        """A method of the graph or its saver, in this mode."""
        sync_saver = isinstance(self.graph.checkpointer, ReviewSaver)
        if not self.is_async:
            return getattr(owner, name)(*args)
        if sync_saver:
            return await asyncio.to_thread(getattr(owner, name), *args)
        return await getattr(owner, f"a{name}")(*args)

    async def state(self) -> Any:
        """Its state."""
        return await self.call(self.graph, "get_state", self.config)

    async def must_exist(self) -> None:
        """See that it was run."""
        if await self.call(self.graph.checkpointer, "get_tuple", self.config) is None:
            raise ScriptError(
                f"thread {self.id!r} was never run with this checkpointer: invoke the graph first"
            )


class _AtDesk:
    """Decides at the desk and lets the desk resume."""

    def __init__(self, thread: _Thread, by: str, desk: Desk | SyncDesk) -> None:
        self.thread = thread
        self.by = by
        self.desk: Any = desk

    async def open(self) -> list[Case]:
        """What waits for a person."""
        return list(await _got(self.desk.pending(thread_id=self.thread.id, limit=1000)))

    async def answer(self, answers: list[tuple[Case, Decision]]) -> Any:
        """Decide, resume, and give what the run gave."""
        for case, decision in answers:
            with _named(case):
                await _got(
                    self.desk.decide(
                        case.id, decision, by=self.by, digest=case.digest, thread_id=case.thread_id
                    )
                )
        resumed = await _got(
            self.desk.resume(self.thread.graph, thread_ids=[self.thread.id], config=self.thread.config)
        )
        if not resumed:
            raise ScriptError(
                f"thread {self.thread.id!r} is of another graph: it was decided and not resumed"
            )
        if resumed[0].error:
            raise ScriptError(
                f"thread {self.thread.id!r} did not go on after the answers: {resumed[0].error}"
            )
        return resumed[0].values


class _ByMap:
    """Resumes with the answers by id, where no desk knows the cases."""

    def __init__(self, thread: _Thread, by: str) -> None:
        self.thread = thread
        self.by = by

    async def open(self) -> list[Case]:
        """What the thread asks."""
        state = await self.thread.state()
        found = await self.thread.call(self.thread.graph.checkpointer, "get_tuple", self.thread.config)
        return open_cases(self.thread.id, state, (found.pending_writes or ()) if found else ())

    async def answer(self, answers: list[tuple[Case, Decision]]) -> Any:
        """Resume, and give what the run gave."""
        given = {}
        for case, decision in answers:
            with _named(case):
                given[case.id] = self._answer(case, decision)
        return await self.thread.call(self.thread.graph, "invoke", Command(resume=given), self.thread.config)

    def _answer(self, case: Case, decision: Decision) -> Any:
        if case.request is None:
            return answer_foreign(case.payload, decision, response_schema=case.response_schema)
        checked = check_decision(case.request, decision)
        return {**decision_to_json(checked), "by": self.by, "digest": case.digest}


@contextlib.contextmanager
def _named(case: Case) -> Iterator[None]:
    """An answer that is refused is told with the case that it was for."""
    try:
        yield
    except AnswerError as error:
        error.add_note(f"scripted answer to {case.gate or case.node}")
        raise


async def _got(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _finished(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that awaits nothing that takes time: everything in it is sync."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise RuntimeError("a sync review had to wait for something async")
