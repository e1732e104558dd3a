"""Deciding from the queue: in one step, and several together; what must not be is refused by the server."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from hitl_graph import ActionClass, Evidence, Owner
from hitl_graph.desk import Case, Desk
from tests.inbox.serving import client, paused
from tests.support.graphs import two_gates_graph

TAG = ActionClass("tag_ticket", reversible=True)
SHARE = ActionClass("share_ticket", reversible=True, touches={"access"})


def pending(db_url: str) -> list[Case]:
    with Desk(db_url) as desk:
        return list(desk.pending())


def statuses(db_url: str) -> dict[str, str]:
    with Desk(db_url) as desk:
        return {f"{case.thread_id} {case.gate}": case.status.value for case in desk.cases()}


def named(case: Case, **changes: str) -> str:
    return json.dumps({"id": case.id, "thread": case.thread_id, "digest": case.digest, **changes})


def approve(http: TestClient, cases: list[Any], key: str = "k") -> Any:
    sent = [one if isinstance(one, str) else named(one) for one in cases]
    return http.post("/queue/bulk", data={"case": sent, "key": key}, headers={"hx-request": "true"})


def act(http: TestClient, what: str, case: Case, **changes: str) -> Any:
    data = {"act": what, "id": case.id, "thread": case.thread_id, "digest": case.digest, **changes}
    return http.post("/queue/act", data=data, headers={"hx-request": "true"})


def test_cases_that_are_alike_are_approved_together(db_url: str) -> None:
    """Each with a decision of its own."""
    paused(db_url, "t1", "t2", "t3", action=TAG)
    with client(db_url) as http:
        answer = approve(http, pending(db_url))
    assert "3 approved" in answer.text and set(statuses(db_url).values()) == {"decided"}


def test_each_of_them_can_be_undone_by_itself(db_url: str) -> None:
    """A result for each, with its undo."""
    paused(db_url, "t1", "t2", action=TAG)
    first, second = pending(db_url)
    with client(db_url) as http:
        approve(http, [first, second])
        assert "Taken back" in act(http, "undo", second).text
    assert statuses(db_url) == {"t1 reply": "decided", "t2 reply": "pending"}


def test_what_is_irreversible_is_never_approved_with_others(db_url: str) -> None:
    """Whatever a page was made to send; and nothing of the rest either."""
    paused(db_url, "t1", action=TAG)
    paused(db_url, "t2")
    with client(db_url) as http:
        answer = approve(http, pending(db_url))
    assert answer.status_code == 422 and set(statuses(db_url).values()) == {"pending"}


@pytest.mark.parametrize(
    "changes",
    [
        {"action": SHARE},
        {"action": TAG, "evidence": lambda _: [Evidence("Customer message", "hid\u200bden")]},
        {"action": TAG, "approvals": 2},
    ],
    ids=["not of low risk", "with a warning", "two people must say yes"],
)
def test_what_needs_a_look_is_not_approved_in_one_step(db_url: str, changes: dict[str, Any]) -> None:
    """Neither alone nor with others."""
    paused(db_url, "t1", **changes)
    with client(db_url) as http:
        assert approve(http, pending(db_url)).status_code == 422
        assert act(http, "approve", pending(db_url)[0]).status_code == 422
        assert 'type="checkbox" id="case' not in http.get("/").text
    assert statuses(db_url) == {"t1 reply": "pending"}


def test_cases_of_two_shapes_are_not_approved_together(db_url: str) -> None:
    """One gate, and two kinds of fields."""
    paused(db_url, "t1", action=TAG)
    other = {"schema": None, "proposal": "refund", "consequence": "Is tagged."}
    paused(db_url, "t2", action=TAG, state={"refund": {"amount": 5}}, **other)
    with client(db_url) as http:
        assert approve(http, pending(db_url)).status_code == 422
    assert set(statuses(db_url).values()) == {"pending"}


def test_at_most_twenty_are_approved_together(db_url: str) -> None:
    """Twenty-one are refused whole."""
    paused(db_url, *(f"t{number}" for number in range(21)), action=TAG)
    with client(db_url) as http:
        cases = pending(db_url)
        assert approve(http, cases).status_code == 422
        assert set(statuses(db_url).values()) == {"pending"}
        assert "20 approved" in approve(http, cases[:20]).text


def test_one_that_is_refused_stops_no_other(db_url: str) -> None:
    """Somebody else is at it; what was shown has changed; it is not there; the rest is done."""
    paused(db_url, "t1", "t2", "t3", action=TAG)
    claimed, stale, good = pending(db_url)
    with Desk(db_url) as desk:
        desk.claim(claimed.id, by="ben", thread_id=claimed.thread_id)
    gone = named(good, id="0" * 32)
    with client(db_url) as http:
        text = approve(http, [claimed, named(stale, digest="old"), good, gone]).text
    assert "1 approved, 3 not" in text and "ben" in text and "no such case" in text
    assert statuses(db_url) == {"t1 reply": "pending", "t2 reply": "pending", "t3 reply": "decided"}


def test_a_form_that_is_sent_twice_decides_once(db_url: str) -> None:
    """The second answer is that of the first."""
    paused(db_url, "t1", "t2", action=TAG)
    cases = pending(db_url)
    with client(db_url) as http:
        answers = [approve(http, cases, key="once"), approve(http, cases, key="once")]
    assert all("2 approved" in answer.text for answer in answers)


def test_who_may_not_decide_this_is_told_so_for_each(db_url: str) -> None:
    """Authority is the desk's."""
    paused(db_url, "t1", action=TAG, owner=Owner("finance"))
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support-leads"])
    with client(db_url) as http:
        assert "not" in approve(http, pending(db_url)).text
    assert statuses(db_url) == {"t1 reply": "pending"}


