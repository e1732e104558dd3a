"""The map of a graph's boundary, for people: where it acts alone, where it asks, whom, and what then."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from langgraph.graph import END

from hitl_graph.gates import CompositeGate, ConfidenceGate, ExceptionEscalation, FailureEscalation, Gate
from hitl_graph.nodes.boundary import find_problems
from hitl_graph.nodes.flow import Edge, Flow, FlowNode, read_flow
from hitl_graph.nodes.marks import EffectMark
from hitl_graph.reviews import Sla

__all__ = ["BoundaryMap", "MapEdge", "MapNode", "boundary_map"]

Role = Literal["gate", "effect", "free", "subgraph"]

_SHAPES = {"gate": ("{{", "}}"), "effect": ("[[", "]]"), "free": ("(", ")"), "subgraph": ("[", "]")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MapNode:
    """One node and what it may do. A node that acts in several action classes has an entry for each.

    Attributes:
        name: The node; `desk:send` is `send` inside the subgraph `desk`.
        role: A gate asks, an effect acts on the outside world, a subgraph holds others; what is free runs
            alone.
        action, risk, reversible: The action class, its bar, and whether the act can be taken back.
        owner: Who is asked; for an effect, who answers for it.
        sla: How long a case may wait, and what happens then.
        asks: When a person is asked.
        decisions: Where each decision leads; `passes` is without a person.
        unattended: Why an irreversible act may pass without a person.
    """

    name: str
    role: Role
    action: str | None = None
    risk: str | None = None
    reversible: bool | None = None
    owner: str | None = None
    sla: str | None = None
    asks: str = "never: runs alone"
    decisions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unattended: str | None = None


@dataclasses.dataclass(frozen=True)
class MapEdge:
    """A way from one node (or `START`) to another (or `END`); `?` is wherever undeclared code goes."""

    source: str
    target: str
    label: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BoundaryMap:
    """What a graph may do, on one page (R5, R50). `problems` are the ways around a gate that it has."""

    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `nodes`, `edges`, `problems`."""
        return {
            "nodes": [{**vars(node), "decisions": dict(node.decisions)} for node in self.nodes],
            "edges": [dict(vars(edge)) for edge in self.edges],
            "problems": list(self.problems),
        }

    def to_markdown(self) -> str:
        """A table of what asks and what acts, a line of what runs alone, and the problems."""
        columns = ("Node", "Role", "Action", "Risk", "Can be undone", "Asks", "Then", "Owner", "Time limit")
        lines = [_row(columns), _row(["---"] * len(columns))]
        for node in self.nodes:
            if node.role in ("gate", "effect"):
                undone = {True: "yes", False: "no", None: ""}[node.reversible]
                then = ", ".join(f"{word}: {target}" for word, target in node.decisions.items())
                asks = f"{node.asks}; unattended: {node.unattended}" if node.unattended else node.asks
                act = (node.name, node.role, node.action, node.risk, undone)
                lines.append(_row(cell or "" for cell in (*act, asks, then, node.owner, node.sla)))
        alone = ", ".join(f"`{node.name}`" for node in self.nodes if node.role == "free")
        parts = ["\n".join(lines), f"Runs alone, and declares no act: {alone or 'nothing'}."]
        if self.problems:
            parts.append("**Problems**\n\n" + "\n".join(f"- {_cell(problem)}" for problem in self.problems))
        return "\n\n".join(parts) + "\n"

    def to_mermaid(self) -> str:
        """A Mermaid flowchart: gates as hexagons, effects as double boxes."""
        roles: dict[str, Role] = {node.name: node.role for node in self.nodes}
        for edge in self.edges:  # START, END and ?
            roles.setdefault(edge.source, "free")
            roles.setdefault(edge.target, "free")
        ids = {name: f"n{number}" for number, name in enumerate(roles)}
        lines = ["flowchart TD"]
        for name, role in roles.items():
            opens, closes = _SHAPES[role]
            acts = ", ".join(node.action for node in self.nodes if node.name == name and node.action)
            text = f"{_quoted(name)}<br/>{role}: {_quoted(acts)}" if acts else _quoted(name)
            lines.append(f'    {ids[name]}{opens}"{text}"{closes}:::{role}')
        for edge in self.edges:
            arrow = f'-->|"{_quoted(edge.label)}"|' if edge.label else "-->"
            lines.append(f"    {ids[edge.source]} {arrow} {ids[edge.target]}")
        lines += ["    classDef gate stroke-width:3px", "    classDef effect stroke-dasharray:4 2"]
        return "\n".join(lines) + "\n"


def boundary_map(graph: Any, *, strict: bool = False) -> BoundaryMap:
    """Read off a graph where it acts alone, where it asks, whom, and where each decision leads.

    Args:
        graph: A compiled graph, or a `StateGraph`.
        strict: Judge it by the rules of strict mode, as `check_boundary` does.

    Returns:
        The map. What `check_boundary` would raise stands in `problems`.

    Raises:
        DefinitionError: `graph` is no graph.
    """
    flow = read_flow(graph)
    shown = {node.name: node for node in flow.nodes.values() if not node.hidden}  # a shared handler once
    gates = [node for node in shown.values() if node.gate]
    return BoundaryMap(
        nodes=tuple(entry for node in shown.values() for entry in _entries(node, gates)),
        edges=tuple(dict.fromkeys(_edges(flow))),
        problems=tuple(problem.text for problem in find_problems(flow, strict=strict)),
    )


