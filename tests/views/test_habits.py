"""Hints about people and gates, and shares that are honest about small numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hitl_graph.views.charts import bars, interval, of_words, stacked
from hitl_graph.views.habits import Hint, gate_hints, habits, person_hints


def _hints(people: dict[str, dict[str, int]], paces: dict[str, float]) -> list[tuple[str, str]]:
    def rows() -> Iterator[dict[str, Any]]:
        for by, kinds in people.items():
            for kind, number in kinds.items():
                yield {"by": by, "gate": "reply", "type": kind, "decisions": number}

    told = [{"by": by, "decisions": 50, "median": median} for by, median in paces.items()]
    return [(hint.about, hint.kind) for hint in person_hints(habits(rows(), told))]


def test_who_says_yes_to_everything_at_once_is_told() -> None:
    """R29."""
    assert _hints({"ana": {"approve": 60}}, {"ana": 3.0}) == [("ana", "rubber-stamping")]


@pytest.mark.parametrize(
    ("kinds", "pace"), [({"approve": 60}, 90.0), ({"approve": 8}, 3.0), ({"approve": 40, "edit": 20}, 3.0)]
)
def test_who_takes_their_time_or_changes_things_is_not(kinds: dict[str, int], pace: float) -> None:
    assert _hints({"ana": kinds}, {"ana": pace}) == []


def test_who_rejects_what_others_let_through_is_told() -> None:
    """R29."""
    people = {"ana": {"approve": 10, "reject": 30}, "bo": {"approve": 95, "reject": 5}}
    assert _hints(people, {}) == [("ana", "over-rejection")]


def test_who_rejects_as_others_do_is_not() -> None:
    people = {"ana": {"approve": 10, "reject": 30}, "bo": {"approve": 25, "reject": 75}}
    assert _hints(people, {}) == []


def test_nobody_is_compared_with_those_at_other_gates() -> None:
    rows = [
        {"by": "ana", "gate": "hard", "type": "reject", "decisions": 40},
        {"by": "bo", "gate": "easy", "type": "approve", "decisions": 100},
    ]
    assert person_hints(habits(rows, [])) == []


def test_a_name_in_other_letters_is_the_same_person() -> None:
    rows = [{"by": by, "gate": "g", "type": "approve", "decisions": 2} for by in ("Ana", "ana")]
    [one] = habits(rows, [])
    assert one.decisions == 4


def test_a_gate_that_always_lets_through_is_told() -> None:
    """R21."""
    [hint] = gate_hints(
        {"reply": {"approve": 200}, "refund": {"approve": 40, "reject": 20}, "new": {"approve": 10}}
    )
    assert isinstance(hint, Hint)
    assert hint.about == "reply"


def test_a_share_of_few_is_said_in_numbers() -> None:
    assert [of_words(2, 3), of_words(0, 0), of_words(20, 40), of_words(999, 1000), of_words(1, 1000)] == [
        "2 of 3",
        "\u2013",
        "50 %",
        "> 99 %",
        "< 1 %",
    ]


def test_the_interval_narrows_with_what_is_known() -> None:
    assert interval(1, 2)[0] < interval(50, 100)[0] < 0.5 < interval(50, 100)[1] < interval(1, 2)[1]


def test_the_parts_of_a_bar_are_the_whole() -> None:
    parts = stacked({"a": 1, "b": 0, "c": 3}, ("a", "b", "c"))
    assert [(one.kind, one.x, one.width) for one in parts] == [("a", 0.0, 25.0), ("c", 25.0, 75.0)]


def test_the_largest_takes_the_whole_length_and_little_can_be_seen() -> None:
    assert [one.width for one in bars([("a", 1000), ("b", 1), ("c", 0)])] == [100.0, 0.5, 0.0]
