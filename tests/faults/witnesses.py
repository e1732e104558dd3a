"""Small scenes in which one guard, and no other, keeps the peace: each returns what it complains of."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from langgraph.types import Command

from hitl_graph import Approve, Desk, Reject, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import EffectError
from hitl_graph.failpoints import FailpointReached, arm
from hitl_graph.reviews import proposal_digest
from hitl_graph.testing import FakeClock

from .checker import check
from .evidence import gather
from .graphs import letters, request, thread
from .history import History
from .sink import Sink

__all__ = [
    "claimed_in_between",
    "claimed_twice",
    "decided_in_between",
    "forged",
    "killed_after_the_act",
    "late_writer",
    "of_another_tenant",
    "two_workers",
    "undone_in_between",
    "wait_for_lock",
]

WAIT_S = 10.0


@contextlib.contextmanager
def process(url: str, **graph: Any) -> Iterator[tuple[Any, SyncDesk]]:
    """What a process has: a graph on connections of its own, and a desk."""
    with open_checkpointer(url, max_size=4) as saver, Desk(url, max_size=4) as desk:
        yield letters(**graph).compile(checkpointer=saver), desk


@contextlib.contextmanager
def once_at(place: str, hook: Callable[[], None]) -> Iterator[None]:
    """While it is open, the first to pass `place` runs `hook` there."""
    passed = threading.Lock()

    def first() -> None:
        if passed.acquire(blocking=False):
            hook()

    arm(place, first)
    try:
        yield
    finally:
        arm(place, None)


def decided_in_between(url: str, folder: Path) -> list[str]:
    """Between a reviewer's look at a case and their decision, another decides it and its thread goes on."""
    sink, history = Sink(folder / "sink"), History()

    def other() -> None:
        with history.op("bob", "decide", **op):
            second.decide(case.id, Reject(), by="bob", digest=case.digest)
        second.resume(graph)

    with process(url) as (graph, desk), Desk(url) as second:
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        op = {"thread": "t1", "review": case.id}
        with once_at("decide.begun", _on_a_thread(other)), history.op("ana", "decide", **op):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
    return check(gather(url, sink, history)) + _astonished(history)


def undone_in_between(url: str, folder: Path) -> list[str]:
    """Between a reviewer's look at their decision and the undo, a worker begins to carry it out."""
    sink, history = Sink(folder / "sink"), History()
    with process(url) as (graph, desk), Desk(url) as second:
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        op = {"thread": "t1", "review": case.id}
        with history.op("ana", "decide", **op):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        def undo() -> None:
            with history.op("ana", "undo", **op):
                second.undo(case.id, by="ana")

        undoing = threading.Thread(target=undo)
        with psycopg.connect(url) as conn:
            conn.execute("SELECT FROM hitl.reviews FOR UPDATE")
            undoing.start()  # it has looked at the decision, and waits for the case
            wait_for_lock(conn)

            def dispatched() -> None:
                conn.rollback()
                undoing.join(WAIT_S)

            with once_at("resume.before_run", dispatched):
                desk.resume(graph)
    return check(gather(url, sink, history)) + _astonished(history)


def two_workers(url: str, folder: Path) -> list[str]:
    """Two workers find the same decided thread at the same time."""
    sink, running, most = Sink(folder / "sink"), threading.Semaphore(0), [0]
    at_once, lock = [0], threading.Lock()

    def begins() -> None:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        running.release()
        if most[0] < 2:
            second_runs.wait(0.4)
        second_runs.set() if most[0] > 1 else None

    def ends() -> None:
        with lock:
            at_once[0] -= 1

    second_runs = threading.Event()
    with process(url) as (graph, desk), process(url) as (other, second):
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        arm("resume.before_run", begins)
        arm("resume.after_run", ends)
        try:
            first = threading.Thread(target=lambda: desk.resume(graph))
            first.start()
            assert running.acquire(timeout=WAIT_S)
            second.resume(other)
            first.join(WAIT_S)
        finally:
            arm("resume.before_run", None)
            arm("resume.after_run", None)
    found = check(gather(url, sink))
    return [*found, "two runs of one thread at once"] if most[0] > 1 else found


def late_writer(url: str, folder: Path) -> list[str]:
    """A worker is stopped in the middle for longer than its lease, others finish the thread, and it goes on."""
    sink = Sink(folder / "sink")
    stopped, go_on = threading.Event(), threading.Event()

    def stop() -> None:
        stopped.set()
        assert go_on.wait(WAIT_S)

    with (
        FakeClock(url) as clock,
        process(url, again=True) as (graph, desk),
        process(url, again=True) as (other, second),
    ):
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Reject(), by="ana", digest=case.digest)  # it drafts anew, and asks again
        with once_at("test.redraft", stop):
            first = threading.Thread(target=lambda: desk.resume(graph))
            first.start()
            assert stopped.wait(WAIT_S)
            clock.advance(minutes=2)
            for _ in range(2):
                second.resume(other)
                for asked in second.pending():
                    second.decide(asked.id, Approve(), by="ana", digest=asked.digest)
            second.resume(other)
            go_on.set()
            first.join(WAIT_S)
        for asked in second.pending():  # what a person would do with a case that stands there
            second.decide(asked.id, Approve(), by="ana", digest=asked.digest)
        second.resume(other)
        left = other.get_state(thread("t1")).next
    found = check(gather(url, sink))
    found += [f"one letter was posted {len(sink.acts())} times"] if len(sink.acts()) != 1 else []
    return found + (["the thread has gone back to where it had been"] if left else [])


