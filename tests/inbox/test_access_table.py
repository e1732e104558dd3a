"""Every address of the application, and who may use it: a route without an entry here fails."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.testclient import TestClient

from hitl_graph.inbox import Settings, create_app
from hitl_graph.inbox.principals import RIGHTS
from hitl_graph.inbox.sign_in import LocalToken, OpenIdConnect
from hitl_graph.testing.databases import Databases
from tests.inbox.persons import ROLES, Somebody, office, staff
from tests.inbox.serving import GENEROUS, paused
from tests.notices.receivers import query

QUESTION = "May the secret of this tenant be told?"
OPEN = "open"
"""For everybody: the sign-in, and what is signed or bound to a person by itself."""

PAGES = {
    "GET /": "see",
    "GET /palette": "see",
    "POST /queue/bulk": "decide",
    "POST /queue/act": "decide",
    "POST /queue/filters": "see",
    "POST /queue/filters/remove": "see",
    "GET /cases/{review_id}": "see",
    "GET /cases/{review_id}/now": "see",
    "GET /reviews/{thread_id:path}/{review_id}": "see",
    "POST /cases/{review_id}/decide": "decide",
    "POST /cases/{review_id}/undo": "decide",
    "POST /cases/{review_id}/retry": "decide",
    "POST /cases/{review_id}/claim": "decide",
    "POST /cases/{review_id}/release": "decide",
    "POST /cases/{review_id}/take-claim": "move",
    "POST /cases/{review_id}/reassign": "move",
    "POST /cases/{review_id}/reroute": "move",
    "POST /cases/{review_id}/snooze": "move",
    "POST /cases/{review_id}/acknowledge": "decide",
    "POST /cases/{review_id}/here": "see",
    "POST /cases/{review_id}/opened": "see",
    "POST /cases/{review_id}/draft": "decide",
    "POST /cases/{review_id}/draft/drop": "decide",
    "POST /cases/{review_id}/form": "decide",
    "GET /live": "see",
    "GET /insights": "see",
    "GET /graphs": "see",
    "GET /graphs/threads": "see",
    "GET /graphs/thread": "see",
    "POST /graphs/hold": "hold",
    "GET /audit": "audit",
    "POST /audit/verify": "audit",
    "POST /audit/export": "audit",
    "GET /settings": "settings",
    "GET /settings/people": "settings",
    "POST /settings/people": "settings",
    "POST /settings/people/remove": "settings",
    "GET /settings/authority": "settings",
    "POST /settings/authority": "settings",
    "POST /settings/authority/remove": "settings",
    "GET /settings/codes": "settings",
    "POST /settings/codes": "settings",
    "POST /settings/codes/remove": "settings",
    "GET /settings/notices": "settings",
    "POST /settings/notices/targets": "settings",
    "POST /settings/notices/targets/remove": "settings",
    "POST /settings/notices/retry": "settings",
    "POST /settings/notices/senders": "settings",
    "POST /settings/notices/senders/remove": "settings",
    "GET /settings/me": "see",
    "GET /links/{token}": "see",
    "HEAD /links/{token}": "see",
    "POST /links/{token}": "see",
    "POST /settings/me/tokens": "see",
    "POST /settings/me/tokens/revoke": "see",
    "POST /settings/me/filters/remove": "see",
    "POST /settings/me/sign-out": "see",
}
API = {
    "GET /api/v1/openapi.json": "see",
    "GET /api/v1/me": "see",
    "GET /api/v1/cases": "see",
    "GET /api/v1/cases/{review_id}": "see",
    "GET /api/v1/cases/{review_id}/history": "see",
    "POST /api/v1/cases/{review_id}/decide": "decide",
    "POST /api/v1/cases/{review_id}/undo": "decide",
    "POST /api/v1/cases/{review_id}/retry": "decide",
    "POST /api/v1/cases/{review_id}/acknowledge": "decide",
    "POST /api/v1/cases/{review_id}/claim": "decide",
    "POST /api/v1/cases/{review_id}/heartbeat": "decide",
    "POST /api/v1/cases/{review_id}/release": "decide",
    "POST /api/v1/cases/{review_id}/take-over": "decide",
    "POST /api/v1/cases/{review_id}/snooze": "move",
    "POST /api/v1/cases/{review_id}/reassign": "move",
    "POST /api/v1/cases/{review_id}/reroute": "move",
    "GET /api/v1/drafts": "decide",
    "GET /api/v1/cases/{review_id}/draft": "decide",
    "PUT /api/v1/cases/{review_id}/draft": "decide",
    "DELETE /api/v1/cases/{review_id}/draft": "decide",
    "GET /api/v1/codes": "see",
    "POST /api/v1/codes": "settings",
    "DELETE /api/v1/codes": "settings",
    "GET /api/v1/people": "settings",
    "PUT /api/v1/people/{person_id}": "settings",
    "DELETE /api/v1/people/{person_id}": "settings",
    "GET /api/v1/holds": "see",
    "POST /api/v1/holds": "hold",
    "POST /api/v1/holds/{hold_id}/release": "hold",
    "GET /api/v1/audit/export": "audit",
    "GET /api/v1/audit/verify": "audit",
    "GET /api/v1/tokens": "see",
    "POST /api/v1/tokens": "see",
    "DELETE /api/v1/tokens/{token_id}": "see",
}
ENTRY = {
    "GET /sign-in": OPEN,
    "POST /sign-in": OPEN,
    "GET /sign-in/token": OPEN,
    "GET /sign-in/start": OPEN,
    "GET /sign-in/callback": OPEN,
    "POST /sign-out": OPEN,
    "POST /webhooks/decide": OPEN,
    "GET /static": OPEN,
}
TABLE = {**PAGES, **API, **ENTRY}

NOT_THERE = {
    "DELETE /api/v1/cases/{review_id}/draft",
    "GET /api/v1/cases/{review_id}/draft",
    "DELETE /api/v1/people/{person_id}",
    "DELETE /api/v1/tokens/{token_id}",
    "POST /api/v1/holds/{hold_id}/release",
    "GET /graphs/thread",
    "POST /graphs/hold",
    "GET /settings/people",
    "POST /settings/people/remove",
}
"""Where somebody with the right is told that there is none: there is no draft, no such person, token or hold."""


@dataclasses.dataclass
class Office:
    """The inbox with one case, and one person of each role who is signed in."""

    url: str
    http: TestClient
    case: dict[str, Any]
    people: dict[str, Somebody]


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[Office]:
    """One for all: those who may not change nothing, and what those who may do here is refused for what it says."""
    with hitl_databases.fresh_database() as url:
        paused(url, "t1", question=QUESTION)
        staff(url)
        with office(url, limits=GENEROUS) as http:
            http.app.state.live._ended = True  # type: ignore[attr-defined]  # the stream ends after its first word
            people = {role: Somebody(http, role) for role in ROLES}
            [case] = people["admin"].get("/api/v1/cases").json()["cases"]
            yield Office(url, http, case, {**people, "nobody": Somebody(http, None)})


def every(routes: Iterable[Any]) -> Iterator[str]:
    """Every method and path, also of routers within."""
    for route in routes:
        if hasattr(route, "effective_candidates"):
            yield from every(route.effective_candidates())
        elif isinstance(route, Mount):
            yield f"GET {route.path}"
        else:
            yield from (f"{method} {route.path}" for method in route.methods)


def known() -> set[str]:
    """Of all ways to sign in."""
    ways = (LocalToken("ana"), OpenIdConnect("https://accounts.example.com", "id", "secret"))
    return {one for way in ways for one in every(create_app(Settings(sign_in=way)).routes)}


def ask(place: Office, who: str, route: str, **values: str) -> Any:
    """One request with an empty body, about the case that there is."""
    method, _, path = route.partition(" ")
    path = path.replace("{thread_id:path}", "t1")
    ids = {
        "review_id": place.case["id"],
        "hold_id": "1",
        "person_id": "nobody-here",
        "token_id": "none",
        "token": "x.y",
    }
    body = (
        {"json": {}}
        if "/api/" in path and method in ("POST", "PUT")
        else {"data": {}}
        if method == "POST"
        else {}
    )
    return place.people[who].send(method, path.format(**{**ids, **values}), **body)


def test_every_route_has_an_entry() -> None:
    """Whoever adds one says here whom it is for, and whoever takes one away takes it from here."""
    assert known() ^ set(TABLE) == set()


GUARDED = {**PAGES, **API}


def routes() -> list[str]:
    """Those that there are, with those at the end that end a session."""
    return sorted(known() & set(GUARDED), key=lambda one: (one.endswith("sign-out"), one))


@pytest.mark.parametrize("role", ROLES)
def test_who_has_no_right_finds_nothing(place: Office, role: str) -> None:
    """The very 404 of an address that is not there."""
    rights = RIGHTS[role]
    nothing = {kind: ask(place, role, f"GET {kind}nothing-here") for kind in ("/", "/api/v1/")}
    wrong = []
    for route in (one for one in routes() if GUARDED[one] not in rights):
        answer, same = ask(place, role, route), nothing["/api/v1/" if "/api/" in route else "/"]
        if (answer.status_code, main(answer.text)) != (404, main(same.text)):
            wrong.append((route, answer.status_code, answer.text[:200]))
    assert not wrong


def main(text: str) -> str:
    """What a page says, without the marks of its session."""
    return text.partition("<main")[2] or text


@pytest.mark.parametrize("role", ROLES)
def test_who_has_the_right_is_let_in(place: Office, role: str) -> None:
    """To what the page or the desk then says."""
    rights = RIGHTS[role]
    wrong = []
    for route in (one for one in routes() if GUARDED[one] in rights and not one.endswith("sign-out")):
        status = ask(place, role, route).status_code
        out = {401, 405, 500, 503} | (set() if route in NOT_THERE else {404})
        if status in out:
            wrong.append((route, status))
    assert not wrong


def test_nobody_comes_further_than_the_sign_in(place: Office) -> None:
    """Pages lead there, the API says 401; event streams and exports too."""
    told = {route: ask(place, "nobody", route) for route in routes()}
    wrong = [
        (route, answer.status_code)
        for route, answer in told.items()
        if answer.status_code != (401 if "/api/" in route else 303)
    ]
    assert not wrong
    assert all(
        "/api/" in route or answer.headers["location"].startswith("/sign-in")
        for route, answer in told.items()
    )


def test_looking_at_every_address_a_hundred_times_decides_nothing(place: Office) -> None:
    """Prefetchers, scanners and previews: GET and HEAD, with and without a session."""
    before = (
        query(place.url, "SELECT count(*) AS n FROM hitl.decisions"),
        query(place.url, "SELECT status, claimed_by FROM hitl.reviews"),
    )
    paths = {route.partition(" ")[2] for route in known()}
    for who in ("admin", "nobody"):
        for method in ("GET", "HEAD"):
            for path in sorted(paths):
                ask(place, who, f"{method} {path}")
    after = (
        query(place.url, "SELECT count(*) AS n FROM hitl.decisions"),
        query(place.url, "SELECT status, claimed_by FROM hitl.reviews"),
    )
    assert before == after
    assert len(paths) * 4 > 100
