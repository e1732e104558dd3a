"""Starting a LangGraph task in the thread that calls it, or under a number of its own instead of the next one."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.config import get_config

from hitl_graph.functional.room import CALL, one_after_another

__all__ = ["call_as", "call_here", "counts", "waits_on_its_own_loop"]

Out = TypeVar("Out")


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
    start = get_config()["configurable"][CALL]
    if not isinstance(start, functools.partial) or "submit" not in start.keywords:
        return function(*args)  # a LangGraph that starts its tasks in another way
    return _call_with(start, {"submit": lambda: _run}, function, *args)


def counts() -> bool:
    """Whether the running task starts its inner tasks in the way that `call_as` knows."""
    start = get_config()["configurable"].get(CALL)
    return isinstance(start, functools.partial) and {"submit", "schedule_task"} <= set(start.keywords)


def call_as(number: int, function: Callable[..., Out], *args: Any) -> Out:
    """Call a LangGraph task of the running one under a number of its own; a sync one runs here, in this thread.

    LangGraph numbers the tasks that a task calls as they come, and finds by the number what was kept of each. Calls
    that come in any order, as those of several threads do, would find one another's.
    """
    start = get_config()["configurable"][CALL]
    schedule, mine = start.keywords["schedule_task"], start.args[0]()

    def numbered(task: Any, next_number: int, call: Any) -> Any:
        return schedule(
            task, number if task is mine else next_number, call
        )  # those inside are counted as ever

    more = {} if "loop" in start.keywords else {"submit": lambda: _run}
    return _call_with(start, {"schedule_task": numbered, **more}, function, *args)


def _call_with(
    start: functools.partial[Any], changes: dict[str, Any], function: Callable[..., Out], *args: Any
) -> Out:
    config = get_config()
    one_after_another(start.keywords.get("futures"))
    changed = functools.partial(start.func, *start.args, **{**start.keywords, **changes})
    context = contextvars.copy_context()
    context.run(
        var_child_runnable_config.set, {**config, "configurable": {**config["configurable"], CALL: changed}}
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
