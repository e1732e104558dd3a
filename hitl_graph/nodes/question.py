"""The question of the running node: its id, whether it is answered, and answers that are none of its own."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.types import Interrupt

__all__ = ["aforget_stray_answer", "forget_stray_answer", "is_answered", "review_id"]

_NO_TASK = "00000000-0000-0000-0000-000000000000"
"""The task under which LangGraph keeps an answer without an id."""
_NO_ANSWER = [("__resume__", None)]


def review_id() -> str:
    """The id of the running node's interrupt, and so of its review: known before and after it pauses."""
    return Interrupt.from_ns(None, get_config()["configurable"]["checkpoint_ns"]).id


def is_answered() -> bool:
    """Whether an answer waits for the running task: a person was asked, and must not be passed over."""
    scratchpad = _scratchpad()
    if scratchpad is None:
        return False
    return bool(scratchpad.resume) or scratchpad.get_null_resume(consume=False) is not None


def forget_stray_answer() -> None:
    """Drop an answer without an id when nobody was asked this question.

    LangGraph hands such an answer to whatever asks first in the run. After the state was changed that is another
    question than the one that was answered: its content would be let through before anybody has seen it. A saver
    that has kept the answer is told to keep none.
    """
    if not _has_bare_answer() or (saver := _saver()) is None:
        return
    if type(saver).get_tuple is BaseCheckpointSaver.get_tuple:
        _wait_for(aforget_stray_answer(), saver)
    elif not _was_asked(saver.get_tuple(_root())):
        _scratchpad().get_null_resume(consume=True)
        saver.put_writes(_root(), _NO_ANSWER, _NO_TASK)


async def aforget_stray_answer() -> None:
    """`forget_stray_answer`, for code on the event loop."""
    if (
        _has_bare_answer()
        and (saver := _saver()) is not None
        and not _was_asked(await saver.aget_tuple(_root()))
    ):
        _scratchpad().get_null_resume(consume=True)
        await saver.aput_writes(_root(), _NO_ANSWER, _NO_TASK)


def _wait_for(forget: Coroutine[Any, Any, None], saver: Any) -> None:
    """Run on the saver's loop: an Agent Server hands a sync node a saver that has async methods only.

    One that names no loop cannot be asked, and the answer goes where LangGraph sends it.
    """
    loop = getattr(saver, "loop", None)
    if not isinstance(loop, asyncio.AbstractEventLoop):
        forget.close()
        return
    context = contextvars.copy_context()  # with the config of the running node

    async def on_loop() -> None:
        await asyncio.get_running_loop().create_task(forget, context=context)

    asyncio.run_coroutine_threadsafe(on_loop(), loop).result()


def _has_bare_answer() -> bool:
    scratchpad = _scratchpad()
    if scratchpad is None or scratchpad.resume:
        return False
    return scratchpad.get_null_resume(consume=False) is not None


def _was_asked(saved: Any) -> bool:
    """The root's writes list every open question of the thread, those of subgraphs and tasks included."""
    writes = saved.pending_writes or () if saved is not None else ()
    asked = {one.id for _, channel, value in writes if channel == "__interrupt__" for one in value}
    return review_id() in asked


def _scratchpad() -> Any:
    return get_config()["configurable"].get("__pregel_scratchpad")


def _saver() -> Any:
    return get_config()["configurable"].get("__pregel_checkpointer")


def _root() -> Any:
    """The checkpoint that the run goes on from."""
    running = get_config()["configurable"]
    at = (running.get("checkpoint_map") or {}).get("")
    return {"configurable": {"thread_id": running["thread_id"], "checkpoint_ns": "", "checkpoint_id": at}}
