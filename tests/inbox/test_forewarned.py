"""Who may not decide is told so on the case's page before they type, with the rule and with who could."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from hitl_graph import Approve, Case, Desk, Edit, Option
from hitl_graph.desk.authority import Authority
from tests.inbox.cases import KINDS, PAY, address, ask
from tests.inbox.persons import Somebody, office


@pytest.fixture
def http(db_url: str) -> Iterator[TestClient]:
    with Desk(db_url) as desk:
        desk.people.put("boss", groups=["support"], roles=["admin"])
        desk.people.put("ana", groups=["support"], by="boss")
        desk.people.put("ben", groups=["support"], by="boss")
        desk.people.put("aud", groups=["support"], roles=["auditor"], by="boss")
        desk.people.put("zoe", groups=["sales"], by="boss")
    with office(db_url) as made:
        yield made


def page(http: TestClient, name: str, case: Case) -> str:
    """The case as somebody sees it."""
    return Somebody(http, name).get(address(case)).text


def warned(text: str) -> str:
    """What the page says stands against them; empty where it says nothing."""
    found = re.search(r'id="case-standing">(.*?)</p>', text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]+>", "", found[1])).split()) if found else ""


def off(text: str, decision: str) -> bool:
    """Whether the button of a decision can do nothing."""
    [button] = re.findall(rf'<button[^>]*name="decision" value="{decision}"[^>]*>', text)
    return " disabled" in button


def test_who_may_decide_reads_nothing_of_it(http: TestClient, db_url: str) -> None:
    assert warned(page(http, "ana", ask(db_url))) == ""


def test_an_auditor_reads_that_they_only_look_and_who_could(http: TestClient, db_url: str) -> None:
    said = warned(page(http, "aud", ask(db_url)))
    assert said == (
        "You cannot decide this case: aud is an auditor, who looks and decides nothing. ana, ben, boss could."
    )


def test_another_team_reads_whose_it_is_and_gets_no_form(http: TestClient, db_url: str) -> None:
    text = page(http, "zoe", ask(db_url))
    assert warned(text) == "You cannot decide this case: zoe is not in support. ana, ben, boss could."
    assert 'name="decision" value="approve"' not in text
    assert 'id="dialog-reject"' not in text


def test_who_has_a_part_in_it_reads_that_others_must(http: TestClient, db_url: str) -> None:
    """Separation of duties."""
    case = ask(db_url, not_by=["ana"])
    said = warned(page(http, "ana", case))
    assert said.startswith("You cannot decide this case: ana has a part in what is proposed")
    assert said.endswith("ben, boss could.")


def test_an_amount_beyond_them_is_said_and_the_rest_is_left_to_them(http: TestClient, db_url: str) -> None:
    """They may still change it, or reject it."""
    with Desk(db_url) as desk:
        desk.authority.put("refund", group="support", max_amount=20, by="boss")
        desk.people.put("ben", groups=["support"], authority=[Authority("refund")], by="boss")
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    text = page(http, "ana", case)
    assert warned(text) == (
        "You cannot approve this as it is proposed: ana may let “refund” through up to 20, and this is about 50. "
        "ben could. You can still change it, or decide otherwise."
    )
    assert 'id="dialog-reject"' in text


def test_where_nobody_could_it_says_who_can_change_that(http: TestClient, db_url: str) -> None:
    with Desk(db_url) as desk:
        desk.authority.put("refund", group="board", by="boss")
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    assert "Nobody who is listed could" in warned(page(http, "ana", case))


def test_who_has_said_yes_reads_that_another_must_and_may_still_say_something_else(
    http: TestClient, db_url: str
) -> None:
    """Where two have said different things, one of them has to come round."""
    case = ask(db_url, approvals=2)
    with Desk(db_url) as desk:
        desk.decide(case.id, Edit({"label": "ham"}), by="ana", digest=case.digest)
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        text = page(http, "ana", case)
        came_round = desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    assert warned(text) == (
        "ana has said yes: 2 different people must, to the same. boss could. What you say now takes the place of what "
        "you said."
    )
    assert off(text, "approve") is False
    assert came_round.status == "decided"


def test_of_options_those_are_off_that_somebody_may_not_choose(http: TestClient, db_url: str) -> None:
    """By what each lets through, not by what was proposed."""
    with Desk(db_url) as desk:
        desk.authority.put("refund", group="support", max_amount=20, by="boss")
    case = ask(
        db_url,
        kind="choose",
        action=PAY,
        proposal={"amount": "50", "to": "kim"},
        option_field="amount",
        options=(Option("50"), Option("10")),
    )
    text = page(http, "ana", case)
    assert re.findall(r'name="option" value="(\d+)"[^>]*disabled', text) == ["50"]
    assert off(text, "choose") is False
    assert "Not for you: ana may let “refund” through up to 20" in text
    assert warned(text) == ""


def test_where_every_option_is_beyond_them_it_says_so_and_who_could(http: TestClient, db_url: str) -> None:
    with Desk(db_url) as desk:
        desk.authority.put("refund", group="support", max_amount=5, by="boss")
        desk.people.put("ben", groups=["support"], authority=[Authority("refund")], by="boss")
    case = ask(
        db_url,
        kind="choose",
        action=PAY,
        proposal={"amount": "50", "to": "kim"},
        option_field="amount",
        options=(Option("50"), Option("10")),
    )
    text = page(http, "ana", case)
    assert warned(text).startswith("You cannot choose any of these: ana may let “refund” through up to 5")
    assert "ben could." in warned(text)
    assert off(text, "choose") is True


def test_who_decides_in_a_thread_that_is_held_reads_that_it_waits(http: TestClient, db_url: str) -> None:
    """I7, R71."""
    case = ask(db_url)
    before = page(http, "ana", case)
    with Desk(db_url) as desk:
        desk.take_over(case.thread_id, by="ben", reason="I call them.")
    after = page(http, "ana", case)
    assert "case-held" not in before
    assert "Nothing acts in this thread now: taken over by ben: I call them." in html.unescape(after)


def test_what_happens_next_is_said_of_the_proposal_once_it_is_changed(http: TestClient, db_url: str) -> None:
    """The line was rendered for what was proposed: with a new recipient it would not be true."""
    case = ask(db_url, proposal={"to": "kim"}, consequence="Writes to {to}.")
    form = {"thread": case.thread_id, "digest": case.digest, "changes.to": "lee"}
    answer = Somebody(http, "ana").post(f"/cases/{case.id}/draft", data=form).text
    assert "As proposed: Writes to kim. You change “To”." in " ".join(answer.split())


def test_moments_in_a_refusal_are_the_readers_time(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
    form = {"thread": case.thread_id, "digest": case.digest, "decision": "approve"}
    answer = Somebody(http, "ana").post(f"/cases/{case.id}/decide", data=form)
    assert answer.status_code == 409
    assert re.search(r'id="case-problem"[^\n]*<time datetime="20', answer.text)


def test_the_option_that_is_proposed_is_marked(http: TestClient, db_url: str) -> None:
    """R23: the recommendation stands there as one."""
    text = page(http, "ana", ask(db_url, **KINDS["choose"]))
    marked = re.findall(r"<strong>([^<]*)</strong> <span class=\"badge info\">proposed</span>", text)
    assert marked == ["A refund"]
