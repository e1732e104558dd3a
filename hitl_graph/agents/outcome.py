"""What a decided turn changes in the agent's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage

from hitl_graph.agents.guard import GRANTS
from hitl_graph.agents.tool_spec import call_digest
from hitl_graph.agents.turn import CALLS, REFUSED, Entry, against, known_tools, refused_entry
from hitl_graph.agents.wording import stopped, tool_message
from hitl_graph.errors import PlainJsonError

__all__ = ["turn_update"]


def turn_update(
    message: AIMessage,
    calls: Sequence[Mapping[str, Any]],
    turn: Mapping[str, Any],
    state: Mapping[str, Any],
    max_repeats: int,
) -> dict[str, Any]:
    """The update after all calls of a turn are decided: records, what may run, and what the model is told.

    Args:
        message: The model's message. It is left as the model wrote it.
        calls: Its calls.
        turn: What the turn's graph ended with.
        state: The agent's state.
        max_repeats: How many repeats of refused calls the agent may make before it is stopped.
    """
    entries: dict[str, Entry] = {}
    for call in calls:
        entry = turn.get("entries", {}).get(call["id"])
        if entry is not None:
            entries[call["id"]] = _completed(entry, call, message)
    outcomes = [entry["outcome"] for entry in entries.values()]
    over = "taken_over" in outcomes
    refused = _refused(turn, state, outcomes.count("repeated"))
    stop = refused["repeats"] > max_repeats and "repeated" in outcomes
    if over or stop:
        for call in calls:
            entry = entries.get(call["id"])
            if entry is None or entry["outcome"] in (*GRANTS, "free"):
                told = _WITHDRAWN[over].format(call["name"])
                more = {key: entry[key] for key in ("reviews", "by") if key in entry} if entry else {}
                entry = refused_entry(call, "withdrawn", told, **more)
                entries[call["id"]] = {**entry, "message": f"{message.id}:{call['id']}"}
    messages: list[Any] = [
        tool_message(entries[call["id"]], call["id"], _message_id(message, calls, number))
        for number, call in enumerate(calls)
        if call["id"] in entries and "told" in entries[call["id"]]
    ]
    if stop and not over:
        messages.append(stopped(entries))
    update: dict[str, Any] = {"messages": messages, CALLS: entries, REFUSED: refused}
    if messages and state.get("structured_response") is not None:
        update["structured_response"] = (
            None  # it was given before the model knew that not all of its calls ran
        )
    update.update({key: turn[key] for key in ("reviews", "judgements") if turn.get(key)})
    return {**update, "jump_to": "end"} if over or stop else update


_WITHDRAWN = {
    True: "{} was not run: a person has taken over.",
    False: "{} was not run: the agent was stopped.",
}


def _completed(entry: Entry, call: Mapping[str, Any], message: AIMessage) -> Entry:
    """The entry with the call as the model wrote it, and whether a person made another one of it."""
    try:
        proposed: str | None = call_digest(call["name"], call["args"])
    except PlainJsonError:
        proposed = None
    return {**entry, "proposed": proposed, "message": f"{message.id}:{call['id']}"}


def _message_id(message: AIMessage, calls: Sequence[Mapping[str, Any]], number: int) -> str:
    """The id of the answer to a call; the same call's answer replaces itself."""
    id_ = calls[number]["id"]
    before = sum(call["id"] == id_ for call in calls[:number])
    return f"{message.id}:{id_}" if not before else f"{message.id}:{id_}:{before}"


def _refused(turn: Mapping[str, Any], state: Mapping[str, Any], repeats: int) -> dict[str, Any]:
    """What people have decided against since the user last spoke, this turn included."""
    before = state.get(REFUSED) or {"calls": {}, "repeats": 0}
    new = {
        same: {key: record[key] for key in ("tool_call", "by", "decision")}
        for same, record in against(turn.get("reviews") or (), known_tools(state) or {}).items()
    }
    return {"calls": {**before["calls"], **new}, "repeats": before["repeats"] + repeats}
