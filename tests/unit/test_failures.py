"""A failed node asks a person: retry, edit and retry, skip or abort (R2, R69)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from pydantic import ValidationError

from hitl_graph.decisions import Approve, Choose, Edit
from hitl_graph.errors import DefinitionError, EffectNotApproved
from hitl_graph.nodes import add_gate, ask_on_failure, effect
from hitl_graph.reviews import Evidence, ReviewRequest
from tests.unit.factories import (
    EMAIL,
    SEND,
    Counter,
    Mode,
    Outbox,
    State,
    failure_gate,
    in_both_modes,
    plain,
    review_gate,
)
from tests.unit.failing import Failing, failed, guarded

# The question


@in_both_modes
def test_a_failed_node_asks(mode: Mode) -> None:
    """R2: no silent error, and no crash either."""
    thread = failed(guarded(Failing()), mode)
    assert thread.case["allowed"] == ["choose", "edit"]
    assert [option["value"] for option in thread.case["options"]] == ["retry", "skip", "abort"]


@in_both_modes
def test_the_case_shows_what_failed(mode: Mode) -> None:
    """R69: node and error, as the first piece of evidence and as the reason."""
    case = failed(guarded(Failing()), mode).case
    error = {
        "title": "Error",
        "content": "RuntimeError('the lookup is down')",
        "source": "node work",
        "url": None,
    }
    assert case["evidence"][0] == error
    assert case["why"][0]["code"] == "node_failed" and "'work'" in case["why"][0]["text"]


@in_both_modes
def test_the_case_shows_what_the_node_worked_on(mode: Mode) -> None:
    """R69: the gate's own evidence beside the error."""
    assert [item["title"] for item in failed(guarded(Failing()), mode).case["evidence"]] == [
        "Error",
        "Customer message",
    ]


@in_both_modes
@pytest.mark.parametrize("evidence", [lambda s: [], lambda s: None, [Evidence("Record", {})]])
def test_the_error_is_evidence_enough(mode: Mode, evidence: Any) -> None:
    """R2, R57: a failure before anything is known is asked about all the same, without a warning."""
    case = failed(guarded(Failing(), failure_gate(evidence=evidence)), mode).case
    assert case["allowed"] == ["choose", "edit"] and case["warnings"] == []


@in_both_modes
def test_the_case_says_where_each_choice_leads(mode: Mode) -> None:
    """R8, R23: in the graph's own node names."""
    case = failed(guarded(Failing()), mode).case
    assert case["continuation"] == {
        "edit": "work",
        "choose:retry": "work",
        "choose:skip": "after",
        "choose:abort": END,
    }


@in_both_modes
def test_the_case_is_sealed(mode: Mode) -> None:
    """I4: with the error in it."""
    assert ReviewRequest.from_json(failed(guarded(Failing()), mode).case).is_sealed()


@in_both_modes
def test_asking_again_shows_the_same_case(mode: Mode) -> None:
    """I4, I5: though LangGraph hands over the error's text the second time, id and digest stay."""
    thread = failed(guarded(Failing()), mode)
    before = [(q.id, q.value) for q in thread.open]
    thread.run(None)
    assert [(q.id, q.value) for q in thread.open] == before


@in_both_modes
def test_a_proposal_that_is_not_there_yet_cannot_be_edited(mode: Mode) -> None:
    """R2: a first node that fails has nothing to edit; it can be retried, skipped, aborted."""
    case = failed(guarded(Failing()), mode, email=None).case
    assert case["allowed"] == ["choose"] and case["proposal"] == {}


ERRORS = [
    ("no words", ValueError()),
    ("a NUL", ValueError("a\x00b")),
    ("a surrogate", ValueError("a\ud800b")),
    ("terminal codes", ValueError("\x1b[31mred\x1b[0m")),
    ("very long", ValueError("x" * 50_000)),
    ("braces", ValueError("{to} {0} %s")),
]


@in_both_modes
@pytest.mark.parametrize(("what", "error"), ERRORS, ids=[e[0] for e in ERRORS])
def test_every_error_can_be_shown(mode: Mode, what: str, error: Exception) -> None:
    """R2: an odd error text does not lose the question."""
    assert ReviewRequest.from_json(failed(guarded(Failing(error=error)), mode).case).is_sealed()


# What comes of it


@in_both_modes
def test_retry_runs_the_node_again(mode: Mode) -> None:
    """R2: as it is."""
    node = Failing()
    thread = failed(guarded(node), mode)
    thread.answer(Choose("retry"))
    assert thread.values["log"] == ["worked", "after"] and node.calls == [EMAIL, EMAIL]


@in_both_modes
def test_edit_and_retry_runs_it_on_what_was_edited(mode: Mode) -> None:
    """R2: the person corrects what it failed on."""
    node = Failing()
    thread = failed(guarded(node), mode)
    thread.answer(Edit({"to": "right@x"}))
    assert node.calls[-1]["to"] == "right@x" and thread.values["email"]["to"] == "right@x"
    assert thread.values["log"] == ["worked", "after"]


@in_both_modes
def test_skip_goes_on_without_it(mode: Mode) -> None:
    """R2, R37: to the node that was named for it."""
    node = Failing()
    thread = failed(guarded(node), mode)
    thread.answer(Choose("skip"))
    assert thread.values["log"] == ["after"] and len(node.calls) == 1


@in_both_modes
def test_abort_ends_there(mode: Mode) -> None:
    """R2: nothing else runs."""
    node = Failing()
    thread = failed(guarded(node), mode)
    thread.answer(Choose("abort"))
    assert thread.next == () and "log" not in thread.values and len(node.calls) == 1


