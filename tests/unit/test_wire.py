"""Every shape that clients speak, both ways: answers read, cases put, interrupts of other origin answered."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_graph.decisions import (
    DECISIONS,
    Approve,
    AskInfo,
    Choose,
    Decision,
    Edit,
    Reject,
    Respond,
    TakeOver,
    decision_to_json,
)
from hitl_graph.errors import AnswerError
from hitl_graph.reviews import Evidence, Option, Owner, Reason, ReviewKind, ReviewRequest
from hitl_graph.wire import (
    Answer,
    ForeignCase,
    Shape,
    answer_foreign,
    decisions_from_json,
    decisions_to_json,
    native_request,
    payload_for,
    read_answer,
    read_foreign,
    recognise,
)

PROPOSAL = {"to": "ana@example.com", "body": "On its way.", "amount": 40, "tags": ["a"], "due": None}
SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string"},
        "body": {"type": "string"},
        "amount": {"type": "integer", "maximum": 100},
        "tags": {"type": "array", "items": {"type": "string"}},
        "due": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["to", "body", "amount"],
}


def review(**given: Any) -> ReviewRequest:
    fields: dict[str, Any] = {
        "gate": "reply",
        "kind": ReviewKind.SAFE_TO_SEND,
        "question": "Is this reply safe to send?",
        "why": (Reason("always", "Everything is read."),),
        "action": {"name": "send_email"},
        "proposal": copy.deepcopy(PROPOSAL),
        "proposal_key": "email",
        "consequence": "Sends an email.",
        "evidence": (Evidence("Message", "Where is my refund?"),),
        "allowed": DECISIONS,
        "owner": Owner("leads"),
        "options": (Option("refund"), Option("wait")),
        "edit_schema": copy.deepcopy(SCHEMA),
    }
    return ReviewRequest(**{**fields, **given}).sealed()


def full(**changed: Any) -> dict[str, Any]:
    """A full set of arguments, some of them changed."""
    return {**copy.deepcopy(PROPOSAL), **changed}


def inbox(kind: str, args: Any = None) -> dict[str, Any]:
    return {"type": kind, "args": args}


def action(args: dict[str, Any], name: str = "send_email") -> dict[str, Any]:
    return {"action": name, "args": args}


def edited(args: dict[str, Any], name: str = "send_email") -> dict[str, Any]:
    return {"type": "edit", "edited_action": {"name": name, "args": args}}


def action_of(args: dict[str, Any]) -> dict[str, Any]:
    return {"name": "send_email", "args": args}


def refusal(value: Any, request: ReviewRequest | None = None) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        read_answer(value, request or review())
    return caught.value


NEW = Edit({"body": "Soon."})
# What a browser sends after its form was reset: every value as text.
AS_TEXT = {"to": "ana@example.com", "body": "On its way.", "amount": "40", "tags": '["a"]', "due": "null"}

READ: dict[str, tuple[Any, Decision, Shape]] = {
    "decision": (Reject(note="no"), Reject(note="no"), Shape.NATIVE),
    "native approve": ({"type": "approve"}, Approve(), Shape.NATIVE),
    "native edit": ({"type": "edit", "changes": {"body": "Soon."}}, NEW, Shape.NATIVE),
    "native edit with text": (
        {"type": "edit", "changes": {"amount": "41"}},
        Edit({"amount": 41}),
        Shape.NATIVE,
    ),
    "native reject": ({"type": "reject", "reason": "tone"}, Reject(reason="tone"), Shape.NATIVE),
    "native choose": ({"type": "choose", "option": "refund"}, Choose("refund"), Shape.NATIVE),
    "native respond": ({"type": "respond", "message": "Call."}, Respond("Call."), Shape.NATIVE),
    "native ask": ({"type": "ask_info", "question": "Which?"}, AskInfo("Which?"), Shape.NATIVE),
    "native take over": ({"type": "take_over"}, TakeOver(), Shape.NATIVE),
    "native respond with a word": (
        {"type": "respond", "message": "approve"},
        Respond("approve"),
        Shape.NATIVE,
    ),
    "native as text": ('{"type": "approve", "note": "ok"}', Approve(note="ok"), Shape.NATIVE),
    "inbox accept": ([inbox("accept")], Approve(), Shape.AGENT_INBOX),
    "inbox accept without args": ([{"type": "accept"}], Approve(), Shape.AGENT_INBOX),
    "inbox accept with args": ([inbox("accept", action(full()))], Approve(), Shape.AGENT_INBOX),
    "inbox accept with args as text": ([inbox("accept", action(AS_TEXT))], Approve(), Shape.AGENT_INBOX),
    "inbox accept of a batch": ([inbox("accept", action({}))], Approve(), Shape.AGENT_INBOX),
    "inbox edit": ([inbox("edit", action(full(body="Soon.")))], NEW, Shape.AGENT_INBOX),
    "inbox edit as text": (
        [inbox("edit", action({**AS_TEXT, "amount": "41", "tags": '["a", "b"]'}))],
        Edit({"amount": 41, "tags": ["a", "b"]}),
        Shape.AGENT_INBOX,
    ),
    "inbox edit that changes nothing": ([inbox("edit", action(AS_TEXT))], Approve(), Shape.AGENT_INBOX),
    "inbox edit with arguments": (
        [{"type": "edit", "arguments": {"action": "send_email", "arguments": full(body="Soon.")}}],
        NEW,
        Shape.AGENT_INBOX,
    ),
    "inbox response": ([inbox("response", "Call.")], Respond("Call."), Shape.AGENT_INBOX),
    "inbox response with a word": ([inbox("response", "approve")], Respond("approve"), Shape.AGENT_INBOX),
    "inbox response with an option": ([inbox("response", "refund")], Respond("refund"), Shape.AGENT_INBOX),
    "inbox ignore": ([inbox("ignore")], Reject(), Shape.AGENT_INBOX),
    "inbox object": (inbox("accept"), Approve(), Shape.AGENT_INBOX),
    "inbox object edit": (inbox("edit", action(full(body="Soon."))), NEW, Shape.AGENT_INBOX),
    "inbox as text": ('[{"type": "ignore", "args": null}]', Reject(), Shape.AGENT_INBOX),
    "inbox tuple": ((inbox("ignore"),), Reject(), Shape.AGENT_INBOX),
    "batch approve": ({"decisions": [{"type": "approve"}]}, Approve(), Shape.LANGCHAIN_BATCH),
    "batch edit": ({"decisions": [edited(full(body="Soon."))]}, NEW, Shape.LANGCHAIN_BATCH),
    "batch edit as text": (
        {"decisions": [edited({**AS_TEXT, "amount": "41"})]},
        Edit({"amount": 41}),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch edit that changes nothing": (
        {"decisions": [edited(full(amount=40.0))]},
        Approve(),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch edit with arguments": (
        {
            "decisions": [
                {"type": "edit", "edited_action": {"name": "send_email", "arguments": full(body="Soon.")}}
            ]
        },
        NEW,
        Shape.LANGCHAIN_BATCH,
    ),
    "batch reject": ({"decisions": [{"type": "reject"}]}, Reject(), Shape.LANGCHAIN_BATCH),
    "batch reject, message": (
        {"decisions": [{"type": "reject", "message": "Rude."}]},
        Reject(note="Rude."),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch reject, empty": (
        {"decisions": [{"type": "reject", "message": ""}]},
        Reject(),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch respond": (
        {"decisions": [{"type": "respond", "message": "approve"}]},
        Respond("approve"),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch from Agent Inbox, approve": (
        {"decisions": [inbox("approve", action(full()))]},
        Approve(),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch from Agent Inbox, edit": (
        {"decisions": [inbox("edit", action(full(body="Soon.")))]},
        NEW,
        Shape.LANGCHAIN_BATCH,
    ),
    "batch from Agent Inbox, reject": (
        {"decisions": [inbox("reject", "Rude.")]},
        Reject(note="Rude."),
        Shape.LANGCHAIN_BATCH,
    ),
    "batch from Agent Inbox, ignore": ({"decisions": [inbox("ignore")]}, Reject(), Shape.LANGCHAIN_BATCH),
    "call edit": (edited(full(body="Soon.")), NEW, Shape.LANGCHAIN_CALL),
    "batch edit from JavaScript": (
        {
            "decisions": [
                {
                    "type": "edit",
                    "editedAction": action_of(full(body="Soon.")),
                    "edited_action": action_of(full(body="Soon.")),
                }
            ]
        },
        NEW,
        Shape.LANGCHAIN_BATCH,
    ),
    "call edit from JavaScript": (
        {"type": "edit", "editedAction": action_of(full(body="Soon."))},
        NEW,
        Shape.LANGCHAIN_CALL,
    ),
    "call reject": ({"type": "reject", "message": "Rude."}, Reject(note="Rude."), Shape.LANGCHAIN_CALL),
    "call edit with a reason": (
        {**edited(full(body="Soon.")), "reason": "tone"},
        Edit({"body": "Soon."}, reason="tone"),
        Shape.LANGCHAIN_CALL,
    ),
    "word approve": ("approve", Approve(), Shape.RAW),
    "word accept": (" Accept\n", Approve(), Shape.RAW),
    "word reject": ("reject", Reject(), Shape.RAW),
    "word ignore": ("ignore", Reject(), Shape.RAW),
    "word in quotation marks": ('"approve"', Approve(), Shape.RAW),
    "option in quotation marks": ('"refund"', Choose("refund"), Shape.RAW),
    "quoted sentence": ('"approve it"', Respond('"approve it"'), Shape.RAW),
    "option": ("refund", Choose("refund"), Shape.RAW),
    "any other text": ("Call them first.", Respond("Call them first."), Shape.RAW),
    "text in brackets": ("[urgent] call them", Respond("[urgent] call them"), Shape.RAW),
    "yes is no word": ("yes", Respond("yes"), Shape.RAW),
}


@pytest.mark.parametrize(("value", "decision", "shape"), READ.values(), ids=READ.keys())
def test_an_answer_in_any_shape_is_one_decision(value: Any, decision: Decision, shape: Shape) -> None:
    """Each shape of wire.md is read into the decision that it means."""
    answer = read_answer(value, review())
    assert (answer.decision, answer.shape) == (decision, shape)


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
    answer = Answer(decision=decision, shape=Shape.NATIVE, **ENVELOPE)  # type: ignore[arg-type]
    assert read_answer(json.loads(json.dumps(answer.to_json())), review()) == answer


def test_a_native_payload_is_the_request() -> None:
    """The native shape is the request itself, and reads back equal."""
    request = review()
    assert ReviewRequest.from_json(payload_for(request, Shape.NATIVE)) == request


@pytest.mark.parametrize("shape", [Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_nothing_is_lost_in_another_shape(shape: Shape) -> None:
    """The native request stands whole in every payload."""
    request = review()
    found = native_request(json.loads(json.dumps(payload_for(request, shape))))
    assert found is not None and ReviewRequest.from_json(found) == request


@pytest.mark.parametrize("shape", [Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_a_payload_is_recognised_as_its_shape(shape: Shape) -> None:
    """A client of that shape sees its own shape."""
    assert recognise(payload_for(review(), shape)) is shape


@pytest.mark.parametrize("shape", [Shape.RAW, Shape.LANGCHAIN_CALL])
def test_a_shape_that_cannot_hold_a_case_is_refused(shape: Shape) -> None:
    """There is no payload for a raw value or a call's approval."""
    with pytest.raises(ValueError, match=shape.value):
        payload_for(review(), shape)


