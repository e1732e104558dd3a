"""Workers of their own processes: killed, stopped, and ended in good order."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Desk
from hitl_graph.desk.sync_desk import SyncDesk
from tests.support.graphs import lines
from tests.workers.graphs import read_log
from tests.workers.processes import WorkerProcess, graph, query, until

QUICK = ("--stalled", "1")


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    """A desk on the test's database."""
    with Desk(db_url) as desk:
        yield desk


def given(tmp_path: Path) -> dict[str, Any]:
    return {"ticket": "0", "folder": str(tmp_path), "sink": str(tmp_path / "sink")}


def began(tmp_path: Path) -> int:
    """The process that is in the middle of a run."""
    found = until(
        lambda: [words for words in read_log(tmp_path) if words[0] in ("begin", "stuck")], "a run begins"
    )
    return int(found[-1][1])


def ran(tmp_path: Path, name: str) -> int:
    return sum(words[0] == name for words in read_log(tmp_path))


def paused(desk: SyncDesk) -> Any:
    return until(desk.pending, "the thread pauses")[0]


def step(url: str) -> int:
    """How far the thread is stored."""
    [found] = query(url, "SELECT max((metadata ->> 'step')::int) AS step FROM checkpoints")
    return int(found["step"] or 0)


def done(desk: SyncDesk) -> bool:
    return all(start.status == "done" for start in desk.starts.list())


def test_a_first_run_goes_on_after_kill_9(db_url: str, desk: SyncDesk, tmp_path: Path) -> None:
    """Another worker goes on from the last checkpoint: it is not begun a second time."""
    with WorkerProcess(db_url, graph("steps"), options=QUICK).ready() as first:
        desk.start("steps", given(tmp_path), thread_id="t1", by="ana")
        began(tmp_path)
        until(lambda: step(db_url) == 1, "the first step is stored")
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
    (tmp_path / "go").touch()

    with WorkerProcess(db_url, graph("steps"), options=QUICK):
        until(lambda: done(desk), "another worker ends the run")

    assert (ran(tmp_path, "first"), ran(tmp_path, "third")) == (1, 1)
    assert desk.starts.list()[0].attempts == 2


def test_a_decided_thread_goes_on_after_kill_9(db_url: str, desk: SyncDesk, tmp_path: Path) -> None:
    """I6: killed between the answer and the act; another worker acts, once."""
    with WorkerProcess(db_url, graph("slow"), options=QUICK).ready() as first:
        desk.start("slow", given(tmp_path), thread_id="t1", by="ana")
        case = paused(desk)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        began(tmp_path)
        first.end(signal.SIGKILL)
    (tmp_path / "go").touch()

    with WorkerProcess(db_url, graph("slow"), options=QUICK):
        until(lambda: ran(tmp_path, "third"), "another worker goes on")

    assert len(lines(tmp_path / "sink")) == 1


@pytest.mark.parametrize("place", ["worker.resume", "worker.resumed"])
def test_a_job_is_not_lost_with_its_worker(db_url: str, desk: SyncDesk, tmp_path: Path, place: str) -> None:
    """I6: killed with the job in its hands, before the run or after it."""
    (tmp_path / "free").touch()
    with WorkerProcess(db_url, graph("slow"), options=QUICK, HITL_FAILPOINTS=f"{place}=kill") as first:
        desk.start("slow", given(tmp_path), thread_id="t1", by="ana")
        case = paused(desk)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        assert first.process.wait(40) == -signal.SIGKILL

    with WorkerProcess(db_url, graph("slow"), options=QUICK):
        until(lambda: ran(tmp_path, "third"), "another worker goes on")
        until(
            lambda: not query(db_url, "SELECT 1 AS one FROM hitl_jobs.procrastinate_jobs"), "no job is left"
        )

    assert len(lines(tmp_path / "sink")) == 1
    assert desk.show(case.id).status == "applied"


