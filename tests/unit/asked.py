"""The case of a gate that reads before a send."""

from __future__ import annotations

from typing import Any

from hitl_graph.gates import Ask
from hitl_graph.reviews import ReviewRequest
from tests.unit.factories import EMAIL, review_gate

NOBODY: dict[str, Any] = {"schema": None, "consequence": "Sends it."}


def asked(state: dict[str, Any] | None = None, **changes: Any) -> ReviewRequest:
    """The case that the gate shows."""
    verdict = review_gate(**changes).judge({"ticket": "Where is my card?", "email": EMAIL, **(state or {})})
    assert isinstance(verdict, Ask)
    return verdict.request
