"""Detached gates: the case is asked in a thread of its own, and the graph waits only where it needs the result."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from langgraph._internal._runnable import RunnableCallable  # what LangGraph itself makes of a node's function
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from hitl_graph.errors import DefinitionError, ReviewClosed
from hitl_graph.failpoints import failpoint
from hitl_graph.gates import Ask, Gate, Proceed
from hitl_graph.nodes.gate_node import GateNode, Routes, go_on
from hitl_graph.nodes.marks import GateMark, set_mark
from hitl_graph.nodes.onward import AfterEdit, go_on_after_edits
from hitl_graph.nodes.question import review_id
from hitl_graph.nodes.settle import Settled
from hitl_graph.nodes.wiring import add_gate_nodes, checked_gate, labels_of
from hitl_graph.wire import wait_payload

__all__ = ["add_detached_gate"]

Builder = TypeVar("Builder", bound="StateGraph[Any, Any, Any, Any]")
_PARENT = "__hitl_parent"
"""Where the case's run says whose it is; the savers of this library keep it."""
_CASE_LEADS = {END: "decided"}
_RUNS_OWN = frozenset({"thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"})


def add_detached_gate(
    builder: Builder,
    gate: Gate,
    *,
    then: str,
    approved: str,
    rejected: str | None = None,
    responded: str | None = None,
    asked: str | None = None,
    taken_over: str | None = None,
    options: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Builder:
    """Add a gate that does not hold the graph up (R37): it asks at `<gate>.ask`, and waits at `<gate>.join`.

    Draw edges to both. `<gate>.ask` opens the case as a thread of its own, with the state as it is there, and goes on
    to `then` at once. `<gate>.join` waits only where the case is not decided yet, and then goes where the decision
    leads, with the edits as state and the record in `reviews`. While it waits nobody is asked in the graph's thread;
    it goes on by itself once the case is decided.

    Args:
        builder: The graph; its state extends `HitlState`. gate: What to ask, and when.
        then: The node that the graph goes on to while the case is pending.
        approved, rejected, responded, asked, taken_over, options, strict: As for `add_gate`; they lead from the join.

    Returns:
        The builder.

    Raises:
        DefinitionError: As `add_gate`, or `then` is missing. Nothing was added.

    Example:
        >>> add_detached_gate(builder, review, then="research", approved="send", rejected="draft")  # doctest: +SKIP
        >>> builder.add_edge("draft", "reply.ask")                                                  # doctest: +SKIP
        >>> builder.add_edge("research", "reply.join")                                              # doctest: +SKIP
    """
    if not isinstance(then, str) or not then:
        raise DefinitionError(
            gate.where, "then", "is missing: name the node that the graph goes on to meanwhile"
        )
    targets = {
        "approved": approved,
        "rejected": rejected,
        "responded": responded,
        "asked": asked,
        "taken_over": taken_over,
    }
    gate, routes = checked_gate(builder, gate, targets, options or {}, strict=strict)
    case = StateGraph(builder.state_schema, context_schema=getattr(builder, "context_schema", None))
    case.add_edge(START, gate.name)
    # The graph has the case's nodes as well, where no edge leads: so it can go on with a thread that is only the case.
    for graph in (case, builder):
        add_gate_nodes(
            graph, _CaseNode(gate, routes), _CASE_LEADS | {gate.name: "again"}, END, approves=False
        )
    detached = _Detached(gate, routes, then, case)
    ask: Any = RunnableCallable(detached.ask, detached.aask, name=f"{gate.name}.ask")
    builder.add_node(f"{gate.name}.ask", ask, destinations={then: "goes on"})
    join: Any = RunnableCallable(detached.join, detached.ajoin, name=f"{gate.name}.join")
    labels = labels_of(gate, routes)
    labels.pop(gate.name, None)
    mark = GateMark(gate, frozenset([approved]), labels, asks=True)
    builder.add_node(f"{gate.name}.join", set_mark(join, mark), destinations=labels)
    builder.nodes[f"{gate.name}.join"].is_error_handler = True  # it pauses: see add_gate
    go_on_after_edits(builder, f"{gate.name}.ask", lambda _: then)
    go_on_after_edits(builder, f"{gate.name}.join", detached.after_edit)
    return builder


class _CaseNode(GateNode):
    """A gate in a thread that holds nothing but its case: the way that the decision leads is the join's."""

    def _pass(self, state: Any, verdict: Proceed | Ask, edited: dict[str, Any] | None = None) -> Command[Any]:
        return dataclasses.replace(super()._pass(state, verdict, edited), goto=END)

    def _go(self, state: Any, verdict: Ask, settled: Settled) -> Command[Any]:
        command = super()._go(state, verdict, settled)
        return command if settled.again else dataclasses.replace(command, goto=END)


@dataclasses.dataclass(frozen=True)
class _Case:
    """Where a case's thread stands: whether it is there, has reached its end, stands open; and its state."""

    there: bool
    ended: bool
    open: bool
    values: Mapping[str, Any]


class _Detached:
    """Both ends of a detached gate in its graph."""

    def __init__(self, gate: Gate, routes: Routes, then: str, case: StateGraph[Any]) -> None:
        self.gate = gate
        self.routes = routes
        self.then = then
        self.case = case

    def ask(self, state: Any) -> Command[Any]:
        """Open the case, or find it open: a replay of this task names the same thread."""
        graph, config = self._graph(), self._case_config(self._new_thread())

        def opened() -> None:
            found = _look(graph.get_state(config))
            if not (found.ended or found.open):
                graph.invoke(None if found.there else state, config, durability="sync")

        contextvars.Context().run(opened)
        failpoint("detached.opened")
        return self._asked(state, config)

    async def aask(self, state: Any) -> Command[Any]:
        """`ask`, for async graphs."""
        graph, config = self._graph(), self._case_config(self._new_thread())

        async def opened() -> None:
            found = _look(await graph.aget_state(config))
            if not (found.ended or found.open):
                await graph.ainvoke(None if found.there else state, config, durability="sync")

        await asyncio.get_running_loop().create_task(opened(), context=contextvars.Context())
        failpoint("detached.opened")
        return self._asked(state, config)

    def join(self, state: Any) -> Command[Any]:
        """Go where the decision leads; wait while there is none."""
        graph, thread_id = self._graph(), self._thread_of(state)
        config = self._case_config(thread_id)
        while not (found := _look(contextvars.Context().run(graph.get_state, config))).ended:
            self._wait(found, thread_id)
        return self._joined(state, found.values, thread_id)

    async def ajoin(self, state: Any) -> Command[Any]:
        """`join`, for async graphs."""
        graph, thread_id = self._graph(), self._thread_of(state)
        config = self._case_config(thread_id)
        loop = asyncio.get_running_loop()
        while True:
            look = loop.create_task(graph.aget_state(config), context=contextvars.Context())
            if (found := _look(await look)).ended:
                return self._joined(state, found.values, thread_id)
            self._wait(found, thread_id)

    def after_edit(self, state: Any) -> str:
        """Where an edit as the join leads: to the join while it waits, then as after any gate, or to a new case."""
        ask, join = f"{self.gate.name}.ask", f"{self.gate.name}.join"
        kept = (_get(state, "judgements") or {}).get(self.gate.name)
        if kept and not kept.get("proposal_digest"):  # asked, and not joined
            return join
        return AfterEdit(self.gate, self.routes, asks=join, again=ask).asked(state)

    def _graph(self) -> Any:
        """The case's graph, on the saver of the graph that runs."""
        saver = get_config()["configurable"].get("__pregel_checkpointer")
        if saver is None:
            raise DefinitionError(
                self.gate.where,
                "checkpointer",
                "is missing: compile the graph with one, such as open_checkpointer()",
            )
        return self.case.compile(checkpointer=saver)

    def _new_thread(self) -> str:
        """The case's thread: of this thread, gate and task, so that a replay of the task finds it.

        Raises:
            DefinitionError: The graph runs inside another, which could not go on with the case's thread.
        """
        running = get_config()["configurable"]
        if "|" in running["checkpoint_ns"]:
            problem = "stands in a subgraph: put it in the graph that is compiled with the checkpointer"
            raise DefinitionError(self.gate.where, "detached", problem)
        return f"{running['thread_id']}/{self.gate.name}/{review_id()}"

    def _thread_of(self, state: Any) -> str:
        """The thread of the case that was asked on the way here.

        Raises:
            DefinitionError: None was.
        """
        kept = (_get(state, "judgements") or {}).get(self.gate.name, {})
        if not isinstance(kept.get("thread"), str):
            problem = f"nothing was asked on the way here: lead it through {self.gate.name + '.ask'!r}"
            raise DefinitionError(self.gate.where, "join", problem)
        return str(kept["thread"])

    def _case_config(self, thread_id: str) -> Any:
        """The config of the case's runs: the caller's own settings, and whose case it is."""
        running = get_config()
        of_caller = running["configurable"]
        own = {k: v for k, v in of_caller.items() if not k.startswith("__") and k not in _RUNS_OWN}
        at = (of_caller.get("checkpoint_map") or {}).get("") or of_caller.get("checkpoint_id") or ""
        parent = {"parent": str(of_caller["thread_id"]), "gate": self.gate.name, "checkpoint_id": str(at)}
        told = running.get("metadata") or {}
        metadata = {key: told[key] for key in ("workflow", "hitl_by") if key in told}
        return {"configurable": {**own, "thread_id": thread_id, _PARENT: parent}, "metadata": metadata}

    def _asked(self, state: Any, config: Any) -> Command[Any]:
        kept = {"gate": self.gate.name, "action": self.gate.action.name, "outcome": "ask"}
        kept |= {"proposal_key": self.gate.proposal, "thread": config["configurable"]["thread_id"]}
        kept |= {"id": review_id(), "owner": str(self.gate.owner), "unattended": "", "proposal_digest": ""}
        return go_on(state, self.then, {"judgements": {self.gate.name: kept}})

    def _wait(self, found: _Case, thread_id: str) -> None:
        """Pause. Whatever answers it is no decision: the case is looked at again."""
        if not found.there:
            raise ReviewClosed(
                f"{self.gate.where}: the thread of its case, {thread_id}, is gone: nothing is decided there"
            )
        interrupt(wait_payload(thread_id, self.gate.name))

    def _joined(self, state: Any, values: Mapping[str, Any], thread_id: str) -> Command[Any]:
        """The decision, as the gate itself would have left it in the state."""
        known = {record["review"] for record in _get(state, "reviews") or ()}
        records = [record for record in values.get("reviews") or () if record["review"] not in known]
        judged = {**values["judgements"][self.gate.name], "thread": thread_id}
        if not records and judged["outcome"] != "proceed":
            raise ReviewClosed(f"{self.gate.where}: its case in {thread_id} ended without a decision")
        target = records[-1]["route"] if records else self.routes.approved
        own = {}
        if any(record["patch"] for record in records):
            own[self.gate.proposal] = values[self.gate.proposal]
        return go_on(state, target, {"reviews": records, "judgements": {self.gate.name: judged}}, own)


def _look(snapshot: Any) -> _Case:
    """A snapshot as far as it matters. A thread that was never run has neither time nor values."""
    there = snapshot.created_at is not None
    asks = any(task.interrupts for task in snapshot.tasks)
    return _Case(there, there and not snapshot.next, asks, snapshot.values if there else {})


def _get(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
