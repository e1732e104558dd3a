"""What a review is about: its gate, its action, its proposal, and what the gate sees besides."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from langgraph.config import get_config
from pydantic import BaseModel

from hitl_graph.gates import Gate

__all__ = ["about", "differs"]

_MAX_DEPTH = 32


def about(gate: Gate, proposal: object, context: Mapping[str, Any]) -> dict[str, Any]:
    """What a review is about, as plain JSON: the same in every run of the code around it.

    LangGraph finds what a review came to by counting. Code that comes to its reviews in another order would get what
    was decided about another one, so what is kept says what it is about.
    """
    return {
        "gate": gate.name,
        "action": gate.action.name,
        "proposal": gate.proposed({**context, gate.proposal: proposal}),
        "context": _digest({key: value for key, value in context.items() if key not in _managed()}),
    }


def differs(kept: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The first thing that two reviews are not both about, or None: `gate`, `action`, `proposal` or `context`."""
    return next((key for key in now if kept[key] != now[key]), None)


def _managed() -> frozenset[str]:
    """The state keys that LangGraph itself counts on with each run, such as the steps that remain."""
    read = get_config()["configurable"].get("__pregel_read")
    args: tuple[Any, ...] = getattr(read, "args", ())
    return frozenset(args[2]) if len(args) > 2 and isinstance(args[2], Mapping) else frozenset()


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(_plain(value, _MAX_DEPTH), sort_keys=True).encode()).hexdigest()


def _plain(value: Any, depth: int) -> Any:
    """The plain part of a value, as it is before and after it was saved. What is not plain says nothing here."""
    if isinstance(value, str):
        return str(value).encode(errors="replace").decode()
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth == 0:
        return None
    if isinstance(value, BaseModel):
        value = dict(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(_plain(str(key), 1)): _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, depth - 1) for inner in value]
    if isinstance(value, AbstractSet):
        return sorted(json.dumps(_plain(inner, depth - 1), sort_keys=True) for inner in value)
    return None
