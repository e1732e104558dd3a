"""By which way an act came: a page, a program's token, a link, a command. The door that it came through says so.

It stands in the event of the act, as `through`, and is sealed with it. What a request, an answer or a payload says of
itself is never asked: the doors of this library say it around what they do, and the database writes it down (0013).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Literal

__all__ = ["Door", "coming_through", "way_now"]

Door = Literal["inbox", "api", "link", "webhook", "command", "notebook"]
"""Who may be told apart here. Without a door it is a program at the desk (`code`); the database itself knows an answer
that came past the desk (`resume`) and what this library does by itself (`system`)."""

_way: ContextVar[str] = ContextVar("hitl_way", default="")


@contextlib.contextmanager
def coming_through(door: Door, **facts: str | list[str]) -> Iterator[None]:
    """Whatever is done at a desk in this block came by this way.

    Args:
        door: Which. facts: What tells it from others of its kind, such as a token's `token` and `label`.
    """
    before = _way.set(json.dumps({"way": door, **facts}))
    try:
        yield
    finally:
        _way.reset(before)


def way_now() -> str:
    """The way as JSON; empty for a program that came through no door."""
    return _way.get()
