"""Who is at a case: a lease that lapses by itself, and can be taken over with a reason (R32, R34, I9)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hitl_graph import Reject
from hitl_graph.desk import Desk
from hitl_graph.errors import AnswerError, CaseClaimed, DecisionConflict, NotClaimed
from hitl_graph.testing import FakeClock
from tests.desk.opening import Opened

Timed = tuple[Opened, FakeClock]


def test_a_claim_names_its_holder_and_its_end(timed: Timed) -> None:
    """The lease is ten minutes of the database's clock."""
    refund, clock = timed

    case = refund.desk.claim(refund.id, by="ana")

    assert case.claimed_by == "ana"
    assert case.claimed_until is not None
    assert (case.claimed_until - clock.now()).total_seconds() == 600


def test_a_second_claim_is_refused_with_the_holder(refund: Opened) -> None:
    """R32: and it says how to take over."""
    refund.desk.claim(refund.id, by="ana")

    with pytest.raises(CaseClaimed, match="take it over") as refused:
        refund.desk.claim(refund.id, by="ben")

    assert refused.value.by == "ana"
    assert refund.case.claimed_by == "ana"


def test_nobody_else_decides_a_claimed_case(refund: Opened) -> None:
    """Stricter than advisory (decision 0014): nothing is saved, and the attempt is an event."""
    refund.desk.claim(refund.id, by="ana")

    with pytest.raises(CaseClaimed):
        refund.decide(by="ben")

    assert refund.case.status == "pending"
    assert refund.events == ["asked", "claimed", "refused_attempt"]
    assert refund.event("refused_attempt")["by"] == "ben"


def test_the_holder_decides_and_lets_go(refund: Opened) -> None:
    """The claim ends with the decision; letter case does not make another person of the holder."""
    refund.desk.claim(refund.id, by="ana")

    case = refund.decide(by="Ana")

    assert (case.status, case.claimed_by, case.claimed_until) == ("decided", None, None)


def test_a_lapsed_lease_is_nobodys_and_decides_nothing(timed: Timed) -> None:
    """I9: the case waits as before, and anybody may take it."""
    refund, clock = timed
    refund.desk.claim(refund.id, by="ana")

    clock.advance(minutes=10)

    assert (refund.case.status, refund.case.claimed_by) == ("pending", None)
    assert refund.decide(by="ben").by == "ben"


def test_a_lease_holds_until_its_last_moment(timed: Timed) -> None:
    """A second before the end it is still the holder's."""
    refund, clock = timed
    refund.desk.claim(refund.id, by="ana")

    clock.advance(minutes=9, seconds=59)

    with pytest.raises(CaseClaimed):
        refund.decide(by="ben")


def test_a_heartbeat_renews_the_lease(timed: Timed) -> None:
    """From now on, not from the claim."""
    refund, clock = timed
    refund.desk.claim(refund.id, by="ana")
    clock.advance(minutes=8)

    refund.desk.heartbeat(refund.id, by="ana")
    clock.advance(minutes=9)

    assert refund.case.claimed_by == "ana"


def test_a_heartbeat_brings_no_lapsed_lease_back(timed: Timed) -> None:
    """Somebody may have looked meanwhile: the case must be claimed again."""
    refund, clock = timed
    refund.desk.claim(refund.id, by="ana")
    clock.advance(minutes=11)

    with pytest.raises(NotClaimed):
        refund.desk.heartbeat(refund.id, by="ana")

    assert refund.case.claimed_by is None


def test_a_heartbeat_of_another_is_refused(refund: Opened) -> None:
    """It names the holder."""
    refund.desk.claim(refund.id, by="ana")

    with pytest.raises(CaseClaimed):
        refund.desk.heartbeat(refund.id, by="ben")


def test_a_release_lets_others_at_it(refund: Opened) -> None:
    """And is an event."""
    refund.desk.claim(refund.id, by="ana")

    refund.desk.release(refund.id, by="ana")

    assert refund.desk.claim(refund.id, by="ben").claimed_by == "ben"
    assert refund.events == ["asked", "claimed", "claim_released", "claimed"]


def test_only_the_holder_releases(refund: Opened) -> None:
    """A release by another leaves the claim."""
    refund.desk.claim(refund.id, by="ana")

    with pytest.raises(CaseClaimed):
        refund.desk.release(refund.id, by="ben")

    assert refund.case.claimed_by == "ana"


def test_a_release_of_what_nobody_holds_changes_nothing(refund: Opened) -> None:
    """A second click on the button does no harm."""
    assert refund.desk.release(refund.id, by="ana").claimed_by is None
    assert refund.events == ["asked"]


def test_a_takeover_says_why_and_from_whom(refund: Opened) -> None:
    """R34: the old holder cannot decide any more."""
    refund.desk.claim(refund.id, by="ana")

    case = refund.desk.take_over_claim(refund.id, by="ben", reason="ana is ill")

    assert case.claimed_by == "ben"
    told = refund.event("claim_taken_over")
    assert (told["by"], told["from"], told["reason"]) == ("ben", "ana", "ana is ill")
    with pytest.raises(CaseClaimed):
        refund.decide(by="ana")


@pytest.mark.parametrize("reason", ["", "  ", None], ids=str)
def test_a_takeover_without_a_reason_is_refused(refund: Opened, reason: Any) -> None:
    """The holder keeps it."""
    refund.desk.claim(refund.id, by="ana")

    with pytest.raises(AnswerError, match="reason"):
        refund.desk.take_over_claim(refund.id, by="ben", reason=reason)

    assert refund.case.claimed_by == "ana"


@pytest.mark.parametrize("minutes", [0, 0.5, 481, float("nan"), float("inf"), True, "10", None], ids=str)
def test_a_lease_out_of_range_is_refused(refund: Opened, minutes: Any) -> None:
    """1 to 480 minutes."""
    with pytest.raises(AnswerError, match="minutes"):
        refund.desk.claim(refund.id, by="ana", minutes=minutes)

    assert refund.case.claimed_by is None


def test_a_decided_case_cannot_be_claimed(refund: Opened) -> None:
    """The error names the decision."""
    refund.decide(Reject(), by="ana")

    with pytest.raises(DecisionConflict, match="ana"):
        refund.desk.claim(refund.id, by="ben")


def test_of_eight_who_claim_at_once_one_has_it(db_url: str, refund: Opened) -> None:
    """Compare-and-set: the others are told who."""

    async def race() -> list[Any]:
        async with Desk(db_url) as desk:
            claims = [desk.claim(refund.id, by=f"person {n}") for n in range(8)]
            return await asyncio.gather(*claims, return_exceptions=True)

    done = asyncio.run(race())

    [winner] = [one.claimed_by for one in done if not isinstance(one, Exception)]
    assert [one.by for one in done if isinstance(one, CaseClaimed)] == [winner] * 7
    assert refund.case.claimed_by == winner
    assert refund.events.count("claimed") == 1


def test_a_claim_and_a_decision_of_another_at_once_never_both(db_url: str, refund: Opened) -> None:
    """Either the claim came first and the decision is refused, or the decision stands and the claim is refused."""

    async def race() -> list[Any]:
        async with Desk(db_url) as desk:
            decide = desk.decide(refund.id, Reject(), by="ben", digest=refund_digest)
            done = await asyncio.gather(desk.claim(refund.id, by="ana"), decide, return_exceptions=True)
            return list(done)

    refund_digest = refund.case.digest
    claimed, decided = asyncio.run(race())

    assert isinstance(claimed, Exception) != isinstance(decided, Exception)
    assert refund.case.status == ("decided" if isinstance(claimed, Exception) else "pending")
