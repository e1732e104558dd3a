"""Where the labels of a drawing's lines stand: off the boxes, off each other, and beside their own lines. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["LETTER", "Point", "Rect", "label_places"]

LETTER = 6.9
"""How wide a letter of a label is, so that no text is wider."""

_ABOVE, _BELOW, _AWAY = 11.0, 4.0, 6.0
_EDGE = 4.0
_CELL = 64.0
_SWEEPS = 3
_MOST_POINTS = 40
"""Places along a line that are tried."""

Point = tuple[float, float]
Rect = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def label_places(
    lines: Sequence[tuple[str, Sequence[Point]]], boxes: Iterable[Rect]
) -> tuple[list[Point], float]:
    """The left end of the base line of each label, and how much of them lies on a box or on another label.

    Args:
        lines: The label of each line, which may be empty, and points along it, first those where it begins.
        boxes: What no label may cover.
    """
    standing = _Grid(boxes)
    crossing = _Grid()
    for number, (_, points) in enumerate(lines):
        for x, y in points:
            crossing.add((x, y, x, y), number)
    places: dict[int, Rect] = {}
    labelled = [number for number, (label, points) in enumerate(lines) if label and points]
    for _ in range(_SWEEPS):
        before = dict(places)
        for number in labelled:
            label, points = lines[number]
            others = _Grid(rect for other, rect in places.items() if other != number)
            found = (
                (_cost(rect, number, wish, standing, others, crossing), rect)
                for wish, rect in _candidates(label, points)
            )
            places[number] = min(found, key=lambda one: one[0])[1]
        if places == before:
            break
    covered = 0.0
    for number, rect in places.items():
        others = _Grid(one for other, one in places.items() if other > number)
        covered += standing.covered(rect) + others.covered(rect)
    left = [
        (places[number][0], places[number][3] - _BELOW)
        if number in places
        else (points[0] if points else (0.0, 0.0))
        for number, (_, points) in enumerate(lines)
    ]
    return left, covered


def _candidates(label: str, points: Sequence[Point]) -> Iterator[tuple[float, Rect]]:
    """Where a label may stand, each with how little that is wished."""
    width = LETTER * len(label)
    step = max(1, len(points) // _MOST_POINTS)
    for at in range(0, len(points), step):
        x, y = points[at]
        along = abs(at / len(points) - 0.4) * 4
        for side, left in ((0.0, x + _AWAY), (0.3, x - _AWAY - width), (1.0, x - width / 2)):
            if left >= _EDGE:
                yield along + side, (left, y - _ABOVE, left + width, y + _BELOW)


def _cost(rect: Rect, number: int, wish: float, boxes: _Grid, labels: _Grid, crossing: _Grid) -> float:
    covered = boxes.covered(rect) + labels.covered(rect)
    return covered * 100 + crossing.count(rect, number) * 0.5 + wish


class _Grid:
    """Rectangles by the squares that they touch, so that only what is near is looked at."""

    def __init__(self, rects: Iterable[Rect] = ()) -> None:
        self.cells: dict[tuple[int, int], list[tuple[Rect, int]]] = {}
        for rect in rects:
            self.add(rect)

    def add(self, rect: Rect, number: int = -1) -> None:
        for cell in _cells(rect):
            self.cells.setdefault(cell, []).append((rect, number))

    def covered(self, rect: Rect) -> float:
        """How much of a rectangle lies on others."""
        near = {one for cell in _cells(rect) for one, _ in self.cells.get(cell, ())}
        return sum(
            max(0.0, min(rect[2], one[2]) - max(rect[0], one[0]))
            * max(0.0, min(rect[3], one[3]) - max(rect[1], one[1]))
            for one in near
        )

    def count(self, rect: Rect, number: int) -> int:
        """How many points of other lines lie in it or close to it."""
        left, top, right, bottom = rect[0] - 3, rect[1] - 3, rect[2] + 3, rect[3] + 3
        near = {pair for cell in _cells(rect) for pair in self.cells.get(cell, ()) if pair[1] != number}
        return sum(left <= one[0] <= right and top <= one[1] <= bottom for one, _ in near)


def _cells(rect: Rect) -> Iterator[tuple[int, int]]:
    for across in range(math.floor(rect[0] / _CELL), math.floor(rect[2] / _CELL) + 1):
        for down in range(math.floor(rect[1] / _CELL), math.floor(rect[3] / _CELL) + 1):
            yield across, down
