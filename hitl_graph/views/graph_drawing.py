"""A graph as a picture: boxes in layers from top to bottom, and lines between them. Pure: names in, numbers out."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from hitl_graph.views.line_labels import LETTER, Point, label_places

__all__ = ["Box", "Drawing", "Line", "draw"]

BOX_HEIGHT = 52.0
_GAP_X, _EDGE = 28.0, 12.0
_GAPS = (58.0, 84.0, 116.0)
"""The room between two layers: the first in which the labels have theirs."""
_LETTER, _SMALL, _PADDING = 8.2, 6.8, 32.0
_NARROWEST, _WIDEST = 88.0, 320.0
_BEND = 10.0
"""The room of a line that passes a layer."""
_LANE = 18.0
_SWEEPS = 6
_ARROW = 6.0
_MOST_LABEL = 40
_BADGE = 14.0
"""How far the number of what waits reaches out of a box."""
_POINTS = 24
"""Points along a curve that labels stand beside."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """A node: `x` and `y` are its left upper corner; `title` is what it is called in the picture."""

    name: str
    title: str
    x: float
    y: float
    width: float
    height: float = BOX_HEIGHT

    @property
    def middle(self) -> float:
        """Half way across."""
        return self.x + self.width / 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A way from one node to another.

    Attributes:
        source, target: The names. label: What it is called; may be empty.
        path: As an SVG path. head: The corners of its arrow, as an SVG polygon.
        x, y: Where its label stands. back: It leads up again.
    """

    source: str
    target: str
    label: str
    path: str
    head: str
    x: float
    y: float
    back: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawing:
    """The whole picture."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(
    nodes: Sequence[str],
    edges: Iterable[tuple[str, str, str]],
    beneath: Mapping[str, str] | None = None,
    titles: Callable[[str], str] | None = None,
) -> Drawing:
    """Lay a graph out. The same graph gives the same picture.

    Args:
        nodes: The names, first those that come first. edges: From, to, label; nodes that are not named are added.
        beneath: A smaller text in a box, by node: the box is as wide as it needs.
        titles: What a node is called in the picture; None: by its name.
    """
    ways = _together(edges)
    names = list(dict.fromkeys([*nodes, *(name for way in ways for name in way)]))
    if not names:
        return Drawing(width=0, height=0, boxes=(), lines=())
    back = _leading_back(names, ways)
    forward = [way for way in ways if way not in back]
    layers = _layered(names, forward)
    rows, chains = _rows(names, forward, layers)
    _untangle(rows, chains)
    called = _titles(names, titles)
    widths = {name: _width(called[name], (beneath or {}).get(name, "")) for name in names}
    tried: list[tuple[Drawing, float]] = []
    for gap in _GAPS:  # more room between the layers, until no label lies on anything
        boxes, bends, right, bottom = _placed(rows, widths, called, gap)
        lines = [_down(way, ways[way], [bends[one] for one in chains[way]], boxes) for way in forward]
        for number, way in enumerate(sorted(back, key=lambda one: abs(layers[one[0]] - layers[one[1]]))):
            lines.append(_up(way, ways[way], right + _LANE * (number + 1), boxes))
        lanes = right + _LANE * len(back) + (_EDGE if back else 0)
        tried.append(_labelled(boxes, lines, lanes, bottom))
        if not tried[-1][1]:
            break
    return min(tried, key=lambda one: one[1])[0]


def _titles(names: Sequence[str], titles: Callable[[str], str] | None) -> dict[str, str]:
    """What each node is called; by its name, where several would be called the same."""
    called = {name: titles(name) if titles else name for name in names}
    often = Counter(called.values())
    return {name: title if often[title] == 1 else name for name, title in called.items()}


def _labelled(
    boxes: Mapping[str, Box], lines: Sequence[tuple[Line, Sequence[Point]]], right: float, bottom: float
) -> tuple[Drawing, float]:
    """The picture with its labels, and how much of them lies on something."""
    taken = [
        (box.x - 2, box.y - _BADGE, box.x + box.width + _BADGE, box.y + box.height + 2)
        for box in boxes.values()
    ]
    places, covered = label_places([(line.label, points) for line, points in lines], taken)
    standing = tuple(
        dataclasses.replace(line, x=round(x, 1), y=round(y, 1))
        for (line, _), (x, y) in zip(lines, places, strict=True)
    )
    widest = max((line.x + LETTER * len(line.label) for line in standing if line.label), default=0.0)
    size = {"width": round(max(right, widest) + _EDGE), "height": round(bottom)}
    return Drawing(**size, boxes=tuple(boxes.values()), lines=standing), covered


Way = tuple[str, str]
Bend = tuple[str, str, int]
"""A line's place in a layer that it passes: from, to, which layer."""


