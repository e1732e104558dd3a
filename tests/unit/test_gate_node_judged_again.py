"""Edits are judged again, and measured again (I4, I12)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.errors import DefinitionError
from hitl_graph.gates import ModelDetector, Thresholds, any_of, complaint, high_value
from tests.unit.factories import (
    EDITED,
    EMAIL,
    SEND,
    Counter,
    FakeModel,
    Mode,
    Outbox,
    Thread,
    confidence_gate,
    drafts,
    escalation_gate,
    in_both_modes,
    mail_graph,
    measured,
    review_gate,
)

# An edit is judged again (I12)


@in_both_modes
@pytest.mark.parametrize("field", ["to", "cc", "bcc", "recipient", "recipients", "tool"])
def test_a_changed_recipient_is_a_new_review(mode: Mode, field: str) -> None:
    """I12: another act, asked about under another id; nothing is sent before."""
    outbox = Outbox()
    graph = mail_graph(review_gate(schema=None, consequence="Sends it."), outbox=outbox)
    thread = Thread(graph, mode).start(email={**EMAIL, field: "a@x"})
    [first] = thread.open
    thread.answer(Edit({field: "b@x"}))
    [second] = thread.open
    assert outbox == [] and thread.record["outcome"] == "judged_again" and second.id != first.id
    assert second.value["proposal"][field] == "b@x"


@in_both_modes
def test_the_new_review_shows_the_edit_and_sends_when_approved(mode: Mode) -> None:
    """I12, R25: with what was said before, and the second record's id as the key of the act."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    thread.answer(Edit({"to": "b@example.com"}, note="Typo in the address."))
    [second] = thread.open
    assert second.value["previous"]["note"] == "Typo in the address."
    thread.answer(Approve())
    assert outbox == [(second.id, {**EMAIL, "to": "b@example.com"})]


@in_both_modes
def test_a_gate_names_its_own_identity(mode: Mode) -> None:
    """I12: such as an account number; then a recipient is just a field."""
    thread = Thread(mail_graph(review_gate(identity=["subject"])), mode).start()
    thread.answer(Edit({"to": "b@x"}))
    assert thread.next == ()


@in_both_modes
def test_an_edit_of_other_fields_is_not_asked_twice(mode: Mode) -> None:
    """I12, R51: approve in one click, also with better words."""
    thread = Thread(mail_graph(), mode).start()
    thread.answer(Edit({"body": "Better."}))
    assert thread.next == () and len(thread.values["reviews"]) == 1


@in_both_modes
def test_an_edit_that_brings_a_new_reason_is_a_new_review(mode: Mode) -> None:
    """I12: the person wrote something that the policy asks about, and was not shown that reason."""
    gate = any_of(review_gate(), escalation_gate(detectors=[complaint("email.body")]))
    thread = Thread(mail_graph(gate), mode).start()
    thread.answer(Edit({"body": "Your request is ridiculous."}))
    assert [reason["code"] for reason in thread.case["why"]] == ["always", "complaint"]


@in_both_modes
def test_the_same_kind_of_reason_from_another_gate_is_a_new_review(mode: Mode) -> None:
    """I12: they were shown the customer's complaint, and not that the reply itself reads like one."""
    about_ticket = escalation_gate(name="ticket_words")
    about_reply = escalation_gate(name="reply_words", detectors=[complaint("email.body")])
    thread = Thread(mail_graph(any_of(about_ticket, about_reply)), mode).start(ticket="ridiculous")
    thread.answer(Edit({"body": "Your request is ridiculous."}))
    asking = [(reason["gate"], reason["code"]) for reason in thread.case["why"] if reason["asks"]]
    assert asking == [("ticket_words", "complaint"), ("reply_words", "complaint")]


@in_both_modes
def test_an_edit_that_removes_the_reason_is_not_asked_twice(mode: Mode) -> None:
    """I12: a reason to let pass is no new reason to ask."""
    gate = any_of(review_gate(), escalation_gate(detectors=[complaint("email.body")]))
    thread = Thread(mail_graph(gate), mode).start(email={**EMAIL, "body": "ridiculous"})
    thread.answer(Edit({"body": "Fine."}))
    assert thread.next == () and thread.record["outcome"] == "approved"


