"""A confidence gate's judgement."""

from __future__ import annotations

from typing import Any

from hitl_graph.gates import (
    ConfidenceGate,
    Judgement,
)
from tests.unit.factories import SEND, TAG, confidence_gate

STATE: dict[str, Any] = {
    "ticket": "Where is my money?",
    "label": "refund",
    "segment": "refund",
    "score": 0.95,
}


BARS = {TAG.name: {"refund": 0.9, "*": 0.6}, SEND.name: {"refund": 0.99}}


def judged(gate: ConfidenceGate | None = None, **state: Any) -> Judgement:
    """The judgement about one ticket."""
    return (gate or confidence_gate()).judge({**STATE, **state}).judgement


def code(gate: ConfidenceGate | None = None, **state: Any) -> str:
    """Why it asks or lets pass."""
    [reason] = judged(gate, **state).reasons
    return reason.code
