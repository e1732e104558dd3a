"""What somebody is writing at a case, over HTTP."""

from __future__ import annotations

import html

from hitl_graph import Approve, Desk
from tests.inbox.cases import address, ask, change, form_of
from tests.inbox.serving import client


def test_what_is_typed_is_there_again(db_url: str) -> None:
    """I9."""
    case = ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send("", "draft", changes__label="eggs", note="my note")
        page = http.get(address(case)).text
    assert 'value="eggs"' in page
    assert "my note</textarea>" in page


def test_it_is_its_authors_alone(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as ana, client(db_url, person="ben") as ben:
        form_of(ana, case).send("", "draft", changes__label="eggs")
        assert 'value="eggs"' not in ben.get(address(case)).text


def test_it_is_thrown_away_when_its_author_says_so(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "draft", changes__label="eggs")
        form.send("", "draft/drop")
        assert 'value="eggs"' not in http.get(address(case)).text


def test_it_shows_what_it_changes_and_what_is_wrong(db_url: str) -> None:
    case = ask(db_url, proposal={"amount": 5, "to": "kim"})
    with client(db_url) as http:
        form = form_of(http, case)
        right = form.send("", "draft", changes__amount="7", changes__to="kim").text
        wrong = form.send("", "draft", changes__amount="seven", changes__to="kim").text
    assert "<del>5</del><ins>7</ins>" in right
    assert "“Amount” has to be a whole number, such as 12." in wrong


def test_a_draft_of_what_was_asked_before_stays(db_url: str) -> None:
    """I9."""
    case = ask(db_url, proposal={"label": "spam"})
    with client(db_url) as http:
        form_of(http, case).send("", "draft", changes__label="eggs")
        change(db_url, {"label": "ham"})
        page = http.get(address(case)).text
    assert 'value="eggs"' in page
    assert "<del>ham</del><ins>eggs</ins>" in page


def test_after_the_decision_of_another_it_is_still_to_be_read(db_url: str) -> None:
    """I9."""
    case = ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send("", "draft", changes__label="eggs")
        with Desk(db_url) as desk:
            desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        page = http.get(address(case)).text
    assert "What you had written" in page
    assert "eggs" in page


def test_nothing_is_kept_for_a_case_that_waits_for_nobody(db_url: str) -> None:
    case = ask(db_url)
    with client(db_url) as http:
        form = form_of(http, case)
        with Desk(db_url) as desk:
            desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        answer = form.send("", "draft", changes__label="eggs")
    assert "Not saved" in answer.text


def test_where_the_case_changes_only_what_was_typed_comes_back(db_url: str) -> None:
    """A field that nobody touched shows what is proposed now."""
    case = ask(db_url, proposal={"label": "spam", "note": "old"})
    with client(db_url) as http:
        form = form_of(http, case)
        form.send("", "draft", changes__label="eggs", changes__note="old")
        change(db_url, {"label": "ham", "note": "new"})
        page = http.get(address(case)).text
    assert 'value="eggs"' in page
    assert 'value="new"' in page
    assert 'value="old"' not in page


def test_what_is_saved_after_the_change_is_told_apart_by_what_was_shown(db_url: str) -> None:
    case = ask(db_url, proposal={"label": "spam", "note": "old"})
    with client(db_url) as http:
        form = form_of(http, case)
        shown = html.unescape(form.hidden("shown"))
        change(db_url, {"label": "ham", "note": "new"})
        form.send("", "draft", changes__label="eggs", changes__note="old", shown=shown)
        page = http.get(address(case)).text
    assert 'value="eggs"' in page
    assert 'value="new"' in page
