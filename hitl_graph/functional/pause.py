"""The pause of a review on its way up: seen once, and not to be caught for good by the code around it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt

from hitl_graph.functional.attempts import Slot

__all__ = ["hand_on", "hold"]

SEND = "__pregel_send"
"""By this LangGraph writes what a task gave, after the task's own code."""


@contextlib.contextmanager
def hand_on() -> Iterator[None]:
    """Take a pause over from an inner task that has been recorded as paused.

    LangGraph adds up the pauses of all tasks of a subgraph. Without this a question would be listed by each
    task that it came through.
    """
    try:
        yield
    except GraphInterrupt as pause:
        asked = tuple(pause.args[0])
        pause.args = ((),)
        raise GraphInterrupt(asked) from None


@contextlib.contextmanager
def hold(slot: Slot | None = None) -> Iterator[None]:
    """Let the pause through, and see to it that no `except Exception` around it can end it.

    A pause is an exception. Code that catches it would go on, and its task would end as if nobody had been asked:
    the question would be gone. So from the first pause on, this task's result is not written; the pause is raised
    again instead, with the questions of all its reviews. `slot` remembers them for a retry of the task.
    """
    configurable = get_config()["configurable"]
    try:
        with hand_on():
            yield
    except GraphInterrupt as pause:
        send = configurable[SEND]
        before = send.asked if isinstance(send, _Held) else ()
        asked = {question.id: question for question in (*before, *pause.args[0])}
        configurable[SEND] = _Held(tuple(asked.values()))
        if slot is not None:
            slot.asked = tuple(pause.args[0])
        raise


class _Held:
    """Stands where the task's result would be written."""

    def __init__(self, asked: tuple[Any, ...]) -> None:
        self.asked = asked

    def __call__(self, writes: object) -> None:
        raise GraphInterrupt(self.asked)
