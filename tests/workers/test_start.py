"""First runs through a worker: asked for once, run once, and gone on with after a crash."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from hitl_graph import Approve, Desk, HitlState, Reject, open_checkpointer
from hitl_graph.errors import DeskError, PlainJsonError, ThreadBusy
from hitl_graph.workers import Worker
from tests.support.graphs import lines, mail_graph, thread
from tests.workers.graphs import read_log, steps
from tests.workers.processes import auntil, events
from tests.workers.test_worker import QUICK, approve


def given(tmp_path: Path) -> dict[str, Any]:
    return {"ticket": "Where?", "sink": str(tmp_path / "sink")}


class Broken(HitlState):
    """The file that mends it."""

    mended: str


def broken_graph() -> StateGraph[Any]:
    """Raises until the test makes a file."""

    def node(state: Broken) -> dict[str, Any]:
        if not Path(state["mended"]).exists():
            raise ZeroDivisionError
        return {}

    builder = StateGraph(Broken)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder


async def test_a_start_runs_the_graph_to_its_gate(db_url: str, tmp_path: Path) -> None:
    """The case names its workflow, and the run is done."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        begun = await worker.desk.start("mail", given(tmp_path), thread_id="t1", by="ana")
        assert (begun.status, begun.by) == ("queued", "ana")

        await worker.idle()

        [case] = await worker.desk.pending(workflow="mail")
        [start] = await worker.desk.starts.list(thread_id="t1")
        assert (case.thread_id, start.status, start.attempts) == ("t1", "done", 1)


async def test_what_was_asked_for_before_there_was_a_worker_is_run(db_url: str, tmp_path: Path) -> None:
    """The row is the queue; no job table is needed to ask."""
    async with Desk(db_url) as desk:
        await desk.start("mail", given(tmp_path), thread_id="t1", by="ana")

        async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
            await worker.idle()

        assert len(await desk.pending()) == 1


async def test_who_asked_stands_in_the_runs_metadata(db_url: str, tmp_path: Path) -> None:
    """R56: whoever decides later can be told apart from whoever began it."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        await worker.desk.start("mail", given(tmp_path), thread_id="t1", by="ana")
        await worker.idle()

    async with open_checkpointer(db_url) as checkpointer:
        found = await checkpointer.aget_tuple(thread("t1"))
        assert found is not None
        assert {"hitl_by": "ana", "started_by": "ana", "workflow": "mail"}.items() <= found.metadata.items()


async def test_a_paused_thread_refuses_a_start(db_url: str, tmp_path: Path) -> None:
    """New input would supersede the case: nothing is saved."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        await worker.desk.start("mail", given(tmp_path), thread_id="t1")
        await worker.idle()

        with pytest.raises(ThreadBusy, match="t1 is paused: review .* is pending"):
            await worker.desk.start("mail", given(tmp_path), thread_id="t1")

        assert len(await worker.desk.starts.list()) == 1


async def test_of_ten_who_start_a_thread_one_does(db_url: str, tmp_path: Path) -> None:
    """The others are told that it is to be started already."""
    async with Desk(db_url) as desk:
        asked = [desk.start("mail", given(tmp_path), thread_id="t1", by=f"p{n}") for n in range(10)]

        done = await asyncio.gather(*asked, return_exceptions=True)

        refused = [one for one in done if isinstance(one, ThreadBusy)]
        assert len(refused) == 9
        assert "is started by p" in str(refused[0])


