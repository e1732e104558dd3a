"""What happened to a case, in words."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from hitl_graph.views.history import decided_words, history_lines

AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def _line(kind: str, **data: Any) -> str:
    [line] = history_lines([{"id": 1, "at": AT, "type": kind, "data": data}])
    return f"{line.by} {line.text}{f' ({line.said})' if line.said else ''}".strip()


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("asked", {}, "The graph paused and asked."),
        ("claimed", {"by": "ben"}, "ben claimed it"),
        (
            "claim_taken_over",
            {"by": "ana", "from": "ben", "reason": "away"},
            "ana took it over from ben (away)",
        ),
        ("rerouted", {"by": "ana", "to": "bosses", "reason": "theirs"}, "ana gave it to bosses (theirs)"),
        ("undone", {"by": "ana", "decided_by": "ana"}, "ana took the decision back"),
        ("undone", {"by": "ana", "decided_by": "ben"}, "ana took back what ben had decided"),
        (
            "refused",
            {"by": "x", "error": "bad"},
            "The gate did not take the answer, and it waits again. (Bad.)",
        ),
        (
            "refused_attempt",
            {"by": "x", "what": "decide", "why": "no"},
            "x tried to decide it, and was refused (no)",
        ),
        (
            "decided",
            {"by": "ana", "decision": {"type": "reject", "reason": "tone"}},
            "ana rejected it (tone)",
        ),
        (
            "decided",
            {"by": "ana", "decision": {"type": "edit", "changes": {"to": 1}}},
            "ana approved it with changes (To)",
        ),
        ("a_new_thing", {"by": "ana"}, "ana a new thing"),
        ("a_new_thing", {}, "a new thing"),
    ],
)
def test_an_event_is_a_sentence(kind: str, data: dict[str, Any], words: str) -> None:
    assert _line(kind, **data) == words


def test_an_event_without_data_is_still_a_line() -> None:
    assert (
        history_lines([{"id": 1, "at": AT, "type": "asked", "data": None}])[0].text
        == "The graph paused and asked."
    )


def test_signs_of_life_are_left_out() -> None:
    assert history_lines([{"id": 1, "at": AT, "type": "claim_renewed", "data": {"by": "ben"}}]) == []


def test_a_choice_is_named() -> None:
    assert decided_words({"type": "choose", "option": "refund"}, "choose") == "chose “refund”"
