"""The ledger in Postgres: nothing is done twice on one approval, whatever is killed, replayed or run at once."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import psycopg
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.errors import GraphInterrupt
from langgraph.types import Command

from hitl_graph.checkpointers.mirror import workflow_of
from hitl_graph.errors import (
    EffectHeld,
    EffectNotApproved,
    EffectNotDone,
    EffectUnderWay,
    EffectUnknown,
    RunTakenOver,
)
from hitl_graph.failpoints import failpoint
from hitl_graph.nodes.ledger import ACTING, Act, Entry
from hitl_graph.storage.fence import fence_of, fenced, this_process
from hitl_graph.storage.statements import load_statements

__all__ = ["KEPT_FREE", "aledger_entry", "ledger_entry"]

SQL = load_statements("hitl_graph.storage", "ledger.sql")
KEPT_FREE = 2
"""Connections of a pool that acts leave to checkpoints, where it has more."""
WAIT_S = 60.0
"""How long an act that another process is doing is waited for, in seconds."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.02, 0.5
_LONGEST_ERROR = 2000
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError)


@contextlib.contextmanager
def ledger_entry(
    pool: Any, slots: threading.Semaphore, serde: SerializerProtocol, act: Act, config: Any
) -> Iterator[Entry]:
    """See `hitl_graph.nodes.ledger.entered`. A connection is held while the act is done: its lock tells who lives.

    `slots` leaves some of the pool to checkpoints: an act that finds none free waits, and nothing has failed.
    """
    name, tries = {"key": act.key}, _Tries(act)
    while True:
        with contextlib.ExitStack() as stack:
            if not ACTING.get():  # what an act waits for must not wait for that act to end
                stack.enter_context(slots)
            with fenced():
                conn = stack.enter_context(pool.connection())
                lock = conn.execute(SQL["try_lock_effect"], name).fetchone()
            if lock["got"]:
                try:
                    with _begun(conn, act, config, serde) as (entry, attempt):
                        failpoint("effect.begun")
                        yield entry
                    if not entry.done:
                        failpoint("effect.acted")
                        with fenced():
                            _stored(pool, conn, _ended(act, attempt, entry, serde))
                        failpoint("effect.stored")
                finally:
                    with contextlib.suppress(psycopg.Error):
                        conn.execute(SQL["unlock_effect"], name)
                return
        time.sleep(tries.next_wait(lock["holder"]))


@contextlib.contextmanager
def _begun(
    conn: psycopg.Connection[Any], act: Act, config: Any, serde: SerializerProtocol
) -> Iterator[tuple[Entry, int]]:
    """The row before the act; what the act raises is written down."""
    with fenced(), conn.transaction():
        if fence := fence_of(config):
            conn.execute(SQL["check_fence"], fence)
        [row] = conn.execute(SQL["begin_effect"], _began(act, config)).fetchall()
    entry = _entry(act, row, serde)
    try:
        yield entry, row["attempt"]
        _must_be_finished(entry)
    except BaseException as error:
        if not entry.done and not entry.finished:
            with contextlib.suppress(psycopg.Error):
                conn.execute(SQL["fail_effect"], _failed(act, row["attempt"], error))
        raise


@contextlib.asynccontextmanager
async def aledger_entry(
    pool: Any, slots: asyncio.Semaphore, serde: SerializerProtocol, act: Act, config: Any
) -> AsyncIterator[Entry]:
    """`ledger_entry`, for async savers."""
    name, tries = {"key": act.key}, _Tries(act)
    while True:
        async with contextlib.AsyncExitStack() as stack:
            if not ACTING.get():
                await stack.enter_async_context(slots)
            with fenced():
                conn = await stack.enter_async_context(pool.connection())
                lock = await (await conn.execute(SQL["try_lock_effect"], name)).fetchone()
            if lock["got"]:
                try:
                    async with _abegun(conn, act, config, serde) as (entry, attempt):
                        failpoint("effect.begun")
                        yield entry
                    if not entry.done:
                        failpoint("effect.acted")
                        with fenced():
                            await _astored(pool, conn, _ended(act, attempt, entry, serde))
                        failpoint("effect.stored")
                finally:
                    with contextlib.suppress(psycopg.Error):
                        await conn.execute(SQL["unlock_effect"], name)
                return
        await asyncio.sleep(tries.next_wait(lock["holder"]))


@contextlib.asynccontextmanager
async def _abegun(
    conn: psycopg.AsyncConnection[Any], act: Act, config: Any, serde: SerializerProtocol
) -> AsyncIterator[tuple[Entry, int]]:
    with fenced():
        async with conn.transaction():
            if fence := fence_of(config):
                await conn.execute(SQL["check_fence"], fence)
            [row] = await (await conn.execute(SQL["begin_effect"], _began(act, config))).fetchall()
    entry = _entry(act, row, serde)
    try:
        yield entry, row["attempt"]
        _must_be_finished(entry)
    except BaseException as error:
        if not entry.done and not entry.finished:
            with contextlib.suppress(psycopg.Error):
                await conn.execute(SQL["fail_effect"], _failed(act, row["attempt"], error))
        raise


