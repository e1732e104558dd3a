"""By which way an act came, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["WAYS", "way_words"]

WAYS = {
    "inbox": "in the inbox",
    "api": "by the API",
    "link": "by a mailed link",
    "webhook": "by a webhook",
    "command": "at the command line",
    "notebook": "in a notebook",
    "code": "by a program at the desk",
    "resume": "by an answer past the desk",
    "system": "by the library itself",
}
"""Each way, in words."""


def way_words(data: Mapping[str, Any] | None) -> str:
    """The way that the data of an event names; empty where it names none, as for what nobody did."""
    through = (data or {}).get("through")
    if not isinstance(through, Mapping):
        return ""
    words = WAYS.get(str(through.get("way")), f"by {through.get('way')}")
    if through.get("token"):
        return f"{words}, token “{through.get('label')}” ({through['token']})"
    if isinstance(senders := through.get("senders"), list) and senders:
        return f"{words} of {', '.join(map(str, senders))}"
    return words
