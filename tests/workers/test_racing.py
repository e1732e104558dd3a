"""Several workers and many threads: one run of a thread at a time, every answer taken, every act once."""

from __future__ import annotations

import asyncio
import itertools
import signal
from pathlib import Path
from typing import Any

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.errors import DecisionConflict
from tests.support.graphs import lines, thread, two_gates_graph
from tests.workers.graphs import runs
from tests.workers.processes import WorkerProcess, auntil, graph, query

THREADS = 24


def overlapping(folder: Path, dead: set[str]) -> list[str]:
    """Threads in which a run began before the one before had ended, but for those of a killed process."""
    found = []
    for name, steps in runs(folder).items():
        for (kind, pid), (next_kind, next_pid) in itertools.pairwise(steps):
            handed_on = pid in dead and next_pid != pid
            if kind == next_kind and not handed_on:
                found.append(name)
    return found


async def test_two_workers_one_killed_run_each_thread_once(db_url: str, tmp_path: Path) -> None:
    """I2, I6: every thread is started, decided and finished; no two runs of one overlap; every act is done once."""
    given = {"folder": str(tmp_path), "sink": str(tmp_path / "sink")}
    options = ("--stalled", "1", "--concurrency", "4")
    names = [f"t{number}" for number in range(THREADS)]
    async with Desk(db_url) as desk:
        with (
            WorkerProcess(db_url, graph("marked"), options=options) as first,
            WorkerProcess(db_url, graph("marked"), options=options) as other,
        ):
            for name in names:
                await desk.start("marked", {**given, "ticket": name}, thread_id=name, by="ana")
            decided: set[str] = set()

            async def decided_all() -> bool:
                for case in await desk.pending(limit=1000):
                    await desk.decide(
                        case.id, Approve(), by="ben", digest=case.digest, thread_id=case.thread_id
                    )
                    decided.add(case.thread_id)
                    if len(decided) == THREADS // 2:
                        first.send(signal.SIGKILL)
                return len(decided) == THREADS

            await auntil(decided_all, "all are decided", 60)

            async def applied() -> bool:
                return len(await desk.cases(status="applied", limit=1000)) == THREADS

            await auntil(applied, "all are applied", 60)

            async def quiet() -> bool:
                return not query(db_url, "SELECT 1 AS one FROM hitl_jobs.procrastinate_jobs")

            await auntil(quiet, "no job is left", 60)
            assert other.end() == 0

    assert overlapping(tmp_path, {str(first.pid)}) == []
    assert sorted(lines(tmp_path / "sink")) == sorted(set(lines(tmp_path / "sink")))
    assert len(lines(tmp_path / "sink")) == THREADS


async def test_two_gates_answered_by_racing_reviewers(db_url: str, tmp_path: Path) -> None:
    """I1: of two answers to each of two parallel gates one wins; two workers finish every thread, the join included."""
    names = [f"t{number}" for number in range(8)]
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        compiled = two_gates_graph().compile(checkpointer=checkpointer)
        for name in names:
            config: dict[str, Any] = {**thread(name), "metadata": {"workflow": "two"}}
            await compiled.ainvoke({"ticket": name, "sink": str(tmp_path / "sink")}, config)
        with WorkerProcess(db_url, graph("two")).ready(), WorkerProcess(db_url, graph("two")):
            answers = [
                desk.decide(case.id, Approve(), by=by, digest=case.digest, thread_id=case.thread_id)
                for case in await desk.pending(limit=1000)
                for by in ("ana", "ben")
            ]
            done = await asyncio.gather(*answers, return_exceptions=True)

            async def finished() -> bool:
                states = [await compiled.aget_state(thread(name)) for name in names]
                return all(state.values["ticket"].endswith("(done)") and not state.next for state in states)

            await auntil(finished, "every thread is finished", 60)

    refused = [one for one in done if isinstance(one, BaseException)]
    assert (len(refused), {type(one) for one in refused}) == (2 * len(names), {DecisionConflict})
    assert len(lines(tmp_path / "sink")) == len(set(lines(tmp_path / "sink"))) == 2 * len(names)
