"""Where an error about a field is: the way there, what it is called, what stands there, what its schema says. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from hitl_graph.plain import JSON
from hitl_graph.schemas import BROKEN, Schema, any_of, branches, items, join, members
from hitl_graph.views.inputs import label_of
from hitl_graph.views.reading import EditForm

__all__ = ["label_at", "parts_of", "place_words", "schemas_at", "value_at"]

_LONGEST = 80
_LONGEST_PATH = 400
_MOST_PARTS = 24
_MOST_DIGITS = 6
_PART = re.compile(r"""\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.\[\]]+)""")
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\[\d{1,6}\])*", re.ASCII)
_WHOLE = re.compile(r"\A(?:act\d+\.)?changes(?=[.\[]|\Z)\.?")
_INNER = re.compile(
    r"(?:function|tagged|lax|json|nullable|definition|constrained)-[\w-]+|int|float|str|bool|none|list|dict"
)
"""What pydantic puts into a path besides names and places."""


def parts_of(field: str, form: EditForm | None) -> list[str | int]:
    """The names and places in `changes.lines[2].amount`; pydantic writes `changes.lines.2.amount`.

    A path is as long as whoever named its fields made it: of a long one the beginning is read.
    """
    parts: list[str | int] = []
    for place, quoted, name in _PART.findall(_WHOLE.sub("", field[:_LONGEST_PATH]))[:_MOST_PARTS]:
        number = place or (name if name.isascii() and name.isdecimal() else "")
        if quoted:
            parts.append(_read(quoted))
        elif 0 < len(number) <= _MOST_DIGITS and (
            place or form is None or isinstance(value_at(form, parts), list)
        ):
            parts.append(int(number))
        elif not (name and parts and _INNER.fullmatch(name) and not schemas_at(form, [*parts, name])):
            parts.append(name or place)
    return parts


def _read(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:  # it was cut, or made printable
        return quoted.strip('"')


def label_at(parts: Sequence[str | int], form: EditForm | None) -> str:
    """As the form calls it, within the nearest row; “This” for the whole."""
    known = {one.path: one.label for top in form.inputs for one in top.walk()} if form is not None else {}
    labels: list[str] = []
    for number, part in enumerate(parts):
        path = join("changes", parts[: number + 1])
        said = label_of(part) if isinstance(part, str) else f"{labels[-1] if labels else 'Row'} {part + 1}"
        labels.append(known.get(path, said)[:_LONGEST])
    if not labels:
        return "This"
    rows = [labels[number] for number, part in enumerate(parts[:-1]) if isinstance(part, int)]
    box = rows[-1] if rows else labels[-2] if len(labels) > 1 and isinstance(parts[-1], str) else ""
    return f"“{labels[-1]}” in “{box}”" if box else f"“{labels[-1]}”"


def place_words(path: str) -> str:
    """A path within a proposal as people read it; what is no plain one stays as it is.

    Example:
        >>> place_words("lines[2].unit_price")
        'Lines 3, Unit price'
    """
    of_act, _, rest = path.rpartition(": ")
    if not _PATH.fullmatch(rest):
        return path
    parts, labels = parts_of(rest, None), list[str]()
    for part in parts:
        if isinstance(part, int):
            labels[-1:] = [f"{labels[-1] if labels else 'Row'} {part + 1}"]
        else:
            labels.append(label_of(part))
    return (f"{of_act}: " if of_act else "") + ", ".join(labels)


def schemas_at(form: EditForm | None, parts: Sequence[str | int]) -> list[dict[str, Any]]:
    """What the form's schema says about a place, each alternative by itself."""
    here: Schema = form.schema if form is not None else {}
    try:
        for part in parts:
            level = list(branches(here))
            found = members(level, part) if isinstance(part, str) else items(level, part)
            if not found:
                return []
            here = any_of(found)
        return [one for one in branches(here) if isinstance(one, dict)]
    except BROKEN:
        return []


def value_at(form: EditForm | None, parts: Sequence[str | int]) -> JSON:
    """What stands at a place before anybody typed; None where nothing does."""
    value: Any = dict(form.proposal) if form is not None else None
    for part in parts:
        if isinstance(part, str) and isinstance(value, dict):
            value = value.get(part)
        elif isinstance(part, int) and isinstance(value, list) and part < len(value):
            value = value[part]
        else:
            return None
    return value
