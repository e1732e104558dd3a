"""How the notebooks' pictures look: light ground in every viewer, colours that all eyes tell apart, a caption."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from langgraph.types import StateSnapshot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hitl_graph.nodes import BoundaryMap

__all__ = ["AMBER", "BLUE", "GREEN", "GREY", "INK", "RED", "caption", "draw_history", "draw_map", "use_style"]

# Okabe and Ito's palette, which people with any kind of colour vision can tell apart.
BLUE, AMBER, GREEN, RED, GREY, INK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#B8BEC4", "#1F2328"

_FILL = {"gate": "#FFF3D6", "effect": "#FFE3D3", "free": "#F1F4F6", "subgraph": "#F1F4F6"}
SOFT = "#57606A"
WIDE, HIGH = 0.32, 0.27
"""Half of a box, in columns and rows."""
Place = tuple[float, float]

_EDGE = {"gate": AMBER, "effect": RED, "free": "#7A848D", "subgraph": "#7A848D"}


def use_style() -> None:
    """Set the style for all pictures that follow. The ground is light, so that a dark viewer hides nothing."""
    plt.rcParams.update(
        {
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": "#7A848D",
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#E3E7EA",
            "axes.axisbelow": True,
            "legend.frameon": False,
            "svg.fonttype": "none",
        }
    )


def caption(figure: Figure, text: str) -> None:
    """Write under a picture what it shows."""
    figure.supxlabel(text, fontsize=9, color=SOFT, x=0.01, ha="left")


def draw_map(mapped: BoundaryMap, title: str) -> Figure:
    """A boundary map as a picture: what runs alone, what asks, what acts, and where each way leads.

    The nodes stand in a line, in the order in which they are reached; where a gate asks in a node of its own, that
    stands above the gate.
    """
    places = _places(mapped)
    roles = {node.name: node.role for node in mapped.nodes}
    acts = {node.name: node.action for node in mapped.nodes if node.action}
    figure, axes = plt.subplots(figsize=(11, 3.4))
    axes.set_axis_off()
    axes.set(xlim=(-0.5, max(x for x, _ in places.values()) + 0.5), ylim=(-1.15, 2.1), title=title)
    for name, (x, y) in places.items():
        role = roles.get(name, "free")
        edge: dict[str, Any] = {"boxstyle": "round,pad=0.02", "fc": _FILL[role], "ec": _EDGE[role], "lw": 1.6}
        axes.add_patch(FancyBboxPatch((x - WIDE, y - HIGH), 2 * WIDE, 2 * HIGH, **edge))
        below = f"{role}\n{acts[name]}" if name in acts else "runs alone" if name in roles else ""
        called = name.replace(".review", "\nreview") if y else name
        level, anchor = (y + 0.04, "bottom") if below else (y, "center")
        axes.text(x, level, called, ha="center", va=anchor, fontsize=8.5)
        axes.text(x, y - 0.01, below, ha="center", va="top", fontsize=7, color=SOFT)
    labels: dict[tuple[str, str], list[str]] = {}
    for way in mapped.edges:
        if way.source in places and way.target in places:
            labels.setdefault((way.source, way.target), []).extend([way.label] if way.label else [])
    for (source, target), words in labels.items():
        _draw_way(axes, places[source], places[target], "\n".join(dict.fromkeys(words)))
    return figure


def draw_history(history: Sequence[StateSnapshot]) -> Figure:
    """A thread's checkpoints, oldest left: a fork is a line of its own, from where it left the other."""
    places: dict[str, Place] = {}
    taken: set[str] = set()
    lanes = 0.0
    figure, axes = plt.subplots(figsize=(9.5, 2.6))
    for number, past in enumerate(reversed(history)):
        name, parent = _id(past.config), _id(past.parent_config)
        x, y = float(number), places[parent][1] if parent in places else 0.0
        if parent in taken:
            lanes -= 1
            y = lanes
        taken.add(parent)
        places[name] = x, y
        if parent in places:
            x0, y0 = places[parent]
            axes.plot([x0, x0, x], [y0, y, y], color=GREY, lw=2, zorder=1)
        paused = any(task.interrupts for task in past.tasks)
        colour = AMBER if paused else GREEN if not past.next else BLUE
        axes.scatter([x], [y], s=90, color=colour, marker="s" if paused else "o", zorder=2)
        axes.text(x, y + 0.16, ", ".join(past.next) or "end", ha="center", fontsize=8, color=SOFT)
    for label, colour, marker in (
        ("runs", BLUE, "o"),
        ("waits for a person", AMBER, "s"),
        ("the end", GREEN, "o"),
    ):
        axes.scatter([], [], s=60, color=colour, marker=marker, label=label)
    axes.set_axis_off()
    axes.set(ylim=(lanes - 0.7, 0.5), title="The checkpoints of Ben's thread, and what runs next at each")
    axes.legend(ncols=3, loc="lower left")
    return figure


