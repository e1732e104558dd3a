"""Deadlines against people and against each other, on connections of their own (I1, I7)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Level, Sla, open_checkpointer
from hitl_graph.desk import Desk
from hitl_graph.errors import DecisionConflict
from hitl_graph.testing import FakeClock

from .waiting import ask

ROUNDS, FEW = 200, 40


@pytest.fixture
def clock(hitl_clock: FakeClock) -> FakeClock:
    return hitl_clock


def ask_many(url: str, sla: Sla, count: int = ROUNDS) -> None:
    """As many threads, paused at the same gate."""
    with open_checkpointer(url) as saver:
        ask(saver, sla, "t0")
        for number in range(1, count):
            saver.copy_thread("t0", f"t{number}")


def counted(url: str, query: str) -> Any:
    with psycopg.connect(url) as conn:
        return conn.execute(query).fetchall()


async def test_a_person_and_expiry_never_both_decide(clock: FakeClock, db_url: str) -> None:
    """approve ∥ expiry: one terminal decision for each case, and who loses is told who won."""
    ask_many(db_url, Sla(4, on_expiry="reject"))
    async with Desk(db_url) as worker, Desk(db_url) as other, Desk(db_url) as people:
        await worker.deadlines.act()
        cases = await people.pending(limit=1000)
        clock.advance(hours=4)
        order = random.Random(7).sample(list(cases), len(cases))  # noqa: S311  # an order to be replayed

        async def decide(case: Any) -> str:
            try:
                await people.decide(
                    case.id, Approve(), by="ana", digest=case.digest, thread_id=case.thread_id
                )
            except DecisionConflict as error:
                return error.by
            return "decided"

        said, *acted = await asyncio.gather(
            asyncio.gather(*(decide(case) for case in order)), worker.deadlines.act(), other.deadlines.act()
        )

    won = said.count("decided")
    assert (len(said), set(said) - {"decided", "system:sla"}) == (ROUNDS, set())
    assert sum(acted) == ROUNDS - won
    by = "SELECT by, count(*) FROM hitl.decisions GROUP BY by"
    told = "SELECT count(*), count(DISTINCT thread_id) FROM hitl.events WHERE type = 'decided'"
    assert dict(counted(db_url, by)) == {
        name: n for name, n in (("ana", won), ("system:sla", ROUNDS - won)) if n
    }
    assert counted(db_url, told) == [(ROUNDS, ROUNDS)]


async def test_workers_share_what_is_due(clock: FakeClock, db_url: str) -> None:
    """Three at once: each case is escalated once, reminded once, planned once."""
    ask_many(db_url, Sla(8, remind=6, ladder=(Level(4, "leads", repeat=2, every_h=1),)), FEW)
    desks = [Desk(db_url, max_size=2) for _ in range(3)]
    for desk in desks:
        await desk.__aenter__()
    try:
        acted = []
        for hours in (0, 2, 2, 1):
            clock.advance(hours=hours)
            acted.append(sum(await asyncio.gather(*(desk.deadlines.act() for desk in desks))))
    finally:
        for desk in desks:
            await desk.__aexit__(None, None, None)

    happened = "SELECT type, count(*), count(DISTINCT thread_id) FROM hitl.events GROUP BY type ORDER BY type"
    planned = "SELECT kind, count(*) FROM hitl.timers GROUP BY kind ORDER BY kind"
    assert acted == [0, FEW, FEW, FEW]
    assert counted(db_url, happened) == [
        (kind, FEW, FEW) for kind in ("asked", "escalated", "reminded", "repeated")
    ]
    assert counted(db_url, planned) == [
        ("escalate", FEW),
        ("expiry", FEW),
        ("reminder", FEW),
        ("repeat", 2 * FEW),
    ]


async def test_a_claim_and_an_escalation_come_one_after_the_other(clock: FakeClock, db_url: str) -> None:
    """A lease of the old group is gone with the case; one that comes after it stands."""
    ask_many(db_url, Sla(4, on_expiry="escalate", escalate_to="managers"), FEW)
    async with Desk(db_url) as worker, Desk(db_url) as people:
        await worker.deadlines.act()
        cases = await people.pending(limit=1000)
        clock.advance(hours=4)
        claims = (people.claim(case.id, by="ana", thread_id=case.thread_id) for case in reversed(cases))
        acted, *_ = await asyncio.gather(worker.deadlines.act(), *claims)

    wrong = """
        SELECT r.thread_id, r.owner, r.level, r.claimed_by, last.type
        FROM hitl.reviews r, LATERAL (
            SELECT e.type FROM hitl.events e
            WHERE e.thread_id = r.thread_id AND e.type IN ('claimed', 'escalated') ORDER BY e.id DESC LIMIT 1) AS last
        WHERE r.owner <> 'managers' OR r.level <> 1 OR (r.claimed_by IS NOT NULL) <> (last.type = 'claimed')
    """
    assert acted == FEW
    assert counted(db_url, wrong) == []


def test_a_worker_killed_before_its_commit_leaves_the_timer_for_another(
    clock: FakeClock, db_url: str
) -> None:
    """kill -9 in the middle: nothing of it happened, and it happens once afterwards."""
    ask_many(db_url, Sla(4, on_expiry="reject"), 1)
    with Desk(db_url) as desk:
        desk.deadlines.act()
        clock.advance(hours=4)

        code = "import sys; from hitl_graph.desk import Desk\nwith Desk(sys.argv[1]) as desk: desk.deadlines.act()"
        killed = subprocess.run(
            [sys.executable, "-c", code, db_url],
            env={**os.environ, "HITL_FAILPOINTS": "timer.before_commit=kill"},
            check=False,
        )
        after = counted(db_url, "SELECT type FROM hitl.events ORDER BY id")
        stands = counted(db_url, "SELECT count(*) FROM hitl.timers WHERE done_at IS NULL")

        acted, deadline = 0, time.monotonic() + 30
        while (
            not acted and time.monotonic() < deadline
        ):  # the server may not have noticed yet that it is gone
            acted = desk.deadlines.act()

    assert killed.returncode == -signal.SIGKILL
    assert (after, stands) == ([("asked",)], [(1,)])
    assert acted == 1
    assert counted(db_url, "SELECT type FROM hitl.events ORDER BY id") == [
        ("asked",),
        ("expired",),
        ("decided",),
    ]


def test_a_worker_killed_while_it_plans_leaves_no_half_plan(clock: FakeClock, db_url: str) -> None:
    """kill -9: the plan is made whole by whoever comes next."""
    ask_many(db_url, Sla(4, remind=(1, 2)), 1)
    code = (
        "import sys; from hitl_graph.desk import Desk\nwith Desk(sys.argv[1]) as desk: desk.deadlines.act()"
    )
    env = {**os.environ, "HITL_FAILPOINTS": "timer.before_commit=kill"}
    subprocess.run([sys.executable, "-c", code, db_url], env=env, check=False)
    halves = counted(db_url, "SELECT count(*) FROM hitl.timers")

    planned, deadline = halves, time.monotonic() + 30
    with Desk(db_url) as desk:
        while planned == [(0,)] and time.monotonic() < deadline:
            desk.deadlines.act()
            planned = counted(db_url, "SELECT count(*) FROM hitl.timers")

    assert (halves, planned) == ([(0,)], [(3,)])
