"""Gates in graphs: fan-out, parallel, one after the other, nested (R37, R54, R73)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.errors import ProposalError
from hitl_graph.gates import complaint
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
    fan_out,
    in_both_modes,
    mail_graph,
    measured,
    plain,
    review_gate,
    rewired,
    routed,
)

EDITED = {**EMAIL, "body": "Better."}


# Fan-out


@in_both_modes
def test_each_item_of_a_fan_out_has_a_question_of_its_own(mode: Mode) -> None:
    """R37: one id and one case for each."""
    thread = Thread(fan_out(3), mode).start()
    assert [q.value["proposal"]["to"] for q in thread.open] == ["0@x", "1@x", "2@x"]
    assert len({q.id for q in thread.open}) == 3


ORDERS = [[0, 1, 2], [2, 1, 0], [1, 2, 0]]


@in_both_modes
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_items_are_answered_in_any_order(mode: Mode, order: list[int]) -> None:
    """R37, I12: each answer reaches its own item, whatever the order."""
    outbox = Outbox()
    thread = Thread(fan_out(3, outbox=outbox), mode).start()
    ids = [q.id for q in thread.open]
    decisions = [Approve(), Edit({"body": "Better."}), Reject()]
    for n in order:
        thread.answer(decisions[n], to=ids[n])
    assert sorted(outbox, key=lambda entry: entry[1]["to"]) == [
        (ids[0], {**EMAIL, "to": "0@x"}),
        (ids[1], {**EDITED, "to": "1@x"}),
    ]


@in_both_modes
def test_items_are_answered_all_at_once(mode: Mode) -> None:
    """R37: one map for the whole thread."""
    outbox = Outbox()
    thread = Thread(fan_out(3, outbox=outbox), mode).start()
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert sorted(mail["to"] for _, mail in outbox) == ["0@x", "1@x", "2@x"] and thread.next == ()


@in_both_modes
def test_an_answered_item_does_not_disturb_the_others(mode: Mode) -> None:
    """I5: the open ones keep their ids and cases."""
    thread = Thread(fan_out(3), mode).start()
    _, *others = [(q.id, q.value) for q in thread.open]
    thread.answer(Approve(), to=thread.open[0].id)
    assert [(q.id, q.value) for q in thread.open] == others


@in_both_modes
def test_an_items_edit_does_not_leak_into_the_shared_state(mode: Mode) -> None:
    """R12: three items do not write one key."""
    thread = Thread(fan_out(2), mode).start(email={"kept": True})
    for question in thread.open:
        thread.answer(Edit({"body": f"For {question.value['proposal']['to']}"}), to=question.id)
    assert thread.values["email"] == {"kept": True}


@in_both_modes
def test_every_item_leaves_its_record(mode: Mode) -> None:
    """R45: all in the thread's state."""
    thread = Thread(fan_out(3), mode).start()
    ids = {q.id for q in thread.open}
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert {r["review"] for r in thread.values["reviews"]} == ids
    assert {e["key"] for e in thread.values["effects"]} == ids


@in_both_modes
def test_an_item_is_judged_again_by_itself(mode: Mode) -> None:
    """I12: the changed one is asked about again, the other one has gone."""
    outbox = Outbox()
    thread = Thread(fan_out(2, outbox=outbox), mode).start()
    first, second = thread.open
    thread.run(Command(resume={first.id: plain(Edit({"to": "new@x"})), second.id: plain(Approve())}))
    assert [mail["to"] for _, mail in outbox] == ["1@x"] and thread.case["proposal"]["to"] == "new@x"
    thread.answer(Approve())
    assert [mail["to"] for _, mail in outbox] == ["1@x", "new@x"]


@in_both_modes
def test_an_item_that_is_rejected_goes_back_with_its_own_state(mode: Mode) -> None:
    """R12: to a redrafting node that sees the item and its record."""
    seen: list[Any] = []
    builder = fan_out(2, rejected="again")
    builder.add_node(
        "again", lambda state: seen.append((state["email"]["to"], state["reviews"][-1]["outcome"]))
    )
    thread = Thread(builder, mode).start()
    thread.answer(Reject(), to=thread.open[1].id)
    thread.answer(Approve())
    assert seen == [("1@x", "rejected")]


