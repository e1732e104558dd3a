"""What is wrong with an answer, through the API and the pages: nothing runs, is hidden or lost; the case stays open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hitl_graph import Case
from hitl_graph.testing.databases import Databases
from tests.inbox.cases import ask, the_case
from tests.inbox.serving import GENEROUS, client
from tests.inbox.standing import Standing
from tests.notices.receivers import query

API = "/api/v1"
JSON = {"content-type": "application/json"}
MARKUP = "<script>alert(1)</script> javascript:alert(1) =HYPERLINK(1)"
HOSTILE = f"\u202etxt.exe\u2066 \u200b\u3164\U000e0041 {MARKUP} \x1b[31m"


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[Standing]:
    """One case for all: each test leaves it as it was."""
    with hitl_databases.fresh_database() as url:
        case = ask(
            url,
            proposal={"to": "kim@example.com", "body": "Draft 1"},
            question=f"Is this safe? {HOSTILE.translate({0x1B: None})}"[:180],
        )
        with client(url, limits=GENEROUS) as http:
            yield Standing(url, http, case)


@pytest.fixture
def http(place: Standing) -> TestClient:
    return place.http


@pytest.fixture
def case(place: Standing) -> Case:
    return place.case


def decide(place: Standing, content: bytes | str, case_id: str = "") -> Any:
    """Whatever is sent where a decision should be."""
    return place.http.post(f"{API}/cases/{case_id or place.case.id}/decide", content=content, headers=JSON)


ANSWERS: dict[str, Any] = {
    "none": None,
    "empty": {},
    "a list": [],
    "a text": "approve",
    "a number": 7,
    "no type": {"note": "x"},
    "an unknown type": {"type": "shred"},
    "a type that is none": {"type": ["approve"]},
    "another kind": {"type": "choose", "option": "a"},
    "an extra key": {"type": "approve", "force": True},
    "a field that is not there": {"type": "edit", "changes": {"bcc": "x@example.com"}},
    "the wrong type": {"type": "edit", "changes": {"body": 7}},
    "no changes": {"type": "edit"},
    "changes that are none": {"type": "edit", "changes": "all"},
    "NUL": {"type": "edit", "changes": {"body": "a\u0000b"}},
    "a lone surrogate": {"type": "edit", "changes": {"body": "\ud800"}},
    "a large integer": {"type": "edit", "changes": {"body": 2**53 + 1}},
    "a list of nothing": [{}],
    "a list of texts": ["approve"],
    "deep": {"type": "edit", "changes": {"body": json.loads("[" * 900 + "]" * 900)}},
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_is_none_is_refused_and_names_its_field(place: Standing, what: str) -> None:
    """Nothing is saved, and the case is answered afterwards."""
    answer = decide(place, json.dumps({"decision": ANSWERS[what], "digest": place.case.digest}))
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"]
    place.unharmed()


BODIES = {
    "no JSON": b"{",
    "nothing": b"",
    "NaN": b'{"decision": {"type": "edit", "changes": {"body": NaN}}, "digest": "%s"}',
    "Infinity": b'{"decision": {"type": "edit", "changes": {"body": 1e999}}, "digest": "%s"}',
    "bytes": b"\xff\xfe",
    "a number of 5,000 digits": b'{"decision": ' + b"9" * 5000 + b', "digest": "%s"}',
    "nested without end": b"[" * 100_000,
    "a list": b"[]",
    "two decisions": b'{"decision": {"type": "reject"}, "decision": {"type": "approve"}, "digest": "%s"}',
    "a field twice": b'{"decision": {"type": "reject", "type": "approve"}, "digest": "%s"}',
}


@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_is_none_is_refused(place: Standing, what: str) -> None:
    """Whatever it is; and of two values nobody has to guess which one counts."""
    answer = decide(place, BODIES[what].replace(b"%s", place.case.digest.encode()))
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"]
    place.unharmed()


def test_a_body_of_another_kind_is_refused(place: Standing) -> None:
    """A form of another site is none (it could be sent without asking the browser for leave)."""
    body = json.dumps({"decision": {"type": "approve"}, "digest": place.case.digest})
    where = f"{API}/cases/{place.case.id}/decide"
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert place.http.post(where, content=body, headers={"content-type": kind}).status_code == 422
    place.unharmed()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"digest": "sha256:old"}, 409),
        ({"digest": ""}, 409),
        ({"thread_id": "t2"}, 404),
        ({"digest": None}, 422),
    ],
)
def test_a_decision_on_something_else_is_refused(
    place: Standing, changes: dict[str, Any], status: int
) -> None:
    """An old digest, none, another thread."""
    body = {"decision": {"type": "approve"}, "digest": place.case.digest, **changes}
    assert decide(place, json.dumps(body)).status_code == status
    place.unharmed()


def test_a_case_that_waits_no_more_is_not_decided_again(db_url: str) -> None:
    """An id that is not pending: the answer says who was first, and what they said stands."""
    case = ask(db_url)
    with client(db_url) as http:
        place = Standing(db_url, http, case)
        for decision, status in (({"type": "approve"}, 200), ({"type": "reject", "reason": "spam"}, 409)):
            answer = decide(place, json.dumps({"decision": decision, "digest": case.digest}))
            assert answer.status_code == status
    assert the_case(db_url).decision_type == "approve"


def test_another_tenants_case_is_not_there(place: Standing) -> None:
    """I11: by its id, with its digest and its thread."""
    body = {"decision": {"type": "approve"}, "digest": place.case.digest, "thread_id": "t1"}
    with client(place.url, tenant="other") as http:
        answer = decide(Standing(place.url, http, place.case), json.dumps(body))
        nowhere = decide(Standing(place.url, http, place.case), json.dumps(body), "0" * 32)
    assert (
        (answer.status_code, answer.json()) == (nowhere.status_code, nowhere.json()) == (404, nowhere.json())
    )
    place.unharmed()


def test_an_edit_of_ten_megabytes_is_not_read(place: Standing) -> None:
    """By the API."""
    body = {"decision": {"type": "edit", "changes": {"body": "x" * 10_000_000}}, "digest": place.case.digest}
    assert decide(place, json.dumps(body)).status_code == 413
    place.unharmed()


DRAFTS: dict[str, Any] = {
    "deep": {"body": {"acts": json.loads('{"0": {"acts": ' * 40 + "{}" + "}}" * 40)}},
    "acts without end": {"body": {"acts": {"9" * 5000: {"texts": {}}, "\u0663": {}, "-1": {}, "0": []}}},
    "no form": {"body": ["x", 7, None]},
    "fields that are none": {
        "body": {"texts": {"lines[999999999999]": 1, "": {}}, "said": [], "tool": {"a": 1}}
    },
    "another decision": {"body": {"decision": "shred", "texts": {"body": "\u202e"}}},
}


@pytest.mark.parametrize("what", DRAFTS)
def test_a_draft_of_a_program_never_shuts_its_author_out(place: Standing, what: str) -> None:
    """Whatever it keeps, the page of the case opens."""
    where = f"{API}/cases/{place.case.id}/draft"
    kept = place.http.put(where, json=DRAFTS[what])
    assert kept.status_code in (200, 422), kept.text
    assert place.http.get(f"/cases/{place.case.id}").status_code == 200
    place.http.delete(where)
    place.unharmed()


@pytest.mark.parametrize("name", ["owner", "gate", "workflow", "thread_id"])
@pytest.mark.parametrize("value", ["\x00", "\x00' OR 1=1 --", "%", "\u202e", "x" * 500])
def test_a_filter_that_fits_nothing_finds_nothing(http: TestClient, name: str, value: str) -> None:
    """Or is refused by its name."""
    answer = http.get(f"{API}/cases", params={name: value})
    assert answer.status_code in (200, 422)
    assert answer.json().get("cases", []) == []


@pytest.mark.parametrize("ids", ["\x00", "'", "%25", "..%2f..", "\u202e", "x" * 3000])
def test_an_id_that_is_none_is_not_there(http: TestClient, ids: str) -> None:
    """By the API and by the page."""
    assert [
        http.get(f"{place}/cases/{ids.encode().hex() if ids == chr(0) else ids}").status_code
        for place in ("", API)
    ] == [404, 404]
    assert http.get(f"{API}/cases/%00").status_code == 404


def test_hidden_characters_are_escapes_in_json_and_marks_on_pages(place: Standing) -> None:
    """Nothing renders them, and nobody overlooks them."""
    raw = place.http.get(f"{API}/cases/{place.case.id}").text
    page = place.http.get(f"/cases/{place.case.id}").text
    assert raw.isascii()
    assert "\\u202e" in raw
    assert not {"\u202e", "\u2066", "\u200b", "\u3164", "\U000e0041"} & set(page)
    assert '<mark class="hidden-character">⟨U+202E⟩</mark>' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_what_was_sent_stands_in_no_log_as_markup(place: Standing) -> None:
    """A refused attempt is kept, with hidden characters written out."""
    decide(place, json.dumps({"decision": {"type": "approve"}, "digest": HOSTILE[:150]}))
    [row] = query(
        place.url, "SELECT data FROM hitl.events WHERE type = 'refused_attempt' ORDER BY id DESC LIMIT 1"
    )
    assert "\u202e" not in str(row["data"])
    place.unharmed()
