"""The last look before a tool runs: only the call that was let through runs, as it was let through, and once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langgraph.config import get_config
from langgraph.types import Command

from hitl_graph.agents.checked_tool import checked_tool
from hitl_graph.agents.ledgered import act_of
from hitl_graph.agents.policy import Policy
from hitl_graph.agents.tool_spec import call_digest
from hitl_graph.agents.turn import CALLS, Entry
from hitl_graph.agents.wording import KEY, edit_notice, noticed, tool_message
from hitl_graph.errors import PlainJsonError
from hitl_graph.nodes.clock import now

__all__ = ["GRANTS", "Leave", "finished", "leave_for", "unchanged", "ungated"]

_RUN = "__hitl_run"
"""Where a step keeps what its acts gave: the state learns of them only at the step's end."""

GRANTS = ("approved", "passed")


@dataclasses.dataclass(frozen=True)
class Leave:
    """What may be run for a call: `entry` is its grant (None where it needs none), or `told` why nothing may."""

    entry: Entry | None = None
    told: ToolMessage | None = None


def leave_for(policy: Policy, call: Mapping[str, Any], state: Any, *, known: bool) -> Leave:
    """Whether a call that is about to run was let through, exactly as it stands now.

    What stands in the state about the call's id decides. A call that nobody has looked at runs only if it needs no
    gate, whoever brought it here.

    Args:
        policy: The agent's gates.
        call: The call as it reaches its tool.
        state: The agent's state.
        known: Whether there is such a tool.
    """
    state = state if isinstance(state, Mapping) else {}
    entry = (state.get(CALLS) or {}).get(call["id"])
    if entry is not None and entry["proposed"] is not None and entry["proposed"] == _digest(call):
        if entry["outcome"] == "free":
            return Leave()
        if entry["outcome"] not in GRANTS:
            return Leave(told=tool_message(entry, call["id"], entry.get("message")))
        if why := _why_no_more(policy, call, state, entry):
            return Leave(told=_refused(call, why))
        return Leave(entry=entry)
    if policy.gate_for(call, state) is None:
        return Leave()
    if not known:
        return Leave(told=_refused(call, f"{call['name']} is not a valid tool."))
    if entry is None:
        return Leave(told=_refused(call, "Nobody has approved it. Propose it in a message of your own."))
    return Leave(
        told=_refused(call, "It is no longer the call that was decided on. Propose it again as it is now.")
    )


def _why_no_more(
    policy: Policy, call: Mapping[str, Any], state: Mapping[str, Any], entry: Entry
) -> str | None:
    """Why a grant of just this call is not enough now: no person but the clock gave it, or it has been used."""
    gate = policy.gate_for(call, state)
    grave = gate is None or not gate.action.reversible or gate.action.regulated
    if grave and str(entry["by"]).startswith("system:"):
        return "Time ran out and nobody approved it; that is not enough for it."
    if any(done["key"] == entry["key"] and not done.get("failed") for done in state.get("effects") or ()):
        return "It has been run already, and one approval runs it once."
    return None


def unchanged(tool: BaseTool, entry: Entry) -> BaseTool:
    """The tool of a call that was let through: it takes the arguments of `entry`, and runs once in this step."""
    results = get_config()["configurable"].setdefault(_RUN, {})

    def check(args: dict[str, Any]) -> str | None:
        if _digest({"name": tool.name, "args": args}) != _digest({"name": tool.name, "args": entry["args"]}):
            return "Its arguments were changed after they had been approved."
        return None

    return checked_tool(tool, check, results, act_of(tool, entry))


def ungated(tool: BaseTool, policy: Policy, call: Mapping[str, Any], state: Any) -> BaseTool:
    """The tool of a call that needs no gate, refusing arguments that would need one."""

    def check(args: dict[str, Any]) -> str | None:
        as_it_came = {"name": tool.name, "args": args}
        if _digest(as_it_came) == _digest({"name": tool.name, "args": dict(call["args"])}):
            return None
        if policy.gate_for({**call, **as_it_came}, state) is None:
            return None
        return "Its arguments were changed on the way, and as they are now a person has to approve them."

    return checked_tool(tool, check)


def finished(result: Any, entry: Entry, call_id: str) -> Any:
    """A tool's result with what the model must know of an edit, and the act on record in `effects`."""
    notice = edit_notice(entry) if entry.get("changed") else ""

    def told(message: Any) -> Any:
        mine = isinstance(message, ToolMessage) and message.tool_call_id == call_id
        return noticed(message, notice, entry["tool"], entry) if mine else message

    if isinstance(result, ToolMessage) and result.additional_kwargs.get(KEY, {}).get("outcome") == "refused":
        return result  # it was stopped on the way
    failed = False
    out = []
    for part in result if isinstance(result, list) else [result]:
        if isinstance(part, Command) and isinstance(part.update, Mapping):
            messages = part.update.get("messages")
            update = {**part.update, "messages": [told(m) for m in messages]} if messages else part.update
            out.append(dataclasses.replace(part, update=update))
        else:
            failed = failed or (isinstance(part, ToolMessage) and part.status == "error")
            out.append(told(part))
    effect = {
        "key": entry["key"],
        "action": entry["action"],
        "tool": entry["tool"],
        "by": entry["by"],
        "review": entry["review"],
        "at": now().isoformat(),
        **({"failed": True} if failed else {}),
    }
    if isinstance(out[0], ToolMessage) and len(out) == 1:
        return Command(update={"messages": out, "effects": [effect]})
    return [*out, Command(update={"effects": [effect]})]


def _refused(call: Mapping[str, Any], why: str) -> ToolMessage:
    entry = {"tool": call["name"], "outcome": "refused", "told": f"{call['name']} was not run. {why}"}
    return tool_message(entry, call["id"], None)


def _digest(call: Mapping[str, Any]) -> str | None:
    try:
        return call_digest(call["name"], call["args"])
    except PlainJsonError:
        return None
