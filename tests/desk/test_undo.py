"""Undo is delayed dispatch: before it nothing has gone out, after it is too late (I14)."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Reject, TakeOver, open_checkpointer
from hitl_graph.desk import Desk
from hitl_graph.errors import AnswerError, DeskError, NotAuthorised, ReviewClosed, TooLate
from hitl_graph.testing import FakeClock
from tests.desk.opening import Opened, opened, refund_graph, wait_for_a_lock

Timed = tuple[Opened, FakeClock]


def test_the_thread_is_not_told_within_the_window(timed: Timed) -> None:
    """Nothing is sent before its time, and everything after it."""
    refund, clock = timed

    case = refund.decide(undo_s=10)

    assert case.dispatch_at == clock.now() + dt.timedelta(seconds=10)
    assert refund.resume() == []
    clock.advance(seconds=9)
    assert refund.resume() == []
    assert refund.paid == []
    clock.advance(seconds=1)
    refund.resume()
    assert refund.paid == ["50"]


def test_an_undone_decision_sends_nothing(timed: Timed) -> None:
    """I14: the case waits again, and what was decided stays in its history."""
    refund, clock = timed
    refund.decide(Approve(note="too fast"), by="ana", undo_s=10)

    case = refund.desk.undo(refund.id, by="ana")
    clock.advance(seconds=60)

    assert refund.resume() == []
    assert refund.paid == []
    assert (case.status, case.decision_type, case.by) == ("pending", None, None)
    told = refund.event("undone")
    assert (told["by"], told["decision"]["note"]) == ("ana", "too fast")


def test_after_an_undo_the_case_is_decided_anew(refund: Opened) -> None:
    """As if for the first time."""
    refund.decide(Approve(), by="ana", undo_s=300)
    refund.desk.undo(refund.id, by="ana")

    refund.decide(Reject(), by="ana")
    refund.resume()

    assert refund.paid == []
    assert refund.events == ["asked", "decided", "undone", "decided", "applied"]


def test_after_the_thread_was_told_it_is_too_late(refund: Opened) -> None:
    """I14: said plainly, and nothing is changed."""
    refund.decide(by="ana", undo_s=0)
    refund.resume()

    with pytest.raises(TooLate, match="too late"):
        refund.desk.undo(refund.id, by="ana")

    assert (refund.case.status, refund.paid) == ("applied", ["50"])


def test_too_late_begins_when_the_thread_begins_to_be_told(db_url: str, refund: Opened) -> None:
    """Not when it has answered: the run may be in the middle of the act."""
    refund.decide(by="ana")
    with psycopg.connect(db_url) as conn:
        conn.execute("UPDATE hitl.decisions SET dispatched_at = now() WHERE dispatched_at IS NULL")

    with pytest.raises(TooLate):
        refund.desk.undo(refund.id, by="ana")

    assert refund.case.status == "decided"


def test_an_undo_that_comes_while_the_thread_is_being_told_is_too_late(db_url: str, refund: Opened) -> None:
    """Compare-and-set on both sides: the run has taken the answer and not committed yet when the undo comes."""
    refund.decide(by="ana")
    done: list[BaseException | None] = []

    def undo() -> None:
        try:
            refund.desk.undo(refund.id, by="ana")
            done.append(None)
        except TooLate as error:
            done.append(error)

    with psycopg.connect(db_url) as conn:
        conn.execute("UPDATE hitl.decisions SET dispatched_at = now() WHERE dispatched_at IS NULL")
        undoing = threading.Thread(target=undo)
        undoing.start()
        wait_for_a_lock(db_url)
        conn.commit()
        undoing.join(30)

    assert [type(one) for one in done] == [TooLate]
    assert refund.case.status == "decided"


def test_a_run_that_comes_while_a_decision_is_undone_finds_none(db_url: str, refund: Opened) -> None:
    """The other way round: the undo was first, and nothing goes out."""
    refund.decide(by="ana", undo_s=300)
    with psycopg.connect(db_url) as conn:
        conn.execute("UPDATE hitl.decisions SET dispatch_at = now()")
        conn.commit()
        conn.execute("SELECT FROM hitl.reviews FOR UPDATE")
        undoing = threading.Thread(target=refund.desk.undo, args=(refund.id,), kwargs={"by": "ana"})
        undoing.start()
        wait_for_a_lock(db_url)
        conn.commit()
        undoing.join(30)

    assert refund.resume() == []
    assert (refund.case.status, refund.paid) == ("pending", [])


def test_there_must_be_a_decision_to_undo(refund: Opened) -> None:
    """A pending case has none."""
    with pytest.raises(ReviewClosed, match="no decision"):
        refund.desk.undo(refund.id, by="ana")


def test_others_undo_only_what_they_could_decide(refund: Opened) -> None:
    """Those of the group may, those of another may not, and who has too little authority may not."""
    people = refund.desk.people
    for name, groups in (("ana", ["support"]), ("ben", ["support"]), ("eve", ["warehouse"])):
        people.put(name, groups=groups)
    refund.desk.authority.put("refund", person="ana")
    refund.decide(by="ana", undo_s=300)

    with pytest.raises(NotAuthorised):
        refund.desk.undo(refund.id, by="eve")
    with pytest.raises(NotAuthorised):
        refund.desk.undo(refund.id, by="ben")
    refund.desk.authority.put("refund", person="ben", max_amount=50)

    assert refund.desk.undo(refund.id, by="ben").status == "pending"


def test_whoever_was_sent_away_undoes_nothing(refund: Opened) -> None:
    """Not even their own decision."""
    refund.desk.people.put("ana", groups=["support"])
    refund.decide(by="ana", undo_s=300)
    refund.desk.people.put("ana", groups=["support"], active=False)

    with pytest.raises(NotAuthorised):
        refund.desk.undo(refund.id, by="ana")

    assert refund.case.status == "decided"


@pytest.mark.parametrize("undo_s", [-1, 300.1, float("nan"), float("inf"), True, "10", None], ids=str)
def test_a_window_out_of_range_is_refused(refund: Opened, undo_s: Any) -> None:
    """0 to 300 seconds."""
    with pytest.raises(AnswerError, match="undo_s"):
        refund.decide(undo_s=undo_s)

    assert refund.case.status == "pending"


def test_an_undo_takes_back_ones_own_vote_alone(db_url: str, sink: Path) -> None:
    """The other's yes stands: one more is needed."""
    with opened(db_url, sink, approvals=2) as refund:
        refund.decide(by="ana")
        refund.decide(by="ben", undo_s=300)

        case = refund.desk.undo(refund.id, by="ben")

        assert (case.status, [vote["by"] for vote in case.votes]) == ("pending", ["ana"])
        assert refund.decide(by="cem").status == "decided"


