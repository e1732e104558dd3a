"""The reviews of one run of a task, so that a retry of the task meets the same ones again."""

from __future__ import annotations

import dataclasses
from typing import Any

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.runtime import get_runtime

__all__ = ["Attempts", "Slot"]

KEY = "__hitl_reviews"


@dataclasses.dataclass
class Slot:
    """One review of a task: what it came to, or what it asked before it paused."""

    end: dict[str, Any] | None = None
    asked: tuple[Any, ...] = ()

    def recall(self) -> dict[str, Any] | None:
        """What an attempt before this one has come to, if it got so far.

        Raises:
            GraphInterrupt: It paused here.
        """
        if self.asked:
            raise GraphInterrupt(self.asked)
        return self.end


class Attempts:
    """Counts the reviews of a task by attempt.

    LangGraph counts the inner tasks of a task on and on while it is retried: the first review of the second attempt
    would be a new one, and people would be asked again.
    """

    def __init__(self, task_id: object) -> None:
        self.task_id = task_id
        self._attempt = 0
        self._position = 0
        self._slots: list[Slot] = []

    @classmethod
    def slot(cls) -> Slot:
        """The slot of the next review of the running task."""
        configurable = get_config()["configurable"]
        task_id = configurable.get("__pregel_task_id")
        attempts = configurable.get(KEY)
        if (
            not isinstance(attempts, cls) or attempts.task_id != task_id
        ):  # a graph called inside inherits keys
            attempts = configurable[KEY] = cls(task_id)
        return attempts.next(_number())

    def next(self, attempt: int) -> Slot:
        """The slot of the next review of this attempt."""
        if attempt != self._attempt:
            self._attempt, self._position = attempt, 0
        if self._position == len(self._slots):
            self._slots.append(Slot())
        self._position += 1
        return self._slots[self._position - 1]


def _number() -> int:
    """Which attempt of the task this is, from 1."""
    info = get_runtime().execution_info
    return 1 if info is None else info.node_attempt
