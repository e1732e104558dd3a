"""Resuming decided threads in this process: one run per thread, all its answers as one map."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.errors import is_invalid_resume
from langgraph.types import Command

from hitl_graph.errors import AnswerError, DeskError
from hitl_graph.storage.statements import load_statements
from hitl_graph.wire import answer_foreign, decisions_from_json, native_request

if TYPE_CHECKING:
    from hitl_graph.desk.desk import Desk

__all__ = ["Resumed", "Run", "resume_threads"]

SQL = load_statements("hitl_graph.desk", "queries.sql")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resumed:
    """What came of one thread.

    Attributes:
        thread_id: The thread.
        applied: Reviews whose answers the thread has taken.
        refused: Reviews whose answers the gate refused; they are pending again.
        failed: Reviews whose thread raised, at the gate or after it; `Desk.retry` lets it try again.
        error: What the graph raised, or why an answer was refused.
        values: The graph's state afterwards, when it did not raise.
    """

    thread_id: str
    applied: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    error: str | None = None
    values: Any = None


@dataclasses.dataclass(frozen=True)
class Run:
    """How threads are run: the graph, what goes into each thread's config, and LangGraph's durability."""

    graph: Any
    config: Mapping[str, Any]
    durability: str | None

    async def __call__(self, thread_id: str, given: Command[Any] | None) -> Any:
        """Run one thread as its checkpointer wants: `PostgresSaver` has no async side."""
        configurable = {**self.config.get("configurable", {}), "thread_id": thread_id}
        config = {**self.config, "configurable": configurable}
        how = {} if self.durability is None else {"durability": self.durability}
        if isinstance(getattr(self.graph, "checkpointer", None), PostgresSaver):
            return await asyncio.to_thread(self.graph.invoke, given, config, **how)
        return await self.graph.ainvoke(given, config, **how)


async def resume_threads(
    desk: Desk, run: Run, *, thread_ids: Sequence[str] | None, concurrency: int, limit: int
) -> list[Resumed]:
    """See `Desk.resume`."""
    _check_graph(run.graph)
    async with desk.pool.connection() as conn:
        params = {"thread_ids": None if thread_ids is None else list(thread_ids), "limit": limit}
        cursor = await conn.execute(SQL["decided_threads"], {**params, "workflow": _workflow(run.graph)})
        threads = [row for row in await cursor.fetchall() if _is_of(run.graph, row)]
    slots = asyncio.Semaphore(max(1, min(concurrency, desk.pool.max_size)))

    async def one(thread_id: str, decided: bool) -> Resumed | None:  # noqa: FBT001
        async with slots:
            return await _resume_locked(desk, run, thread_id, wait=decided)

    # All are waited for even when the database fails under one: a run is never cancelled half way.
    done = await asyncio.gather(
        *(one(row["thread_id"], row["decided"]) for row in threads), return_exceptions=True
    )
    for failure in done:
        if isinstance(failure, BaseException):
            raise failure
    return [resumed for resumed in done if isinstance(resumed, Resumed)]


async def _resume_locked(desk: Desk, run: Run, thread_id: str, *, wait: bool) -> Resumed | None:
    """Resume one thread under its lock, until no decision is left; None when another process has done it.

    A process that holds the lock is waited for where there is a decision: its run may have started before that. Where
    there is only a run that nobody has finished, a held lock says that it goes on.
    """
    name = {"thread_id": thread_id}
    done: Resumed | None = None
    async with desk.pool.connection() as conn:
        if wait:
            await conn.execute(SQL["lock_thread"], name)
        elif not (await (await conn.execute(SQL["try_lock_thread"], name)).fetchone())["got"]:
            return None
        try:
            await conn.execute(SQL["take_over_run"], name)
            while rows := await (await conn.execute(SQL["decided_answers"], name)).fetchall():
                await conn.execute(SQL["begin_run"], {**name, "ids": [row["id"] for row in rows]})
                done = _joined(done, await _resume(conn, run, thread_id, rows))
            await conn.execute(SQL["end_run"], name)
        finally:
            await conn.execute(SQL["unlock_thread"], name)
    return done


def _joined(before: Resumed | None, now: Resumed) -> Resumed:
    """Two runs of one thread as one result."""
    if before is None:
        return now
    return dataclasses.replace(
        now,
        applied=before.applied + now.applied,
        refused=before.refused + now.refused,
        failed=before.failed + now.failed,
        error=now.error or before.error,
    )


async def _resume(conn: Any, run: Run, thread_id: str, rows: Sequence[Mapping[str, Any]]) -> Resumed:
    """One run with these decisions. What was taken before and failed later only needs the thread to go on."""
    ids = [row["id"] for row in rows]
    error: BaseException | None = None
    values = None
    try:
        answers = {row["id"]: _answer(row) for row in rows if not row["taken"]}
        values = await run(thread_id, Command(resume=answers) if answers else None)
    except Exception as raised:  # noqa: BLE001  # whatever a graph raises is reported with its thread
        error = raised
    named = {"thread_id": thread_id, "ids": ids}
    still = [row["id"] for row in await (await conn.execute(SQL["still_decided"], named)).fetchall()]
    applied = tuple(one for one in ids if one not in still)
    if error is not None and _is_refusal(error) and still:
        return await _refused(
            conn, run, thread_id, [row for row in rows if row["id"] in still], error, applied
        )
    if error is not None:
        await conn.execute(SQL["fail"], {**named, "error": repr(error)})
        return Resumed(thread_id=thread_id, failed=tuple(ids), error=repr(error))
    taken = [row["id"] for row in rows if row["taken"] and row["id"] in still]
    lost = [one for one in still if one not in taken]
    await conn.execute(SQL["went_on"], {**named, "ids": taken})
    if lost:
        text = "the thread did not take this answer: it is not paused here any more"
        await conn.execute(SQL["fail"], {**named, "ids": lost, "error": text})
        return Resumed(thread_id=thread_id, applied=applied, failed=tuple(lost), error=text, values=values)
    return Resumed(thread_id=thread_id, applied=(*applied, *taken), values=values)


async def _refused(
    conn: Any,
    run: Run,
    thread_id: str,
    rows: Sequence[Mapping[str, Any]],
    error: BaseException,
    applied: tuple[str, ...],
) -> Resumed:
    """The gate refused an answer. Of several each is tried alone, so that the others are not lost with it."""
    if len(rows) > 1:
        done = Resumed(thread_id=thread_id, applied=applied)
        for row in rows:
            done = _joined(done, await _resume(conn, run, thread_id, [row]))
        return done
    text, ids = _reason(error), [row["id"] for row in rows]
    await conn.execute(SQL["reopen"], {"thread_id": thread_id, "ids": ids, "error": text})
    # Run once more without an answer, so that the case shows what stands there now; what it raises is told by the
    # thread itself on its next run.
    with contextlib.suppress(Exception):
        await run(thread_id, None)
    return Resumed(thread_id=thread_id, applied=applied, refused=tuple(ids), error=text)


def _answer(row: Mapping[str, Any]) -> Any:
    """The answer in the shape that its asker wants."""
    request = None if row["shape"] == "raw" else native_request(row["payload"])
    if row["via"] != "desk":  # kept as it came, in its own shape: it failed, and is tried again
        kept = row["decision"]
        return {**kept, "by": row["by"]} if request is not None and isinstance(kept, dict) else kept
    decision = dict(row["decision"])
    if request is None:
        return answer_foreign(
            row["payload"], decisions_from_json(decision), response_schema=row["response_schema"]
        )
    return {
        **decision,
        "by": row["by"],
        "via": "desk",
        "asked_at": row["asked_at"].isoformat(),
        "at": row["decided_at"].isoformat(),
        "waited_s": row["waited_s"],
        "digest": row["digest"],
        "proposal_digest": request["proposal_digest"],
    }


def _is_remote(graph: Any) -> bool:
    """Whether it is a graph of an Agent Server, which runs it: nothing to import for those who have none."""
    remote = sys.modules.get("langgraph.pregel.remote")
    return remote is not None and isinstance(graph, remote.RemoteGraph)


def _of_server(error: BaseException) -> Mapping[str, Any] | None:
    """What an Agent Server says about a run that failed: error and message."""
    said = error.args[0] if error.args else None
    known = type(error).__name__ == "RemoteException" and isinstance(said, Mapping)
    return said if known and isinstance(said, Mapping) else None


def _is_refusal(error: BaseException) -> bool:
    """Whether a gate refused an answer, as far as the run tells: a server names no more than the error's class."""
    if said := _of_server(error):
        return said.get("error") in ("ValidationError", "AnswerError")
    return is_invalid_resume(error) or isinstance(error, AnswerError)


