"""What changed between two values, word by word."""

from __future__ import annotations

import difflib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from hitl_graph.plain import JSON
from hitl_graph.schemas import join

__all__ = ["Piece", "Work", "part_diffs", "value_text", "word_diff"]

Piece = tuple[str, str]
"""`("=" | "-" | "+", text)`: kept, removed or added."""

MOST_PARTS = 40
"""Parts that differ; more of them are shown as one value."""

MOST_WORDS = 6_000
"""Of both texts together; longer ones are compared line by line, for words would take seconds."""


class Work:
    """What may still be spent on comparing several values, in pairs of words: some texts take seconds each.

    What is beyond it is shown as one value in the place of another.
    """

    MOST = (MOST_WORDS // 2) ** 2

    def __init__(self) -> None:
        self._left = self.MOST

    def allows(self, old: int, new: int) -> bool:
        """Whether so many words of each may be compared; if so it is spent."""
        if old * new > self._left:
            return False
        self._left -= old * new
        return True


_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def word_diff(before: JSON, after: JSON, work: Work | None = None) -> list[Piece]:
    """The pieces of `before` and `after`, in order: joined without the added ones they are `before`.

    Values that are no text are compared as they are shown, see `value_text`. `work` is shared by values of one page.

    Source: `difflib.SequenceMatcher` without its heuristic for frequent words, which loses small changes.

    Example:
        >>> word_diff("on Monday", "on Tuesday")
        [('=', 'on '), ('-', 'Monday'), ('+', 'Tuesday')]
    """
    return _text_diff(value_text(before), value_text(after), work or Work())


def part_diffs(
    name: str, before: JSON, after: JSON, work: Work | None = None
) -> list[tuple[str, list[Piece]]]:
    """The word diff of each part of a value that differs, by its path; of many parts one of the whole.

    Example:
        >>> part_diffs("lines", [{"n": 1, "m": 2}], [{"n": 5, "m": 2}])
        [('lines[0].n', [('-', '1'), ('+', '5')])]
    """
    parts, work = list(_parts(name, before, after)), work or Work()
    if 0 < len(parts) <= MOST_PARTS:
        return [(path, word_diff(old, new, work)) for path, old, new in parts]
    return [(name, word_diff(before, after, work))]


def _parts(path: str, old: JSON, new: JSON) -> Iterator[tuple[str, JSON, JSON]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _parts(join(path, (key,)), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for place, (a, b) in enumerate(itertools.zip_longest(old, new)):
            yield from _parts(join(path, (place,)), a, b)
    elif old is not new and (type(old) is not type(new) or old != new):
        yield path, old, new


def _text_diff(old: str, new: str, work: Work) -> list[Piece]:
    words = [_WORD.findall(old), _WORD.findall(new)]
    if sum(map(len, words)) > MOST_WORDS:
        start, stop = _common(old, new)
        if start or stop:
            kept = [("=", old[:start])], [("=", old[len(old) - stop :])]
            between = _text_diff(old[start : len(old) - stop], new[start : len(new) - stop], work)
            return [piece for piece in (*kept[0], *between, *kept[1]) if piece[1]]
        words = [_LINE.findall(old), _LINE.findall(new)]
    if sum(map(len, words)) > MOST_WORDS or not work.allows(*map(len, words)):
        words = [[old], [new]]
    matcher = difflib.SequenceMatcher(None, words[0], words[1], autojunk=False)
    runs: list[tuple[bool, str, str]] = []
    codes = matcher.get_opcodes()
    for place, (kind, start, stop, to_start, to_stop) in enumerate(codes):
        removed, added = "".join(words[0][start:stop]), "".join(words[1][to_start:to_stop])
        # Changes that only a blank keeps apart are one: a phrase reads better than its words.
        same = kind == "equal" and (removed.strip(" ") != "" or place in (0, len(codes) - 1))
        if runs and not same and not runs[-1][0]:
            runs[-1] = (False, runs[-1][1] + removed, runs[-1][2] + added)
        else:
            runs.append((same, removed, added))
    return [
        piece
        for same, removed, added in runs
        for piece in ([("=", removed)] if same else [("-", removed), ("+", added)])
        if piece[1]
    ]


def _common(old: str, new: str) -> tuple[int, int]:
    """How many characters both texts begin and end with, in whole words."""
    start = old.rfind(" ", 0, _same(old, new)) + 1
    stop = _same(old[start:][::-1], new[start:][::-1])
    blank = old.find(" ", len(old) - stop)
    return start, len(old) - blank if stop and blank >= 0 else 0


def _same(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def value_text(value: Any) -> str:
    """A JSON value as a person reads it: text as it is, nothing for null, the rest as JSON over several lines."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    flat = json.dumps(value, ensure_ascii=False)
    return flat if len(flat) <= 60 else json.dumps(value, ensure_ascii=False, indent=2)
