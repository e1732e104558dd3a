"""What dead processes and absent workers leave behind: found, put in the queue, and told (I2, I6)."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.desk.findings import Finding
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import NotAuthorised
from hitl_graph.testing import FakeClock
from hitl_graph.workers.jobs import prepare_jobs
from tests.reconcile.stuck import begin, events, execute, found, kinds, unkeyed_graph
from tests.support.graphs import lines, mail_graph

ROOT = Path(__file__).parents[2]
RESUME = """
import sys
from hitl_graph import Desk, open_checkpointer
from tests.reconcile.stuck import unkeyed_graph
with open_checkpointer(sys.argv[1]) as checkpointer, Desk(sys.argv[1]) as desk:
    desk.resume(unkeyed_graph().compile(checkpointer=checkpointer))
"""


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    """The desk of the test's database."""
    with Desk(db_url) as opened:
        yield opened


def decided(url: str, sink: Path, desk: SyncDesk, builder: object = None) -> str:
    """A thread whose case is approved, and nobody has told it; the case's id."""
    begin(url, sink, builder or mail_graph())
    [case] = desk.pending()
    desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    return case.id


def killed(url: str, failpoint: str) -> None:
    """A process that resumes what is decided, and dies by -9 at a named place."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HITL_FAILPOINTS": f"{failpoint}=kill"}
    done = subprocess.run([sys.executable, "-c", RESUME, url], env=env, check=False)
    assert done.returncode == -signal.SIGKILL


def found_at_last(desk: SyncDesk, kind: str) -> list[Finding]:
    """What is found once the server has noticed that the dead process's connections are gone."""
    deadline = time.monotonic() + 30
    while kind not in kinds(desk):
        assert time.monotonic() < deadline, kinds(desk)
    return found(desk)


def jobs(url: str) -> list[str]:
    """The threads for which a job waits."""
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT args ->> 'thread_id' FROM hitl_jobs.procrastinate_jobs").fetchall()
    return [row[0] for row in rows]


def test_a_decision_that_nobody_takes_up_raises_one_alarm(db_url: str, sink: Path) -> None:
    """Not before a minute of the database's clock, and once for the decision, however often it is looked at (I6)."""
    with FakeClock(db_url) as clock, Desk(db_url) as desk:
        id_ = decided(db_url, sink, desk)
        clock.advance(seconds=59)
        desk.reconcile()
        early = events(db_url, "alarm")
        clock.advance(seconds=2)
        desk.reconcile()
        desk.reconcile()

        [alarm] = events(db_url, "alarm")
        finding = desk.findings()[0]
        assert early == []
        assert (alarm["event"], alarm["by"]) == ("decided_not_resumed", "system:reconcile")
        assert "ana" in alarm["because"]
        assert (finding.kind.value, finding.review_id) == ("decided_not_resumed", id_)
        assert (finding.needs_person, finding.fix[:17]) == (True, "hitl-graph worker")