@pytest.mark.parametrize(
    ("allowed", "flags"),
    [
        (("approve",), "accept"),
        (("edit", "reject"), "edit ignore"),
        (("respond",), "respond"),
        (("choose",), "respond"),
        (("ask_info", "take_over"), ""),
        (DECISIONS, "accept edit respond ignore"),
    ],
    ids=str,
)
def test_agent_inbox_is_told_what_is_allowed(allowed: tuple[str, ...], flags: str) -> None:
    """The flags of `HumanInterrupt` follow what the review takes."""
    [payload] = payload_for(review(allowed=allowed), Shape.AGENT_INBOX)
    assert payload["config"] == {
        f"allow_{f}": f in flags.split() for f in ("accept", "edit", "respond", "ignore")
    }


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (("approve",), ["approve"]),
        (("reject", "edit"), ["edit", "reject"]),
        (("choose",), ["respond"]),
        (DECISIONS, ["approve", "edit", "reject", "respond"]),
    ],
    ids=str,
)
def test_a_batch_says_what_is_allowed(allowed: tuple[str, ...], words: list[str]) -> None:
    """`allowed_decisions` follows what the review takes."""
    payload = payload_for(review(allowed=allowed), Shape.LANGCHAIN_BATCH)
    assert payload["review_configs"] == [
        {"action_name": "send_email", "allowed_decisions": words, "args_schema": SCHEMA}
    ]


