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
from langgraph.errors import EmptyInputError, GraphDrained, is_invalid_resume
from langgraph.runtime import RunControl
from langgraph.types import Command

from hitl_graph.decisions import VIA_DESK
from hitl_graph.desk.connected import rows
from hitl_graph.desk.runs import Lease
from hitl_graph.errors import AnswerError, DeskError, EffectUnderWay, RunTakenOver
from hitl_graph.failpoints import failpoint
from hitl_graph.storage.fence import is_away
from hitl_graph.storage.statements import load_statements
from hitl_graph.wire import answer_foreign, decisions_from_json, native_request

if TYPE_CHECKING:
    from hitl_graph.desk.desk import Desk

__all__ = ["Resumed", "Run", "error_texts", "resume_threads"]

SQL = load_statements("hitl_graph.desk", "queries.sql") | load_statements("hitl_graph.desk", "runs.sql")
GOING_ON_SQL = load_statements("hitl_graph.desk", "going_on.sql")
_GOING_ON = "going on"
"""What a run notes down that is given no answer, for whoever has to take it over."""


class _Held(Exception):
    """Leaves a thread's lease as it was found, until the hold is released."""


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
    control: RunControl | None = None

    async def __call__(self, lease: Lease, given: Command[Any] | None) -> Any:
        """Run one thread as its checkpointer wants: `PostgresSaver` has no async side."""
        configurable = {**self.config.get("configurable", {}), **lease.configurable}
        config = {**self.config, "configurable": configurable}
        # Its acts say which graph they are of, so that a hold of the graph finds them.
        if (name := _workflow(self.graph)) and not _is_remote(self.graph):
            config["metadata"] = {"workflow": name, **(self.config.get("metadata") or {})}
        how: dict[str, Any] = {} if self.durability is None else {"durability": self.durability}
        if self.control is not None and not _is_remote(self.graph):
            how["control"] = self.control
        if isinstance(getattr(self.graph, "checkpointer", None), PostgresSaver):
            return await asyncio.to_thread(self.graph.invoke, given, config, **how)
        return await self.graph.ainvoke(given, config, **how)

    async def rests(self, thread_id: str) -> bool:
        """Whether one thread has come to its end, or waits for nothing but answers."""
        where = {"configurable": {**self.config.get("configurable", {}), "thread_id": thread_id}}
        if isinstance(getattr(self.graph, "checkpointer", None), PostgresSaver):
            state = await asyncio.to_thread(self.graph.get_state, where)
        else:
            state = await self.graph.aget_state(where)
        return len(state.next) == sum(bool(task.interrupts) for task in state.tasks)


def error_texts(error: BaseException) -> dict[str, str]:
    """What a failure's row keeps, `error`, and its event, `raised`: texts may quote a draft, and the log stays."""
    return {"error": repr(error), "raised": type(error).__name__}


