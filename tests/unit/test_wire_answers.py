"""Answers read from every shape that clients speak, with who gave them, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject
from hitl_graph.wire import Answer, Shape, read_answer
from tests.unit.wire_samples import READ, edited, full, inbox, review


@pytest.mark.parametrize(("value", "decision", "shape"), READ.values(), ids=READ.keys())
def test_an_answer_in_any_shape_is_one_decision(value: Any, decision: Decision, shape: Shape) -> None:
    """Each shape of wire.md is read into the decision that it means."""
    answer = read_answer(value, review())
    assert (answer.decision, answer.shape) == (decision, shape)


def test_reading_does_not_change_the_answer() -> None:
    """What the client sent is left as it was."""
    value = {"type": "edit", "changes": {"amount": "41"}, "by": "ana"}
    read_answer(value, review())
    assert value == {"type": "edit", "changes": {"amount": "41"}, "by": "ana"}


@pytest.mark.parametrize(
    "value",
    [[inbox("response", "refund")], {"decisions": [{"type": "respond", "message": " refund "}]}],
    ids=["inbox", "batch"],
)
def test_a_client_without_options_chooses_in_words(value: Any) -> None:
    """Where a choice is wanted and no response is taken, the words of an option are that choice."""
    assert read_answer(value, review(allowed=("choose", "reject"))).decision == Choose("refund")


ENVELOPE = {
    "by": "ana",
    "via": "inbox",
    "at": "2026-01-31T09:30:00Z",
    "asked_at": "2026-01-31T09:00:00+00:00",
    "waited_s": 1800.0,
    "digest": "sha256:1",
    "proposal_digest": "sha256:2",
}


@pytest.mark.parametrize(
    "value",
    [
        {"type": "approve"},
        inbox("accept"),
        {"decisions": [{"type": "approve"}]},
        edited(full()),
    ],
    ids=["native", "inbox", "batch", "call"],
)
def test_who_when_and_what_was_shown_come_along(value: dict[str, Any]) -> None:
    """Beside the answer, in each shape that is an object, stands who gave it and about what."""
    answer = read_answer({**value, **ENVELOPE}, review())
    assert {name: getattr(answer, name) for name in ENVELOPE} == ENVELOPE


def test_an_answer_without_an_envelope_claims_nothing() -> None:
    """What was not said is None, and null says nothing."""
    answer = read_answer({"type": "approve", "by": None}, review())
    assert all(getattr(answer, name) is None for name in ENVELOPE)


@pytest.mark.parametrize(
    "decision", [Approve(note="n"), Edit({"amount": 41}), Choose("wait"), AskInfo("?")], ids=str
)
def test_an_answer_written_natively_is_read_back(decision: Decision) -> None:
    """`to_json` is what the desk stores, and `read_answer` reads the same answer from it."""
    answer = Answer(decision=decision, shape=Shape.NATIVE, **ENVELOPE)
    assert read_answer(json.loads(json.dumps(answer.to_json())), review()) == answer


def test_a_response_where_only_a_rejection_is_taken_is_its_reason() -> None:
    """Of a batch Agent Inbox has no other box for it."""
    answer = read_answer([inbox("response", "Rude.")], review(allowed=("approve", "edit", "reject")))
    assert answer.decision == Reject(note="Rude.")
