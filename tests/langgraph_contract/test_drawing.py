"""What the drawn graph shows, and what it does not: the ground that check_boundary stands on."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from langgraph.errors import NodeError
from langgraph.graph import END, START
from langgraph.types import Command, Send

from .graphs import Builder, State, builder, chain, says

Edges = dict[tuple[str, str], tuple[bool, Any]]


def edges(graph: Any, **how: Any) -> Edges:
    """(source, target) → (conditional, label)."""
    return {(e.source, e.target): (e.conditional, e.data) for e in graph.get_graph(**how).edges}


def goes_by_command(state: State) -> Any:
    return Command(goto="send")


def annotated(state: State) -> Command[Literal["send", "draft"]]:
    return Command(goto="send")


def route(state: State) -> str:
    return "send"


def annotated_route(state: State) -> Literal["send", "draft"]:
    return "send"


def with_gate(node: Any = goes_by_command, **options: Any) -> Builder:
    """draft → gate; send stands apart unless the gate leads to it."""
    b = chain(("draft", says()))
    b.add_node("gate", node, **options)
    b.add_node("send", says(), metadata={"effect": "send_email"})
    b.add_edge("draft", "gate")
    return b


def test_destinations_are_drawn_with_their_labels() -> None:
    """add_node(destinations={target: label}) gives conditional edges with the label as data."""
    b = with_gate(destinations={"send": "approved", "draft": "rejected", END: "skipped"})
    drawn = edges(b.compile())
    assert drawn["gate", "send"] == (True, "approved")
    assert drawn["gate", "draft"] == (True, "rejected")
    assert drawn["gate", END] == (True, "skipped")


def test_destinations_can_be_read_from_the_builder() -> None:
    """builder.nodes[name].ends keeps the mapping."""
    b = with_gate(destinations={"send": "approved", "draft": "rejected"})
    assert b.compile().builder.nodes["gate"].ends == {"send": "approved", "draft": "rejected"}


def test_an_annotated_command_is_drawn_without_labels() -> None:
    """-> Command[Literal[…]] counts as declared destinations."""
    drawn = edges(with_gate(annotated).compile())
    assert (drawn["gate", "send"], drawn["gate", "draft"]) == ((True, None), (True, None))


def test_an_undeclared_command_is_not_drawn() -> None:
    """The node looks like the end of the graph, although it may go anywhere."""
    drawn = edges(with_gate().compile())
    assert [target for source, target in drawn if source == "gate"] == [END]


def test_a_router_without_targets_is_not_drawn() -> None:
    """add_conditional_edges without a path map and without Literal: no edges at all, and ends is None."""
    b = with_gate(says())
    b.add_conditional_edges("gate", route)
    graph = b.compile()
    assert [target for source, target in edges(graph) if source == "gate"] == [END]
    assert graph.builder.branches["gate"]["route"].ends is None


@pytest.mark.parametrize(
    ("path", "path_map", "labels"),
    [
        (annotated_route, None, {"send": None, "draft": None}),
        (route, ["send", "draft"], {"send": None, "draft": None}),
        (route, {"yes": "send", "no": "draft"}, {"send": "yes", "draft": "no"}),
        (lambda state: [Send("send", {})], ["send"], {"send": None}),
    ],
)
def test_a_router_with_targets_is_drawn(path: Any, path_map: Any, labels: dict[str, str | None]) -> None:
    """Literal, list, mapping or Send: conditional edges, labelled where the key differs from the target."""
    b = with_gate(says())
    b.add_conditional_edges("gate", path, path_map)
    drawn = edges(b.compile())
    assert {t: label for (s, t), (_, label) in drawn.items() if s == "gate"} == labels


def test_one_pair_of_nodes_has_one_edge() -> None:
    """A static edge beside a labelled destination to the same node is not drawn twice."""
    b = with_gate(destinations={"send": "approved"})
    b.add_edge("gate", "send")
    drawn = [e for e in b.compile().get_graph().edges if (e.source, e.target) == ("gate", "send")]
    assert len(drawn) == 1


def test_a_subgraph_is_one_node_without_xray() -> None:
    """Its data is the compiled graph itself."""
    child = with_gate(destinations={"send": "approved"}).compile()
    drawn = chain(("sub", child)).compile().get_graph()
    assert drawn.nodes["sub"].data is child


def test_xray_draws_a_subgraph_with_prefixed_names_and_labels() -> None:
    """Edges go in at sub:__start__ and out at the subgraph's last node."""
    child = with_gate(destinations={"send": "approved", "draft": "rejected"}).compile()
    drawn = edges(chain(("sub", child), ("end", says())).compile(), xray=True)
    assert drawn["sub:gate", "sub:send"] == (True, "approved")
    assert {(START, "sub:__start__"), ("sub:__start__", "sub:draft"), ("sub:send", "end")} <= drawn.keys()


