"""Deciding on the page of a case, over HTTP."""

from __future__ import annotations

from hitl_graph import Approve, Desk, open_checkpointer
from tests.inbox.cases import PAY, address, ask, form_of, the_case
from tests.inbox.serving import client, paused
from tests.support.graphs import mail_graph

BODY = {"changes__to": "ana@example.com", "changes__body": "It comes on Tuesday."}


def test_approve_decides_and_leads_back_to_the_case(db_url: str) -> None:
    """R51."""
    case = ask(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("approve")
    assert (answer.status_code, answer.headers["location"]) == (303, address(case))
    assert (the_case(db_url).decision_type, the_case(db_url).by) == ("approve", "ana")


def test_a_decision_is_kept_from_its_thread_for_as_long_as_it_can_be_undone(db_url: str) -> None:
    """I14."""
    case = ask(db_url)
    with client(db_url, undo_s=7) as http:
        form_of(http, case).send("approve")
    now = the_case(db_url)
    assert now.dispatch_at is not None and now.decided_at is not None
    assert (now.dispatch_at - now.decided_at).total_seconds() == 7


def test_undo_makes_it_pending_again(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send("approve")
        form_of(http, case).send("", "undo")
    assert the_case(db_url).status == "pending"


def test_after_the_dispatch_undo_says_too_late(db_url: str) -> None:
    """I14."""
    paused(db_url, "t1")
    case = the_case(db_url)
    with client(db_url, undo_s=0) as http:
        form_of(http, case).send("approve")
        with Desk(db_url) as desk, open_checkpointer(db_url) as saver:
            desk.resume(mail_graph().compile(checkpointer=saver))
        answer = form_of(http, case).send("", "undo")
    assert answer.status_code == 409
    assert "too late" in answer.text


def test_an_edit_is_sent_only_after_its_diff_was_shown(db_url: str) -> None:
    """R25."""
    paused(db_url, "t1")
    case = the_case(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("edit", **BODY)
    assert answer.status_code == 422
    assert "<ins>It comes on Tuesday.</ins>" in answer.text
    assert the_case(db_url).status == "pending"


def test_an_edit_whose_diff_was_shown_is_taken(db_url: str) -> None:
    paused(db_url, "t1")
    case = the_case(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        answer = form.send("edit", diffed=form.diffed(**BODY), **BODY)
    assert answer.status_code == 303
    assert (the_case(db_url).decision or {})["changes"] == {"body": "It comes on Tuesday."}


def test_a_diff_that_was_shown_of_other_changes_does_not_count(db_url: str) -> None:
    paused(db_url, "t1")
    case = the_case(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        shown = form.diffed(**BODY)
        answer = form.send("edit", diffed=shown, **{**BODY, "changes__body": "It never comes."})
    assert answer.status_code == 422


def test_approve_does_not_drop_what_was_typed(db_url: str) -> None:
    paused(db_url, "t1")
    case = the_case(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("approve", **BODY)
    assert answer.status_code == 422
    assert the_case(db_url).status == "pending"


def test_reject_wants_a_reason(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("reject")
    assert answer.status_code == 422
    assert 'id="reject-reason-error"' in answer.text


def test_reject_with_a_reason_is_taken(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send("reject", reason="tone", note="too cold")
    assert the_case(db_url).decision == {"type": "reject", "reason": "tone", "note": "too cold"}


def test_where_there_are_codes_a_reason_is_one_of_them(db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.codes.put(kind="reason", code="tone", label="The tone is wrong")
    with client(db_url) as http:
        form = form_of(http, case)
        assert '<option value="tone">The tone is wrong</option>' in form.page
        answer = form.send("reject", reason="weather")
    assert answer.status_code == 422
    assert "choose one of tone" in answer.text


def test_where_there_are_codes_an_edit_says_why(db_url: str) -> None:
    """R19."""
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.codes.put(kind="reason", code="tone")
    with client(db_url) as http:
        form = form_of(http, case)
        shown = form.diffed(changes__label="ham")
        answer = form.send("edit", diffed=shown, changes__label="ham")
        assert answer.status_code == 422
        assert 'id="edit-reason-error"' in answer.text
        assert form.send("edit", diffed=shown, changes__label="ham", reason="tone").status_code == 303


def test_what_no_field_of_the_page_is_about_is_said_on_top(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("reject", reason="x", recurrence="sometimes")
    assert answer.status_code == 422
    assert 'id="case-problem"' in answer.text


def test_a_field_that_the_schema_refuses_is_named_and_what_was_typed_stays(db_url: str) -> None:
    case = ask(db_url, proposal={"amount": 5, "to": "kim"})
    with client(db_url) as http:
        answer = form_of(http, case).send("edit", changes__amount="five", changes__to="ana")
    assert answer.status_code == 422
    assert 'id="f-1-error"' in answer.text
    assert 'value="five"' in answer.text and 'value="ana"' in answer.text


def test_the_same_form_sent_twice_decides_once(db_url: str) -> None:
    """Double click."""
    case = ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        answers = [form.send("approve").status_code for _ in range(2)]
    assert answers == [303, 303]


def test_who_comes_second_is_told_who_won_and_with_what(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        with Desk(db_url) as desk:
            desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        answer = form.send("reject", reason="tone", note="my own words")
    assert answer.status_code == 409
    assert "ben approved it before you" in answer.text
    assert "my own words" in answer.text


def test_a_case_of_high_risk_wants_its_evidence_opened(db_url: str) -> None:
    """R57: enforced by the server."""
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with client(db_url) as http:
        answer = form_of(http, case).send("approve", confirmed="50")
    assert answer.status_code == 422
    assert "Open the evidence first" in answer.text


def test_a_case_of_high_risk_wants_its_amount_typed(db_url: str) -> None:
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "opened", number=0)
        answer = form.send("approve", confirmed="5")
    assert answer.status_code == 422
    assert 'id="confirmed-error"' in answer.text


def test_a_case_of_high_risk_is_approved_with_both(db_url: str) -> None:
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "opened", number=0)
        assert form.send("approve", confirmed="50").status_code == 303


def test_what_was_opened_is_kept_as_an_event(db_url: str) -> None:
    """R46."""
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with client(db_url) as http:
        form = form_of(http, case)
        for _ in range(2):
            form.send("", "opened", number=0)
    with Desk(db_url) as desk:
        opened = [event["data"] for event in desk.history(case.id) if event["type"] == "evidence_opened"]
    assert opened == [{"by": "ana", "digest": case.digest, "number": 0, "through": {"way": "inbox"}}]


def test_what_somebody_else_opened_does_not_count(db_url: str) -> None:
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    with client(db_url, person="ben") as http:
        form_of(http, case).send("", "opened", number=0)
    with client(db_url) as http:
        assert form_of(http, case).send("approve", confirmed="50").status_code == 422


def test_an_edit_confirms_the_amount_as_it_will_be(db_url: str) -> None:
    case = ask(db_url, action=PAY, proposal={"amount": 50, "to": "kim"})
    changed = {"changes__amount": "80", "changes__to": "kim"}
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "opened", number=0)
        shown = form.diffed(**changed)
        assert form.send("edit", diffed=shown, confirmed="50", **changed).status_code == 422
        assert form.send("edit", diffed=shown, confirmed="80", **changed).status_code == 303
