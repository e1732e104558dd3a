"""Attempts that were turned away, kept as events; a flood of them does not fill the log."""

from __future__ import annotations

import collections
import logging
import time
import weakref

from hitl_graph.desk import Desk

__all__ = ["note_refusal"]

_log = logging.getLogger("hitl_graph.notices")

_MOST_A_MINUTE = 60
_lately: weakref.WeakKeyDictionary[Desk, collections.deque[float]] = weakref.WeakKeyDictionary()


async def note_refusal(
    desk: Desk, *, by: str, what: str, why: str, thread_id: str = "", review_id: str = ""
) -> None:
    """Keep a refused attempt as an event: of strangers 60 a minute for each open desk, for they can try without end."""
    if by == "unknown":
        now = time.monotonic()
        lately = _lately.setdefault(desk, collections.deque(maxlen=_MOST_A_MINUTE))
        if len(lately) == _MOST_A_MINUTE and now - lately[0] < 60:
            _log.warning("refused attempts come too fast to keep each: %s: %s", what, why)
            return
        lately.append(now)
    await desk.refused(by=by[:200], what=what, why=why[:200], thread_id=thread_id, review_id=review_id)