def test_an_undone_takeover_hands_the_thread_back(refund: Opened) -> None:
    """What began with the decision ends with it."""
    refund.decide(TakeOver(), by="ana", undo_s=300)
    assert [hold.kind for hold in refund.desk.holds.list()] == ["takeover"]

    refund.desk.undo(refund.id, by="ana")

    assert refund.desk.holds.list() == []


def test_a_takeover_holds_the_thread_from_the_decision_on(refund: Opened) -> None:
    """R71: in the same transaction, with the reason that was given."""
    refund.decide(TakeOver(note="The customer called."), by="ana")

    [hold] = refund.desk.holds.list()
    assert (hold.scope, hold.value, hold.kind, hold.by) == ("thread", "t1", "takeover", "ana")
    assert hold.reason == "The customer called."


def test_undo_and_resume_at_once_never_both(db_url: str, sink: Path) -> None:
    """I14: in each of the threads either the undo or the payment, whoever was faster."""
    names = [f"t{number}" for number in range(12)]

    async def race() -> list[Any]:
        async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
            graph = refund_graph().compile(checkpointer=checkpointer)
            for number, name in enumerate(names):
                given = {"ticket": "Broken.", "refund": {"to": "c", "amount": number}, "sink": str(sink)}
                await graph.ainvoke(given, {"configurable": {"thread_id": name}})
            cases = await desk.pending()
            for case in cases:
                await desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=case.thread_id)
            undone = (desk.undo(case.id, by="ana", thread_id=case.thread_id) for case in cases)
            done = await asyncio.gather(desk.resume(graph, concurrency=2), *undone, return_exceptions=True)
            return done[1:]

    done = asyncio.run(race())

    paid = {int(line) for line in sink.read_text().split()} if sink.exists() else set()
    late = {number for number, one in enumerate(done) if isinstance(one, DeskError)}
    assert {type(one) for one in done if isinstance(one, Exception)} <= {TooLate}
    assert paid == late


def test_a_no_is_undone_by_another_only_with_the_authority_for_the_yes(refund: Opened) -> None:
    """It opens the way to what it stood against."""
    for name in ("ana", "ben", "cem"):
        refund.desk.people.put(name, groups=["support"])
    refund.desk.authority.put("refund", person="ana", max_amount=40)
    refund.desk.authority.put("refund", person="cem", max_amount=100)
    refund.decide(Reject(), by="ben", undo_s=300)

    with pytest.raises(NotAuthorised, match="up to 40, and this is about 50"):
        refund.desk.undo(refund.id, by="ana")

    assert refund.case.status == "decided"
    assert refund.desk.undo(refund.id, by="cem").status == "pending"