def killed_after_the_act(url: str, folder: Path) -> list[str]:
    """A worker dies between the act and the checkpoint that tells of it; the next one runs the node again."""
    sink = Sink(folder / "sink", idempotent=False)

    def die() -> None:
        raise FailpointReached

    with process(url, idempotent=False) as (graph, desk):
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        with once_at("effect.stored", die), contextlib.suppress(FailpointReached):
            desk.resume(graph, durability="sync")
        desk.resume(graph)
        for failed in desk.cases(status="failed"):
            desk.retry(failed.id, by="ana")
        desk.resume(graph)
    return check(gather(url, sink))


def claimed_twice(url: str, folder: Path) -> list[str]:
    """Two people want to be at one case; the lease of the first lapses, and what they had written stays."""
    sink, history = Sink(folder / "sink"), History()
    with FakeClock(url) as clock, process(url) as (graph, desk):
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        op = {"thread": "t1", "review": case.id}
        with history.op("ana", "claim", **op):
            desk.claim(case.id, by="ana", minutes=10)
        with history.op("ana", "draft", body={"body": "Better"}, **op):
            desk.drafts.save(case.id, {"body": "Better"}, by="ana")
        with history.op("bob", "claim", **op):
            desk.claim(case.id, by="bob", minutes=1)
        with history.op("bob", "draft", body={"body": "Bye"}, **op):
            desk.drafts.save(case.id, {"body": "Bye"}, by="bob")
        clock.advance(minutes=11)
        desk.resume(graph)
        left = check(gather(url, sink, history))
        with history.op("bob", "decide", **op):
            desk.decide(case.id, Approve(), by="bob", digest=case.digest)
        desk.resume(graph)
        found = left + check(gather(url, sink, history))
        drafts = [draft.by for name in ("ana", "bob") for draft in desk.drafts.list(by=name)]
    return found + ([] if drafts == ["ana"] else [f"I9: kept are drafts of {drafts}"])


def claimed_in_between(url: str, folder: Path) -> list[str]:
    """Between a reviewer's look at a case and their decision, another begins to work on it."""
    sink, history = Sink(folder / "sink"), History()
    with process(url) as (graph, desk), Desk(url) as second:
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        op = {"thread": "t1", "review": case.id}

        def claim() -> None:
            with history.op("bob", "claim", **op):
                second.claim(case.id, by="bob")

        with once_at("decide.begun", _on_a_thread(claim)), history.op("ana", "decide", **op):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
    return check(gather(url, sink, history)) + _astonished(history)


def of_another_tenant(url: str, folder: Path) -> list[str]:
    """Somebody of another tenant knows the names of a case and its thread, and tries what there is to try."""
    sink, history = Sink(folder / "sink"), History()
    with process(url) as (graph, desk), Desk(url, tenant="others") as stranger:
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        tries: dict[str, Callable[[], Any]] = {
            "claim": lambda: stranger.claim(case.id, by="mallory"),
            "draft": lambda: stranger.drafts.save(case.id, {"body": "Mine"}, by="mallory"),
            "decide": lambda: stranger.decide(case.id, Approve(), by="mallory", digest=case.digest),
            "undo": lambda: stranger.undo(case.id, by="mallory"),
        }
        for what, attempt in tries.items():
            with history.op("mallory", what, thread="t1", review=case.id, tenant=stranger.desk.tenant):
                attempt()
        stranger.resume(graph)
        with history.op("ana", "decide", thread="t1", review=case.id, tenant=desk.desk.tenant):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
    return check(gather(url, sink, history))


def forged(url: str, folder: Path) -> list[str]:
    """A thread that nobody approves is pushed to its act, with an approval that stands in its state alone."""
    sink = Sink(folder / "sink")
    with process(url) as (graph, desk):
        graph.invoke(request(sink.path), thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Reject(), by="ana", digest=case.digest)
        desk.resume(graph)
        [record] = graph.get_state(thread("t1")).values["reviews"]
        letter = graph.get_state(thread("t1")).values["letter_0"]
        let_through = {**record, "outcome": "approved", "final_digest": proposal_digest("post_0", letter)}
        where = graph.update_state(thread("t1"), {"reviews": [let_through]}, as_node="draft")
        with contextlib.suppress(EffectError):
            graph.invoke(Command(goto="post_0"), where)
    found = gather(url, sink, finished=False)
    found.probes = {"t1"}
    return check(found)


def _on_a_thread(work: Callable[[], None]) -> Callable[[], None]:
    """`work` on a thread of its own, waited for: the place that is passed belongs to a desk's own loop."""

    def hook() -> None:
        one = threading.Thread(target=work)
        one.start()
        one.join(WAIT_S)

    return hook


def wait_for_lock(conn: psycopg.Connection[Any]) -> None:
    """Wait until somebody waits for what this connection has locked."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    deadline = time.monotonic() + WAIT_S
    while conn.execute(waits).fetchone() == (0,):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.005)
        conn.execute("SELECT pg_stat_clear_snapshot()")


def _astonished(history: History) -> list[str]:
    """Nobody who meets no fault may be told an error of the database's."""
    return [f"{op['client']} was told {op['error']}" for op in history.done if op["outcome"] == "unknown"]