async def resume_threads(
    desk: Desk, run: Run, *, thread_ids: Sequence[str] | None, concurrency: int, limit: int
) -> list[Resumed]:
    """See `Desk.resume`."""
    _check_graph(run.graph)
    params: dict[str, Any] = {"thread_ids": None if thread_ids is None else list(thread_ids)}
    params |= {"workflow": _workflow(run.graph), "limit": limit}
    slots = asyncio.Semaphore(max(1, min(concurrency, desk.pool.max_size)))

    async def one(thread_id: str, *, decided: bool, goes_on: bool) -> Resumed | None:
        async with slots:
            return await _resume_locked(desk, run, thread_id, wait=decided, goes_on=goes_on)

    async def all_of(threads: Sequence[Mapping[str, Any]], *, goes_on: bool) -> list[Resumed]:
        # All are waited for even when the database fails under one: a run is never cancelled half way.
        work = [one(row["thread_id"], decided=row["decided"], goes_on=goes_on) for row in threads]
        done = await asyncio.gather(*work, return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure
        return [resumed for resumed in done if isinstance(resumed, Resumed)]

    decided = [row for row in await desk.rows(SQL["decided_threads"], params) if _is_of(run.graph, row)]
    done = await all_of(decided, goes_on=False)
    tried: set[str] = set()
    while True:  # a thread that went on may be what another waits for
        ready = await desk.rows(GOING_ON_SQL["ready_threads"], params)
        fresh = {row["thread_id"]: row for row in ready if row["thread_id"] not in tried}
        threads = [row for row in fresh.values() if _is_of(run.graph, row)]
        if not threads:
            break
        tried.update(fresh)
        done += await all_of(threads, goes_on=True)
    broken = await desk.rows(SQL["broken_off"], {**params, "thread_ids": params["thread_ids"] or []})
    return done + await all_of([{**row, "decided": False} for row in broken], goes_on=True)


async def _resume_locked(
    desk: Desk, run: Run, thread_id: str, *, wait: bool, goes_on: bool
) -> Resumed | None:
    """Resume one thread under its lease, until no decision is left; None when another process has done it.

    A process that runs it is waited for where there is a decision: its run may have started before that. Where
    there is only a run that nobody has finished, a lease that is held says that it goes on. `goes_on`: what the thread
    waited for is there, and it goes on also where nothing is to be told.
    """
    done: Resumed | None = None
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(contextlib.suppress(_Held))
        lease = await stack.enter_async_context(desk.lease(thread_id, wait=wait))
        if lease is None:
            return None
        failpoint("run.begun")
        try:
            async with lease.transaction() as conn:
                await conn.execute(SQL["take_up"], {"thread_id": thread_id, "ids": list(lease.left_over)})
            while answers := await _take_answers(lease):
                done = _joined(done, await _resume(lease, run, answers))
            if done is None and (goes_on or lease.broken_off):
                done = await _go_on(desk, lease, run)
        except RunTakenOver as error:  # whoever runs the thread now gives it what it was to be told
            return _joined(done, Resumed(thread_id=thread_id, error=str(error)))
    return done


async def _go_on(desk: Desk, lease: Lease, run: Run) -> Resumed | None:
    """One run with nothing to tell, if the thread is still ready for it.

    Raises:
        RunTakenOver: Another process has the thread now. Nothing was written.
    """
    named = {"thread_id": lease.thread_id, "thread_ids": [lease.thread_id], "workflow": None, "limit": 2}
    ready = await desk.rows(GOING_ON_SQL["ready_threads"], named)
    if lease.thread_id not in {row["thread_id"] for row in ready}:
        if not lease.broken_off and _GOING_ON not in lease.left_over:
            return None  # another process was faster
        named["workflow"] = _workflow(run.graph)
        [stands] = await desk.rows(GOING_ON_SQL["in_the_way"], named)
        if stands["held"]:
            raise _Held
    await lease.note([_GOING_ON])
    failpoint("going_on.before_run")
    try:
        values = await run(lease, None)
    except (RunTakenOver, GraphDrained):
        raise
    except EmptyInputError:
        return None  # the run broke off before it had stored anything
    except Exception as error:  # whatever a graph raises is reported with its thread
        if is_away(error) or isinstance(error, EffectUnderWay):
            raise  # the run is taken up when the database is back, or the act has ended
        async with lease.transaction() as conn:
            await conn.execute(GOING_ON_SQL["stand_still"], {**named, **error_texts(error)})
        return Resumed(thread_id=lease.thread_id, error=repr(error))
    failpoint("going_on.after_run")
    async with lease.transaction() as conn:
        await conn.execute(GOING_ON_SQL["went_on"], named)
    return Resumed(thread_id=lease.thread_id, values=values)


async def _take_answers(lease: Lease) -> list[dict[str, Any]]:
    """What the thread is to be told now, noted down for whoever may have to take the run over."""
    async with lease.transaction() as conn:
        found = await rows(conn, SQL["take_answers"], {"thread_id": lease.thread_id})
        await lease.note([row["id"] for row in found])
    return found


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


async def _resume(lease: Lease, run: Run, answers: Sequence[Mapping[str, Any]]) -> Resumed:
    """One run with these decisions. What was taken before and failed later only needs the thread to go on.

    Raises:
        RunTakenOver: Another process has the thread now. Nothing was written.
    """
    thread_id, ids = lease.thread_id, [row["id"] for row in answers]
    error: BaseException | None = None
    values = None
    try:
        given = {row["id"]: _answer(row) for row in answers if not row["taken"]}
        failpoint("resume.before_run")
        values = await run(lease, Command(resume=given) if given else None)
        failpoint("resume.after_run")
    except (RunTakenOver, GraphDrained):  # somebody else goes on with it
        raise
    except Exception as raised:  # whatever a graph raises is reported with its thread
        if is_away(raised) or isinstance(raised, EffectUnderWay):
            raise  # the run is taken up when the database is back, or the act has ended
        error = raised
    named = {"thread_id": thread_id, "ids": ids}
    async with lease.transaction() as conn:
        still = [row["id"] for row in await rows(conn, SQL["still_decided"], named)]
        applied = tuple(one for one in ids if one not in still)
        if error is None:
            taken = [row["id"] for row in answers if row["taken"] and row["id"] in still]
            lost = [one for one in still if one not in taken]
            await conn.execute(SQL["went_on"], {**named, "ids": taken})
            if not lost:
                return Resumed(thread_id=thread_id, applied=(*applied, *taken), values=values)
            text = "the thread did not take this answer: it is not paused here any more"
            await conn.execute(SQL["fail"], {**named, "ids": lost, "error": text, "raised": text})
            return Resumed(
                thread_id=thread_id, applied=applied, failed=tuple(lost), error=text, values=values
            )
        if not (_is_refusal(error) and still):
            await conn.execute(SQL["fail"], {**named, **error_texts(error)})
            return Resumed(thread_id=thread_id, failed=tuple(ids), error=repr(error))
    refused = [row for row in answers if row["id"] in still]
    return await _refused(lease, run, refused, error, applied)


async def _refused(
    lease: Lease,
    run: Run,
    answers: Sequence[Mapping[str, Any]],
    error: BaseException,
    applied: tuple[str, ...],
) -> Resumed:
    """The gate refused an answer. Of several each is tried alone, so that the others are not lost with it."""
    thread_id = lease.thread_id
    if len(answers) > 1:
        done = Resumed(thread_id=thread_id, applied=applied)
        for row in answers:
            done = _joined(done, await _resume(lease, run, [row]))
        return done
    text, ids = _reason(error), [row["id"] for row in answers]
    async with lease.transaction() as conn:
        await conn.execute(SQL["reopen"], {"thread_id": thread_id, "ids": ids, "error": text})
    # Run once more without an answer, so that the case shows what stands there now; what it raises is told by the
    # thread itself on its next run.
    with contextlib.suppress(Exception):
        await run(lease, None)
    return Resumed(thread_id=thread_id, applied=applied, refused=tuple(ids), error=text)


def _answer(row: Mapping[str, Any]) -> Any:
    """The answer in the shape that its asker wants."""
    request = None if row["shape"] == "raw" else native_request(row["payload"])
    if row["via"] not in VIA_DESK:  # kept as it came, in its own shape: it failed, and is tried again
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
        "via": row["via"],
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
