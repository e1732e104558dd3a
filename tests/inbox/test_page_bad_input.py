"""What is wrong with an answer, through the form of a case's page: a clear word, nothing saved, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from hitl_graph.inbox import Limits
from hitl_graph.testing.databases import Databases
from tests.inbox.cases import address, ask, form_of, the_case
from tests.inbox.serving import GENEROUS, client
from tests.inbox.standing import Standing
from tests.views.test_reading import ORDER, PROPOSAL

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[Standing]:
    """One case with fields of all kinds for all: each test leaves it as it was."""
    with hitl_databases.fresh_database() as url:
        case = ask(url, proposal=PROPOSAL, schema=ORDER)
        with client(url, limits=GENEROUS) as http:
            yield Standing(url, http, case)


def send(place: Standing, http: TestClient | None = None, **fields: str) -> Any:
    """The form as its page has it, with these fields in it; two underscores are a point, None leaves one out."""
    http = http or place.http
    page = http.get(address(place.case)).text
    kept = {name: re.search(rf'name="{name}" value="([^"]*)"', page) for name in ("thread", "digest", "key")}
    values = {name: found[1] for name, found in kept.items() if found}
    values |= {name.replace("__", "."): value for name, value in fields.items()}
    return http.post(f"/cases/{place.case.id}/decide", data=values)


NO_DECISIONS: dict[str, dict[str, str]] = {
    "none": {},
    "an empty one": {"decision": ""},
    "an unknown one": {"decision": "shred"},
    "a sentence": {"decision": "ALREADY APPROVED"},
    "JSON": {"decision": '{"type": "approve"}'},
    "of another kind: a choice": {"decision": "choose", "option": "a"},
    "of another kind: an answer": {"decision": "respond", "message": "yes"},
    "of another kind: each act": {"decision": "each", "act0.decision": "approve"},
    "a rejection that says nothing": {"decision": "reject"},
    "a question that says nothing": {"decision": "ask_info", "question": "  "},
    "an edit of nothing": {"decision": "edit"},
    "an edit of what was not shown as a diff": {"decision": "edit", "changes__amount": "15"},
    "a yes over changes that were typed": {"decision": "approve", "changes__amount": "15"},
    "a tool that is not offered": {"decision": "edit", "tool": "rm -rf"},
    "another case's digest": {"decision": "approve", "digest": "sha256:old"},
    "no digest": {"decision": "approve", "digest": ""},
    "hidden characters": {"decision": "approve\u200b"},
}


@pytest.mark.parametrize("what", NO_DECISIONS)
def test_a_form_that_decides_nothing_says_so(place: Standing, what: str) -> None:
    """Each with a word of what is wrong, and the case answered afterwards."""
    answer = send(place, **NO_DECISIONS[what])
    assert answer.status_code in (409, 422), answer.text
    assert re.search(r'class="(notice )?error"', answer.text)
    place.unharmed()


TYPED: dict[str, tuple[str, str]] = {
    "no number": ("amount", "lots"),
    "NaN": ("amount", "NaN"),
    "Infinity": ("amount", "-Infinity"),
    "a number without end": ("amount", "1e999"),
    "more digits than numbers hold": ("amount", "9" * 5000),
    "an integer over 2^53": ("lines[0].count", str(2**53 + 1)),
    "half an integer": ("lines[0].count", "1.5"),
    "less than the least": ("lines[0].count", "0"),
    "none of the choices": ("currency", "GBP"),
    "no moment": ("due", "2026-02-30T10:00"),
    "no day": ("day", "yesterday"),
    "NUL": ("note", "a\x00b"),
    "too long": ("note", "x" * 2001),
    "no order of rows": ("lines[]", "0 0 1"),
    "a row of rows": ("lines[]", " ".join(map(str, range(5000)))),
    "a field that is not there": ("bcc", "mallory@example.com"),
    "a field below one that is not there": ("bcc.to[0]", "mallory@example.com"),
    "a name of Python's": ("__class__.__init__", "x"),
}


@pytest.mark.parametrize("what", TYPED)
def test_what_was_typed_wrongly_is_named_and_kept(place: Standing, what: str) -> None:
    """Beside its field where there is one; what else was typed stands there still."""
    name, text = TYPED[what]
    fields = {f"changes.{name}": text, "changes.note" if name != "note" else "changes.day": "2026-03-05"}
    answer = send(place, decision="edit", **fields)
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert re.search(r'class="(notice )?error"', page)
    assert "2026-03-05" in page
    if len(text) < 100 and name in ("amount", "lines[0].count", "day"):
        assert f'value="{text}"' in page
    place.unharmed()


@pytest.mark.parametrize("raw", [b"%ED%A0%80", b"%FF%FE", b"\xff\xfe", b"%C0%AF"])
def test_bytes_that_are_no_text_are_saved_nowhere(place: Standing, raw: bytes) -> None:
    """Lone surrogates as bytes, and bytes that are no UTF-8: at most they are shown, as what is none."""
    mark = place.http.headers["x-csrf-token"].encode()
    head = b"decision=edit&csrf=%s&digest=%s&changes.note=a" % (mark, quote(place.case.digest).encode())
    answer = place.http.post(f"/cases/{place.case.id}/decide", content=head + raw, headers=FORM)
    assert answer.status_code in (400, 422)
    place.unharmed()


def test_an_edit_of_ten_megabytes_is_not_read(place: Standing) -> None:
    """By the page."""
    assert send(place, decision="edit", changes__note="x" * 10_000_000).status_code == 413
    place.unharmed()


def test_a_case_that_waits_no_more_says_who_was_first(db_url: str) -> None:
    """What was typed meanwhile is still there to be copied."""
    case = ask(db_url)
    with client(db_url) as http, client(db_url, person="ben") as other:
        mine = form_of(http, case)
        assert form_of(other, case).send("approve").status_code == 303
        answer = mine.send("reject", reason="spam", note="what I had typed")
    assert answer.status_code == 409
    assert "ben" in answer.text
    assert (the_case(db_url).by, the_case(db_url).decision_type) == ("ben", "approve")


def test_another_tenants_case_is_not_there(place: Standing) -> None:
    """I11: its form, sent there, is the same 404 as any."""
    with client(place.url, tenant="other") as http:
        fields = {"decision": "approve", "digest": place.case.digest, "thread": "t1"}
        answers = [
            http.post(f"/cases/{case_id}/decide", data=fields)
            for case_id in (place.case.id, "f" * len(place.case.id))
        ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].text.partition("<main")[2] == answers[1].text.partition("<main")[2]
    place.unharmed()


def test_a_flood_of_decisions_decides_nothing(db_url: str) -> None:
    """Nothing is approved because of load: too many are refused, also the one that would have been right."""
    case = ask(db_url)
    with client(db_url, limits=Limits(writes=5)) as http:
        form = form_of(http, case)
        told = [form.send("shred").status_code for _ in range(12)]
        told.append(form.send("approve").status_code)
    assert set(told[:5]) == {422}
    assert told[-1] == 429
    assert the_case(db_url).status == "pending"


def test_the_page_and_the_api_say_the_same_of_a_wrong_answer(place: Standing) -> None:
    """One desk, one set of rules."""
    wrong = {"type": "edit", "changes": {"currency": "GBP"}}
    body = {"decision": wrong, "digest": place.case.digest}
    by_api = place.http.post(f"/api/v1/cases/{place.case.id}/decide", json=body)
    by_page = send(place, decision="edit", **{"changes.currency": '"GBP"'})
    assert (by_api.status_code, by_page.status_code) == (422, 422)
    assert by_api.json()["error"]["field"].endswith("currency")
    place.unharmed()
