"""One gate in the smallest graph that it can stand in, on a checkpointer in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypedDict, cast, get_type_hints

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command

from hitl_graph.gates import Gate
from hitl_graph.nodes import HitlState, add_gate
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire import native_request

__all__ = ["WAYS", "GateThread", "sample_answer"]

WAYS = ("approved", "rejected", "responded", "asked", "taken_over")


class GateThread:
    """A thread: START → the gate → a node for each outcome, which is called like it.

    Args:
        gate: The gate.
        state: What the thread starts with: a mapping, or an instance of the graph's state class.
        is_async: Whether it is run by `ainvoke`.
    """

    def __init__(self, gate: Gate, state: Any, *, is_async: bool = False) -> None:
        self._state = state
        self._is_async = is_async
        self._config: Any = {"configurable": {"thread_id": gate.name}}
        self._went: list[str] = []
        builder = StateGraph(_schema(state) if isinstance(state, Mapping) else type(state))
        for way in WAYS:
            builder.add_node(way, self._note(way))
        ways: Any = {way: way for way in WAYS}
        add_gate(cast(Any, builder), gate, **ways)
        builder.add_edge(START, gate.name)
        self._graph = builder.compile(checkpointer=InMemorySaver())

    def start(self) -> None:
        """Run it to the gate, or past it."""
        self.run(self._state)

    def answer(self, answer: Any) -> None:
        """Answer its one question."""
        self.run(Command(resume={self.open()[0]: answer}))

    def run(self, given: Any) -> None:
        """Give the graph an input, a command, or None."""
        if self._is_async:
            asyncio.run(self._graph.ainvoke(given, self._config))
        else:
            self._graph.invoke(given, self._config)

    def open(self) -> list[str]:
        """The ids of what it waits for."""
        return [one.id for one in self._graph.get_state(self._config).interrupts]

    def asked(self) -> ReviewRequest:
        """The case that it waits with.

        Raises:
            AssertionError: It does not wait.
        """
        found = self._graph.get_state(self._config).interrupts
        assert found, f"the graph did not pause at the gate: it went to {self._went}"
        request = native_request(found[0].value)
        assert request is not None, f"the graph paused with something else than a case: {found[0].value!r}"
        return ReviewRequest.from_json(request)

    def values(self) -> Any:
        """Its state."""
        return self._graph.get_state(self._config).values

    def records(self) -> list[dict[str, Any]]:
        """What was decided in it."""
        return list(self.values().get("reviews", ()))

    def went(self) -> list[str]:
        """The outcomes that it came to, in order."""
        return list(self._went)

    def _note(self, way: str) -> Any:
        def node(_: Any) -> dict[str, Any]:
            self._went.append(way)
            return {}

        return node


def sample_answer(word: str, request: ReviewRequest) -> dict[str, Any]:
    """A decision of this kind that the case can take, where it takes this kind."""
    own: dict[str, dict[str, Any]] = {
        "choose": {"option": request.options[0].value if request.options else "none"},
        "respond": {"message": "I have answered it myself."},
        "ask_info": {"question": "Which order is it about?"},
    }
    return {"type": word, **own.get(word, {})}


def _schema(state: Mapping[str, Any]) -> Any:
    """A state class with the keys of `state`, each overwritten by what is newest."""
    own = get_type_hints(HitlState, include_extras=True)
    fields = {**dict.fromkeys(state, Any), **own}
    return TypedDict("GateState", fields, total=False)  # type: ignore[operator]  # its keys are known when it runs
