"""The state that gates and effects share with the graph: plain JSON, so that every client can read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from typing_extensions import (
    TypedDict,  # pydantic, which publishes the state, wants this one before Python 3.12
)

__all__ = ["HitlState"]

Json = dict[str, Any]


def keep_each(left: Sequence[Json] | None, right: Sequence[Json] | None) -> list[Json]:
    """`left`, with what `right` says of the same review or key in its place, then what is new.

    A replay adds nothing twice.
    """
    return list({_id(entry): entry for entry in (*(left or ()), *(right or ()))}.values())


def merge(left: Mapping[str, Json] | None, right: Mapping[str, Json] | None) -> dict[str, Json]:
    """Both mappings in one; `right` wins."""
    return {**(left or {}), **(right or {})}


class HitlState(TypedDict, total=False):
    """What a graph with gates carries. Extend it: `class State(HitlState): ticket: dict`.

    Attributes:
        reviews: Every decision in this thread, oldest first: `Record`s as plain JSON.
        judgements: The last judgement of each gate, by its name: asked or passed, and why.
        effects: Every act that was done or held: key, action, when, who answers for it.
    """

    reviews: Annotated[list[Json], keep_each]
    judgements: Annotated[dict[str, Json], merge]
    effects: Annotated[list[Json], keep_each]


def _id(entry: Json) -> str:
    held = entry.get("held")
    return f"{entry.get('review') or entry.get('key')}{'|held' if held else ''}"
