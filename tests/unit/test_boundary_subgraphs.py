"""The boundary through subgraphs: what was approved is carried in and out, and ways out are found."""

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.func import entrypoint
from langgraph.graph import END, StateGraph
from langgraph.types import Command, Send

from hitl_graph.nodes import add_gate
from hitl_graph.nodes.boundary import check_boundary, walk
from hitl_graph.nodes.flow import read_flow
from tests.unit.boundary_graphs import (
    SENDS,
    Builder,
    State,
    asking,
    desk,
    edges,
    gate,
    gated,
    graph,
    nothing,
    paths_of,
    problem_of,
)


def test_an_effect_in_a_subgraph() -> None:
    """An effect inside a subgraph is found, and named with the subgraph's node."""
    builder = edges(StateGraph(State).add_node("desk", desk("START draft", "draft send")), "START desk")
    assert "START -> desk -> desk:draft -> desk:send" in problem_of(builder.compile())


def test_a_gate_in_a_subgraph() -> None:
    """A gate inside it is accepted."""
    inner = desk("START draft", "draft reply", ask=True)
    check_boundary(edges(StateGraph(State).add_node("desk", inner), "START desk"))


def test_an_approval_is_carried_into_a_subgraph() -> None:
    """A gate before the subgraph approves the effect inside."""
    builder: Builder = StateGraph(State)
    builder.add_node("desk", desk("START send"))
    add_gate(builder, gate(), approved="desk", rejected=END)
    check_boundary(edges(builder, "START reply"))


def test_an_approval_is_carried_out_of_a_subgraph() -> None:
    """A gate inside the subgraph approves the effect after it."""
    builder = graph()
    builder.add_node("desk", asking())
    check_boundary(edges(builder, "START desk", "desk send"))


def test_a_rejection_is_carried_out_of_a_subgraph() -> None:
    """When a rejection ends the subgraph as well, the effect after it is reached without an approval."""
    inner: Builder = StateGraph(State)
    add_gate(inner, gate(), approved=END, rejected=END)
    builder = graph()
    builder.add_node("desk", edges(inner, "START reply").compile())
    assert "START -> desk -> desk:reply -> send (rejected)" in problem_of(
        edges(builder, "START desk", "desk send")
    )


def test_a_subgraph_of_a_subgraph() -> None:
    """Names are nested as deeply as graphs are."""
    inner = edges(StateGraph(State).add_node("mail", desk("START send")), "START mail").compile()
    builder = edges(StateGraph(State).add_node("desk", inner), "START desk")
    assert paths_of(builder) == ["START -> desk -> desk:mail -> desk:mail:send"]


def test_a_subgraph_with_a_config_of_its_own() -> None:
    """A graph with bound config is still a graph."""
    inner = desk("START send").with_config(tags=["inner"])
    assert paths_of(edges(StateGraph(State).add_node("desk", inner), "START desk")) == [
        "START -> desk -> desk:send"
    ]


ASKS = asking()


class Desk:
    """An object that holds a graph."""

    def __init__(self) -> None:
        """Hold it."""
        self.graph = SENDS

    def run(self, state: State) -> Any:
        """Call it."""
        return self.graph.invoke(state)


HELD = Desk()


def calls_global(state: State) -> Any:
    """A function that calls a graph of its module."""
    return SENDS.invoke(state)


def calls_attribute(state: State) -> Any:
    """A function that calls the graph of an object."""
    return HELD.run(state)


def calls_closure() -> Callable[[State], Any]:
    """A function that calls a graph that it closes over."""
    inner = SENDS

    async def node(state: State) -> Any:
        return await inner.ainvoke(state)

    return node


@entrypoint()
def calls_functional(state: State) -> Any:
    """A graph of the functional API that calls one."""
    return SENDS.invoke(state)


def calls_method() -> Callable[[State], Any]:
    """A function that closes over a graph's method."""
    run = SENDS.invoke

    def node(state: State) -> Any:
        return run(state)

    return node


CALLERS = [
    calls_global,
    calls_attribute,
    calls_closure(),
    Desk().run,
    calls_method(),
    lambda state, inner=SENDS: inner.invoke(state),
    calls_functional,
]


@pytest.mark.parametrize("node", CALLERS)
def test_a_graph_called_in_a_function(node: Any) -> None:
    """A graph that a function calls is entered."""
    builder = edges(StateGraph(State).add_node("desk", node), "START desk")
    assert paths_of(builder) == ["START -> desk -> desk:send"]


def calls_asking(state: State) -> Any:
    """A function that may call a graph that asks."""
    return ASKS.invoke(state) if state.get("score") else {}


