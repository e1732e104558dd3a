"""Any value as a tree of names and texts, to be shown as nested tables: cut where it is deep or long. Pure."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import BaseModel

__all__ = ["Node", "nested"]

_DEEPEST = 8
_MOST = 400
_LONGEST = 4000
_EACH = 50


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node:
    """A value: `text` of what holds nothing, else `items` by name.

    Attributes:
        text: As it is read; empty where there are items.
        items: What it holds: names, or numbers from 1 where it is a list.
        left_out: How many more it holds than are shown.
        quiet: It says nothing, such as None or an empty list: shown pale.
    """

    text: str = ""
    items: tuple[tuple[str, Node], ...] = ()
    left_out: int = 0
    quiet: bool = False


def nested(value: object) -> Node:
    """A value as a tree of at most some hundred texts."""
    return _node(value, 0, [_MOST])


def _node(value: object, depth: int, budget: list[int]) -> Node:
    budget[0] -= 1
    pairs = _pairs(value)
    if pairs is None:
        return _leaf(value)
    if not pairs:
        return Node(text="(empty)", quiet=True)
    if depth >= _DEEPEST:
        return Node(text=f"({len(pairs)} more levels down)", quiet=True)
    shown: list[tuple[str, Node]] = []
    for name, one in pairs[:_EACH]:
        if budget[0] <= 0:
            break
        shown.append((name, _node(one, depth + 1, budget)))
    return Node(items=tuple(shown), left_out=len(pairs) - len(shown))


def _pairs(value: object) -> list[tuple[str, Any]] | None:
    """What a value holds by name; None where it is read as a text."""
    if isinstance(value, BaseModel):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [(str(name), one) for name, one in value.items()]
    if isinstance(value, (list, tuple, AbstractSet)):
        return list(_numbered(value))
    return None


def _numbered(values: Any) -> Iterator[tuple[str, Any]]:
    for number, one in enumerate(values, 1):
        yield str(number), one


def _leaf(value: object) -> Node:
    if value is None or value == "":
        return Node(text="(none)" if value is None else "(empty)", quiet=True)
    if isinstance(value, bool):
        return Node(text="yes" if value else "no")
    if isinstance(value, enum.Enum):
        return _leaf(value.value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Node(text=f"({len(bytes(value)):,} bytes)", quiet=True)
    if isinstance(value, (str, int, float, dt.date, dt.time, dt.timedelta)):
        text = str(value)
    else:
        text = f"({type(value).__name__})"  # its own words could be anything, and take any time
    cut = len(text) - _LONGEST
    return Node(text=text if cut <= 0 else f"{text[:_LONGEST]} … ({cut:,} more characters)")
