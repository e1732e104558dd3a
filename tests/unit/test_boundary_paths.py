"""The boundary on a graph's edges: every way to an effect is found, and named when it has no gate."""

from typing import Any, Literal

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from hitl_graph.errors import BoundaryError, DefinitionError
from hitl_graph.nodes import add_gate, effect
from hitl_graph.nodes.boundary import check_boundary, walk
from hitl_graph.nodes.flow import read_flow
from hitl_graph.reviews import Owner
from hitl_graph.risk import ActionClass
from tests.unit.boundary_graphs import (
    REFUND,
    SEND,
    TAG,
    Builder,
    State,
    edges,
    gate,
    gated,
    graph,
    nothing,
    paths_of,
    problem_of,
)

# What is accepted.


def test_a_gate_before_the_effect_is_enough() -> None:
    """START, draft, gate, send is accepted, and so is its loop back after a rejection."""
    check_boundary(gated())


def test_a_compiled_graph_is_read_like_its_builder() -> None:
    """Compiling changes nothing in the verdict."""
    check_boundary(gated().compile(checkpointer=InMemorySaver()))
    assert paths_of(edges(gated(), "draft send").compile()) == ["START -> draft -> send"]


def test_work_between_gate_and_effect_keeps_the_approval() -> None:
    """An approval lasts over free nodes until it is used."""
    check_boundary(edges(gated("format", approved="format"), "format send"))


def test_a_reversible_effect_needs_no_gate() -> None:
    """What can be taken back may run alone."""
    check_boundary(edges(graph(action=TAG), "START send"))


def test_a_second_act_after_a_second_gate_is_accepted() -> None:
    """The loop after an act is accepted when it goes through the gate."""
    check_boundary(edges(gated(), "send draft"))


def test_something_that_is_no_graph_is_refused_by_name() -> None:
    """The error names what was given."""
    with pytest.raises(DefinitionError, match="is a dict: give a StateGraph"):
        check_boundary({})


# What is refused.


def test_no_gate_at_all() -> None:
    """An effect right after START is named with its path."""
    assert problem_of(edges(graph("draft"), "START draft", "draft send")) == (
        "send_email can be reached without a gate: START -> draft -> send: "
        "put a gate for send_email on this way, with add_gate"
    )


def test_a_conditional_edge_around_the_gate() -> None:
    """A conditional edge past the gate is named as one."""
    builder = gated()
    builder.add_conditional_edges("draft", lambda s: "now", {"now": "send", "later": "reply"})
    text = problem_of(builder)
    assert "send_email can be reached without a gate: START -> draft -> send (conditional edge)" in text


def test_a_conditional_edge_to_gates_only() -> None:
    """A conditional edge that declares only the gate is accepted."""
    builder = gated("other")
    builder.add_conditional_edges("draft", lambda s: "reply", ["reply", "other"])
    check_boundary(builder)


@pytest.mark.parametrize("path_map", [None, {}], ids=["none", "empty"])
def test_a_conditional_edge_that_declares_nothing(path_map: Any) -> None:
    """It may go anywhere, and so to the effect; the error says what to declare."""
    builder = gated()
    builder.add_conditional_edges("draft", lambda s: "reply", path_map)
    text = problem_of(builder)
    assert "START -> draft -> send (undeclared conditional edge): the conditional edge" in text
    assert "path_map=[...]" in text


def test_a_conditional_edge_declared_by_literal() -> None:
    """A router's Literal is a declaration."""

    def route(state: State) -> Literal["reply"]:
        return "reply"

    builder = gated()
    builder.add_conditional_edges("draft", route)
    check_boundary(builder)


def test_an_undeclared_conditional_entry() -> None:
    """START can be left by an undeclared edge too."""
    builder = gated()
    builder.add_conditional_edges(START, lambda s: "draft")
    assert "START -> send (undeclared conditional edge): the conditional edge" in problem_of(builder)


