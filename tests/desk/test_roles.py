"""Roles: a reviewer decides, a lead also holds and moves cases, an admin says who may, an auditor looks."""

from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Callable
from typing import Any

import pytest

from hitl_graph import Approve, Desk, Reject
from hitl_graph.desk.authority import Authority
from hitl_graph.errors import AnswerError, NotAuthorised
from tests.desk.opening import Opened


@pytest.fixture
def staffed(refund: Opened) -> Opened:
    """One person of each role, in the group that the refund goes to; the lead is in none."""
    people = refund.desk.people
    people.put("rita", groups=["support"])
    people.put("leo", roles=["lead"])
    people.put("audrey", groups=["support"], roles=["auditor"])
    people.put("adam", groups=["support"], roles=["admin"])
    return refund


DECIDING: dict[str, Callable[[Opened], Any]] = {
    "decide": lambda o: o.decide(by="audrey"),
    "reject": lambda o: o.decide(Reject(), by="audrey"),
    "by webhook": lambda o: o.decide(by="audrey", via="webhook"),
    "claim": lambda o: o.desk.claim(o.id, by="audrey"),
    "take over a claim": lambda o: o.desk.take_over_claim(o.id, by="audrey", reason="mine"),
    "reassign": lambda o: o.desk.reassign(o.id, to="rita", by="audrey", reason="hers"),
    "reroute": lambda o: o.desk.reroute(o.id, to="support", by="audrey", reason="theirs"),
    "snooze": lambda o: o.desk.snooze(o.id, hours=1, by="audrey"),
    "acknowledge": lambda o: o.desk.acknowledge(o.id, by="audrey"),
    "take the thread over": lambda o: o.desk.take_over("t1", by="audrey", reason="mine"),
    "pause": lambda o: o.desk.holds.pause("thread", "t1", by="audrey", reason="wait"),
    "settle an act": lambda o: o.desk.effects.settle("x", happened=True, by="audrey"),
    "change the directory": lambda o: o.desk.people.put("eve", by="audrey"),
    "change authority": lambda o: o.desk.authority.put("refund", group="support", by="audrey"),
    "change codes": lambda o: o.desk.codes.put(kind="reason", code="x", by="audrey"),
    "put a sender": lambda o: o.desk.notices.put_sender("crm", people=["audrey"], by="audrey"),
    "put a target": lambda o: o.desk.notices.put(
        "crm", kind="webhook", address="https://example.com/x", by="audrey"
    ),
    "erase": lambda o: o.desk.audit.erase("t1", by="audrey", reason="x"),
}


@pytest.mark.parametrize("what", DECIDING)
def test_an_auditor_decides_nothing(staffed: Opened, what: str) -> None:
    """Whatever the way; each attempt is kept."""
    before = staffed.case
    with pytest.raises(NotAuthorised, match=r"auditor"):
        DECIDING[what](staffed)
    assert staffed.case.status == "pending"
    assert staffed.case.claimed_by is before.claimed_by
    assert staffed.case.owner == before.owner


def test_an_auditor_whom_a_case_is_given_to_cannot_be(staffed: Opened) -> None:
    """It would wait for nobody."""
    with pytest.raises((AnswerError, NotAuthorised)):
        staffed.desk.reassign(staffed.id, to="audrey", by="rita", reason="hers")
    assert staffed.case.person is None


def test_a_group_of_auditors_is_nobody_who_could_decide(staffed: Opened) -> None:
    """Neither would it."""
    staffed.desk.people.put("otto", groups=["audit"], roles=["auditor"], by="adam")
    with pytest.raises(AnswerError, match="nobody who could decide"):
        staffed.desk.reroute(staffed.id, to="audit", by="rita", reason="theirs")


def test_an_auditor_who_also_reviews_decides(staffed: Opened) -> None:
    """Roles add up."""
    staffed.desk.people.put("audrey", groups=["support"], roles=["auditor", "reviewer"], by="adam")
    assert staffed.decide(by="audrey").by == "audrey"


def test_the_vote_of_who_became_an_auditor_does_not_count(staffed: Opened) -> None:
    """They could not say it now."""
    staffed.desk.decide(staffed.id, Approve(), by="rita", digest=staffed.case.digest, undo_s=60)
    staffed.desk.people.put("rita", groups=["support"], roles=["auditor"], by="adam")
    with pytest.raises(NotAuthorised):
        staffed.desk.undo(staffed.id, by="rita")


@pytest.mark.parametrize("kind", ["pause", "stop"])
def test_where_some_lead_a_reviewer_holds_nothing(staffed: Opened, kind: str) -> None:
    """And releases nothing."""
    hold = getattr(staffed.desk.holds, kind)
    with pytest.raises(NotAuthorised, match="does not lead"):
        hold("tenant", by="rita", reason="wait")
    put = hold("tenant", by="leo", reason="wait")
    with pytest.raises(NotAuthorised, match="does not lead"):
        staffed.desk.holds.release(put.id, by="rita")
    assert not staffed.desk.holds.release(put.id, by="adam").standing


def test_where_nobody_leads_a_reviewer_holds(refund: Opened) -> None:
    """A small team has no leads, and must be able to stop."""
    refund.desk.people.put("rita", groups=["support"])
    put = refund.desk.holds.pause("tenant", by="rita", reason="wait")
    assert not refund.desk.holds.release(put.id, by="rita").standing


