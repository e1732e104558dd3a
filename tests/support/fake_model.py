"""A chat model that replays what it is told to say, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import Field, PrivateAttr

__all__ = ["ScriptedModel", "call", "calls"]

Says = str | AIMessage | Exception | Callable[[list[BaseMessage]], "str | AIMessage"]


def call(name: str, id: str = "c1", **args: Any) -> AIMessage:  # noqa: A002  # as LangChain calls it
    """A message of the model with one tool call."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": id, "type": "tool_call"}])


def calls(*several: AIMessage) -> AIMessage:
    """One message with the tool calls of several."""
    return AIMessage("", tool_calls=[one for message in several for one in message.tool_calls])


class ScriptedModel(BaseChatModel):
    """Says one thing of its script each time it is asked; an exception is raised, a function is asked in turn.

    It fails when its script is used up, and when the history that it is sent would be refused by providers: a tool
    call without exactly one answer, or an answer without a call.

    Attributes:
        script: What it says, in order.
        checks: Whether it checks the history.
        sent: The messages of each request.
        offered: The names of the tools of each request.
    """

    script: list[Any] = Field(default_factory=list)
    checks: bool = True
    sent: list[list[BaseMessage]] = Field(default_factory=list)
    offered: list[list[str]] = Field(default_factory=list)
    _tools: list[str] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, *script: Says, **more: Any) -> None:
        super().__init__(script=list(script), **more)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self, tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool], **_: Any
    ) -> Runnable[Any, AIMessage]:
        """The same model; the tools' names are kept."""
        self._tools = [getattr(tool, "name", "") or _name(tool) for tool in tools]
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: Any,
    ) -> ChatResult:
        with self._lock:
            self.sent.append(list(messages))
            self.offered.append(list(self._tools))
            if self.checks:
                check_history(messages)
            if not self.script:
                raise AssertionError(
                    f"the script is used up; the model was asked again after {messages[-1]!r}"
                )
            says = self.script.pop(0)
        if isinstance(says, Exception):
            raise says
        if callable(says):
            says = says(messages)
        message = AIMessage(says) if isinstance(says, str) else says.model_copy(deep=True)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **more: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **more)


def check_history(messages: Sequence[BaseMessage]) -> None:
    """Fail as providers do: each tool call has exactly one answer, before anybody else speaks."""
    waiting: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in waiting:
                raise AssertionError(f"an answer to no open call: {message!r}")
            waiting.remove(message.tool_call_id)
            continue
        if waiting:
            raise AssertionError(f"calls without an answer: {waiting} before {message!r}")
        if isinstance(message, AIMessage):
            waiting = [str(one["id"]) for one in message.tool_calls]
    if waiting:
        raise AssertionError(f"calls without an answer: {waiting} at the end")


def _name(tool: Any) -> str:
    if isinstance(tool, dict):
        return str(tool.get("function", tool).get("name", tool.get("type", "")))
    return str(getattr(tool, "__name__", tool))
