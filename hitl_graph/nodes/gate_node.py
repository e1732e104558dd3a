"""The LangGraph side of a gate: judge, pause once, and go where the decision leads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from langgraph.config import get_config
from langgraph.graph import END
from langgraph.types import Command, Send, interrupt

from hitl_graph.errors import DefinitionError, ProposalError
from hitl_graph.gates import Ask, Gate, Proceed
from hitl_graph.gates.case import tool_of
from hitl_graph.gates.gate import read
from hitl_graph.nodes.clock import now
from hitl_graph.nodes.question import Asked, is_answered, review_id
from hitl_graph.nodes.response import AnswerRule, answer_schema
from hitl_graph.nodes.settle import Settled, check_answer, edit_into_this, settle, standing_edit
from hitl_graph.nodes.state import keep_each, merge
from hitl_graph.reviews import ReviewRequest, proposal_digest
from hitl_graph.wire import Shape, payload_for

__all__ = ["GateNode", "ItemState", "Routes", "go_on", "in_fan_out"]


class ItemState(dict[str, Any]):
    """What a gate in a fan-out sees where that is more than its `item`, which alone is sent on and saved."""

    def __init__(self, item: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
        super().__init__(seen)
        self.item = dict(item)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Routes:
    """Where each outcome leads: names of nodes, or `END`."""

    approved: str
    rejected: str | None = None
    responded: str | None = None
    asked: str | None = None
    taken_over: str | None = None
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def elsewhere(self) -> frozenset[str]:
        """The options that lead elsewhere than an approved proposal."""
        return frozenset(value for value, target in self.options.items() if target != self.approved)

    def of(self, settled: Settled) -> str:
        """The node that a settled decision leads to."""
        if settled.option is not None and settled.option in self.options:
            return self.options[settled.option]
        target = (
            self.approved if settled.record.outcome == "routed" else getattr(self, settled.record.outcome)
        )
        assert isinstance(target, str), f"no route for {settled.record.outcome}"  # add_gate has seen to it
        return target


class GateNode:
    """One gate in a graph.

    A gate that always asks is one node. A gate that may let pass is two: `measure` judges and keeps the judgement in
    the state, so that no replay can flip it, and `review` asks.
    """

    def __init__(self, gate: Gate, routes: Routes, shape: Shape = Shape.NATIVE) -> None:
        self.gate = gate
        self.routes = routes
        self.shape = shape
        self.review_node = f"{gate.name}.review" if gate.judged_first else gate.name

    def review(self, state: Any, shown: Asked) -> Command[Any]:
        """Let pass, or ask and settle the answer. Everything before the interrupt is pure."""
        if not self.gate.judged_first:
            return self.review_with(state, None, shown)
        kept = (_get(state, "judgements") or {}).get(self.gate.name, {})
        current = proposal_digest(self.gate.action.name, self.gate.proposed(state), tool_of(state))
        if (
            kept.get("proposal_digest") != current
        ):  # somebody changed it since: what was measured is about another one
            return go_on(state, self.gate.name, {})
        return self.review_with(state, kept["signals"], shown, asked=True)

    def review_with(
        self, state: Any, signals: dict[str, Any] | None, shown: Asked, *, asked: bool = False
    ) -> Command[Any]:
        """`review`, on signals that were measured before; None measures what the state alone decides.

        `shown`: what the question showed when it was asked. `asked`: the judgement that is kept says to ask,
        whatever the policy would say now.
        """
        verdict = self.gate.judge(state, signals, asked=asked or is_answered())
        if isinstance(verdict, Proceed):
            return self._pass(state, verdict)
        request = verdict.request
        _check_saved(self.gate)
        if in_fan_out():
            _item(state)  # what cannot be handed on is said before anybody is asked
        shown.forget_if_changed(request)
        answer = interrupt(
            payload_for(request, self.shape), response_schema=self._rule(request, state, shown)
        )
        elsewhere = self.routes.elsewhere
        settled = settle(
            self.gate, request, answer, state, review=review_id(), elsewhere=elsewhere, shown=shown.digest
        )
        return self._go(state, verdict, settled)

    def measure(self, state: Any) -> Command[Any]:
        """Collect the signals and keep them with the judgement."""
        return self._measured(state, self.gate.collect(state))

    async def ameasure(self, state: Any) -> Command[Any]:
        """`measure`, for async graphs."""
        return self._measured(state, await self.gate.acollect(state))

    def _rule(self, request: ReviewRequest, state: Any, shown: Asked) -> Any:
        like = read(state, self.gate.proposal)

        def check(answer: object) -> Any:
            return check_answer(self.gate, request, answer, like, shown)

        return Annotated[Any, AnswerRule(check, answer_schema(request))]

    def _measured(self, state: Any, signals: dict[str, Any]) -> Command[Any]:
        verdict = self.gate.judge(state, signals)
        if isinstance(verdict, Proceed):
            return self._pass(state, verdict, edit_into_this(self.gate, state, verdict))
        if edited := standing_edit(self.gate, state, verdict):
            return self._pass(state, verdict, edited)
        kept = {self.gate.name: {**self._kept(verdict), "signals": signals}}
        return go_on(state, self.review_node, {"judgements": kept})

    def _kept(self, verdict: Proceed | Ask) -> dict[str, Any]:
        return dataclasses.replace(verdict.judgement, id=review_id()).to_json()

    def _pass(self, state: Any, verdict: Proceed | Ask, edited: dict[str, Any] | None = None) -> Command[Any]:
        """Go on without asking. The edit that brought the proposal here counts as approved from now on."""
        kept = {**self._kept(verdict), "at": now().isoformat()}
        update: dict[str, Any] = {"judgements": {self.gate.name: kept}}
        if edited is not None:
            kept["review"] = edited["review"]
            update["reviews"] = [{**edited, "outcome": "approved", "route": self.routes.approved}]
        return go_on(state, self.routes.approved, update)

    def _go(self, state: Any, verdict: Ask, settled: Settled) -> Command[Any]:
        """Routing happens here and not in an edge: a router that raises after the answer would lose the graph."""
        target = self.gate.name if settled.again else self.routes.of(settled)
        record = dataclasses.replace(settled.record, route=target).to_json()
        shared = {"reviews": [record], "judgements": {self.gate.name: self._kept(verdict)}}
        return go_on(state, target, shared, settled.changed)


def go_on(state: Any, target: str, shared: dict[str, Any], own: dict[str, Any] | None = None) -> Command[Any]:
    """Go on to `target`. In a fan-out each item keeps its own state: `own` travels with it and is not shared."""
    if not in_fan_out():
        return Command(update={**shared, **(own or {})}, goto=target)
    if target == END:
        return Command(update=shared, goto=END)
    item = {**_item(state), **(own or {})}
    for key, merged in (("judgements", merge), ("reviews", keep_each)):
        if key in shared:
            item[key] = merged(item.get(key), shared[key])
    return Command(update=shared, goto=Send(target, item))


def _check_saved(gate: Gate) -> None:
    """Without a checkpointer LangGraph pauses and saves nothing: the case would be lost."""
    if get_config()["configurable"].get("__pregel_checkpointer") is None:
        raise DefinitionError(
            gate.where, "checkpointer", "is missing: compile the graph with one, such as open_checkpointer()"
        )


def in_fan_out() -> bool:
    """Whether the running node was reached by `Send`, and so has a state of its own that nobody else sees."""
    return bool(get_config()["metadata"].get("langgraph_path", ("",))[0] == "__pregel_push")


def _get(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)


def _item(state: Any) -> dict[str, Any]:
    if isinstance(state, ItemState):
        return dict(state.item)
    if not isinstance(state, Mapping):
        raise ProposalError("fan-out", type(state).__name__, "is no mapping: Send a dict to a gate")
    return dict(state)
