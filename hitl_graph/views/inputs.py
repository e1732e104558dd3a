"""One input of an edit form, and the texts that browsers take for days and moments. Pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from hitl_graph.plain import JSON, hidden_characters

__all__ = ["AMOUNT", "FORM", "ORDER", "Input", "Kind", "is_date", "label_of", "stamp"]

Kind = Literal[
    "text",
    "long",
    "number",
    "money",
    "boolean",
    "choice",
    "date",
    "datetime",
    "json",
    "group",
    "list",
    "variant",
    "fixed",
]
"""How a value is edited."""

ORDER, FORM = "[]", "{}"
"""What the names of a list's order and of a chosen form end with."""

AMOUNT = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)([Zz]|[+-]\d\d:\d\d)?\Z")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Input:
    """One input of a form, or a box of inputs.

    Attributes:
        name: In the form: `lines[0].amount`, where 0 is the row's key, which it keeps when rows move.
        path: As an error names it: `lines[2].amount`, where 2 is its place.
        label: What it is called. kind: How it is edited. help: What the schema says about it.
        value: What stands there now; `there` is False where nothing does.
        text: What the input shows. untouched: What it showed before anybody typed.
        choices: Texts and labels of a choice, or of the forms of a `variant`.
        unit: A currency, or the time zone of a date-time.
        nullable: Empty means null. optional: It may be left out of what holds it.
        typed: Whether numbers are read here, for nothing later knows that they are some.
        inner: The inputs of a group, the rows of a list, the one form of a variant that is chosen.
        row: The key of a row. wrong: Why what was typed cannot be drawn.
        schema: Of the form of a variant that is chosen.
    """

    name: str
    path: str
    key: str | int
    label: str
    kind: Kind
    value: JSON = None
    there: bool = True
    text: str = ""
    untouched: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""
    unit: str = ""
    nullable: bool = False
    optional: bool = False
    typed: bool = False
    inner: tuple[Input, ...] = ()
    row: str = ""
    wrong: str = ""
    schema: Mapping[str, Any] | None = None

    @property
    def control(self) -> str:
        """The type of an `<input>`: one that shows what is typed, even where that is no date."""
        if self.kind == "date":
            return "date" if not self.text or is_date(self.text) else "text"
        if self.kind == "datetime":
            return "datetime-local" if not self.text or stamp(self.text) else "text"
        return "text"

    @property
    def hidden(self) -> list[str]:
        """The hidden characters of the text, which an input does not show."""
        return (
            hidden_characters(self.text) if self.kind in ("text", "long", "json", "number", "money") else []
        )

    def walk(self) -> Iterator[Input]:
        """It and all within it."""
        yield self
        for one in self.inner:
            yield from one.walk()


def label_of(name: str) -> str:
    """A name in words; one that is no plain `snake_case` stays as it is, so that no two look alike."""
    if name.islower() and all(part.isalnum() for part in name.split("_")):
        return name.replace("_", " ").capitalize()
    return name or "(no name)"


def is_date(text: str) -> bool:
    """Whether a text is a day, as a browser's input for days takes it."""
    try:
        return len(text) == 10 and text.isascii() and bool(dt.date.fromisoformat(text))
    except ValueError:
        return False


def stamp(text: str) -> tuple[str, str] | None:
    """A moment as a browser's input shows it, and its offset from UTC as it was written; None for any other text."""
    found = _STAMP.match(text) if text.isascii() else None
    if found is None:
        return None
    try:
        local = dt.datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError:
        return None
    return local.isoformat(timespec="seconds"), found[3] or ""
