"""Strict loading: a checkpoint row is data, and never code."""

from __future__ import annotations

from collections.abc import Iterable

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

__all__ = ["strict_serde"]

OURS = (("hitl_graph.functional.reviewed", "Reviewed"),)
"""By name, for it stands beside this layer: what a `@task` may give back that had something reviewed."""


def strict_serde(allow: Iterable[type] = ()) -> JsonPlusSerializer:
    """LangGraph's serialiser, loading only built-in safe types and those of `allow`.

    A tampered row executes nothing. A class that is not allowed comes back as plain data: keep plain JSON in state.
    """
    return JsonPlusSerializer(allowed_msgpack_modules=[*allow, *OURS])
