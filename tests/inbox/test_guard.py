"""What stands before every page: other sites, other hosts, floods, long bodies, and the headers of every answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hitl_graph.inbox.guard import HEADERS, MOST_BYTES
from hitl_graph.inbox.rates import Rate
from hitl_graph.testing.databases import Databases
from tests.inbox.serving import client, enter

FORM = {"content-type": "application/x-www-form-urlencoded"}
NUMBERS = itertools.count(1)
HEADERS_SENT = {**HEADERS, "referrer-policy": None, "cache-control": None}


@pytest.fixture(scope="module")
def shared(hitl_databases: Databases) -> Iterator[TestClient]:
    """One application for all: what is refused leaves nothing behind."""
    with hitl_databases.fresh_database() as url, client(url, signed_in=False) as made:
        yield made


@pytest.fixture
def http(shared: TestClient) -> TestClient:
    """Somebody new, at an address of their own, for askers are counted by it."""
    shared._transport.client = (f"127.0.1.{next(NUMBERS)}", 50_000)  # type: ignore[attr-defined]  # what the client and the application hold
    shared.cookies.clear()
    shared.headers.pop("x-csrf-token", None)
    enter(shared)
    return shared


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/sign-in",
        "/nothing",
        "/static/inbox.css",
        "/static/nothing",
        "/api/v1/nothing",
        "/links/x.y",
        "/live/x",
    ],
)
def test_every_answer_carries_the_headers(http: TestClient, path: str) -> None:
    """Errors, static files and mailed links too."""
    answer = http.get(path)

    missing = [
        name
        for name, value in HEADERS_SENT.items()
        if answer.headers.get(name) != (value or answer.headers.get(name, "-"))
    ]
    assert not missing
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_mistake_of_ours_carries_the_headers_too(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered outside of the guard, and says nothing of itself."""

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(http.app.state.desk, "show", broken)  # type: ignore[attr-defined]  # what the client and the application hold

    answer = http.get("/cases/x")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_an_address_with_a_secret_in_it_is_no_referrer(http: TestClient) -> None:
    """The token in the address, and a mailed link."""
    assert [
        http.get(path).headers["referrer-policy"] for path in ("/sign-in/token?token=x", "/links/x.y")
    ] == ["no-referrer"] * 2


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "10.0.0.1", "", "[::"]
)
def test_a_request_for_another_host_is_refused(http: TestClient, host: str) -> None:
    """A foreign name that leads to this machine (DNS rebinding) reaches nothing, static files included."""
    asked = [
        http.get(path, headers={"host": host}).status_code
        for path in ("/", "/static/inbox.css", "/sign-in", "/links/x")
    ]
    assert asked == [421] * 4


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8321", "127.0.0.1:8321", "[::1]:8321", "127.0.0.2"])
def test_this_machine_goes_by_several_names(http: TestClient, host: str) -> None:
    """With any port, as one is forwarded."""
    assert http.get("/sign-in", headers={"host": host}).status_code in (200, 303)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_form_of_another_site_does_nothing(http: TestClient, headers: dict[str, str]) -> None:
    """Even with the right mark; another port of this machine is another site."""
    assert http.post("/sign-out", headers=headers).status_code == 403
    assert http.get("/").status_code == 200


