"""What somebody hostile tries besides bad input: methods, hosts, headers, cookies; and what is kept and said."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hitl_graph import Evidence
from hitl_graph.testing.databases import Databases
from tests.inbox.cases import address, ask, form_of
from tests.inbox.persons import Somebody, office, staff
from tests.inbox.serving import GENEROUS, TOKEN, client
from tests.inbox.standing import Standing
from tests.inbox.test_access_table import ENTRY, OPEN, TABLE, known
from tests.notices.receivers import query

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[Standing]:
    with hitl_databases.fresh_database() as url:
        case = ask(url)
        with client(url, limits=GENEROUS) as http:
            yield Standing(url, http, case)


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override", "_method"])
def test_no_header_and_no_field_makes_a_look_a_press(place: Standing, name: str) -> None:
    """GET and HEAD stay what they are, whatever they say."""
    fields = {"decision": "approve", "digest": place.case.digest, "_method": "POST", name: "POST"}
    for method in ("GET", "HEAD"):
        for path in (address(place.case, "/decide"), f"/api/v1/cases/{place.case.id}/decide"):
            answer = place.http.request(method, path, params=fields, headers={name: "POST"})
            assert answer.status_code == 404
    place.unharmed()


def test_a_form_that_says_two_decisions_says_none(place: Standing) -> None:
    """Whoever reads the first and whoever reads the last would read another one."""
    mark = place.http.headers["x-csrf-token"]
    said = f"decision=reject&reason=spam&decision=approve&digest={place.case.digest}&thread=t1&csrf={mark}"
    answer = place.http.post(f"/cases/{place.case.id}/decide", content=said, headers=FORM)
    assert answer.status_code == 422
    assert "says two different decisions" in answer.text
    place.unharmed()


def test_who_decides_is_who_is_signed_in_whatever_the_form_says(db_url: str) -> None:
    """Extra fields are no fields."""
    case = ask(db_url)
    with client(db_url) as http:
        form_of(http, case).send(
            "approve", by="mallory", via="system", undo_s="0", person="mallory", role="admin"
        )
    assert query(db_url, "SELECT by, via FROM hitl.decisions") == [{"by": "ana", "via": "desk"}]


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example@127.0.0.1", "127.0.0.1/evil", "127.0.0.1?evil", "127.0.0.1#evil", "127.0.0.1\\evil"),
        *("127.0.0.1, evil.example", "127.0.0.1 evil", "localhost.", "127.0.0.1%2eevil.example"),
    ],
)
def test_a_host_with_more_in_it_is_none(place: Standing, host: str) -> None:
    """It could end up in an address that somebody is sent to."""
    assert place.http.get("/sign-in", headers={"host": host}).status_code == 421


def test_what_is_said_of_the_host_elsewhere_leads_nobody_away(place: Standing) -> None:
    """Behind a careless proxy too."""
    said = {"x-forwarded-host": "evil.example", "x-original-url": "/audit", "x-rewrite-url": "/audit"}
    said |= {
        "forwarded": "host=evil.example",
        "x-forwarded-prefix": "//evil.example",
        "x-forwarded-server": "evil.example",
    }
    place.http.cookies, kept = type(place.http.cookies)(), place.http.cookies
    answer = place.http.get("/cases/x", headers=said)
    place.http.cookies = kept
    assert answer.headers["location"] == "/sign-in?to=%2Fcases%2Fx"
    assert "evil" not in place.http.get("/", headers=said).text


@pytest.mark.parametrize(
    "name", ["x_forwarded_user", "x-forwarded-user ", "x-forwarded-users", "remote-user", "x-user"]
)
def test_a_name_in_another_header_is_nobodys(db_url: str, name: str) -> None:
    """What a proxy does not take off, because it is spelled otherwise, is not believed."""
    staff(db_url)
    with office(db_url) as http:
        assert "set-cookie" not in http.get("/sign-in", headers={name: "admin"}).headers


@pytest.mark.parametrize(
    "said", ["reviewer, admin", "admin,reviewer", "reviewer;admin", '"admin"', "admin\tx", "ad\u00admin"]
)
def test_several_names_in_one_header_are_nobodys(db_url: str, said: str) -> None:
    """A proxy that adds its own behind what came from outside."""
    staff(db_url)
    with office(db_url) as http:
        answer = http.get("/sign-in", headers={b"x-forwarded-user": said.encode()})  # type: ignore[dict-item]  # raw bytes, as a proxy sends them
    assert "set-cookie" not in answer.headers


def test_a_cookie_that_was_tossed_in_lends_nobody_a_session(db_url: str) -> None:
    """Two of one name, one of them planted: as one of the two people or as nobody, never one with the other's mark."""
    staff(db_url)
    with office(db_url) as http:
        lead, reviewer = Somebody(http, "lead"), Somebody(http, "reviewer")
        both = f"{lead.headers['cookie']}; {reviewer.headers['cookie']}"
        for cookie in (both, "; ".join(reversed(both.split("; ")))):
            http.cookies.clear()
            headers = {"cookie": cookie, "x-forwarded-user": "lead", "x-csrf-token": reviewer.csrf}
            answer = http.post("/queue/filters", headers=headers, data={"name": "x"})
            assert answer.status_code in (303, 403)
            assert answer.headers.get("location", "/sign-in").startswith("/sign-in")
    assert query(db_url, "SELECT * FROM hitl.filters") == []


