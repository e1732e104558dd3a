"""A case as a row of the queue: what it asks, why it is somebody's and why now. Pure: rows in, plain values out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.standing import Standing
from hitl_graph.plain import JSON, digest, key_of
from hitl_graph.reviews import ReviewKind
from hitl_graph.views.attention import Attention, Waiting, most_pressing
from hitl_graph.views.code_words import failure_words
from hitl_graph.views.said_words import answer_words
from hitl_graph.wire import native_request

__all__ = ["asked_of", "bulk_key", "can_be_undone", "case_address", "row_view", "three"]

Row = Mapping[str, Any]
_LONGEST = 240
_OFFERED = ("decide", "claim", "take_over_claim", "reroute", "snooze")
"""What the keys of the queue begin, by the desk's methods."""
_DID = {
    "approve": "approved",
    "edit": "edited and approved",
    "reject": "rejected",
    "choose": "chose",
    "respond": "answered",
    "ask_info": "asked for information",
    "take_over": "took over",
    "elsewhere": "answered elsewhere",
}


def case_address(thread_id: str, review_id: str, **query: str) -> str:
    """Where a case is seen."""
    return f"/cases/{quote(review_id, safe='')}?{urlencode({'thread': thread_id, **query})}"


def row_view(row: Row, who: Principal, stand: Standing, *, undo: bool = False) -> dict[str, Any]:
    """What a row shows, and what can be done with it by whoever looks.

    Args:
        row: Of the queue. who: Whoever looks. stand: How they stand to it.
        undo: Whether they may take back what was decided, as long as that can be.
    """
    asked = asked_of(row)
    action = asked.get("action") or {}
    present = [
        {"by": one["by"], "doing": one["doing"]}
        for one in row["present"] or ()
        if key_of(one["by"]) != who.key
    ]
    holder = row["claimed_by"]
    mine = holder is not None and key_of(holder) == who.key
    out = {
        "dom": f"case-{row['seq']}",
        "id": row["id"],
        "thread_id": row["thread_id"],
        "address": case_address(row["thread_id"], row["id"]),
        "digest": row["digest"],
        "status": row["status"],
        "question": _cut(row["question"]) or "(no question)",
        "what": _cut(str(asked.get("consequence") or "")),
        "gate": row["gate"] or "",
        "act": row["action"] or "",
        "risk": row["risk"] or "",
        "irreversible": action.get("reversible") is False,
        "priority": row["priority"],
        "blocks": [str(one) for one in _list(asked.get("blocks"))],
        "warnings": len(_list(asked.get("warnings"))),
        "level": row["level"],
        "why_me": _why_me(row, who),
        "why_now": _cut(_why_now(row, asked)),
        "asked_at": row["asked_at"],
        "due_at": row["due_at"],
        "late": row["due_at"] is not None and row["due_at"] < row["now"],
        "waited_s": max(0.0, (row["now"] - row["asked_at"]).total_seconds()),
        "left_s": None if row["due_at"] is None else (row["due_at"] - row["now"]).total_seconds(),
        "claimed_by": "" if holder is None or mine else holder,
        "claimed": mine,
        "lapses": None if holder is None else row["claimed_until"],
        "present": present,
        "votes": f"{row['votes']} of {row['approvals']} yes" if row["approvals"] > 1 else "",
        "snoozed_until": row["snoozed_until"],
        "error": _cut(_error(row)),
        "bulk": bulk_key(asked, row) if stand.takes("approve") else "",
        "takes": [what for what in _OFFERED if stand.takes(what)] if row["status"] == "pending" else [],
        "why_not": _why_not(stand, who, "" if mine else holder or ""),
    }
    out["quick"] = bool(out["bulk"])
    return {**out, **_decided(row, undo=undo)}


def _error(row: Row) -> str:
    """Why the last answer did not take, or what the graph raised after it."""
    text = row["error"] or ""
    return answer_words(text) if text and row["status"] == "pending" else failure_words(text)


