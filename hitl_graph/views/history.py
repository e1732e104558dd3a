"""What happened to a case, one line for each event, in words that need no knowledge of the tables."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from hitl_graph.views.code_words import DECIDED, code_words, failure_words, tried_words
from hitl_graph.views.inputs import label_of
from hitl_graph.views.refusals import logged_words
from hitl_graph.views.said_words import answer_words
from hitl_graph.views.ways import way_words

__all__ = ["Line", "decided_words", "history_lines"]

_SAID = {
    "asked": "The graph paused and asked.",
    "changed": "What is asked has changed; decisions about the old one are void.",
    "reopened": "It is asked once more.",
    "applied": "The graph took the answer.",
    "answer_known": "The answer that came past this desk is known now.",
    "decided_elsewhere": "It was answered past this desk.",
    "superseded": "The graph went on without it.",
    "claimed": "claimed it",
    "claim_renewed": "is still at it",
    "claim_released": "let it go",
    "evidence_opened": "opened a piece of evidence",
    "undone": "took the decision back",
    "voted": "said yes; more people must",
    "refused": "The gate did not take the answer, and it waits again.",
    "failed": "The graph raised an error after the answer.",
    "retried": "let the graph try again",
    "acknowledged": "has seen it",
    "row_opened": "A case was opened for a thread that waited without one.",
    "woken": "woke it up",
    "reminded": "A reminder was due.",
    "repeated": "It was told once more.",
    "expired": "Its time ran out.",
    "effect_begun": "began the act",
    "effect_not_done": "The act was not done.",
    "effect_held": "An act was held back.",
    "effect_done": "The act was done.",
    "effect_unknown": "Whether the act was done is not known: a person must look.",
    "effect_settled": "said whether the act was done",
}
_CODED = frozenset({"reason", "cause", "recurrence"})
_QUIET = frozenset({"claim_renewed"})
"""Signs of life that say nothing new."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """One event. `by` is empty where nobody did it; `said` are the words of who did, `way` how it came, in ours."""

    at: dt.datetime
    by: str
    text: str
    said: str = ""
    kind: str = ""
    way: str = ""


def history_lines(events: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The events of one case, oldest first, without signs of life."""
    return [_line(event) for event in events if event["type"] not in _QUIET]


def decided_words(decision: Mapping[str, Any] | None, kind: str | None) -> str:
    """What somebody decided, after their name."""
    said = decision or {}
    words = DECIDED.get(str(kind), f"decided: {code_words(str(kind))}")
    if kind == "choose" and said.get("option"):
        return f"{words} “{code_words(str(said['option']))}”"
    if kind == "edit":
        names = ", ".join(label_of(str(name)) for name in said.get("changes") or {})
        return f"{words} ({names})" if names else words
    return words


def _moved(kind: str, data: Mapping[str, Any], by: str) -> str:
    """What was done with the case itself, where its event says more than its name."""
    if kind == "claim_taken_over":
        return f"took it over from {data['from']}" if data.get("from") else "claimed it"
    if kind in ("reassigned", "rerouted"):
        return f"gave it to {data.get('to')}"
    if kind == "snoozed":
        return f"put it off until {data['until']}" if data.get("until") else "woke it up"
    if kind == "escalated":
        return f"It went up to {data.get('owner') or data.get('to') or 'the next level'}."
    if kind == "undone" and data.get("decided_by") not in (None, by):
        return f"took back what {data['decided_by']} had decided"
    return ""


def _line(event: Mapping[str, Any]) -> Line:
    data, kind = event["data"] or {}, str(event["type"])
    by = str(data.get("by") or "")
    text, said = _SAID.get(kind, code_words(kind)), str(data.get("reason") or "")
    decision: Mapping[str, Any] = data["decision"] if isinstance(data.get("decision"), Mapping) else {}
    if kind == "decided":
        text = decided_words(decision, decision.get("type"))
        said = " · ".join(
            code_words(str(decision[name])) if name in _CODED else str(decision[name])
            for name in ("message", "question", "reason", "cause", "recurrence", "note")
            if decision.get(name)
        )
    elif kind == "refused":
        said = answer_words(str(data.get("error") or ""))
    elif kind == "failed":
        said = failure_words(str(data.get("error") or ""))
    elif kind == "refused_attempt":
        text = f"tried {tried_words(str(data.get('what') or ''))}, and was refused"
        said = logged_words(str(data.get("why") or ""))
    else:
        text = _moved(kind, data, by) or text
    if text.endswith("."):
        by = ""
    return Line(at=event["at"], by=by, text=text, said=said, kind=kind, way=way_words(data))
