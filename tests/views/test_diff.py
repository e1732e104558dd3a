"""The word diff."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph.views.diff import MOST_WORDS, part_diffs, value_text, word_diff


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("on Monday", "on Tuesday", [("=", "on "), ("-", "Monday"), ("+", "Tuesday")]),
        (
            "will arrive soon.",
            "takes five days.",
            [("-", "will arrive soon"), ("+", "takes five days"), ("=", ".")],
        ),
        ("same", "same", [("=", "same")]),
        (None, "new", [("+", "new")]),
        ("", "", []),
        (3, 4, [("-", "3"), ("+", "4")]),
        ("a\nb", "c\nd", [("-", "a"), ("+", "c"), ("=", "\n"), ("-", "b"), ("+", "d")]),
    ],
)
def test_words_are_compared(before: object, after: object, pieces: list[tuple[str, str]]) -> None:
    """R25: what changed is shown word by word; a phrase stays together, lines do not."""
    assert word_diff(before, after) == pieces


@given(st.text("ab \n.", max_size=40), st.text("ab \n.", max_size=40))
def test_a_diff_holds_both_texts_whole(before: str, after: str) -> None:
    """Nothing is lost: without what was added it is the old text, without what was removed the new one."""
    pieces = word_diff(before, after)

    assert "".join(text for kind, text in pieces if kind != "+") == before
    assert "".join(text for kind, text in pieces if kind != "-") == after


def test_a_small_change_in_a_long_text_stays_small() -> None:
    """difflib's own heuristic would give up on words that come often."""
    before = "the card is here. " * 300

    changed = [piece for piece in word_diff(before, before.replace("here", "there", 1)) if piece[0] != "="]

    assert changed == [("-", "here"), ("+", "there")]


def test_very_long_texts_are_compared_by_line() -> None:
    """Words of a whole book would take minutes."""
    lines = [f"line {number}\n" for number in range(MOST_WORDS // 3)]

    changed = [
        piece
        for piece in word_diff("".join(lines), "".join(["first\n", *lines[1:-1], "last\n"]))
        if piece[0] != "="
    ]

    assert changed == [("-", lines[0]), ("+", "first\n"), ("-", lines[-1]), ("+", "last\n")]


def test_json_is_shown_as_json() -> None:
    """Values that are no text: short ones on a line, long ones over several."""
    assert value_text(["a", 1]) == '["a", 1]'
    assert value_text({"key": "x" * 80}).count("\n") == 2


def test_a_change_in_a_text_that_is_too_long_for_words_is_still_found() -> None:
    """What both begin and end with is kept."""
    long = "word " * 200_000

    assert word_diff(f"{long}it ends {long}", f"{long}it starts {long}!") == [
        ("=", f"{long}it "),
        ("-", f"ends {long}"),
        ("+", f"starts {long}!"),
    ]
    assert word_diff(f"{long}it ends {long}", f"{long}it starts {long}") == [
        ("=", f"{long}it "),
        ("-", "ends"),
        ("+", "starts"),
        ("=", f" {long}"),
    ]
    assert word_diff(long, long) == [("=", long)]


def test_a_nested_change_is_said_part_by_part() -> None:
    """R25: one line for each value that differs, by its path; a row more is a row."""
    old, new = [{"n": 1, "m": "a"}], [{"n": 5, "m": "a"}, {"n": 2}]

    assert part_diffs("lines", old, new) == [
        ("lines[0].n", [("-", "1"), ("+", "5")]),
        ("lines[1]", [("+", '{"n": 2}')]),
    ]


def test_very_many_parts_are_one_value() -> None:
    old, new = list(range(100)), list(range(1, 101))

    assert [name for name, _ in part_diffs("rows", old, new)] == ["rows"]