def _id(config: Mapping[str, Any] | None) -> str:
    return str(config["configurable"]["checkpoint_id"]) if config else ""


def _draw_way(axes: Axes, start: Place, end: Place, words: str) -> None:
    """An arrow from box to box: neighbours straight, longer ways ahead above the line, ways back below it."""
    (x0, y0), (x1, y1) = start, end
    if start == end:
        axes.text(x0 + 0.06, y0 - HIGH - 0.1, f"\u21bb {words}", va="top", fontsize=7, color=SOFT)
        return
    ahead = x1 > x0
    bend, where = 0.0, ((x0 + x1) / 2, (y0 + y1) / 2 + (0.12 if y0 == y1 else 0))
    if x0 == x1:
        tail, head, where = (x0, y0 + HIGH + 0.03), (x1, y1 - HIGH - 0.04), (x0, (y0 + y1) / 2)
    elif x1 - x0 == 1:
        tail = (x0 + WIDE + 0.02, y0) if y0 == y1 else (x0 + WIDE * 0.8, y0 - HIGH - 0.03)
        head = (x1 - WIDE - 0.03, y1) if y0 == y1 else (x1 - WIDE * 0.5, y1 + HIGH + 0.04)
    else:
        side = 1 if ahead else -1
        tail = (x0 + WIDE + 0.02, y0) if y0 and ahead else (x0, y0 + side * (HIGH + 0.03))
        head, bend = (x1, y1 + side * (HIGH + 0.04)), -0.35
        where = ((x0 + x1) / 2 + (0.5 if y0 else 0), max(y0, y1) + 0.1 if ahead else y0 - HIGH - 0.36)
    style: dict[str, Any] = {
        "arrowstyle": "-|>",
        "mutation_scale": 10,
        "color": SOFT,
        "lw": 1.1,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    axes.add_patch(FancyArrowPatch(tail, head, connectionstyle=f"arc3,rad={bend}", **style))
    ground = {"fc": "white", "ec": "none", "pad": 0.8}
    axes.text(*where, words, ha="center", va="center", fontsize=7, color=SOFT, bbox=ground if words else None)


def _places(mapped: BoundaryMap) -> dict[str, Place]:
    """Where each node stands: along the line in the order of reach, or one above the gate that it belongs to."""
    order = ["START"]
    for name in order:
        order += [e.target for e in mapped.edges if e.source == name and e.target not in (*order, "END", "?")]
    line = [
        name for name in order if name.removesuffix(".review") not in order or not name.endswith(".review")
    ]
    line += ["END"] if any(edge.target == "END" for edge in mapped.edges) else []
    column = {name: float(number) for number, name in enumerate(line)}
    above = {name: (column[name.removesuffix(".review")], 1.15) for name in order if name not in column}
    return {**{name: (x, 0.0) for name, x in column.items()}, **above}
