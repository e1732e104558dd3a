"""The decisions as a request names them: their words, their grounds, and what is refused by field."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any, get_args

import pytest

from hitl_graph.decisions import (
    APPROVING,
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
from hitl_graph.errors import AnswerError

FULL: dict[str, dict[str, Any]] = {
    "approve": {},
    "edit": {"changes": {"body": "Better."}},
    "reject": {},
    "choose": {"option": "refund"},
    "respond": {"message": "Please send the receipt."},
    "ask_info": {"question": "Which order?"},
    "take_over": {},
}


def test_the_union_is_the_seven_decisions() -> None:
    """R17, R18: approve, edit, reject, choose, respond, ask for information, take over."""
    assert set(get_args(Decision)) == {Approve, Edit, Reject, Choose, Respond, AskInfo, TakeOver}


def test_every_kind_of_decision_has_its_word() -> None:
    """The words in JSON are the kinds in Python, in the same number."""
    assert (
        {cls(*FULL[cls_word(cls)].values()).type for cls in get_args(Decision)} == set(DECISIONS) == set(FULL)
    )


def cls_word(cls: type) -> str:
    """The word of a decision's class."""
    word: str = inspect.signature(cls).parameters["type"].default
    return word


@pytest.mark.parametrize("word", DECISIONS)
def test_a_decision_survives_json_with_its_grounds(word: str) -> None:
    """R19: reason, cause, recurrence and note come through."""
    grounds = {"reason": "tone", "cause": "model", "recurrence": "recurring", "note": "Again."}
    body = {"type": word, **FULL[word], **grounds}
    assert decision_to_json(decision_from_json(json.loads(json.dumps(body)))) == body


@pytest.mark.parametrize("word", DECISIONS)
def test_what_was_left_empty_is_left_out(word: str) -> None:
    """A bare decision is as short as a client types it."""
    body = {"type": word, **FULL[word]}
    assert decision_to_json(decision_from_json(body)) == body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": "ok"}, "type"),
        ({"type": None}, "type"),
        ({"type": True}, "type"),
        ({"type": "edit"}, "changes"),
        ({"type": "edit", "changes": {}}, "changes"),
        ({"type": "edit", "changes": "body"}, "changes"),
        ({"type": "choose"}, "option"),
        ({"type": "choose", "option": ""}, "option"),
        ({"type": "respond", "message": ""}, "message"),
        ({"type": "ask_info"}, "question"),
        ({"type": "approve", "changes": {"a": 1}}, "changes"),
        ({"type": "reject", "cause": 7}, "cause"),
        ({"type": "reject", "recurrence": "often"}, "recurrence"),
        ({"type": "approve", "reason": 7}, "reason"),
    ],
)
def test_a_malformed_decision_is_refused_by_field(body: dict[str, Any], field: str) -> None:
    """An answer that cannot be read never becomes a decision."""
    with pytest.raises(AnswerError) as caught:
        decision_from_json(body)
    assert caught.value.field == field


def test_only_three_decisions_let_an_act_through() -> None:
    """R17: asking, answering in words and taking over approve nothing."""
    assert {"approve", "edit", "choose"} == APPROVING


@pytest.mark.parametrize("cause", ["model", "instructions", "source_data"])
def test_a_correction_names_where_the_mistake_came_from(cause: str) -> None:
    """R19: model, instructions or source data."""
    assert Reject(cause=Cause(cause)).cause is Cause(cause)


@pytest.mark.parametrize("recurrence", ["edge", "recurring"])
def test_a_correction_says_whether_it_will_come_again(recurrence: str) -> None:
    """R19: an edge case or a recurring pattern."""
    assert Edit({"a": 1}, recurrence=Recurrence(recurrence)).recurrence is Recurrence(recurrence)


def test_a_decision_cannot_be_changed() -> None:
    """What was decided is not rewritten."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Approve().reason = "tone"
