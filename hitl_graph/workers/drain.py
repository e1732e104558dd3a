"""Ending runs under way at their next checkpoint, so that another worker goes on from there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from langgraph.runtime import RunControl

__all__ = ["Drain"]


class Drain:
    """The runs under way, and how they are asked to end."""

    def __init__(self) -> None:
        self._running: set[RunControl] = set()
        self._reason: str | None = None

    def __len__(self) -> int:
        return len(self._running)

    @contextlib.contextmanager
    def run(self) -> Iterator[RunControl]:
        """The control of one run, while it is under way."""
        control = RunControl()
        if self._reason is not None:
            control.request_drain(self._reason)
        self._running.add(control)
        try:
            yield control
        finally:
            self._running.discard(control)

    def request(self, reason: str) -> None:
        """Ask all runs to end at their next checkpoint, and those that begin from now on."""
        self._reason = reason
        for control in tuple(self._running):
            control.request_drain(reason)
