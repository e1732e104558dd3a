"""The desk for plain scripts: the same calls without `await`, run on a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from hitl_graph.desk.desk import Desk

__all__ = ["SyncDesk"]

P = ParamSpec("P")
R = TypeVar("R")


def _bridged(
    method: Callable[Concatenate[Desk, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[SyncDesk, P], R]:
    """The async method as a blocking one, with the same arguments and result."""

    @functools.wraps(method)
    def call(self: SyncDesk, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.run(method(self.desk, *args, **kwargs))

    return call


class SyncDesk:
    """What `with Desk() as desk:` gives: `Desk`, blocking."""

    pending = _bridged(Desk.pending)
    cases = _bridged(Desk.cases)
    show = _bridged(Desk.show)
    find = _bridged(Desk.find)
    history = _bridged(Desk.history)
    counts = _bridged(Desk.counts)
    unfinished_runs = _bridged(Desk.unfinished_runs)
    decide = _bridged(Desk.decide)
    retry = _bridged(Desk.retry)
    resume = _bridged(Desk.resume)

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hitl-desk", daemon=True)

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """The result of `work`, run on the desk's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def open(self) -> SyncDesk:
        """Start the loop and connect."""
        self._thread.start()
        try:
            self.run(self.desk.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def close(self) -> None:
        """Disconnect and stop the loop."""
        try:
            self.run(self.desk.__aexit__(None, None, None))
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
