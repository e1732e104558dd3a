"""A thread that names no workflow: whichever worker comes first, the one that has its graph gets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hitl_graph import Desk
from hitl_graph.workers import Worker
from tests.support.graphs import lines, mail_graph, two_gates_graph
from tests.workers.processes import auntil, query
from tests.workers.test_worker import QUICK, approve, is_applied, paused, told, two_steps

JOBS = "SELECT task_name, queue_name, args ->> 'tries' AS tries FROM hitl_jobs.procrastinate_jobs"


async def test_a_worker_without_its_graph_passes_it_on_and_never_hears_of_it_again(
    db_url: str, tmp_path: Path
) -> None:
    """It waits where only workers that have its node look; such a worker does it at its first try."""
    await paused(db_url, tmp_path / "sink", "t1")
    async with Worker({"other": two_steps()}, db_url, **QUICK) as stranger:
        [case] = await stranger.desk.pending()
        await approve(stranger.desk, case)
        await auntil(lambda: told(stranger.desk, "no_graph"), "it says that it has no such graph")
        await stranger.idle()
    waiting = query(db_url, JOBS)
    said: list[str] = []

    async with Worker({"mail": mail_graph()}, db_url, tell=said.append, **QUICK) as worker:
        await worker.idle()
        assert await is_applied(worker.desk, case)

    assert [(job["task_name"], job["tries"]) for job in waiting] == [("resume", "1")]
    assert waiting[0]["queue_name"] != "hitl"
    assert "thread t1: went on with 1 answers" in said
    assert len(lines(tmp_path / "sink")) == 1


async def test_workers_that_each_have_graphs_of_their_own_lose_nothing_to_one_another(
    db_url: str, tmp_path: Path
) -> None:
    """Whichever of them hears of a decision first: each act is done once, and no job is left over."""
    graphs: tuple[Any, ...] = (mail_graph, two_gates_graph)
    for number, graph in enumerate(graphs * 5):
        await paused(db_url, tmp_path / f"sink-{number}", f"t{number}", graph=graph)
    async with (
        Worker({"mail": mail_graph()}, db_url, **QUICK) as first,
        Worker({"two": two_gates_graph()}, db_url, **QUICK) as second,
    ):
        for case in await first.desk.pending(limit=100):
            await approve(first.desk, case)

        async def done() -> bool:
            return {one.status for one in await first.desk.cases(limit=100)} == {"applied"}

        await auntil(done, "all of them go on")
        await first.idle()
        await second.idle()

    assert query(db_url, JOBS) == []
    assert sum(len(lines(tmp_path / f"sink-{number}")) for number in range(10)) == 15


async def test_several_strangers_pass_it_on_to_the_one_that_has_it(db_url: str, tmp_path: Path) -> None:
    """Whoever comes first; and a new decision of the thread finds its way as well."""
    await paused(db_url, tmp_path / "sink", "t1", graph=two_gates_graph)
    async with (
        Worker({"a": two_steps()}, db_url, **QUICK),
        Worker({"b": two_steps()}, db_url, **QUICK),
        Desk(db_url) as desk,
    ):
        first, second = await desk.pending()
        await approve(desk, first)
        await auntil(lambda: told(desk, "no_graph"), "one of them says that it has no such graph")
        await approve(desk, second)
        async with Worker({"two": two_gates_graph()}, db_url, **QUICK):
            await auntil(lambda: is_applied(desk, first), "it goes on")
            await auntil(lambda: is_applied(desk, second), "and so does the other answer")
    assert len(lines(tmp_path / "sink")) == 2