@pytest.mark.parametrize(
    "mode",
    [
        {},
        {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_a_page_is_not_drawn_into_another_site(http: TestClient, mode: dict[str, str]) -> None:
    """Not as an image, a script or a frame."""
    assert http.get("/", headers={"sec-fetch-site": "cross-site", **mode}).status_code == 403


def test_a_link_on_another_site_can_be_followed(http: TestClient) -> None:
    """As those in mails are."""
    followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert http.get("/", headers=followed).status_code == 200


@pytest.mark.parametrize("mark", [None, "", "0" * 64, "é"])
def test_a_write_without_the_mark_of_the_session_is_refused(http: TestClient, mark: str | None) -> None:
    """CSRF: absent, empty, wrong."""
    del http.headers["x-csrf-token"]
    headers = {} if mark is None else {"x-csrf-token": mark.encode("latin-1")}

    answer = http.post("/sign-out", headers=headers)

    assert answer.status_code == 403
    assert http.get("/").status_code == 200


def test_the_mark_may_stand_in_the_form(http: TestClient) -> None:
    """As in every form of the pages."""
    mark = http.headers["x-csrf-token"]
    del http.headers["x-csrf-token"]

    assert http.post("/sign-out", data={"csrf": mark}).status_code == 303


def test_the_mark_of_another_session_is_refused(http: TestClient, db_url: str) -> None:
    """It is bound to the cookie."""
    with client(db_url) as other:
        mark = other.headers["x-csrf-token"]
    assert http.post("/sign-out", headers={"x-csrf-token": mark}).status_code == 403


@pytest.mark.parametrize("content", [b"a&" * 500_000, b"csrf=%ff%fe", b"\xff\x00csrf"])
def test_a_hostile_form_is_refused_and_breaks_nothing(http: TestClient, content: bytes) -> None:
    """Half a million fields, and bytes that are no text."""
    del http.headers["x-csrf-token"]
    assert http.post("/sign-out", content=content, headers=FORM).status_code == 403


def test_a_body_that_is_too_long_is_not_read(http: TestClient) -> None:
    """With its length, without it, and with a length that lies."""

    def endless() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 65_536 + 2):
            yield b"x" * 65_536

    told = [
        http.post("/sign-out", content=b"x" * (MOST_BYTES + 1)).status_code,
        http.post("/sign-out", content=endless()).status_code,
        http.post("/sign-out", content=b"x", headers={"content-length": "9" * 5000}).status_code,
        http.post("/sign-out", content=b"x", headers={"content-length": "-1"}).status_code,
    ]

    assert told == [413] * 4


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/cases//",
        "/cases/x/",
        "/%2e%2e/",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/Static/inbox.css",
        "/api/v1",
        "/.git/config",
    ],
)
def test_addresses_that_nearly_fit_are_none(http: TestClient, path: str) -> None:
    """And none of them leads elsewhere."""
    answer = http.send(http.build_request("GET", f"http://127.0.0.1{path}"))
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "TRACE", "PROPFIND", "PUT", "DELETE", "PATCH"])
def test_other_methods_do_nothing(http: TestClient, method: str) -> None:
    """The same as for what is not there."""
    assert http.request(method, "/").status_code == 404


def test_a_websocket_is_turned_away(http: TestClient) -> None:
    """There is none."""
    with pytest.raises(WebSocketDisconnect), http.websocket_connect("/live"):
        pass


def test_the_same_asker_too_often_is_told_to_wait(http: TestClient) -> None:
    """Guessing the token is thirty tries a minute."""
    tries = [http.get("/sign-in/token", params={"token": str(n)}).status_code for n in range(40)]
    assert tries.count(429) >= 9
    assert tries.count(401) <= 30


def test_what_a_stranger_says_of_a_proxy_does_not_give_them_more_tries(http: TestClient) -> None:
    """X-Forwarded-For is read from our own proxies only."""
    tries = [
        http.get(
            "/sign-in/token", params={"token": "x"}, headers={"x-forwarded-for": f"10.0.0.{n}"}
        ).status_code
        for n in range(40)
    ]
    assert tries.count(429) >= 9


def test_behind_a_proxy_everybody_has_tries_of_their_own(db_url: str) -> None:
    """The last address that no proxy of ours has is the asker's; what stands before it they wrote themselves."""
    with client(db_url, signed_in=False, proxies=["127.0.0.1"]) as http:
        same = [
            http.get("/sign-in", headers={"x-forwarded-for": f"{n}.1.1.1, 9.9.9.9"}).status_code
            for n in range(40)
        ]
        others = [
            http.get("/sign-in", headers={"x-forwarded-for": f"8.8.8.{n}"}).status_code for n in range(40)
        ]
    assert same.count(429) >= 9
    assert others.count(429) == 0


def test_the_memory_of_who_asked_is_bounded() -> None:
    """A flood from everywhere is forgotten from its oldest on."""
    rate = Rate(1, 3600)
    assert all(rate.allows(str(n)) for n in range(50_000))
    assert len(rate._left) <= 20_000
    assert not rate.allows("49999")


def test_a_database_that_is_away_is_said_so_and_nothing_else(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the session itself cannot be looked up."""

    async def away(*_: Any, **__: Any) -> Any:
        raise psycopg.OperationalError("connection to secret-host failed")

    monkeypatch.setattr(http.app.state.desk, "rows", away)  # type: ignore[attr-defined]  # what the client and the application hold

    answers = [http.get("/"), http.get("/api/v1/cases")]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert not any("secret-host" in answer.text for answer in answers)
    assert answers[1].json()["error"]["status"] == 503


def test_a_body_that_does_not_end_is_given_up(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends one byte a minute keeps nothing busy."""
    monkeypatch.setattr("hitl_graph.inbox.guard._BODY_S", 0.05)
    sent: list[Any] = []

    async def slow() -> Any:
        await asyncio.sleep(3600)

    async def told(message: Any) -> None:
        sent.append(message)

    cookie = f"{next(iter(http.cookies.keys()))}={next(iter(http.cookies.values()))}"
    headers = [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode())]
    scope = {"type": "http", "method": "POST", "path": "/sign-out", "query_string": b"", "headers": headers,
             "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http"}  # fmt: skip
    http.portal.call(http.app, scope, slow, told)  # type: ignore[union-attr]  # open while the client is

    assert sent[0]["status"] == 408