@in_both_modes
def test_abort_may_lead_to_a_node(mode: Mode) -> None:
    """R2: such as one that tells the customer."""
    thread = failed(guarded(Failing(), ways={"skip": END, "abort": "after"}), mode)
    thread.answer(Choose("abort"))
    assert thread.values["log"] == ["after"]


@in_both_modes
def test_a_second_failure_asks_again(mode: Mode) -> None:
    """R2: under another id, with the history of the first."""
    thread = failed(guarded(Failing(2)), mode)
    [first] = thread.open
    thread.answer(Choose("retry", note="It should be up again."))
    [second] = thread.open
    assert second.id != first.id
    thread.answer(Choose("retry"))
    assert thread.values["log"] == ["worked", "after"]


@in_both_modes
def test_every_answer_is_a_record(mode: Mode) -> None:
    """R12, R45: who decided about the failure, and how."""
    thread = failed(guarded(Failing(2)), mode)
    ids = [thread.open[0].id]
    thread.answer(Choose("retry"))
    ids.append(thread.open[0].id)
    thread.answer({**plain(Choose("skip")), "by": "ana"})
    assert [r["review"] for r in thread.values["reviews"]] == ids and thread.record["by"] == "ana"


@in_both_modes
def test_only_the_handler_runs_again_on_the_answer(mode: Mode) -> None:
    """I2: the failed node is not run a second time by asking."""
    node = Failing()
    thread = failed(guarded(node), mode)
    thread.run(None)
    thread.answer(Choose("skip"))
    assert len(node.calls) == 1


BAD = [
    None,
    {},
    "later",
    {"type": "choose", "option": "wait"},
    {"type": "approve"},
    {"type": "edit", "changes": {"zzz": 1}},
]


@in_both_modes
@pytest.mark.parametrize("answer", BAD, ids=repr)
def test_a_bad_answer_is_refused_and_the_question_stays(mode: Mode, answer: Any) -> None:
    """A clear error; nothing is saved; it can be answered afterwards."""
    node = Failing()
    thread = failed(guarded(node), mode)
    with pytest.raises(ValidationError):
        thread.answer(answer)
    thread.answer(Choose("retry"))
    assert thread.values["log"] == ["worked", "after"] and len(thread.values["reviews"]) == 1


# It approves nothing


@in_both_modes
@pytest.mark.parametrize(
    "decision", [Choose("retry"), Choose("skip"), Choose("abort"), Edit({"body": "B"})], ids=repr
)
def test_an_answer_to_a_failure_approves_no_act(mode: Mode, decision: Any) -> None:
    """I3, I7: also where the failure is about the same act and the same content."""
    outbox = Outbox()
    gate = failure_gate(action=SEND)
    builder = StateGraph(State)
    builder.add_node(
        "work", Failing(), error_handler=ask_on_failure(gate, node="work", skip="send", abort="send")
    )
    builder.add_node("send", effect(outbox.send, action=SEND))
    thread = failed(builder.add_edge(START, "work").add_edge("work", "send"), mode)
    with pytest.raises(EffectNotApproved):
        thread.answer(decision)
    assert outbox == []


@in_both_modes
def test_an_approved_act_that_failed_is_retried_as_approved(mode: Mode) -> None:
    """I2, I4: the approval still stands, under the same key."""
    keys: list[str] = []

    def send(state: Any, key: str) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise TimeoutError("no answer from the mail server")

    builder = StateGraph(State)
    handler = ask_on_failure(failure_gate(action=SEND), node="send", skip=END)
    builder.add_node("send", effect(send, action=SEND), error_handler=handler)
    add_gate(builder, review_gate(), approved="send", rejected=END)
    thread = failed(builder.add_edge(START, "reply"), mode)
    [question] = thread.open
    thread.answer(Approve())
    thread.answer(Choose("retry"))
    assert keys == [question.id, question.id] and thread.next == ()


@in_both_modes
def test_an_act_that_was_edited_after_it_failed_is_not_done(mode: Mode) -> None:
    """I4: what was changed in the failure's case was approved by nobody: it fails and asks again."""
    outbox = Outbox()
    down = Counter(1)

    def send(state: Any, key: str) -> None:
        if down(state) and down.calls == 1:
            raise TimeoutError("no answer")
        outbox.send(state, key)

    builder = StateGraph(State)
    handler = ask_on_failure(failure_gate(action=SEND), node="send", skip=END)
    builder.add_node("send", effect(send, action=SEND), error_handler=handler)
    add_gate(builder, review_gate(), approved="send", rejected=END)
    thread = failed(builder.add_edge(START, "reply"), mode)
    thread.answer(Approve())
    thread.answer(Edit({"to": "evil@x"}))
    assert outbox == [] and "EffectNotApproved" in thread.case["evidence"][0]["content"]


# What is declared


@pytest.mark.parametrize("field", ["node", "skip", "abort"])
@pytest.mark.parametrize("target", ["", None])
def test_every_way_is_named(field: str, target: Any) -> None:
    """R8: found when the handler is made."""
    ways: Any = {"node": "work", "skip": END, field: target}
    with pytest.raises(DefinitionError) as caught:
        ask_on_failure(failure_gate(), **ways)
    assert caught.value.field == field


def test_a_gate_of_another_kind_handles_no_failure() -> None:
    """R8: its decisions would lead nowhere."""
    with pytest.raises(DefinitionError):
        ask_on_failure(review_gate(), node="work", skip=END)


@pytest.mark.parametrize(
    "allowed", [("choose", "edit", "reject"), ("approve",), ("choose", "take_over"), ("edit",)]
)
def test_a_decision_without_a_way_is_refused(allowed: Any) -> None:
    """R8: what a failure's case offers has a continuation."""
    with pytest.raises(DefinitionError):
        ask_on_failure(failure_gate(allowed=allowed), node="work", skip=END)