@in_both_modes
def test_an_edit_with_the_reason_that_was_shown_is_not_asked_twice(mode: Mode) -> None:
    """I12: they have seen that it is a high amount."""
    gate = escalation_gate(detectors=[high_value("email.amount", 100)], schema=None, consequence="Pays.")
    thread = Thread(mail_graph(gate), mode).start(email={"amount": 500, "body": "x"})
    thread.answer(Edit({"amount": 600}))
    assert thread.next == () and thread.values["email"]["amount"] == 600


# Gates that measure


@in_both_modes
def test_an_unsure_score_is_measured_once(mode: Mode) -> None:
    """I4: pausing, running again and answering do not measure again."""
    score = Counter(0.1, 0.99)
    thread = Thread(mail_graph(measured(score)), mode).start(segment="card")
    thread.run(None)
    assert thread.case["judgement"]["score"] == 0.1
    thread.answer(Approve())
    assert score.calls == 1 and thread.next == ()


def test_an_async_score_is_measured_once() -> None:
    """R52: awaited in its own node, and kept."""
    score = Counter(0.1, 0.99)

    async def measure(state: Any) -> Any:
        return score(state)

    thread = Thread(mail_graph(measured(measure)), "async").start(segment="card")
    thread.answer(Approve())
    assert score.calls == 1 and thread.next == ()


def test_an_async_score_in_a_sync_run_stops_it() -> None:
    """R2: it is not taken for a score, and nothing passes."""

    async def measure(state: Any) -> float:
        return 1.0

    with pytest.raises(DefinitionError, match="ainvoke"):
        Thread(mail_graph(measured(measure)), "sync").start(segment="card")


@in_both_modes
def test_a_model_is_asked_once(mode: Mode) -> None:
    """I4: a second, different answer of the model never flips the judgement."""
    model = FakeModel('{"legal": "my lawyer"}', "{}")
    gate = escalation_gate(detectors=[ModelDetector("judge", model, "ticket", {"legal": "law"})])
    thread = Thread(mail_graph(gate), mode).start()
    thread.run(None)
    thread.answer(Approve())
    assert len(model.prompts) == 1 and thread.next == ()


@in_both_modes
def test_the_measurement_is_kept_in_the_state(mode: Mode) -> None:
    """I4, R43: signals, verdict and what it was about."""
    thread = Thread(mail_graph(measured(Counter(0.1))), mode).start(segment="card")
    kept = thread.values["judgements"]["triage"]
    assert kept["signals"] == {"score": 0.1} and kept["outcome"] == "ask"


@in_both_modes
def test_what_passes_is_measured_once(mode: Mode) -> None:
    """I4: the pass is kept as well."""
    score = Counter(0.99, 0.1)
    thread = Thread(mail_graph(measured(score, unattended="Tried."), approved="taken"), mode).start(
        segment="card"
    )
    assert score.calls == 1 and thread.values["judgements"]["triage"]["outcome"] == "proceed"


@in_both_modes
def test_replaying_the_pause_does_not_flip_it(mode: Mode) -> None:
    """I4: time travel to the pause asks again, though the function would now say otherwise."""
    score = Counter(0.1, 0.99)
    thread = Thread(mail_graph(measured(score), rejected="taken"), mode).start(segment="card")
    paused = thread.graph.get_state(thread.config).config
    thread.answer(Reject())
    thread.run(None, paused)
    assert [q.value["judgement"]["score"] for q in thread.open] == [0.1]


@in_both_modes
def test_an_edited_proposal_is_measured_again(mode: Mode) -> None:
    """I12: once for each proposal; the person's words are held against the same bar."""
    model = FakeModel('{"legal": "a"}', '{"complaint": "b"}')
    gate = escalation_gate(
        detectors=[ModelDetector("judge", model, "email.body", {"legal": "l", "complaint": "c"})]
    )
    thread = Thread(mail_graph(gate), mode).start()
    thread.answer(Edit({"body": "New."}))
    assert len(model.prompts) == 2 and [reason["code"] for reason in thread.case["why"]] == ["complaint"]


