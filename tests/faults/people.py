"""What actors of a schedule do: people at the desk, workers, deadlines, holds, new input, and time itself."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
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

__all__ = [
    "Doing",
    "deadlines",
    "holder",
    "intruder",
    "prober",
    "reviewer",
    "stranger",
    "time_passes",
    "worker",
]


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
    probe: str | None = None
    """A thread that nobody ever approves."""

    @property
    def all_threads(self) -> list[str]:
        """Those, and the probe."""
        return [*self.threads, *([self.probe] if self.probe else [])]

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
            body = {"body": f"later {number}"}
            with doing.history.op(name, "draft", body=body, **op):
                await desk.drafts.save(case.id, body, **where)
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


async def prober(doing: Doing, process: str) -> None:
    """Run a thread that nobody approves, as a worker, a caller and a replay do; sometimes its case is rejected."""
    dice, own = doing.seeded("prober"), doing.world.processes[process]
    assert doing.probe is not None
    graph = own.graphs[doing.kind]
    for _ in range(dice.randint(1, 3)):
        what = dice.choice(("resume", "again", "replay", "reject"))
        with doing.history.op("prober", what, thread=doing.probe, review=""):
            if what == "resume":
                await own.desk.resume(graph, thread_ids=[doing.probe])
            elif what == "reject":
                for case in await own.desk.pending(thread_id=doing.probe):
                    with doing.history.op("prober", "decide", thread=doing.probe, review=case.id):
                        await own.desk.decide(
                            case.id, Reject(), by="prober", digest=case.digest, thread_id=doing.probe
                        )
            else:
                async with own.desk.lease(doing.probe, wait=False) as lease:
                    if lease is not None and not lease.left_over:
                        where = {"configurable": dict(lease.configurable)}
                        if what == "replay":
                            past = [one async for one in graph.aget_state_history(where)]
                            where["configurable"] |= dice.choice(past).config["configurable"]
                        await graph.ainvoke(None, where)


async def stranger(doing: Doing, process: str) -> None:
    """Of another tenant, and knows every name: nothing that they ask for is there."""
    dice, own = doing.seeded("stranger"), doing.world.processes[process]
    known = "SELECT thread_id, id, digest FROM hitl.reviews WHERE thread_id = ANY (%s) ORDER BY seq"
    for _ in range(dice.randint(2, 5)):
        name, review, digest = dice.choice(doing.world.admin.execute(known, [doing.threads]).fetchall())
        what = dice.choice(("claim", "draft", "decide", "undo", "snooze", "reroute", "retry"))
        where = {"by": "mallory", "thread_id": name}
        calls: dict[str, Callable[[], Any]] = {
            "decide": lambda: own.desk.decide(review, Approve(), digest=digest, **where),  # noqa: B023  # at once
            "draft": lambda: own.desk.drafts.save(review, {"body": "mine"}, **where),  # noqa: B023  # at once
            "snooze": lambda: own.desk.snooze(review, hours=1, **where),  # noqa: B023  # at once
            "reroute": lambda: own.desk.reroute(review, to="us", reason="ours", **where),  # noqa: B023  # at once
        }
        with doing.history.op("mallory", what, thread=name, review=review, tenant=own.desk.tenant):
            await (calls[what]() if what in calls else getattr(own.desk, what)(review, **where))
        assert await own.desk.resume(own.graphs[doing.kind], thread_ids=doing.threads) == []