def bulk_key(asked: Mapping[str, Any], row: Row) -> str:
    """What cases must have in common to be approved together; empty for a case that is decided by itself.

    Only low risk that can be taken back, without warnings, one yes enough, and nothing to choose or to read off:
    the same gate, the same act, and the same fields of the same types.
    """
    action = asked.get("action") or {}
    fits = (
        row["status"] == "pending"
        and row["gate"] is not None
        and asked.get("kind", ReviewKind.SAFE_TO_SEND) == ReviewKind.SAFE_TO_SEND
        and row["kind"] == ReviewKind.SAFE_TO_SEND
        and action.get("risk") == "low"
        and action.get("reversible") is True
        and not asked.get("warnings")
        and row["approvals"] == 1
        and "approve" in _list(asked.get("allowed"))
    )
    if not fits:
        return ""
    proposal = asked.get("proposal")
    shape: JSON = [row["gate"], str(action.get("name")), _shape(proposal)]
    return digest({"shape": shape})[:16]


def three(rows: list[dict[str, Any]], who: Principal, now: dt.datetime) -> list[dict[str, Any]]:
    """The three that need attention today, each with its reasons and their weights."""
    known = {(row["thread_id"], row["id"]): row for row in rows}
    ranked = most_pressing((_waiting(row, who) for row in rows), now)
    return [_pressing(one, known[one.case.thread_id, one.case.id]) for one in ranked]


def _pressing(one: Attention, row: Row) -> dict[str, Any]:
    return {
        "address": case_address(row["thread_id"], row["id"]),
        "dom": f"pressing-{row['seq']}",
        "question": _cut(row["question"]) or "(no question)",
        "what": _cut(str(row["consequence"] or "")),
        "owner": row["person"] or row["owner"] or "",
        "score": one.score,
        "reasons": [{"text": reason.text, "weight": reason.weight} for reason in one.reasons],
    }


def _waiting(row: Row, who: Principal) -> Waiting:
    sheet = row["sheet"] if isinstance(row["sheet"], Mapping) else {}
    return Waiting(
        thread_id=row["thread_id"],
        id=row["id"],
        asked_at=row["asked_at"],
        due_at=row["due_at"],
        priority=row["priority"],
        blocks=row["blocking"],
        reversible=sheet.get("reversible"),
        touches=tuple(str(one) for one in _list(sheet.get("touches"))),
        level=row["level"],
        mine=row["person"] is not None and key_of(row["person"]) == who.key,
    )


def asked_of(row: Row) -> dict[str, Any]:
    """The parts of our own request; nothing for an interrupt of other origin."""
    asked = row["asked"]
    found = native_request(asked) if row["gate"] else None
    return dict(found) if found is not None else dict(asked) if isinstance(asked, Mapping) else {}


def _why_me(row: Row, who: Principal) -> str:
    """Whose it is, seen by whoever looks."""
    if row["person"] is not None:
        return "given to you" if key_of(row["person"]) == who.key else f"given to {row['person']}"
    if row["owner"] is None:
        return "nobody in particular must act"
    groups = set(who.groups)
    if row["owner"] in groups:
        return f"your team {row['owner']} must act"
    if theirs := sorted(groups.intersection(row["candidates"])):
        return f"escalated: your team {theirs[0]} may act"
    return f"{row['owner']} must act"


def _why_not(stand: Standing, who: Principal, holder: str) -> str:
    """Why whoever looks can decide nothing here now; empty where they can."""
    if stand.takes("decide"):
        return ""
    if stand.takes("take_over_claim") and holder:
        return f"{holder} is at it: t takes it from them"
    return f"{holder} is at it" if holder else f"{who.id} {stand.against['decide']}"


def _why_now(row: Row, asked: Mapping[str, Any]) -> str:
    for reason in _list(asked.get("why")):
        if isinstance(reason, Mapping) and reason.get("asks", True) and reason.get("text"):
            return str(reason["text"])
    return f"{row['workflow'] or 'an agent'} asks" if not row["gate"] else "its gate asks about every one"


def can_be_undone(row: Row) -> bool:
    """Whether a decision has not gone out."""
    return bool(row["status"] == "decided" and row.get("dispatched_at") is None)


def _decided(row: Row, *, undo: bool) -> dict[str, Any]:
    if "decided_by" not in row:
        return {"decided": None}
    open_still = can_be_undone(row)
    return {
        "decided": {
            "did": _DID.get(row["decision_type"], row["decision_type"]),
            "by": row["decided_by"],
            "at": row["decided_at"],
            "undo": open_still and undo,
            "told": row["dispatched_at"],
            "until": row["dispatch_at"] if open_still and row["dispatch_at"] > row["now"] else None,
        }
    }


def _shape(value: Any) -> Any:
    """The fields of a value and their types, without what stands there."""
    if isinstance(value, Mapping):
        return {str(name): _shape(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return ["list"]
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