async def test_a_start_can_wait_for_its_turn(db_url: str, tmp_path: Path) -> None:
    """Queued behind a case, it begins when the thread has ended, and not before."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        await worker.desk.start("mail", given(tmp_path), thread_id="t1")
        await worker.idle()
        [case] = await worker.desk.pending()
        await worker.desk.start(
            "mail", {**given(tmp_path), "ticket": "next"}, thread_id="t1", when_busy="queue"
        )
        await worker.idle()
        assert [(one.id, one.status) for one in await worker.desk.pending()] == [(case.id, "pending")]

        await approve(worker.desk, case)
        await auntil(worker.desk.pending, "the second run pauses")
        await worker.idle()

        assert [start.status for start in await worker.desk.starts.list()] == ["done", "done"]
        assert len(lines(tmp_path / "sink")) == 1


async def test_a_graph_that_raises_fails_its_start_and_can_be_retried(db_url: str, tmp_path: Path) -> None:
    """The error stands beside it; a retry goes on from the last checkpoint."""
    async with Worker({"broken": broken_graph()}, db_url, **QUICK) as worker:
        start = await worker.desk.start("broken", {"mended": str(tmp_path / "mended")}, thread_id="t1")
        await worker.idle()
        [failed] = await worker.desk.starts.list(status="failed")
        assert failed.error == "ZeroDivisionError()"
        (tmp_path / "mended").touch()

        await worker.desk.starts.retry(start.id, by="ana")

        await worker.idle()
        [done] = await worker.desk.starts.list()
        assert (done.status, done.attempts, done.error) == ("done", 2, None)


async def test_a_start_that_has_not_failed_is_not_retried(db_url: str, tmp_path: Path) -> None:
    """It would run twice."""
    async with Desk(db_url) as desk:
        start = await desk.start("mail", given(tmp_path))

        with pytest.raises(DeskError, match="has not failed"):
            await desk.starts.retry(start.id, by="ana")


async def test_a_workflow_that_no_worker_has_waits(db_url: str, tmp_path: Path) -> None:
    """It is left for a worker that has it."""
    async with Worker({"other": steps()}, db_url, **QUICK) as stranger:
        await stranger.desk.start("mail", given(tmp_path), thread_id="t1")
        await stranger.idle()
        assert [one.status for one in await stranger.desk.starts.list()] == ["queued"]

        async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
            await worker.idle()

        assert [one.status for one in await stranger.desk.starts.list()] == ["done"]


async def test_a_held_workflow_does_not_begin(db_url: str, tmp_path: Path) -> None:
    """R4: it begins when the hold is released."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        hold = await worker.desk.holds.stop("workflow", "mail", by="lea", reason="incident")
        await worker.desk.start("mail", given(tmp_path), thread_id="t1")
        await worker.idle()
        assert [one.status for one in await worker.desk.starts.list()] == ["queued"]

        await worker.desk.holds.release(hold.id, by="lea")

        await auntil(worker.desk.pending, "it begins")


async def test_every_step_of_a_start_is_an_event(db_url: str, tmp_path: Path) -> None:
    """I8."""
    async with Worker({"steps": steps()}, db_url, **QUICK) as worker:
        (tmp_path / "free").touch()
        await worker.desk.start("steps", {"ticket": "0", "folder": str(tmp_path)}, thread_id="t1", by="ana")
        await worker.idle()

    assert list(events(db_url)) == ["start_asked", "start_begun", "start_done"]
    assert [words[0] for words in read_log(tmp_path)] == ["first", "begin", "end", "third"]


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"input": {"when": object()}}, PlainJsonError, "input"),
        ({"input": None}, DeskError, "input: None"),
        ({"config": {"configurable": {"thread_id": "x"}}}, DeskError, "config: 'thread_id'"),
        ({"thread_id": ""}, DeskError, "thread_id: '' is empty"),
        ({"thread_id": "a\x00"}, DeskError, "thread_id"),
        ({"workflow": "\ud800"}, DeskError, "workflow"),
        ({"when_busy": "now"}, DeskError, "when_busy: 'now'"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    db_url: str, changed: dict[str, Any], error: type, said: str
) -> None:
    """The error names the field; nothing is saved."""
    async with Desk(db_url) as desk:
        with pytest.raises(error, match=said):
            await desk.start(**{"workflow": "mail", "input": {}, **changed})

        assert await desk.starts.list() == []


async def test_a_rejection_ends_at_the_gate_again(db_url: str, tmp_path: Path) -> None:
    """A thread that was begun by a worker goes on like any other."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        await worker.desk.start("mail", given(tmp_path), thread_id="t1")
        await worker.idle()
        [case] = await worker.desk.pending()
        await worker.desk.decide(case.id, Reject(reason="tone"), by="ana", digest=case.digest)
        await worker.idle()
        [again] = await worker.desk.pending()
        await worker.desk.decide(again.id, Approve(), by="ana", digest=again.digest)
        await worker.idle()

    assert len(lines(tmp_path / "sink")) == 1
