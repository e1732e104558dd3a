"""Where boxes and lines of a drawn graph stand."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from hitl_graph.demo.graph import build_support_desk
from hitl_graph.inbox.graph_pictures import pictured
from hitl_graph.views.code_words import node_words
from hitl_graph.views.graph_drawing import BOX_HEIGHT, Box, Drawing, draw
from tests.inbox.desk_graphs import GRAPHS

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


LETTER, HEIGHT = 6.4, 12.0
"""The least that a letter of a label takes on the page, and how high it is."""
Rect = tuple[float, float, float, float]


def _labels(drawing: Drawing) -> dict[str, Rect]:
    return {
        f"{number} {line.label}": (line.x, line.y - HEIGHT + 3, line.x + LETTER * len(line.label), line.y + 3)
        for number, line in enumerate(drawing.lines)
        if line.label
    }


def _overlapping(drawing: Drawing) -> list[tuple[str, str]]:
    labels = _labels(drawing)
    boxes = {box.name: (box.x, box.y, box.x + box.width, box.y + box.height) for box in drawing.boxes}
    pairs = [(one, other) for one in labels for other in (*labels, *boxes) if one < other or other in boxes]
    every = {**boxes, **labels}
    return [
        (one, other)
        for one, other in pairs
        if one != other
        and every[one][0] < every[other][2]
        and every[other][0] < every[one][2]
        and every[one][1] < every[other][3]
        and every[other][1] < every[one][3]
    ]


def _drawn(name: str) -> Drawing:
    made = {
        "demo": build_support_desk,
        "demo, strict": lambda: build_support_desk(strict=True),
        **{name: lambda graph=graph: graph().compile() for name, graph in GRAPHS.items()},
    }
    drawing = pictured(made[name]()).drawing
    assert drawing is not None
    return drawing


@pytest.mark.parametrize("name", ["demo", "demo, strict", *GRAPHS])
def test_no_label_lies_on_a_box_or_on_another_label(name: str) -> None:
    drawing = _drawn(name)
    assert _labels(drawing) and _overlapping(drawing) == []


@pytest.mark.parametrize("name", ["demo", "demo, strict", *GRAPHS])
def test_every_label_is_within_the_picture(name: str) -> None:
    drawing = _drawn(name)
    assert all(
        left >= 0 and top >= 0 and right <= drawing.width and bottom <= drawing.height
        for left, top, right, bottom in _labels(drawing).values()
    )


def test_labels_of_lines_from_one_box_have_room_of_their_own() -> None:
    leaves = [f"leaf {number}" for number in range(4)]
    drawing = draw(["top", *leaves], [("top", leaf, f"a rather long way to {leaf}") for leaf in leaves])
    assert _overlapping(drawing) == []


def test_where_labels_need_it_the_layers_stand_further_apart() -> None:
    leaves = [str(number) for number in range(6)]
    long = draw(["top", *leaves], [("top", leaf, f"a rather long way to {leaf}") for leaf in leaves])
    bare = draw(["top", *leaves], [("top", leaf, "") for leaf in leaves])
    assert _box(long, "0").y >= _box(bare, "0").y > BOX_HEIGHT


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("__error_handler__draft_reply", "When draft reply fails"),
        ("triage.review", "Triage: review"),
        ("triage:spam_check", "Triage: spam check"),
        ("START", "Start"),
        ("__end__", "End"),
        ("send_reply", "Send reply"),
        ("GateMiddleware.after_model", "GateMiddleware: after model"),
        ("?", "Anywhere"),
    ],
)
def test_a_node_is_called_as_people_say_it(name: str, words: str) -> None:
    assert node_words(name) == words


def test_boxes_carry_words_and_lines_keep_the_names_of_nodes() -> None:
    drawing = draw(["send_reply"], [("send_reply", "END", "")], titles=node_words)
    assert [(box.name, box.title) for box in drawing.boxes] == [("send_reply", "Send reply"), ("END", "End")]


def test_two_nodes_of_one_title_go_by_their_names() -> None:
    drawing = draw(["send_it", "send it"], [], titles=node_words)
    assert [box.title for box in drawing.boxes] == ["send_it", "send it"]


def test_the_demo_shows_no_internal_name() -> None:
    assert not [box.title for box in _drawn("demo").boxes if "_" in box.title]
