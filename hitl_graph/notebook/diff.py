"""What changed between two values, word by word."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from hitl_graph.plain import JSON

__all__ = ["Piece", "value_text", "word_diff"]

Piece = tuple[str, str]
"""`("=" | "-" | "+", text)`: kept, removed or added."""

MOST_WORDS = 6_000
"""Of both texts together; longer ones are compared line by line, for words would take seconds."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def word_diff(before: JSON, after: JSON) -> list[Piece]:
    """The pieces of `before` and `after`, in order: joined without the added ones they are `before`.

    Values that are no text are compared as they are shown, see `value_text`.

    Source: `difflib.SequenceMatcher` without its heuristic for frequent words, which loses small changes.

    Example:
        >>> word_diff("on Monday", "on Tuesday")
        [('=', 'on '), ('-', 'Monday'), ('+', 'Tuesday')]
    """
    return _text_diff(value_text(before), value_text(after))


def _text_diff(old: str, new: str) -> list[Piece]:
    words = [_WORD.findall(old), _WORD.findall(new)]
    if sum(map(len, words)) > MOST_WORDS:
        start, stop = _common(old, new)
        if start or stop:
            kept = [("=", old[:start])], [("=", old[len(old) - stop :])]
            between = _text_diff(old[start : len(old) - stop], new[start : len(new) - stop])
            return [piece for piece in (*kept[0], *between, *kept[1]) if piece[1]]
        words = [_LINE.findall(old), _LINE.findall(new)]
    if sum(map(len, words)) > MOST_WORDS:
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