def test_a_send_fan_out_around_the_gate() -> None:
    """A fan-out that declares the effect is a way to it."""
    builder = gated()
    builder.add_conditional_edges("draft", lambda s: [Send("send", s)], ["send"])
    assert "START -> draft -> send (conditional edge)" in problem_of(builder)


def test_a_send_fan_out_through_the_gate() -> None:
    """A fan-out to the gate is accepted."""
    builder = graph("draft")
    add_gate(builder, gate(), approved="send", rejected=END)
    builder.add_conditional_edges("draft", lambda s: [Send("reply", s)], ["reply"])
    check_boundary(edges(builder, "START draft"))


def test_a_parallel_branch_beside_the_gate() -> None:
    """A branch that runs beside the gate is a way, though the gate stands in the graph."""
    builder = gated("notify")
    assert paths_of(edges(builder, "START notify", "notify send")) == ["START -> notify -> send"]


def test_a_parallel_branch_that_ends_before_the_effect() -> None:
    """A branch beside the gate that does not lead to the effect is accepted."""
    check_boundary(edges(gated("notify"), "START notify", "notify END"))


def test_a_join_with_a_branch_that_passed_no_gate() -> None:
    """A join waits for all, but only one of its branches was approved."""
    builder = gated("format", "notify", approved="format")
    builder.add_edge(["format", "notify"], "send")
    assert "START -> notify -> send (join)" in problem_of(edges(builder, "START notify"))


def test_a_join_of_branches_after_the_gate() -> None:
    """A join of branches that were all approved is accepted."""
    builder = gated("format", "left", "right", approved="format")
    builder.add_edge(["left", "right"], "send")
    check_boundary(edges(builder, "format left", "format right"))


def test_a_loop_back_to_the_effect() -> None:
    """An approval serves one act: a loop to a second one is refused."""
    builder = edges(gated("again"), "send again", "again send")
    text = problem_of(builder)
    assert "START -> draft -> reply -> send (approved) -> again -> send" in text
    assert "'send' has used the approval up" in text


def test_a_rejected_edge_into_the_effect() -> None:
    """A rejection that leads to the effect is refused, though an approval leads there as well."""
    text = problem_of(gated(rejected="send"))
    assert "START -> draft -> reply -> send (rejected)" in text
    assert "the gate 'reply' approves nothing along 'rejected'" in text


@pytest.mark.parametrize("outcome", ["asked", "taken_over", "responded"])
def test_an_edge_that_approves_nothing(outcome: str) -> None:
    """Asking for information, taking over and responding approve nothing."""
    builder = gated("more", **{outcome: "more"})
    words = outcome.replace("_", " ")
    assert f"START -> draft -> reply -> more ({words}) -> send" in problem_of(edges(builder, "more send"))


def test_a_plain_edge_out_of_a_gate() -> None:
    """An edge that is drawn out of a gate is taken whatever the decision is."""
    text = problem_of(edges(gated("log"), "reply log", "log send"))
    assert "START -> draft -> reply -> log -> send" in text
    assert "the gate 'reply' approves nothing along this edge" in text


def test_a_rejection_after_an_approval() -> None:
    """A second gate that rejects ends what the first one approved."""
    builder = graph("draft", "log")
    add_gate(builder, gate(), approved="second", rejected="draft")
    add_gate(builder, gate(name="second"), approved="send", rejected="log")
    edges(builder, "START draft", "draft reply", "log send")
    assert paths_of(builder) == ["START -> draft -> reply -> second -> log -> send"]


def test_the_gate_of_another_action() -> None:
    """A gate about a refund approves no email."""
    builder = graph("draft")
    add_gate(builder, gate(name="money", action=REFUND), approved="send", rejected="draft")
    text = problem_of(edges(builder, "START draft", "draft money"))
    assert "START -> draft -> money -> send (approved)" in text
    assert "the gate 'money' is about refund; put a gate for send_email before it" in text


