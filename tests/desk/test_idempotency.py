"""One request, however often it is sent: idempotency keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Edit, Reject
from hitl_graph.desk import Desk
from hitl_graph.errors import AnswerError, DecisionConflict, IdempotencyConflict, StaleReview
from hitl_graph.failpoints import FailpointReached, arm
from tests.desk.opening import Opened, opened


def test_the_same_request_twice_is_one_decision(refund: Opened) -> None:
    """The second gets the same answer as the first."""
    first = refund.decide(by="ana", idempotency_key="k1")

    again = refund.decide(by="ana", idempotency_key="k1")

    assert (again.status, again.by, again.decided_at) == ("decided", "ana", first.decided_at)
    assert refund.events == ["asked", "decided"]


def test_without_a_key_the_second_is_a_conflict(refund: Opened) -> None:
    """Also for the person who decided: they may not know that they did."""
    refund.decide(by="ana")

    with pytest.raises(DecisionConflict, match="ana"):
        refund.decide(by="ana")


def test_the_same_request_after_the_case_has_gone_on(refund: Opened) -> None:
    """The thread has answered meanwhile; the decision is the same one."""
    refund.decide(by="ana", idempotency_key="k1")
    refund.resume()

    again = refund.decide(by="ana", idempotency_key="k1")

    assert (again.status, again.by, again.decision_type) == ("applied", "ana", "approve")
    assert refund.paid == ["50"]


@pytest.mark.parametrize(
    "other",
    [
        {"decision": Reject()},
        {"decision": Edit({"amount": 40})},
        {"by": "ben"},
        {"digest": "sha256:other"},
        {"undo_s": 5},
    ],
    ids=str,
)
def test_another_request_with_the_same_key_is_refused(refund: Opened, other: dict[str, Any]) -> None:
    """Whatever differs; the decision that stands is not touched."""
    refund.decide(by="ana", idempotency_key="k1")

    with pytest.raises(IdempotencyConflict, match="k1"):
        refund.decide(**{"by": "ana", "idempotency_key": "k1", **other})

    assert refund.case.by == "ana"
    assert refund.event("refused_attempt")["what"] == "decide"


def test_the_same_key_for_another_case_is_refused(db_url: str, sink: Path, refund: Opened) -> None:
    """A key is one request of this desk."""
    refund.decide(by="ana", idempotency_key="k1")
    with opened(db_url, sink, thread="t2") as other:
        digest = other.case.digest

        with pytest.raises(IdempotencyConflict):
            other.desk.decide(other.id, Approve(), by="ana", digest=digest, idempotency_key="k1")


def test_a_refused_request_does_not_use_its_key_up(refund: Opened) -> None:
    """Nothing of it was saved: the corrected one may carry it."""
    with pytest.raises(AnswerError):
        refund.decide(Edit({"amount": "a lot"}), by="ana", idempotency_key="k1")
    with pytest.raises(StaleReview):
        refund.decide(by="ana", digest="sha256:other", idempotency_key="k1")

    assert refund.decide(Edit({"amount": 4}), by="ana", idempotency_key="k1").status == "decided"


def test_a_lost_race_does_not_use_the_key_up(refund: Opened) -> None:
    """The transaction that could not take effect took its key with it."""
    refund.desk.claim(refund.id, by="ben")
    with pytest.raises(Exception, match="claimed by ben"):
        refund.decide(by="ana", idempotency_key="k1")
    refund.desk.release(refund.id, by="ben")

    assert refund.decide(Reject(), by="ana", idempotency_key="k1").status == "decided"


def test_eight_times_the_same_at_once_is_one_decision(db_url: str, refund: Opened) -> None:
    """All get the same answer, and none a conflict."""
    digest = refund.case.digest

    async def race() -> list[Any]:
        async with Desk(db_url) as desk:
            same = [
                desk.decide(refund.id, Approve(), by="ana", digest=digest, idempotency_key="k1")
                for _ in range(8)
            ]
            return await asyncio.gather(*same)

    done = asyncio.run(race())
    refund.resume()

    assert {(one.by, one.decided_at) for one in done} == {("ana", refund.case.decided_at)}
    assert refund.events.count("decided") == 1
    assert refund.paid == ["50"]


def test_eight_different_ones_at_once_with_one_key_are_one_decision(db_url: str, refund: Opened) -> None:
    """One wins; for the others the key stands for another request."""
    digest = refund.case.digest

    async def race() -> list[Any]:
        async with Desk(db_url) as desk:
            others = [
                desk.decide(refund.id, Edit({"amount": n}), by="ana", digest=digest, idempotency_key="k1")
                for n in range(1, 9)
            ]
            return await asyncio.gather(*others, return_exceptions=True)

    done = asyncio.run(race())

    assert sorted(type(one).__name__ for one in done) == ["Case", *["IdempotencyConflict"] * 7]
    assert refund.events.count("decided") == 1


@pytest.mark.parametrize(
    ("place", "stands"),
    [("decide.before_commit", False), ("decide.after_commit", True)],
    ids=["before", "after"],
)
def test_a_reply_lost_around_the_commit(refund: Opened, place: str, stands: bool) -> None:
    """Cut before the commit nothing is kept, after it everything; sent again, there is one decision either way."""

    def cut() -> None:
        arm(place, None)
        raise FailpointReached(place)

    arm(place, cut)
    try:
        with pytest.raises(FailpointReached):
            asyncio.run(decide_once(refund))
    finally:
        arm(place, None)
    assert (refund.case.status == "decided") is stands

    asyncio.run(decide_once(refund))
    refund.resume()

    assert refund.events.count("decided") == 1
    assert refund.paid == ["50"]


async def decide_once(refund: Opened) -> None:
    async with Desk(refund.desk.desk._url) as desk:
        case = await desk.show(refund.id)
        await desk.decide(refund.id, Approve(), by="ana", digest=case.digest, idempotency_key="k1")


def test_a_vote_with_a_key_is_one_vote(db_url: str, sink: Path) -> None:
    """Sent again it is not the second person's."""
    with opened(db_url, sink, approvals=2) as refund:
        refund.decide(by="ana", idempotency_key="k1")
        again = refund.decide(by="ana", idempotency_key="k1")

        assert (again.status, len(again.votes)) == ("pending", 1)
        assert refund.events == ["asked", "voted"]


@pytest.mark.parametrize("key", ["", " ", "k" * 201, "a\x00", "\ud800", 3, b"k"], ids=repr)
def test_a_key_that_cannot_be_kept_is_refused(refund: Opened, key: Any) -> None:
    """Nothing was decided."""
    with pytest.raises(AnswerError, match="idempotency_key"):
        refund.decide(by="ana", idempotency_key=key)

    assert refund.case.status == "pending"
