"""What actors of a schedule do: people at the desk, workers, deadlines, holds, new input, and time itself."""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any

import psycopg

from hitl_graph import Approve, Edit, Reject
from hitl_graph.desk import Case

from .graphs import request
from .history import History
from .interleave import ACTOR
from .sink import Sink

if TYPE_CHECKING:
    from .scenario import World

__all__ = ["Doing", "deadlines", "holder", "intruder", "reviewer", "time_passes", "worker"]


@dataclasses.dataclass
class Doing:
    """What all actors of one schedule share."""

    world: World
    kind: tuple[int, bool]
    threads: list[str]
    sink: Sink
    history: History
    seed: int
    people: int = 0
    """Reviewers who are still at it."""

    def seeded(self, name: str) -> random.Random:
        """A source for one actor, so that what it does is the same whatever the others do."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311  # seeds are to be replayed


async def reviewer(doing: Doing, process: str, name: str) -> None:
    """Decide a few cases: also twice, also edits, under claims, with and without undo."""
    doing.people += 1
    try:
        await _reviews(doing, process, name)
    finally:
        doing.people -= 1


async def _reviews(doing: Doing, process: str, name: str) -> None:
    dice, desk = doing.seeded(name), doing.world.processes[process].desk
    for number in range(dice.randint(1, 4)):
        cases = [case for t in doing.threads for case in await desk.pending(thread_id=t)]
        if not cases:
            continue
        case = dice.choice(cases)
        where = {"by": name, "thread_id": case.thread_id}
        op = {"thread": case.thread_id, "review": case.id}
        roll = dice.random()
        if roll < 0.15:
            with doing.history.op(name, "claim", **op):
                await desk.claim(case.id, minutes=dice.choice((1, 10)), **where)
        elif roll < 0.22:
            with doing.history.op(name, "draft", **op):
                await desk.drafts.save(case.id, {"body": "later"}, **where)
        elif roll < 0.3:
            with doing.history.op(name, "snooze", **op):
                await desk.snooze(case.id, hours=1, **where)
        else:
            await _decide(doing, desk, name, case, dice, f"{name}-{number}")


async def _decide(doing: Doing, desk: Any, name: str, case: Case, dice: random.Random, key: str) -> None:
    """One decision, sent again where its reply was lost or the button clicked twice; sometimes taken back."""
    where = {"by": name, "thread_id": case.thread_id}
    op = {"thread": case.thread_id, "review": case.id}
    edits = [Edit({"body": f"By {name}"}), Edit({"to": "other@example.com"})]
    decision = dice.choice([Approve(), Approve(), Approve(), Reject(), *edits])
    undo_s = dice.choice((0.0, 0.0, 20.0))
    again = dice.random() < 0.3
    given = {**where, "digest": case.digest, "idempotency_key": key, "undo_s": undo_s}
    for _ in range(3):
        with doing.history.op(name, "decide", key=key, type=decision.type, **op) as told:
            await desk.decide(case.id, decision, **given)
        actor = ACTOR.get()
        if actor is None or actor.dead:
            return
        if told["outcome"] == "unknown":
            await _reconnected(doing, desk)
        elif told["outcome"] == "fail" or not again:
            break
        again = False
    if (undo_s or dice.random() < 0.1) and dice.random() < 0.6:
        with doing.history.op(name, "undo", **op):
            await desk.undo(case.id, **where)


async def _reconnected(doing: Doing, desk: Any) -> None:
    for process in doing.world.processes.values():
        if process.desk is desk:
            await process.restart()


async def worker(doing: Doing, process: str) -> None:
    """Resume whatever is decided while people decide; one whose connection was cut goes on with the next."""
    dice, own = doing.seeded(process), doing.world.processes[process]
    for number in range(60):
        durability = dice.choice(("sync", "async", "exit"))
        try:
            await own.desk.resume(own.graphs[doing.kind], thread_ids=doing.threads, durability=durability)
        except psycopg.Error:
            actor = ACTOR.get()
            if actor is not None and actor.dead:
                raise
            await own.restart()
        if number and not doing.people:
            return


async def time_passes(doing: Doing) -> None:
    """Seconds, minutes, and sometimes hours: leases lapse, undo windows close, cases expire."""
    dice, clock, actor = doing.seeded("time"), doing.world.clock, ACTOR.get()
    assert actor is not None
    for _ in range(dice.randint(2, 8)):
        await actor.before()
        clock.advance(seconds=dice.choice((1, 5, 25, 40, 60, 700, 15_000)))


async def deadlines(doing: Doing, process: str) -> None:
    """Plan and act on deadlines, as a worker's tick does."""
    desk = doing.world.processes[process].desk
    for _ in range(doing.seeded("deadlines").randint(1, 3)):
        await desk.deadlines.act()


async def holder(doing: Doing, process: str) -> None:
    """Hold a thread or an action for a while."""
    dice, desk = doing.seeded("holder"), doing.world.processes[process].desk
    scope, value = dice.choice((("thread", doing.threads[0]), ("action", "post_0")))
    hold = await desk.holds.pause(scope, value, by="lead", reason="a look", wait_s=0)
    if dice.random() < 0.7:
        await desk.holds.release(hold.id, by="lead")


async def intruder(doing: Doing, process: str) -> None:
    """New input for a thread that nobody runs and that nothing was begun of."""
    own = doing.world.processes[process]
    name = doing.threads[0]
    with doing.history.op("intruder", "input", thread=name, review=""):
        async with own.desk.lease(name, wait=False) as lease:
            if lease is not None and not lease.left_over:
                where = {"configurable": lease.configurable}
                await own.graphs[doing.kind].ainvoke(request(doing.sink.path, 9), where)
