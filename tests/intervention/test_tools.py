"""Gated tools of an agent are acts as well: a hold stops them."""

from __future__ import annotations

from hitl_graph import Approve, Desk, open_checkpointer
from tests.agents.mailing import Mailing
from tests.support.fake_model import call

PAY = call("pay", "p1", amount=3)


def test_a_gated_tool_is_held_and_runs_after_the_release(db_url: str) -> None:
    """R4: approved, held before the call, released: the tool runs, once."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        mailing = Mailing(PAY, "Done.", checkpointer=saver)
        mailing.ask()
        [case] = desk.pending()
        hold = desk.holds.stop("tenant", by="ana", reason="fire")
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        assert desk.resume(mailing.agent) == []

        desk.holds.release(hold.id, by="ana")
        action = desk.holds.pause("action", str(case.action), by="ana", reason="over the limit")
        [held] = desk.resume(mailing.agent)
        done_while_held = list(mailing.done)
        desk.holds.release(action.id, by="ana")
        desk.resume(mailing.agent)

        assert "over the limit" in str(held.error)
        assert done_while_held == []
        assert mailing.done == [("pay", 3)]