def test_a_function_may_skip_the_graph_it_calls() -> None:
    """A gate in a graph that a function calls is no proof for what comes after."""
    builder = graph()
    builder.add_node("desk", calls_asking)
    text = problem_of(edges(builder, "START desk", "desk send"))
    assert "START -> desk -> send (when it does not call its graph)" in text


def test_a_function_that_calls_a_graph_may_end_its_own_graph() -> None:
    """Where a graph ends with a function that calls another one, both ends lead on."""
    inner = edges(StateGraph(State).add_node("call", calls_asking), "START call").compile()
    builder = graph()
    builder.add_node("desk", inner)
    text = problem_of(edges(builder, "START desk", "desk send"))
    assert "START -> desk -> desk:call -> send (when it does not call its graph)" in text
    assert ("desk:call:__end__", True) in walk(read_flow(builder), "send_email").came


def up(state: State) -> Any:
    """A node that goes to the parent graph."""
    return Command(goto="send", graph=Command.PARENT)


def parent(**options: Any) -> Builder:
    """A graph whose subgraph goes to a node of it by Command."""
    inner = edges(StateGraph(State).add_node("up", up), "START up").compile()
    builder = gated()
    builder.add_node("desk", inner, **options)
    return edges(builder, "START desk")


def test_a_command_to_the_parent_that_is_declared() -> None:
    """The destinations of the subgraph's node count for the Commands inside."""
    text = problem_of(parent(destinations=("send",)))
    assert "START -> desk -> desk:up -> send (Command to the parent graph, Command)" in text
    check_boundary(parent(destinations=("reply",)))


def test_only_a_command_to_the_parent_takes_its_declared_way() -> None:
    """What ends the subgraph otherwise does not go where its Commands go."""
    inner: Builder = StateGraph(State)
    inner.add_node("up", up)
    add_gate(inner, gate(), approved="up", rejected=END)
    builder = graph("file")
    builder.add_node("desk", edges(inner, "START reply").compile(), destinations=("send",))
    check_boundary(edges(builder, "START desk"))
    assert paths_of(edges(builder, "desk file", "file send")) == [
        "START -> desk -> desk:reply -> file -> send"
    ]


def test_a_command_to_the_parent_that_is_not_declared() -> None:
    """It may go anywhere in the parent graph."""
    text = problem_of(parent())
    assert "START -> desk -> desk:up -> send (Command to the parent graph, undeclared Command)" in text
    assert "add_node('desk', ..., destinations=...)" in text


def test_undeclared_code_cannot_leave_its_subgraph() -> None:
    """Code inside a subgraph goes anywhere in it, and not into the middle of the graph around it."""
    inner: Builder = StateGraph(State)
    inner.add_node("search", lambda s: Command(goto="read"))
    inner.add_node("read", nothing)
    builder = gated()
    builder.add_node("research", edges(inner, "START search").compile())
    check_boundary(edges(builder, "START research", "research draft"))


def test_an_empty_fan_out_leaves_the_subgraph() -> None:
    """A fan-out of nothing ends a subgraph before its gate; what follows it is not approved."""
    inner: Builder = StateGraph(State)
    inner.add_node("split", nothing)
    add_gate(inner, gate(), approved=END, rejected="split")
    inner.add_conditional_edges("split", lambda s: [Send("reply", s) for _ in ()], ["reply"])
    builder = graph()
    builder.add_node("desk", edges(inner, "START split").compile())
    text = problem_of(edges(builder, "START desk", "desk send"))
    assert "START -> desk -> desk:split -> send (sends nothing)" in text


def test_a_join_before_a_gate_in_a_subgraph() -> None:
    """A join of branches that always run is passed; one that may never complete ends the subgraph."""
    for sometimes in (False, True):
        inner: Builder = StateGraph(State)
        for name in ("left", "right"):
            inner.add_node(name, nothing)
        add_gate(inner, gate(), approved=END, rejected="left")
        inner.add_edge(["left", "right"], "reply")
        edges(inner, "START left")
        if sometimes:
            inner.add_conditional_edges("left", lambda s: "right", ["right", "reply"])
        else:
            edges(inner, "START right")
        builder = graph()
        builder.add_node("desk", inner.compile())
        edges(builder, "START desk", "desk send")
        if sometimes:
            assert "desk:left -> send (a join that never completes)" in problem_of(builder)
        else:
            check_boundary(builder)


def test_a_graph_that_calls_itself() -> None:
    """A graph inside itself is read once."""
    builder = gated()

    def again(state: State) -> Any:
        return recursive.invoke(state)

    builder.add_node("again", again)
    recursive = edges(builder, "send again").compile()
    check_boundary(recursive)
