"""N of M: several different people must say the same yes (R3, integrity: N of M are distinct people)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Approve, AskInfo, Edit, Evidence, Reject, Sla
from hitl_graph.desk import Desk
from hitl_graph.errors import AnswerError, DecisionConflict, DefinitionError, NotAuthorised, StaleReview
from tests.desk.opening import Opened, asked, opened, refund_gate


@pytest.fixture
def two(db_url: str, sink: Path) -> Iterator[Opened]:
    """A refund that two people must approve."""
    with opened(db_url, sink, approvals=2) as one:
        yield one


def test_one_yes_of_two_decides_nothing(two: Opened) -> None:
    """The case waits on, and shows who has said what."""
    case = two.decide(Approve(note="looked at the photo"), by="ana")

    assert (case.status, case.approvals) == ("pending", 2)
    assert [(vote["by"], vote["decision"]["type"], vote["counts"]) for vote in case.votes] == [
        ("ana", "approve", True)
    ]
    assert two.resume() == []
    assert two.events == ["asked", "voted"]


def test_the_second_person_decides(two: Opened) -> None:
    """Both are named, and the act happens once."""
    two.decide(by="ana")

    case = two.decide(by="ben")
    two.resume()

    assert (case.status, case.by) == ("decided", "ben")
    assert case.identity is not None
    assert [one["id"] for one in case.identity["approvals"]] == ["ana", "ben"]
    assert two.paid == ["50"]


@pytest.mark.parametrize("by", ["ana", "Ana", " ana ", "ANA"])
def test_one_person_is_one_vote(two: Opened, by: str) -> None:
    """However the name is written, and however often they click."""
    two.decide(by="ana")

    two.decide(by=by)

    assert (two.case.status, len(two.case.votes)) == ("pending", 1)
    assert two.events == ["asked", "voted"]


def test_votes_for_different_things_do_not_add_up(two: Opened) -> None:
    """A yes to 50 and a yes to 40 are two opinions; who changes theirs is counted anew."""
    two.decide(Approve(), by="ana")
    two.decide(Edit({"amount": 40}), by="ben")
    assert two.case.status == "pending"

    case = two.decide(Edit({"amount": 40}), by="ana")

    assert (case.status, case.decision_type) == ("decided", "edit")


def test_the_same_edit_in_another_spelling_is_the_same(two: Opened) -> None:
    """Text that comes from a form is a number before it is compared; notes are no part of the content."""
    two.decide(Edit({"amount": 40}, note="half"), by="ana")

    assert two.decide(Edit({"amount": "40"}, reason="cost"), by="ben").status == "decided"


@pytest.mark.parametrize("no", [Reject(), AskInfo("Which order?")], ids=["reject", "ask_info"])
def test_one_no_decides_at_once(two: Opened, no: Any) -> None:
    """Nothing is let through, so one person is enough."""
    two.decide(by="ana")

    assert two.decide(no, by="ben").status == "decided"


def test_a_vote_for_what_was_shown_before_does_not_count(db_url: str, sink: Path) -> None:
    """The case changed after the first yes: two people must say yes to what stands there now."""
    words = ["Broken on arrival."]
    gate = {"evidence": lambda s: [Evidence("Customer message", words[0])]}
    with opened(db_url, sink, approvals=2, **gate) as two:
        old = two.case.digest
        two.decide(by="ana")
        words[0] = "Broken, and late."
        two.graph.invoke(None, {"configurable": {"thread_id": "t1"}})

        with pytest.raises(StaleReview):
            two.decide(by="ben", digest=old)
        assert two.decide(by="ben").status == "pending"
        assert [vote["counts"] for vote in two.case.votes] == [False, True]
        assert two.decide(by="ana").status == "decided"


def test_the_vote_of_somebody_who_may_not_decide_any_more_does_not_count(two: Opened) -> None:
    """Fail closed: they may have been sent away for it."""
    for name in ("ana", "ben", "cem"):
        two.desk.people.put(name, groups=["support"])
    two.decide(by="ana")
    two.desk.people.put("ana", groups=["support"], active=False)

    assert two.decide(by="ben").status == "pending"
    assert two.decide(by="cem").status == "decided"


SENT_AWAY = {
    "moved": lambda desk: desk.people.put("ana", groups=["warehouse"]),
    "limited": lambda desk: desk.authority.put("refund", person="ana", max_amount=10),
    "a system": lambda desk: desk.people.put("ana", groups=["support"], kind="system"),
}


@pytest.mark.parametrize("how", SENT_AWAY)
def test_a_vote_counts_while_its_author_could_say_the_same(two: Opened, how: str) -> None:
    """Fail closed: of the group, with the authority, a person; as it stands when the number is reached."""
    for name in ("ana", "ben", "cem"):
        two.desk.people.put(name, groups=["support"])
        two.desk.authority.put("refund", person=name, max_amount=100)
    two.decide(by="ana")
    SENT_AWAY[how](two.desk)

    assert two.decide(by="ben").status == "pending"
    case = two.decide(by="cem")
    assert case.status == "decided"
    assert [one["id"] for one in (case.identity or {})["approvals"]] == ["ben", "cem"]


def test_eight_who_vote_at_once_decide_once(db_url: str, two: Opened) -> None:
    """I1: two of them make the decision, the others come too late; the payment happens once."""
    digest = two.case.digest

    async def race() -> list[Any]:
        async with Desk(db_url) as desk:
            votes = [desk.decide(two.id, Approve(), by=f"person {n}", digest=digest) for n in range(8)]
            return await asyncio.gather(*votes, return_exceptions=True)

    done = asyncio.run(race())
    two.resume()

    taken = [one for one in done if not isinstance(one, Exception)]
    assert len(taken) == 2
    assert [type(one) for one in done if isinstance(one, Exception)] == [DecisionConflict] * 6
    assert two.events.count("decided") == 1
    assert two.paid == ["50"]


def test_eight_clicks_of_one_person_decide_nothing(db_url: str, two: Opened) -> None:
    """At the same time, over several connections."""
    digest = two.case.digest

    async def race() -> None:
        async with Desk(db_url) as desk:
            await asyncio.gather(*(desk.decide(two.id, Approve(), by="ana", digest=digest) for _ in range(8)))

    asyncio.run(race())

    assert (two.case.status, len(two.case.votes)) == ("pending", 1)


def test_an_answer_past_the_desk_cannot_stand_for_two(two: Opened) -> None:
    """A bare Command is one person at most: the gate refuses it, and the case can still be answered."""
    with pytest.raises(Exception, match="via: must be that of the desk: 2 people"):
        two.graph.invoke(
            Command(resume={two.id: {"type": "approve", "by": "ana"}}), {"configurable": {"thread_id": "t1"}}
        )

    assert two.case.status == "pending"
    assert two.paid == []


def test_a_no_past_the_desk_is_taken(two: Opened) -> None:
    """It lets nothing through."""
    two.graph.invoke(Command(resume={two.id: {"type": "reject"}}), {"configurable": {"thread_id": "t1"}})

    assert two.case.status == "applied"
    assert two.paid == []


def test_the_system_is_nobodys_second_pair_of_eyes(two: Opened) -> None:
    """What two people must approve is not approved by a time limit."""
    with pytest.raises(NotAuthorised):
        two.decide(by="system:sla", via="system")

    assert two.decide(Reject(), by="system:sla", via="system").status == "decided"


def test_a_copied_thread_needs_as_many(two: Opened) -> None:
    """The number is copied with the case."""
    two.graph.checkpointer.copy_thread("t1", "t2")

    assert two.desk.show(two.id, thread_id="t2").approvals == 2


@pytest.mark.parametrize("approvals", [0, -1, 21, True, "2", 1.5, None], ids=str)
def test_a_number_of_approvals_that_is_none_is_refused(approvals: Any) -> None:
    """When the gate is built."""
    with pytest.raises(DefinitionError, match="approvals"):
        refund_gate(approvals=approvals)


def test_the_number_is_part_of_what_is_shown() -> None:
    """I4: the digest covers it."""
    state = {"ticket": "x", "refund": {"to": "a", "amount": 1}}
    digests = {asked(refund_gate(approvals=n), state).digest for n in (1, 2)}

    assert len(digests) == 2


def test_a_vote_that_the_case_does_not_take_is_no_vote(two: Opened) -> None:
    """It is checked as a decision is."""
    with pytest.raises(AnswerError):
        two.decide(Edit({"amount": "a lot"}), by="ana")

    assert two.case.votes == []


def test_a_limit_that_approves_is_no_second_person() -> None:
    """Refused when the gate is built, whatever the act."""
    from hitl_graph import ActionClass

    tag = ActionClass("tag", reversible=True)
    with pytest.raises(DefinitionError, match="sla"):
        refund_gate(action=tag, approvals=2, sla=Sla(hours=1, on_expiry="approve"))
