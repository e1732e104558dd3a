"""A review with a strict schema, how it refuses, and values drawn for properties about answers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from hitl_graph.answers import check_decision
from hitl_graph.decisions import DECISIONS
from hitl_graph.errors import AnswerError
from hitl_graph.reviews import Evidence, Option, Owner, Reason, ReviewKind, ReviewRequest

PROPOSAL = {
    "to": "ana@example.com",
    "body": "Your refund is on its way.",
    "amount": 40,
    "rate": 0.5,
    "urgent": False,
    "due": None,
    "lines": [{"sku": "a", "amount": 1}, {"sku": "b", "amount": 2}],
    "address": {"city": "Bonn", "zip": "53111"},
}
LINE = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "amount": {"type": "integer", "maximum": 100}},
    "required": ["sku", "amount"],
}
SCHEMA: dict[str, Any] = {
    "$defs": {"Line": LINE, "Kind": {"enum": ["gift", "sale"]}},
    "type": "object",
    "properties": {
        "to": {"type": "string", "format": "email"},
        "body": {"type": "string", "minLength": 3, "maxLength": 2000},
        "amount": {"type": "integer", "minimum": 0},
        "rate": {"type": "number"},
        "urgent": {"type": "boolean"},
        "due": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 3},
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
        },
        "kind": {"$ref": "#/$defs/Kind"},
    },
    "required": ["to", "body"],
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


def refusal(request: ReviewRequest, decision: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        check_decision(request, decision)
    return caught.value


ANY = settings(deadline=None)
SAFE = 2**53 - 1
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c/d", "e~f", ""]), inner)
    ),
    max_leaves=12,
)
