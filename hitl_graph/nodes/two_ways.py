"""A node that looks at the checkpoint before its body runs: directly in sync graphs, on the loop in async ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from langgraph._internal._runnable import RunnableCallable  # what LangGraph itself makes of a node's function
from langgraph.errors import NodeError

from hitl_graph.nodes.question import Asked, aasked, asked

__all__ = ["asking_handler", "asking_node"]


def asking_node(body: Callable[[Any, Asked], Any], name: str) -> Any:
    """A node of `body`, which is given the state and what its question showed when it was asked.

    The body may block, so it keeps out of the loop. It must not wait for the loop either: a few such nodes at once
    would hold all threads, and the loop needs one to read the checkpoint.
    """

    def node(state: Any) -> Any:
        return body(state, asked())

    async def anode(state: Any) -> Any:
        return await asyncio.to_thread(body, state, await aasked())

    return RunnableCallable(node, anode, name=name)


def asking_handler(body: Callable[[Any, NodeError, Asked], Any], name: str) -> Any:
    """The same for an error handler, which is given the error as well."""

    def handle(state: Any, error: NodeError) -> Any:
        return body(state, error, asked())

    async def ahandle(state: Any, error: NodeError) -> Any:
        return await asyncio.to_thread(body, state, error, await aasked())

    # LangGraph reads the annotation itself, and not its name
    handle.__annotations__["error"] = ahandle.__annotations__["error"] = NodeError
    return RunnableCallable(handle, ahandle, name=name)
