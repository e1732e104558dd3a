"""One call of a gated tool: what its gate sees, what may run, and what the graph gets back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.config import get_config
from langgraph.types import Command

from hitl_graph.agents.cut_off import CUT_OFF, is_cut_off
from hitl_graph.agents.guard import finished
from hitl_graph.agents.tool_spec import asks_for, call_digest
from hitl_graph.agents.turn import Entry, decided_against
from hitl_graph.agents.wording import refusal, repeated, tool_message
from hitl_graph.errors import PlainJsonError, ProposalError
from hitl_graph.gates.case import TOOL_CALL
from hitl_graph.nodes.gate_node import in_fan_out

if TYPE_CHECKING:
    from hitl_graph.agents.gated import GatedTool
    from hitl_graph.functional import Reviewed

__all__ = ["End", "GatedCall"]


@dataclasses.dataclass(frozen=True)
class End:
    """What came of a call: its entry, with `told` where it does not run, and what the state keeps of it."""

    entry: Entry
    records: Sequence[dict[str, Any]] = ()
    judgement: Mapping[str, Any] | None = None

    @property
    def told(self) -> str | None:
        """What the model is told instead of a result."""
        return self.entry.get("told")


@dataclasses.dataclass(frozen=True)
class GatedCall:
    """A call as it came: from `ToolNode` with an id and a runtime, or from plain code without them."""

    tool: GatedTool
    id: str | None
    args: Mapping[str, Any]
    runtime: Any = None

    @classmethod
    def of(cls, tool: GatedTool, given: Any) -> GatedCall:
        """Read what a tool is invoked with."""
        full = isinstance(given, Mapping) and given.get("type") == "tool_call"
        args = given["args"] if full else given
        if not isinstance(args, Mapping):
            args = {tool.first_argument: args}
        shown = {key: value for key, value in args.items() if key not in tool.hidden}
        return cls(tool, given["id"] if full else None, shown, args.get(tool.runtime_key))

    @property
    def state(self) -> dict[str, Any]:
        """The graph's state as a dict; empty where nobody handed it over."""
        state = getattr(self.runtime, "state", None)
        if isinstance(state, list):
            return {"messages": state}
        return {} if state is None else dict(state)

    def siblings(self) -> list[GatedCall]:
        """The gated calls that share this call's task, in the order of the model's message."""
        if self.runtime is None or in_fan_out():
            return [self]
        tools = {tool.name: tool for tool in self.runtime.tools}
        out: list[GatedCall] = []
        message = self._message()[1]
        for call in message.tool_calls if message else ():
            tool = tools.get(call["name"])
            if call["id"] == self.id and call["name"] == self.tool.name:
                out.append(self)
            elif isinstance(tool, type(self.tool)):
                args = {**call["args"], tool.runtime_key: self.runtime}
                out.append(GatedCall.of(tool, {"type": "tool_call", "id": call["id"], "args": args}))
        return out if self in out else [self]

    def proposal(self) -> dict[str, Any]:
        """The arguments as the tool will take them.

        Raises:
            PlainJsonError: They are no plain JSON.
        """
        spec = self.tool.spec
        return spec.taken(self.args) if spec else dict(self.args)

    def at_once(self) -> End | None:
        """The end of a call that nobody is asked about: it cannot run, or a person has decided against it."""
        name = self.tool.name
        try:
            args = self.proposal()
            same = asks_for(name, args, self.tool.spec)
        except PlainJsonError as error:
            return self.refused(f"{error.field}: {error.problem}.")
        if self.id is None:  # plain code, which gets what the tool itself says of bad arguments
            return None
        if is_cut_off(self._message()[1]):
            return End(self._entry("refused", told=f"{name} {CUT_OFF}"))
        if self.tool.spec and (problem := self.tool.spec.problem(args)):
            return self.refused(f"{problem[0]}: {problem[1]}. Correct the arguments and call it again.")
        if self.tool.spec and (unknown := self.tool.spec.unknown(args)):
            return self.refused(f"{unknown}: is no argument of it. Call it again without.")
        if record := decided_against(self.state, self.tool.spec).get(same):
            return End(self._entry("repeated", told=repeated(record)))
        return None

    def context(self) -> dict[str, Any]:
        """What the gate's functions see."""
        state = self.state
        return {**state, TOOL_CALL: {"id": self.id, "name": self.tool.name}} if self.id else state

    def refused(self, why: str) -> End:
        """The end of a call that is not run."""
        return End(self._entry("refused", told=f"{self.tool.name} was not run. {why}"))

    def unshown(self, error: ProposalError) -> End:
        """The end of a call that cannot be shown to a person as it is."""
        return self.refused(f"It cannot be shown to a person: {error.field}: {error.problem}.")

    def settled(self, reviewed: Reviewed) -> End:
        """The end of a call that its gate has judged."""
        record = reviewed.record
        changed = any(one["patch"] for one in reviewed.records)
        ids = [one["review"] for one in reviewed.records]
        by = record["by"] if record else f"policy of {reviewed.judgement['owner']}"
        entry = self._entry(reviewed.outcome, reviews=ids, by=by)
        if reviewed.approved:
            review = record["review"] if record else None
            entry.update(args=dict(reviewed.final), key=reviewed.key, review=review, changed=changed)
        else:
            entry["told"] = refusal({**(record or {}), "tool_call": {"name": self.tool.name}})
        return End(entry, reviewed.records, reviewed.judgement)

    def granted(self, end: End, given: Any) -> Any:
        """What the tool is invoked with: the approved arguments, and those that the program adds itself."""
        full = isinstance(given, Mapping) and given.get("type") == "tool_call"
        before = given["args"] if full else given
        own = (
            {k: v for k, v in before.items() if k in self.tool.injected}
            if isinstance(before, Mapping)
            else {}
        )
        args = {**end.entry["args"], **own}
        return {**given, "args": args} if full else args

    def run_key(self, end: End) -> str:
        """Which approval it runs on: one approval, one run."""
        return f"{end.entry['key']} {self.id} {call_digest(self.tool.name, end.entry['args'])}"

    def answered(self, end: End) -> Any:
        """What the graph gets of a call that did not run."""
        if self.id is None:
            return end.told
        return self._kept(tool_message(end.entry, self.id, None), end)

    def finished(self, end: End, result: Any) -> Any:
        """What the graph gets of a call that ran."""
        parts = finished(result, end.entry, str(self.id))
        several = isinstance(parts, list)
        if not self._keeps("effects"):
            parts = _without_effects(parts)
            several = isinstance(parts, list)
        if isinstance(parts, ToolMessage):
            return parts
        update = self._records(end)
        if update:
            parts = [*(parts if several else [parts]), Command(update=update)]
        return parts

    def _kept(self, message: ToolMessage, end: End) -> Any:
        update = self._records(end)
        return Command(update={self._message()[0]: [message], **update}) if update else message

    def _records(self, end: End) -> dict[str, Any]:
        """The update of the keys of `HitlState`, where the graph has them."""
        update: dict[str, Any] = {}
        if end.records and self._keeps("reviews"):
            update["reviews"] = [{**record, "route": None} for record in end.records]
        if end.judgement and self._keeps("judgements"):
            update["judgements"] = {self.tool.gate.name: dict(end.judgement)}
        return update

    def _keeps(self, key: str) -> bool:
        """Whether the graph's state has such a key."""
        if self.runtime is None or isinstance(getattr(self.runtime, "state", None), list):
            return False
        read = get_config()["configurable"].get("__pregel_read")
        args: tuple[Any, ...] = getattr(read, "args", ())
        return len(args) > 1 and key in args[1]  # all channels, where ToolNode itself looks for them

    def _message(self) -> tuple[str, AIMessage | None]:
        """The state key of the messages, and the message that this call stands in."""
        for key, value in self.state.items():
            for message in reversed(value) if isinstance(value, list) else ():
                if isinstance(message, AIMessage) and any(one["id"] == self.id for one in message.tool_calls):
                    return key, message
        return "messages", None

    def _entry(self, outcome: str, **more: Any) -> Entry:
        gate = self.tool.gate
        return {
            "outcome": outcome,
            "tool": self.tool.name,
            "gate": gate.name,
            "action": gate.action.name,
            **more,
        }


def _without_effects(parts: Any) -> Any:
    """What `finished` gave, for a graph that keeps no effects."""
    if isinstance(parts, Command):
        update: Any = parts.update
        return update["messages"][0]
    return parts[:-1] if len(parts) > 2 else parts[0]  # the last one is the record of the act
