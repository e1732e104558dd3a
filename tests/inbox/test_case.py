"""What the page of a case shows, over HTTP."""

from __future__ import annotations

import html
import re
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk, Edit, Evidence, Reject, Sla, open_checkpointer
from hitl_graph.desk.connected import SQL
from hitl_graph.reviews import Turn, Versions
from tests.inbox.cases import KINDS, address, ask, change, foreign, form_of, the_case
from tests.inbox.serving import client, paused
from tests.support.graphs import mail_graph


def _page(db_url: str, case: Any) -> str:
    with client(db_url) as http:
        answer = http.get(address(case))
    assert answer.status_code == 200
    text: str = answer.text
    return text


def _plain(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def test_on_top_stand_the_question_why_who_and_by_when(db_url: str) -> None:
    """R11."""
    case = ask(
        db_url,
        why="Every tag is read first.",
        uncertainty=("It may be a joke.",),
        sla=Sla(hours=4, on_expiry="escalate", escalate_to="bosses"),
        blocks=("the first answer",),
    )
    page = _plain(_page(db_url, case))
    told = (
        "Should this happen as it is proposed?",
        "Every tag is read first.",
        "It may be a joke.",
        "support",
    )
    assert [one for one in (*told, "bosses", "the first answer", "3 h 59 min left") if one not in page] == []


def test_the_consequence_is_ours_and_what_cannot_be_undone_is_said(db_url: str) -> None:
    """R23, R27."""
    paused(db_url, "t1")
    page = _page(db_url, the_case(db_url))
    line = re.search(r'<p class="consequence irreversible">(.*?)</p>', page, re.DOTALL)
    assert line is not None
    assert _plain(line[1]) == "Sends an email to ana@example.com. It cannot be taken back. Cannot be undone"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("safe_to_send", "What is proposed"),
        ("choose", "The options"),
        ("verify_value", "The document"),
        ("merge", "The merged record"),
        ("rule", "The proposed rule"),
        ("respond", "Your answer"),
    ],
)
def test_each_kind_of_case_has_its_own_screen(db_url: str, kind: str, says: str) -> None:
    """R13."""
    assert f">{says}</h2>" in _page(db_url, ask(db_url, **KINDS[kind]))


def test_options_stand_with_what_they_lead_to(db_url: str) -> None:
    page = _plain(_page(db_url, ask(db_url, **KINDS["choose"])))
    assert "2 A delivery The letter is about the parcel." in page


def test_values_are_marked_where_the_document_says_them(db_url: str) -> None:
    page = _page(db_url, ask(db_url, **KINDS["verify_value"]))
    marked = dict(re.findall(r'<mark class="place" title="(\w+)">.*?</span>(.*?)</mark>', page))
    assert marked == {"date": "3 March 2026", "total": "1,250.00"}


def test_a_value_that_the_document_does_not_say_is_named(db_url: str) -> None:
    page = _plain(_page(db_url, ask(db_url, **KINDS["verify_value"])))
    assert "“payee” does not stand here as it is proposed." in page


