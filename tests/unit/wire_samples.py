"""A review, the answers that clients give to it, and the interrupts of other origin, in every shape."""

from __future__ import annotations

import copy
from typing import Any

from hitl_graph.decisions import (
    Approve,
    AskInfo,
    Choose,
    Decision,
    Edit,
    Reject,
    Respond,
    TakeOver,
)
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire import Shape
from tests.unit.answer_reviews import review as any_review

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
    """A review with the proposal and the schema of this file."""
    own = {"proposal": copy.deepcopy(PROPOSAL), "edit_schema": copy.deepcopy(SCHEMA)}
    return any_review(**{**own, **given})


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
