"""The gate of one tool call: a gate node whose outcomes are kept by the call's id, instead of led to nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from langgraph.graph import END
from langgraph.types import Command, Send

from hitl_graph.agents.policy import Policy
from hitl_graph.agents.tool_spec import ToolSpec, gate_of_tool
from hitl_graph.agents.turn import Entry
from hitl_graph.agents.wording import refusal
from hitl_graph.answers import apply_decision
from hitl_graph.decisions import Edit
from hitl_graph.errors import AnswerError, ProposalError
from hitl_graph.gates import Ask, Gate, Proceed
from hitl_graph.gates.case import TOOL_CALL
from hitl_graph.nodes.gate_node import GateNode, ItemState, Routes
from hitl_graph.nodes.question import Asked, review_id
from hitl_graph.nodes.response import AnswerRule, answer_schema
from hitl_graph.nodes.settle import Settled, check_answer
from hitl_graph.nodes.state import keep_each
from hitl_graph.nodes.wiring import with_continuations
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire import Shape

__all__ = ["ROUTES", "CallGate", "Setting", "call_item", "entry_node", "held_back", "led"]

ROUTES = Routes(approved="tools", rejected="model", responded="model", asked="model", taken_over=END)
"""Where each outcome leads, by the names of the agent's own nodes."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a call's gate knows of the agent around it.

    Attributes:
        policy: All gates of the agent.
        edit_to: The tools that an edit may name, by the tool that the model called.
        tools: The tools that the model was shown; empty where nobody knows.
        state: The agent's state, which is not written into each call's own.
        problem: What a tool's own model says against arguments, where this process has the tool.
        shape: The payload of the question.
    """

    policy: Policy
    edit_to: Mapping[str, tuple[str, ...]]
    tools: Mapping[str, ToolSpec]
    state: Mapping[str, Any]
    problem: Callable[[str, Mapping[str, Any]], tuple[str, str] | None]
    shape: Shape = Shape.NATIVE

    def view(self, item: Mapping[str, Any]) -> ItemState:
        """What the gate of a call sees: the agent's state, the call, and its arguments."""
        call = dict(item[TOOL_CALL])
        others = {
            name: self.tools[name].schema or {"type": "object"}
            for name in self.edit_to.get(call["name"], ())
            if name in self.tools and name != call["name"]
        }
        reviews = keep_each(self.state.get("reviews"), item.get("reviews"))
        return ItemState(
            item,
            {
                **self.state,
                **item,
                "reviews": reviews,
                TOOL_CALL: {**call, **({"others": others} if others else {})},
            },
        )


def led(gate: Gate) -> Gate:
    """The gate with its decisions, and where in the agent each of them leads."""
    return with_continuations(gate, {f.name: getattr(ROUTES, f.name) for f in dataclasses.fields(ROUTES)}, {})


