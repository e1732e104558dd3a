"""What a person did in a thread while they had it: for the nodes that run after the hand-back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from langgraph.config import get_config

__all__ = ["ahanded_back", "handed_back"]


@runtime_checkable
class Takeovers(Protocol):
    """A checkpointer that knows of takeovers, for sync graphs."""

    def last_hand_back(self, thread_id: str) -> Mapping[str, Any] | None:
        """The thread's newest takeover that was handed back."""
        ...


@runtime_checkable
class AsyncTakeovers(Protocol):
    """The same, for async graphs."""

    async def alast_hand_back(self, thread_id: str) -> Mapping[str, Any] | None:
        """The thread's newest takeover that was handed back."""
        ...


def handed_back() -> dict[str, Any] | None:
    """The newest takeover of the running thread that was handed back, for a node of a sync graph (R71).

    Returns:
        `taken_by`, `reason`, `since`, `by` (who handed it back), `note` (what was done meanwhile, or None) and `at`, as
        plain JSON. None where nobody ever had the thread, or the checkpointer is none of this library.
    """
    saver, thread_id = _running()
    if not isinstance(saver, Takeovers):
        return None
    return _plain(saver.last_hand_back(thread_id))


async def ahanded_back() -> dict[str, Any] | None:
    """`handed_back`, for an async node of an async graph."""
    saver, thread_id = _running()
    if not isinstance(saver, AsyncTakeovers):
        return None
    return _plain(await saver.alast_hand_back(thread_id))


def _running() -> tuple[Any, str]:
    running = get_config()["configurable"]
    return running.get("__pregel_checkpointer"), str(running["thread_id"])


def _plain(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {key: value.isoformat() if key in ("since", "at") else value for key, value in found.items()}
