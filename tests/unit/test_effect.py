"""The act: once for each approval, told in the state, held by checks (R3, R64, R75)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from hitl_graph.decisions import Approve
from hitl_graph.errors import EffectHeld, EffectNotApproved
from hitl_graph.nodes import add_gate, effect
from tests.unit.factories import (
    EMAIL,
    SEND,
    Counter,
    Mode,
    Outbox,
    State,
    Thread,
    acting,
    approved,
    bare,
    in_both_modes,
    mail_graph,
    plain,
    review_gate,
)

# Once for each approval


@in_both_modes
def test_an_approved_act_happens_once_under_the_reviews_id(mode: Mode) -> None:
    """I2, rule 1: the key that a target deduplicates by is the review's id."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    [question] = thread.open
    thread.answer(Approve())
    assert outbox == [(question.id, EMAIL)]


@in_both_modes
def test_a_loop_that_comes_back_does_not_act_again(mode: Mode) -> None:
    """I2: the same approval, the second time around."""
    outbox = Outbox()
    builder = mail_graph(outbox=outbox)
    builder.edges.discard(("send", END))
    builder.add_node("count", lambda state: {"log": [*state.get("log", []), "x"]})
    builder.add_edge("send", "count")
    builder.add_conditional_edges("count", lambda s: "send" if len(s["log"]) < 4 else END, ["send", END])
    approved(builder, mode)
    assert len(outbox) == 1


@in_both_modes
def test_replaying_the_act_uses_the_same_key(mode: Mode) -> None:
    """I2: after time travel to just before the act, the target sees the key that it has seen."""
    outbox = Outbox()
    thread = approved(mail_graph(outbox=outbox), mode)
    before = next(s for s in thread.graph.get_state_history(thread.config) if s.next == ("send",))
    thread.run(None, before.config)
    assert len({key for key, _ in outbox}) == 1


@in_both_modes
def test_a_new_approval_of_the_same_content_acts_again(mode: Mode) -> None:
    """I2: twice approved is twice done, under two keys."""
    outbox = Outbox()
    builder = mail_graph(outbox=outbox)
    builder.edges.discard(("send", END))
    builder.add_conditional_edges("send", lambda s: "reply" if len(s["reviews"]) < 2 else END, ["reply", END])
    thread = approved(builder, mode)
    thread.answer(Approve())
    assert len(outbox) == 2 and len({key for key, _ in outbox}) == 2


@in_both_modes
def test_an_act_that_failed_is_tried_again_under_the_same_key(mode: Mode) -> None:
    """I2: the error is not recorded as done."""
    keys: list[str] = []

    def send(state: Any, key: str) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise TimeoutError("no answer")

    thread = Thread(acting(send), mode).start()
    with pytest.raises(TimeoutError):
        thread.answer(Approve())
    assert not thread.values.get("effects")
    thread.run(None)
    assert keys == [keys[0]] * 2 and [e["key"] for e in thread.values["effects"]] == keys[:1]


@in_both_modes
def test_two_acts_of_one_class_need_to_say_what_they_do(mode: Mode) -> None:
    """I4: with two proposals of one action class an act that names neither is refused."""
    outbox = Outbox()
    with pytest.raises(EffectNotApproved, match="proposal="):
        two_proposals(outbox, mode, {})
    assert outbox == []


def two_proposals(outbox: Outbox, mode: Mode, declared: dict[str, dict[str, Any]], **answers: Any) -> Thread:
    """Two proposals of the class send_email, each with its gate and its act, answered in one map."""

    class Two(State, total=False):
        notice: dict[str, Any]

    builder = StateGraph(Two)
    for gate, key in (("reply", "email"), ("inform", "notice")):
        node = effect(
            lambda s, key, k=key: outbox.append((key, s[k]["to"])), action=SEND, **declared.get(key, {})
        )
        builder.add_node(f"send_{key}", node)
        add_gate(builder, review_gate(name=gate, proposal=key), approved=f"send_{key}", rejected=END)
        builder.add_edge(START, gate)
    thread = Thread(builder, mode).start(notice={**EMAIL, "to": "n@x"})
    thread.run(Command(resume={q.id: plain(answers.get(q.value["gate"], Approve())) for q in thread.open}))
    return thread


SAID = {"email": {"proposal": "email"}, "notice": {"proposal": "notice"}}


@in_both_modes
def test_two_acts_of_one_class_have_their_own_approvals(mode: Mode) -> None:
    """I2, I4: each its content, each its key."""
    outbox = Outbox()
    thread = two_proposals(outbox, mode, SAID)
    ids = {r["proposal_key"]: r["review"] for r in thread.values["reviews"]}
    assert sorted(outbox, key=lambda done: done[1]) == [
        (ids["email"], "ann@example.com"),
        (ids["notice"], "n@x"),
    ]


@in_both_modes
def test_the_approval_of_one_proposal_does_not_carry_another(mode: Mode) -> None:
    """I3, I4: the reply was approved, the notice was not."""
    outbox = Outbox()
    builder = StateGraph(State)
    builder.add_node("send", effect(outbox.send, action=SEND, proposal="label"))
    add_gate(builder, review_gate(), approved="send", rejected=END)
    builder.add_edge(START, "reply")
    with pytest.raises(EffectNotApproved):
        approved(builder, mode)
    assert outbox == []


