"""A graph read as a flow: which node leads where, and what each edge does to an approval."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph.errors import DefinitionError
from hitl_graph.nodes.conduct import Conduct, builder_of, read_conduct, runs_always
from hitl_graph.nodes.marks import EffectMark, FailureMark, GateMark, ToolsMark, mark_of
from hitl_graph.nodes.onward import Onward
from hitl_graph.nodes.wiring import CONTINUES

__all__ = ["Edge", "Flow", "FlowNode", "read_flow"]

_DEFAULT_HANDLER = "__default_error_handler__"
_PARENT = "__parent__"
"""The end of a graph by a Command to the graph around it."""


@dataclasses.dataclass(frozen=True)
class FlowNode:
    """One node, by its full name: `desk:send` in the subgraph `desk`. Hidden: a graph's start or end."""

    id: str
    name: str
    gate: GateMark | None = None
    failure: FailureMark | None = None
    effects: tuple[EffectMark, ...] = ()
    tools: tuple[ToolsMark, ...] = ()
    graphs: int = 0
    hidden: bool = False

    @property
    def acts(self) -> frozenset[str]:
        """The names of the action classes that it acts in."""
        return frozenset(mark.action.name for mark in self.effects)


@dataclasses.dataclass(frozen=True)
class Edge:
    """A way from one node to another.

    Attributes:
        how: What kind of edge it is, in words; empty for a plain one.
        label: What the graph calls it.
        advice: What to declare, where the graph does not say that the edge leads here.
        grants: The action class that is approved by taking it.
        weak: The gate may have let the act pass by itself, and nobody said why it may.
        drops: The action classes whose approval ends by taking it.
    """

    source: str
    target: str
    how: str = ""
    label: str = ""
    advice: str = ""
    grants: str | None = None
    weak: bool = False
    drops: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Flow:
    """All nodes by id, and all edges by the id of their source. It starts at `START`."""

    nodes: dict[str, FlowNode] = dataclasses.field(default_factory=dict)
    edges: dict[str, dict[Edge, None]] = dataclasses.field(default_factory=dict)

    def all_edges(self) -> Iterable[Edge]:
        """Every edge, in the order in which they were read."""
        return (edge for edges in self.edges.values() for edge in edges)

    def add(self, edge: Edge) -> None:
        """Add an edge, once."""
        self.edges.setdefault(edge.source, {})[edge] = None


def read_flow(graph: Any) -> Flow:
    """Read a compiled graph, or a `StateGraph`, with all its subgraphs.

    What a graph declares (path maps, `Literal`s, `destinations`) is believed. Where code is seen to go
    somewhere that is not declared, an edge to every node of its graph stands for it.

    Raises:
        DefinitionError: `graph` is neither.
    """
    if builder_of(graph) is None:
        kind = type(graph).__name__
        raise DefinitionError("boundary", "graph", f"is a {kind}: give a StateGraph, compiled or not")
    flow = Flow()
    _Level(flow, graph, "", {}).read()
    return flow


