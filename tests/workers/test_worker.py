"""A worker in this process: what is decided goes on by itself, each thread in one run."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from hitl_graph import Approve, Desk, HitlState, Reject, open_checkpointer
from hitl_graph.desk import Case
from hitl_graph.errors import DefinitionError
from hitl_graph.workers import Worker
from hitl_graph.workers.ticking import tick
from tests.support.graphs import lines, mail_graph, thread, two_gates_graph
from tests.workers.processes import auntil, events

QUICK: dict[str, Any] = {"poll_s": 0.05, "tick_s": 0.05}


async def paused(url: str, sink: Path, *names: str, graph: Any = mail_graph, **metadata: str) -> None:
    """Pause threads of a graph, without any worker."""
    async with open_checkpointer(url) as checkpointer:
        compiled = graph().compile(checkpointer=checkpointer)
        for name in names:
            config = {**thread(name), "metadata": metadata}
            await compiled.ainvoke({"ticket": "Where?", "sink": str(sink)}, config)


async def approve(desk: Desk, case: Case) -> None:
    await desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=case.thread_id)


async def test_a_decision_resumes_its_thread(db_url: str, tmp_path: Path) -> None:
    """I6: nobody calls resume, and the act is done."""
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        await paused(db_url, tmp_path / "sink", "t1", workflow="mail")
        [case] = await worker.desk.pending()

        await approve(worker.desk, case)

        await worker.idle()
        assert len(lines(tmp_path / "sink")) == 1
        assert (await worker.desk.show(case.id)).status == "applied"


async def test_what_was_decided_before_there_was_a_worker_goes_on(db_url: str, tmp_path: Path) -> None:
    """I6: a decision is in the database, and a worker that comes later finds it."""
    await paused(db_url, tmp_path / "sink", "t1", "t2", workflow="mail")
    async with Desk(db_url) as desk:
        for case in await desk.pending():
            await approve(desk, case)

    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        await worker.idle()

    assert len(lines(tmp_path / "sink")) == 2


async def test_answers_of_two_gates_are_given_in_one_run(db_url: str, tmp_path: Path) -> None:
    """All decided answers of a thread are one map: the join runs, and nothing is stuck."""
    await paused(db_url, tmp_path / "sink", "t1", graph=two_gates_graph, workflow="two")
    said: list[str] = []
    async with Desk(db_url) as desk:
        for case in await desk.pending():
            await approve(desk, case)

    async with Worker({"two": two_gates_graph()}, db_url, tell=said.append, **QUICK) as worker:
        await worker.idle()

    assert [one for one in said if "went on" in one] == ["thread t1: went on with 2 answers"]
    assert len(lines(tmp_path / "sink")) == 2


async def test_threads_without_a_workflow_go_to_the_graph_that_has_their_nodes(
    db_url: str, tmp_path: Path
) -> None:
    """Of several graphs the only one that fits; what a thread is, its nodes say."""
    await paused(db_url, tmp_path / "sink", "t1")
    async with Worker({"two": two_steps(), "mail": mail_graph()}, db_url, **QUICK) as worker:
        [case] = await worker.desk.pending()
        await approve(worker.desk, case)

        await worker.idle()

        assert len(lines(tmp_path / "sink")) == 1


async def test_a_thread_that_two_graphs_could_have_is_left(db_url: str, tmp_path: Path) -> None:
    """It is not guessed whose thread it is: an event says so, and nothing runs."""
    await paused(db_url, tmp_path / "sink", "t1")
    async with Worker({"a": mail_graph(), "b": mail_graph()}, db_url, **QUICK) as worker:
        [case] = await worker.desk.pending()
        await approve(worker.desk, case)

        await auntil(lambda: told(worker.desk, "no_graph"), "it says that no graph fits")

        assert lines(tmp_path / "sink") == []
        assert (await worker.desk.show(case.id)).status == "decided"


async def test_a_worker_without_the_graph_leaves_it_for_one_that_has_it(db_url: str, tmp_path: Path) -> None:
    """A named workflow is run by workers that have it: no other takes its jobs, and none is lost."""
    await paused(db_url, tmp_path / "sink", "t1", workflow="mail")
    said: list[str] = []
    async with Worker({"other": two_steps()}, db_url, tell=said.append, **QUICK) as stranger:
        [case] = await stranger.desk.pending()
        await approve(stranger.desk, case)
        await stranger.idle()
        assert [one for one in said if "t1" in one] == []

        async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
            await worker.idle()

    assert len(lines(tmp_path / "sink")) == 1


async def test_an_unnamed_thread_of_a_graph_elsewhere_is_told_of_once(db_url: str, tmp_path: Path) -> None:
    """A worker that cannot know whose it is says so, and the right one does it."""
    await paused(db_url, tmp_path / "sink", "t1")
    async with Worker({"other": two_steps()}, db_url, **QUICK) as stranger:
        [case] = await stranger.desk.pending()
        await approve(stranger.desk, case)
        await auntil(lambda: told(stranger.desk, "no_graph"), "it says that it has no such graph")
        async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
            await auntil(lambda: is_applied(worker.desk, case), "the other worker gets it")

    assert list(events(db_url)).count("no_graph") == 1
    assert len(lines(tmp_path / "sink")) == 1


async def test_a_rejected_draft_comes_again(db_url: str, tmp_path: Path) -> None:
    """Each decision has its run, for as long as the thread asks."""
    await paused(db_url, tmp_path / "sink", "t1", workflow="mail")
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        for _ in range(3):
            [case] = await worker.desk.pending()
            await worker.desk.decide(case.id, Reject(reason="tone"), by="ana", digest=case.digest)
            await worker.idle()
        [case] = await worker.desk.pending()
        await approve(worker.desk, case)
        await worker.idle()

    assert len(lines(tmp_path / "sink")) == 1


async def test_a_graph_that_raises_fails_its_case_and_not_the_worker(db_url: str, tmp_path: Path) -> None:
    """The thread is shown as failed; the next one goes on."""
    await paused(db_url, tmp_path / "missing" / "sink", "t1", workflow="mail")
    await paused(db_url, tmp_path / "sink", "t2", workflow="mail")
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        for case in await worker.desk.pending():
            await approve(worker.desk, case)

        await worker.idle()

        statuses = {case.thread_id: case.status.value for case in await worker.desk.cases()}
        assert statuses == {"t1": "failed", "t2": "applied"}


async def test_a_held_thread_waits_and_goes_on_when_it_is_released(db_url: str, tmp_path: Path) -> None:
    """R4: a hold keeps a decided thread where it is."""
    await paused(db_url, tmp_path / "sink", "t1", workflow="mail")
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        hold = await worker.desk.holds.pause("thread", "t1", by="lea", reason="incident")
        [case] = await worker.desk.pending()
        await approve(worker.desk, case)
        await worker.idle()
        assert (await worker.desk.show(case.id)).status == "decided"

        await worker.desk.holds.release(hold.id, by="lea")

        await auntil(lambda: is_applied(worker.desk, case), "the thread goes on")


async def test_a_decision_that_can_be_undone_waits(db_url: str, tmp_path: Path) -> None:
    """I14: before its time nothing runs; a timer lets it go on."""
    await paused(db_url, tmp_path / "sink", "t1", workflow="mail")
    async with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker:
        [case] = await worker.desk.pending()
        await worker.desk.decide(case.id, Approve(), by="ana", digest=case.digest, undo_s=0.5)
        await worker.idle()
        assert lines(tmp_path / "sink") == []

        await auntil(lambda: is_applied(worker.desk, case), "its time comes")
        await worker.idle()

        assert len(lines(tmp_path / "sink")) == 1


def test_a_script_without_async(db_url: str, tmp_path: Path) -> None:
    """`with Worker(...)` beside `with Desk(...)`: nothing to await."""
    with Worker({"mail": mail_graph()}, db_url, **QUICK) as worker, Desk(db_url) as desk:
        desk.start("mail", {"ticket": "Where?", "sink": str(tmp_path / "sink")}, thread_id="t1", by="ana")
        worker.wait_idle()
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        worker.wait_idle()

        assert len(lines(tmp_path / "sink")) == 1


def test_without_a_worker_a_desk_resumes_by_itself(db_url: str, tmp_path: Path) -> None:
    """Decision rows are the queue: no job table is needed, and none is made."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where?", "sink": str(tmp_path / "sink")}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        [resumed] = desk.resume(graph)

        assert resumed.applied == (case.id,)
        assert len(lines(tmp_path / "sink")) == 1