def test_a_batch_has_its_arguments_under_both_names() -> None:
    """Agent Inbox reads `arguments`, where its form holds no null; Agent Chat UI and the middleware `args`."""
    [act] = payload_for(review(), Shape.LANGCHAIN_BATCH)["action_requests"]
    assert act["name"] == "send_email" and act["args"] == PROPOSAL
    assert act["arguments"] == {**PROPOSAL, "due": "null"}


def test_agent_inbox_gets_no_number_where_it_has_no_form() -> None:
    """Its plain view draws text only; its form draws numbers, and no null."""
    [asked] = payload_for(review(allowed=("approve", "reject")), Shape.AGENT_INBOX)
    assert asked["action_request"]["args"] == {**PROPOSAL, "amount": "40"}


def test_a_response_where_only_a_rejection_is_taken_is_its_reason() -> None:
    """Of a batch Agent Inbox has no other box for it."""
    answer = read_answer([inbox("response", "Rude.")], review(allowed=("approve", "edit", "reject")))
    assert answer.decision == Reject(note="Rude.")


def test_several_decisions_are_kept_as_one_object() -> None:
    """And read back; one decision is written as it always was."""
    several = [Approve(), Edit({"n": 2}), Reject(note="no")]
    assert decisions_from_json(decisions_to_json(several)) == several
    assert decisions_from_json(decisions_to_json(several[1])) == several[1]
    assert decisions_to_json(several)["type"] == "each" and decisions_to_json(Approve()) == {
        "type": "approve"
    }