def test_xray_finds_a_graph_that_a_plain_function_calls() -> None:
    """When the function refers to it by a global or a closure."""
    child = with_gate(destinations={"send": "approved", "draft": "rejected"}).compile()
    graph = chain(("calls", lambda state: child.invoke(state))).compile()  # noqa: PLW0108  # a function, not a method
    assert "calls:send" in graph.get_graph(xray=True).nodes
    assert [name for name, _ in graph.get_subgraphs()] == ["calls"]


def test_a_way_out_to_the_parent_is_drawn_only_if_the_subgraph_node_declares_it() -> None:
    """Command(graph=Command.PARENT) inside is invisible; destinations on the subgraph's node are not."""
    child = chain(("up", lambda state: Command(goto="end", graph=Command.PARENT))).compile()
    declared = []
    for options in ({}, {"destinations": {"end": "up"}}):
        b = builder()
        b.add_node("sub", child, **options)
        b.add_node("end", says())
        b.add_edge(START, "sub")
        declared.append(("sub", "end") in edges(b.compile()))
    assert declared == [False, True]


def test_error_handlers_are_drawn_without_edges() -> None:
    """Neither how they are reached nor where they go is drawn, not even when annotated."""

    def handler(state: State, error: NodeError) -> Command[Literal["after"]]:
        return Command(goto="after")

    b = chain(("before", says()), ("after", says()))
    b.add_node("work", says(), error_handler=handler)
    b.add_edge(START, "work")
    b.set_node_defaults(error_handler=handler)
    drawn = b.compile().get_graph()
    handlers = {"__error_handler__work", "__default_error_handler__"}
    assert handlers <= drawn.nodes.keys()
    assert not [e for e in drawn.edges if {e.source, e.target} & handlers]


@pytest.mark.parametrize("nested", [False, True])
def test_node_metadata_is_visible_in_the_drawn_graph(nested: bool) -> None:
    """add_node(metadata=…) marks a node for whoever reads the drawing, in subgraphs too."""
    graph = with_gate(destinations={"send": "approved", "draft": "rejected"}).compile()
    if nested:
        graph = chain(("sub", graph)).compile()
    drawn = graph.get_graph(xray=True)
    assert drawn.nodes["sub:send" if nested else "send"].metadata == {"effect": "send_email"}
    assert drawn.nodes["sub:draft" if nested else "draft"].metadata is None


def test_a_node_without_a_way_in_is_drawn_alone() -> None:
    """It has no edge, not even to END."""
    b = chain(("first", says()))
    b.add_node("alone", says())
    drawn = b.compile().get_graph()
    assert not [e for e in drawn.edges if "alone" in (e.source, e.target)]


class Callable:
    """An object with a __call__, as effect() may return one."""

    def __call__(self, state: State) -> None: ...


class AsyncCallable:
    """The same for async graphs."""

    async def __call__(self, state: State) -> None: ...


@pytest.mark.parametrize("node", [says(), Callable()])
def test_a_sync_node_can_be_reached_through_the_compiled_graph(node: Any) -> None:
    """graph.nodes[name].bound.func is the very object that was added; so is the drawn node's data."""
    graph = chain(("node", node)).compile()
    assert graph.nodes["node"].bound.func is node
    assert graph.builder.nodes["node"].runnable.func is node
    assert graph.get_graph().nodes["node"].data.func is node


def test_an_async_node_is_in_afunc() -> None:
    """func is None then."""
    node = AsyncCallable()
    bound = chain(("node", node)).compile().nodes["node"].bound
    assert (bound.func, bound.afunc) == (None, node)


def test_a_subgraph_can_be_reached_through_its_parent() -> None:
    """builder.nodes[name].runnable is the compiled child; get_subgraphs(recurse=True) walks all of them."""
    child = chain(("inner", chain(("leaf", says())).compile())).compile()
    graph = chain(("sub", child)).compile()
    assert graph.builder.nodes["sub"].runnable is child
    assert [name for name, _ in graph.get_subgraphs(recurse=True)] == ["sub", "sub|inner"]
