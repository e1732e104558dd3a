"""Which review statements belong to a checkpoint write. Pure: LangGraph's calls in, named statements out.

Only the root namespace is mirrored: what pauses in a subgraph is written again under the root's task. See
`tests/langgraph_contract` for the facts about LangGraph that this rests on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.types import Interrupt

from hitl_graph.decisions import VIA_DESK
from hitl_graph.plain import digest, plain_json, printable
from hitl_graph.storage.fence import fence_of
from hitl_graph.wire import Shape, native_request, read_foreign, recognise, waited_for

__all__ = [
    "NULL_TASK",
    "PARENT",
    "Statement",
    "copy",
    "deletion",
    "of_fence",
    "of_put",
    "of_put_writes",
    "rollback",
    "without_null_resume",
    "workflow_of",
]

Statement = tuple[str, dict[str, Any]]
"""The name of a statement in `mirror.sql`, and its parameters."""

PARENT = "__hitl_parent"
"""Where a run's config says whose case its thread is, in `configurable`: parent, gate, checkpoint_id."""
NULL_TASK = "00000000-0000-0000-0000-000000000000"
INTERRUPT, RESUME, ERROR = "__interrupt__", "__resume__", "__error__"
_CONTROL = frozenset({INTERRUPT, RESUME, ERROR, "__error_source_node__", "__scheduled__"})
_LONGEST_S = 1e10  # some 300 years: a time limit that no calendar holds must not cost the case
_CALLED = "~__pregel_push, ~__pregel_"  # the task path of a @task that another task calls
_BY_HAND = "~__interrupt__"  # the task path under which update_state writes a node's output


def without_null_resume(writes: Sequence[tuple[str, Any]], task_id: str) -> Sequence[tuple[str, Any]]:
    """The writes that are kept: a scalar answer only with the task that has taken it, as an answer by id.

    LangGraph saves it before anything has checked it; one that the gate refuses would be replayed for ever.
    """
    return [write for write in writes if write[0] != RESUME] if task_id == NULL_TASK else writes


def of_put_writes(
    config: Mapping[str, Any], writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
) -> list[Statement]:
    """The statements for `put_writes`: a pause, an answer, a failure after it, or a state edited by hand."""
    where = config["configurable"]
    if where.get("checkpoint_ns") or task_id == NULL_TASK:
        return []
    task = {"thread_id": str(where["thread_id"]), "checkpoint_id": where["checkpoint_id"], "task_id": task_id}
    task["run"] = _named(config, "run_id")
    channels = {channel for channel, _ in writes}
    if task_path.startswith(_BY_HAND):
        return [("supersede_task", task)]
    answered = {**task, "answer": _answer(writes), "by": _by(config, writes), "finals": _finals(writes)}
    if INTERRUPT in channels:
        found = [one for channel, value in writes if channel == INTERRUPT for one in _interrupts(value)]
        asked = [one for one in found if waited_for(one.value) is None]
        ids = [one.id for one in asked]
        opened: list[Statement] = [("open_review", {**task, **_row(one, task_path, config)}) for one in asked]
        if task_path.startswith(_CALLED):
            opened.append(("give_to_task", {**task, "ids": ids}))
        for one in found:
            if child := waited_for(one.value):
                named = {"id": one.id, "child": child, "node": _node(task_path)}
                opened.append(("open_wait", {**task, **named, "workflow": workflow_of(config)}))
        return [("lock_early", task), *opened, ("close_task", {**answered, "keep": ids})]
    if ERROR in channels:
        error = next(value for channel, value in writes if channel == ERROR)
        texts = {"error": _text(error), "raised": type(error).__name__}
        return [("fail_task", {**answered, **texts})] if RESUME in channels else []
    if channels - _CONTROL:
        told: list[Statement] = [("name_answer", answered)] if answered["answer"] is not None else []
        return [("close_task", {**answered, "keep": []}), *told, ("close_wait", task)]
    return []


