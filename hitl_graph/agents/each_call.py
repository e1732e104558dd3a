"""A router that sends each tool call of the model's last message to the tools by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END
from langgraph.types import Send

__all__ = ["each_call"]


def each_call(
    tools: str, *, otherwise: str = END, messages: str = "messages"
) -> Callable[[Any], list[Send] | str]:
    """For `add_conditional_edges`: one task for each tool call, so that none waits for another or runs twice.

    Args:
        tools: The name of the `ToolNode`.
        otherwise: Where a message without open calls leads.
        messages: The state key of the messages.

    Example:
        `builder.add_conditional_edges("model", each_call("tools"), ["tools", END])`
    """

    def route(state: Any) -> list[Send] | str:
        said = state if isinstance(state, list) else _get(state, messages)
        number = next((n for n in range(len(said) - 1, -1, -1) if isinstance(said[n], AIMessage)), None)
        if number is None:
            return otherwise
        answered = {message.tool_call_id for message in said[number:] if isinstance(message, ToolMessage)}
        calls = [call for call in said[number].tool_calls if call["id"] not in answered]
        context = {messages: said} if isinstance(state, list) else state
        sends = [
            Send(tools, {"__type": "tool_call_with_context", "tool_call": call, "state": context})
            for call in calls
        ]
        return sends or otherwise

    return route


def _get(state: Any, key: str) -> Any:
    return (state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)) or []
