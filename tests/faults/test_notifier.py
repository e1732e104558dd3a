"""Nobody can be told: the case is in the inbox all the same, its deadlines go on, and it is told later."""

from __future__ import annotations

from hitl_graph import Approve, Desk, Level, Sla, open_checkpointer
from hitl_graph.notices import deliver
from hitl_graph.testing import FakeClock
from tests.deadlines.waiting import ask
from tests.notices.receivers import free_port, receiving

SLA = Sla(8, ladder=(Level(2, "leads"),), on_expiry="reject")


async def test_a_notifier_that_is_down(db_url: str) -> None:
    """Shown in the inbox, tried again, and escalated on time; back again it hears what still matters, once."""
    port = free_port()
    with FakeClock(db_url) as clock, open_checkpointer(db_url) as saver, receiving() as leads:
        async with Desk(db_url) as desk:
            await desk.notices.put("chat", kind="webhook", address=f"http://127.0.0.1:{port}/hook", by="ops")
            await desk.notices.put("leads", kind="webhook", address=leads.url, owner="leads", by="ops")
            ask(saver, SLA)
            nobody = await deliver(desk)
            shown = [case.owner for case in await desk.pending()]
            await desk.deadlines.act()
            clock.advance(hours=2)
            await desk.deadlines.act()
            told = await deliver(desk)
            [escalated] = await desk.pending()
            waiting = {
                row["event"]: row["attempts"]
                for row in await desk.notices.outbox()
                if row["target"] == "chat"
            }
            clock.advance(hours=1)
            with receiving(port=port) as chat:
                await deliver(desk)
                await deliver(desk)

    assert (nobody, shown) == (0, ["support"])
    assert (told, [one["type"] for one in leads.bodies()]) == (1, ["review.escalated"])
    assert (escalated.owner, escalated.level) == ("leads", 1)
    assert waiting["asked"] == 2
    assert "review.escalated" in [one["type"] for one in chat.bodies()]
    ids = [one["headers"]["webhook-id"] for one in chat.got]
    assert len(ids) == len(set(ids))


async def test_nobody_can_be_told_at_all(db_url: str) -> None:
    """Given up with an alarm, which other targets hear; the case can be decided, and expires on time if it is not."""
    with FakeClock(db_url) as clock, open_checkpointer(db_url) as saver, receiving() as pager:
        async with Desk(db_url) as desk:
            await desk.notices.put(
                "chat", kind="webhook", address=f"http://127.0.0.1:{free_port()}/x", by="ops"
            )
            ask(saver, SLA, "t1")
            ask(saver, SLA, "t2")
            await desk.notices.put("pager", kind="webhook", address=pager.url, events=["alarm"], by="ops")
            await desk.deadlines.act()
            for _ in range(4):
                await deliver(desk, attempts=2)
                clock.advance(hours=1)
            decided = (await desk.pending(thread_id="t1"))[0]
            await desk.decide(decided.id, Approve(), by="ana", digest=decided.digest, thread_id="t1")
            clock.advance(hours=4)
            await desk.deadlines.act()
            cases = {case.thread_id: case.decision_type for case in await desk.cases()}

    assert {one["type"] for one in pager.bodies()} == {"review.alarm"}
    assert cases == {"t1": "approve", "t2": "reject"}