def of_put(
    config: Mapping[str, Any], checkpoint: Checkpoint, metadata: CheckpointMetadata
) -> list[Statement]:
    """The statement for `put`: whatever was open at an older checkpoint is closed.

    It was answered when the run came from resuming the parent: a resume is stamped with the versions that it
    came from, and only new input raises that of `__start__` afterwards. In "exit" this is the only sign.
    """
    where = config["configurable"]
    if where.get("checkpoint_ns"):
        return []
    source = metadata.get("source")
    stamp = (
        checkpoint.get("versions_seen", {}).get(INTERRUPT, {}).get("__start__") if source == "loop" else None
    )
    resumed = stamp is not None and stamp == checkpoint["channel_versions"].get("__start__")
    because = {"update": "the state was edited", "fork": "the thread was forked"}.get(
        source or "", "new input"
    )
    older = {
        "thread_id": str(where["thread_id"]),
        "checkpoint_id": checkpoint["id"],
        "parent_id": where.get("checkpoint_id") or "",
        "resumed": resumed,
        "stamp": None if stamp is None else str(stamp),
        "by": _by(config, ()),
        "run": _named(config, "run_id"),
        "because": "another checkpoint was resumed" if resumed else because,
    }
    start = checkpoint["channel_versions"].get("__start__")
    left = {**older, "anew": source not in ("loop", "fork"), "fork": source == "fork"}
    left |= {"start": None if start is None else str(start)}
    return [*_link(config), ("lock_checkpoint", older), ("close_older", older), ("leave_children", left)]


def _link(config: Mapping[str, Any]) -> list[Statement]:
    """The statement that says whose case this thread is, where it is one of another thread's."""
    where = config["configurable"]
    parent = where.get(PARENT)
    if not isinstance(parent, Mapping):
        return []
    return [("link_child", {**parent, "child": str(where["thread_id"])})]


def workflow_of(config: Mapping[str, Any]) -> str | None:
    """The name of the graph that runs, where the caller, a worker or an Agent Server says it."""
    return _named(config, "workflow", "graph_id")


def of_fence(config: Mapping[str, Any]) -> list[Statement]:
    """The statement that refuses the write of a run that was taken over."""
    run = fence_of(config)
    return [] if run is None else [("check_fence", run)]


def deletion(thread_ids: Sequence[str]) -> list[Statement]:
    """The statements that delete threads whole."""
    names = {"thread_ids": [str(thread_id) for thread_id in thread_ids]}
    steps = ("delete_checkpoints", "delete_blobs", "delete_writes", "forget_threads")
    return [(step, names) for step in steps]


def rollback(run_ids: Iterable[str]) -> list[Statement]:
    """The statements that delete what some runs of an Agent Server wrote, as if they had never been.

    Raises:
        TypeError: Given one text instead of several ids. Nothing was deleted.
    """
    if isinstance(run_ids, str):
        raise TypeError(f"run_ids: give a list of ids, not the text {run_ids!r}")
    names = {"run_ids": [str(run_id) for run_id in run_ids]}
    steps = (
        "forget_runs",
        "restore_before_runs",
        "delete_run_writes",
        "delete_run_blobs",
        "delete_run_checkpoints",
    )
    return [(step, names) for step in steps] if names["run_ids"] else []


def copy(source: str, target: str) -> list[Statement]:
    """The statements that copy a thread with what is open in it."""
    names = {"source": str(source), "target": str(target)}
    steps = ("copy_checkpoints", "copy_blobs", "copy_writes", "copy_reviews")
    return [(step, names) for step in steps]


