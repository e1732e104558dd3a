"""Policy is people's: the directory, the authority and the codes, and slips in them that must not open anything."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph.desk.authority import Authority
from hitl_graph.errors import AnswerError, NotAuthorised
from tests.desk.opening import Opened, opened

CHANGES = {
    "authority.put": lambda desk, by: desk.authority.put("refund", group="support", by=by),
    "authority.remove": lambda desk, by: desk.authority.remove("refund", group="support", by=by),
    "people.remove": lambda desk, by: desk.people.remove("old", by=by),
    "codes.put": lambda desk, by: desk.codes.put(kind="reason", code="fraud", by=by),
    "codes.remove": lambda desk, by: desk.codes.remove(kind="reason", code="tone", by=by),
}


@pytest.mark.parametrize("by", ["bot", "agent:x", "old"])
@pytest.mark.parametrize("change", CHANGES)
def test_no_agent_and_nobody_inactive_changes_a_policy(
    db_url: str, refund: Opened, change: str, by: str
) -> None:
    """integrity: nothing is changed, and the attempt is an event."""
    desk = refund.desk
    desk.authority.put("refund", group="support", max_amount=40)
    desk.codes.put(kind="reason", code="tone")
    desk.people.put("bot", kind="agent")
    desk.people.put("old", groups=["support"], active=False)

    with pytest.raises(NotAuthorised):
        CHANGES[change](desk, by)

    assert [one.max_amount for one in desk.authority.list()] == [Decimal(40)]
    assert [one.code for one in desk.codes.list()] == ["tone"]
    assert [one.id for one in desk.people.list()] == ["bot", "old"]
    with psycopg.connect(db_url) as conn:
        query = "SELECT data ->> 'by' FROM hitl.events WHERE type = 'refused_attempt'"
        assert conn.execute(query).fetchall() == [(by,)]


@pytest.mark.parametrize("change", CHANGES)
def test_who_changes_a_policy_is_a_name(refund: Opened, change: str) -> None:
    """One that can be seen."""
    with pytest.raises(AnswerError, match="by: holds hidden"):
        CHANGES[change](refund.desk, "\u202eana")


@pytest.mark.parametrize("person", ["bot", "agent:x"])
def test_an_agent_is_given_no_authority(refund: Opened, person: str) -> None:
    """It could not use it, and would have it as soon as somebody lists it as a person."""
    refund.desk.people.put("bot", kind="agent")

    with pytest.raises(AnswerError, match="agents let nothing through"):
        refund.desk.authority.put("refund", person=person)
    with pytest.raises(AnswerError, match="agents let nothing through"):
        refund.desk.people.put("bot", kind="agent", authority=[Authority("refund")])

    assert refund.desk.authority.list() == []


@pytest.mark.parametrize("action", ["refund ", "Refund", "REFUND*", " re*"])
def test_a_slip_in_an_action_protects_all_the_same(refund: Opened, action: str) -> None:
    """Fail closed: blanks around it and upper case are no other action."""
    refund.desk.people.put("ana", groups=["support"])
    refund.desk.authority.put(action, group="finance", max_amount=100)

    with pytest.raises(NotAuthorised, match="no authority"):
        refund.decide(by="ana")


def test_an_action_in_other_letters_is_the_same_authority(refund: Opened) -> None:
    """A limit that is lowered is lowered, however the action is written; and it is taken away so."""
    authority = refund.desk.authority
    authority.put("refund", group="support", max_amount=100)
    authority.put("Refund", group="support", max_amount=10)

    assert [one.max_amount for one in authority.list()] == [Decimal(10)]
    assert authority.remove(" REFUND ", group="support")


@pytest.mark.parametrize("action", ["re\u200bfund", "re\u202efund", "", " ", None, 3, "x" * 201])
def test_an_action_that_is_no_name_is_refused(refund: Opened, action: Any) -> None:
    """It would protect nothing."""
    with pytest.raises(AnswerError, match="action"):
        refund.desk.authority.put(action, group="support")

    assert refund.desk.authority.list() == []


def test_blanks_in_the_name_of_a_group_are_the_same_everywhere(refund: Opened) -> None:
    """With people and with authority."""
    refund.desk.people.put("zoe", groups=["support", "the  team"])
    refund.desk.authority.put("refund", group="the  team", max_amount=100)

    assert refund.decide(by="zoe").status == "decided"


@pytest.mark.parametrize(
    "most", [Decimal("sNaN"), Decimal("NaN"), 10**400, 10**5000, Decimal("1e-99")], ids=range(5)
)
def test_an_amount_that_cannot_be_kept_is_named(refund: Opened, most: Any) -> None:
    """Whatever Python makes of it."""
    with pytest.raises(AnswerError, match="max_amount"):
        refund.desk.authority.put("refund", group="support", max_amount=most)


def test_a_code_that_cannot_be_seen_is_refused(refund: Opened) -> None:
    """It would read as another."""
    with pytest.raises(AnswerError, match="code: holds hidden"):
        refund.desk.codes.put(kind="reason", code="a\u202eb")


def test_when_the_last_person_is_removed_anybody_named_may_decide_again(refund: Opened) -> None:
    """Who tried the directory out is not locked out of their own desk; own authority goes along."""
    people = refund.desk.people
    people.put("ana", groups=["support"], authority=[Authority("refund", 40)])
    with pytest.raises(NotAuthorised, match="people add"):
        refund.decide(by="root")

    assert people.remove(" ANA ")
    assert not people.remove("ana")

    assert refund.desk.authority.list() == []
    assert refund.decide(by="root").status == "decided"


def test_the_vote_of_somebody_removed_does_not_count(db_url: str, sink: Path) -> None:
    """As of anybody who may not decide any more."""
    with opened(db_url, sink, approvals=2) as two:
        for name in ("ana", "ben"):
            two.desk.people.put(name, groups=["support"])
        two.decide(by="ana")
        two.desk.people.remove("ana")

        assert two.decide(by="ben").status == "pending"
