"""A chat model for tests: says what a script says, and no network is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field, PrivateAttr

__all__ = ["ScriptedModel"]


class ScriptedModel(BaseChatModel):
    """Gives its turns in order: the first while the conversation holds no answer of a model, and so on.

    Because the conversation tells where it stands, each thread has the script to itself, and a thread that was
    paused, retried or resumed in another process goes on where it was.

    Args:
        turns: Each a text; a mapping from the tools to call to their arguments (a list of mappings, where one tool is
            called twice); an `AIMessage`; or a function of the messages that gives one of these.

    Raises:
        IndexError: The model is asked once more than it has turns.

    Example:
        >>> model = ScriptedModel([{"send_email": {"to": "a@example.com"}}, "It is sent."])
        >>> model.invoke("Write to Ann.").tool_calls[0]["args"]
        {'to': 'a@example.com'}

    Attributes:
        asked: The messages of each request, in order.
    """

    turns: list[Any] = Field(default_factory=list)
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    def __init__(self, turns: Sequence[Any], **fields: Any) -> None:
        super().__init__(turns=list(turns), **fields)

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """The messages of each request, in order."""
        return self._asked

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Self:
        """The model itself: it calls the tools that its script names."""
        return self

    @property
    def _llm_type(self) -> str:
        return "hitl-scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self._asked.append(list(messages))
        number = sum(isinstance(message, AIMessage) for message in messages)
        if number >= len(self.turns):
            last = messages[-1].text if messages else ""
            raise IndexError(
                f"the script has {len(self.turns)} turns, and the model is asked for more, after: {last}"
            )
        turn = self.turns[number]
        message = _message(turn(list(messages)) if callable(turn) else turn, number + 1)
        return ChatResult(generations=[ChatGeneration(message=message)])


def _message(turn: Any, number: int) -> AIMessage:
    """A turn as the message of a model; the ids of its calls are the same whenever it is said."""
    if isinstance(turn, AIMessage):
        return turn
    if isinstance(turn, str):
        return AIMessage(turn)
    named = [turn] if isinstance(turn, Mapping) else list(turn)
    pairs = [(tool, args) for calls in named for tool, args in calls.items()]
    calls: Any = [
        {"name": tool, "args": dict(args), "id": f"call-{number}-{place}", "type": "tool_call"}
        for place, (tool, args) in enumerate(pairs, 1)
    ]
    return AIMessage("", tool_calls=calls)