def test_what_waits_for_its_time_or_is_held_is_no_finding(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """An undo window is kept, and a hold is somebody's word."""
    begin(db_url, sink, mail_graph())
    [case] = desk.pending()
    desk.decide(case.id, Approve(), by="ana", digest=case.digest, undo_s=300)
    waiting = kinds(desk)
    execute(db_url, "UPDATE hitl.decisions SET dispatch_at = now()")
    due = kinds(desk)
    desk.holds.pause("thread", "t1", by="ana", reason="wait")

    assert (waiting, due, kinds(desk)) == ([], ["decided_not_resumed"], [])
    assert desk.reconcile(patience_s=0, alarm_s=0) == 0
    assert events(db_url, "alarm") == []


def test_a_decision_without_a_job_gets_one(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Decided before there was a worker: one job, also when several reconcile again and again."""
    decided(db_url, sink, desk)
    prepare_jobs(db_url)

    done = [desk.reconcile(patience_s=0) for _ in range(3)]

    assert done == [1, 0, 0]
    assert jobs(db_url) == ["t1"]
    assert kinds(desk) == ["decided_not_resumed", "no_worker"]


def test_a_run_whose_process_died_is_found_and_taken_over(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Killed after the gate took the answer: the reconciler puts the thread in the queue, and it acts once (I6)."""
    decided(db_url, sink, desk, unkeyed_graph())
    killed(db_url, "resume.after_run")
    before = found_at_last(desk, "run_left_behind")
    prepare_jobs(db_url)

    done = desk.reconcile()
    with open_checkpointer(db_url) as checkpointer:
        desk.resume(unkeyed_graph().compile(checkpointer=checkpointer))

    assert [one.kind.value for one in before] == ["run_left_behind"]
    assert (done, jobs(db_url)) == (1, ["t1"])
    assert len(lines(sink)) == 1
    assert kinds(desk) == ["no_worker"]


def test_an_act_whose_process_died_is_unknown_until_a_person_says(
    db_url: str, sink: Path, desk: SyncDesk
) -> None:
    """Killed between the act and its result: nobody does it again; settled, the thread ends with one act (I2)."""
    id_ = decided(db_url, sink, desk, unkeyed_graph())
    killed(db_url, "effect.acted")
    before = found_at_last(desk, "unknown_effect")
    desk.reconcile()
    after = desk.effects.show(id_).status
    with open_checkpointer(db_url) as checkpointer:
        graph = unkeyed_graph().compile(checkpointer=checkpointer)
        desk.resume(graph)
        still = kinds(desk)
        desk.effects.settle(id_, happened=True, by="ana", note="the mail is there")
        desk.resume(graph)

    assert (before[0].kind.value, "--settle" in before[0].fix) == ("unknown_effect", True)
    assert (after.value, still) == ("unknown", ["unknown_effect"])
    assert len(lines(sink)) == 1
    assert (kinds(desk), desk.show(id_).status.value) == ([], "applied")


def test_two_reconcilers_at_once_do_not_do_it_twice(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """One has the lock, and the other leaves it to it."""
    decided(db_url, sink, desk)
    with psycopg.connect(db_url) as conn:
        conn.execute("SELECT hitl.enter('default')")
        conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('hitl-reconcile:default', 0))")
        meanwhile = desk.reconcile(patience_s=0, alarm_s=0)
        told = events(db_url, "alarm")

    desk.reconcile(patience_s=0, alarm_s=0)

    assert (meanwhile, told) == (0, [])
    assert len(events(db_url, "alarm")) == 1


def test_nothing_of_another_tenant_is_found_or_repaired(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Whoever looks sees their own (I11)."""
    decided(db_url, sink, desk)
    execute(db_url, "DELETE FROM checkpoints")

    with Desk(db_url, tenant="other") as other:
        seen = found(other)
        done = other.reconcile(patience_s=0, alarm_s=0)

    assert (seen, done) == ([], 0)
    assert kinds(desk) == ["row_without_pause"]


def test_all_open_cases_are_looked_at_in_turn(
    db_url: str, sink: Path, desk: SyncDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few at a time, so that it is cheap; after some rounds none is left out."""
    monkeypatch.setattr("hitl_graph.desk.reconcile._SLICE", 1)
    for name in ("a", "b", "c"):
        begin(db_url, sink, mail_graph(), name)
    execute(db_url, "DELETE FROM checkpoints WHERE thread_id = 'c'")

    done = [desk.reconcile() for _ in range(4)]

    assert done == [0, 0, 1, 0]
    assert [case.thread_id for case in desk.pending()] == ["a", "b"]


def test_what_stands_around_the_threads_is_told(db_url: str, sink: Path, desk: SyncDesk) -> None:
    """Overdue timers, given-up messages, unsealed events and failed first runs, each with its command."""
    begin(db_url, sink, mail_graph())
    [case] = desk.pending()
    timer = (
        "INSERT INTO hitl.timers (thread_id, review_id, kind, level, at) "
        "VALUES ('t1', %s, 'expiry', 0, now() - interval '1 hour')"
    )
    execute(db_url, timer, case.id)
    execute(
        db_url,
        "INSERT INTO hitl.outbox (target_id, event_id, event, thread_id, review_id, body, status, error) "
        "VALUES ('mail', 1, 'asked', 't1', 'x', '{}', 'failed', 'said 500')",
    )
    execute(
        db_url,
        "INSERT INTO hitl.starts (thread_id, workflow, input, config, by, status, error, finished_at) "
        "VALUES ('t9', 'mail', '{}', '{}', 'ana', 'failed', 'boom', now())",
    )

    told = desk.findings(alarm_s=0)

    assert [one.kind.value for one in told] == [
        "start_failed",
        "timers_overdue",
        "notices_failed",
        "unsealed",
    ]
    assert all(one.fix.startswith("hitl-graph ") for one in told)


def test_a_first_run_that_no_worker_can_take_is_found(db_url: str, desk: SyncDesk) -> None:
    """A worker lives, and has other graphs: the workflow is named; a run of its queue shows that one has it."""
    prepare_jobs(db_url)
    desk.start("nowhere", {"ticket": "T"}, thread_id="t1", by="ana")
    execute(db_url, "INSERT INTO hitl_jobs.procrastinate_workers DEFAULT VALUES")
    early = desk.findings()
    execute(db_url, "UPDATE hitl.starts SET asked_at = now() - interval '2 minutes'")
    [late] = desk.findings()
    execute(f"{db_url}&options=-csearch_path%3Dhitl_jobs", "UPDATE procrastinate_jobs SET status = 'doing'")

    assert (early, late.kind.value, desk.findings()) == ([], "no_worker", [])
    assert "1 first run waits for a worker that has the graph nowhere" in late.what


def test_a_first_run_that_no_worker_takes_raises_one_alarm(db_url: str) -> None:
    """After a minute of the database's clock, of the oldest of its workflow, and its notice goes out (I6)."""
    prepare_jobs(db_url)
    began = dt.datetime.now(dt.UTC)  # the queue keeps its own times, which are real
    with FakeClock(db_url, start=began) as clock, Desk(db_url) as desk:
        desk.notices.put("ops", kind="webhook", address="http://127.0.0.1:9/", by="ana", trusted=True)
        first = desk.start("nowhere", {"ticket": "T"}, thread_id="t1", by="ana")
        desk.start("nowhere", {"ticket": "T"}, thread_id="t2", by="ana")
        clock.advance(seconds=59)
        desk.reconcile()
        early = events(db_url, "alarm")
        clock.advance(seconds=60)
        desk.reconcile()
        desk.reconcile()

        [alarm] = events(db_url, "alarm")
        assert early == []
        assert (alarm["event"], alarm["start"], alarm["workflow"]) == ("start_not_begun", first.id, "nowhere")
        assert [(one["event"], one["thread_id"]) for one in desk.notices.outbox()] == [("alarm", "t1")]


def test_a_first_run_that_was_let_go_just_now_raises_no_alarm(db_url: str, desk: SyncDesk) -> None:
    """It was asked for long ago, and its job has only come: the next free worker takes it."""
    prepare_jobs(db_url)
    desk.start("mail", {"ticket": "T"}, thread_id="t1", by="ana")
    execute(db_url, "UPDATE hitl.starts SET asked_at = now() - interval '2 minutes'")

    desk.reconcile()

    assert events(db_url, "alarm") == []


def test_repair_finds_the_thread_of_an_act_by_its_key(db_url: str, desk: SyncDesk) -> None:
    """Also where no case stands behind it."""
    execute(
        db_url,
        "INSERT INTO hitl.effects (key, thread_id, action, by, node, status, idempotent) "
        "VALUES ('t1/send', 't1', 'send', 'ana', 'send', 'unknown', false)",
    )

    assert desk.locate("t1/send") == ("t1", None)


@pytest.mark.parametrize("repair", ["reopen", "set_aside", "run_on"])
def test_no_agent_repairs(db_url: str, sink: Path, desk: SyncDesk, repair: str) -> None:
    """What takes an answer back or runs a thread on is for people; the attempt is an event."""
    id_ = decided(db_url, sink, desk)
    calls: dict[str, Callable[[], Any]] = {
        "reopen": lambda: desk.reopen(id_, by="agent:x", reason="mine"),
        "set_aside": lambda: desk.set_aside(id_, by="agent:x", reason="mine"),
        "run_on": lambda: desk.run_on(None, "t1", by="agent:x"),
    }

    with pytest.raises(NotAuthorised):
        calls[repair]()

    assert desk.show(id_).status == "decided"
    assert [one["by"] for one in events(db_url, "refused_attempt")] == ["agent:x"]
