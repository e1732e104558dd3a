"""A thread as a person sees it: where it stands, what waits for a decision, what was decided."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Interrupt
from pydantic import ValidationError

from hitl_graph.errors import DefinitionError, PlainJsonError
from hitl_graph.plain import digest, plain_json, printable
from hitl_graph.reviews import Record, ReviewRequest
from hitl_graph.wire import ForeignCase, Shape, native_request, read_foreign, recognise

__all__ = ["OpenCase", "Thread", "aread_thread", "config_of", "needs_loop", "read_thread"]

Standing = Literal["waits", "finished", "stopped", "running", "empty"]

_CONTROL = frozenset({"__interrupt__", "__resume__", "__error__", "__error_source_node__", "__scheduled__"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpenCase:
    """An interrupt that waits for an answer: one of our gates', or anybody's.

    `digest` is the request's own, or that of the payload. `asked_at` is when the thread paused.
    """

    id: str
    thread_id: str
    node: str
    payload: Any
    response_schema: dict[str, Any] | None = None
    asked_at: dt.datetime | None = None

    @cached_property
    def request(self) -> ReviewRequest | None:
        """The request of our own gate, or None."""
        found = native_request(self.payload)
        try:
            return None if found is None else ReviewRequest.from_json(found)
        except ValidationError:
            return None  # it only looks like ours

    @cached_property
    def foreign(self) -> ForeignCase | None:
        """The reading of an interrupt of other origin, or None for one of ours."""
        return None if self.request else read_foreign(self.payload, self.node, self.response_schema)

    @property
    def shape(self) -> Shape:
        """How it is put."""
        return recognise(self.payload)

    @cached_property
    def digest(self) -> str:
        """What a decision carries back, so that nobody decides on what they have not seen."""
        if self.request:
            return self.request.digest
        try:
            return digest(plain_json(self.payload, "payload"))
        except PlainJsonError:
            return digest(printable(repr(self.payload)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thread:
    """Where a thread stands.

    Attributes:
        thread_id: Its id.
        standing: `waits` for a person, `finished`, `stopped` by an error, `running` (or between two runs),
            or `empty`: it never ran.
        next: The nodes that come next.
        cases: What waits for a decision, in the order of the graph's tasks.
        records: What was decided in this thread, oldest first.
        error: What the graph raised, where it stopped.
        values: The graph's state.
    """

    thread_id: str
    standing: Standing
    next: tuple[str, ...] = ()
    cases: tuple[OpenCase, ...] = ()
    records: tuple[Record, ...] = ()
    error: str | None = None
    values: Any = None


def config_of(graph: Any, thread: Mapping[str, Any] | str) -> dict[str, Any]:
    """The config of a thread that is named by its id or by a config.

    Raises:
        DefinitionError: The graph is not compiled, has no checkpointer, or no thread is named.
    """
    if not callable(getattr(graph, "get_state", None)):
        raise DefinitionError("notebook", "graph", f"is a {type(graph).__name__}: hand over a compiled graph")
    if not isinstance(getattr(graph, "checkpointer", None), BaseCheckpointSaver):
        raise DefinitionError(
            "notebook", "graph", "has no checkpointer, so no thread is kept: compile it with one"
        )
    config = {"configurable": {"thread_id": thread}} if isinstance(thread, str) else dict(thread)
    if not (config.get("configurable") or {}).get("thread_id"):
        raise DefinitionError(
            "notebook", "thread", "is missing: give a thread id, or a config that holds one"
        )
    return config


def read_thread(graph: Any, thread: Mapping[str, Any] | str) -> Thread:
    """Read a thread, with any checkpointer that can be read without `await`.

    Args:
        graph: The compiled graph.
        thread: The thread's id, or its config.

    Raises:
        DefinitionError: The graph or the thread cannot be read so; the error names which.
    """
    config = config_of(graph, thread)
    if needs_loop(graph):
        raise DefinitionError(
            "notebook", "graph", "has an async checkpointer on this very loop: use `await aread_thread(...)`"
        )
    return _thread(config, graph.get_state(config), graph.checkpointer.get_tuple(_root(config)))


async def aread_thread(graph: Any, thread: Mapping[str, Any] | str) -> Thread:
    """`read_thread`, for every checkpointer."""
    config, saver = config_of(graph, thread), graph.checkpointer
    try:
        stored = await saver.aget_tuple(_root(config))
    except NotImplementedError:  # a sync checkpointer
        return await asyncio.to_thread(read_thread, graph, config)
    return _thread(config, await graph.aget_state(config), stored)


def needs_loop(graph: Any) -> bool:
    """Whether the graph's checkpointer lives on the loop that is running here, where only `await` can reach it."""
    try:
        return getattr(graph.checkpointer, "loop", None) is asyncio.get_running_loop()
    except RuntimeError:
        return False


