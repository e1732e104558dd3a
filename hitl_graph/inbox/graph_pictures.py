"""A graph as its page shows it: drawn, with its gates and acts, what waits at them, and ways around them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from hitl_graph.errors import HitlError
from hitl_graph.nodes import boundary_map
from hitl_graph.nodes.boundary_map import MapEdge, MapNode
from hitl_graph.views.code_words import code_words, edge_words, node_words
from hitl_graph.views.graph_drawing import Drawing, draw

__all__ = ["Gate", "Picture", "box_class", "box_text", "gates_of", "named_rows", "pictured", "queue_address"]

_ENDS = {"START", "END", "__start__", "__end__"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Picture:
    """A graph as it is built; it does not change while the inbox runs.

    Attributes:
        nodes: What is known of each node, by its name; empty for a graph that only tells its shape.
        problems: Ways around a gate, as `check_boundary` finds them. drawing: None where it does not tell its shape.
    """

    drawing: Drawing | None
    nodes: Mapping[str, MapNode]
    problems: tuple[str, ...]
    judged: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gate:
    """A gate with what stands there now."""

    name: str
    action: str
    reversible: bool | None
    asks: str
    owner: str
    waiting: int
    failed: int
    oldest: dt.datetime | None
    address: str


def pictured(graph: Any) -> Picture:
    """Draw a graph. One that only tells its shape, such as a remote one, is drawn without gates."""
    try:
        found = boundary_map(graph)
    except HitlError:
        return _shape(graph)
    nodes: dict[str, MapNode] = {}
    for node in found.nodes:  # one that acts in several classes: the gravest
        known = nodes.get(node.name)
        if known is None or (known.reversible is not False and node.reversible is False):
            nodes[node.name] = node
    edges = [
        (edge.source, edge.target, edge_words(edge.label)) for edge in found.edges if not _is_aside(edge)
    ]
    beneath = {name: _beneath(node) for name, node in nodes.items()}
    drawing = draw(["START", *nodes], edges, beneath, node_words)
    return Picture(drawing=drawing, nodes=nodes, problems=found.problems, judged=True)


def _shape(graph: Any) -> Picture:
    try:
        shape = graph.get_graph()
        names = {node_id: str(node.name) for node_id, node in shape.nodes.items()}
        edges = [(names[one.source], names[one.target], str(one.data or "")) for one in shape.edges]
    except Exception:  # noqa: BLE001  # a graph of anybody's making, or a server that is away: the page goes on without
        return Picture(drawing=None, nodes={}, problems=(), judged=False)
    return Picture(
        drawing=draw(list(names.values()), edges, titles=node_words), nodes={}, problems=(), judged=False
    )


def gates_of(picture: Picture | None, workflow: str, rows: Iterable[Mapping[str, Any]]) -> list[Gate]:
    """The gates of a graph, first those of the picture; then what only the rows know."""
    left = [row for row in rows if row["workflow"] == workflow]
    out = []
    for name, node in (picture.nodes if picture else {}).items():
        if node.role == "gate":
            own = [row for row in left if _is_at(row, name)]
            left = [row for row in left if row not in own]
            out.append(_gate(name, node, own, workflow))
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for row in left:
        by_name.setdefault(row["gate"] or row["node"], []).append(row)
    return [*out, *(_gate(name, None, own, workflow) for name, own in by_name.items())]


def named_rows(pictures: Mapping[str, Picture], rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the graph that they belong to: one that does not say its graph is of the only one that has its gate."""
    gates: dict[str, set[str]] = {}
    for graph, picture in pictures.items():
        for name, node in picture.nodes.items():
            if node.role == "gate":
                gates.setdefault(name.rpartition(":")[2], set()).add(graph)
    out = []
    for row in rows:
        found = gates.get(row["gate"], set()) if not row["workflow"] else set()
        guessed = next(iter(found)) if len(found) == 1 else ""
        out.append({**row, "workflow": row["workflow"] or guessed, "guessed": bool(guessed)})
    return out


def queue_address(workflow: str, gate: str = "", tab: str = "") -> str:
    """The queue, with only what is of this graph and gate."""
    asked = {"tab": tab, "gate": gate, "workflow": workflow}
    return f"/?{urlencode({name: value for name, value in asked.items() if value})}"


def _is_at(row: Mapping[str, Any], name: str) -> bool:
    """Whether a case waits at this node: by its gate, or its place in the graph."""
    return name in (row["gate"], row["node"]) or name.rpartition(":")[2] == row["gate"]


def _gate(name: str, node: MapNode | None, rows: Sequence[Mapping[str, Any]], workflow: str) -> Gate:
    oldest = [row["oldest"] for row in rows if row["oldest"] is not None]
    gate = next((row["gate"] for row in rows if row["gate"]), "" if node is None else name.rpartition(":")[2])
    return Gate(
        name=name,
        action=(node.action or "") if node else "",
        reversible=node.reversible if node else None,
        asks=node.asks if node else "",
        owner=(node.owner or "") if node else "",
        waiting=sum(row["waiting"] for row in rows),
        failed=sum(row["failed"] for row in rows),
        oldest=min(oldest, default=None),
        address=queue_address("" if any(row["guessed"] for row in rows) else workflow, gate),
    )


def _is_aside(edge: MapEdge) -> bool:
    """What is true of the graph, and would only be in the way of who looks at it."""
    return edge.source == edge.target or edge.label == "a join that never completes"


def _beneath(node: MapNode) -> str:
    """What a box says below its name."""
    if node.role == "gate":
        return f"asks about {code_words(node.action or '')}"
    if node.role == "effect":
        act = code_words(node.action or "")
        return f"{act}, cannot be undone" if node.reversible is False else act
    return ""


def box_class(picture: Picture, name: str) -> str:
    """How a box looks."""
    node = picture.nodes.get(name)
    if node is None:
        return "end" if name in _ENDS else "free"
    return f"{node.role} irreversible" if node.role == "effect" and node.reversible is False else node.role


def box_text(picture: Picture, name: str) -> str:
    """The smaller text of a box."""
    node = picture.nodes.get(name)
    return _beneath(node) if node else ""
