"""What the card shows of a case and of a thread: plain JSON of printable text."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hitl_graph.notebook.thread import OpenCase, Thread
from hitl_graph.plain import printable
from hitl_graph.views.request import foreign_view, request_view, target

__all__ = ["case_view", "thread_view"]

View = dict[str, Any]

_STANDINGS = {
    "waits": "waits for a decision",
    "finished": "finished",
    "stopped": "stopped by an error",
    "running": "between two steps",
    "empty": "has not run yet",
}


def case_view(case: OpenCase) -> View:
    """A case that waits: its request, or as much of a foreign interrupt as can be read."""
    view: View = {
        "id": case.id,
        "digest": case.digest,
        "node": printable(case.node),
        "asked_at": _iso(case.asked_at),
    }
    if case.request:
        return {**view, **request_view(case.request, case.asked_at)}
    assert case.foreign is not None
    return {**view, **foreign_view(case.foreign)}


def thread_view(thread: Thread) -> View:
    """Where a thread stands, in words."""
    following = ", ".join(target(node) for node in thread.next)
    standing = _STANDINGS[thread.standing]
    at = f" at {following}" if following and thread.standing != "finished" else ""
    return {
        "thread": printable(thread.thread_id),
        "standing": thread.standing,
        "words": f"{standing}{at}",
        "error": printable(thread.error or ""),
    }


def _iso(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