def _root(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"configurable": {"checkpoint_ns": "", **config["configurable"]}}


def _thread(config: Mapping[str, Any], snapshot: Any, stored: Any) -> Thread:
    thread_id = str(config["configurable"]["thread_id"])
    if stored is None:
        return Thread(thread_id=thread_id, standing="empty", values=snapshot.values)
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for task, channel, value in stored.pending_writes or ():
        by_task.setdefault(task, []).append((channel, value))
    nodes = {task.id: task.name for task in snapshot.tasks}
    at = _moment(snapshot.created_at)
    cases = [
        OpenCase(
            id=one.id,
            thread_id=thread_id,
            node=nodes.get(task, ""),
            payload=one.value,
            response_schema=schema if isinstance(schema := one.response_schema, dict) else None,
            asked_at=at,
        )
        for task in dict.fromkeys((*nodes, *by_task))  # an error handler's task is not among the graph's own
        for one in _open(by_task.get(task, []))
    ]
    unique = tuple({case.id: case for case in cases}.values())
    raised = (task.error for task in snapshot.tasks if _failed(by_task.get(task.id, [])))
    error = next((str(one) for one in raised if one), None)
    return Thread(
        thread_id=thread_id,
        standing=_standing(unique, snapshot.next, error),
        next=tuple(snapshot.next),
        cases=unique,
        records=tuple(_records(snapshot.values)),
        error=error,
        values=snapshot.values,
    )


def _standing(cases: Sequence[OpenCase], following: Sequence[str], error: str | None) -> Standing:
    if cases:
        return "waits"
    if error:
        return "stopped"
    return "running" if following else "finished"


def _open(writes: Sequence[tuple[str, Any]]) -> list[Interrupt]:
    """What a task still asks: LangGraph goes on listing what another run has answered already."""
    channels = {channel for channel, _ in writes}
    if channels - _CONTROL or _failed(writes):
        return []
    asked = [value for channel, value in writes if channel == "__interrupt__"]
    last = asked[-1] if asked else ()
    found = last if isinstance(last, (list, tuple)) else [last]
    return [one for one in found if isinstance(one, Interrupt)]


def _failed(writes: Sequence[tuple[str, Any]]) -> bool:
    """Whether a task raised of itself: an error without an answer beside an open question is a refused answer."""
    channels = {channel for channel, _ in writes}
    return "__error__" in channels and ("__resume__" in channels or "__interrupt__" not in channels)


def _records(values: Any) -> Iterable[Record]:
    kept = values.get("reviews") if isinstance(values, Mapping) else None
    for one in kept if isinstance(kept, (list, tuple)) else ():
        try:
            yield Record.from_json(one)
        except (ValidationError, TypeError, ValueError):
            continue  # a state may have a key of this name for something else


def _moment(text: str | None) -> dt.datetime | None:
    try:
        return None if text is None else dt.datetime.fromisoformat(text)
    except ValueError:
        return None
