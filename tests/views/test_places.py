"""Where the values of a proposal stand in a document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph.views.places import marked


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("Total: 1,250.00 EUR", 1250, "1,250.00"),
        ("Total: 1.250,00 EUR", 1250.0, "1.250,00"),
        ("Total: 1250", 1250, "1250"),
        ("of 3 March 2026.", "2026-03-03", "3 March 2026"),
        ("on 03.03.2026", "2026-03-03", "03.03.2026"),
        ("on March 3, 2026", "2026-03-03", "March 3, 2026"),
        ("To:  KIM\n  Lee", "Kim Lee", "KIM\n  Lee"),
    ],
)
def test_a_value_is_found_as_people_write_it(text: str, value: Any, found: str) -> None:
    pieces, there = marked(text, [("value", value)])
    assert [said for name, said in pieces if name] == [found]
    assert there == {"value": True}


@pytest.mark.parametrize(
    ("text", "value"),
    [("Total: 12500", 1250), ("Total: 1,250.50", 1250), ("Anabel", "Ana"), ("x", "y"), ("15.00", 5)],
)
def test_a_part_of_something_else_is_not_the_value(text: str, value: Any) -> None:
    assert marked(text, [("value", value)]) == ([("", text)], {"value": False})


def test_of_two_values_that_overlap_the_longer_one_is_marked() -> None:
    pieces, _ = marked("Ana Lima called", [("first", "Ana"), ("whole", "Ana Lima")])
    assert pieces == [("whole", "Ana Lima"), ("", " called")]


@pytest.mark.parametrize("value", [None, True, "", "  ", [], {"a": 1}])
def test_what_cannot_stand_in_a_text_is_not_looked_for(value: Any) -> None:
    assert marked("a text", [("value", value)]) == ([("", "a text")], {})


@given(
    text=st.text(max_size=60), values=st.lists(st.text(max_size=6) | st.integers() | st.floats(), max_size=4)
)
def test_the_pieces_are_the_text(text: str, values: list[Any]) -> None:
    pieces, _ = marked(text, [(f"f{place}", value) for place, value in enumerate(values)])
    assert "".join(said for _, said in pieces) == text
