"""Flows of the functional API that pause, and one thread of them in one mode."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, Interrupt

from hitl_graph.functional import Reviewed, agather, areview, gather, review
from hitl_graph.gates import Gate
from tests.unit.factories import EMAIL, Mode, Outbox, plain, review_gate

TICKET = {"ticket": "Where is my card?", "segment": "card", "score": 0.99}


class Flow:
    """One thread of an entrypoint or a graph; keeps the questions of its last run."""

    def __init__(self, graph: Any, mode: Mode = "sync", durability: Any = None, thread_id: str = "t") -> None:
        self.graph = graph
        self.mode = mode
        self.options = {} if durability is None else {"durability": durability}
        self.config: Any = {"configurable": {"thread_id": thread_id}}
        self.open: list[Interrupt] = []

    def run(self, value: Any) -> Any:
        """Give it an input, a command, or None."""
        out = self._run(value)
        self.open = list(out.get("__interrupt__", ())) if isinstance(out, Mapping) else []
        return out

    def _run(self, value: Any) -> Any:
        if self.mode == "sync":
            return self.graph.invoke(value, self.config, **self.options)
        return asyncio.run(self.graph.ainvoke(value, self.config, **self.options))

    @property
    def case(self) -> dict[str, Any]:
        """What the one open question shows."""
        [question] = self.open
        out: dict[str, Any] = question.value
        return out

    def answer(self, answer: Any, *, to: str | None = None) -> Any:
        """Answer one question by its id: the only one, unless `to` names another."""
        if to is None:
            [question] = self.open
            to = question.id
        return self.run(Command(resume={to: plain(answer)}))

    def answer_all(self, answer: Callable[[dict[str, Any]], Any]) -> Any:
        """Answer every open question, in one map."""
        return self.run(Command(resume={one.id: plain(answer(one.value)) for one in self.open}))


def as_json(reviewed: Reviewed) -> dict[str, Any]:
    """What a flow returns of a review, so that a test can look at it."""
    return dataclasses.asdict(reviewed)


def support(
    gate: Gate | None = None,
    mode: Mode = "sync",
    *,
    outbox: Outbox | None = None,
    proposal: Callable[[], Any] = lambda: dict(EMAIL),
    saver: Any = None,
) -> Any:
    """An entrypoint that asks about one mail and sends it when it may; returns what came of it."""
    gate = gate or review_gate()
    sent = Outbox() if outbox is None else outbox

    @task
    def send(email: Any, key: str) -> None:
        sent.append((key, email))

    @entrypoint(checkpointer=saver or InMemorySaver())
    def flow(context: dict[str, Any]) -> dict[str, Any]:
        reviewed = review(gate, proposal(), context=context)
        if reviewed.approved:
            send(reviewed.final, reviewed.key).result()
        return as_json(reviewed)

    @entrypoint(checkpointer=saver or InMemorySaver())
    async def aflow(context: dict[str, Any]) -> dict[str, Any]:
        reviewed = await areview(gate, proposal(), context=context)
        if reviewed.approved:
            await send(reviewed.final, reviewed.key)
        return as_json(reviewed)

    return flow if mode == "sync" else aflow


def started(gate: Gate | None = None, mode: Mode = "sync", *, durability: Any = None, **flow: Any) -> Flow:
    """A thread of `support` that has run to its first pause, or to its end."""
    thread = Flow(support(gate, mode, **flow), mode, durability)
    thread.run(TICKET)
    return thread


def at_once(mode: Mode, gate: Gate | None = None, *, outbox: Outbox, saver: Any = None) -> Any:
    """An entrypoint that reviews a mail to each recipient, all at the same time."""
    gate = gate or review_gate()

    @task
    def one(recipient: str) -> str:
        reviewed = review(gate, {**EMAIL, "to": recipient}, context=TICKET)
        if reviewed.approved:
            outbox.append((reviewed.key, reviewed.final["to"]))
        return reviewed.outcome

    @task
    async def aone(recipient: str) -> str:
        reviewed = await areview(gate, {**EMAIL, "to": recipient}, context=TICKET)
        if reviewed.approved:
            outbox.append((reviewed.key, reviewed.final["to"]))
        return reviewed.outcome

    @entrypoint(checkpointer=saver or InMemorySaver())
    def flow(recipients: Sequence[str]) -> list[str]:
        return gather([one(recipient) for recipient in recipients])

    @entrypoint(checkpointer=saver or InMemorySaver())
    async def aflow(recipients: Sequence[str]) -> list[str]:
        return await agather(aone(recipient) for recipient in recipients)

    return flow if mode == "sync" else aflow