def test_two_records_stand_field_by_field(db_url: str) -> None:
    page = _page(db_url, ask(db_url, **KINDS["merge"]))
    rows = [_plain(row) for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    assert rows == [
        "Field Record 1 Record 2 Proposed",
        "name differs Ana Lima Take this A. Lima Take this Ana Lima",
        "email ana@example.com ana@example.com ana@example.com",
        "phone differs 1 2 left out",
    ]


def test_an_answer_is_written_below_the_whole_conversation(db_url: str) -> None:
    """R68."""
    page = _page(db_url, ask(db_url, **KINDS["respond"]))
    assert '<textarea id="message"' in page
    assert "customer I want a person. assistant I am one!" in _plain(page)


def test_what_the_agent_says_is_boxed_as_its_own(db_url: str) -> None:
    """R26."""
    page = _page(db_url, ask(db_url, **KINDS["respond"]))
    assert '<div class="agent-words">I am one!</div>' in page


def test_hidden_characters_are_written_out(db_url: str) -> None:
    case = ask(db_url, evidence=[Evidence("Message", "pay \u202eeno on\u202c now")])
    assert '<mark class="hidden-character">⟨U+202E⟩</mark>' in _page(db_url, case)


def test_markup_of_others_is_text(db_url: str) -> None:
    nasty = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    case = ask(
        db_url,
        proposal={"label": nasty, nasty: "x"},
        evidence=[Evidence(nasty, nasty, source=nasty, url="javascript:alert(1)")],
        transcript=[Turn(nasty, nasty)],
    )
    page = _page(db_url, case)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page


def test_the_draft_before_stands_beside_the_new_one_as_a_diff(db_url: str) -> None:
    """R25."""
    paused(db_url, "t1")
    case = the_case(db_url)
    with Desk(db_url) as desk, open_checkpointer(db_url) as saver:
        desk.decide(case.id, Reject(reason="tone"), by="ben", digest=case.digest)
        desk.resume(mail_graph().compile(checkpointer=saver))
    page = _page(db_url, the_case(db_url))
    assert "The draft before this one (reject by ben)" in page
    assert "<del>1</del><ins>2</ins>" in page


def test_the_record_that_is_replaced_stands_as_a_diff(db_url: str) -> None:
    record = Evidence("Current record", {"label": "ham", "since": "2024"})
    page = _page(db_url, ask(db_url, evidence=[record]))
    assert "What is different from: Current record" in page
    assert "<del>ham</del><ins>spam</ins>" in page


def test_history_and_versions_stand_below(db_url: str) -> None:
    """R45."""
    case = ask(db_url, versions=Versions(prompt="p-7", policy="pol-2", workflow="w-1"))
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    page = _plain(_page(db_url, case))
    assert [one for one in ("ben claimed it", "p-7", "pol-2", "w-1") if one not in page] == []


def test_who_looks_only_gets_no_form(db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["support"], roles=["auditor"])
        desk.people.put("boss", groups=["support"], roles=["admin"])
    page = _page(db_url, case)
    assert 'name="decision"' not in page
    assert "You cannot decide this case" in page


def test_what_the_desk_refuses_to_a_person_is_said_on_the_page(db_url: str) -> None:
    """R56."""
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.people.put("ana", groups=["others"])
    with client(db_url) as http:
        answer = form_of(http, case).send("approve")
    assert answer.status_code == 403
    assert "Nothing was done: ask somebody who may do this." in answer.text


def test_a_stale_decision_shows_what_is_different_and_keeps_what_was_typed(db_url: str) -> None:
    """The design's conflict with a diff."""
    case = ask(db_url, proposal={"label": "spam"})
    with client(db_url) as http:
        form = form_of(http, case)
        change(db_url, {"label": "ham"})
        answer = form.send("edit", changes__label="eggs", shown=html.unescape(form.hidden("shown")))
    assert answer.status_code == 409
    assert "<del>spam</del><ins>ham</ins>" in answer.text
    assert 'value="eggs"' in answer.text


def test_a_stale_decision_of_somebody_who_typed_nothing_brings_nothing_back(db_url: str) -> None:
    """What was proposed before is not theirs: one more press must not put it in the place of what is proposed now."""
    case = ask(db_url, proposal={"label": "spam", "lines": [{"to": "kim"}]})
    with client(db_url) as http:
        form = form_of(http, case)
        [lines] = re.findall(r'name="changes.lines"[^>]*>([^<]*)</textarea>', form.page)
        change(db_url, {"label": "ham", "lines": [{"to": "mo"}]})
        shown = html.unescape(form.hidden("shown"))
        answer = form.send(
            "approve", changes__label="spam", changes__lines=html.unescape(lines).lstrip(), shown=shown
        )
    assert answer.status_code == 409
    assert "<del>spam</del><ins>ham</ins>" in answer.text
    assert 'value="ham"' in answer.text
    assert 'value="spam"' not in answer.text
    assert "What you change" not in answer.text


def test_a_live_part_says_that_the_case_has_changed(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        answer = http.get(f"/cases/{case.id}/now", params={"thread": "t1", "digest": "sha256:old"})
    assert "This case has changed since you opened it." in answer.text


def test_two_yeses_are_counted(db_url: str) -> None:
    case = ask(db_url, approvals=2)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
    assert "1 of 2 have said yes: ben" in _plain(_page(db_url, case))


def test_an_answer_that_the_gate_refused_stands_there_with_what_was_said(db_url: str) -> None:
    case = ask(db_url, proposal={"label": "spam"})
    with client(db_url) as http:
        form = form_of(http, case)
        shown = form.diffed(changes__label="ham")
        assert form.send("edit", diffed=shown, changes__label="ham").status_code == 303
    params = {
        "thread_id": "t1",
        "ids": [case.id],
        "error": "review of gate 'gate': changes.label: is no label",
    }
    with psycopg.connect(db_url) as conn:
        conn.execute(SQL["reopen"], params)
    page = _page(db_url, case)
    assert re.search(r'class="error" id="f-1-error">“Label” is no label.<', page)
    assert 'value="ham"' in page


BATCH = {
    "action_requests": [
        {"name": "send_email", "args": {"to": "kim", "body": "Hi"}, "description": "Sends it"},
        {"name": "refund", "args": {"amount": 5}},
    ],
    "review_configs": [
        {"action_name": "send_email", "allowed_decisions": ["approve", "edit", "reject"]},
        {"action_name": "refund", "allowed_decisions": ["approve", "reject"]},
    ],
}


def test_several_acts_of_another_program_are_answered_one_by_one(db_url: str) -> None:
    case = foreign(db_url, BATCH)
    with client(db_url) as http:
        form = form_of(http, case)
        told = {
            "act0__decision": "edit",
            "act0__changes__to": "ana",
            "act0__changes__body": "Hi",
            "act1__decision": "reject",
            "act1__words": "too much",
        }
        assert form.send("each", **told).status_code == 422
        assert form.send("each", diffed=form.diffed(**told), **told).status_code == 303
    assert (the_case(db_url).decision or {})["decisions"] == [
        {"type": "edit", "changes": {"to": "ana"}},
        {"type": "reject", "note": "too much"},
    ]


def test_an_act_that_nothing_was_said_about_is_named(db_url: str) -> None:
    case = foreign(db_url, BATCH)
    with client(db_url) as http:
        answer = form_of(http, case).send("each", act0__decision="approve")
    assert answer.status_code == 422
    assert "Say what becomes of it" in answer.text


def test_agent_inbox_asks_like_one_of_ours(db_url: str) -> None:
    asked = {
        "action_request": {"action": "send_email", "args": {"to": "kim"}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_ignore": True, "allow_respond": True},
        "description": "Please send",
    }
    case = foreign(db_url, [asked])
    with client(db_url) as http:
        form = form_of(http, case)
        assert (
            '<section class="agent-words" aria-label="The agent\'s own words">Please send</section>'
            in form.page
        )
        assert form.send("edit", diffed=form.diffed(changes__to="ana"), changes__to="ana").status_code == 303
    assert the_case(db_url).decision == {"type": "edit", "changes": {"to": "ana"}}


def test_a_bare_question_is_answered_in_words(db_url: str) -> None:
    case = foreign(db_url, "How old are you?")
    with client(db_url) as http:
        form = form_of(http, case)
        assert "How old are you?" in form.page
        assert form.send("respond", message="42").status_code == 303
    assert the_case(db_url).decision == {"type": "respond", "message": "42"}


def test_an_unknown_case_is_the_same_404(db_url: str) -> None:
    with client(db_url) as http:
        answers = [http.get("/cases/none"), http.get("/cases/none/now"), http.post("/cases/none/decide")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_looking_changes_nothing(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        for _ in range(5):
            http.get(address(case))
            http.get(address(case, "/now"))
    with Desk(db_url) as desk:
        assert [event["type"] for event in desk.history(case.id)] == ["asked"]


def test_the_form_comes_back_with_an_undone_edit(db_url: str) -> None:
    paused(db_url, "t1")
    case = the_case(db_url)
    with client(db_url) as http, Desk(db_url) as desk:
        desk.decide(case.id, Edit({"body": "It comes on Tuesday."}), by="ana", digest=case.digest, undo_s=10)
        desk.undo(case.id, by="ana")
        assert 'value="It comes on Tuesday."' in http.get(address(case)).text
