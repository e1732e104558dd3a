"""Room for many tasks at once in one run of a sync graph: threads to wait in, and turns to note what they gave."""

from __future__ import annotations

import concurrent.futures
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from langgraph.config import get_config

__all__ = ["CALL", "make_room", "one_after_another"]

CALL = "__pregel_call"
"""By this LangGraph starts a task."""

_SETTING = threading.Lock()
_PAUSE_S, _LONGEST_WAIT_S = 0.0005, 5.0


def make_room(tasks: int) -> None:
    """Let so many tasks wait for tasks of their own, and these run all the same.

    A sync graph has few threads: four more than cores. Tasks that wait for inner ones hold theirs, and when they hold
    all of them, no inner one can ever start. A `max_concurrency` that the caller has set is left as it is.
    """
    config = get_config()
    start = config["configurable"].get(CALL)
    if not isinstance(start, functools.partial) or "loop" in start.keywords or config.get("max_concurrency"):
        return
    one_after_another(start.keywords.get("futures"))
    submit = start.keywords.get("submit")
    pool = getattr(getattr(submit and submit(), "__self__", None), "executor", None)
    if not isinstance(pool, concurrent.futures.ThreadPoolExecutor) or not hasattr(
        pool, "_adjust_thread_count"
    ):
        return
    with pool._shutdown_lock:  # noqa: SLF001  # as `submit` itself does it
        pool._max_workers += tasks  # noqa: SLF001  # the same
        for _ in range(min(tasks, pool._work_queue.qsize())):  # noqa: SLF001  # the same
            pool._adjust_thread_count()  # noqa: SLF001  # the same


def one_after_another(futures: Callable[[], Any] | None) -> None:
    """From now on, let the tasks of a step note what they gave one after another.

    LangGraph notes it in a list that it copies and replaces: two threads at once can lose one of two. With
    `durability="exit"` that list is the only place, and the act of a lost task would be done again. Tasks that end
    before the step's first `review` or `gather` are noted as LangGraph does it.
    """
    running: Any = futures() if futures is not None else None
    with _SETTING:
        note = getattr(running, "callback", None)
        if note is None or isinstance(note, _InTurn):
            return
        running.callback = _InTurn(note)
        _wait_for_notes(running)


def _wait_for_notes(running: Any) -> None:
    """Wait until what was being noted before notes took turns has been noted: in a sync graph, by other threads."""
    until = time.monotonic() + _LONGEST_WAIT_S
    while isinstance(getattr(running, "event", None), threading.Event) and time.monotonic() < until:
        if all(
            task is None or not future.done() or future in running.done
            for future, task in running.copy().items()
        ):
            return
        time.sleep(_PAUSE_S)


class _InTurn:
    """Stands where LangGraph finds what notes the end of a task."""

    def __init__(self, note: Callable[[], Callable[..., None] | None]) -> None:
        self._note = note
        self._lock = threading.RLock()

    def __call__(self) -> Callable[..., None] | None:
        note = self._note()
        return None if note is None else functools.partial(self._in_turn, note)

    def _in_turn(self, note: Callable[..., None], *ended: Any) -> None:
        with self._lock:
            note(*ended)
