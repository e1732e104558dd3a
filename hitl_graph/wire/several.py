"""One decision, or one for each act that an interrupt of other origin asks about at once, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.decisions import Decision, decision_from_json, decision_to_json

__all__ = ["decisions_from_json", "decisions_to_json"]


def decisions_to_json(decision: Decision | Sequence[Decision]) -> dict[str, Any]:
    """One decision as it is written natively; several about one case as `{"type": "each", "decisions": [...]}`.

    Raises:
        PlainJsonError: A value in it is no plain JSON.
    """
    if isinstance(decision, (list, tuple)):
        return {"type": "each", "decisions": [decision_to_json(one) for one in decision]}
    return decision_to_json(decision)  # type: ignore[arg-type]  # a Decision is no Sequence


def decisions_from_json(value: Mapping[str, Any]) -> Decision | list[Decision]:
    """Read what `decisions_to_json` wrote.

    Raises:
        AnswerError: It is no decision.
    """
    if value.get("type") == "each":
        return [decision_from_json(one) for one in value["decisions"]]
    return decision_from_json(value)
