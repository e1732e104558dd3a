"""The run of a gated tool that shares its task with other calls: kept, whatever becomes of the others."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.config import get_config
from langgraph.func import task

from hitl_graph.agents.ledgered import arun_ledgered, run_ledgered
from hitl_graph.functional.here import call_as, counts, waits_on_its_own_loop
from hitl_graph.functional.pause import hand_on
from hitl_graph.nodes.gate_node import in_fan_out
from hitl_graph.nodes.ledger import Act
from hitl_graph.plain import digest

__all__ = ["akept_run", "kept_run"]

_FIRST = 1_000_000
"""Above what LangGraph itself counts to."""


def kept_run(
    tool: BaseTool, given: Any, config: RunnableConfig | None, key: str, act: Act, **kwargs: Any
) -> Any:
    """Run a tool as a LangGraph task, so that it does not run again when a sibling pauses, raises or is retried.

    A call that has its task for itself runs plainly. `key` says which approval it runs on.
    """
    if in_fan_out() or not counts() or waits_on_its_own_loop():
        return run_ledgered(tool, given, config, act, **kwargs)
    with hand_on():
        started: Any = call_as(_number(key), _TASK, tool, given, config, act, kwargs)
        return started.result()


async def akept_run(
    tool: BaseTool, given: Any, config: RunnableConfig | None, key: str, act: Act, **kwargs: Any
) -> Any:
    """`kept_run`, for async graphs."""
    if in_fan_out() or not counts():
        return await arun_ledgered(tool, given, config, act, **kwargs)
    with hand_on():
        started: Any = call_as(_number(key), _ASYNC_TASK, tool, given, config, act, kwargs)
        return await started


def _number(key: str) -> int:
    return _FIRST + int(digest(key)[-12:], 16)


def _inside(config: RunnableConfig | None) -> RunnableConfig:
    """The config of the tool's own task, so that what pauses in one tool does not count in another's."""
    inner: Any = get_config()
    return {**config, "configurable": inner["configurable"]} if config else inner


def _run(tool: BaseTool, given: Any, outer: RunnableConfig | None, act: Act, kwargs: dict[str, Any]) -> Any:
    return run_ledgered(tool, given, _inside(outer), act, **kwargs)


async def _arun(
    tool: BaseTool, given: Any, outer: RunnableConfig | None, act: Act, kwargs: dict[str, Any]
) -> Any:
    return await arun_ledgered(tool, given, _inside(outer), act, **kwargs)


_named: Any = task(name="tool")  # as it is seen in streams and traces
_TASK, _ASYNC_TASK = _named(_run), _named(_arun)
