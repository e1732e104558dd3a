"""What a proposal is compared with: the draft before it, the record as it is, the case as it was shown. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hitl_graph.desk.case import Case
from hitl_graph.plain import JSON
from hitl_graph.reviews import ReviewRequest
from hitl_graph.views.diff import Piece, Work, value_text, word_diff

__all__ = ["Comparison", "compared", "merge_rows", "snapshot", "stale_diff"]

MOST_SNAPSHOT = 60_000
"""Characters of what was shown that a form carries back, so that a change can be shown as a diff."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the proposal replaces: a word diff for each field that differs."""

    title: str
    said: tuple[str, ...]
    fields: tuple[tuple[str, list[Piece]], ...]


def compared(request: ReviewRequest) -> Comparison | None:
    """What the proposal replaces: the draft before it, or the record among the evidence that has all its fields."""
    before = request.previous or {}
    old = before.get("proposed")
    if isinstance(old, Mapping) and old:
        by, decision = str(before.get("by") or ""), str(before.get("decision") or "")
        title = f"The draft before this one ({decision}{f' by {by}' if by else ''})"
        said = tuple(str(before[key]) for key in ("reason", "note") if before.get(key))
        return Comparison(title=title, said=said, fields=_changed(old, request.proposal))
    if request.kind.value == "merge":
        return None
    for item in request.evidence:
        if (
            isinstance(item.content, dict)
            and request.proposal
            and request.proposal.keys() <= item.content.keys()
        ):
            now = {name: item.content[name] for name in request.proposal}
            return Comparison(title=item.title, said=(), fields=_changed(now, request.proposal))
    return None


def merge_rows(request: ReviewRequest) -> tuple[tuple[str, ...], tuple[dict[str, Any], ...]]:
    """Two records beside each other: their titles, and each field with both values, what is proposed, and what to type.

    The records are the first two pieces of evidence that are objects; empty where there are no two.
    """
    records = [item for item in request.evidence if isinstance(item.content, dict)][:2]
    if len(records) < 2:
        return (), ()
    names = dict.fromkeys((*request.proposal, *records[0].content, *records[1].content))
    work = Work()
    rows = [
        {
            "name": name,
            "values": [item.content.get(name) for item in records],
            "texts": [value_text(item.content.get(name)) for item in records],
            "same": records[0].content.get(name) == records[1].content.get(name),
            "proposed": request.proposal.get(name),
            "in_proposal": name in request.proposal,
            "diff": word_diff(records[0].content.get(name), records[1].content.get(name), work),
        }
        for name in names
    ]
    return tuple(item.title for item in records), tuple(rows)


def snapshot(case: Case) -> dict[str, JSON]:
    """What a person was shown, for the diff when it has changed meanwhile; long evidence is left out."""
    request = case.request
    if request is None:
        whole: dict[str, JSON] = {"proposal": {"asked": value_text(case.payload)}}
    else:
        whole = {
            "proposal": request.proposal,
            "consequence": request.consequence,
            "question": request.question,
            "evidence": {item.title: value_text(item.content) for item in request.evidence},
        }
    if len(value_text(whole)) > MOST_SNAPSHOT:
        whole.pop("evidence", None)
    return whole if len(value_text(whole)) <= MOST_SNAPSHOT else {}


def stale_diff(shown: Mapping[str, Any], case: Case) -> tuple[tuple[str, list[Piece]], ...]:
    """What is different now from what a person was shown, part by part."""
    new = snapshot(case)
    out: list[tuple[str, list[Piece]]] = [
        (part, word_diff(str(shown[part]), str(new.get(part, ""))))
        for part in ("question", "consequence")
        if part in shown and shown[part] != new.get(part)
    ]
    for part in ("proposal", "evidence"):
        old, now = shown.get(part), new.get(part)
        if isinstance(old, Mapping) and isinstance(now, Mapping):
            out += _changed(old, now)
    return tuple(out)


def _changed(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> tuple[tuple[str, list[Piece]], ...]:
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    work = Work()
    return tuple((name, word_diff(old.get(name), new.get(name), work)) for name in names)
