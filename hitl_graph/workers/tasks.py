"""What a worker does: resume a thread, make its first run, and wake a thread whose time has come."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
from langgraph.errors import GraphDrained

from hitl_graph.desk import Desk, Resumed
from hitl_graph.desk.connected import rows
from hitl_graph.desk.in_process import Run, error_texts
from hitl_graph.desk.runs import Lease
from hitl_graph.desk.starts import SQL as STARTS
from hitl_graph.errors import RunTakenOver
from hitl_graph.failpoints import failpoint
from hitl_graph.storage.statements import load_statements
from hitl_graph.workers.drain import Drain
from hitl_graph.workers.graphs import Graphs
from hitl_graph.workers.queue import pause_s

__all__ = ["Tasks"]

SQL = load_statements("hitl_graph.workers", "jobs.sql")
_LONGEST_S = 60.0
_GOODBYE_S = 2.0
_MOST_TRIES = 8
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError)


class _NotNow(Exception):
    """Leaves a thread's lease as it was found, for the job that it belongs to."""


class Tasks:
    """The jobs of one worker. None of them raises: what does not work now is put in the queue again.

    Args:
        desk: The desk. graphs: The graphs. drain: Asked to end runs early.
        config: Merged into each run's config. durability: LangGraph's.
        tell: Takes a sentence about what happened.
    """

    def __init__(
        self,
        desk: Desk,
        graphs: Graphs,
        drain: Drain,
        *,
        config: Mapping[str, Any],
        durability: str | None,
        tell: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._graphs = graphs
        self._drain = drain
        self._config = config
        self._durability: Any = durability
        self._tell = tell
        self.cut_off = 0

    async def resume(self, thread_id: str, tries: int = 0) -> None:
        """Give a thread all its decided answers, in one run."""
        await self._guarded("resume", thread_id, tries, None, self._resume(thread_id, tries))

    async def start(self, thread_id: str, tries: int = 0) -> None:
        """Make the first run of a thread, or go on with one that was left half way."""
        for found in await self._safely("start", thread_id, tries, self._next_start(thread_id)):
            work = self._start(found, tries)
            await self._guarded("start", thread_id, tries, str(found["workflow"]), work)

    async def wake(self, task: str, thread_id: str, tries: int = 0) -> None:
        """A timer's end: the job itself, under the thread's lock."""
        found = await self._next_start(thread_id) if task == "start" else []
        workflow = found[0]["workflow"] if found else None
        if task != "start" or found:
            await self._put("now", task, thread_id, tries, workflow)

    async def _resume(self, thread_id: str, tries: int) -> None:
        [thread] = await self._desk.rows(SQL["thread_of"], {"thread_id": thread_id})
        if not thread["nodes"]:
            return  # an earlier job has done it
        graph = self._graphs.find(thread["workflow"], thread["nodes"])
        if graph is None:
            await self._no_graph("resume", thread_id, thread["workflow"], tries)
            return
        if thread["broke_off"]:
            await self._look_at(graph, thread, thread_id, tries)
            return
        config = dict(self._config)
        if thread["workflow"] is not None:
            config["metadata"] = {**config.get("metadata", {}), "workflow": thread["workflow"]}
        failpoint("worker.resume")
        with self._drain.run() as control:
            done = await self._desk.resume(
                graph, thread_ids=[thread_id], config=config, durability=self._durability, control=control
            )
        failpoint("worker.resumed")
        for one in done:
            self._tell(_told(one))

    async def _look_at(self, graph: Any, thread: Mapping[str, Any], thread_id: str, tries: int) -> None:
        """A run that broke off with nothing left to be told: where its thread has come to rest, that was all.

        In the middle of its work it is left for a person: whoever began the run may be at it again, and only they know
        whether it had come to a breakpoint.
        """
        if not await Run(graph, self._config, None).rests(thread_id):
            if tries == 0:
                self._tell(
                    f"thread {thread_id}: its run broke off in the middle of its work: it is left to a person"
                )
            await self._put("later", "resume", thread_id, tries + 1, thread["workflow"])
            return
        with contextlib.suppress(_NotNow):
            async with self._desk.lease(thread_id, wait=False) as lease:
                if lease is not None and lease.left_over:
                    raise _NotNow

    async def _next_start(self, thread_id: str) -> list[dict[str, Any]]:
        return await self._desk.rows(STARTS["next"], {"thread_id": thread_id})

    async def _start(self, found: Mapping[str, Any], tries: int) -> None:
        thread_id, workflow = found["thread_id"], found["workflow"]
        if found["held"]:
            return  # the sweep puts it again when it is released
        graph = self._graphs.named(workflow)
        if graph is None:
            await self._no_graph("start", thread_id, workflow, tries)
            return
        metadata = {"workflow": workflow, "hitl_start": str(found["id"]), "hitl_by": found["by"]}
        metadata["started_by"] = found["by"]
        config = _merged(self._config, found["config"])
        config["metadata"] = {**config.get("metadata", {}), **metadata}
        with self._drain.run() as control, contextlib.suppress(_NotNow):
            async with self._desk.lease(thread_id, wait=True) as lease:
                assert lease is not None
                await self._first_run(lease, Run(graph, config, self._durability, control), found, tries)

    async def _first_run(self, lease: Lease, run: Run, found: Mapping[str, Any], tries: int) -> None:
        if lease.left_over:  # a resume died here, and what it was given must not be forgotten
            await self._put("now", "resume", lease.thread_id, 0, None)
            raise _NotNow
        named = {"id": found["id"], "thread_id": lease.thread_id}
        async with lease.transaction() as conn:
            begun = await rows(conn, STARTS["begin"], named)
        if not begun:
            return  # done by another, or the thread is paused: it waits for its turn
        failpoint("worker.started")
        error: Exception | None = None
        try:
            await run(lease, None if begun[0]["went"] else found["input"])
        except (GraphDrained, RunTakenOver):
            raise
        except Exception as raised:  # whatever a graph raises is kept with its start
            if isinstance(raised, _AWAY) and tries < _MOST_TRIES:
                raise  # the checkpoints' database is away: the run goes on when it is back
            error = raised
        result = {"status": "failed" if error else "done", "error": None, "raised": None}
        result |= error_texts(error) if error else {}
        async with lease.transaction() as conn:
            await conn.execute(STARTS["finish"], {**named, **result})
        self._tell(f"thread {lease.thread_id}: first run {'raised ' + repr(error) if error else 'done'}")

    async def _no_graph(self, task: str, thread_id: str, workflow: str | None, tries: int) -> None:
        """Leave it for a worker that has the graph; the first to find out says so.

        Where the thread names no workflow, only workers that have the node of its decided case hear of it from here on.
        """
        if tries == 0:
            why = (
                f"no graph named {workflow}" if workflow is not None else "no single graph that has its nodes"
            )
            self._tell(f"thread {thread_id}: there is {why} here: it is left for another worker")
            data = json.dumps(
                {"by": "system:worker", "workflow": workflow, "why": why, "here": self._graphs.names}
            )
            await self._desk.rows(SQL["tell"], {"type": "no_graph", "thread_id": thread_id, "data": data})
        when = "now" if tries == 0 and workflow is None else "later"
        await self._put(when, task, thread_id, tries + 1, workflow)

    async def _guarded(
        self, task: str, thread_id: str, tries: int, workflow: str | None, work: Awaitable[None]
    ) -> None:
        """Do it, and put it in the queue again where it did not come to its end."""
        try:
            await work
        except (GraphDrained, RunTakenOver) as left:
            self._tell(f"thread {thread_id}: left at a checkpoint ({left})")
            await self._again("now", task, thread_id, 0, workflow)
        except asyncio.CancelledError:  # the time to drain is over
            self.cut_off += 1
            self._tell(f"thread {thread_id}: cut off in the middle, to be taken up by another worker")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await asyncio.shield(self._again("now", task, thread_id, 0, workflow))
            raise
        except Exception as error:  # noqa: BLE001  # nothing that happens here may end the worker
            self._tell(f"thread {thread_id}: {task} did not work, and is tried again: {error!r}")
            await self._again("later", task, thread_id, tries + 1, workflow)

    async def _safely(
        self, task: str, thread_id: str, tries: int, work: Awaitable[list[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        try:
            return await work
        except Exception as error:  # noqa: BLE001  # the database is away: the sweep finds it again
            self._tell(
                f"thread {thread_id}: {task} did not work (try {tries}), and is tried again: {error!r}"
            )
            return []

    async def _again(self, when: str, task: str, thread_id: str, tries: int, workflow: str | None) -> None:
        """Put it in the queue; where the database is away, the sweep finds it when it is back."""
        with contextlib.suppress(Exception):
            await self._put(when, task, thread_id, tries, workflow)

    async def _put(self, when: str, task: str, thread_id: str, tries: int, workflow: str | None) -> None:
        params = {"task": task, "thread_id": thread_id, "tries": tries, "workflow": workflow}
        wait = None if when == "now" else pause_s(tries, first=0.5, longest=_LONGEST_S)
        await self._desk.rows(SQL["put"], {**params, "wait_s": wait})


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {**base, **over}
    for name in ("configurable", "metadata"):
        if inner := {**(base.get(name) or {}), **(over.get(name) or {})}:
            both[name] = inner
    return both


def _told(resumed: Resumed) -> str:
    if resumed.refused:
        return f"thread {resumed.thread_id}: an answer was refused: {resumed.error}"
    if resumed.error:
        return f"thread {resumed.thread_id}: stands still: {resumed.error}"
    return f"thread {resumed.thread_id}: went on with {len(resumed.applied)} answers"
