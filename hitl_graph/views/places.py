"""Where the values of a proposal stand in a document."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from hitl_graph.plain import JSON
from hitl_graph.views.diff import value_text

__all__ = ["MOST_PLACES", "marked", "spellings"]

MOST_PLACES = 50
"""More places than this point at nothing."""

_MOST_WORK = 100_000_000
"""Characters compared for one document; values beyond that are not looked for."""
_MOST_OF_ALL = 1000

Piece = tuple[str, str]


def marked(text: str, values: Iterable[tuple[str, JSON]]) -> tuple[list[Piece], dict[str, bool]]:
    """The text in pieces, each with the name of the field whose value it spells (or ""), and which were found.

    Values that overlap in the text go to the longer one. A value that stands nowhere is said to be missing: that the
    document does not say it is what a person must see.

    Example:
        >>> marked("Total: 1,250.00", [("total", 1250)])
        ([('', 'Total: '), ('total', '1,250.00')], {'total': True})
    """
    found: dict[str, bool] = {}
    places: list[tuple[int, int, str]] = []
    work = 0
    for name, value in values:
        if isinstance(value, (dict, list)) or not (said := spellings(value)):
            continue
        work += len(text) * sum(map(len, said))
        if work > _MOST_WORK or len(places) > _MOST_OF_ALL:
            continue  # nothing is said of it
        here = [(m.start(), m.end(), name) for one in said for m in _word(one).finditer(text)]
        found[name] = bool(here)
        places += here[:MOST_PLACES]
    places.sort(key=lambda place: (-(place[1] - place[0]), place[0]))
    kept: list[tuple[int, int, str]] = []
    for start, stop, name in places:
        if all(stop <= a or start >= b for a, b, _ in kept):
            kept.append((start, stop, name))
    pieces: list[Piece] = []
    at = 0
    for start, stop, name in sorted(kept):
        pieces += [("", text[at:start]), (name, text[start:stop])]
        at = stop
    pieces.append(("", text[at:]))
    return [piece for piece in pieces if piece[1]], found


def spellings(value: JSON) -> list[str]:
    """How a document may write a value: a number with either mark for thousands, a day in words."""
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, (int, float)):
        plain, exact = f"{value:,.2f}", value_text(value)
        whole = [f"{int(value):,}", str(int(value))] if float(value).is_integer() else []
        said = [exact, plain, plain.replace(",", ""), *whole]
        swapped = [one.translate(str.maketrans(",.", ".,")) for one in said]
        return list(dict.fromkeys([*said, *swapped]))
    text = value_text(value).strip()
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return [text] if text else []
    month = f"{day:%B}"
    shapes = [
        text,
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.day}. {month} {day.year}",
        f"{day:%d.%m.%Y}",
        f"{day.day} {month[:3]} {day.year}",
        f"{day:%d/%m/%Y}",
        f"{day:%m/%d/%Y}",
    ]
    return list(dict.fromkeys(shapes))


def _word(text: str) -> re.Pattern[str]:
    """The text, with any blanks between its words, and not within a longer word or number."""
    body = r"\s+".join(re.escape(part) for part in text.split())
    before = r"(?<![\w])(?<!\d[.,])" if text[:1].isalnum() else ""
    after = r"(?![\w])(?![.,]\d)" if text[-1:].isalnum() else ""
    return re.compile(before + body + after, re.IGNORECASE)
