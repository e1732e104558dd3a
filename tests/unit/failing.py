"""Nodes that fail, and threads that stand at the question why."""

from __future__ import annotations

from typing import Any

from langgraph.graph import START, StateGraph
from langgraph.types import Interrupt

from hitl_graph.gates import (
    FailureEscalation,
)
from hitl_graph.nodes import ask_on_failure
from tests.unit.factories import Mode, State, Thread, failure_gate


class Failing:
    """A node that fails as often as it is told to, then works; it notes what it was given."""

    def __init__(self, times: int = 1, error: Exception | None = None) -> None:
        self.times = times
        self.error = error or RuntimeError("the lookup is down")
        self.calls: list[Any] = []

    def __call__(self, state: Any) -> dict[str, Any]:
        """Fail, or work."""
        self.calls.append(state.get("email"))
        if len(self.calls) <= self.times:
            raise self.error
        return {"log": ["worked"]}


def guarded(node: Any, gate: FailureEscalation | None = None, **wired: Any) -> StateGraph[Any, Any, Any, Any]:
    """A node `work` that asks on failure, then `after`."""
    builder = StateGraph(State)
    handler = ask_on_failure(
        gate or failure_gate(), node="work", **{"skip": "after", **wired.pop("ways", {})}
    )
    builder.add_node("work", node, error_handler=handler, **wired)
    builder.add_node("after", lambda state: {"log": [*state.get("log", []), "after"]})
    return builder.add_edge(START, "work").add_edge("work", "after")


class Failed(Thread):
    """A thread whose questions come from error handlers: LangGraph lists them in what invoke returns."""

    questions: list[Interrupt]

    def run(self, value: Any, config: Any = None) -> Any:
        """As any thread; keeps the questions."""
        out = super().run(value, config)
        self.questions = list(out.get("__interrupt__", ()))
        return out

    @property
    def open(self) -> list[Interrupt]:
        """The questions of the last run."""
        return self.questions


def failed(builder: StateGraph[Any, Any, Any, Any], mode: Mode, **state: Any) -> Failed:
    """A thread that stands at the question."""
    thread = Failed(builder, mode)
    thread.start(**state)
    return thread
