"""Reviews for threads that are paused without one: paused by LangGraph's own saver, or restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol

from hitl_graph.checkpointers.mirror import INTERRUPT, Statement, of_put_writes
from hitl_graph.storage.statements import load_statements

__all__ = ["MISSING_SQL", "rows_to_open", "wanted"]

MISSING_SQL = load_statements("hitl_graph.storage", "missing.sql")
_OPENING = frozenset({"lock_early", "open_review", "give_to_task", "open_wait"})
_MOST = 10_000


def wanted(thread_ids: Sequence[str] | None) -> dict[str, Any]:
    """The parameters of the look for pauses without a review.

    Raises:
        TypeError: Given one text instead of several ids.
    """
    if isinstance(thread_ids, str):
        raise TypeError(f"thread_ids: give a list of ids, not the text {thread_ids!r}")
    return {"thread_ids": None if thread_ids is None else [str(one) for one in thread_ids], "limit": _MOST}


def rows_to_open(row: Mapping[str, Any], serde: SerializerProtocol) -> tuple[list[Statement], list[str]]:
    """The statements that open what one task asks, and the ids of its reviews.

    Args:
        row: One of `paused_without_row`. serde: Reads what the task wrote.
    """
    where = {"thread_id": row["thread_id"], "checkpoint_ns": "", "checkpoint_id": row["checkpoint_id"]}
    config = {"configurable": where, "metadata": row["metadata"] or {}}
    value = serde.loads_typed((row["type"], row["blob"]))
    statements = of_put_writes(config, [(INTERRUPT, value)], row["task_id"], row["task_path"])
    opening = [one for one in statements if one[0] in _OPENING]
    return opening, [params["id"] for name, params in opening if name == "open_review"]
