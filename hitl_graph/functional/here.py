"""Starting a LangGraph task in the thread that calls it, so that no review waits for a thread of the pool."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.config import get_config

__all__ = ["call_here", "waits_on_its_own_loop"]

Out = TypeVar("Out")

CALL = "__pregel_call"
"""By this LangGraph starts a task."""


def waits_on_its_own_loop() -> bool:
    """Whether this thread runs the loop of an async graph: to wait for a task here would stop the task too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    start = get_config()["configurable"][
        CALL
    ]  # a sync graph may be called where a loop runs, as in a notebook
    return not isinstance(start, functools.partial) or "loop" in start.keywords


def call_here(function: Callable[..., Out], *args: Any) -> Out:
    """Call a LangGraph task of a sync graph; it and the tasks that it calls run here, in this thread.

    A sync graph has a few threads, and a task that waits for an inner one holds its own. Some reviews at the same
    time, each waiting for its steps, would hold them all, and none could go on.
    """
    config = get_config()
    start = config["configurable"][CALL]
    if not isinstance(start, functools.partial) or "submit" not in start.keywords:
        return function(*args)  # a LangGraph that starts its tasks in another way
    here = functools.partial(start.func, *start.args, **{**start.keywords, "submit": lambda: _run})
    context = contextvars.copy_context()
    context.run(
        var_child_runnable_config.set, {**config, "configurable": {**config["configurable"], CALL: here}}
    )
    return context.run(function, *args)


def _run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
    """What LangGraph's executor does, at once. Its own options, such as `__next_tick__`, are about threads."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    kwargs = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        future.set_result(contextvars.copy_context().run(function, *args, **kwargs))
    except BaseException as error:  # noqa: BLE001  # a future carries every exception to who waits for it
        future.set_exception(error)
    return future
