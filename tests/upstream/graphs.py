"""Small graphs of gates, in which every node says that it ran."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import HitlState, add_gate
from tests.unit.factories import review_gate


class State(HitlState, total=False):
    """What the graphs here carry: every node adds its name."""

    ticket: str
    email: Annotated[dict[str, Any], lambda before, after: after]
    log: Annotated[list[str], operator.add]


def says(name: str, seen: list[str] | None = None) -> Callable[[Any], dict[str, Any]]:
    """A node that adds its name to the log, and notes that it ran."""

    def node(state: Any) -> dict[str, Any]:
        if seen is not None:
            seen.append(name)
        return {"log": [name]}

    return node


def line(*gates: str, seen: list[str] | None = None) -> StateGraph[Any, Any, Any, Any]:
    """before → each gate in turn → after."""
    builder = StateGraph(State)
    builder.add_node("before", says("before", seen))
    builder.add_node("after", says("after", seen))
    builder.add_edge(START, "before")
    builder.add_edge("before", gates[0])
    for gate, following in zip(gates, (*gates[1:], "after"), strict=True):
        add_gate(builder, review_gate(name=gate), approved=following, rejected=END)
    return builder


def beside(*gates: str, slow: Callable[[Any], Any] | None = None) -> StateGraph[Any, Any, Any, Any]:
    """Gates at the same time, perhaps with a node beside them."""
    builder = StateGraph(State)
    for gate in gates:
        builder.add_node(f"{gate}.ok", says(f"{gate}.ok"))
        add_gate(builder, review_gate(name=gate), approved=f"{gate}.ok", rejected=END)
        builder.add_edge(START, gate)
    if slow is not None:
        builder.add_node("slow", slow)
        builder.add_edge(START, "slow")
    return builder


def around(inner: Any) -> StateGraph[Any, Any, Any, Any]:
    """A graph as the one node of another, with a node behind it."""
    builder = StateGraph(State)
    builder.add_node("sub", inner)
    builder.add_node("end", says("end"))
    builder.add_edge(START, "sub")
    builder.add_edge("sub", "end")
    return builder