@in_both_modes
@pytest.mark.parametrize("second", ["{}", '{"legal": "a"}'], ids=["nothing", "the same reason"])
def test_an_edit_that_measures_no_worse_goes_on(mode: Mode, second: str) -> None:
    """I12: the record becomes an approval, and the act happens once."""
    outbox = Outbox()
    model = FakeModel('{"legal": "a"}', second)
    gate = escalation_gate(detectors=[ModelDetector("judge", model, "email.body", {"legal": "l"})])
    thread = Thread(mail_graph(gate, outbox=outbox), mode).start()
    [question] = thread.open
    thread.answer(Edit({"body": "Better."}))
    assert outbox == [(question.id, EDITED)] and [r["outcome"] for r in thread.values["reviews"]] == [
        "approved"
    ]


@in_both_modes
def test_an_edit_that_is_measured_again_approves_nothing_yet(mode: Mode) -> None:
    """I12, I3: while the second question is open, the first answer lets nothing through."""
    model = FakeModel('{"legal": "a"}', '{"complaint": "b"}')
    gate = escalation_gate(
        detectors=[ModelDetector("judge", model, "email.body", {"legal": "l", "complaint": "c"})]
    )
    thread = Thread(mail_graph(gate), mode).start()
    thread.answer(Edit({"body": "New."}))
    assert [r["outcome"] for r in thread.values["reviews"]] == ["measured_again"]


@in_both_modes
def test_what_was_changed_after_the_edit_is_asked_about(mode: Mode) -> None:
    """I12: the edit was about other content than what is measured now, though the reason is the same."""
    outbox = Outbox()
    graph = mail_graph(measured(Counter(0.1)), outbox=outbox)
    thread = Thread(graph, mode, interrupt_before=["triage"]).start(segment="card")
    thread.run(None)
    thread.answer(Edit({"body": "Better."}))
    thread.run(Command(update={"email": {**EMAIL, "body": "Changed since."}}))
    assert outbox == [] and thread.case["proposal"]["body"] == "Changed since."


@in_both_modes
def test_being_sampled_again_is_no_new_reason(mode: Mode) -> None:
    """R61: they have just looked."""
    gate = measured(Counter(0.1, 0.99), audit=dataclasses.replace(confidence_gate().audit, rate=1))
    thread = Thread(mail_graph(gate), mode).start(segment="card")
    thread.answer(Edit({"body": "Better."}))
    assert thread.next == ()


@in_both_modes
def test_a_changed_recipient_is_a_new_review_at_a_measuring_gate(mode: Mode) -> None:
    """I12: also where the new measurement alone would let it pass."""
    outbox = Outbox()
    thread = Thread(mail_graph(measured(Counter(0.1, 0.99)), outbox=outbox), mode).start(segment="card")
    thread.answer(Edit({"to": "b@x"}))
    assert outbox == [] and thread.case["proposal"]["to"] == "b@x"


@in_both_modes
def test_a_changed_recipient_is_a_new_review_where_the_exception_is_gone(mode: Mode) -> None:
    """I12: the edit cured what was asked about and made another act of it."""
    outbox = Outbox()
    graph = mail_graph(
        escalation_gate(detectors=[complaint("email.body")], unattended="Fine."), outbox=outbox
    )
    thread = Thread(graph, mode).start(email={**EMAIL, "body": "ridiculous"})
    thread.answer(Edit({"to": "b@x", "body": "Fine."}))
    assert outbox == [] and thread.case["proposal"]["to"] == "b@x"
    thread.answer(Approve())
    assert [mail["to"] for _, mail in outbox] == ["b@x"]


@in_both_modes
def test_what_was_measured_about_another_proposal_does_not_count(mode: Mode) -> None:
    """I12: the proposal was changed from outside while it waited; its score belongs to the old one."""
    score = Counter(0.9, 0.1)
    bars = Thresholds({SEND.name: {"hard": 0.95, "easy": 0.5}})
    thread = Thread(mail_graph(measured(score, thresholds=bars)), mode).start(segment="hard")
    thread.run(Command(update={"email": {**EMAIL, "body": "Other."}, "segment": "easy"}))
    assert score.calls == 2 and thread.case["judgement"]["score"] == 0.1


@in_both_modes
def test_a_redraft_is_measured_by_itself(mode: Mode) -> None:
    """I4: reject, redraft, measure again: once for each draft."""
    score = Counter(0.1, 0.2)
    thread = Thread(mail_graph(measured(score), draft=drafts()), mode).start(segment="card")
    thread.answer(Reject())
    assert score.calls == 2 and thread.case["judgement"]["score"] == 0.2