def test_a_worker_that_was_stopped_too_long_writes_nothing(
    db_url: str, desk: SyncDesk, tmp_path: Path
) -> None:
    """SIGSTOP past the lease: another takes over; what the first writes when it wakes up is refused."""
    with WorkerProcess(db_url, graph("slow"), options=QUICK).ready() as first:
        desk.start("slow", given(tmp_path), thread_id="t1", by="ana")
        case = paused(desk)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        began(tmp_path)
        first.send(signal.SIGSTOP)
        query(
            db_url, "UPDATE hitl.runs SET lease_until = now() - interval '1 second'"
        )  # the lease has lapsed
        with WorkerProcess(db_url, graph("slow"), options=QUICK) as other:
            other.says("its worker is gone")
            (tmp_path / "go").touch()
            until(lambda: ran(tmp_path, "third"), "the other goes on")
            first.send(signal.SIGCONT)
            until(lambda: any("taken over" in line for line in first.said), "the first is told")
            assert first.end() == 0

    assert len(lines(tmp_path / "sink")) == 1
    assert ran(tmp_path, "third") == 1
    assert desk.show(case.id).status == "applied"


def test_a_worker_ends_in_good_order(db_url: str, desk: SyncDesk, tmp_path: Path) -> None:
    """SIGTERM: the run ends at its next checkpoint, the exit code is 0, and another worker goes on from there."""
    with WorkerProcess(db_url, graph("steps"), options=QUICK).ready() as first:
        desk.start("steps", given(tmp_path), thread_id="t1", by="ana")
        began(tmp_path)
        first.send(signal.SIGTERM)
        first.says("ends, on SIGTERM")
        (tmp_path / "go").touch()
        assert first.process.wait(40) == 0
    assert (ran(tmp_path, "end"), ran(tmp_path, "third")) == (1, 0)
    assert desk.starts.list()[0].status == "running"

    with WorkerProcess(db_url, graph("steps"), options=QUICK):
        until(lambda: done(desk), "another worker ends the run")

    assert [words[0] for words in read_log(tmp_path)] == ["first", "begin", "end", "third"]


def test_a_decided_thread_is_handed_on_in_good_order(db_url: str, desk: SyncDesk, tmp_path: Path) -> None:
    """SIGTERM after the answer: nothing is marked as failed, and the act is done once."""
    with WorkerProcess(db_url, graph("slow"), options=QUICK).ready() as first:
        desk.start("slow", given(tmp_path), thread_id="t1", by="ana")
        case = paused(desk)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        began(tmp_path)
        first.send(signal.SIGTERM)
        first.says("ends, on SIGTERM")
        (tmp_path / "go").touch()
        assert first.process.wait(40) == 0
    assert desk.show(case.id).error is None

    with WorkerProcess(db_url, graph("slow"), options=QUICK):
        until(lambda: ran(tmp_path, "third"), "another worker goes on")

        until(lambda: desk.show(case.id).status == "applied", "the case is closed")

    assert len(lines(tmp_path / "sink")) == 1


def test_a_node_that_does_not_end_keeps_no_worker(db_url: str, desk: SyncDesk, tmp_path: Path) -> None:
    """The time to drain is bounded, and the exit code is 0; the thread is another worker's."""
    with WorkerProcess(db_url, graph("stuck_graph"), options=(*QUICK, "--drain", "0.2")).ready() as first:
        desk.start("stuck_graph", given(tmp_path), thread_id="t1", by="ana")
        began(tmp_path)

        assert first.end(signal.SIGTERM) == 0

        assert any("cut off in the middle" in line for line in first.said)
    [job] = query(db_url, "SELECT status::text, task_name FROM hitl_jobs.procrastinate_jobs")
    assert job == {"status": "todo", "task_name": "start"}


def test_a_second_signal_ends_it_at_once(db_url: str, desk: SyncDesk, tmp_path: Path) -> None:
    """For whoever cannot wait."""
    with WorkerProcess(db_url, graph("stuck_graph"), options=QUICK).ready() as first:
        desk.start("stuck_graph", given(tmp_path), thread_id="t1", by="ana")
        began(tmp_path)
        first.send(signal.SIGINT)
        first.says("ends, on SIGINT")

        def again() -> bool:
            first.send(signal.SIGINT)
            return first.process.poll() is not None

        until(again, "it ends")

    assert first.process.returncode == 128 + signal.SIGINT


def test_the_processes_of_a_test_are_its_own(tmp_path: Path) -> None:
    """What the others are told apart by: the log names the process."""
    from tests.workers.graphs import log

    log(str(tmp_path), "begin", os.getpid())

    assert began(tmp_path) == os.getpid()