# What the state keeps


@in_both_modes
def test_the_state_says_who_answers_for_the_act(mode: Mode) -> None:
    """R3, R45: key, act, person, review and time."""
    thread = Thread(mail_graph(), mode).start()
    [question] = thread.open
    thread.answer({"type": "approve", "by": "ana"})
    [done] = thread.values["effects"]
    assert {**done, "at": ""} == {
        "key": question.id,
        "action": "send_email",
        "by": "ana",
        "review": question.id,
        "node": "send",
        "at": "",
    }


@in_both_modes
def test_the_functions_own_update_is_kept(mode: Mode) -> None:
    """R12: what the target answered becomes state."""
    thread = approved(acting(lambda state: {"log": ["sent"]}), mode)
    assert thread.values["log"] == ["sent"] and len(thread.values["effects"]) == 1


# Checks at execution (R75)


def forbidden(state: Any) -> str | None:
    """A do-not-contact list."""
    return "on the do-not-contact list" if state["email"]["to"] == EMAIL["to"] else None


@in_both_modes
def test_a_check_holds_an_approved_act(mode: Mode) -> None:
    """R75: the customer opted out while the case waited."""
    outbox = Outbox()
    with pytest.raises(EffectHeld, match="do-not-contact"):
        approved(acting(outbox.send, checks=[forbidden]), mode)
    assert outbox == []


@in_both_modes
def test_a_held_act_may_go_elsewhere(mode: Mode) -> None:
    """R75: to a node, and the state says what held it and who had approved."""
    outbox = Outbox()
    thread = approved(acting(outbox.send, checks=[forbidden], held="aside"), mode)
    [entry] = thread.values["effects"]
    assert outbox == [] and thread.values["log"] == ["aside"]
    assert (entry["held"], entry["review"]) == ("on the do-not-contact list", thread.record["review"])


@in_both_modes
def test_every_check_is_asked(mode: Mode) -> None:
    """R75: the first that says no holds."""
    outbox = Outbox()
    calm = Counter(None)
    with pytest.raises(EffectHeld, match="do-not-contact"):
        approved(acting(outbox.send, checks=[calm, forbidden]), mode)
    assert outbox == [] and calm.calls == 1


@in_both_modes
def test_checks_that_say_nothing_let_it_happen(mode: Mode) -> None:
    """R75: None and an empty sentence are no objection."""
    outbox = Outbox()
    approved(acting(outbox.send, checks=[lambda s: None, lambda s: ""]), mode)
    assert len(outbox) == 1


@in_both_modes
def test_a_check_that_fails_lets_nothing_happen(mode: Mode) -> None:
    """R2, R64: an unreachable list is no yes."""
    outbox = Outbox()

    def unreachable(state: Any) -> str | None:
        raise ConnectionError("list is down")

    with pytest.raises(ConnectionError):
        approved(acting(outbox.send, checks=[unreachable], held="aside"), mode)
    assert outbox == []


@in_both_modes
def test_checks_come_after_the_approval(mode: Mode) -> None:
    """R75: an unapproved act is refused as unapproved, whatever the checks say."""
    with pytest.raises(EffectNotApproved):
        Thread(bare(Outbox(), checks=[forbidden]), mode).start()


@in_both_modes
def test_a_held_act_can_be_done_later(mode: Mode) -> None:
    """R75: outside business hours is not for ever; the approval still stands."""
    outbox = Outbox()
    hours = Counter("outside business hours", None)
    builder = acting(outbox.send, checks=[hours], held="aside")
    builder.add_edge("aside", "send")
    thread = approved(builder, mode)
    assert len(outbox) == 1 and [bool(e.get("held")) for e in thread.values["effects"]] == [True, False]


@in_both_modes
def test_a_held_item_of_a_fan_out_keeps_its_state(mode: Mode) -> None:
    """R75, R37: the node that it goes to sees the item."""
    outbox = Outbox()
    seen: list[str] = []
    builder = StateGraph(State)
    builder.add_node("split", lambda state: {})
    hold = effect(
        outbox.send, action=SEND, checks=[lambda s: "no" if s["email"]["to"] == "1@x" else None], held="aside"
    )
    builder.add_node("send", hold)
    builder.add_node("aside", lambda state: seen.append(state["email"]["to"]))
    add_gate(builder, review_gate(), approved="send", rejected=END)
    builder.add_edge(START, "split")
    builder.add_conditional_edges(
        "split",
        lambda s: [Send("reply", {"ticket": "x", "email": {**EMAIL, "to": f"{n}@x"}}) for n in range(3)],
        ["reply"],
    )
    thread = Thread(builder, mode).start()
    thread.run(Command(resume={q.id: plain(Approve()) for q in thread.open}))
    assert seen == ["1@x"] and sorted(mail["to"] for _, mail in outbox) == ["0@x", "2@x"]
