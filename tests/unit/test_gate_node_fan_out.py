"""Fan-out: each item has a question, a decision and a state of its own (R37)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.errors import ProposalError
from hitl_graph.gates import complaint
from hitl_graph.nodes import add_gate
from tests.unit.factories import (
    EDITED,
    EMAIL,
    Counter,
    Mode,
    Outbox,
    State,
    Thread,
    escalation_gate,
    fan_out,
    in_both_modes,
    measured,
    plain,
    review_gate,
)


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
