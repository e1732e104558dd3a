"""The time that stands in what a graph keeps: this process's clock, unless a test has put another in its place."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator

__all__ = ["now", "replaced_clock"]


def now() -> dt.datetime:
    """The time now, with its zone (UTC)."""
    return _sources[-1]()


@contextlib.contextmanager
def replaced_clock(source: Callable[[], dt.datetime]) -> Iterator[None]:
    """`now` is what `source` gives, in every thread of this process, until the block ends."""
    _sources.append(source)
    try:
        yield
    finally:
        _sources.remove(source)


def _utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


_sources: list[Callable[[], dt.datetime]] = [_utc]