def call_item(gate: Gate, call: Mapping[str, Any], args: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What is sent to a call's gate: small, for it is written to the database for each call."""
    kept = {"id": call["id"], "name": call["name"]}
    return {TOOL_CALL: kept, gate.proposal: dict(args), "judgements": {}, **more}


def entry_node(gate: Gate) -> str:
    """The node at which a call comes to its gate."""
    return gate.name


class CallGate(GateNode):
    """One gate for one tool call."""

    def __init__(self, gate: Gate, tool: str, setting: Setting) -> None:
        self.setting = setting
        self.tool = tool
        self.origin = gate
        spec = setting.tools.get(tool)
        super().__init__(led(gate_of_tool(gate, spec)), ROUTES, setting.shape)

    def _rule(self, request: ReviewRequest, state: Any, shown: Asked) -> Any:
        def check(answer: object) -> Any:
            read_in = check_answer(self.gate, request, answer, {}, shown)
            if isinstance(read_in.decision, Edit):
                self._check_edit(request, read_in.decision)
            return read_in

        return Annotated[Any, AnswerRule(check, answer_schema(request))]

    def _check_edit(self, request: ReviewRequest, decision: Edit) -> None:
        """The edited arguments, against the tool that would take them."""
        tool = decision.tool or self.tool
        final = apply_decision(request, decision).final or {}
        spec = self.setting.tools.get(tool)
        found = spec.problem(final) if spec else None
        if spec and found is None:
            injected = next((key for key in decision.changes if key in spec.injected), None)
            found = (injected, "is set by the program itself, and by nobody else") if injected else None
        found = found or self.setting.problem(tool, final)
        if found:
            raise AnswerError(f"review of gate {request.gate!r}", f"changes.{found[0]}", found[1])

    def _pass(self, state: Any, verdict: Proceed | Ask, edited: dict[str, Any] | None = None) -> Command[Any]:
        """Let it pass. The edit that brought it here counts as approved from now on."""
        call, args = state[TOOL_CALL], state[self.gate.proposal]
        own = state.item.get("reviews") or []
        if edited is None and own and own[-1]["outcome"] == "judged_again":
            last = own[-1]
            edited = last if (last["final_tool"], last["final"]) == (call["name"], args) else None
        kept = self._kept(verdict)
        update: dict[str, Any] = {"judgements": {self.gate.name: kept}}
        if edited is not None:
            record = {**edited, "outcome": "approved", "route": ROUTES.approved}
            update["reviews"] = [record]
            return self._done(state, update, self._granted(state, args, record))
        entry = self._entry(
            state, "passed", args, key=kept["id"], by=f"policy of {kept['owner']}", review=None
        )
        return self._done(state, update, entry)

    def _go(self, state: Any, verdict: Ask, settled: Settled) -> Command[Any]:
        """Keep what was decided; a call that became another one goes to the gate of that one."""
        record = settled.record
        shared: dict[str, Any] = {"judgements": {self.gate.name: self._kept(verdict)}}
        if record.final is None:
            told = dataclasses.replace(record, route=self.routes.of(settled)).to_json()
            entry = self._entry(
                state, record.outcome, {}, told=refusal(told), review=record.review, by=record.by
            )
            return self._done(state, {**shared, "reviews": [told]}, entry)
        call = {"id": state[TOOL_CALL]["id"], "name": record.final_tool or self.tool, "args": record.final}
        if record.decision == "edit":
            target = self.setting.policy.gate_for(call, self.setting.state)
            moves = target is None or target.name != self.origin.name or call["name"] != self.tool
            if target is not None and (moves or settled.again):
                outcome = record.outcome if settled.again else "judged_again"
                kept = dataclasses.replace(record, outcome=outcome, route=target.name).to_json()
                reviews = keep_each(state.item.get("reviews"), [kept])
                item = call_item(target, call, record.final, reviews=reviews)
                return Command(update={**shared, "reviews": [kept]}, goto=Send(entry_node(target), item))
        kept = dataclasses.replace(record, outcome="approved", route=ROUTES.approved).to_json()
        entry = self._granted(state, record.final, kept, tool=call["name"])
        return self._done(state, {**shared, "reviews": [kept]}, entry)

    def _granted(self, state: Any, args: Any, record: Mapping[str, Any], tool: str | None = None) -> Entry:
        changed = any(one["patch"] for one in (*(state.item.get("reviews") or ()), record))
        id_ = record["review"]
        return self._entry(
            state, "approved", args, tool=tool, key=id_, by=record["by"], review=id_, changed=changed
        )

    def _entry(self, state: Any, outcome: str, args: Any, *, tool: str | None = None, **more: Any) -> Entry:
        """What came of the call; who changed it on the way is part of it."""
        reviews = [record["review"] for record in state.item.get("reviews") or ()]
        if more.get("review"):
            reviews.append(more["review"])
        return {
            "outcome": outcome,
            "tool": tool or self.tool,
            "args": args,
            "gate": self.gate.name,
            "action": self.gate.action.name,
            "reviews": list(dict.fromkeys(reviews)),
            **more,
        }

    def _done(self, state: Any, update: dict[str, Any], entry: Entry) -> Command[Any]:
        return Command(update={**update, "entries": {state[TOOL_CALL]["id"]: entry}})


def held_back(item: Mapping[str, Any], error: ProposalError) -> Entry:
    """The entry of a call that cannot be shown to a person as it is, so that it does not run."""
    call = item[TOOL_CALL]
    told = f"{call['name']} was not run, for it cannot be shown to a person: {error.field}: {error.problem}."
    return {"outcome": "refused", "tool": call["name"], "told": told, "review": None, "key": review_id()}