def test_two_actions_with_a_gate_each() -> None:
    """Each action is approved by its own gate, and an act of one does not use up the other's."""
    builder = graph("draft")
    builder.add_node("pay", effect(nothing, action=REFUND))
    add_gate(builder, gate(), approved="money", rejected="draft")
    add_gate(builder, gate(name="money", action=REFUND), approved="pay", rejected="draft")
    check_boundary(edges(builder, "START draft", "draft reply", "pay send"))


def test_all_problems_stand_in_one_error() -> None:
    """Each way has its own line and its own path."""
    builder = edges(gated("notify"), "draft send", "START notify", "notify send")
    with pytest.raises(BoundaryError) as caught:
        check_boundary(builder)
    assert sorted(caught.value.paths) == [("START", "draft", "send"), ("START", "notify", "send")]
    assert caught.value.problem.startswith("2 problems:\n- send_email can be reached")


def test_an_interrupt_before_is_no_gate() -> None:
    """LangGraph's own breakpoints decide nothing."""
    builder = edges(graph("draft"), "START draft", "draft send")
    compiled = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["send"])
    assert paths_of(compiled) == ["START -> draft -> send"]


def test_one_approval_and_two_acts_side_by_side() -> None:
    """Two effects in one step cannot see each other: the fork behind the gate is refused."""
    builder = graph("draft", "prepare")
    builder.add_node("again", effect(nothing, action=SEND))
    add_gate(builder, gate(), approved="prepare", rejected="draft")
    edges(builder, "START draft", "draft reply", "prepare send", "prepare again")

    with pytest.raises(BoundaryError, match="several acts at once from 'prepare'"):
        check_boundary(builder)


def test_one_approval_and_a_fan_out_of_acts() -> None:
    """A router that sends may send one approval several times."""
    builder = graph("draft", "prepare")
    add_gate(builder, gate(), approved="prepare", rejected="draft")
    edges(builder, "START draft", "draft reply")
    builder.add_conditional_edges("prepare", lambda s: [Send("send", s)] * 3, ["send"])

    with pytest.raises(BoundaryError, match="several acts at once from 'prepare'"):
        check_boundary(builder)


def test_one_approval_and_either_of_two_acts() -> None:
    """A router takes one way: that is one act."""
    builder = graph("draft", "prepare")
    builder.add_node("again", effect(nothing, action=SEND))
    add_gate(builder, gate(), approved="prepare", rejected="draft")
    edges(builder, "START draft", "draft reply")
    builder.add_conditional_edges("prepare", lambda s: "send", ["send", "again"])

    check_boundary(builder)


def test_two_acts_of_one_name() -> None:
    """A reversible namesake would let the irreversible act pass unasked."""
    tame = ActionClass("send_email", reversible=True)
    builder = graph("draft")
    builder.add_node("other", effect(nothing, action=tame, owner=Owner("ops")))
    add_gate(builder, gate(), approved="send", rejected="draft")
    edges(builder, "START draft", "draft reply", "START other")

    with pytest.raises(BoundaryError, match="send_email is declared in two ways"):
        check_boundary(builder)


# The size of it.


def test_a_big_graph_is_walked_once_per_action() -> None:
    """300 nodes that lead to each other, twelve actions: two states for each node and action at most."""
    builder: Builder = StateGraph(State)
    actions = [ActionClass(f"act_{number}", reversible=False) for number in range(12)]
    names = [f"n{number}" for number in range(276)]
    for name in names:
        builder.add_node(name, nothing)
    for one in actions:
        builder.add_node(one.name, effect(nothing, action=one))
        add_gate(builder, gate(name=f"gate_{one.name}", action=one), approved=one.name, rejected="n0")
        edges(builder, f"n3 gate_{one.name}", f"{one.name} n0")
    for number, name in enumerate(names):
        for step in (1, 2, 7, 31):
            edges(builder, f"{name} {names[(number + step) % len(names)]}")
    flow = read_flow(edges(builder, "START n0"))
    assert len(builder.nodes) == 300
    for one in actions:
        found = walk(flow, one.name, frozenset([one.name]))
        assert len(found.came) <= 2 * len(flow.nodes)
        assert not found.bare
    check_boundary(builder)
