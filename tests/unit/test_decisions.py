"""The decisions as a tagged union, and their native form in JSON."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hitl_graph.decisions import (
    DECISIONS,
    Approve,
    AskInfo,
    Cause,
    Choose,
    Decision,
    Edit,
    Recurrence,
    Reject,
    Respond,
    TakeOver,
    decision_from_json,
    decision_to_json,
)
from hitl_graph.errors import AnswerError, PlainJsonError

EXAMPLES: dict[str, tuple[Decision, dict[str, Any]]] = {
    "approve": (Approve(), {"type": "approve"}),
    "edit": (Edit({"body": "x"}), {"type": "edit", "changes": {"body": "x"}}),
    "reject": (Reject(reason="tone"), {"type": "reject", "reason": "tone"}),
    "choose": (Choose("refund"), {"type": "choose", "option": "refund"}),
    "respond": (Respond("Call."), {"type": "respond", "message": "Call."}),
    "ask_info": (AskInfo("Which?"), {"type": "ask_info", "question": "Which?"}),
    "take_over": (TakeOver(note="mine"), {"type": "take_over", "note": "mine"}),
    "with all grounds": (
        Reject(
            reason="fact", cause=Cause.SOURCE_DATA, recurrence=Recurrence.RECURRING, note="See the order."
        ),
        {
            "type": "reject",
            "reason": "fact",
            "cause": "source_data",
            "recurrence": "recurring",
            "note": "See the order.",
        },
    ),
}


@pytest.mark.parametrize(("decision", "body"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_decision_is_written_in_its_native_form(decision: Decision, body: dict[str, Any]) -> None:
    """The form is the type, its own fields and what was said about it; nothing empty."""
    assert decision_to_json(decision) == body


@pytest.mark.parametrize(("decision", "body"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_native_form_is_read_back(decision: Decision, body: dict[str, Any]) -> None:
    """What was written is read as the same decision."""
    assert decision_from_json(json.loads(json.dumps(body))) == decision


def test_every_kind_has_its_word_and_its_class() -> None:
    """`DECISIONS` and the union name the same kinds in the same order."""
    words = [typing.get_type_hints(kind)["type"] for kind in typing.get_args(Decision)]
    assert tuple(typing.get_args(word)[0] for word in words) == DECISIONS


@pytest.mark.parametrize(("decision", "body"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_decision_cannot_be_changed(decision: Decision, body: dict[str, Any]) -> None:
    """A decision is a fact: a change is a new decision."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.note = "other"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "type"),
    "unknown type": ({"type": "maybe"}, "type"),
    "type in capitals": ({"type": "APPROVE"}, "type"),
    "type of another kind": ({"type": 1}, "type"),
    "type list": ({"type": ["approve"]}, "type"),
    "type null": ({"type": None}, "type"),
    "edit without changes": ({"type": "edit"}, "changes"),
    "edit with none": ({"type": "edit", "changes": None}, "changes"),
    "edit with no changes": ({"type": "edit", "changes": {}}, "changes"),
    "edit with a list": ({"type": "edit", "changes": ["body"]}, "changes"),
    "choose nothing": ({"type": "choose"}, "option"),
    "choose empty": ({"type": "choose", "option": ""}, "option"),
    "choose a number": ({"type": "choose", "option": 3}, "option"),
    "respond nothing": ({"type": "respond"}, "message"),
    "respond empty": ({"type": "respond", "message": ""}, "message"),
    "ask nothing": ({"type": "ask_info", "question": ""}, "question"),
    "extra key": ({"type": "approve", "changes": {}}, "changes"),
    "another kind's key": ({"type": "reject", "message": "no"}, "message"),
    "cause of another kind": ({"type": "reject", "cause": 3}, "cause"),
    "unknown recurrence": ({"type": "reject", "recurrence": "often"}, "recurrence"),
    "note of another kind": ({"type": "approve", "note": 3}, "note"),
    "reason of another kind": ({"type": "approve", "reason": ["a"]}, "reason"),
}


@pytest.mark.parametrize(("body", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_form_is_refused_with_the_field(body: dict[str, Any], field: str) -> None:
    """What is no decision is an AnswerError that names the field."""
    with pytest.raises(AnswerError) as caught:
        decision_from_json(body)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "make",
    [
        lambda: Edit({}),
        lambda: Choose(""),
        lambda: Respond(""),
        lambda: AskInfo(""),
        lambda: Approve(reason=3),
        lambda: Approve(typo="x"),
        lambda: Approve("fine"),
        lambda: Reject(cause=3),
        lambda: Edit({"a": 1}, type="approve"),
    ],
    ids=[
        "no changes",
        "no option",
        "no message",
        "no question",
        "reason",
        "unknown",
        "by position",
        "cause",
        "type",
    ],
)
def test_a_decision_that_says_nothing_cannot_be_made(make: Any) -> None:
    """The same rules hold where a decision is made in Python."""
    with pytest.raises((ValidationError, TypeError)):
        make()


@pytest.mark.parametrize(
    "bad",
    [float("nan"), 2**53 + 1, "\ud800", "\x00", object()],
    ids=["nan", "int", "surrogate", "nul", "object"],
)
def test_a_value_that_is_no_json_cannot_be_written(bad: Any) -> None:
    """What could not be read back is refused with the place of it."""
    with pytest.raises(PlainJsonError) as caught:
        decision_to_json(Edit({"lines": [bad]}))
    assert caught.value.field == "edit.changes.lines[0]"


def test_a_cause_given_as_a_word_is_a_cause() -> None:
    """A command line gives words; the decision has the enum."""
    assert Reject(cause="model").cause is Cause.MODEL


def test_a_cause_may_be_a_code_of_the_desk() -> None:
    """Whether the code is known is for the desk to say; a gate alone takes none but its own three."""
    assert Reject(cause="late_delivery").cause == "late_delivery"


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)
GROUNDS: dict[str, Any] = {
    "reason": st.none() | TEXT,
    "cause": st.none() | st.sampled_from(Cause),
    "recurrence": st.none() | st.sampled_from(Recurrence),
    "note": st.none() | TEXT,
}
ANY_DECISION = (
    st.builds(Approve, **GROUNDS)
    | st.builds(Reject, **GROUNDS)
    | st.builds(TakeOver, **GROUNDS)
    | st.builds(Choose, TEXT, **GROUNDS)
    | st.builds(Respond, TEXT, **GROUNDS)
    | st.builds(AskInfo, TEXT, **GROUNDS)
    | st.builds(
        Edit, st.dictionaries(TEXT, st.none() | st.booleans() | TEXT | st.lists(TEXT), min_size=1), **GROUNDS
    )
)


@settings(deadline=None)
@given(ANY_DECISION)
def test_any_decision_survives_json(decision: Decision) -> None:
    """Through text and back, every decision is the same."""
    assert decision_from_json(json.loads(json.dumps(decision_to_json(decision)))) == decision