@pytest.mark.parametrize(
    "sent", [[], ["x"], ["{}"], ["[]"], ['{"id": 1, "thread": 2, "digest": 3}'], ["[" * 100_000], ["null"]]
)
def test_what_names_no_case_is_refused(db_url: str, sent: list[str]) -> None:
    """In words, and not with a fault of ours."""
    with client(db_url) as http:
        assert approve(http, sent).status_code == 422


def test_the_same_case_twice_is_refused(db_url: str) -> None:
    """Nothing is decided."""
    paused(db_url, "t1", action=TAG)
    [case] = pending(db_url)
    with client(db_url) as http:
        assert approve(http, [case, case]).status_code == 422
    assert statuses(db_url) == {"t1 reply": "pending"}


def test_low_risk_is_approved_in_one_step(db_url: str) -> None:
    """And can be undone."""
    paused(db_url, "t1", action=TAG)
    [case] = pending(db_url)
    with client(db_url, undo_s=10) as http:
        answer = act(http, "approve", case)
        assert "Approved" in answer.text and "Undo" in answer.text and "data-countdown" in answer.text
        act(http, "undo", case)
    assert statuses(db_url) == {"t1 reply": "pending"}


def test_money_is_not_approved_in_one_step(db_url: str) -> None:
    """R27."""
    paused(db_url, "t1", graph=two_gates_graph())
    with client(db_url) as http:
        assert {act(http, "approve", case).status_code for case in pending(db_url)} == {422}
    assert set(statuses(db_url).values()) == {"pending"}


def test_a_case_is_claimed_and_given_back_in_one_step(db_url: str) -> None:
    """R34."""
    paused(db_url, "t1")
    with client(db_url) as http:
        act(http, "claim", pending(db_url)[0])
        assert pending(db_url)[0].claimed_by == "ana"
        act(http, "release", pending(db_url)[0])
    assert pending(db_url)[0].claimed_by is None


def test_nothing_is_done_without_the_mark_of_the_session(db_url: str) -> None:
    """CSRF."""
    paused(db_url, "t1", action=TAG)
    [case] = pending(db_url)
    with client(db_url) as http:
        http.headers["x-csrf-token"] = "another"
        assert approve(http, [case]).status_code == 403
        assert act(http, "approve", case).status_code == 403
    assert statuses(db_url) == {"t1 reply": "pending"}


def test_an_auditor_has_no_such_page(db_url: str) -> None:
    """Roles."""
    paused(db_url, "t1", action=TAG)
    with Desk(db_url) as desk:
        desk.people.put("ana", roles=["auditor"])
    with client(db_url) as http:
        assert approve(http, pending(db_url)).status_code == 404
        assert act(http, "approve", pending(db_url)[0]).status_code == 404
    assert statuses(db_url) == {"t1 reply": "pending"}


def test_a_form_without_scripts_gets_a_whole_page(db_url: str) -> None:
    """With the way back."""
    paused(db_url, "t1", action=TAG)
    [case] = pending(db_url)
    with client(db_url) as http:
        answer = http.post("/queue/bulk", data={"case": [named(case)], "key": "k"})
    assert "<html" in answer.text and "Go back to the queue" in answer.text


def test_the_boxes_of_a_page_name_what_was_shown(db_url: str) -> None:
    """What a browser sends is what the row says."""
    paused(db_url, 'odd "thread" <b>', action=TAG)
    with client(db_url) as http:
        found = re.search(r'name="case" value="([^"]*)"', http.get("/").text)
        assert found is not None
        answer = approve(http, [html.unescape(found[1])])
    assert "Approved" in answer.text