def test_a_description_shows_question_consequence_and_evidence() -> None:
    """A client that renders nothing but markdown shows enough to judge by."""
    [payload] = payload_for(review(), Shape.AGENT_INBOX)
    for text in (
        "Is this reply safe to send?",
        "Sends an email",
        "Everything is read",
        "    Where is my refund?",
    ):
        assert text in payload["description"]


@pytest.mark.parametrize(
    ("hostile", "gone"),
    [
        ("![x](http://x.example/a.png)", "![x](http"),
        ("<script>alert(1)</script>", "<script>"),
        ("[Approve](javascript:alert(1))", "[Approve]("),
        ("\x1b]8;;http://x\x07", "\x1b"),
        ("\u202eevil", "\u202e"),
    ],
    ids=["image", "script", "link", "escape", "bidi"],
)
def test_markup_in_a_consequence_does_not_act(hostile: str, gone: str) -> None:
    """A consequence may be filled from what a model wrote: its markup is written out."""
    [payload] = payload_for(review(consequence=hostile), Shape.AGENT_INBOX)
    assert gone not in payload["description"]


def test_evidence_cannot_leave_its_block() -> None:
    """Every line of evidence is indented as code, so it can close no fence and draw no button."""
    [payload] = payload_for(review(evidence=(Evidence("Message", "a\n```\n# b"),)), Shape.AGENT_INBOX)
    assert "    a\n    ```\n    # b" in payload["description"]


BATCH = {
    "action_requests": [{"name": "send", "args": {"to": "ana", "n": 1}, "description": "Sends it."}],
    "review_configs": [
        {"action_name": "send", "allowed_decisions": ["approve", "edit", "reject", "respond"]}
    ],
}
TWO = {
    "action_requests": [{"name": "send", "args": {"n": 1}}, {"name": "delete", "args": {"path": "/"}}],
    "review_configs": [
        {"action_name": "delete", "allowed_decisions": ["reject"]},
        {"action_name": "send", "allowed_decisions": ["approve", "reject"]},
    ],
}
CALL = {
    "type": "tool_approval",
    "tool_call_id": "call_1",
    "name": "send",
    "args": {"to": "ana", "n": 1},
    "description": "Sends it.",
}
HUMAN = {
    "action_request": {"action": "send", "args": {"to": "ana", "n": 1}},
    "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
    "description": "Sends it.",
}


def call_schema(*allowed: str) -> dict[str, Any]:
    """What LangChain's middleware publishes for one call: a union by `type`, its parts as definitions."""
    kind = {
        word: {"type": {"const": word, "type": "string"}} for word in ("approve", "edit", "reject", "respond")
    }
    text = {"type": "string"}
    args = {
        "type": "object",
        "properties": {"to": text, "n": {"type": "integer", "default": 3}},
        "required": ["to"],
    }
    act = {
        "type": "object",
        "properties": {"name": {"const": "send", "type": "string"}, "args": {"$ref": "#/$defs/send"}},
        "required": ["name", "args"],
    }
    parts: dict[str, dict[str, Any]] = {
        "approve": {"properties": kind["approve"], "required": ["type"]},
        "edit": {
            "properties": {**kind["edit"], "edited_action": {"$ref": "#/$defs/EditedAction"}},
            "required": ["type", "edited_action"],
        },
        "reject": {"properties": {**kind["reject"], "message": text}, "required": ["type"]},
        "respond": {"properties": {**kind["respond"], "message": text}, "required": ["type", "message"]},
    }
    defs: dict[str, Any] = {word: {"type": "object", **parts[word]} for word in allowed}
    defs |= {"EditedAction": act, "send": args} if "edit" in allowed else {}
    if len(allowed) == 1:
        return {**defs.pop(allowed[0]), "$defs": defs}
    return {"$defs": defs, "oneOf": [{"$ref": f"#/$defs/{word}"} for word in allowed]}


