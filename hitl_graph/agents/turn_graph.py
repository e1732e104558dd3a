"""The graph that a turn's calls go through: each one a task of its own, so that each has a question of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Annotated, Any

from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send

from hitl_graph.agents.call_gate import CallGate, Setting, call_item, entry_node, held_back
from hitl_graph.agents.policy import Policy
from hitl_graph.agents.turn import Entry, sorted_out
from hitl_graph.errors import ProposalError
from hitl_graph.gates import Gate
from hitl_graph.gates.case import TOOL_CALL
from hitl_graph.nodes.question import Asked
from hitl_graph.nodes.state import HitlState, merge
from hitl_graph.nodes.two_ways import asking_node

__all__ = ["SORT", "TurnState", "compiled_turn", "with_setting"]

SORT = "sort the calls"
"""The node at which a turn begins. No gate can have its name."""

_SETTING: ContextVar[Setting] = ContextVar("hitl_agent_setting")


class TurnState(HitlState):
    """A turn: its calls, and what came of each."""

    calls: list[dict[str, Any]]
    entries: Annotated[dict[str, Entry], merge]


@contextlib.contextmanager
def with_setting(setting: Setting) -> Iterator[None]:
    """Let the gates of the turn see the agent around them."""
    token = _SETTING.set(setting)
    try:
        yield
    finally:
        _SETTING.reset(token)


def compiled_turn(policy: Policy) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The graph for the turns of an agent. It saves where the agent does."""
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(TurnState)
    builder.add_node(SORT, _sort)
    builder.add_edge(START, SORT)
    for gate in policy.gates:
        _add(builder, gate)
    return builder.compile(name="gates")


def _sort(state: TurnState) -> Command[Any]:
    """Say once which calls need a person, before anybody is asked: no later look may come out differently."""
    setting = _SETTING.get()
    entries: dict[str, Entry] = {}
    sends = []
    for verdict in sorted_out(setting.policy, state["calls"], setting.state):
        if verdict.entry is not None:
            entries[verdict.call["id"]] = verdict.entry
        elif verdict.gate is not None:
            sends.append(
                Send(entry_node(verdict.gate), call_item(verdict.gate, verdict.call, verdict.args or {}))
            )
    return Command(update={"entries": entries}, goto=sends)


def _add(builder: StateGraph[Any, Any, Any, Any], gate: Gate) -> None:
    review = f"{gate.name}.review" if gate.judged_first else gate.name
    if gate.judged_first:
        measure, ameasure = _measure(gate)
        builder.add_node(gate.name, RunnableLambda(measure, ameasure, name=gate.name))
    builder.add_node(review, asking_node(_review(gate), review))
    builder.nodes[
        review
    ].is_error_handler = True  # as in add_gate: a refused answer is no failure of the node


def _review(gate: Gate) -> Callable[[Any, Asked], Command[Any]]:
    def node(item: dict[str, Any], shown: Asked) -> Command[Any]:
        try:
            call_gate, view = _of(gate, item)
            return call_gate.review(view, shown)
        except ProposalError as error:
            return _held(item, error)

    return node


def _measure(gate: Gate) -> tuple[Callable[[Any], Command[Any]], Callable[[Any], Awaitable[Command[Any]]]]:
    def node(item: dict[str, Any]) -> Command[Any]:
        try:
            call_gate, view = _of(gate, item)
            return call_gate.measure(view)
        except ProposalError as error:
            return _held(item, error)

    async def anode(item: dict[str, Any]) -> Command[Any]:
        try:
            call_gate, view = _of(gate, item)
            return await call_gate.ameasure(view)
        except ProposalError as error:
            return _held(item, error)

    return node, anode


def _of(gate: Gate, item: Mapping[str, Any]) -> tuple[CallGate, Any]:
    setting = _SETTING.get()
    return CallGate(gate, item[TOOL_CALL]["name"], setting), setting.view(item)


def _held(item: Mapping[str, Any], error: ProposalError) -> Command[Any]:
    return Command(update={"entries": {item[TOOL_CALL]["id"]: held_back(item, error)}})
