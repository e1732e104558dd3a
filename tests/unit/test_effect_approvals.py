"""The act: only what was approved, as it was approved, with somebody who answers for it (R3, R55, R64, R79)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from hitl_graph.decisions import Approve, AskInfo, Choose, Edit, Reject, Respond, TakeOver
from hitl_graph.errors import EffectNotApproved
from hitl_graph.gates import Gate, RuleDetector
from hitl_graph.nodes import add_gate, effect
from hitl_graph.reviews import Owner
from hitl_graph.risk import ActionClass
from tests.unit.factories import (
    CHOICES,
    EMAIL,
    SEND,
    TAG,
    Counter,
    Email,
    Mode,
    Outbox,
    State,
    Thread,
    approved,
    bare,
    confidence_gate,
    escalation_gate,
    in_both_modes,
    mail_graph,
    review_gate,
)

OTHER = ActionClass("refund", reversible=False, touches={"money"})


def between(outbox: Outbox, change: Any, gate: Gate | None = None) -> StateGraph[Any, Any, Any, Any]:
    """A gate, a node that does something to the state, and the act."""
    gate = gate or review_gate()
    builder = StateGraph(State)
    builder.add_node("change", change)
    builder.add_node("send", effect(outbox.send, action=SEND))
    add_gate(
        builder,
        gate,
        approved="change",
        rejected="change",
        asked="change",
        responded="change",
        taken_over="change",
    )
    return builder.add_edge(START, gate.name).add_edge("change", "send")


# Without an approval nothing happens


@in_both_modes
def test_without_a_gate_nothing_irreversible_happens(mode: Mode) -> None:
    """R1, R55, I3: a path around every gate ends in an error and not in a send."""
    outbox = Outbox()
    with pytest.raises(EffectNotApproved, match="put a gate before it"):
        Thread(bare(outbox), mode).start()
    assert outbox == []


REFUSALS = [Reject(), AskInfo("Which order?"), Respond("I answer myself."), TakeOver()]


@in_both_modes
@pytest.mark.parametrize("decision", REFUSALS, ids=lambda d: d.type)
def test_what_was_not_approved_does_not_happen(mode: Mode, decision: Any) -> None:
    """I3, I7, R71: a graph that leads it to the act all the same is stopped there."""
    outbox = Outbox()
    thread = Thread(between(outbox, lambda state: {}, review_gate(allowed=None)), mode).start()
    with pytest.raises(EffectNotApproved):
        thread.answer(decision)
    assert outbox == []


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("the recipient", {"to": "b@x"}),
    ("the text", {"body": EMAIL["body"] + " "}),
    ("a new field", {"cc": "b@x"}),
]


@in_both_modes
@pytest.mark.parametrize(("what", "change"), CHANGES, ids=[c[0] for c in CHANGES])
def test_what_changed_after_the_approval_does_not_happen(
    mode: Mode, what: str, change: dict[str, Any]
) -> None:
    """I4: what is done is what was approved, to the byte."""
    outbox = Outbox()
    thread = Thread(between(outbox, lambda state: {"email": {**state["email"], **change}}), mode).start()
    with pytest.raises(EffectNotApproved):
        thread.answer(Approve())
    assert outbox == []


@in_both_modes
def test_what_vanished_after_the_approval_does_not_happen(mode: Mode) -> None:
    """I4: there is nothing to do."""
    outbox = Outbox()
    with pytest.raises(EffectNotApproved):
        approved(between(outbox, lambda state: {"email": None}), mode)
    assert outbox == []


@in_both_modes
def test_an_edited_state_between_pause_and_act_does_not_pass(mode: Mode) -> None:
    """I4: update_state between approval and act is a change like any other."""
    outbox = Outbox()
    builder = mail_graph(outbox=outbox)
    thread = Thread(builder, mode, interrupt_before=["send"]).start()
    thread.answer(Approve())
    thread.graph.update_state(thread.config, {"email": {**EMAIL, "to": "b@x"}}, as_node="draft")
    thread.graph.update_state(thread.config, {}, as_node="reply")
    with pytest.raises(EffectNotApproved):
        thread.run(Command(goto="send"))
    assert outbox == []


@in_both_modes
def test_other_keys_may_change(mode: Mode) -> None:
    """I4: the digest of the act covers the proposal alone."""
    outbox = Outbox()
    approved(between(outbox, lambda state: {"ticket": "other", "log": ["x"]}), mode)
    assert len(outbox) == 1


@in_both_modes
def test_another_acts_approval_does_not_count(mode: Mode) -> None:
    """I3: approved was a tag, not an email of the same content."""
    outbox = Outbox()
    gate = review_gate(action=OTHER)
    with pytest.raises(EffectNotApproved):
        approved(between(outbox, lambda state: {}, gate), mode)
    assert outbox == []


@in_both_modes
def test_a_rejection_after_an_approval_counts(mode: Mode) -> None:
    """I7: two gates about the same content; the later no stands."""
    outbox = Outbox()
    builder = between(outbox, lambda state: {}, review_gate(name="second"))
    add_gate(builder, review_gate(), approved="second", rejected=END)
    builder.edges = {(a, "reply" if a == START else b) for a, b in builder.edges}
    thread = approved(builder, mode)
    with pytest.raises(EffectNotApproved):
        thread.answer(Reject())
    assert outbox == []


@in_both_modes
def test_an_approval_after_a_rejection_counts(mode: Mode) -> None:
    """R18: the same draft, looked at again."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    thread.answer(Reject())
    thread.answer(Approve())
    assert len(outbox) == 1


