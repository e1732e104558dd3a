"""A thread with gates on a saver that is opened, closed and opened again, run sync or async."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, Send

from hitl_graph.gates import ReviewBeforeSend
from hitl_graph.nodes import HitlState, add_gate, effect
from hitl_graph.reviews import Evidence, Owner
from hitl_graph.risk import ActionClass

__all__ = ["EMAIL", "OpenSaver", "SaverThread", "fan_out", "inside", "single", "two_gates"]

OpenSaver = Callable[[], Any]
"""Opens the saver: gives a context manager, `with` or `async with`. Each time on the same storage."""

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
EMAIL = {
    "to": "ann@example.com",
    "body": "Grüße, 你好: it comes.",
    "tags": [],
    "more": {"n": 1.5, "none": None},
}
_YES = {"type": "approve"}


class State(HitlState, total=False):
    """What the graphs carry."""

    ticket: str
    email: dict[str, Any]
    sent: Annotated[list[str], operator.add]


def _gate(name: str) -> ReviewBeforeSend:
    return ReviewBeforeSend(
        name=name,
        action=SEND,
        proposal="email",
        question="Is this reply safe to send to the customer?",
        evidence=[Evidence("Customer message", "Where is my card?")],
        consequence="Sends an email to {to}.",
        owner=Owner("support-leads"),
    )


def _draft(state: State) -> dict[str, Any]:
    return {
        "email": {**EMAIL, "ticket": state.get("ticket", ""), "number": len(state.get("reviews") or ()) + 1}
    }


def _send(state: State) -> dict[str, Any]:
    return {"sent": [state["email"]["body"]]}


def single() -> Any:
    """draft → reply → send; a rejection leads back to the draft."""
    builder = StateGraph(State)
    builder.add_node("draft", _draft)
    builder.add_node("send", effect(_send, action=SEND))
    add_gate(builder, _gate("reply"), approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    return builder


def two_gates() -> Any:
    """Two gates side by side."""
    builder = StateGraph(State)
    builder.add_node("draft", _draft)
    builder.add_edge(START, "draft")
    for name in ("first", "second"):
        add_gate(builder, _gate(name), approved=END, rejected=END)
        builder.add_edge("draft", name)
    return builder


def fan_out() -> Any:
    """Three items, each through the gate by itself."""
    builder = StateGraph(State)
    builder.add_node("split", lambda _: {})
    builder.add_node("send", effect(_send, action=SEND))
    add_gate(builder, _gate("reply"), approved="send", rejected=END)
    items = [Send("reply", {"email": {"to": f"{n}@example.com", "body": f"Mail {n}"}}) for n in range(3)]
    builder.add_edge(START, "split")
    builder.add_conditional_edges("split", lambda _: items, ["reply"])
    return builder


def inside() -> Any:
    """`single` as a subgraph."""
    builder = StateGraph(State)
    builder.add_node("inner", single().compile())
    return builder.add_edge(START, "inner")


class SaverThread:
    """One thread. Each block of `opened` opens the saver anew, as another process would.

    Args:
        open_saver: Opens the saver.
        mode: `invoke` or `ainvoke`.
        durability: LangGraph's.
        builder: The graph.
        name: The thread's id.
    """

    def __init__(
        self,
        open_saver: OpenSaver,
        mode: Literal["sync", "async"],
        durability: Literal["sync", "async", "exit"],
        builder: Any,
        name: str = "thread",
    ) -> None:
        self._open_saver = open_saver
        self._is_async = mode == "async"
        self._durability = durability
        self._builder = builder
        self._graph: Any = None
        self._config: Any = {"configurable": {"thread_id": name}}

    def other(self, name: str) -> SaverThread:
        """Another thread of the same graph on the saver that is open."""
        mode: Literal["sync", "async"] = "async" if self._is_async else "sync"
        found = SaverThread(self._open_saver, mode, self._durability, self._builder, name)
        found._graph = self._graph
        return found

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[SaverThread]:
        """The thread, on a saver that is opened for this block."""
        found = self._open_saver()
        async with contextlib.AsyncExitStack() as stack:
            if self._is_async:
                saver = await stack.enter_async_context(found)
            else:
                saver = stack.enter_context(found)
            self._graph = self._builder.compile(checkpointer=saver)
            yield self

    async def start(self, **given: Any) -> None:
        """New input."""
        await self.run({"ticket": "Where is my card?", **given})

    async def run(self, given: Any) -> Any:
        """Give the graph an input, a command, or None."""
        if self._is_async:
            return await self._graph.ainvoke(given, self._config, durability=self._durability)
        return self._graph.invoke(given, self._config, durability=self._durability)

    async def answer(self, answers: Mapping[str, Any]) -> None:
        """Answers by id."""
        await self.run(Command(resume=dict(answers)))

    async def approve(self, *ids: str) -> None:
        """Approve these, or whatever is open."""
        await self.answer(dict.fromkeys(ids or [one.id for one in await self.open()], _YES))

    async def state(self) -> Any:
        """LangGraph's snapshot."""
        if self._is_async:
            return await self._graph.aget_state(self._config)
        return self._graph.get_state(self._config)

    async def open(self) -> list[Interrupt]:
        """What it waits for."""
        return list((await self.state()).interrupts)

    async def ids(self) -> dict[str, str]:
        """What it waits for: gate → id."""
        return {one.value["gate"]: one.id for one in await self.open()}

    async def values(self) -> dict[str, Any]:
        """Its state."""
        return dict((await self.state()).values)

    async def history(self) -> list[Any]:
        """LangGraph's snapshots, newest first."""
        if self._is_async:
            return [one async for one in self._graph.aget_state_history(self._config)]
        return list(self._graph.get_state_history(self._config))

    async def run_from(self, snapshot: Any) -> None:
        """Go back to a snapshot and run from there."""
        if self._is_async:
            await self._graph.ainvoke(None, snapshot.config, durability=self._durability)
        else:
            self._graph.invoke(None, snapshot.config, durability=self._durability)

    async def on_saver(self, name: str, *args: Any) -> None:
        """A method of the saver."""
        saver = self._graph.checkpointer
        if self._is_async:
            await getattr(saver, f"a{name}")(*args)
        else:
            getattr(saver, name)(*args)

    @property
    def name(self) -> str:
        """The thread's id."""
        return str(self._config["configurable"]["thread_id"])