SHAPES: dict[str, tuple[Any, Shape]] = {
    "batch": (BATCH, Shape.LANGCHAIN_BATCH),
    "batch without configs": (
        {"action_requests": [{"name": "send", "arguments": {}}]},
        Shape.LANGCHAIN_BATCH,
    ),
    "batch as text": (json.dumps(BATCH), Shape.LANGCHAIN_BATCH),
    "empty batch": ({"action_requests": [], "review_configs": []}, Shape.RAW),
    "batch of text": ({"action_requests": ["send"]}, Shape.RAW),
    "call": (CALL, Shape.LANGCHAIN_CALL),
    "other type": ({**CALL, "type": "tool"}, Shape.RAW),
    "human interrupt": (HUMAN, Shape.AGENT_INBOX),
    "list of one": ([HUMAN], Shape.AGENT_INBOX),
    "list of two": ([HUMAN, HUMAN], Shape.AGENT_INBOX),
    "as text": (json.dumps([HUMAN]), Shape.AGENT_INBOX),
    "half a human interrupt": ({"action_request": {"action": "send"}}, Shape.RAW),
    "list of something else": ([HUMAN, 1], Shape.RAW),
    "a question": ("How old are you?", Shape.RAW),
    "broken text": ('{"action_request":', Shape.RAW),
    "a number": (3, Shape.RAW),
    "null": (None, Shape.RAW),
    "an object": ({"question": "How old?"}, Shape.RAW),
    "a Python object": (object(), Shape.RAW),
    "a later version of ours": ({"v": 2, "gate": "g", "digest": "d"}, Shape.RAW),
    "ours without a digest": ({"v": 1, "gate": "g", "digest": ""}, Shape.RAW),
}


@pytest.mark.parametrize(("payload", "shape"), SHAPES.values(), ids=SHAPES.keys())
def test_an_interrupt_is_recognised(payload: Any, shape: Shape) -> None:
    """Each asker's payload has its shape, and what is none of them is raw."""
    assert recognise(payload) is shape


@pytest.mark.parametrize("payload", [None, "text", HUMAN, [HUMAN], {"hitl": {"v": 1}}, {"hitl": 3}], ids=str)
def test_a_foreign_payload_holds_no_request_of_ours(payload: Any) -> None:
    """Only a request of ours is taken for one."""
    assert native_request(payload) is None