def _check_graph(graph: Any) -> None:
    """Refuse a graph that cannot be resumed here, before anything is run."""
    if _is_remote(graph):
        return
    saver = getattr(graph, "checkpointer", None)
    if not isinstance(saver, BaseCheckpointSaver):
        raise DeskError(
            "resume: the graph has no checkpointer: compile it with the one that its threads are in"
        )
    if isinstance(saver, AsyncPostgresSaver) and saver.loop is not asyncio.get_running_loop():
        raise DeskError(
            "resume: the graph's checkpointer is async and lives on another loop: use `async with Desk()`"
        )


def _is_of(graph: Any, row: Mapping[str, Any]) -> bool:
    """Whether the thread can be one of this graph.

    Its paused nodes are there, where LangGraph says which they are. A server writes its graph's name into its threads,
    and is asked about no others.
    """
    if _is_remote(graph):
        return bool(row["named"])
    return all(not node or node in graph.nodes for node in row["nodes"])


def _workflow(graph: Any) -> str | None:
    name = getattr(graph, "name", None)
    return None if name in (None, "", "LangGraph") else str(name)


def _reason(error: BaseException) -> str:
    """What a refused answer is told to its author: our own words without pydantic's frame."""
    if said := _of_server(error):
        return str(said.get("message", error)).partition("\n  ")[2].partition(" [type=")[0] or str(said)
    errors = getattr(error, "errors", None)
    if callable(errors):
        first = errors(include_url=False, include_context=False)[0]
        return str(first["msg"]).removeprefix("Value error, ")
    return str(error)
