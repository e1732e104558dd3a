"""Putting a gate into a graph: labelled edges, ways on for every decision, harmless defaults (R5, R8)."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command, RetryPolicy
from pydantic import ValidationError

from hitl_graph.decisions import Approve, Edit
from hitl_graph.errors import DefinitionError
from hitl_graph.gates import Gate, any_of
from hitl_graph.nodes import add_gate
from hitl_graph.nodes.marks import GateMark, mark_of
from hitl_graph.wire import Shape
from tests.unit.factories import (
    CHOICES,
    Counter,
    Mode,
    State,
    Thread,
    confidence_gate,
    escalation_gate,
    in_both_modes,
    mail_graph,
    review_gate,
)

Drawn = set[tuple[str, str, str | None]]


def wired(gate: Gate, **targets: Any) -> StateGraph[Any, Any, Any, Any]:
    """START, the gate, and the nodes yes and no."""
    builder = StateGraph(State)
    builder.add_node("yes", lambda state: {})
    builder.add_node("no", lambda state: {})
    add_gate(builder, gate, **{"approved": "yes", "rejected": "no", **targets})
    return builder.add_edge(START, gate.name)


def drawn(builder: StateGraph[Any, Any, Any, Any]) -> Drawn:
    """The edges out of gates, with their labels."""
    edges = builder.compile().get_graph().edges
    return {(e.source, e.target, None if e.data is None else str(e.data)) for e in edges if e.conditional}


def refused(builder: Any, gate: Gate, **targets: Any) -> str:
    """The field that the error names when the gate is wired like this."""
    with pytest.raises(DefinitionError) as caught:
        add_gate(builder, gate, **targets)
    return caught.value.field


# What has to be there


def test_the_state_extends_ours() -> None:
    """R12: without the keys for records there would be nowhere to keep a decision."""

    class Bare(TypedDict):
        email: dict[str, Any]

    assert refused(StateGraph(Bare), review_gate(), approved=END, rejected=END) == "state"


@pytest.mark.parametrize("approved", ["", None, 7])
def test_the_approved_way_is_named(approved: Any) -> None:
    """R8: there is always a way on for what passes."""
    assert refused(StateGraph(State), review_gate(), approved=approved, rejected=END) == "approved"


@pytest.mark.parametrize("options", [{"hold": END}, {"refund": END, "nope": END}])
def test_an_unknown_option_has_no_way(options: dict[str, str]) -> None:
    """R8: a misspelt option would never be taken."""
    gate = review_gate(kind="choose", options=CHOICES)
    assert refused(StateGraph(State), gate, approved=END, options=options) == "options"


@pytest.mark.parametrize("options", [{}, {"card": END}, {"card": "yes", "other": "yes"}], ids=str)
def test_options_that_would_all_do_the_same_are_refused(options: dict[str, str]) -> None:
    """R8: a choice must make a difference: it sets a field, or leads elsewhere."""
    gate = review_gate(kind="choose", options=CHOICES)
    targets = {"approved": "yes", "options": options}
    assert refused(StateGraph(State), gate, **targets) == "option_field"


def test_of_options_that_lead_elsewhere_one_may_be_the_approval() -> None:
    """R8: two of three have a way of their own, so the third can only mean yes."""
    gate = review_gate(kind="choose", options=CHOICES)
    assert "reply" in wired(gate, options={"card": "no", "other": END}).nodes


def test_options_of_a_gate_that_has_none_are_refused() -> None:
    """R8: the error names the field also where there is nothing to list."""
    assert (
        refused(StateGraph(State), review_gate(), approved=END, rejected=END, options={"a": END}) == "options"
    )


@pytest.mark.parametrize("target", ["approved", "rejected"])
def test_a_way_to_nowhere_fails_at_compile(target: str) -> None:
    """R8: a misspelt node is found before a person has decided."""
    with pytest.raises(ValueError, match="nowhere"):
        wired(review_gate(), **{target: "nowhere"}).compile()


@pytest.mark.parametrize("shape", [Shape.RAW, Shape.LANGCHAIN_CALL, "email"])
def test_a_shape_that_a_gate_cannot_ask_in_is_refused(shape: Any) -> None:
    """R65: found when the graph is built, and not when the first case should be shown."""
    with pytest.raises(ValueError, match="shape"):
        add_gate(StateGraph(State), review_gate(), approved=END, rejected=END, shape=shape)


def test_a_gate_cannot_be_added_twice() -> None:
    """Its name is a node's name."""
    with pytest.raises(ValueError, match="reply"):
        add_gate(wired(review_gate()), review_gate(), approved="yes", rejected="no")


