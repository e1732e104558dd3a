"""Separation of duties: nobody approves what they had a part in (integrity: no self-approval)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Edit, Reject, all_of
from hitl_graph.errors import AnswerError, DefinitionError, NotAuthorised
from tests.desk.opening import Opened, asked, opened, refund_gate


def author(state: Any) -> str:
    """Who wrote the draft."""
    return str(state["author"])


def test_the_author_does_not_approve(db_url: str, sink: Path) -> None:
    """Not under another spelling either; somebody else does."""
    with opened(db_url, sink, author="Dana", not_by=author) as refund:
        for by in ("Dana", "dana", " DANA "):
            with pytest.raises(NotAuthorised, match="part in what is proposed"):
                refund.decide(by=by)

        assert refund.case.status == "pending"
        assert refund.events == ["asked", *["refused_attempt"] * 3]
        assert refund.decide(by="ana").status == "decided"


def test_the_author_does_not_reject_either(db_url: str, sink: Path) -> None:
    """Deciding is for others, whichever way."""
    with opened(db_url, sink, not_by=["drafter"]) as refund, pytest.raises(NotAuthorised):
        refund.decide(Reject(), by="drafter")


def test_those_who_may_not_decide_are_part_of_what_is_shown() -> None:
    """I4: the digest covers them."""
    state = {"ticket": "x", "author": "dana", "refund": {"to": "a", "amount": 1}}
    request = asked(refund_gate(not_by=author), state)

    assert request.excluded == ("dana",)
    assert request.digest != asked(refund_gate(), state).digest


def test_an_answer_past_the_desk_must_be_somebody_elses(db_url: str, sink: Path) -> None:
    """From the author, or from nobody known, it is refused; the case can still be answered."""
    config = {"configurable": {"thread_id": "t1"}}
    with opened(db_url, sink, not_by=author, author="dana") as refund:
        for answer in ({"type": "approve"}, {"type": "approve", "by": "Dana"}):
            with pytest.raises(Exception, match="by: must name somebody"):
                refund.graph.invoke(Command(resume={refund.id: answer}), config)

        assert (refund.case.status, refund.paid) == ("pending", [])
        refund.graph.invoke(Command(resume={refund.id: {"type": "approve", "by": "ana"}}), config)
        assert refund.paid == ["50"]


def test_nobody_can_be_given_the_case_who_may_not_decide_it(db_url: str, sink: Path) -> None:
    """Reassigning is no way around it."""
    with opened(db_url, sink, not_by=author) as refund, pytest.raises(AnswerError, match="part in"):
        refund.desk.reassign(refund.id, to="drafter", by="ana", reason="x")


@pytest.mark.parametrize("what", ["claim", "take_over_claim", "snooze", "reroute", "reassign"])
def test_the_author_does_not_keep_the_case_from_others(db_url: str, sink: Path, what: str) -> None:
    """Neither by a claim that is renewed for ever nor by a year's sleep, another group or another person."""
    given: dict[str, Any] = {
        "snooze": {"hours": 8000},
        "reroute": {"to": "friends"},
        "reassign": {"to": "eve"},
    }
    with opened(db_url, sink, not_by=author) as refund:
        how = given.get(what, {}) | ({} if what in ("claim", "snooze") else {"reason": "mine"})
        with pytest.raises(NotAuthorised, match="part in what is proposed"):
            getattr(refund.desk, what)(refund.id, by="Drafter", **how)

        assert [case.id for case in refund.desk.pending()] == [refund.id]
        assert (refund.case.claimed_by, refund.case.owner, refund.case.person) == (None, "support", None)


def test_with_four_eyes_an_editor_does_not_approve_their_edit(db_url: str, sink: Path) -> None:
    """I12: the edit is judged again, and another person must say yes."""
    with opened(db_url, sink, four_eyes=True) as refund:
        refund.decide(Edit({"amount": 40}), by="ana")
        refund.resume()
        [again] = refund.desk.pending()

        assert refund.paid == []
        assert again.request is not None
        assert again.request.excluded == ("ana",)
        with pytest.raises(NotAuthorised):
            refund.desk.decide(again.id, approve(), by="ana", digest=again.digest)
        refund.desk.decide(again.id, approve(), by="ben", digest=again.digest)
        refund.resume()
        assert refund.paid == ["40"]


def test_without_four_eyes_an_edit_is_its_authors_approval(refund: Opened) -> None:
    """As before, unless it makes another act of it."""
    refund.decide(Edit({"amount": 40}), by="ana")
    refund.resume()

    assert refund.paid == ["40"]


def test_gates_put_together_keep_the_strictest(db_url: str) -> None:
    """The most approvals, everybody's exclusions, and four eyes where any wants them."""
    one = refund_gate(name="one", approvals=3, not_by=["dana"])
    other = refund_gate(name="other", not_by=["eve"], four_eyes=True)
    both = all_of(one, other)

    request = asked(both, {"ticket": "x", "refund": {"to": "a", "amount": 1}})

    assert (request.approvals, request.excluded, both.four_eyes) == (3, ("dana", "eve"), True)


@pytest.mark.parametrize("not_by", ["dana", [""], [3], 3, None], ids=str)
def test_names_that_are_none_are_refused(not_by: Any) -> None:
    """When the gate is built."""
    with pytest.raises(DefinitionError, match="not_by"):
        refund_gate(not_by=not_by)


@pytest.mark.parametrize("given", [3, [3], [""]], ids=str)
def test_a_function_that_gives_no_names_is_refused(given: Any) -> None:
    """Before anybody is asked: fail closed."""
    gate = refund_gate(not_by=lambda state: given)
    with pytest.raises(DefinitionError, match="not_by"):
        gate.judge({"ticket": "x", "refund": {"to": "a", "amount": 1}})


def approve() -> Any:
    from hitl_graph import Approve

    return Approve()
