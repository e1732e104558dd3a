"""The pause of a thread that waits for another thread's result: no case, and nobody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["wait_payload", "waited_for"]

_TYPE = "hitl_wait"


def wait_payload(thread_id: str, gate: str) -> dict[str, Any]:
    """What a thread pauses with until the case of `thread_id` is decided."""
    question = (
        f"Nothing to decide here: this thread goes on when the case of {gate!r} in {thread_id} is decided."
    )
    return {"type": _TYPE, "v": 1, "thread_id": thread_id, "gate": gate, "question": question}


def waited_for(payload: object) -> str | None:
    """The thread that an interrupt's value says it waits for; None for anything else."""
    if not isinstance(payload, Mapping) or payload.get("type") != _TYPE or payload.get("v") != 1:
        return None
    thread_id = payload.get("thread_id")
    return thread_id if isinstance(thread_id, str) and thread_id else None
