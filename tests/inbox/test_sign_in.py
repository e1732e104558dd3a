"""Coming in with the token of this machine, and what a session is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from hitl_graph import Desk
from hitl_graph.inbox import Settings
from hitl_graph.inbox.sessions import own_path
from hitl_graph.inbox.sign_in import LocalToken
from hitl_graph.testing import FakeClock
from tests.inbox.serving import TOKEN, client, enter
from tests.notices.receivers import query


@pytest.fixture
def http(db_url: str) -> Iterator[TestClient]:
    with client(db_url, signed_in=False) as made:
        yield made


def cookie(http: TestClient) -> str:
    [found] = http.cookies.jar
    return str(found.value)


def test_the_token_of_the_address_leads_on_without_it(http: TestClient) -> None:
    """No page has it in its address, where it would be handed on."""
    answer = http.get("/sign-in/token", params={"token": TOKEN, "to": "/cases/x?thread=t"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases/x?thread=t")
    assert answer.headers["cache-control"] == "no-store"


def test_the_token_may_be_typed(http: TestClient) -> None:
    """Where the address was not copied; the page that was wanted comes then."""
    answer = http.post(
        "/sign-in", data={"token": TOKEN, "to": "/audit"}, headers={"origin": "http://127.0.0.1"}
    )
    assert answer.headers["location"] == "/audit"
    assert http.get("/").status_code == 200


@pytest.mark.parametrize("token", ["", "x", TOKEN + "x", TOKEN[:-1], "é", "\ud800"])
def test_another_token_lets_nobody_in(http: TestClient, token: str) -> None:
    """And says nothing of the right one."""
    answer = http.get(f"/sign-in/token?token={token.encode('utf-8', 'surrogatepass').hex()}")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_token_from_another_machine_lets_nobody_in(http: TestClient) -> None:
    """Whatever its headers say."""
    http._transport.client = ("192.0.2.1", 50_000)  # type: ignore[attr-defined]  # what the client and the application hold
    answer = http.get("/sign-in/token", params={"token": TOKEN}, headers={"x-forwarded-for": "127.0.0.1"})
    assert answer.status_code == 401


def test_a_session_does_not_go_to_another_machine(http: TestClient) -> None:
    """A stolen cookie opens nothing from there."""
    enter(http)
    http._transport.client = ("192.0.2.1", 50_000)  # type: ignore[attr-defined]  # what the client and the application hold
    assert http.get("/").status_code == 303


def test_a_wrong_token_is_an_event(http: TestClient, db_url: str) -> None:
    """Without the token that was tried."""
    http.get("/sign-in/token", params={"token": "guess-17"})
    [row] = query(db_url, "SELECT data FROM hitl.events WHERE type = 'refused_attempt'")
    assert row["data"]["what"] == "sign-in"
    assert "guess-17" not in str(row["data"])


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "evil", "javascript:alert(1)", "",
     "/\r\nset-cookie: a=b", "/sign-in/start", "/" + "x" * 3000],
)  # fmt: skip
def test_nobody_is_led_elsewhere(http: TestClient, to: str) -> None:
    """An open redirect is none; what is no page of ours is the first page."""
    answer = http.get("/sign-in/token", params={"token": TOKEN, "to": to})
    assert answer.headers["location"] == "/"


def test_a_page_of_ours_is_kept_as_it_is() -> None:
    """With what it asks for."""
    assert own_path("/cases/a%20b?thread=t%2F1&x=#y") == "/cases/a%20b?thread=t%2F1&x=#y"


def test_who_must_sign_in_comes_to_the_page_that_they_wanted(http: TestClient) -> None:
    """A link in a mail."""
    asked = http.get("/reviews/t1/r1")
    page = http.get(asked.headers["location"])
    assert asked.headers["location"] == "/sign-in?to=%2Freviews%2Ft1%2Fr1"
    assert 'name="to" value="/reviews/t1/r1"' in page.text


def test_the_cookie_is_out_of_reach_of_scripts(http: TestClient) -> None:
    """And is named after the port, so that two inboxes on a machine keep out of each other's way."""
    answer = http.get("http://127.0.0.1:8321/sign-in/token", params={"token": TOKEN})
    said = answer.headers["set-cookie"]
    assert said.startswith("hitl-session-8321=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(said.split("; "))


def test_over_tls_the_cookie_is_of_this_host_alone(db_url: str) -> None:
    """`__Host-`: no other host, no subdomain and no plain connection can set it."""
    with client(db_url, signed_in=False, address="https://inbox.example.com") as http:
        answer = http.get("https://inbox.example.com/sign-in/token", params={"token": TOKEN})
    said = answer.headers["set-cookie"]
    assert said.startswith("__Host-hitl-session=")
    assert "Secure" in said
    assert "Domain" not in said
    assert answer.headers["strict-transport-security"]


def test_a_cookie_from_before_is_worth_nothing_after_signing_in(http: TestClient, db_url: str) -> None:
    """Fixation: what somebody planted does not become a session, and what was one ends."""
    http.cookies.set("hitl-session-80", "planted", domain="127.0.0.1")
    enter(http)
    first = cookie(http)
    enter(http)
    second = cookie(http)
    http.cookies.clear()
    asked = [
        http.get("/", headers={"cookie": f"hitl-session-80={one}"}).status_code
        for one in ("planted", first, second)
    ]
    assert asked == [303, 303, 200]
    assert query(db_url, "SELECT count(*) AS n FROM hitl.sessions") == [{"n": 1}]


def test_the_database_keeps_no_cookie(http: TestClient, db_url: str) -> None:
    """Only its digest: who reads the database cannot come in with it."""
    enter(http)
    [row] = query(db_url, "SELECT * FROM hitl.sessions")
    assert cookie(http) not in str(row)


def test_signing_out_ends_the_session_and_not_just_the_cookie(http: TestClient) -> None:
    """A copy of the cookie is worth nothing then."""
    enter(http)
    copy = cookie(http)
    http.post("/sign-out")
    assert http.get("/", headers={"cookie": f"hitl-session-80={copy}"}).status_code == 303


def test_looking_at_the_sign_out_does_nothing(http: TestClient) -> None:
    """A prefetched address signs nobody out."""
    enter(http)
    assert http.get("/sign-out").status_code == 404
    assert http.get("/").status_code == 200


def test_a_session_ends_by_itself(hitl_clock: FakeClock, db_url: str) -> None:
    """By the database's clock."""
    with client(db_url, session=dt.timedelta(hours=1)) as http:
        before = http.get("/").status_code
        hitl_clock.advance(hours=1, seconds=1)
        after = http.get("/").status_code
    assert (before, after) == (200, 303)


def test_who_is_made_inactive_is_signed_out_everywhere(http: TestClient, db_url: str) -> None:
    """And stays so when they are active again."""
    with Desk(db_url) as desk:
        desk.people.put("ana")
        enter(http)
        desk.people.put("Ana", active=False)
        away = http.get("/").status_code
        desk.people.put("ana", active=True)
        back = http.get("/").status_code
    assert (away, back) == (303, 303)


def test_who_is_taken_from_the_directory_is_signed_out(http: TestClient, db_url: str) -> None:
    """Another person of the same name does not take their session over."""
    with Desk(db_url) as desk:
        desk.people.put("ana")
        desk.people.put("ben")
        enter(http)
        desk.people.remove("ana")
        away = http.get("/").status_code
        desk.people.put("ana")
        back = http.get("/").status_code
    assert (away, back) == (303, 303)


@pytest.mark.parametrize("changes", [{"active": False}, {"kind": "agent"}, {"kind": "system"}])
def test_who_may_not_come_in_is_told_so_and_gets_no_session(
    http: TestClient, db_url: str, changes: dict[str, str]
) -> None:
    """Agents and systems never do."""
    with Desk(db_url) as desk:
        desk.people.put("ben")
        desk.people.put("ana", **changes)
    answer = http.get("/sign-in/token", params={"token": TOKEN})
    assert answer.status_code == 403
    assert "hitl-graph people add" in answer.text
    assert query(db_url, "SELECT count(*) AS n FROM hitl.sessions") == [{"n": 0}]


def test_another_tenants_session_is_none(db_url: str) -> None:
    """I11."""
    with client(db_url, tenant="a") as http:
        copy = cookie(http)
    with client(db_url, tenant="b", signed_in=False) as http:
        assert http.get("/", headers={"cookie": f"hitl-session-80={copy}"}).status_code == 303


def test_a_session_of_another_way_to_sign_in_is_none(db_url: str) -> None:
    """What a token on a laptop opened is not let in where a provider is asked."""
    with client(db_url) as http:
        copy = cookie(http)
    with client(db_url, sign_in=LocalToken("ben"), signed_in=False) as http:
        assert http.get("/", headers={"cookie": f"hitl-session-80={copy}"}).status_code == 303


def test_who_signs_in_and_out_stands_in_the_log(http: TestClient, db_url: str) -> None:
    """R77: who was there, and how they came in."""
    enter(http)
    http.post("/sign-out")
    rows = query(db_url, "SELECT type, data FROM hitl.events ORDER BY id")
    assert [(row["type"], row["data"]["by"], row["data"]["way"]) for row in rows] == [
        ("signed_in", "ana", "token"),
        ("signed_out", "ana", "token"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"undo_s": 31},
        {"undo_s": -1},
        {"session": dt.timedelta(0)},
        {"address": "http://inbox.example.com"},
        {"address": "inbox.example.com"},
        {"address": "https://inbox.example.com/below"},
        {"proxies": ["10.0.0.1/8"]},
    ],
)
def test_settings_that_are_not_safe_are_refused(wrong: dict[str, object]) -> None:
    """Before anything is served."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(sign_in=LocalToken("ana"), **wrong)  # type: ignore[arg-type]  # as a careless caller gives it
