"""What a notice says: which case, who must act, since when, and where. Never what is proposed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hitl_graph.plain import printable

__all__ = ["case_url", "message", "webhook_body"]

_WORDS = {
    "asked": "Waits for you",
    "changed": "Changed, and waits for you",
    "reopened": "Waits for you again",
    "refused": "The answer was refused, and it waits for you again",
    "undone": "A decision was taken back, and it waits for you again",
    "reassigned": "Is yours now",
    "rerouted": "Is your group's now",
    "reminded": "Still waits for you",
    "escalated": "Escalated to you",
    "repeated": "Still waits for you",
    "expired": "Its time is up, and it waits for you",
    "failed": "Failed after the decision",
    "effect_unknown": "Nobody knows whether it was done",
    "stood_still": "A thread stands still",
    "alarm": "Alarm",
    "closed": "Settled",
}


def case_url(base: str, thread_id: str, review_id: str) -> str:
    """Where the inbox shows a case."""
    return f"{base.rstrip('/')}/reviews/{quote(thread_id, safe='')}/{quote(review_id, safe='')}"


def webhook_body(event: str, body: Mapping[str, Any], link: str | None) -> bytes:
    """What a program is told: `{"type": "review.asked", "timestamp": ..., "data": {...}}`."""
    data = {name: value for name, value in body.items() if name != "at"}
    if link:
        data["link"] = link
    told = {"type": f"review.{event}", "timestamp": body["at"], "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def message(
    event: str, body: Mapping[str, Any], link: str | None, actions: Mapping[str, str], message_id: str
) -> tuple[str, str]:
    """What a person is told: a title of one line, and a text.

    Args:
        event: The event's type, or `"closed"`. body: The row's. link: Where to open the case.
        actions: What can be decided by a link, and the link.
        message_id: The same in every attempt, to tell doubles by.
    """
    words = _WORDS.get(event, event)
    about = body.get("gate") or body.get("workflow") or "a case"
    urgent = f" ({body['priority']})" if body.get("priority") in ("high", "urgent") else ""
    lines = [f"{words}: {about}{urgent}", ""]
    if event == "closed":
        lines += [f"Settled by {body.get('by') or 'somebody'}. There is nothing left to do here."]
    names = {
        "Gate": "gate",
        "Kind": "kind",
        "Action": "action",
        "Priority": "priority",
        "Owner": "owner",
        "Person": "person",
        "Waiting since": "asked_at",
        "Due": "due_at",
        "Thread": "thread_id",
        "Review": "review_id",
    }
    lines += [f"{name}: {_line(body[key])}" for name, key in names.items() if body.get(key)]
    if link:
        lines += ["", f"Open it: {link}"]
    for action, url in actions.items():
        lines += ["", f"{action.capitalize()} without opening it (once, and only by you): {url}"]
    lines += ["", f"Notice {message_id}"]
    return _line(lines[0]), "\n".join([_line(lines[0]), *lines[1:]])


def _line(text: object) -> str:
    """One line without characters that act."""
    return " ".join(printable(str(text)).split())[:300]
