"""Where a thread goes on after an edit of its state that LangGraph makes as a gate's node.

`update_state` writes as the last node that ran, if nobody says as which, and then follows that node's edges. A gate has
none: it goes by `Command`, and an edit brings no `Command`. Without a way on, the thread would end there, and whoever
was being asked would never be asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._runnable import RunnableSeq  # what LangGraph itself makes of a node's steps
from langgraph.graph import END, StateGraph
from langgraph.graph._branch import BranchSpec  # what the builder keeps of a conditional edge
from langgraph.pregel._write import ChannelWrite  # what LangGraph itself writes an edge with
from langgraph.types import Command

from hitl_graph.errors import ProposalError
from hitl_graph.gates import Gate
from hitl_graph.gates.case import last_record, tool_of
from hitl_graph.nodes.gate_node import Routes
from hitl_graph.reviews import proposal_digest

__all__ = ["AfterEdit", "Onward", "go_on_after_edits"]

Way = Callable[[Any], str]
"""From the state, as edited, to the node that it goes on to; `END` for nowhere."""

_NAME = "after an edit"


def go_on_after_edits(builder: StateGraph[Any, Any, Any, Any], node: str, way: Way) -> None:
    """Let edits made as `node`, which always answers with a `Command`, go on where `way` says.

    No run comes this way, so it is no edge of the graph: nothing draws it, and `check_boundary` leaves it out. An
    effect looks for its approval however it is reached.
    """
    builder.branches[node][_NAME] = Onward(way, {})  # type: ignore[arg-type]  # only our `run` reads it


class Onward(BranchSpec):
    """A conditional edge that only an edit takes."""

    def run(self, writer: Any, reader: Any = None) -> Any:
        """The step behind the node."""
        return _Step(self.path, writer, reader)


class _Step(RunnableSeq):
    """Hands on what it gets, and writes the way on if that is an edit.

    It is a sequence of nothing: LangGraph takes sequences apart where it puts a node's steps together, so that a run
    has no step more. An edit calls each of the steps as it is.
    """

    def __init__(self, way: Any, writer: Any, reader: Any) -> None:
        self.steps = []
        self.name = _NAME
        self.way = way
        self.writer = writer
        self.reader = reader

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002  # LangChain's word
        if not isinstance(input, Command):
            target = self.way(self.reader(config))
            if target != END:
                assert config is not None  # LangGraph gives one
                ChannelWrite.do_write(config, self.writer([target]))
        return input

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002  # LangChain's word
        return self.invoke(input, config)


class AfterEdit:
    """The way on after an edit as one of a gate's nodes.

    Where the gate's last word led, if that was about what is proposed now; else to the gate. A thread that the gate has
    let end stays at its end.

    Args:
        gate: The gate. routes: Where its decisions lead.
        asks: The node that asks. again: The node at which it begins anew.
        alone: The gate is in a thread of its own, where every decision leads to the end.
    """

    def __init__(self, gate: Gate, routes: Routes, *, asks: str, again: str, alone: bool = False) -> None:
        self.gate = gate
        self.routes = routes
        self.asks = asks
        self.again = again
        self.alone = alone

    def measured(self, state: Any) -> str:
        """After an edit as the node that measures."""
        judged = self._judged(state)
        if not judged:
            return self.again
        route = self.routes.approved if "at" in judged else self.asks
        return self._led(route, judged.get("proposal_digest"), state)

    def asked(self, state: Any) -> str:
        """After an edit as the node that asks."""
        judged = self._judged(state)
        if "at" in judged:  # it passed, after whatever a person said before
            return self._led(self.routes.approved, judged.get("proposal_digest"), state)
        record = last_record(self.gate.name, state)
        if record is None:
            return self.again
        about = record.get("final_digest") or judged.get("proposal_digest")
        return self._led(str(record.get("route")), about, state)

    def _judged(self, state: Any) -> Mapping[str, Any]:
        kept = state.get("judgements") if isinstance(state, Mapping) else getattr(state, "judgements", None)
        judged: Mapping[str, Any] = (kept or {}).get(self.gate.name, {})
        return judged

    def _led(self, route: str, about: object, state: Any) -> str:
        """`route`, for the proposal that it was chosen for."""
        here = (self.gate.name, self.asks)
        if route == END or (self.alone and route not in here):
            return END
        try:
            now_proposed = proposal_digest(self.gate.action.name, self.gate.proposed(state), tool_of(state))
        except ProposalError:
            return self.again  # which says what is wrong with it
        known = route in (*here, *self._routes())  # the graph may be another one since
        return route if known and about == now_proposed else self.again

    def _routes(self) -> list[str | None]:
        routes = self.routes
        each = [routes.approved, routes.rejected, routes.responded, routes.asked, routes.taken_over]
        return [*each, *routes.options.values()]