def _entries(node: FlowNode, gates: list[FlowNode]) -> Iterator[MapNode]:
    if node.gate:
        yield _gate_entry(node, node.gate.gate)
    elif node.failure:
        decisions = {word: _full(node, target) for word, target in node.failure.targets.items()}
        yield dataclasses.replace(_gate_entry(node, node.failure.gate), decisions=decisions)
    elif node.effects:
        yield from (_effect_entry(node, mark, gates) for mark in node.effects)
    elif node.tools:
        for mark in node.tools:
            for gate, tools in mark.gates:
                entry = _gate_entry(node, gate)
                yield dataclasses.replace(entry, asks=f"{entry.asks}, before {tools}")
    else:
        yield MapNode(name=node.name, role="subgraph" if node.graphs else "free")


def _gate_entry(node: FlowNode, gate: Gate) -> MapNode:
    decisions = {word: _full(node, target) for word, target in gate.continuation.items()}
    asks = _asks(gate)
    if node.gate and not node.gate.asks:
        decisions = {word: _full(node, target) for target, word in node.gate.labels.items()}
    elif gate.judged_first and node.gate:
        asks = f"always, once {gate.name} has found a reason"
    elif node.gate and not gate.always_asks and "approve" in decisions:
        decisions = {"passes": decisions["approve"], **decisions}
    return MapNode(
        name=node.name,
        role="gate",
        action=gate.action.name,
        risk=gate.action.risk.value,
        reversible=gate.action.reversible,
        owner=str(gate.owner),
        sla=_sla(gate.sla),
        asks=asks,
        decisions=decisions,
        unattended=gate.unattended or None,
    )


def _effect_entry(node: FlowNode, mark: EffectMark, gates: list[FlowNode]) -> MapNode:
    before = {g.name: g.gate.gate for g in gates if g.gate and g.gate.gate.action.name == mark.action.name}
    names = [name for name, gate in before.items() if not (gate.judged_first and name.endswith(".review"))]
    owners = dict.fromkeys(str(gate.owner) for gate in before.values())
    return MapNode(
        name=node.name,
        role="effect",
        action=mark.action.name,
        risk=mark.action.risk.value,
        reversible=mark.action.reversible,
        owner=mark.owner or ", ".join(owners) or None,
        asks=f"before it, by {', '.join(names)}" if names else "never: runs alone",
        decisions={"held": _full(node, mark.held)} if mark.held else {},
    )


def _asks(gate: Gate) -> str:
    """When a gate asks, in words."""
    if isinstance(gate, CompositeGate) and gate.mode != "strict":
        verb = "asks" if gate.mode == "any" else "ask"
        each = "; ".join(f"{part.name}: {_asks(part)}" for part in gate.gates)
        return f"when {gate.mode} of these {verb}: {each}"
    if isinstance(gate, FailureEscalation):
        return "when the step has failed"
    if gate.always_asks:
        return "always"
    if isinstance(gate, ConfidenceGate):
        bars = gate.thresholds.table()[gate.action.name]
        table = ", ".join(f"{segment} {bar:g}" for segment, bar in bars.items())
        return f"when the score is under its bar ({table}), and for {gate.audit.rate:.0%} of the rest"
    if isinstance(gate, ExceptionEscalation):
        return "when it finds " + ", ".join(dict.fromkeys(detector.name for detector in gate.detectors))
    return gate.why or f"when {type(gate).__name__} says so"


def _sla(sla: Sla | None) -> str | None:
    if sla is None:
        return None
    to = {"escalate": sla.escalate_to, "safe_default": sla.default}.get(sla.on_expiry)
    hours = f"{sla.hours:g} {'working ' if sla.calendar else ''}h"
    steps = "".join(f", {level.to} after {level.after_h:g}" for level in sla.ladder)
    return f"{hours}{steps}, then {sla.on_expiry.replace('_', ' ')}{f' to {to}' if to else ''}"


def _edges(flow: Flow) -> Iterator[MapEdge]:
    """The edges as people see them: into and out of subgraphs directly, and one for all undeclared ones."""
    for edge in flow.all_edges():
        source = flow.nodes[edge.source]
        if source.hidden and edge.source != "__start__":
            continue
        name = "START" if source.hidden else source.name
        label = edge.label or ("" if edge.how in ("Command", "conditional edge") else edge.how)
        if edge.advice:
            yield MapEdge(name, "?", edge.how)
            continue
        yield from (MapEdge(name, target, label) for target in _ends(flow, edge, frozenset()))


def _ends(flow: Flow, edge: Edge, seen: frozenset[str]) -> Iterator[str]:
    """Where an edge leads, through the starts and ends of subgraphs."""
    node = flow.nodes.get(edge.target)
    if node is None or not node.hidden or edge.target == END:
        yield "END" if edge.target == END else node.name if node else edge.target
    elif edge.target not in seen:
        for following in flow.edges.get(edge.target, ()):
            yield from ["?"] if following.advice else _ends(flow, following, seen | {edge.target})


def _full(node: FlowNode, target: str) -> str:
    """The full name of a node beside `node`."""
    graph, colon, _ = node.name.rpartition(":")
    return f"{graph}{colon}{'END' if target == END else target}"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    """Text that can break neither the table nor the page."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _quoted(text: str) -> str:
    """Text that cannot end its quotes in a chart, nor begin a tag."""
    return " ".join(text.split()).replace('"', "#quot;").replace("<", "#lt;")
