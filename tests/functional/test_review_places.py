"""Where a review can stand: in nodes, tasks, subgraphs, fan-outs and tools, in every mode and durability."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Send
from typing_extensions import TypedDict

from hitl_graph.decisions import Approve
from hitl_graph.functional import areview, review
from tests.functional.flows import TICKET, Flow
from tests.unit.factories import EMAIL, Counter, Mode, in_both_modes, measured


class Log(TypedDict, total=False):
    """What a place writes: the outcome and the key of each review."""

    log: Annotated[list[tuple[str, str]], operator.add]
    messages: Annotated[list[AnyMessage], operator.add]
    n: Annotated[int, lambda before, after: after]


Body = Callable[[Any], Any]


def single(node: Any, saver: Any = None) -> Any:
    """A graph of one node."""
    builder = StateGraph(Log)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=saver)


def calling(graph: Any, body: Body) -> Body:
    """A node that calls a graph, in the body's way."""

    def call(state: Any) -> Any:
        return graph.invoke(state)

    async def acall(state: Any) -> Any:
        return await graph.ainvoke(state)

    return acall if inspect.iscoroutinefunction(body) else call


def flow_of(body: Body, saver: Any = None) -> Any:
    """An entrypoint that calls a function, a coroutine function or a task."""

    @entrypoint(checkpointer=saver)
    def flow(state: Any) -> Any:
        out = body(state)
        return out.result() if hasattr(out, "result") else out

    @entrypoint(checkpointer=saver)
    async def aflow(state: Any) -> Any:
        return await body(state)

    inner = getattr(body, "func", body)
    return aflow if inspect.iscoroutinefunction(inner) else flow


def sends(node: Any, saver: Any) -> Any:
    """A fan-out of two."""
    builder = StateGraph(Log)
    builder.add_node("node", node)
    builder.add_conditional_edges(START, lambda state: [Send("node", {"n": n}) for n in range(2)], ["node"])
    return builder.compile(checkpointer=saver)


PLACES: dict[str, Callable[[Body, Any], Any]] = {
    "a node": single,
    "an entrypoint": flow_of,
    "a task": lambda body, saver: flow_of(task(body), saver),
    "a subgraph": lambda body, saver: single(single(body), saver),
    "a subgraph that keeps its own state": lambda body, saver: single(single(body, True), saver),
    "a subgraph in a subgraph": lambda body, saver: single(single(single(body)), saver),
    "a graph called in a node": lambda body, saver: single(calling(single(body), body), saver),
    "a graph called in a task": lambda body, saver: flow_of(task(calling(single(body), body)), saver),
    "an entrypoint called in another": lambda body, saver: flow_of(calling(flow_of(body), body), saver),
    "a fan-out": sends,
    "a fan-out of subgraphs": lambda body, saver: sends(single(body), saver),
}


def body_with(score: Any, mode: Mode) -> Body:
    """A node that has a mail reviewed by a gate that measures first."""
    gate = measured(score, unattended="The score is calibrated.")

    def body(state: Any) -> Any:
        reviewed = review(gate, {**EMAIL, "to": f"{state.get('n', 0)}@x"}, context=TICKET)
        return {"log": [(reviewed.outcome, reviewed.key)]}

    async def abody(state: Any) -> Any:
        reviewed = await areview(gate, {**EMAIL, "to": f"{state.get('n', 0)}@x"}, context=TICKET)
        return {"log": [(reviewed.outcome, reviewed.key)]}

    return body if mode == "sync" else abody


@in_both_modes
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("place", PLACES)
def test_a_review_stands_anywhere(mode: Mode, durability: str, place: str) -> None:
    """Each question is listed once, its id is the key, and nothing is measured again when it is answered."""
    score = Counter(0.1)
    thread = Flow(PLACES[place](body_with(score, mode), InMemorySaver()), mode, durability)
    thread.run({"n": 0})
    ids = [one.id for one in thread.open]
    listed = [one.id for one in thread.graph.get_state(thread.config).interrupts]
    items = 2 if place.startswith("a fan-out") else 1
    end = thread.answer_all(lambda case: Approve())
    assert len(ids) == items and sorted(listed) == sorted(ids)
    assert sorted(key for _, key in end["log"]) == sorted(ids) and score.calls == items


@in_both_modes
def test_two_subgraphs_in_one_node_ask_one_after_the_other(mode: Mode) -> None:
    """Each answer is its own graph's."""
    graphs = [single(body_with(Counter(0.1), "sync")) for _ in range(2)]

    def both(state: Any) -> Any:
        return {"log": [entry for n, graph in enumerate(graphs) for entry in graph.invoke({"n": n})["log"]]}

    thread = Flow(single(both, InMemorySaver()), mode)
    thread.run({"n": 0})
    asked = []
    while thread.open:
        asked.append(thread.open[0].id)
        assert thread.case["proposal"]["to"] == f"{len(asked) - 1}@x"
        end = thread.answer(Approve())
    assert [key for _, key in end["log"]] == asked and len(set(asked)) == 2


@tool
def send_mail(n: int) -> str:
    """Sends a mail, when it may."""
    gate = measured(Counter(0.1), unattended="The score is calibrated.")
    return review(gate, {**EMAIL, "to": f"{n}@x"}, context=TICKET).outcome


@in_both_modes
def test_a_review_in_a_tool(mode: Mode) -> None:
    """Each call a task of its own: both are seen at once."""
    made: Any = [{"name": "send_mail", "args": {"n": n}, "id": str(n), "type": "tool_call"} for n in range(2)]
    builder = StateGraph(Log)
    builder.add_node("tools", ToolNode([send_mail]))
    builder.add_conditional_edges(START, lambda state: [Send("tools", [call]) for call in made], ["tools"])
    thread = Flow(builder.compile(checkpointer=InMemorySaver()), mode)
    thread.run({"messages": [AIMessage("", tool_calls=made)]})
    assert len(thread.open) == 2
    end = thread.answer_all(lambda case: Approve())
    assert [one.content for one in end["messages"] if isinstance(one, ToolMessage)] == [
        "approved",
        "approved",
    ]