@in_both_modes
def test_a_rejected_content_that_comes_back_unasked_does_not_happen(mode: Mode) -> None:
    """I7: approved was draft 2; draft 1, which was rejected, is what stands there at the act."""
    outbox = Outbox()
    drafts = Counter({"email": {**EMAIL, "body": "1"}}, {"email": {**EMAIL, "body": "2"}})
    builder = between(outbox, lambda state: {"email": {**EMAIL, "body": "1"}})
    builder.add_node("draft", drafts)
    add_gate(builder, review_gate(name="check"), approved="change", rejected="draft")
    builder.edges = {(a, "draft" if a == START else b) for a, b in builder.edges} | {("draft", "check")}
    thread = Thread(builder, mode).start()
    thread.answer(Reject())
    with pytest.raises(EffectNotApproved, match="rejected"):
        thread.answer(Approve())
    assert outbox == []


@in_both_modes
@pytest.mark.parametrize("answer", [Edit({"to": "b@x"})], ids=["judged again"])
def test_an_edit_that_makes_another_act_of_it_approves_nothing(mode: Mode, answer: Any) -> None:
    """I12: neither the old nor the new recipient gets anything yet."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    thread.answer(answer)
    with pytest.raises(EffectNotApproved, match="judged again"):
        thread.run(Command(goto="send"))
    assert outbox == []


@in_both_modes
def test_a_choice_that_leads_elsewhere_approves_nothing(mode: Mode) -> None:
    """I3: "hold it" is no yes, even if the graph later comes by the act."""
    outbox = Outbox()
    gate = review_gate(kind="choose", options=CHOICES, option_field="subject")
    builder = StateGraph(State)
    builder.add_node("send", effect(outbox.send, action=SEND))
    builder.add_node("hold", lambda state: {})
    add_gate(builder, gate, approved="send", rejected=END, options={"other": "hold"})
    builder.add_edge(START, "reply").add_edge("hold", "send")
    thread = Thread(builder, mode).start()
    with pytest.raises(EffectNotApproved):
        thread.answer(Choose("other"))
    assert outbox == []


MEASURES = {"action": SEND, "proposal": "email", "schema": Email, "consequence": "Sends to {to}."}


EITHER = [review_gate(), confidence_gate(score=lambda s: 0.1, **MEASURES)]


@in_both_modes
@pytest.mark.parametrize("gate", EITHER, ids=["reviews", "measures"])
def test_pushing_the_act_from_outside_while_the_gate_is_open_does_nothing(mode: Mode, gate: Gate) -> None:
    """I3: `Command(goto=...)` runs the node beside the open question; it refuses."""
    outbox = Outbox()
    thread = Thread(mail_graph(gate, outbox=outbox), mode).start(segment="card")
    with pytest.raises(EffectNotApproved):
        thread.run(Command(goto="send"))
    assert outbox == []


@in_both_modes
def test_a_push_from_outside_leaves_the_question_open(mode: Mode) -> None:
    """I5: the same question, under the same id."""
    thread = Thread(mail_graph(), mode).start()
    before = [(q.id, q.value) for q in thread.open]
    with pytest.raises(EffectNotApproved):
        thread.run(Command(goto="send"))
    assert [(q.id, q.value) for q in thread.open] == before


@in_both_modes
def test_sending_another_item_to_the_act_does_nothing(mode: Mode) -> None:
    """I3, I4: a Send with content of its own was approved by nobody."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    with pytest.raises(EffectNotApproved):
        thread.run(Command(goto=Send("send", {"email": {**EMAIL, "to": "evil@x"}})))
    assert outbox == []


