"""Approval, rejection by time, takeover, stop and new input at the same moment: each case has exactly one end."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import random
from typing import Any

from hitl_graph import Approve, Desk, Sla, TakeOver, open_checkpointer
from hitl_graph.errors import DeskError
from hitl_graph.testing import FakeClock

from .checker import check
from .evidence import gather
from .graphs import letters, request, thread
from .history import History
from .sink import Sink

THREADS = 30


async def test_of_all_who_would_end_a_case_one_does(db_url: str, sink: Sink) -> None:
    """approve ∥ expiry ∥ cancel ∥ takeover: one decision or none, told to whoever made it; no other acts (I1, I7)."""
    history, names = History(), [f"t{number}" for number in range(THREADS)]
    dice = random.Random(11)  # noqa: S311  # to be replayed
    async with contextlib.AsyncExitStack() as stack:
        clock = stack.enter_context(FakeClock(db_url))
        saver = await stack.enter_async_context(open_checkpointer(db_url, max_size=6))
        ana, bob, carl, tick = [await stack.enter_async_context(Desk(db_url, max_size=3)) for _ in range(4)]
        graph = letters(may_take_over=True, sla=Sla(4, on_expiry="reject")).compile(checkpointer=saver)
        for number, name in enumerate(names):
            await graph.ainvoke(request(sink.path, number), thread(name), durability="exit")
        cases = await ana.pending(limit=100)
        await tick.deadlines.act()
        clock.advance(hours=4)

        async def decides(desk: Desk, by: str, decision: Any) -> None:
            for case in dice.sample(list(cases), THREADS):
                with history.op(by, "decide", thread=case.thread_id, review=case.id):
                    given = {"by": by, "digest": case.digest, "thread_id": case.thread_id}
                    await desk.decide(case.id, decision, **given)

        async def cancels() -> None:
            for name in dice.sample(names, 12):
                if dice.random() < 0.5:
                    await carl.holds.stop("thread", name, by="carl", reason="a mistake", wait_s=0)
                    continue
                async with carl.lease(name, wait=False) as lease:  # or the customer has written again
                    if lease is not None and not lease.left_over:
                        where = {"configurable": lease.configurable}
                        await graph.ainvoke(request(sink.path, 99), where, durability="exit")

        takes = TakeOver(reason="mine")
        await asyncio.gather(
            decides(ana, "ana", Approve()), decides(bob, "bob", takes), cancels(), _expires(tick)
        )
        await ana.resume(graph)
        for hold in await ana.holds.list():
            await ana.holds.release(hold.id, by="carl")
        await ana.resume(graph)

    found = gather(db_url, sink, history)
    assert check(found) == []
    first = {case.id for case in cases}
    assert {r["status"] for r in found.reviews if r["id"] in first} <= {"applied", "superseded"}
    decided = collections.Counter(e["review_id"] for e in found.events if e["type"] == "decided")
    assert set(decided.values()) == {1}
    assert set(sink.counts()) <= {d["review_id"] for d in found.decisions if d["type"] == "approve"}
    assert len({d["by"] for d in found.decisions}) > 1, "nobody was in anybody's way"


async def _expires(desk: Desk) -> None:
    """A few at a time, as many workers would."""
    while await desk.deadlines.act(limit=4):
        pass


async def test_expiry_wins_where_nobody_was_first(db_url: str, sink: Sink) -> None:
    """What came after the time limit is told that the time limit decided, and a takeover of it holds nothing."""
    with FakeClock(db_url) as clock:
        async with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
            graph = letters(may_take_over=True, sla=Sla(4, on_expiry="reject")).compile(checkpointer=saver)
            await graph.ainvoke(request(sink.path), thread("t0"))
            [case] = await desk.pending()
            await desk.deadlines.act()
            clock.advance(hours=4)
            await desk.deadlines.act()
            told = []
            for decision in (Approve(), TakeOver(reason="mine")):
                try:
                    await desk.decide(case.id, decision, by="ana", digest=case.digest)
                except DeskError as error:
                    told.append(str(error))
            await desk.resume(graph)
            holds = await desk.holds.list()

    assert len(told) == 2
    assert all("system:sla" in words for words in told)
    assert (list(holds), sink.acts(), check(gather(db_url, sink))) == ([], [], [])