@in_both_modes
def test_items_that_pass_keep_their_state(mode: Mode) -> None:
    """R37: some pass alone, some wait, and each acts on its own content."""
    outbox = Outbox()
    gate = escalation_gate(unattended="No exception.")
    builder = fan_out(3, gate, outbox=outbox, item=lambda n: {"ticket": "ridiculous" if n == 1 else "fine"})
    thread = Thread(builder, mode).start()
    assert [q.value["proposal"]["to"] for q in thread.open] == ["1@x"]
    thread.answer(Approve())
    assert sorted(mail["to"] for _, mail in outbox) == ["0@x", "1@x", "2@x"]


@in_both_modes
def test_items_are_measured_one_by_one(mode: Mode) -> None:
    """I4: once for each item, and again for the one that was edited."""
    outbox = Outbox()
    score = Counter(0.1)
    thread = Thread(
        fan_out(3, measured(score), outbox=outbox, item=lambda n: {"segment": "card"}), mode
    ).start()
    assert (len(thread.open), score.calls) == (3, 3)
    thread.answer(Edit({"body": "Better."}), to=thread.open[0].id)
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert score.calls == 4
    assert sorted((mail["to"], mail["body"]) for _, mail in outbox) == [
        ("0@x", "Better."),
        ("1@x", EMAIL["body"]),
        ("2@x", EMAIL["body"]),
    ]


@in_both_modes
def test_an_edited_item_that_was_measured_again_counts_as_approved(mode: Mode) -> None:
    """I12: its first record becomes the approval, beside those of the others."""
    builder = fan_out(3, measured(Counter(0.1)), item=lambda n: {"segment": "card"})
    thread = Thread(builder, mode).start()
    ids = {q.id for q in thread.open}
    thread.run(Command(resume={q.id: plain(Edit({"body": "Better."})) for q in thread.open}))
    assert {r["review"]: r["outcome"] for r in thread.values["reviews"]} == dict.fromkeys(ids, "approved")


@in_both_modes
def test_an_item_that_is_no_dict_is_refused_before_it_asks(mode: Mode) -> None:
    """R2: it could not be sent on after the answer, so nobody is asked."""
    builder = StateGraph(State)
    builder.add_node("split", lambda state: {})
    add_gate(builder, review_gate(schema=None, consequence="Sends it."), approved=END, rejected=END)
    builder.add_edge(START, "split")
    builder.add_conditional_edges("split", lambda state: [Send("reply", Parcel())], ["reply"])
    thread = Thread(builder, mode)
    with pytest.raises(ProposalError, match="Send a dict"):
        thread.start()


class Parcel(BaseModel):
    """An item that is a model."""

    ticket: str = "Where is my card?"
    email: dict[str, Any] = EMAIL


@in_both_modes
def test_two_gates_in_a_row_keep_each_item(mode: Mode) -> None:
    """R54: the second gate sees what the first one edited."""
    outbox = Outbox()
    builder = fan_out(
        2,
        escalation_gate(detectors=[complaint("ticket")]),
        outbox=outbox,
        approved="reply",
        item=lambda n: {"ticket": "ridiculous"},
    )
    add_gate(builder, review_gate(), approved="send", rejected=END)
    thread = Thread(builder, mode).start()
    thread.run(Command(resume={q.id: plain(Edit({"body": "Better."})) for q in thread.open}))
    assert [(q.value["gate"], q.value["proposal"]["body"]) for q in thread.open] == [("reply", "Better.")] * 2
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert sorted(mail["to"] for _, mail in outbox) == ["0@x", "1@x"]


@in_both_modes
def test_a_fan_out_may_end_at_the_gate(mode: Mode) -> None:
    """R8: END is a continuation for items too."""
    thread = Thread(fan_out(2, approved=END), mode).start()
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert thread.next == () and len(thread.values["reviews"]) == 2


def test_a_fan_out_that_ends_at_the_gate_says_nothing_odd(caplog: pytest.LogCaptureFixture) -> None:
    """R22: no warning about an unknown node per item."""
    thread = Thread(fan_out(2, approved=END)).start()
    thread.run(Command(resume={thread.open[0].id: plain(Approve()), thread.open[1].id: plain(Reject())}))
    assert not [record for record in caplog.records if "__end__" in record.getMessage()]


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
