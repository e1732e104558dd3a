"""Ctrl-C for what ends in good order: the first asks it to, the second ends it at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["told_to_stop"]

_SAME_S = 0.3


@contextlib.contextmanager
def told_to_stop(stop: asyncio.Event, said: Callable[[], None]) -> Iterator[None]:
    """Set `stop` at the first Ctrl-C. At the second the loop ends with KeyboardInterrupt.

    Args:
        stop: Of the running loop. said: Called at the first one.
    """
    loop = asyncio.get_running_loop()
    since = 0.0

    def told() -> None:
        nonlocal since
        if not stop.is_set():
            since = loop.time()
            stop.set()
            said()
        elif loop.time() - since > _SAME_S:  # a wrapper passes on what the terminal has sent to both
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(NotImplementedError):  # on Windows the first one ends it at once
        loop.add_signal_handler(signal.SIGINT, told)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