def _together(edges: Iterable[tuple[str, str, str]]) -> dict[Way, str]:
    """One line for all edges between the same two nodes."""
    labels: dict[Way, list[str]] = {}
    for source, target, label in edges:
        found = labels.setdefault((source, target), [])
        if label and label not in found:
            found.append(label)
    return {way: _short(", ".join(found)) for way, found in labels.items()}


def _short(text: str) -> str:
    return text if len(text) <= _MOST_LABEL else f"{text[: _MOST_LABEL - 1]}…"


def _leading_back(names: Sequence[str], ways: Iterable[Way]) -> set[Way]:
    """The edges that close a circle, so that none is left without them."""
    following: dict[str, list[str]] = {name: [] for name in names}
    for source, target in ways:
        following[source].append(target)
    back: set[Way] = set()
    done: set[str] = set()
    for start in names:
        open_now: dict[str, int] = {}
        stack = [] if start in done else [start]
        while stack:
            name = stack[-1]
            at = open_now.setdefault(name, 0)
            if at == len(following[name]):
                stack.pop()
                del open_now[name]
                done.add(name)
                continue
            open_now[name] = at + 1
            target = following[name][at]
            if target in open_now:
                back.add((name, target))
            elif target not in done:
                stack.append(target)
    return back


def _layered(names: Sequence[str], forward: Sequence[Way]) -> dict[str, int]:
    """Each node below all that lead to it."""
    waits = dict.fromkeys(names, 0)
    following: dict[str, list[str]] = {name: [] for name in names}
    for source, target in forward:
        following[source].append(target)
        waits[target] += 1
    layers = dict.fromkeys(names, 0)
    ready = [name for name in names if not waits[name]]
    for name in ready:
        for target in following[name]:
            layers[target] = max(layers[target], layers[name] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return layers


def _rows(
    names: Sequence[str], forward: Sequence[Way], layers: Mapping[str, int]
) -> tuple[list[list[str | Bend]], dict[Way, list[Bend]]]:
    """What stands in each layer, lines that pass it among them."""
    rows: list[list[str | Bend]] = [[] for _ in range(max(layers.values()) + 1)]
    for name in names:
        rows[layers[name]].append(name)
    chains: dict[Way, list[Bend]] = {}
    for source, target in forward:
        chains[source, target] = [(source, target, at) for at in range(layers[source] + 1, layers[target])]
        for bend in chains[source, target]:
            rows[bend[2]].append(bend)
    return rows, chains


def _untangle(rows: list[list[str | Bend]], chains: Mapping[Way, Sequence[Bend]]) -> None:
    """Put each thing near the middle of what it is joined to, so that fewer lines cross."""
    above: dict[str | Bend, list[str | Bend]] = {}
    below: dict[str | Bend, list[str | Bend]] = {}
    for (source, target), chain in chains.items():
        steps: list[str | Bend] = [source, *chain, target]
        for one, other in pairwise(steps):
            above.setdefault(other, []).append(one)
            below.setdefault(one, []).append(other)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        near = above if downwards else below
        for row in rows if downwards else reversed(rows):
            place = {one: _share(at, len(other)) for other in rows for at, one in enumerate(other)}
            middle = {one: _mean([place[other] for other in near.get(one, ())], place[one]) for one in row}
            row.sort(key=lambda one, middle=middle: middle[one])  # type: ignore[misc]  # the loop's own


def _share(at: int, of: int) -> float:
    return (at + 0.5) / of


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _width(name: str, beneath: str) -> float:
    wanted = max(_LETTER * len(name), _SMALL * len(beneath)) + _PADDING
    return min(max(wanted, _NARROWEST), _WIDEST)


def _placed(
    rows: Sequence[Sequence[str | Bend]], widths: Mapping[str, float], titles: Mapping[str, str], gap: float
) -> tuple[dict[str, Box], dict[Bend, Point], float, float]:
    """Rows one below the other, each in the middle."""

    def room(one: str | Bend) -> float:
        return widths[one] if isinstance(one, str) else _BEND

    totals = [sum(map(room, row)) + _GAP_X * (len(row) - 1) for row in rows]
    widest = max(totals)
    boxes: dict[str, Box] = {}
    bends: dict[Bend, Point] = {}
    y = _EDGE
    for row, total in zip(rows, totals, strict=True):
        x = _EDGE + (widest - total) / 2
        for one in row:
            if isinstance(one, str):
                boxes[one] = Box(name=one, title=titles[one], x=round(x, 1), y=y, width=round(room(one), 1))
            else:
                bends[one] = (x + _BEND / 2, y + BOX_HEIGHT / 2)
            x += room(one) + _GAP_X
        y += BOX_HEIGHT + gap
    return boxes, bends, widest + _EDGE, y - gap + _EDGE


def _down(way: Way, label: str, chain: Sequence[Point], boxes: Mapping[str, Box]) -> tuple[Line, list[Point]]:
    """A line that leads down, and points along it."""
    source, target = boxes[way[0]], boxes[way[1]]
    start = (source.middle, source.y + source.height)
    end = (target.middle, target.y - _ARROW)
    path = f"M{start[0]:.1f} {start[1]:.1f}"
    along: list[Point] = []
    for (x0, y0), (x1, y1) in pairwise([start, *chain, end]):
        half = (y0 + y1) / 2
        path += f" C{x0:.1f} {half:.1f} {x1:.1f} {half:.1f} {x1:.1f} {y1:.1f}"
        along += _curve((x0, y0), (x0, half), (x1, half), (x1, y1))
    x, y = end
    head = f"{x - 4.5:.1f},{y - 2:.1f} {x + 4.5:.1f},{y - 2:.1f} {x:.1f},{y + _ARROW:.1f}"
    return Line(source=way[0], target=way[1], label=label, path=path, head=head, x=0, y=0, back=False), along


def _up(way: Way, label: str, lane: float, boxes: Mapping[str, Box]) -> tuple[Line, list[Point]]:
    """A line that leads up again, in a lane of its own beside all boxes, and points along it."""
    source, target = boxes[way[0]], boxes[way[1]]
    x0, y0 = source.x + source.width, source.y + source.height * 0.6
    x1, y1 = target.x + target.width + _ARROW, target.y + target.height * 0.4
    half = (y0 + y1) / 2
    path = (
        f"M{x0:.1f} {y0:.1f} C{lane:.1f} {y0:.1f} {lane:.1f} {y0:.1f} {lane:.1f} {half:.1f}"
        f" C{lane:.1f} {y1:.1f} {lane:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
    )
    head = f"{x1 + 2:.1f},{y1 - 4.5:.1f} {x1 + 2:.1f},{y1 + 4.5:.1f} {x1 - _ARROW:.1f},{y1:.1f}"
    along = _curve((x0, y0), (lane, y0), (lane, y0), (lane, half))
    along += _curve((lane, half), (lane, y1), (lane, y1), (x1, y1))
    return Line(source=way[0], target=way[1], label=label, path=path, head=head, x=0, y=0, back=True), along


def _curve(one: Point, two: Point, three: Point, four: Point) -> list[Point]:
    """Points along a cubic Bézier curve."""
    out: list[Point] = []
    for number in range(_POINTS):
        t = (number + 0.5) / _POINTS
        shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        corners = (one, two, three, four)
        x, y = (
            sum(share * corner[axis] for share, corner in zip(shares, corners, strict=True))
            for axis in (0, 1)
        )
        out.append((x, y))
    return out