@pytest.mark.parametrize(
    ("payload", "schema", "title", "description", "allowed"),
    [
        (BATCH, None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        (TWO, None, "send, delete", json.dumps(TWO), ("reject",)),
        (CALL, None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        (CALL, call_schema("approve", "reject"), "send", "Sends it.", ("approve", "reject")),
        (CALL, call_schema("edit"), "send", "Sends it.", ("edit",)),
        (HUMAN, None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        ([HUMAN], None, "send", "Sends it.", ("approve", "edit", "reject", "respond")),
        (
            "How old are you?\nIn years.",
            None,
            "How old are you?",
            "How old are you?\nIn years.",
            ("approve", "edit", "reject", "respond"),
        ),
        ({"question": "How old?"}, None, "How old?", "How old?", ("approve", "edit", "reject", "respond")),
        ({"n": 1}, None, '{"n": 1}', '{"n": 1}', ("approve", "edit", "reject", "respond")),
        ("Age?", {"type": "integer"}, "Age?", "Age?", ("respond",)),
        ("Go on?", {"type": "boolean"}, "Go on?", "Go on?", ("approve", "reject", "respond")),
        ("Fill in.", {"type": "object"}, "Fill in.", "Fill in.", ("edit", "respond")),
        ("", None, "ask", "", ("approve", "edit", "reject", "respond")),
    ],
    ids=str,
)
def test_a_foreign_case_is_read(
    payload: Any, schema: Any, title: str, description: str, allowed: tuple[str, ...]
) -> None:
    """A case of other origin has a title, a text and the decisions that its asker takes."""
    case = read_foreign(payload, "ask", schema)
    assert (case.title, case.description, set(case.allowed)) == (title, description, set(allowed))


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("allow_accept", "approve"),
        ("allow_edit", "edit"),
        ("allow_respond", "respond"),
        ("allow_ignore", "reject"),
    ],
)
def test_the_flags_of_a_human_interrupt_are_what_is_allowed(flag: str, kind: str) -> None:
    """One flag set, one decision allowed."""
    case = read_foreign({**HUMAN, "config": {flag: True}})
    assert case.allowed == (kind,)


def test_each_act_of_a_batch_has_its_own_arguments_and_decisions() -> None:
    """Configurations are found by the act's name, not by position."""
    assert read_foreign(TWO).proposals == (
        {"name": "send", "args": {"n": 1}, "allowed": ["approve", "reject"]},
        {"name": "delete", "args": {"path": "/"}, "allowed": ["reject"]},
    )


@pytest.mark.parametrize(
    "bad", [float("nan"), 2**60, "\ud800", object(), b"x"], ids=["nan", "int", "text", "object", "bytes"]
)
def test_a_case_with_values_that_are_no_json_is_listed(bad: Any) -> None:
    """It is shown, it can be approved, and it cannot be edited, for the rest would be sent back changed."""
    case = read_foreign([{**HUMAN, "action_request": {"action": "send", "args": {"n": bad, "to": "ana"}}}])
    json.dumps(dataclasses.asdict(case)).encode()
    assert case.proposals[0]["args"]["to"] == "ana" and "edit" not in case.allowed
    assert answer_foreign(case, Approve()) == [{"type": "accept", "args": None}]


EDITED = {"to": "ana", "n": 2}
ANSWERED: dict[str, tuple[Any, Any, Any, Any]] = {
    "batch approve": (BATCH, Approve(), None, {"decisions": [{"type": "approve"}]}),
    "batch edit": (
        BATCH,
        Edit({"n": 2}),
        None,
        {"decisions": [{"type": "edit", "edited_action": {"name": "send", "args": EDITED}}]},
    ),
    "batch edit with arguments": (
        {"action_requests": [{"name": "send", "arguments": {"n": 1}}]},
        Edit({"n": 2}),
        None,
        {"decisions": [{"type": "edit", "edited_action": {"name": "send", "arguments": {"n": 2}}}]},
    ),
    "batch reject": (BATCH, Reject(), None, {"decisions": [{"type": "reject"}]}),
    "batch reject, note": (
        BATCH,
        Reject(note="Rude."),
        None,
        {"decisions": [{"type": "reject", "message": "Rude."}]},
    ),
    "batch reject, reason": (
        BATCH,
        Reject(reason="tone"),
        None,
        {"decisions": [{"type": "reject", "message": "tone"}]},
    ),
    "batch respond": (BATCH, Respond("Hi."), None, {"decisions": [{"type": "respond", "message": "Hi."}]}),
    "batch of two": (
        TWO,
        [Approve(), Reject()],
        None,
        {"decisions": [{"type": "approve"}, {"type": "reject"}]},
    ),
    "call approve": (CALL, Approve(), None, {"type": "approve"}),
    "call edit": (
        CALL,
        Edit({"n": 2}),
        None,
        {"type": "edit", "edited_action": {"name": "send", "args": EDITED}},
    ),
    "call reject": (CALL, Reject(note="No."), None, {"type": "reject", "message": "No."}),
    "call respond": (CALL, Respond("Hi."), None, {"type": "respond", "message": "Hi."}),
    "call with a schema": (
        CALL,
        Edit({"n": 2}),
        call_schema("approve", "edit"),
        {"type": "edit", "edited_action": {"name": "send", "args": EDITED}},
    ),
    "human accept": (HUMAN, Approve(), None, [inbox("accept", action({"to": "ana", "n": 1}, "send"))]),
    "human edit": (HUMAN, Edit({"n": 2}), None, [inbox("edit", action(EDITED, "send"))]),
    "human respond": (HUMAN, Respond("Hi."), None, [inbox("response", "Hi.")]),
    "human ignore": (HUMAN, Reject(), None, [inbox("ignore")]),
    "human in a list": ([HUMAN], Reject(), None, [inbox("ignore")]),
    "two humans": (
        [HUMAN, HUMAN],
        [Reject(), Respond("Hi.")],
        None,
        [inbox("ignore"), inbox("response", "Hi.")],
    ),
    "raw respond": ("Age?", Respond("42"), None, "42"),
    "raw respond, number": ("Age?", Respond("42"), {"type": "integer"}, 42),
    "raw respond, object": ("Who?", Respond('{"name": "Ana"}'), {"type": "object"}, {"name": "Ana"}),
    "raw respond, text that looks like a number": ("Code?", Respond("42"), {"type": "string"}, "42"),
    "raw approve": ("Go on?", Approve(), None, True),
    "raw reject": ("Go on?", Reject(), None, False),
    "raw edit": ({"name": ""}, Edit({"name": "Ana"}), None, {"name": "Ana"}),
    "raw edit, schema": ("Who?", Edit({"age": 3}), {"properties": {"age": {"type": "integer"}}}, {"age": 3}),
    "null": (None, Respond("x"), None, "x"),
}


@pytest.mark.parametrize(("payload", "decision", "schema", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_foreign_interrupt_is_answered_in_its_own_shape(
    payload: Any, decision: Any, schema: Any, answer: Any
) -> None:
    """What the asker gets is what it would get from its own client."""
    assert answer_foreign(payload, decision, response_schema=schema) == answer


@pytest.mark.parametrize(("payload", "decision", "schema", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_case_that_was_read_is_answered_the_same(
    payload: Any, decision: Any, schema: Any, answer: Any
) -> None:
    """A case carries all that an answer needs: its payload need not be kept."""
    assert answer_foreign(read_foreign(payload, "ask", schema), decision) == answer


MISFITS: dict[str, tuple[Any, Any, Any, str]] = {
    "choose": (BATCH, Choose("a"), None, "type"),
    "ask": (HUMAN, AskInfo("?"), None, "type"),
    "take over": ("Age?", TakeOver(), None, "type"),
    "flag not set": ({**HUMAN, "config": {"allow_accept": True}}, Edit({"n": 2}), None, "type"),
    "flag false": ({**HUMAN, "config": {"allow_accept": False}}, Approve(), None, "type"),
    "decision not allowed": (TWO, [Approve(), Approve()], None, "decisions[1].type"),
    "one decision for two": (TWO, Reject(), None, "decisions"),
    "three decisions for two": (TWO, [Reject()] * 3, None, "decisions"),
    "no decisions": (BATCH, [], None, "decisions"),
    "two decisions for a question": ("Age?", [Respond("1"), Respond("2")], None, "decisions"),
    "call not allowed": (CALL, Approve(), call_schema("reject"), "type"),
    "call against its schema": (CALL, Edit({"n": "two"}), call_schema("approve", "edit"), "changes.n"),
    "raw against its schema": ("Age?", Respond("old"), {"type": "integer"}, "answer"),
    "raw against its schema, inside": (
        "Who?",
        Edit({"age": "old"}),
        {"properties": {"age": {"type": "integer"}}},
        "answer.age",
    ),
    "raw true where a number is wanted": ("Age?", Approve(), {"type": "integer"}, "type"),
    "broken schema": ("Age?", Respond("1"), {"type": "nothing"}, "answer"),
    "batch against its args_schema": (
        {
            "action_requests": [{"name": "send", "args": {"n": 1}}],
            "review_configs": [
                {
                    "action_name": "send",
                    "allowed_decisions": ["edit"],
                    "args_schema": {"properties": {"n": {"type": "integer"}}},
                }
            ],
        },
        Edit({"n": "two"}),
        None,
        "changes.n",
    ),
    "NaN": (HUMAN, Edit({"n": float("nan")}), None, "changes.n"),
    "NUL": ("Age?", Respond("\x00"), None, "message"),
    "no decision": (BATCH, None, None, "answer"),
    "a dict": (BATCH, {"type": "approve"}, None, "answer"),
}


@pytest.mark.parametrize(("payload", "decision", "schema", "field"), MISFITS.values(), ids=MISFITS.keys())
def test_a_decision_that_the_asker_does_not_take_is_refused(
    payload: Any, decision: Any, schema: Any, field: str
) -> None:
    """Flags, lengths and schemas of the asker are kept, and the error names the field."""
    with pytest.raises(AnswerError) as caught:
        answer_foreign(payload, decision, response_schema=schema)
    assert caught.value.field == field


def test_the_error_names_the_node_that_asked() -> None:
    """`where` says which interrupt would not take the answer."""
    with pytest.raises(AnswerError, match=r"^interrupt of node 'ask': type: "):
        answer_foreign(read_foreign("Age?", "ask"), TakeOver())


def test_text_of_a_batch_edit_is_turned_by_its_schema() -> None:
    """A command line gives text; the asker's schema says what it is."""
    schema = {"properties": {"n": {"type": "integer"}}}
    payload = {
        "action_requests": [{"name": "send", "args": {"n": 1}}],
        "review_configs": [{"action_name": "send", "allowed_decisions": ["edit"], "args_schema": schema}],
    }
    assert answer_foreign(payload, Edit({"n": "2"}))["decisions"][0]["edited_action"]["args"] == {"n": 2}


def test_our_own_case_is_answered_natively() -> None:
    """A native request that is met in the list of interrupts is answered as our own."""
    case = read_foreign(payload_for(review(), Shape.NATIVE))
    assert case.shape is Shape.NATIVE and answer_foreign(case, Approve()) == {"type": "approve"}


@pytest.mark.parametrize("shape", [Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
@pytest.mark.parametrize(
    "decision", [Approve(), Edit({"amount": 41}), Reject(), Respond("Hi.")], ids=lambda d: d.type
)
def test_what_we_answer_to_a_shape_is_what_we_read_of_it(shape: Shape, decision: Decision) -> None:
    """Writing an answer in a client's shape and reading it back gives the same decision."""
    request = review()
    answer = answer_foreign(payload_for(request, shape), decision)
    assert read_answer(answer, request).decision == decision


JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=2)
    | st.sampled_from(["approve", "accept", "ignore", "refund", "41", "\ud800", "\x00", "{", "[1]", 2**53])
    | st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "args", "arguments", "changes", "message", "note", "by", "digest", "hitl", "x", 1, None]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn, samples: list[Any]) -> Any:
    """A good sample with up to two parts replaced, removed or added, perhaps as JSON text."""
    box = [copy.deepcopy(draw(st.sampled_from(samples)))]
    for _ in range(draw(st.integers(0, 2))):
        place = [0, *draw(st.sampled_from(places(box[0])))]
        last, parent = place[-1], box
        for key in place[:-1]:
            parent = parent[key]
        how = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if how == "remove" and parent is not box:
            del parent[last]
        elif how == "add" and isinstance(parent[last], dict):
            parent[last][draw(NAMES)] = draw(JUNK)
        else:
            parent[last] = draw(JUNK)
    return json.dumps(box[0], default=str, skipkeys=True) if draw(st.booleans()) else box[0]


ANSWERS = damaged([value for value, _, _ in READ.values() if isinstance(value, (str, dict, list))])
PAYLOADS = damaged(
    [BATCH, TWO, CALL, HUMAN, [HUMAN], "Age?", *(payload_for(review(), s) for s in list(Shape)[:3])]
)
ANY = settings(max_examples=300, deadline=None)


@ANY
@given(
    value=ANSWERS | JUNK,
    allowed=st.lists(st.sampled_from(DECISIONS), min_size=1, unique=True),
    schema=st.booleans(),
)
def test_any_value_is_an_allowed_decision_or_an_answer_error(
    value: Any, allowed: list[str], schema: bool
) -> None:
    """Whatever a graph is resumed with is read as an allowed decision or refused; nothing else happens."""
    request = review(allowed=tuple(allowed), edit_schema=SCHEMA if schema else None)
    try:
        answer = read_answer(value, request)
    except AnswerError:
        return
    assert answer.decision.type in allowed
    assert read_answer(answer.to_json(), request).decision == answer.decision


@ANY
@given(
    payload=PAYLOADS | JUNK,
    schema=st.none() | st.dictionaries(st.sampled_from(["type", "anyOf", "$ref"]), JUNK),
)
def test_any_interrupt_can_be_read_and_shown(payload: Any, schema: Any) -> None:
    """A case can be made of anything that a graph interrupts with, and it is JSON."""
    case = read_foreign(payload, "ask", schema)
    assert isinstance(case, ForeignCase) and set(case.allowed) <= set(DECISIONS)
    json.dumps([case.title, case.description, case.proposals], ensure_ascii=False, allow_nan=False).encode()


@ANY
@given(
    payload=PAYLOADS | JUNK,
    decision=st.sampled_from([Approve(), Edit({"x": 1}), Reject(), Respond("41"), Choose("a"), TakeOver()]),
)
def test_any_interrupt_is_answered_or_refused(payload: Any, decision: Decision) -> None:
    """An answer to anything is JSON, or an AnswerError."""
    try:
        answer = answer_foreign(payload, decision)
    except AnswerError:
        return
    json.dumps(answer, allow_nan=False).encode()


@ANY
@given(
    decision=st.builds(Approve, note=st.none() | st.text(max_size=5))
    | st.builds(Reject, reason=st.none() | st.sampled_from(["tone", "wrong"]))
    | st.builds(Respond, st.sampled_from(["Hi.", "approve", "[1]", '{"type": "approve"}']))
    | st.builds(Edit, st.dictionaries(st.sampled_from(["to", "body"]), st.text(max_size=5), min_size=1))
)
def test_a_decision_sent_natively_arrives(decision: Decision) -> None:
    """What one side writes is what the other reads, or what neither takes."""
    try:
        sent = read_answer(decision, review()).decision
    except AnswerError:
        return
    assert read_answer(json.dumps(decision_to_json(sent)), review()).decision == sent
