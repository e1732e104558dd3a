"""Bad answers in every shape: each is refused with its field, and the review stays answerable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hitl_graph.errors import AnswerError
from hitl_graph.reviews import Option, ReviewRequest
from hitl_graph.wire import read_answer
from tests.unit.wire_samples import action, action_of, edited, full, inbox, review


def refusal(value: Any, request: ReviewRequest | None = None) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        read_answer(value, request or review())
    return caught.value


# Each: no answer, a review that it is given to (changes to the factory's), the field that the error names.
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "none": (None, {}, "answer"),
    "empty object": ({}, {}, "type"),
    "empty list": ([], {}, "answer"),
    "empty text": ("", {}, "message"),
    "blank text": (" \n", {}, "message"),
    "true": (True, {}, "answer"),
    "false": (False, {}, "answer"),
    "number": (1, {}, "answer"),
    "float": (1.5, {}, "answer"),
    "NaN": (float("nan"), {}, "answer"),
    "bytes": (b"approve", {}, "answer"),
    "object": (object(), {}, "answer"),
    "text where none is taken": ("Call them.", {"allowed": ("approve", "reject")}, "answer"),
    "yes where no text is taken": ("yes", {"allowed": ("approve", "reject")}, "answer"),
    "word that is not allowed": ("approve", {"allowed": ("reject", "respond")}, "type"),
    "option where no choice is taken": ("refund", {"allowed": ("approve",)}, "answer"),
    "option that is a word too": ("approve", {"options": (Option("approve"),)}, "answer"),
    "unknown type": ({"type": "maybe"}, {}, "type"),
    "type in capitals": ({"type": "Approve"}, {}, "type"),
    "type null": ({"type": None}, {}, "type"),
    "type list": ({"type": ["approve"]}, {}, "type"),
    "type true": ({"type": True}, {}, "type"),
    "wrong kind": ({"type": "approve"}, {"allowed": ("reject",)}, "type"),
    "extra key": ({"type": "approve", "sure": True}, {}, "sure"),
    "key that is no text": ({"type": "approve", 1: 2}, {}, "answer"),
    "key null": ({None: "approve"}, {}, "answer"),
    "too many keys": ({str(i): i for i in range(1000)}, {}, "answer"),
    "approve with changes": ({"type": "approve", "changes": {"body": "x"}}, {}, "changes"),
    "approve with a message": ({"type": "approve", "message": "x"}, {}, "message"),
    "edit without changes": ({"type": "edit"}, {}, "changes"),
    "edit with no changes": ({"type": "edit", "changes": {}}, {}, "changes"),
    "edit with a list": ({"type": "edit", "changes": [1]}, {}, "changes"),
    "edit of an unknown field": ({"type": "edit", "changes": {"bcc": "x"}}, {}, "changes.bcc"),
    "edit against the schema": ({"type": "edit", "changes": {"amount": 101}}, {}, "changes.amount"),
    "edit with both forms": ({**edited(full()), "changes": {"body": "x"}}, {}, "changes"),
    "edit with all forms": ({**edited(full()), "args": action(full())}, {}, "edited_action"),
    "edit of 10 MB": ({"type": "edit", "changes": {"body": "x" * 10_000_000}}, {}, "changes"),
    "edit of 10 MB as text": (
        json.dumps({"type": "edit", "changes": {"body": "x" * 10_000_000}}),
        {},
        "answer",
    ),
    "edit with NaN": ({"type": "edit", "changes": {"amount": float("nan")}}, {}, "changes.amount"),
    "edit with NaN as text": ('{"type": "edit", "changes": {"amount": NaN}}', {}, "answer"),
    "edit over 2^53": ({"type": "edit", "changes": {"amount": 2**53 + 1}}, {}, "changes.amount"),
    "edit with a surrogate": ({"type": "edit", "changes": {"body": "\ud800"}}, {}, "changes.body"),
    "edit with a surrogate as text": ('{"type": "edit", "changes": {"body": "\\ud800"}}', {}, "changes.body"),
    "edit with NUL": ({"type": "edit", "changes": {"body": "\x00"}}, {}, "changes.body"),
    "edit too deep": ({"type": "edit", "changes": {"body": json.loads("[" * 90 + "]" * 90)}}, {}, "changes"),
    "text too deep": ("[" * 100_000, {}, "answer"),
    "note with NUL": ({"type": "approve", "note": "a\x00"}, {}, "note"),
    "note that is no text": ({"type": "approve", "note": 3}, {}, "note"),
    "unknown cause": ({"type": "reject", "cause": "weather"}, {}, "cause"),
    "key with a surrogate": ({"type": "approve", "\ud800": 1}, {}, "answer"),
    "choose nothing": ({"type": "choose"}, {}, "option"),
    "choose a number": ({"type": "choose", "option": 1}, {}, "option"),
    "choose another": ({"type": "choose", "option": "pay"}, {}, "option"),
    "respond nothing": ({"type": "respond", "message": ""}, {}, "message"),
    "broken JSON": ('{"type": "approve",}', {}, "answer"),
    "JSON with a key twice": ('{"type": "reject", "type": "approve"}', {}, "answer"),
    "two answers": ([inbox("accept"), inbox("accept")], {}, "answer"),
    "list of a word": (["approve"], {}, "type"),
    "list of a list": ([[inbox("accept")]], {}, "type"),
    "list of a native answer": ([{"type": "approve"}], {}, "type"),
    "inbox type unknown": ([inbox("maybe")], {}, "type"),
    "inbox kind not allowed": ([inbox("ignore")], {"allowed": ("approve",)}, "type"),
    "inbox extra key": ([{**inbox("accept"), "sure": True}], {}, "sure"),
    "inbox accept that changes": ([inbox("accept", action(full(body="Soon.")))], {}, "args"),
    "inbox accept that adds": ([inbox("accept", action({"bcc": "x"}))], {}, "args"),
    "inbox accept of another act": ([inbox("accept", action(full(), "pay"))], {}, "args.action"),
    "inbox accept with text": ([inbox("accept", "ok")], {}, "args"),
    "inbox edit of another act": ([inbox("edit", action(full(), "pay"))], {}, "args.action"),
    "inbox edit with null": ([inbox("edit")], {}, "args"),
    "inbox edit without args": ([inbox("edit", {"action": "send_email"})], {}, "args.args"),
    "inbox edit with both": ([inbox("edit", {**action(full()), "arguments": {}})], {}, "args.args"),
    "inbox edit in part": ([inbox("edit", action({"body": "Soon."}))], {}, "args.args.to"),
    "inbox edit against the schema": ([inbox("edit", action(full(amount="much")))], {}, "changes.amount"),
    "inbox edit over 2^53": (
        [inbox("edit", action(full(amount="9007199254740993")))],
        {},
        "args.args.amount",
    ),
    "inbox edit, nothing changed, no approval": (
        [inbox("edit", action(full()))],
        {"allowed": ("edit", "reject")},
        "args",
    ),
    "inbox response, blank, where only a rejection is taken": (
        [inbox("response", " ")],
        {"allowed": ("approve", "reject")},
        "message",
    ),
    "inbox response where a choice is taken": (
        [inbox("response", "neither")],
        {"allowed": ("reject", "choose")},
        "type",
    ),
    "an edit whose action has no name but a list": (
        {"type": "edit", "edited_action": {"name": [], "args": {}}},
        {},
        "edited_action.name",
    ),
    "two spellings of an edit": (
        {"type": "edit", "editedAction": action_of(full()), "edited_action": action_of(full(body="Soon."))},
        {},
        "editedAction",
    ),
    "inbox response with null": ([inbox("response")], {}, "args"),
    "inbox response, blank": ([inbox("response", "")], {}, "message"),
    "inbox response not taken": ([inbox("response", "approve")], {"allowed": ("approve",)}, "type"),
    "inbox ignore with a number": ([inbox("ignore", 3)], {}, "args"),
    "no decisions": ({"decisions": []}, {}, "decisions"),
    "two decisions": ({"decisions": [{"type": "approve"}] * 2}, {}, "decisions"),
    "decisions no list": ({"decisions": {"type": "approve"}}, {}, "decisions"),
    "decisions of null": ({"decisions": [None]}, {}, "decisions[0].type"),
    "decision of unknown type": (
        {"decisions": [{"type": "choose", "option": "refund"}]},
        {},
        "decisions[0].type",
    ),
    "decisions and a type": ({"decisions": [{"type": "approve"}], "type": "approve"}, {}, "type"),
    "decision with an extra key": ({"decisions": [{"type": "approve", "x": 1}]}, {}, "decisions[0].x"),
    "decision with changes": (
        {"decisions": [{"type": "edit", "changes": {"body": "x"}}]},
        {},
        "decisions[0].changes",
    ),
    "batch edit of another act": (
        {"decisions": [edited(full(body="x"), "pay")]},
        {},
        "decisions[0].edited_action.name",
    ),
    "batch edit without an act": ({"decisions": [{"type": "edit"}]}, {}, "decisions[0].edited_action"),
    "batch edit without a name": (
        {"decisions": [{"type": "edit", "edited_action": {"args": full()}}]},
        {},
        "decisions[0].edited_action.name",
    ),
    "batch respond without a message": ({"decisions": [{"type": "respond"}]}, {}, "decisions[0].message"),
    "batch reject with a number": (
        {"decisions": [{"type": "reject", "message": 3}]},
        {},
        "decisions[0].message",
    ),
    "call edit of another act": (edited(full(), "pay"), {}, "edited_action.name"),
    "call edit with more in the act": (
        {"type": "edit", "edited_action": {"name": "send_email", "args": full(), "id": "1"}},
        {},
        "edited_action.id",
    ),
    "call reject with note and message": ({"type": "reject", "message": "a", "note": "b"}, {}, "message"),
    "by blank": ({"type": "approve", "by": " "}, {}, "by"),
    "by a number": ({"type": "approve", "by": 7}, {}, "by"),
    "at no time": ({"type": "approve", "at": "soon"}, {}, "at"),
    "waited below zero": ({"type": "approve", "waited_s": -1}, {}, "waited_s"),
    "waited true": ({"type": "approve", "waited_s": True}, {}, "waited_s"),
    "waited NaN": ({"type": "approve", "waited_s": float("nan")}, {}, "waited_s"),
    "digest a number": ({"type": "approve", "digest": 1}, {}, "digest"),
}


@pytest.mark.parametrize(("value", "given", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_answer_is_refused_with_the_field(value: Any, given: dict[str, Any], field: str) -> None:
    """Each bad answer is an AnswerError that names the field at fault."""
    assert refusal(value, review(**given)).field == field


@pytest.mark.parametrize(("value", "given", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_answer_leaves_the_review_answerable(value: Any, given: dict[str, Any], field: str) -> None:
    """Reading changes nothing, so the same review takes a good answer next."""
    request = review(**given)
    refusal(value, request)
    good = {
        "type": request.allowed[0],
        **({"changes": {"body": "Soon."}} if request.allowed[0] == "edit" else {}),
    }
    assert request == review(**given) and read_answer(good, request).decision.type == request.allowed[0]


def test_a_refused_answer_stays_short_in_the_error() -> None:
    """What came with a bad answer does not fill the log, and cannot act in a terminal."""
    error = refusal({"type": "\x1b[2J" + "x" * 10_000})
    assert len(str(error)) < 300 and "\x1b" not in str(error)