def _stored(pool: Any, conn: psycopg.Connection[Any], statement: Any) -> None:
    """Write down what came of an act; where its connection broke meanwhile, on others, until the database is back."""
    try:
        conn.execute(*statement)
    except _AWAY:
        until = time.monotonic() + WAIT_S
        while True:
            try:
                with pool.connection() as other:
                    other.execute(*statement)
                    return
            except _AWAY:
                if time.monotonic() > until:
                    raise
                time.sleep(_LONGEST_WAIT_S)


async def _astored(pool: Any, conn: psycopg.AsyncConnection[Any], statement: Any) -> None:
    """`_stored`, for async savers."""
    try:
        await conn.execute(*statement)
    except _AWAY:
        until = time.monotonic() + WAIT_S
        while True:
            try:
                async with pool.connection() as other:
                    await other.execute(*statement)
                    return
            except _AWAY:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_LONGEST_WAIT_S)


class _Tries:
    """How long to wait before the next try for an act that another process is doing."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self._until = time.monotonic() + WAIT_S
        self._pause = _FIRST_WAIT_S

    def next_wait(self, holder: str | None) -> float:
        """Seconds. `holder`: who is doing it, as far as it is known.

        Raises:
            EffectUnderWay: It was waited for long enough. Nothing was done here.
        """
        if time.monotonic() > self._until:
            raise EffectUnderWay(
                f"{self._act.action}: another process ({holder or 'which has not said its name'}) is doing just this "
                f"({self._act.key}) and is not done yet; nothing was done here. Where that process hangs or is "
                "stopped, let it go on or end it"
            )
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_WAIT_S)
        return pause


def _began(act: Act, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": act.key,
        "thread_id": str(config["configurable"]["thread_id"]),
        "review": act.review,
        "workflow": workflow_of(config),
        "action": act.action,
        "digest": act.digest,
        "by": act.by,
        "node": act.node,
        "judged_at": act.judged_at,
        "idempotent": act.idempotent,
        "holder": this_process(),
        "standing": (config["configurable"].get("checkpoint_map") or {}).get(""),
    }


def _entry(act: Act, row: Any, serde: SerializerProtocol) -> Entry:
    """What the ledger says to an act that is about to begin.

    Raises:
        EffectHeld, EffectNotApproved, EffectUnknown: It may not. Nothing was done.
    """
    if row["verdict"] == "go":
        return Entry()
    if row["verdict"] == "done":
        return Entry(done=True, result=_loaded(row, serde), finished=True)
    if row["verdict"] == "held":
        raise EffectHeld(f"{act.action} was held: {row['detail']}")
    if row["verdict"] == "unknown":
        raise EffectUnknown(act.key, act.action, row["detail"] or "it was begun before")
    raise EffectNotApproved(f"{act.action}: {row['detail']}; nothing was done (review {act.review})")


def _must_be_finished(entry: Entry) -> None:
    if not entry.finished:
        raise RuntimeError("the block ended without entry.finish(): whether the act was done is not said")


def _ended(act: Act, attempt: int, entry: Entry, serde: SerializerProtocol) -> tuple[Any, dict[str, Any]]:
    """The statement for an act that came to its end, and its parameters."""
    if entry.failed:
        status = "not_done" if act.idempotent else "unknown"
        text = "it says itself that it failed"
        return SQL["fail_effect"], {
            "key": act.key,
            "attempt": attempt,
            "status": status,
            "error": text,
            "kind": "the act itself",
        }
    kind, data = _dumped(entry.result, serde)
    return SQL["finish_effect"], {"key": act.key, "attempt": attempt, "result_type": kind, "result": data}


def _failed(act: Act, attempt: int, error: BaseException) -> dict[str, Any]:
    """An act that may be told again, or says itself that nothing was done, can be tried again; no other can."""
    again = act.idempotent and not isinstance(error, EffectUnknown)  # a channel says so of its own
    again = again or isinstance(error, (EffectNotDone, RunTakenOver))
    again = again or isinstance(error, GraphInterrupt)  # it waits for a person inside it, and goes on then
    text = ascii(error) if "\x00" in repr(error) else repr(error)
    status = "not_done" if again else "unknown"
    told = {
        "error": text[:_LONGEST_ERROR],
        "kind": type(error).__name__,
    }  # its text may hold what was to be sent
    return {"key": act.key, "attempt": attempt, "status": status, **told}


def _dumped(result: Any, serde: SerializerProtocol) -> tuple[str | None, bytes | None]:
    """The result as bytes, as the saver keeps values; nothing where it has no such form: it was done all the same."""
    try:
        if not isinstance(result, Command):
            return serde.dumps_typed(result)
        parts = {"update": result._update_as_tuples(), "goto": result.goto, "graph": result.graph}  # noqa: SLF001  # any kind of update
        kind, data = serde.dumps_typed(parts)
    except Exception:  # noqa: BLE001  # whatever a value of the user's raises must not undo what was done
        return None, None
    return f"command:{kind}", data


def _loaded(row: Mapping[str, Any], serde: SerializerProtocol) -> Any:
    kind = row["result_type"]
    if kind is None:
        return None
    value = serde.loads_typed((kind.removeprefix("command:"), bytes(row["result"])))
    if not kind.startswith("command:"):
        return value
    goto = value["goto"]
    goto = goto if isinstance(goto, str) else tuple(goto)
    return Command(update=dict(value["update"]), goto=goto, graph=value["graph"])
