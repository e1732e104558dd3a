"""Running a card's work where it belongs: a saver, and a client in a node, belong to the loop that made them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["bound_loop", "running_loop", "wait_for"]

T = TypeVar("T")


def bound_loop(graph: Any) -> asyncio.AbstractEventLoop | None:
    """The loop that an async checkpointer lives on."""
    loop = getattr(graph.checkpointer, "loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that this is called on."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def wait_for(work: Coroutine[Any, Any, T], bound: asyncio.AbstractEventLoop | None) -> T:
    """Run to the end from code that cannot await, on a notebook's running loop too."""
    if bound is not None and bound.is_running():
        return asyncio.run_coroutine_threadsafe(work, bound).result()
    if running_loop() is None:
        return asyncio.run(work)
    out: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            out.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001  # raised again where it was asked for
            raised.append(error)

    thread = threading.Thread(target=run, name="hitl-card")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return out[0]