def test_a_system_that_is_listed_may_hold(staffed: Opened) -> None:
    """A monitor that finds something wrong waits for no lead."""
    staffed.desk.people.put("monitor", kind="system", by="adam")
    assert staffed.desk.holds.pause("tenant", by="monitor", reason="too many refunds").standing


def test_a_reviewer_takes_a_thread_over_and_hands_it_back(staffed: Opened) -> None:
    """That is a reviewer's work, and no hold of a lead's."""
    staffed.desk.take_over("t1", by="rita", reason="an angry customer")
    assert not staffed.desk.hand_back("t1", by="rita").standing


def test_a_lead_gives_away_what_is_not_theirs(staffed: Opened) -> None:
    """Whatever their groups; a reviewer of no group does not."""
    staffed.desk.people.put("nora", by="adam")
    with pytest.raises(NotAuthorised, match="is not in support"):
        staffed.desk.reassign(staffed.id, to="rita", by="nora", reason="hers")
    assert staffed.desk.reassign(staffed.id, to="rita", by="leo", reason="hers").person == "rita"


def test_a_lead_decides_only_what_is_theirs(staffed: Opened) -> None:
    """To move a case is not to decide it."""
    with pytest.raises(NotAuthorised, match="is not in support"):
        staffed.decide(by="leo")
    with pytest.raises(NotAuthorised, match="is not in support"):
        staffed.desk.claim(staffed.id, by="leo")


@pytest.mark.parametrize("by", ["rita", "leo", "nobody", "operator", "agent:x"])
def test_from_the_first_admin_on_only_admins_change_what_others_may(staffed: Opened, by: str) -> None:
    """Nobody gives themselves more, whether they are listed or not."""
    desk = staffed.desk
    for change in (
        lambda: desk.people.put("rita", groups=["support", "finance"], roles=["admin"], by=by),
        lambda: desk.people.remove("adam", by=by),
        lambda: desk.authority.put("refund", person="rita", by=by),
        lambda: desk.codes.put(kind="reason", code="x", by=by),
        lambda: desk.notices.put_sender("crm", people=["rita"], by=by),
    ):
        with pytest.raises(NotAuthorised):
            change()
    assert desk.people.show("rita").roles == ("reviewer",)


def test_an_agent_is_no_admin(refund: Opened) -> None:
    """Whatever the directory says of it."""
    refund.desk.people.put("bot", kind="agent", roles=["admin"])
    with pytest.raises(NotAuthorised, match="agents do not decide"):
        refund.desk.people.put("eve", roles=["admin"], by="bot")


def test_an_admin_stays(staffed: Opened) -> None:
    """Demoted, made inactive or removed: the last one is none of it."""
    people = staffed.desk.people
    for change in (
        lambda: people.put("adam", groups=["support"], roles=["reviewer"], by="adam"),
        lambda: people.put("adam", groups=["support"], active=False, by="adam"),
        lambda: people.remove("adam", by="adam"),
    ):
        with pytest.raises(AnswerError, match="would leave nobody who is an admin"):
            change()
    assert people.show("adam").roles == ("admin",)
    assert people.show("adam").active


def test_two_admins_do_not_demote_each_other_at_once(refund: Opened, db_url: str) -> None:
    """One of them stays, whoever comes first."""
    names = ["a", "b"]
    for name in names:
        refund.desk.people.put(name, roles=["admin"], by="a" if name == "b" else "operator")

    def demote(by: str, other: str) -> str:
        with Desk(db_url) as desk:
            try:
                desk.people.put(other, roles=["reviewer"], by=by)
            except (AnswerError, NotAuthorised) as error:
                return type(error).__name__
            return "done"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        told = list(pool.map(demote, names, reversed(names)))

    assert sorted(told) in (["AnswerError", "done"], ["NotAuthorised", "done"])
    assert [one.id for one in refund.desk.people.list() if "admin" in one.roles]


def test_roles_that_are_not_said_stay(staffed: Opened) -> None:
    """A script that keeps groups does not take an admin's role by mistake."""
    staffed.desk.people.put("adam", groups=["support", "finance"], by="adam")
    assert staffed.desk.people.show("adam").roles == ("admin",)


@pytest.mark.parametrize("roles", [[], "admin", ["boss"], ["admin", "boss"], None, 7, [["admin"]]])
def test_what_is_no_list_of_roles_is_refused(refund: Opened, roles: Any) -> None:
    """None is none of them: it leaves them as they are."""
    if roles is None:
        assert refund.desk.people.put("ana", roles=None).roles == ("reviewer",)
        return
    with pytest.raises(AnswerError, match="roles"):
        refund.desk.people.put("ana", roles=roles)
    assert list(refund.desk.people.list()) == []


def test_roles_come_in_one_order_and_once(refund: Opened) -> None:
    """However they were said."""
    put = refund.desk.people.put("ana", roles=["admin", "reviewer", "admin"], authority=[Authority("refund")])
    assert put.roles == ("reviewer", "admin")


def test_a_role_is_kept_in_the_log(staffed: Opened) -> None:
    """Who gave it to whom."""
    staffed.desk.audit.seal()
    lines = [json.loads(line) for line in staffed.desk.audit.export()]
    puts = [
        json.loads(line["data"]) for line in lines if (line.get("event") or {}).get("type") == "person_put"
    ]
    assert (puts[-1]["person"], puts[-1]["roles"]) == ("adam", ["admin"])