def test_every_page_and_every_answer_is_kept_nowhere(place: Standing) -> None:
    """After somebody has signed out, no cache and no step back has it. Only what is the same for everybody is kept."""
    paths = {one.partition(" ")[2] for one in known() if one.startswith("GET")} - {"/static", "/live"}
    ids = {"{review_id}": place.case.id, "{thread_id:path}": "t1", "{token}": "x.y"}
    for path in sorted(paths):
        where = re.sub(r"\{[^}]*\}", lambda found: ids.get(found[0], "x"), path)
        assert place.http.get(where).headers["cache-control"] == "no-store", path
    assert place.http.get("/static/inbox.css").headers["cache-control"].startswith("public")


def test_only_the_sign_in_and_what_proves_itself_is_open() -> None:
    """Whatever is added for everybody is added here by hand."""
    assert {one for one, right in TABLE.items() if right == OPEN} == set(ENTRY)
    assert all(re.match(r"\w+ /(sign-in|sign-out|links/|webhooks/|static)", one) for one in ENTRY)


@pytest.mark.parametrize(
    "odd",
    ["%0d%0aset-cookie:%20a=b", "%0d%0a%0d%0a<script>", "%E2%80%AE", "%2f%2fevil.example", "%5c%5cevil"],
)
def test_an_address_writes_no_header_and_leads_nowhere_else(place: Standing, odd: str) -> None:
    """What a deep link names is quoted."""
    answer = place.http.get(f"/reviews/{odd}/{odd}")
    assert answer.status_code in (303, 404)
    assert answer.headers.get("location", "/cases/").startswith("/cases/")
    assert "set-cookie" not in answer.headers


def test_no_secret_stands_in_a_log(db_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Tokens, cookies, marks, and what is proposed; errors included."""
    caplog.set_level(logging.DEBUG)
    caplog.handler.setLevel(logging.DEBUG)
    case = ask(db_url, proposal={"body": "the-draft-nobody-may-see"})
    with client(db_url, limits=GENEROUS) as http:
        made = http.post("/api/v1/tokens", json={"label": "x"}).json()["token"]
        asked = [
            http.get("/api/v1/me", headers={"authorization": f"Bearer {made}"}),
            http.get("/sign-in/token", params={"token": "a-wrong-token-of-somebody"}),
            http.get("/links/eyJhIjoxfQ.the-signature-of-a-link"),
            http.get(address(case)),
            http.post(
                f"/cases/{case.id}/decide",
                data={"decision": "edit", "digest": case.digest, "changes.body": "\x00what-was-typed"},
            ),
            http.put(f"/api/v1/cases/{case.id}/draft", json={"body": {"body": "what-was-typed\x00"}}),
        ]
        secrets = [made, TOKEN, http.headers["x-csrf-token"], *(str(one.value) for one in http.cookies.jar)]
    assert [answer.status_code for answer in asked] == [200, 401, 403, 200, 422, 422]
    words = (*secrets, "a-wrong-token", "the-signature-of", "the-draft-nobody", "what-was-typed")
    ours = "\n".join(
        f"{one.getMessage()} {one.exc_text}" for one in caplog.records if one.name.startswith("hitl_graph")
    )
    assert [word for word in words if word in ours] == []


def test_markdown_that_keeps_the_server_busy_is_text(db_url: str) -> None:
    """What an agent wrote to be slow to read is shown as it stands; what people write is drawn."""
    slow = "![" * 30_000
    evidence: list[Any] = [
        Evidence("Terms", {"markdown": "These are **terms**."}),
        Evidence("Slow", {"markdown": slow}),
    ]
    case = ask(db_url, evidence=evidence)
    with client(db_url) as http:
        page = http.get(address(case)).text
    assert "<strong>terms</strong>" in page
    assert slow[:1000] in page


def test_a_flood_of_small_markdown_is_text_from_some_piece_on(db_url: str) -> None:
    """It is counted for the whole page."""
    piece = "**a** " * 1000
    case = ask(db_url, evidence=[Evidence(f"Piece {number}", {"markdown": piece}) for number in range(12)])
    with client(db_url) as http:
        page = http.get(address(case)).text
    assert 4000 < page.count("<strong>a</strong>") < 6000
    assert page.count("Piece ") >= 12


def test_a_token_in_an_address_is_handed_on_to_nobody(db_url: str) -> None:
    """The page behind it has another address, and the answer between says no referrer and holds no page."""
    with client(db_url, signed_in=False) as http:
        answer = http.get("/sign-in/token", params={"token": TOKEN, "to": "/settings/me"})
    assert TOKEN not in answer.text + str({k: v for k, v in answer.headers.items() if k != "set-cookie"})
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


def test_who_signed_out_has_no_page_left(db_url: str) -> None:
    """Not by the cookie that was copied, the mark, or the event stream that was open."""
    staff(db_url)
    with office(db_url) as http:
        lead = Somebody(http, "lead")
        assert lead.post("/sign-out").status_code == 303
        assert lead.get("/").status_code == 303
        assert lead.post("/queue/filters", data={"name": "x"}).status_code == 303
        assert lead.get("/live").status_code == 303
    assert query(db_url, "SELECT * FROM hitl.filters") == []