def _row(one: Interrupt, task_path: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a review, from an interrupt of ours or of anybody's."""
    node = _node(task_path)
    schema = None if one.response_schema is None else _readable(one.response_schema)
    shape = recognise(one.value)
    payload = _readable(one.value)
    try:
        columns = _asked_by_a_gate(payload)
    except (AttributeError, KeyError, TypeError):  # it only looks like one of ours
        columns, shape = None, Shape.RAW
    if columns is None:
        case = read_foreign(payload, node, schema if isinstance(schema, dict) else None)
        action = case.proposals[0]["name"] if case.proposals else None
        columns = {"gate": None, "kind": None, "action": action, "question": case.title, "owner": None}
        columns |= {"person": None, "priority": "normal", "digest": digest(payload), "due_s": None}
        columns |= {"deadlines": "none", "approvals": 1}
    return {
        **columns,
        "id": one.id,
        "node": node,
        "workflow": workflow_of(config),
        "shape": shape.value,
        "payload": json.dumps(payload),
        "response_schema": None if schema is None else json.dumps(schema),
    }


def _node(task_path: str) -> str:
    """The root node of a task; empty where LangGraph does not say."""
    pull = task_path.removeprefix("~__pregel_pull, ").partition(", node_error_handler")[0]
    return "" if task_path.startswith("~__pregel_push") else pull


def _asked_by_a_gate(payload: Any) -> dict[str, Any] | None:
    """The columns of a request of our own, in whatever shape it was put; None when it is none.

    Raises:
        AttributeError, KeyError, TypeError: It says that it is one, and is not.
    """
    request = native_request(payload)
    if request is None:
        return None
    columns = {key: request[key] for key in ("gate", "kind", "question", "priority", "digest")}
    columns |= {"action": request["action"]["name"], "owner": request["owner"]["group"]}
    columns |= {"person": request["owner"].get("person"), "due_s": None, "deadlines": "none"}
    if any(not isinstance(text, str) for key, text in columns.items() if key not in ("person", "due_s")):
        raise TypeError("not text")
    columns["approvals"] = _whole(request.get("approvals", 1))
    if sla := request.get("sla"):
        seconds = min(max(sla["hours"] * 3600.0, 0.0), _LONGEST_S)
        # In working hours it is known once `Desk.deadlines` has planned it: the calendar is no arithmetic for SQL.
        columns |= {"due_s": None if sla.get("calendar") else seconds, "deadlines": "unplanned"}
    return columns


def _whole(value: object) -> int:
    """A number of people.

    Raises:
        TypeError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise TypeError("not a number of people")
    return value


def _interrupts(value: object) -> list[Interrupt]:
    found = value if isinstance(value, (list, tuple)) else [value]
    return [one for one in found if isinstance(one, Interrupt)]


def _taken(writes: Sequence[tuple[str, Any]]) -> list[Any]:
    """The answers that the task has taken so far, oldest first, where it says so (a subgraph's does not).

    A task that takes several lists them again with each: the last list is the whole one.
    """
    lists = [value for channel, value in writes if channel == RESUME]
    return list(lists[-1]) if lists and isinstance(lists[-1], (list, tuple)) else lists[-1:]


def _answer(writes: Sequence[tuple[str, Any]]) -> str | None:
    """The last answer as JSON."""
    taken = _taken(writes)
    return json.dumps(_readable(taken[-1])) if taken else None


def _finals(writes: Sequence[tuple[str, Any]]) -> str:
    """What the gate itself says was let through, where an answer came past the desk: digests by review, as JSON."""
    records = [
        one for channel, value in writes if channel == "reviews" and isinstance(value, list) for one in value
    ]
    told = [one for one in records if isinstance(one, Mapping) and isinstance(one.get("final_digest"), str)]
    return json.dumps({str(one.get("review")): one["final_digest"] for one in told})


def _by(config: Mapping[str, Any], writes: Sequence[tuple[str, Any]]) -> str:
    """Who answered, as far as the desk, an Agent Server's sign-in, the answer or the caller's metadata says."""
    last = (_taken(writes) or [None])[-1]
    told = last if isinstance(last, Mapping) else {}
    named = told.get("by")
    by = _text(named) if isinstance(named, str) and named else None
    server = {"configurable": config.get("configurable")}  # what a client says in the metadata comes after it
    signed_in = _named(server, "langgraph_auth_user_id") or _named(config, "langgraph_auth_user_id")
    first = (by, signed_in) if told.get("via") in VIA_DESK else (signed_in, by)
    return first[0] or first[1] or _named(config, "hitl_by") or "unknown"


def _named(config: Mapping[str, Any], *keys: str) -> str | None:
    """What the caller, or an Agent Server, says in a config under the first of `keys` that is there, as text."""
    for key in keys:
        for place in (config.get("metadata") or {}, config.get("configurable") or {}):
            if key in place and place[key] not in (None, ""):
                return _text(place[key])
    return None


def _text(value: object) -> str:
    """Text that every database takes, of anything at all."""
    try:
        return printable(str(value))
    except Exception:  # noqa: BLE001  # what a broken __str__ raises must not cost the case
        return f"({type(value).__name__})"


def _readable(value: object) -> Any:
    """Plain JSON of anything at all: what has no JSON form is shown as its repr."""
    try:
        return plain_json(value, "payload")
    except ValueError:
        if isinstance(value, Mapping):
            return {_text(key): _readable(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [_readable(inner) for inner in value]
        return _text(ascii(value))
