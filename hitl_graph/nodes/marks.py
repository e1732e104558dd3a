"""What a node says about itself, so that the boundary can be read off a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hitl_graph.gates import Gate
from hitl_graph.risk import ActionClass

__all__ = ["EffectMark", "FailureMark", "GateMark", "Mark", "ToolsMark", "mark_of", "set_mark"]

_ATTRIBUTE = "__hitl_mark__"
_METHODS = "__hitl_marks__"
"""Where an object says it of its methods, by their names."""


@dataclasses.dataclass(frozen=True)
class GateMark:
    """This node belongs to a gate. `approves` names the nodes that it lets an act through to."""

    gate: Gate
    approves: frozenset[str]
    labels: Mapping[str, str]
    asks: bool


@dataclasses.dataclass(frozen=True)
class EffectMark:
    """This node acts on the outside world."""

    action: ActionClass
    owner: str | None
    held: str | None


@dataclasses.dataclass(frozen=True)
class FailureMark:
    """This error handler asks a person. `targets` names the node that each decision leads to."""

    gate: Gate
    targets: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class ToolsMark:
    """Here an agent's tool calls are asked about: each gate, with the tools that it stands before, in words."""

    gates: tuple[tuple[Gate, str], ...]


Mark = GateMark | EffectMark | FailureMark | ToolsMark


def set_mark(function: Any, mark: Mark) -> Any:
    """Put `mark` on a node's function, and return the function."""
    setattr(function, _ATTRIBUTE, mark)
    return function


def mark_of(runnable: Any) -> Mark | None:
    """The mark on a node's runnable or function, or None."""
    for candidate in (runnable, getattr(runnable, "func", None), getattr(runnable, "afunc", None)):
        mark = getattr(candidate, _ATTRIBUTE, None)
        if isinstance(mark, (GateMark, EffectMark, FailureMark, ToolsMark)):
            return mark
        method = getattr(candidate, "__name__", "")  # of one object among others of its class
        mark = getattr(getattr(candidate, "__self__", None), _METHODS, {}).get(method)
        if isinstance(mark, ToolsMark):
            return mark
    return None