async def test_a_compiled_graph_keeps_its_checkpointer(db_url: str, tmp_path: Path) -> None:
    """One without gets the worker's; one that has its own is run on it."""
    async with open_checkpointer(db_url) as checkpointer:
        own = mail_graph().compile(checkpointer=checkpointer, name="mail")
        async with Worker({"mine": own, "bare": two_steps().compile()}, db_url, **QUICK) as worker:
            await own.ainvoke({"ticket": "Where?", "sink": str(tmp_path / "sink")}, thread("t1"))
            [case] = await worker.desk.pending()
            await approve(worker.desk, case)
            await worker.idle()

    assert len(lines(tmp_path / "sink")) == 1


async def test_what_is_no_graph_is_refused_at_once(db_url: str) -> None:
    """The error names it; no worker is left running."""
    with pytest.raises(DefinitionError, match="graph 'mail': is a dict"):
        await Worker({"mail": {}}, db_url).__aenter__()


async def test_no_graphs_are_refused(db_url: str) -> None:
    """A worker without graphs would do nothing, and say nothing."""
    with pytest.raises(DefinitionError, match="at least one"):
        await Worker({}, db_url).__aenter__()


def two_steps() -> StateGraph[Any]:
    """A graph with none of the others' nodes."""
    builder = StateGraph(HitlState)
    builder.add_node("elsewhere", lambda _: {})
    builder.add_edge(START, "elsewhere")
    return builder


async def test_a_worker_ends_although_a_cancelling_is_lost() -> None:
    """Whatever it does every second or so may drop one: `asyncio.wait_for` does in Python 3.11."""
    begun, ended = asyncio.Event(), False

    async def drops_it() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    ticking = asyncio.create_task(tick({"drops it": drops_it}, 0.01, print, lambda: ended))
    await begun.wait()
    ended = True
    ticking.cancel()

    done, _ = await asyncio.wait([ticking], timeout=20)
    if not done:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    assert done == {ticking}


async def told(desk: Desk, kind: str) -> bool:
    return bool(await desk.rows("SELECT 1 AS one FROM hitl.events WHERE type = %(type)s", {"type": kind}))


async def is_applied(desk: Desk, case: Case) -> bool:
    return (await desk.show(case.id, thread_id=case.thread_id)).status == "applied"
