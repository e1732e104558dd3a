"""One turn of the model: its calls, which of them need a person, and what came of each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from hitl_graph.agents.cut_off import CUT_OFF, is_cut_off
from hitl_graph.agents.policy import Policy
from hitl_graph.agents.tool_spec import ToolSpec, asks_for, call_digest
from hitl_graph.agents.wording import KEY, repeated
from hitl_graph.errors import PlainJsonError, ProposalError
from hitl_graph.gates import Gate

__all__ = [
    "CALLS",
    "REFUSED",
    "TOOLS",
    "Entry",
    "Verdict",
    "against",
    "decided_against",
    "known_tools",
    "open_calls",
    "refused_entry",
    "sorted_out",
]

CALLS = "hitl_calls"
"""The state key with what came of each call of the turn, by the call's id."""

TOOLS = "hitl_tools"
"""The state key with the tools that the model was shown last, by name."""

REFUSED = "hitl_refused"
"""The state key with what people decided against since the user last spoke: `calls`, by what they ask for, and
`repeats`, how often the model has proposed them again. No trimming or summary of the messages takes it away."""

Entry = dict[str, Any]
"""What came of a call: `outcome`; `proposed`, the digest of the call as the model wrote it; `tool` and `args`, what
may run; `key`, `by`, `review`, `action`, who answers for it; or `told`, what the model is told instead."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A call that needs its gate, or what came of it at once."""

    call: Mapping[str, Any]
    gate: Gate | None = None
    args: dict[str, Any] | None = None
    entry: Entry | None = None


def open_calls(messages: Sequence[AnyMessage]) -> tuple[AIMessage | None, list[Mapping[str, Any]]]:
    """The model's last message, and its calls that nobody has answered yet."""
    for number in range(len(messages) - 1, -1, -1):
        message = messages[number]
        if isinstance(message, AIMessage):
            told = {m.tool_call_id for m in messages[number + 1 :] if isinstance(m, ToolMessage)}
            return message, [call for call in message.tool_calls if call["id"] not in told]
    return None, []


def known_tools(state: Mapping[str, Any]) -> dict[str, ToolSpec] | None:
    """The tools that the model was shown last; None where no model was asked in this thread."""
    kept = state.get(TOOLS)
    return None if kept is None else {name: ToolSpec.from_json(name, spec) for name, spec in kept.items()}


def sorted_out(
    policy: Policy, calls: Sequence[Mapping[str, Any]], state: Mapping[str, Any]
) -> Iterator[Verdict]:
    """What each call of a turn needs. Calls that no gate matches are left to the agent.

    Raises:
        ProposalError: The model gave a call that needs a gate no id, so that it could never be answered.
    """
    tools = known_tools(state)
    ids = Counter(call["id"] for call in calls)
    decided = (state.get(REFUSED) or {}).get("calls", {})
    cut = is_cut_off(open_calls(state.get("messages") or ())[0])
    verdicts = []
    for call in calls:
        gate = policy.gate_for(call, state)
        spec = None if tools is None else tools.get(call["name"])
        if gate is not None and tools is not None and spec is None:
            told = f"{call['name']} was not run: it is not a valid tool, for it is none that you were given."
            verdicts.append(Verdict(call, entry=refused_entry(call, "refused", told)))
            continue
        if gate is not None and cut and call["id"]:
            verdicts.append(Verdict(call, entry=refused_entry(call, "refused", f"{call['name']} {CUT_OFF}")))
            continue
        if gate is not None and not call["id"]:
            raise ProposalError(
                "GateMiddleware", "tool_calls", f"the model gave its call of {call['name']} no id"
            )
        verdicts.append(_verdict(call, gate, spec, decided))
    gated = {verdict.call["id"] for verdict in verdicts if verdict.gate or verdict.entry}
    for verdict in verdicts:
        id_ = verdict.call["id"]
        if id_ in gated and ids[id_] > 1:
            told = "Two calls came under one id, so none of them was run. Give each call an id of its own."
            yield Verdict(verdict.call, entry=refused_entry(verdict.call, "refused", told))
        elif verdict.gate or verdict.entry:
            yield verdict
        elif policy.has_predicates and id_:
            yield Verdict(verdict.call, entry=_free(verdict.call))


def _verdict(
    call: Mapping[str, Any],
    gate: Gate | None,
    spec: ToolSpec | None,
    decided: Mapping[str, Mapping[str, Any]],
) -> Verdict:
    if gate is None:
        return Verdict(call)
    try:
        args = spec.taken(call["args"]) if spec else dict(call["args"])
        same = asks_for(call["name"], args, spec)
    except PlainJsonError as error:
        told = f"{call['name']} was not run: {error.field}: {error.problem}."
        return Verdict(call, entry=refused_entry(call, "refused", told))
    if spec and (problem := spec.problem(args)):
        told = f"{call['name']} was not run: {problem[0]}: {problem[1]}. Correct the arguments and call it again."
        return Verdict(call, entry=refused_entry(call, "refused", told))
    if spec and (unknown := spec.unknown(args)):
        told = f"{call['name']} was not run: {unknown}: is no argument of it. Call it again without."
        return Verdict(call, entry=refused_entry(call, "refused", told))
    if record := decided.get(same):
        return Verdict(call, entry=refused_entry(call, "repeated", repeated(record)))
    return Verdict(call, gate, args)


def refused_entry(call: Mapping[str, Any], outcome: str, told: str, **more: Any) -> Entry:
    """The entry of a call that does not run."""
    return {"outcome": outcome, "tool": call["name"], "told": told, "proposed": _digest(call), **more}


def _free(call: Mapping[str, Any]) -> Entry:
    return {"outcome": "free", "tool": call["name"], "proposed": _digest(call)}


def _digest(call: Mapping[str, Any]) -> str | None:
    try:
        return call_digest(call["name"], call["args"])
    except PlainJsonError:
        return None


def decided_against(state: Mapping[str, Any], spec: ToolSpec | None) -> dict[str, Mapping[str, Any]]:
    """The calls of a tool that a person has decided against since the user last spoke, as the messages say."""
    told = set()
    for message in reversed(state.get("messages") or ()):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, ToolMessage):
            told.update(message.additional_kwargs.get(KEY, {}).get("reviews", ()))
    records = [record for record in state.get("reviews") or () if record["review"] in told]
    return against(records, {spec.name: spec} if spec else {})


def against(
    records: Iterable[Mapping[str, Any]], specs: Mapping[str, ToolSpec]
) -> dict[str, Mapping[str, Any]]:
    """The records that say that a person decided against a call, by what it asks for.

    A call that was replaced by an edit counts as well: it is not what that person wanted done.
    """
    return {
        asks_for(
            record["tool_call"]["name"], record["proposed"], specs.get(record["tool_call"]["name"])
        ): record
        for record in records
        if record.get("tool_call") and (record["outcome"] == "rejected" or record["decision"] == "edit")
    }