def test_the_builder_comes_back() -> None:
    """Calls can be chained, as LangGraph's own."""
    builder = StateGraph(State)
    assert add_gate(builder, review_gate(), approved=END, rejected=END) is builder


# What is offered


OFFERED: list[tuple[str, Gate, dict[str, Any], list[str]]] = [
    ("the usual", review_gate(), {}, ["approve", "edit", "reject"]),
    ("what has a way on", review_gate(), {"asked": "no"}, ["approve", "edit", "reject", "ask_info"]),
    (
        "everything that has one",
        review_gate(),
        {"asked": "no", "responded": "no", "taken_over": END},
        ["approve", "edit", "reject", "respond", "ask_info", "take_over"],
    ),
    (
        "what the gate allows and no more",
        review_gate(allowed=["approve", "reject"]),
        {"asked": "no"},
        ["approve", "reject"],
    ),
    ("a choice", review_gate(kind="choose", options=CHOICES, option_field="body"), {}, ["choose", "reject"]),
    (
        "of a composition",
        any_of(review_gate(), escalation_gate()),
        {"taken_over": END},
        ["approve", "edit", "reject", "take_over"],
    ),
    (
        "in strict mode",
        escalation_gate(),
        {"strict": True, "asked": "no"},
        ["approve", "edit", "reject", "ask_info"],
    ),
]


@in_both_modes
@pytest.mark.parametrize(("what", "gate", "targets", "words"), OFFERED, ids=[o[0] for o in OFFERED])
def test_what_is_offered(
    mode: Mode, what: str, gate: Gate, targets: dict[str, Any], words: list[str]
) -> None:
    """R8, R17, R71: the usual decisions, and those that were given a way on."""
    assert Thread(wired(gate, **targets), mode).start().case["allowed"] == words


@in_both_modes
def test_each_offered_decision_has_a_continuation(mode: Mode) -> None:
    """R8: what is shown can be done."""
    case = Thread(wired(review_gate(), asked="no", taken_over=END), mode).start().case
    assert set(case["continuation"]) == set(case["allowed"]) and case["continuation"]["take_over"] == END


# What the drawing shows


def test_every_outcome_is_an_edge_with_its_name() -> None:
    """R8, R50: the drawn graph says where each decision leads."""
    builder = wired(review_gate(), asked=END)
    assert drawn(builder) == {
        ("reply", "yes", "approved"),
        ("reply", "no", "rejected"),
        ("reply", "reply", "judged again"),
        ("reply", END, "asked"),
    }


def test_outcomes_of_one_target_share_its_edge() -> None:
    """R50: both names stand on it."""
    assert ("reply", "no", "rejected / asked") in drawn(wired(review_gate(), asked="no"))


def test_a_gate_that_may_let_pass_says_so() -> None:
    """R5: what runs alone is declared in the drawing."""
    edges = drawn(wired(escalation_gate()))
    assert ("exceptions", "yes", "passes") in edges
    assert ("exceptions", "exceptions.review", "asks") in edges


def test_a_gate_that_always_asks_does_not_pass() -> None:
    """R5: in strict mode nothing runs alone."""
    labels = {label for _, _, label in drawn(wired(escalation_gate(), strict=True))}
    assert not [label for label in labels if label and "passes" in label]


def test_options_are_drawn() -> None:
    """R50: each way of its own."""
    builder = wired(review_gate(kind="choose", options=CHOICES, option_field="body"), options={"refund": END})
    assert {("reply", "yes", "approved"), ("reply", END, "refund")} <= drawn(builder)


def test_a_gate_that_measures_is_drawn_as_two_nodes() -> None:
    """R50: one that measures and one that asks."""
    assert drawn(wired(confidence_gate(score=lambda s: 0.1))) == {
        ("triage", "yes", "passes"),
        ("triage", "triage.review", "asks"),
        ("triage.review", "yes", "approved"),
        ("triage.review", "no", "rejected"),
        ("triage.review", "triage", "judged again"),
    }


def test_the_gate_is_found_on_its_node() -> None:
    """R50: what reads the boundary off the graph."""
    builder = wired(confidence_gate(score=lambda s: 0.1))
    marks = {name: mark_of(node.runnable) for name, node in builder.nodes.items()}
    assert {name for name, mark in marks.items() if isinstance(mark, GateMark)} == {"triage", "triage.review"}


