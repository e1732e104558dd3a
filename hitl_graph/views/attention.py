"""Which cases need attention first today, and why: a sum of plain reasons, each with its weight. Pure.

| reason | weight |
|---|---|
| past its time | 50, and 1 for every hour over, up to 24 |
| due within the hour | 35 |
| due today, within eight hours | 15 |
| blocks customers | 25 |
| priority urgent, high, low | 25, 10, -10 |
| touches money | 15 |
| touches access, legal status or safety | 15 |
| cannot be undone | 10 |
| escalated | 12 for each time, up to 36 |
| given to you | 8 |
| age | 1 for every two hours of waiting, up to 24 |

The score is the sum. Of equals the one that has waited longest comes first, then the one with the lower id, so that the
order never depends on how the cases were found. A case below `LEAST` does not press.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection, Iterable

from hitl_graph.views.request import span

__all__ = ["LEAST", "Attention", "Reason", "Waiting", "attention", "most_pressing"]

LEAST = 15
"""The score from which a case needs attention today."""

_HOUR_S = 3600.0
_PRIORITY = {"urgent": 25, "high": 10, "low": -10}
_GRAVE = ("access", "legal", "safety")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiting:
    """What the ranking knows of a case that waits.

    Attributes:
        thread_id, id: The case. asked_at: Since when it waits. due_at: Until when it should be decided; None: for ever.
        priority: urgent, high, normal or low. blocks: Whether it blocks customers.
        reversible: Whether the act can be taken back; None where nothing says it. touches: What it can harm.
        level: How often it was escalated. mine: Whether it was given to whoever looks.
    """

    thread_id: str
    id: str
    asked_at: dt.datetime
    due_at: dt.datetime | None = None
    priority: str = "normal"
    blocks: bool = False
    reversible: bool | None = None
    touches: Collection[str] = ()
    level: int = 0
    mine: bool = False


@dataclasses.dataclass(frozen=True)
class Reason:
    """One reason, in words, and what it weighs."""

    text: str
    weight: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attention:
    """A case with its score and the reasons that make it up, the heaviest first."""

    case: Waiting
    score: int
    reasons: tuple[Reason, ...]


def attention(case: Waiting, now: dt.datetime) -> Attention:
    """How much a case presses at a moment, and why."""
    found = [*_time(case, now), *_weight(case), *_age(case, now)]
    reasons = sorted((one for one in found if one.weight), key=lambda one: -one.weight)
    return Attention(case=case, score=sum(one.weight for one in reasons), reasons=tuple(reasons))


def most_pressing(
    cases: Iterable[Waiting], now: dt.datetime, *, most: int = 3, least: int = LEAST
) -> list[Attention]:
    """Those that need attention today, the most pressing first.

    Args:
        cases: In any order. now: The database's now.
        most: At most so many. least: From this score on.
    """
    ranked = sorted((attention(case, now) for case in cases), key=_place)
    return [one for one in ranked if one.score >= least][:most]


def _place(one: Attention) -> tuple[int, dt.datetime, str, str]:
    return (-one.score, one.case.asked_at, one.case.id, one.case.thread_id)


def _time(case: Waiting, now: dt.datetime) -> list[Reason]:
    if case.due_at is None:
        return []
    left = (case.due_at - now).total_seconds()
    if left < 0:
        return [Reason(f"past its time by {span(left)}", 50 + min(24, int(-left / _HOUR_S)))]
    if left <= _HOUR_S:
        return [Reason(f"due in {span(left)}", 35)]
    return [Reason(f"due in {span(left)}", 15)] if left <= 8 * _HOUR_S else []


def _weight(case: Waiting) -> list[Reason]:
    grave = [word for word in _GRAVE if word in case.touches]
    words = {"legal": "legal status"}
    told = " and ".join(words.get(word, word) for word in grave)
    return [
        Reason("blocks customers", 25 if case.blocks else 0),
        Reason(f"priority {case.priority}", _PRIORITY.get(case.priority, 0)),
        Reason("touches money", 15 if "money" in case.touches else 0),
        Reason(f"touches {told}", 15 if grave else 0),
        Reason("cannot be undone", 10 if case.reversible is False else 0),
        Reason(
            "escalated" if case.level == 1 else f"escalated {case.level} times",
            12 * max(0, min(3, case.level)),
        ),
        Reason("given to you", 8 if case.mine else 0),
    ]


def _age(case: Waiting, now: dt.datetime) -> list[Reason]:
    waited = max(0.0, (now - case.asked_at).total_seconds())
    return [Reason(f"has waited {span(waited)}", min(24, int(waited / (2 * _HOUR_S))))]
