"""Where boxes and lines of a drawn graph stand."""

from __future__ import annotations

import random
from itertools import pairwise

from hitl_graph.views.graph_drawing import Box, Drawing, draw

CHAIN = [("a", "b", ""), ("b", "c", "yes"), ("c", "a", "again")]


def _box(drawing: Drawing, name: str) -> Box:
    return next(box for box in drawing.boxes if box.name == name)


def test_what_follows_stands_below() -> None:
    drawing = draw(["a", "b", "c"], CHAIN)
    assert _box(drawing, "a").y < _box(drawing, "b").y < _box(drawing, "c").y


def test_what_leads_back_is_told_from_the_rest() -> None:
    assert [line.back for line in sorted(draw(["a", "b", "c"], CHAIN).lines, key=lambda one: one.source)] == [
        False,
        False,
        True,
    ]


def test_no_two_boxes_touch() -> None:
    chance = random.Random(7)  # noqa: S311  # graphs for a test
    for _ in range(50):
        names = [f"node {number}" for number in range(chance.randint(1, 14))]
        edges = [(chance.choice(names), chance.choice(names), "") for _ in range(chance.randint(0, 30))]
        boxes = draw(names, edges).boxes
        assert not [
            (one.name, other.name)
            for one in boxes
            for other in boxes
            if one.name < other.name
            and one.x < other.x + other.width
            and other.x < one.x + one.width
            and one.y < other.y + other.height
            and other.y < one.y + one.height
        ]


def test_everything_is_within_the_picture() -> None:
    drawing = draw(
        ["a", "b", "c"], [*CHAIN, ("a", "c", "a long label of a line")], {"b": "a longer text beneath"}
    )
    assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in drawing.boxes)
    assert all(box.y + box.height <= drawing.height for box in drawing.boxes)
    assert all(0 <= line.x <= drawing.width for line in drawing.lines)


def test_edges_between_the_same_two_are_one_line() -> None:
    [line] = draw(["a", "b"], [("a", "b", "approved"), ("a", "b", "edited"), ("a", "b", "approved")]).lines
    assert line.label == "approved, edited"


def test_the_same_graph_gives_the_same_picture() -> None:
    assert draw(["a", "b", "c"], CHAIN) == draw(["a", "b", "c"], CHAIN)


def test_a_node_that_nobody_named_is_drawn() -> None:
    assert {box.name for box in draw(["a"], [("a", "?", "")]).boxes} == {"a", "?"}


def test_nothing_is_a_picture_without_room() -> None:
    assert draw([], []).boxes == ()


def test_a_thousand_nodes_in_a_row_are_laid_out() -> None:
    names = [str(number) for number in range(1000)]
    edges = [(one, other, "") for one, other in pairwise(names)]
    assert len(draw(names, edges).boxes) == 1000
