"""Requests and records that the notebook's tests show, with whatever is wanted in them."""

from __future__ import annotations

from typing import Any

from hitl_graph.reviews import Evidence, Owner, Reason, Record, ReviewKind, ReviewRequest
from hitl_graph.risk import ActionClass

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
PAY = ActionClass("refund", reversible=False, audience="customer", touches={"money"})


def a_request(**changes: Any) -> ReviewRequest:
    """A case about a mail."""
    fields: dict[str, Any] = {
        "gate": "reply",
        "kind": ReviewKind.SAFE_TO_SEND,
        "question": "Is this reply safe to send?",
        "why": (Reason("always", "Everything that leaves under the brand is read first."),),
        "action": SEND.sheet(),
        "proposal": {"to": "a@example.com", "body": "It is on its way."},
        "proposal_key": "email",
        "consequence": "Sends an email to a@example.com.",
        "evidence": (Evidence("Customer message", "Where is it?", source="ticket"),),
        "allowed": ("approve", "edit", "reject"),
        "owner": Owner("support-leads"),
    }
    return ReviewRequest(**{**fields, **changes}).sealed()


def a_record(**changes: Any) -> Record:
    """An edit that was approved."""
    fields: dict[str, Any] = {
        "review": "1f" * 16,
        "gate": "reply",
        "action": "send_email",
        "proposal_key": "email",
        "kind": ReviewKind.SAFE_TO_SEND,
        "decision": "edit",
        "proposed": {"to": "a@example.com", "body": "It comes on Monday."},
        "final": {"to": "a@example.com", "body": "It comes on Tuesday."},
        "outcome": "approved",
        "by": "ana",
        "at": "2026-03-01T12:00:00+01:00",
        "waited_s": 75.0,
        "reason": "wrong facts",
        "route": "send",
    }
    return Record(**{**fields, **changes})
