"""Who is at a case, and whose it is, on its page, over HTTP."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from hitl_graph import Case, Desk
from tests.inbox.cases import address, ask, form_of, the_case
from tests.inbox.serving import client


def _ask(db_url: str, **gate: Any) -> Case:
    return ask(db_url, allowed=("approve", "reject"), **gate)


def _events(db_url: str, case: Case) -> list[str]:
    with Desk(db_url) as desk:
        return [event["type"] for event in desk.history(case.id)]


def test_claim_and_release(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        assert form.send("", "claim").status_code == 303
        assert the_case(db_url).claimed_by == "ana"
        assert form.send("", "release").status_code == 303
    assert the_case(db_url).claimed_by is None


def test_a_claim_of_somebody_else_is_named(db_url: str) -> None:
    case = _ask(db_url)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    with client(db_url) as http:
        answer = form_of(http, case).send("", "claim")
    assert answer.status_code == 409
    assert "ben is working on this case until" in answer.text


def test_who_is_not_at_it_does_not_decide_over_who_is(db_url: str) -> None:
    case = _ask(db_url)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    with client(db_url) as http:
        answer = form_of(http, case).send("approve")
    assert (answer.status_code, the_case(db_url).status) == (409, "pending")


def test_taking_it_from_somebody_wants_a_reason(db_url: str) -> None:
    """R34."""
    case = _ask(db_url)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    with client(db_url) as http:
        form = form_of(http, case)
        answer = form.send("", "take-claim")
        assert answer.status_code == 422
        assert 'id="take-claim-reason-error"' in answer.text
        assert form.send("", "take-claim", reason="He is away.").status_code == 303
    assert the_case(db_url).claimed_by == "ana"


def test_it_is_given_to_a_person_and_to_a_group(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "reassign", to="ben", reason="He knows.")
        form.send("", "reroute", to="bosses", reason="It is theirs.")
    now = the_case(db_url)
    assert (now.owner, [e for e in _events(db_url, case) if e != "asked"]) == (
        "bosses",
        ["reassigned", "rerouted"],
    )


def test_whom_it_cannot_be_given_to_is_said_beside_the_field(db_url: str) -> None:
    case = _ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"])
    with client(db_url) as http:
        answer = form_of(http, case).send("", "reroute", to="nobody", reason="x")
    assert answer.status_code == 422
    assert 'id="reroute-to-error"' in answer.text


def test_who_can_be_chosen_are_those_who_are_listed(db_url: str) -> None:
    case = _ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"])
        desk.people.put("robot", groups=["robots"], kind="agent")
    with client(db_url) as http:
        page = form_of(http, case).page
    assert '<option value="support">' in page
    assert '<option value="robots">' not in page
    assert '<option value="robot">' not in page


def test_it_is_put_off(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send("", "snooze", hours="4")
    assert the_case(db_url).snoozed_until is not None


@pytest.mark.parametrize("hours", ["", "soon", "-1", "nan", "1e9"])
def test_hours_that_are_none_are_refused(db_url: str, hours: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("", "snooze", hours=hours)
    assert answer.status_code == 422
    assert 'id="snooze-hours-error"' in answer.text


def test_it_is_acknowledged(db_url: str) -> None:
    """R35."""
    case = _ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send("", "acknowledge")
    assert "acknowledged" in _events(db_url, case)


def test_a_sign_of_life_keeps_the_claim(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "claim")
        before = the_case(db_url).claimed_until
        assert form.send("", "here", doing="editing", active="yes").status_code == 204
    after = the_case(db_url).claimed_until
    assert before is not None
    assert after is not None
    assert after > before


def test_a_page_that_nobody_works_at_keeps_no_claim(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "claim")
        form.send("", "here", doing="viewing")
    assert "claim_renewed" not in _events(db_url, case)


def test_who_was_here_and_is_gone_is_not_shown(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url, person="ben") as ben, client(db_url) as ana:
        theirs = form_of(ben, case)
        theirs.send("", "here", doing="editing")
        assert "ben is editing" in ana.get(address(case, "/now")).text
        theirs.send("", "here", doing="gone")
        assert "ben is" not in ana.get(address(case, "/now")).text


def test_who_says_nothing_for_a_while_is_not_shown(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url, person="ben") as ben, client(db_url) as ana:
        form_of(ben, case).send("", "here", doing="viewing")
        with psycopg.connect(db_url) as conn:
            conn.execute("UPDATE hitl.presence SET seen_at = seen_at - interval '1 minute'")
        assert "ben is" not in ana.get(address(case, "/now")).text


def test_a_piece_that_is_none_cannot_be_opened(db_url: str) -> None:
    case = _ask(db_url)
    with client(db_url) as http:
        answers = [form_of(http, case).send("", "opened", number=number) for number in (-1, 1, 99)]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert _events(db_url, case) == ["asked"]


def test_who_looks_only_moves_nothing(db_url: str) -> None:
    case = _ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"], roles=["auditor"])
    with client(db_url) as http:
        form = form_of(http, case)
        tried = [
            form.send("", what, to="ben", reason="x", hours="1")
            for what in (
                "claim",
                "release",
                "take-claim",
                "reassign",
                "reroute",
                "snooze",
                "acknowledge",
                "undo",
            )
        ]
    assert {answer.status_code for answer in tried} == {404}
