"""Gates in graphs: parallel, one after the other, nested (R37, R54, R73)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.nodes import add_gate, effect
from tests.unit.factories import (
    EMAIL,
    SEND,
    TAG,
    Counter,
    Mode,
    Outbox,
    State,
    Thread,
    confidence_gate,
    drafts,
    escalation_gate,
    in_both_modes,
    mail_graph,
    plain,
    review_gate,
    rewired,
    routed,
)

# Several gates in one graph


class Two(State, total=False):
    """A state with two proposals."""

    notice: dict[str, Any]


def parallel(outbox: Outbox) -> StateGraph[Any, Any, Any, Any]:
    """Two gates beside each other, about two proposals, each with an act of its own, and a join."""
    builder = StateGraph(Two)
    for gate, key in (("reply", "email"), ("inform", "notice")):
        act = dataclasses.replace(SEND, name=f"send_{key}")
        builder.add_node(
            f"send_{key}", effect(lambda s, key, k=key: outbox.append((key, s[k]["to"])), action=act)
        )
        add_gate(
            builder, review_gate(name=gate, proposal=key, action=act), approved=f"send_{key}", rejected=END
        )
        builder.add_edge(START, gate)
    builder.add_node("join", lambda state: {"log": ["joined"]})
    builder.add_edge(["send_email", "send_notice"], "join")
    return builder


@in_both_modes
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=str)
def test_parallel_gates_are_answered_one_by_one(mode: Mode, order: tuple[int, int]) -> None:
    """R37: by two people, in any order, and the join runs."""
    outbox = Outbox()
    thread = Thread(parallel(outbox), mode).start(notice={**EMAIL, "to": "n@x"})
    ids = [q.id for q in thread.open]
    for n in order:
        thread.answer(Approve(), to=ids[n])
    assert sorted(to for _, to in outbox) == ["ann@example.com", "n@x"] and thread.values["log"] == ["joined"]


@in_both_modes
def test_parallel_gates_are_answered_in_one_map(mode: Mode) -> None:
    """R37: each by its own id, each act under its own key."""
    outbox = Outbox()
    thread = Thread(parallel(outbox), mode).start(notice={**EMAIL, "to": "n@x"})
    keys = {q.value["proposal"]["to"]: q.id for q in thread.open}
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert {to: key for key, to in outbox} == keys


@in_both_modes
def test_one_of_two_parallel_gates_may_be_rejected(mode: Mode) -> None:
    """I7: the other one's approval does not carry it."""
    outbox = Outbox()
    thread = Thread(parallel(outbox), mode).start(notice={**EMAIL, "to": "n@x"})
    answers = {"reply": Approve(), "inform": Reject()}
    thread.run(Command(resume={q.id: plain(answers[q.value["gate"]]) for q in thread.open}))
    assert [to for _, to in outbox] == ["ann@example.com"] and thread.next == ()


@in_both_modes
def test_gate_after_gate(mode: Mode) -> None:
    """R54: two patterns about one act, one after the other, each with its own id and record."""
    outbox = Outbox()
    builder = mail_graph(outbox=outbox)
    add_gate(builder, escalation_gate(), approved="reply", rejected=END)
    thread = Thread(rewired(builder, "draft", "exceptions"), mode).start(ticket="ridiculous")
    gates = []
    while thread.open:
        gates.append(thread.case["gate"])
        thread.answer(Approve())
    assert gates == ["exceptions", "reply"] and len(outbox) == 1
    assert len({r["review"] for r in thread.values["reviews"]}) == 2


@in_both_modes
def test_the_three_patterns_in_one_process(mode: Mode) -> None:
    """R54: confidence on the label, exceptions on the message, review of the reply: each asks its own."""
    outbox = Outbox()
    builder = mail_graph(outbox=outbox)
    add_gate(builder, confidence_gate(), approved="exceptions", rejected=END)
    add_gate(builder, escalation_gate(), approved="draft", rejected=END)
    builder.edges = {(a, b) for a, b in builder.edges if a != START} | {(START, "triage")}
    thread = Thread(builder, mode).start(ticket="ridiculous", label="card", segment="card", score=0.1)
    asked = []
    while thread.open:
        asked.append((thread.case["gate"], thread.case["why"][0]["code"], thread.case["action"]["name"]))
        thread.answer(Approve())
    assert asked == [
        ("triage", "low_confidence", TAG.name),
        ("exceptions", "complaint", SEND.name),
        ("reply", "always", SEND.name),
    ]
    assert len(outbox) == 1


