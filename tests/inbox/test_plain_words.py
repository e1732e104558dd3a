"""What a reviewer reads when something is wrong: plain words on every page, and the desk's own text for programs."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from hitl_graph import Approve, Case, Desk
from hitl_graph.desk.in_process import SQL
from tests.inbox.cases import address, ask, form_of, the_case
from tests.inbox.serving import client

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "send_to": {"type": "string", "pattern": r"^[^@\s]+@[^@\s]+$", "description": "One address"},
        "order_number": {"type": "string", "pattern": "^LK-[0-9]{5}$"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"unit_price": {"type": "number", "minimum": 1}}},
        },
    },
}
STANDS: dict[str, Any] = {
    "send_to": "kim@example.com",
    "order_number": "LK-88102",
    "lines": [{"unit_price": 2}, {"unit_price": 3}],
}
CODE = re.compile(
    r"\^\[|should match|changes\.|take_over_claim|sha256:[0-9a-f]{6}…|desk\.|20\d\d-\d\d-\d\dT\d\d:\d\d"
)
"""What only programmers read, as text of a page."""


def _text(html: str) -> str:
    """What a page says at once, without its markup and what stands behind “All of it”."""
    main = html.partition("<main")[2].partition(">")[2] or html
    main = re.sub(r'<details><summary class="meta">All of it<.*?</details>', " ", main, flags=re.DOTALL)
    return re.sub(r" (?=[.,;:])", "", " ".join(re.sub(r"<[^>]*>", " ", main).split()))


def _ordered(db_url: str) -> Case:
    return ask(db_url, proposal=STANDS, schema=ORDER)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            {"changes__send_to": "kim"},
            "“Send to” has to be an e-mail address, such as name@example.com.",
        ),
        (
            {"changes__order_number": "88102"},
            "“Order number” has to be “LK-”, then 5 digits, such as LK-12345.",
        ),
    ],
)
def test_beside_a_field_stands_what_to_give(db_url: str, typed: dict[str, str], words: str) -> None:
    case = _ordered(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send("edit", **typed)
    assert answer.status_code == 422
    assert f'-error">{words}</p>' in answer.text
    assert not CODE.search(_text(answer.text))


def test_beside_a_field_of_a_row_stands_which_row_it_is(db_url: str) -> None:
    case = _ordered(db_url)
    with client(db_url) as http:
        answer = form_of(http, case).send(
            "edit", **{"changes__lines[]": "0 1", "changes__lines[1]__unit_price": "0"}
        )
    assert '-error">“Unit price” in “Lines 2” must be 1 or more.</p>' in answer.text


def test_what_is_wrong_while_somebody_types_is_said_in_words(db_url: str) -> None:
    case = _ordered(db_url)
    with client(db_url) as http:
        draft = form_of(http, case).send("", "draft", changes__send_to="kim").text
    assert "“Send to” has to be an e-mail address" in draft
    assert not CODE.search(_text(draft))


def test_a_program_is_told_the_rule_as_it_is(db_url: str) -> None:
    case = _ordered(db_url)
    with client(db_url) as http:
        body = {"decision": {"type": "edit", "changes": {"send_to": "kim"}}, "digest": case.digest}
        csrf = re.search(r'name="csrf" value="([^"]+)"', http.get(address(case)).text)
        assert csrf is not None
        url = f"/api/v1/cases/{case.id}/decide"
        answer = http.post(url, json=body, headers={"x-csrf-token": csrf[1]})
    assert answer.status_code == 422
    assert r"should match the pattern ^[^@\s]+@[^@\s]+$" in answer.json()["error"]["problem"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            r"review of gate 'gate': changes.send_to: string should match pattern '^[^@\s]+@[^@\s]+$'",
            "“Send to” has to be an e-mail address, such as name@example.com.",
        ),
        (
            "review of gate 'gate': changes.lines.1.unit_price: input should be greater than or equal to 1",
            "“Unit price” in “Lines 2” must be 1 or more.",
        ),
    ],
)
def test_what_pydantic_had_against_an_answer_is_said_in_words(db_url: str, error: str, words: str) -> None:
    case = _ordered(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    with psycopg.connect(db_url) as conn:
        conn.execute(SQL["reopen"], {"thread_id": "t1", "ids": [case.id], "error": error})
    with client(db_url) as http:
        page, queue = _text(http.get(address(case)).text), _text(http.get("/").text)
    assert words in page
    assert words.partition(", such")[0] in queue
    assert not CODE.search(page + queue)


@pytest.fixture
def http(db_url: str) -> Any:
    """Somebody at the inbox."""
    with client(db_url) as found:
        yield found


def _act(http: TestClient, case: Case, **form: str) -> str:
    csrf = re.search(r'name="csrf" value="([^"]+)"', http.get("/").text)
    assert csrf is not None
    data = {"csrf": csrf[1], "id": case.id, "thread": case.thread_id, "digest": case.digest, **form}
    return http.post("/queue/act", data=data).text


def test_in_the_queue_too_a_claim_of_somebody_else_is_said_in_words(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
    text = _text(_act(http, case, act="claim"))
    assert "ben is working on this case until" in text
    assert "UTC. Nothing was done: wait until then, or take the case from them and say why." in text
    assert case.id not in text
    assert not CODE.search(text)


def test_in_the_queue_too_who_was_faster_is_said_in_words(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
    text = _text(_act(http, case, act="approve"))
    assert "ben approved it before you" in text
    assert not CODE.search(text)


def test_what_happened_holds_no_code(http: TestClient, db_url: str) -> None:
    case = ask(db_url, proposal={"send_to": "kim"})
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
        with pytest.raises(Exception, match="claimed by ben"):
            desk.claim(case.id, by="eve")
        desk.take_over_claim(case.id, by="ana", reason="ben is away")
        desk.snooze(case.id, by="ana", hours=5)
        desk.snooze(case.id, by="ana", hours=0)
        form_of(http, case).send("reject", reason="wrong_facts")
    page = http.get(address(case)).text
    history = page.partition('id="case-history"')[2].partition("</ol>")[0]
    text = _text(history)
    assert "eve tried to claim it, and was refused" in text
    assert "ben was at it until 20" in text
    assert "ana put it off until 20" in text and "UTC" in text
    assert "wrong facts" in text
    assert not CODE.search(text)


def test_the_log_holds_no_code_where_people_read(http: TestClient, db_url: str) -> None:
    case = ask(db_url, proposal={"send_to": "kim"})
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben")
        with pytest.raises(Exception, match="claimed by ben"):
            desk.claim(case.id, by="eve")
    text = _text(http.get("/audit", params={"type": "refused_attempt"}).text)
    assert "what: Refused attempt" in text
    assert "eve tried to claim it, and was refused" in text
    assert not CODE.search(text)


def test_all_that_an_event_holds_is_said_with_labels_and_moments(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.claim(case.id, by="ben", minutes=90)
    page = http.get("/audit", params={"type": "claimed"}).text
    whole = page.partition("All of it</summary>")[2].partition("</details>")[0]
    assert re.search(r'<th scope="row">Until</th><td>\s*<span class="text"><time datetime=', whole)


def test_an_error_that_the_graph_raised_is_no_class_of_python(db_url: str) -> None:
    case = ask(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    with psycopg.connect(db_url) as conn:
        conn.execute(
            "UPDATE hitl.reviews SET status = 'failed', error = %s WHERE id = %s",
            ("ConnectionError('no route to the bank')", case.id),
        )
    assert the_case(db_url).status == "failed"
    with client(db_url) as http:
        text = _text(http.get(address(case)).text)
    assert "connection error: no route to the bank" in text
    assert "ConnectionError" not in text


def test_a_form_that_is_not_understood_says_so_without_code(http: TestClient, db_url: str) -> None:
    case = ask(db_url)
    csrf = re.search(r'name="csrf" value="([^"]+)"', http.get("/").text)
    assert csrf is not None
    answer = http.post(
        f"/cases/{case.id}/opened", data={"csrf": csrf[1], "thread": "t1", "number": "x", "digest": "y"}
    )
    assert answer.status_code == 422
    assert "This form was not understood, and nothing was done" in answer.text
    assert "unable to parse" not in answer.text