def test_the_gate_on_the_node_is_the_one_that_was_given() -> None:
    """R50: with its owner and its question."""
    mark = mark_of(wired(review_gate()).nodes["reply"].runnable)
    assert isinstance(mark, GateMark) and mark.gate.question == review_gate().question


def test_the_given_gate_stays_as_it_was() -> None:
    """One gate can be wired into two graphs with different ways on."""
    gate = review_gate()
    one, other = Thread(wired(gate, asked="no")).start(), Thread(wired(gate)).start()
    assert (
        gate.continuation == {}
        and "ask_info" in one.case["allowed"]
        and "ask_info" not in other.case["allowed"]
    )


# Graph-wide defaults


def handled(calls: list[str]) -> Any:
    """A user's own error handler for the whole graph."""

    def handler(state: State, error: NodeError) -> Command[Any]:
        calls.append(error.node)
        return Command(goto=END)

    return handler


GATES = [review_gate(), escalation_gate(), any_of(review_gate(), escalation_gate())]


@in_both_modes
@pytest.mark.parametrize("gate", [*GATES, confidence_gate(score=Counter(0.1))], ids=lambda g: g.name)
def test_a_refused_answer_is_no_failure_of_the_gate(mode: Mode, gate: Gate) -> None:
    """R2: with a default error handler the bad answer is refused, and the case stays answerable."""
    calls: list[str] = []
    builder = wired(gate).set_node_defaults(error_handler=handled(calls))
    thread = Thread(builder, mode).start(ticket="ridiculous", label="card", segment="card")
    with pytest.raises(ValidationError):
        thread.answer({"type": "nope"})
    thread.answer(Approve())
    assert calls == [] and thread.record["outcome"] == "approved"


@in_both_modes
def test_a_default_handler_still_handles_the_other_nodes(mode: Mode) -> None:
    """R2: only the question is exempt."""
    calls: list[str] = []

    def fail(state: Any) -> Any:
        raise RuntimeError("down")

    builder = mail_graph(draft=fail).set_node_defaults(error_handler=handled(calls))
    Thread(builder, mode).start()
    assert calls == ["draft"]


@in_both_modes
def test_a_default_retry_does_not_take_a_bad_answer(mode: Mode) -> None:
    """I1: retried or not, the answer stays refused and the case open."""
    builder = wired(review_gate()).set_node_defaults(
        retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False, retry_on=Exception)
    )
    thread = Thread(builder, mode).start()
    with pytest.raises(ValidationError):
        thread.answer({"type": "nope"})
    thread.answer(Approve())
    assert thread.record["outcome"] == "approved"


@in_both_modes
@pytest.mark.parametrize("gate", [*GATES, confidence_gate(score=Counter(0.1))], ids=lambda g: g.name)
def test_a_default_cache_does_not_answer_for_a_person(mode: Mode, gate: Gate) -> None:
    """I1, I3: the second thread with the same content is asked about all the same."""
    builder = wired(gate).set_node_defaults(cache_policy=CachePolicy())
    graph = builder.compile(checkpointer=InMemorySaver(), cache=InMemoryCache())
    threads = [thread_of(graph, mode, name) for name in ("one", "two")]
    for thread in threads:
        thread.start(ticket="ridiculous", label="card", segment="card")
        assert len(thread.open) == 1
        thread.answer(Approve())


@in_both_modes
def test_a_default_cache_does_not_share_what_lets_an_act_happen(mode: Mode) -> None:
    """I2: two threads act under two keys, or a target that honours keys drops the second act."""
    gate = confidence_gate(score=Counter(0.99))
    builder = wired(gate).set_node_defaults(cache_policy=CachePolicy(key_func=lambda state: "same"))
    graph = builder.compile(checkpointer=InMemorySaver(), cache=InMemoryCache())
    threads = [thread_of(graph, mode, name).start(label="card", segment="card") for name in ("one", "two")]
    assert len({thread.values["judgements"]["triage"]["id"] for thread in threads}) == 2


def thread_of(graph: Any, mode: Mode, name: str) -> Thread:
    """A thread of a graph that is compiled already."""
    return Thread(graph, mode, name)


@in_both_modes
def test_a_gate_can_be_interrupted_before(mode: Mode) -> None:
    """Studio's own breakpoints go on working beside the gate."""
    thread = Thread(wired(review_gate()), mode, interrupt_before=["reply"]).start()
    assert thread.next == ("reply",) and thread.open == []
    thread.run(None)
    thread.answer(Edit({"body": "Better."}))
    assert thread.record["outcome"] == "approved"