@in_both_modes
def test_two_graphs_in_one_process_do_not_share_anything(mode: Mode) -> None:
    """R54: a strict graph and a lenient one, side by side."""
    lenient = Thread(routed(escalation_gate()), mode).start()
    severe = Thread(routed(escalation_gate(), strict=True), mode).start()
    assert lenient.next == () and severe.next == ("exceptions",)


@in_both_modes
def test_strict_mode_asks_about_everything(mode: Mode) -> None:
    """R73: drafts, labels and stage changes alike."""
    thread = Thread(routed(confidence_gate(), strict=True), mode).start(
        label="card", segment="card", score=0.99
    )
    assert [reason["code"] for reason in thread.case["why"]] == ["strict", "confident"]
    thread.answer(Approve())
    assert thread.values["log"] == ["yes"]


@in_both_modes
def test_strict_mode_measures_once(mode: Mode) -> None:
    """R73, I4: strict around a function of unsure outcome."""
    score = Counter(0.99, 0.1)
    thread = Thread(routed(confidence_gate(score=score), strict=True), mode).start(
        label="card", segment="card"
    )
    thread.answer(Approve())
    assert score.calls == 1 and thread.values["log"] == ["yes"]


# Subgraphs


def nested(outbox: Outbox, **compiled: Any) -> StateGraph[Any, Any, Any, Any]:
    """The mail graph as a node of another one."""
    builder = StateGraph(State)
    builder.add_node("sub", mail_graph(outbox=outbox, draft=drafts()).compile(**compiled))
    builder.add_node("after", lambda state: {"log": [state["email"]["body"]]})
    builder.add_edge(START, "sub")
    builder.add_edge("sub", "after")
    return builder


@in_both_modes
@pytest.mark.parametrize("compiled", [{}, {"checkpointer": True}], ids=["inherited", "of its own"])
def test_a_gate_in_a_subgraph(mode: Mode, compiled: dict[str, Any]) -> None:
    """R12: asks, loops and acts as at the root, and its records come out with the state."""
    outbox = Outbox()
    thread = Thread(nested(outbox, **compiled), mode).start()
    thread.answer(Reject())
    thread.answer(Edit({"body": "Better."}))
    assert [mail["body"] for _, mail in outbox] == ["Better."] and thread.values["log"] == ["Better."]
    assert [r["outcome"] for r in thread.values["reviews"]] == ["rejected", "approved"]


@in_both_modes
def test_two_gates_of_one_subgraph_do_not_share_an_answer(mode: Mode) -> None:
    """I1: the first answer is not taken for the second question."""
    builder = StateGraph(State)
    add_gate(builder, review_gate(name="one"), approved="two", rejected=END)
    add_gate(builder, review_gate(name="two"), approved=END, rejected=END)
    builder.add_edge(START, "one")
    outer = StateGraph(State)
    outer.add_node("sub", builder.compile())
    outer.add_edge(START, "sub")
    thread = Thread(outer, mode).start()
    thread.answer(Approve())
    assert thread.case["gate"] == "two" and thread.next == ("sub",)


@in_both_modes
def test_a_gate_two_levels_down(mode: Mode) -> None:
    """R12: depth does not matter."""
    outbox = Outbox()
    outer = StateGraph(State)
    outer.add_node("deep", nested(outbox).compile())
    outer.add_edge(START, "deep")
    thread = Thread(outer, mode).start()
    thread.answer(Approve())
    assert len(outbox) == 1 and thread.record["outcome"] == "approved"


@in_both_modes
def test_subgraphs_sent_to_in_parallel(mode: Mode) -> None:
    """R37: one subgraph for each item, each with its own question."""
    outbox = Outbox()
    builder = StateGraph(State)
    builder.add_node("sub", mail_graph(outbox=outbox).compile())
    builder.add_node("split", lambda state: {})
    builder.add_edge(START, "split")
    builder.add_conditional_edges(
        "split",
        lambda s: [Send("sub", {"ticket": "x", "email": {**EMAIL, "to": f"{n}@x"}}) for n in range(2)],
        ["sub"],
    )
    thread = Thread(builder, mode)
    thread.run({"ticket": "x"})
    ids = {q.value["proposal"]["to"]: q.id for q in thread.open}
    thread.answer(Approve(), to=ids["1@x"])
    assert [mail["to"] for _, mail in outbox] == ["1@x"]