class _Level:
    """One graph in the flow: the root, or a subgraph under its node's name."""

    def __init__(self, flow: Flow, graph: Any, prefix: str, inside: Mapping[int, str]) -> None:
        builder = builder_of(graph)
        assert builder is not None
        self.flow = flow
        self.prefix = prefix
        self.builder: StateGraph[Any] = builder
        self.inside = {**inside, id(builder): prefix}
        self.compiled = {} if graph is builder else graph.nodes
        self.handlers = self._handlers()
        handling = {handler for handler, _ in self.handlers.values()}
        self.runs = [name for name in builder.nodes if name not in handling]
        self.conducts: dict[str, Conduct] = {}
        self.exits: dict[str, list[str]] = {START: [prefix + START]}  # the ids by which a node is left
        self.jumps_from: dict[str, list[str]] = {}  # those of them by which it is left by Command
        self.sideways: set[str] = set()  # nodes whose inner graph goes to a node of this one by Command
        self.left: set[str] = set()  # nodes that have a way out

    def read(self) -> bool:
        """Read it into the flow. Returns whether a node leaves by a `Command` to the parent graph."""
        for end in (START, END, _PARENT):
            self.flow.nodes[self.prefix + end] = FlowNode(self.prefix + end, end, hidden=True)
        for name in self.runs:
            self._node(name)
        for name in self.runs:
            self._ways_by_command(name)
        self._edges()
        self._branches()
        for name in self.runs:
            if name not in self.left:
                self._way(name, END)
        for name in self.runs:
            self._weaken(name)
        for name, (handler, function) in self.handlers.items():
            self._handler(name, handler, function)
        return any(conduct.leaves for conduct in self.conducts.values())

    def _handlers(self) -> dict[str, tuple[str, Any]]:
        """The error handler of each node that has one: its name and its runnable."""
        specs = self.builder.nodes
        default = getattr(getattr(self.builder, "_node_defaults", None), "error_handler", None)
        found = {}
        for name, spec in specs.items():
            if spec.error_handler_node:
                found[name] = (spec.error_handler_node, specs[spec.error_handler_node].runnable)
            elif default is not None and _DEFAULT_HANDLER not in specs and not spec.is_error_handler:
                found[name] = (_DEFAULT_HANDLER, default)
        return found

    def _node(self, name: str) -> None:
        runnable = self.builder.nodes[name].runnable
        mark = mark_of(runnable)
        deciding = isinstance(mark, (GateMark, FailureMark))
        drawn = getattr(self.compiled.get(name), "subgraphs", ())
        conduct = Conduct() if deciding else read_conduct(runnable, drawn)
        self.conducts[name] = conduct
        full = self.prefix + name
        self.flow.nodes[full] = FlowNode(
            full,
            full,
            gate=mark if isinstance(mark, GateMark) else None,
            failure=mark if isinstance(mark, FailureMark) else None,
            effects=tuple(conduct.effects),
            tools=tuple(conduct.tools),
            graphs=len(conduct.graphs),
        )
        ends = self._enter(name, full, conduct)
        # A function may or may not call the graphs that it names; a graph that is the node always runs.
        direct = bool(ends) and runs_always(runnable)
        self.exits[name] = ends if direct else [full, *ends]
        by_command = [end for end in ends if end.endswith(_PARENT)]
        self.jumps_from[name] = by_command if direct and by_command else self.exits[name]

    def _enter(self, name: str, full: str, conduct: Conduct) -> list[str]:
        """Read the graphs that a node runs. Returns the ids by which they end."""
        ends = []
        for number, graph in enumerate(conduct.graphs):
            if (above := self.inside.get(id(builder_of(graph)))) is not None:
                self.flow.add(Edge(full, above + START, how="calls its own graph again"))
                continue
            prefix = f"{full}:" if number == 0 else f"{full}#{number + 1}:"
            self.flow.add(Edge(full, prefix + START))
            ends.append(prefix + END)
            if _Level(self.flow, graph, prefix, self.inside).read():
                self.sideways.add(name)
                ends.append(prefix + _PARENT)
        return ends

    def _way(self, name: str, target: str, *, places: Iterable[str] = (), **edge: Any) -> None:
        """Add the edge from each place where `name` is left. It ends what it does not grant."""
        full = self.prefix + name
        node = self.flow.nodes[full]
        drops = set() if edge.get("grants") else set(node.acts)
        if node.gate and not edge.get("grants"):
            drops.add(node.gate.gate.action.name)
        for place in places or self.exits[name]:
            skips = place == full and len(self.exits[name]) > 1
            hows = (edge.get("how"), "when it does not call its graph" if skips else None)
            how = ", ".join(filter(None, hows))
            self.flow.add(Edge(place, self.prefix + target, **{**edge, "how": how}, drops=frozenset(drops)))
        self.left.add(name)

    def _anywhere(self, name: str, how: str, advice: str, places: Iterable[str] = ()) -> None:
        for target in (*self.runs, END):
            self._way(name, target, places=places, how=how, advice=advice)

    def _ways_by_command(self, name: str) -> None:
        ends = self.builder.nodes[name].ends or ()
        node, conduct = self.flow.nodes[self.prefix + name], self.conducts[name]
        if node.gate:
            self._gate_ways(name, node.gate, ends)
            return
        for target in ends:
            label = ends[target] if isinstance(ends, Mapping) else ""
            self._way(name, target, places=self.jumps_from[name], how="Command", label=label)
        if conduct.leaves:
            self._way(name, _PARENT, how="Command to the parent graph")
        declared = set(ends) - {mark.held for mark in node.effects}
        if conduct.jumps and not declared:
            advice = (
                f"{self.prefix + name!r} makes a Command or Send and does not declare where it goes: "
                "annotate it `-> Command[Literal[...]]`, or give add_node(..., destinations=...)"
            )
            self._anywhere(name, "undeclared Command", advice)
        elif name in self.sideways and not ends:
            advice = (
                f"the graph in {self.prefix + name!r} goes to a node of its parent by Command: "
                f"declare where, with add_node({name!r}, ..., destinations=...)"
            )
            self._anywhere(name, "undeclared Command", advice, self.jumps_from[name])

    def _gate_ways(self, name: str, mark: GateMark, ends: Iterable[str]) -> None:
        gate = mark.gate
        refused: dict[str, set[str]] = {}
        for word, target in gate.continuation.items() if mark.asks else ():
            outcome = CONTINUES.get(word, "approved")
            if outcome != "approved":
                refused.setdefault(target, set()).add(outcome.replace("_", " "))
        for target in ends:
            words = mark.labels.get(target, "").split(" / ")
            no = refused.get(target, set())
            approves = target in mark.approves and gate.approves
            if approves:
                weak = not gate.always_asks and not gate.unattended and not (mark.asks and gate.judged_first)
                how = " / ".join(word for word in words if word not in no)
                self._way(name, target, how=how, label=how, grants=gate.action.name, weak=weak)
            if no or not approves:
                how = " / ".join(word for word in words if word in no or not approves)
                self._way(name, target, how=how, label=how)

    def _weaken(self, name: str) -> None:
        """The second node of a collecting gate always asks, if it is only reached from the first one."""
        full = self.prefix + name
        mark = self.flow.nodes[full].gate
        if mark is None or not (mark.asks and mark.gate.judged_first):
            return
        if mark.gate.always_asks or mark.gate.unattended:
            return
        if {e.source for e in self.flow.all_edges() if e.target == full} - {self.prefix + mark.gate.name}:
            edges = self.flow.edges.get(full, {})
            self.flow.edges[full] = {dataclasses.replace(e, weak=bool(e.grants)): None for e in edges}

    def _edges(self) -> None:
        for source, target in sorted(self.builder.edges):
            self._way(source, target)
        certain = self._certain()
        for sources, target in sorted(self.builder.waiting_edges):
            for source in sources:
                self._way(source, target, how="join" if len(sources) > 1 else "")
                if not certain.issuperset(sources):
                    self._way(source, END, how="a join that never completes")

    def _certain(self) -> set[str]:
        """The nodes that every run reaches: by plain edges and by joins of them."""
        ways: list[tuple[tuple[str, ...], str]] = [
            ((source,), target) for source, target in self.builder.edges
        ]
        ways += self.builder.waiting_edges
        certain, before = {START}, 0
        while len(certain) > before:
            before = len(certain)
            certain.update(target for sources, target in ways if certain.issuperset(sources))
        return certain

    def _branches(self) -> None:
        for source, branches in self.builder.branches.items():
            for name, branch in branches.items():
                if isinstance(branch, Onward):  # no run takes it
                    continue
                if not branch.ends:
                    where = "START" if source == START else repr(self.prefix + source)
                    advice = (
                        f"the conditional edge {name!r} from {where} does not declare where it leads: "
                        "give it path_map=[...], or annotate its function `-> Literal[...]`"
                    )
                    self._anywhere(source, "undeclared conditional edge", advice)
                    continue
                for key, target in branch.ends.items():
                    label = "" if key == target else str(key)
                    self._way(source, target, how="conditional edge", label=label)
                if read_conduct(branch.path).sends:  # an empty fan-out ends the graph here
                    self._way(source, END, how="sends nothing")

    def _handler(self, failing: str, handler: str, function: Any) -> None:
        """The handler of one node. What was approved before the node stays approved for another try of it."""
        mark = mark_of(function)
        if handler not in self.conducts:
            self.conducts[handler] = read_conduct(function)
        conduct = self.conducts[handler]
        full, node = f"{self.prefix}{handler}@{failing}", self.flow.nodes[self.prefix + failing]
        failure = mark if isinstance(mark, FailureMark) else None
        effects = tuple(conduct.effects)
        self.flow.nodes[full] = FlowNode(full, self.prefix + handler, failure=failure, effects=effects)
        self.flow.add(Edge(node.id, full, how="error"))
        advice = ""
        if isinstance(mark, FailureMark):
            ways = [*((target, word) for word, target in mark.targets.items()), (failing, "retry")]
        elif declared := _declared(function):
            ways = [(target, "Command") for target in declared]
        elif conduct.jumps:
            ways = [(target, "undeclared Command") for target in (*self.runs, END)]
            advice = (
                f"the error handler of {node.name!r} makes a Command and does not declare where it goes: "
                "annotate it `-> Command[Literal[...]]`, or use ask_on_failure"
            )
        else:
            ways = [(END, "")]
        if conduct.leaves:
            ways.append((_PARENT, "Command to the parent graph"))
        for place in (full, *self._enter(failing, full, conduct)):
            for target, how in ways:
                drops = self.flow.nodes[full].acts | (frozenset() if target == failing else node.acts)
                self.flow.add(
                    Edge(place, self.prefix + target, how=how, label=how, advice=advice, drops=drops)
                )


def _declared(function: Any) -> tuple[str, ...]:
    """The destinations that a handler's annotation declares; LangGraph reads them for nodes only."""
    function = getattr(function, "func", None) or getattr(function, "afunc", None) or function
    try:
        hint = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):
        return ()
    for kind in (hint, *typing.get_args(hint)):
        targets = typing.get_args(kind)[0] if typing.get_origin(kind) is Command else None
        if typing.get_origin(targets) is typing.Literal:
            return typing.get_args(targets)
    return ()
