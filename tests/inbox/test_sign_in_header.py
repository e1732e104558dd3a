"""Coming in by what a proxy says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from hitl_graph import Desk
from hitl_graph.inbox.sign_in import ProxyHeader
from tests.inbox.persons import Somebody, office, staff


@pytest.fixture
def http(db_url: str) -> Iterator[TestClient]:
    with Desk(db_url) as desk:
        desk.people.put("ana")
        desk.people.put("ben")
        desk.people.put("Zoé")
    with office(db_url) as made:
        yield made


def test_who_the_proxy_names_comes_in(http: TestClient) -> None:
    """And decides under the name of the directory."""
    assert Somebody(http, "ANA").get("/").status_code == 200


def test_a_name_in_utf_8_is_read(http: TestClient) -> None:
    """As proxies write it."""
    answer = http.get("/sign-in", headers={b"x-forwarded-user": "Zoé".encode()})  # type: ignore[dict-item]  # raw bytes, as a proxy sends them
    assert answer.status_code == 303


def test_what_comes_from_elsewhere_is_not_believed(http: TestClient) -> None:
    """Only the proxy's address is, whatever else is said."""
    http._transport.client = ("192.0.2.1", 50_000)  # type: ignore[attr-defined]  # what the client and the application hold
    headers = {"x-forwarded-user": "ana", "x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1"}
    assert http.get("/sign-in", headers=headers).status_code == 200
    assert http.get("/", headers=headers).status_code == 303


def test_a_foreign_page_on_this_machine_names_nobody(http: TestClient) -> None:
    """Its name leads to 127.0.0.1 (DNS rebinding), and its script can send any header."""
    assert (
        http.get("/sign-in", headers={"x-forwarded-user": "ana", "host": "evil.example"}).status_code == 421
    )


@pytest.mark.parametrize("name", ["\uff41na", "\u24d0na", "\ufb01n"])
def test_a_look_alike_of_somebody_is_not_let_in_as_them(http: TestClient, db_url: str, name: str) -> None:
    """Where names are compared, letters of other shapes are the same; a provider may give them to two people."""
    with Desk(db_url) as desk:
        desk.people.put("fin")
    answer = http.get("/sign-in", headers={b"x-forwarded-user": name.encode()})  # type: ignore[dict-item]  # raw bytes, as a proxy sends them
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", ["", "nobody", "system:expiry", "agent:x", "an\u200ba", "\xff", "a" * 300])
def test_a_name_that_is_none_lets_nobody_in(http: TestClient, name: str) -> None:
    """Unknown, the library's own, or with hidden characters."""
    raw = name.encode("latin-1") if name == "\xff" else name.encode()
    answer = http.get("/sign-in", headers={b"x-forwarded-user": raw})  # type: ignore[dict-item]  # raw bytes, as a proxy sends them
    assert "set-cookie" not in answer.headers


def test_two_names_are_none(http: TestClient) -> None:
    """One of them came from outside."""
    answer = http.get("/sign-in", headers=[("x-forwarded-user", "ana"), ("x-forwarded-user", "zoe")])  # type: ignore[arg-type]  # as a careless caller gives it
    assert "set-cookie" not in answer.headers


def test_a_session_ends_when_the_proxy_names_somebody_else(http: TestClient) -> None:
    """On a shared browser nobody decides in another's name."""
    ana = Somebody(http, "ana")
    assert ana.get("/", headers={"x-forwarded-user": "ben"}).status_code == 303


def test_a_session_ends_when_the_proxy_names_nobody(http: TestClient) -> None:
    """Who was signed out there is signed out here."""
    ana = Somebody(http, "ana")
    del ana.headers["x-forwarded-user"]
    assert ana.get("/").status_code == 303


def test_where_nobody_is_listed_nobody_comes_in(db_url: str) -> None:
    """An empty directory is open on one's own machine only."""
    with office(db_url) as http:
        answer = http.get("/sign-in", headers={"x-forwarded-user": "ana"})
    assert answer.status_code == 403
    assert "--role admin" in answer.text


def test_the_token_page_is_not_there(http: TestClient) -> None:
    """One way to sign in at a time."""
    assert http.get("/sign-in/token?token=x").status_code == 404
    assert http.post("/sign-in", data={"token": "x"}).status_code == 401


def test_each_sees_the_pages_of_their_role(db_url: str) -> None:
    """In the navigation."""
    staff(db_url)
    with office(db_url) as http:
        seen = {
            role: 'href="/settings"' in Somebody(http, role).get("/").text for role in ("reviewer", "admin")
        }
    assert seen == {"reviewer": False, "admin": True}


@pytest.mark.parametrize("proxies", [[], ["nowhere"], ["10.0.0.1/8"]])
def test_a_proxy_must_be_an_address(proxies: list[str]) -> None:
    """Nothing is believed by mistake."""
    with pytest.raises(ValueError, match="proxies"):
        ProxyHeader(proxies=proxies)