def test_a_push_after_an_edit_that_is_measured_again_does_nothing() -> None:
    """I12, I3: the first answer lets nothing through while the second question is open."""
    outbox = Outbox()
    detectors = [
        RuleDetector("always", lambda s: "x", repeatable=False),
        RuleDetector("later", Counter(None, "now"), repeatable=False),
    ]
    gate = escalation_gate(detectors=detectors)
    thread = Thread(mail_graph(gate, outbox=outbox)).start()
    thread.answer(Edit({"body": "Better."}))
    assert len(thread.open) == 1
    with pytest.raises(EffectNotApproved):
        thread.run(Command(goto="send"))
    assert outbox == []


# Passing without a person


def conditional(
    outbox: Outbox, action: ActionClass = SEND, unattended: str = ""
) -> StateGraph[Any, Any, Any, Any]:
    """An escalation gate that lets a calm ticket pass to the act."""
    return mail_graph(escalation_gate(action=action, unattended=unattended), outbox=outbox)


@in_both_modes
def test_an_irreversible_act_does_not_pass_a_conditional_gate_by_itself(mode: Mode) -> None:
    """R1: gated by default; nobody said why this one may go alone."""
    outbox = Outbox()
    with pytest.raises(EffectNotApproved):
        Thread(conditional(outbox), mode).start()
    assert outbox == []


@in_both_modes
def test_an_irreversible_act_passes_where_its_author_said_why(mode: Mode) -> None:
    """R1, R43, I3: an active boundary, with its reason in the state."""
    outbox = Outbox()
    thread = Thread(conditional(outbox, unattended="Receipts only, see policy 7."), mode).start()
    assert len(outbox) == 1
    assert thread.values["judgements"]["exceptions"]["unattended"] == "Receipts only, see policy 7."


@in_both_modes
def test_a_reversible_act_passes_a_conditional_gate(mode: Mode) -> None:
    """R10: tags may run alone."""
    outbox = Outbox()
    Thread(conditional(outbox, action=TAG), mode).start()
    assert len(outbox) == 1


@in_both_modes
def test_what_passed_is_done_as_it_passed(mode: Mode) -> None:
    """I4: a pass covers its content as an approval does."""
    outbox = Outbox()
    gate = escalation_gate(unattended="Calm ones.")
    builder = between(outbox, lambda state: {"email": {**EMAIL, "to": "b@x"}}, gate)
    with pytest.raises(EffectNotApproved):
        Thread(builder, mode).start()
    assert outbox == []


@in_both_modes
def test_a_rejection_is_not_overruled_by_a_pass(mode: Mode) -> None:
    """I7: what a person rejected does not go out because a policy lets the same content pass afterwards."""
    outbox = Outbox()
    builder = mail_graph(escalation_gate(unattended="Calm ones."), outbox=outbox)
    add_gate(builder, review_gate(), approved="send", rejected="exceptions")
    builder.edges = {(a, "reply" if a == "draft" else b) for a, b in builder.edges}
    thread = Thread(builder, mode).start()
    with pytest.raises(EffectNotApproved):
        thread.answer(Reject())
    assert outbox == []


@in_both_modes
def test_what_passes_alone_is_answered_for_by_the_policys_owner(mode: Mode) -> None:
    """R3, R79: no ownerless act."""
    thread = Thread(conditional(Outbox(), unattended="Calm ones."), mode).start()
    [done] = thread.values["effects"]
    assert done["by"] == "policy of support-leads" and done["review"] is None


@in_both_modes
def test_a_reversible_act_without_a_gate_needs_an_owner(mode: Mode) -> None:
    """R79: nobody answers for it."""
    with pytest.raises(EffectNotApproved, match="owner"):
        Thread(bare(Outbox(), TAG), mode).start()


@in_both_modes
def test_a_reversible_act_without_a_gate_runs_for_its_owner(mode: Mode) -> None:
    """R10, R79: low risk runs alone, and somebody answers for it."""
    outbox = Outbox()
    thread = Thread(bare(outbox, TAG, owner=Owner("triage-team")), mode).start()
    assert len(outbox) == 1 and thread.values["effects"][0]["by"] == "policy of triage-team"


@in_both_modes
def test_an_owner_does_not_make_an_irreversible_act_run_alone(mode: Mode) -> None:
    """R1: an owner answers for it, and does not approve it."""
    with pytest.raises(EffectNotApproved):
        Thread(bare(Outbox(), SEND, owner=Owner("sales")), mode).start()
