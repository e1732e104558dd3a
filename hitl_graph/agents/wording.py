"""What the model is told of a call that was decided: plainly who decided what, and what it should not do again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

__all__ = ["KEY", "dangling", "edit_notice", "noticed", "refusal", "repeated", "stopped", "tool_message"]

KEY = "hitl"
"""Where a message says what was decided, in its `additional_kwargs`; no provider is sent it."""


def tool_message(entry: Mapping[str, Any], call_id: str, message_id: str | None) -> ToolMessage:
    """The answer to a call that did not run. The same entry gives the same message, which then replaces itself."""
    return ToolMessage(
        content=entry["told"],
        name=entry["tool"],
        tool_call_id=call_id,
        status="success" if entry["outcome"] == "responded" else "error",
        id=message_id,
        additional_kwargs={KEY: _kept(entry)},
    )


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("outcome", "reviews", "by") if entry.get(name)}


def refusal(record: Mapping[str, Any]) -> str:
    """The words for a decision that let nothing happen."""
    tool, by = record["tool_call"]["name"], _who(record["by"])
    answer = record["answer"]
    if record["outcome"] == "responded":
        return str(answer["message"])
    if record["outcome"] == "asked":
        return (
            f"{tool} was not run yet. {by} asks before deciding: {answer['question']} "
            f"Find this out, and then propose the call again if it still stands."
        )
    if record["outcome"] == "taken_over":
        why = f" ({record['note']})" if record.get("note") else ""
        return f"{tool} was not run. {by} has taken over{why}; nothing more is to be done here."
    words = ", ".join(str(record[key]) for key in ("reason", "note") if record.get(key))
    why = f" Why: {words.rstrip('.')}." if words else ""
    return (
        f"{by} rejected this call of {tool}. It was not run.{why} Do not propose the same call again: "
        "take this into account, do something else, or tell the user."
    )


def repeated(record: Mapping[str, Any]) -> str:
    """The words for a call that a person has decided against already."""
    tool, by = record["tool_call"]["name"], _who(record["by"], "a", "the")
    if record["decision"] == "edit":
        return (
            f"{tool} was not run. Just this call was replaced by another one by {by}, on purpose, and nobody is "
            "asked about it again. Go on with the result of the call that ran instead."
        )
    return (
        f"{tool} was not run. Just this call was rejected by {by} before, and nobody is asked about it again. "
        "Do something else, or tell the user that it was refused."
    )


def edit_notice(entry: Mapping[str, Any]) -> str:
    """What stands before the result of a call that a person changed."""
    args = json.dumps(entry["args"], ensure_ascii=False)
    return (
        f"{_who(entry['by'])} changed this call before it ran, on purpose. What ran is {entry['tool']} with {args}. "
        "Do not repeat the call as you had written it."
    )


def noticed(message: ToolMessage, notice: str, name: str, entry: Mapping[str, Any]) -> ToolMessage:
    """A tool's result with the notice (if any) before it, under the name of the tool that ran."""
    changes: dict[str, Any] = {
        "name": name,
        "additional_kwargs": {**message.additional_kwargs, KEY: _kept(entry)},
    }
    if notice and isinstance(message.content, str):
        changes["content"] = f"{notice}\n\n{message.content}" if message.content else notice
    elif notice:
        texts = bool(message.content) and all(isinstance(block, str) for block in message.content)
        changes["content"] = [notice if texts else {"type": "text", "text": notice}, *message.content]
    return message.model_copy(update=changes)


def stopped(entries: Mapping[str, Mapping[str, Any]]) -> AIMessage:
    """The last words of an agent that only repeats what was refused."""
    tools = ", ".join(sorted({entry["tool"] for entry in entries.values() if entry["outcome"] == "repeated"}))
    return AIMessage(
        f"I stop here: {tools} was refused, and I have only proposed the same call again. Nothing was run. "
        "Tell me how to go on."
    )


def dangling(messages: list[AnyMessage]) -> list[AnyMessage] | None:
    """The messages with an answer to each call that never got one, because the user spoke while it was waiting.

    Providers refuse a history with unanswered calls. None where there are none.
    """
    out: list[AnyMessage] = []
    for number, message in enumerate(messages):
        out.append(message)
        if not isinstance(message, AIMessage) or number == len(messages) - 1:
            continue
        following = _answers_after(messages, number)
        for call in message.tool_calls:
            if call["id"] and call["id"] not in following:
                entry = {
                    "told": f"{call['name']} was not run: the user wrote again before all calls were decided.",
                    "tool": call["name"],
                    "outcome": "superseded",
                }
                out.append(tool_message(entry, call["id"], f"{message.id}:{call['id']}"))
    return out if len(out) > len(messages) else None


def _answers_after(messages: list[AnyMessage], number: int) -> set[str]:
    """The ids of the calls that are answered between one message of the model and the next."""
    found = set()
    for message in messages[number + 1 :]:
        if isinstance(message, AIMessage):
            break
        if isinstance(message, ToolMessage):
            found.add(message.tool_call_id)
    return found


def _who(by: str, a: str = "A", the: str = "The") -> str:
    return f"{a} reviewer" if by in ("", "unknown") else f"{the} reviewer {by}"
