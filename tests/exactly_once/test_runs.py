"""One run of a thread at a time: a lease with a token, and a fence for whoever lost it (I2, I6)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph

from hitl_graph import Approve, Desk, add_gate, effect, open_checkpointer
from hitl_graph.errors import RunTakenOver
from hitl_graph.testing import FakeClock
from tests.support.graphs import SEND, State, draft, lines, mail_graph, reply_gate, send, thread


async def test_a_thread_has_one_run(db_url: str) -> None:
    """Who does not wait is told that another has it; who waits gets it afterwards."""
    async with Desk(db_url) as desk, Desk(db_url) as other:
        async with desk.lease("t1", wait=False) as mine:
            async with other.lease("t1", wait=False) as theirs:
                assert theirs is None
            waiting = asyncio.create_task(_token(other))
            await asyncio.sleep(0)
            assert mine is not None
        assert await waiting > mine.token


async def _token(desk: Desk) -> int:
    async with desk.lease("t1", wait=True) as lease:
        assert lease is not None
        return lease.token


async def test_a_run_whose_connection_is_gone_is_taken_over_at_once(db_url: str) -> None:
    """The lock of a dead process goes with its connection: nobody waits for its lease to lapse."""
    async with Desk(db_url) as desk, Desk(db_url) as other:
        with contextlib.suppress(psycopg.OperationalError):  # what the run's own end meets
            async with desk.lease("t1", wait=False) as lost:
                assert lost is not None
                await lost.note(["a-review"])
                await _cut(db_url)
                async with other.lease("t1", wait=True) as taken:
                    left_over = taken and taken.left_over

        assert left_over == ("a-review",)


async def _cut(db_url: str) -> None:
    """End the connection that holds a run's lock."""
    async with await psycopg.AsyncConnection.connect(db_url, autocommit=True) as conn:
        await conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks "
            "WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND pid <> pg_backend_pid() "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )


async def test_a_run_that_shows_no_life_loses_its_thread(db_url: str) -> None:
    """A process that is stopped keeps its connection; when its lease has lapsed the thread is another's."""
    with FakeClock(db_url) as clock:
        async with (
            Desk(db_url) as desk,
            Desk(db_url) as other,
            desk.lease("t1", wait=False, lease_s=30) as stale,
        ):
            clock.advance(seconds=31)
            async with other.lease("t1", wait=False) as taken:
                assert stale is not None
                assert taken is not None
                with pytest.raises(RunTakenOver):
                    async with stale.transaction():
                        pass
                assert await stale.renew(30) is False


def test_a_run_that_was_taken_over_writes_nothing_more(db_url: str, tmp_path: Path) -> None:
    """Its checkpoints and writes are refused in their own transaction: not a row of them is kept."""
    entered, go_on = threading.Event(), threading.Event()

    def slow(_: State) -> dict[str, Any]:
        entered.set()
        go_on.wait(30)
        return {"ticket": "written by the stale run"}

    builder: StateGraph[State] = StateGraph(State)
    builder.add_node("slow", slow)
    builder.add_edge(START, "slow")
    builder.add_edge("slow", END)
    with FakeClock(db_url) as clock, open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        told: list[object] = []

        async def run_stale() -> None:
            async with desk.desk.lease("t1", wait=False, lease_s=30) as lease:
                assert lease is not None
                config: Any = {"configurable": lease.configurable}
                try:
                    await asyncio.to_thread(graph.invoke, {"ticket": "Hi"}, config)
                except RunTakenOver as error:
                    told.append(error)

        stale = threading.Thread(target=lambda: desk.run(run_stale()))
        stale.start()
        assert entered.wait(30)
        clock.advance(seconds=31)
        with Desk(db_url) as other:
            other.run(_taken(other.desk))
        before = _rows(db_url)
        go_on.set()
        stale.join()

        assert len(told) == 1
        assert _rows(db_url) == before


async def _taken(desk: Desk) -> None:
    async with desk.lease("t1", wait=False) as lease:
        assert lease is not None


def _rows(db_url: str) -> list[Any]:
    with psycopg.connect(db_url) as conn:
        return conn.execute(
            "SELECT (SELECT count(*) FROM checkpoints), (SELECT count(*) FROM checkpoint_writes)"
        ).fetchall()


def test_a_stale_run_does_not_act(db_url: str, tmp_path: Path) -> None:
    """The ledger asks the fence before an act: a run that was taken over before it acts nothing (I2)."""
    sink = tmp_path / "sink"
    entered, go_on = threading.Event(), threading.Event()

    def check(_: State) -> None:
        entered.set()
        go_on.wait(30)

    with FakeClock(db_url) as clock, open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        builder = _checked_mail_graph(check)
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        stale = threading.Thread(target=lambda: desk.resume(graph))
        stale.start()
        assert entered.wait(30)
        clock.advance(seconds=60)
        with Desk(db_url) as other:
            other.run(_taken(other.desk))
            go_on.set()
            stale.join()
            acted_by_the_stale = lines(sink)
            other.resume(graph)

        assert acted_by_the_stale == []


def _checked_mail_graph(check: Any) -> StateGraph[State]:
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=SEND, checks=[check]))
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def test_two_desks_resume_one_thread_once(db_url: str, tmp_path: Path) -> None:
    """Two processes' desks find the same decided thread: one runs it, the other finds nothing left (I6)."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk, Desk(db_url) as other:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        done: list[Any] = []
        runs = [threading.Thread(target=lambda d=d: done.extend(d.resume(graph))) for d in (desk, other)]

        for run in runs:
            run.start()
        for run in runs:
            run.join()

        assert len(lines(sink)) == 1
        assert [resumed.applied for resumed in done if resumed.applied] == [(case.id,)]
        assert desk.unfinished_runs() == []


def test_a_run_that_broke_off_is_run_on_by_whoever_takes_the_thread(db_url: str, tmp_path: Path) -> None:
    """New input under a lease that lapsed leaves the thread in the middle: the next resume of it goes on (I6)."""
    sink = tmp_path / "sink"
    with FakeClock(db_url) as clock, open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        async def broken_off() -> None:
            async with desk.desk.lease("t1", wait=False, lease_s=30) as lease:
                assert lease is not None
                config: Any = {"configurable": lease.configurable}
                await asyncio.to_thread(graph.invoke, {"ticket": "New"}, config, interrupt_before=["draft"])
                clock.advance(seconds=31)
                raise RunTakenOver("the process was stopped here")

        with pytest.raises(RunTakenOver):
            desk.run(broken_off())
        assert graph.get_state(thread("t1")).next == ("draft",)

        desk.resume(graph, thread_ids=["t1"])

        assert [one.status.value for one in desk.cases(thread_id="t1")] == ["superseded", "pending"]
