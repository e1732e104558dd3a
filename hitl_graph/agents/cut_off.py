"""Messages that ended before the model was done: their calls may be half of what it meant."""

from __future__ import annotations

from langchain_core.messages import AIMessage

__all__ = ["CUT_OFF", "is_cut_off"]

CUT_OFF = (
    "was not run: your message was cut off before its end, so the call may not be whole, and nobody was asked about "
    "it. Write it again in full, and shorter if need be."
)
"""What the model is told, after the tool's name."""

_ENDS = ("finish_reason", "stop_reason", "done_reason")
_EARLY = frozenset({"length", "max_tokens", "model_length", "content_filter", "safety", "incomplete"})


def is_cut_off(message: AIMessage | None) -> bool:
    """Whether a model's message is not whole: it did not fit, it was filtered, or its stream just ended.

    LangChain completes the JSON of such a message, so its calls look like any others. A provider that says nothing
    of how a message ended is believed, but for OpenAI's, which always says it.
    """
    if message is None:
        return False
    said = message.response_metadata
    ends = [str(said[key]).lower() for key in (*_ENDS, "status") if said.get(key)]
    if any(end in _EARLY for end in ends):
        return True
    return said.get("model_provider") == "openai" and not ends
