"""The open questions of a thread as cases, for savers that keep no reviews."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from langgraph.types import Interrupt, StateSnapshot

from hitl_graph.checkpointers.mirror import of_put_writes
from hitl_graph.desk.case import Case, Status
from hitl_graph.nodes.clock import now
from hitl_graph.wire import Shape, waited_for

__all__ = ["open_cases"]

_CONTROL = frozenset({"__interrupt__", "__resume__", "__error__", "__error_source_node__", "__scheduled__"})


def open_cases(thread_id: str, snapshot: StateSnapshot, writes: Iterable[Sequence[Any]]) -> list[Case]:
    """What stands open in a thread, in the order in which LangGraph lists it.

    Args:
        thread_id: The thread.
        snapshot: What `graph.get_state` gives.
        writes: The pending writes of its checkpoint, as (task, channel, value): what an error handler or a `@task`
            asks is only there.
    """
    asked: dict[str, Case] = {}
    for task in snapshot.tasks:
        for one in task.interrupts:
            if waited_for(one.value) is not None:
                continue
            asked.setdefault(one.id, _case(thread_id, task.id, task.name, one, len(asked)))
    known, finished, hidden = {task.id for task in snapshot.tasks}, set(), []
    for task_id, channel, value in writes:
        if channel == "__interrupt__" and task_id not in known:
            hidden += [(task_id, one) for one in value]
        elif channel not in _CONTROL:
            finished.add(task_id)
    for task_id, one in hidden:
        if task_id not in finished and waited_for(one.value) is None:
            asked.setdefault(one.id, _case(thread_id, task_id, "", one, len(asked)))
    return list(asked.values())


def _case(thread_id: str, task_id: str, node: str, one: Interrupt, seq: int) -> Case:
    """The case that our own savers would keep of it."""
    config = {"configurable": {"thread_id": thread_id, "checkpoint_id": "", "checkpoint_ns": ""}}
    statements = of_put_writes(config, [("__interrupt__", (one,))], task_id, f"~__pregel_pull, {node}")
    row = next(values for name, values in statements if name == "open_review")
    kept = {field.name: row[field.name] for field in dataclasses.fields(Case) if field.name in row}
    for name in ("payload", "response_schema"):
        kept[name] = None if kept[name] is None else json.loads(kept[name])
    return Case(
        **{**kept, "shape": Shape(kept["shape"])},
        seq=seq,
        status=Status.PENDING,
        asked_at=now(),
        due_at=None,
        closed_at=None,
        error=None,
        waited_s=0.0,
    )
