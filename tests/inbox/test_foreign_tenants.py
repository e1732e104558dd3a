"""Every address and every role of another tenant, with the names of what is ours: the same as for what there is not."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hitl_graph import Desk
from hitl_graph.inbox.tokens import make_token
from hitl_graph.testing.databases import Databases
from tests.inbox.persons import ROLES, Somebody, office, staff
from tests.inbox.serving import GENEROUS, client, enter, paused
from tests.inbox.test_access_table import PAGES, QUESTION, main, routes
from tests.notices.receivers import query

SECRET = "secret-of-ours"  # noqa: S105  # a word to look for
THREAD = f"thread-{SECRET}"
KEPT = (
    *("reviews", "decisions", "holds", "people", "codes", "authority", "drafts", "targets", "senders"),
    *("api_tokens", "sessions", "filters", "presence", "outbox"),
)


@dataclasses.dataclass
class Two:
    """Our inbox with one of everything, and those of two other tenants on the same database.

    `people` name what is ours, and `quiet` name nothing.
    """

    url: str
    ours: TestClient
    theirs: TestClient
    names: dict[str, str]
    people: dict[str, Somebody]
    quiet: dict[str, Somebody]


@pytest.fixture(scope="module")
def two(hitl_databases: Databases) -> Iterator[Two]:
    async def token(url: str) -> str:
        async with Desk(url) as desk:
            return (await make_token(desk, "lead", label=SECRET))[1].id

    with hitl_databases.fresh_database() as url:
        paused(url, THREAD, question=QUESTION)
        staff(url)
        with Desk(url) as desk:
            [case] = desk.cases()
            desk.people.put(SECRET, groups=[SECRET], roles=["reviewer"], by="admin")
            desk.drafts.save(case.id, {"body": SECRET}, by="lead")
            desk.codes.put(kind="reason", code=SECRET, by="admin")
            desk.authority.put(SECRET, group=SECRET, by="admin")
            desk.notices.put(SECRET, kind="apprise", address=f"mailto://{SECRET}.example", by="admin")
            desk.notices.put_sender(SECRET, by="admin", people=["lead"])
            hold = desk.holds.pause("thread", THREAD, by="admin", reason=SECRET)
        names = {
            "case": case.id,
            "thread": THREAD,
            "digest": case.digest,
            "hold": str(hold.id),
            "word": SECRET,
        }
        names["token"] = asyncio.run(token(url))
        staff(url, tenant="other")
        staff(url, tenant="quiet")
        with (
            office(url, limits=GENEROUS) as ours,
            office(url, tenant="other", limits=GENEROUS) as theirs,
            office(url, tenant="quiet", limits=GENEROUS) as third,
        ):
            for http in (ours, theirs, third):
                http.app.state.live._ended = True  # type: ignore[attr-defined]  # the stream ends after its first word
            people, quiet = ({role: Somebody(http, role) for role in ROLES} for http in (theirs, third))
            Somebody(ours, "lead")
            yield Two(url, ours, theirs, names, people, quiet)


NOWHERE = {
    "case": "f" * 32,
    "thread": "thread-nowhere",
    "digest": "sha256:0",
    "hold": "987654",
    "word": "nowhere",
    "token": "f" * 12,
}


def asked(who: Somebody, route: str, names: dict[str, str]) -> Any:
    """A request that names whatever it can, in its address and in its body."""
    method, _, path = route.partition(" ")
    place = {
        "{review_id}": names["case"],
        "{thread_id:path}": names["thread"],
        "{hold_id}": names["hold"],
        "{person_id}": names["word"],
        "{token_id}": names["token"],
    }
    for part, name in place.items():
        path = path.replace(part, name)
    case, thread, word = names["case"], names["thread"], names["word"]
    if "/api/" in path:
        how: dict[str, Any] = {"json": _body(route, names)} if method in ("POST", "PUT") else {}
        query_of = {"thread_id": thread, "owner": word, "group": word, "gate": word}
        query_of |= {"kind": "reason", "code": word} if path.endswith("/codes") and method == "DELETE" else {}
        return who.send(method, path, params=query_of, **how)
    if method == "GET":
        query_of = {"thread": thread, "id": word, "q": word, "graph": word, "case": case, "who": word}
        return who.send(method, path, params={} if path in ("/live", "/insights") else query_of)
    ticked = json.dumps({"id": case, "thread": thread, "digest": names["digest"]})
    form = {
        "thread": thread,
        "digest": names["digest"],
        "decision": "approve",
        "reason": "x",
        "to": word,
        "note": "x",
    }
    form |= {"number": "0", "hours": "1", "doing": "viewing", "case": ticked, "id": case, "act": "claim"}
    form |= {
        "was": word,
        "target": word,
        "sender": word,
        "token": names["token"],
        "name": word,
        "format": "csv",
    }
    form |= {
        "kind": "reason",
        "code": word,
        "action": word,
        "holder": word,
        "holder_kind": "group",
        "q": word,
    }
    if path == "/graphs/hold":
        form |= {"act": "release", "scope": "thread", "value": thread, "hold": names["hold"]}
    return who.post(path, data=form)


def _body(route: str, names: dict[str, str]) -> dict[str, Any]:
    """What an operation of the API needs."""
    ends: dict[str, dict[str, Any]] = {
        "/decide": {"decision": {"type": "approve"}, "digest": names["digest"], "thread_id": names["thread"]},
        "/take-over": {"reason": "x"},
        "/reassign": {"to": "lead", "reason": "x"},
        "/reroute": {"to": "support-leads", "reason": "x"},
        "/snooze": {"hours": 1},
        "/draft": {"body": {}},
        "/release": {},
        "/holds": {"scope": "thread", "value": "of-their-own", "reason": "x"},
        "/tokens": {"label": "x"},
        "/codes": {"kind": "reason", "code": "of-their-own"},
    }
    return next((body for end, body in ends.items() if route.endswith(end)), {})


WRITING = {
    "POST /settings/people",
    "POST /settings/authority",
    "POST /settings/codes",
    "POST /settings/notices/targets",
    "POST /settings/notices/senders",
    "POST /queue/filters",
    "PUT /api/v1/people/{person_id}",
}
"""What makes something of their own, under the name that something of ours has."""


@pytest.mark.parametrize("role", ROLES)
def test_what_is_ours_is_there_for_nobody_of_another_tenant(two: Two, role: str) -> None:
    """I11: no status, no word and no row tells it from what there is not, and nothing of ours changes."""
    before = kept(two.url)
    wrong = []
    for route in (one for one in routes() if not one.endswith("sign-out") and one not in WRITING):
        told = [asked(two.people[role], route, names) for names in (two.names, NOWHERE)]
        texts = [
            without(main(answer.text), names)
            for answer, names in zip(told, (two.names, NOWHERE), strict=True)
        ]
        if told[0].status_code != told[1].status_code or (texts[0] != texts[1] and route not in MOVING):
            wrong.append((route, [answer.status_code for answer in told], texts))
        if QUESTION in told[0].text:
            wrong.append((route, "says the question", texts))
    assert wrong == []
    assert kept(two.url) == before


MOVING = {
    *("POST /api/v1/tokens", "POST /api/v1/holds", "GET /api/v1/tokens", "GET /api/v1/holds", "GET /"),
    *("GET /api/v1/audit/export", "GET /api/v1/audit/verify", "GET /audit", "POST /audit/export"),
    *("POST /audit/verify", "GET /settings/me", "POST /settings/me/tokens", "GET /insights"),
}
"""What says the time, or what they have just made themselves: of ours it may say nothing, which is looked at below."""


@pytest.mark.parametrize("role", ROLES)
def test_no_list_file_or_stream_of_another_tenant_holds_a_word_of_ours(two: Two, role: str) -> None:
    """Pages, exports, the event stream; asked without naming anything."""
    somebody, words = two.quiet[role], (SECRET, QUESTION, two.names["case"], two.names["token"])
    leaks = []
    for route in routes():
        method, _, path = route.partition(" ")
        if "{" in path or (method != "GET" and route not in ("POST /audit/export", "POST /audit/verify")):
            continue
        for kind in ("csv", "jsonl") if path == "/audit/export" else ("",):
            text = somebody.send(
                method, path, **({"data": {"format": kind}} if method == "POST" else {})
            ).text
            leaks += [(route, word) for word in words if word in text]
    assert leaks == []


def test_what_they_make_under_a_name_of_ours_is_their_own(two: Two) -> None:
    """And nothing of ours is another by it."""
    before = kept(two.url)
    staff(two.url, tenant="maker")
    with office(two.url, tenant="maker", limits=GENEROUS) as http:
        maker = Somebody(http, "admin")
        for route in sorted(WRITING & set(routes())):
            asked(maker, route, two.names)
    assert kept(two.url) == before


def test_a_cookie_and_a_mark_of_our_inbox_open_nothing_in_theirs(two: Two) -> None:
    """One database, two tenants: stolen or tossed over, a session is of its own tenant."""
    ours = Somebody(two.ours, "admin")
    stolen = {"cookie": ours.headers["cookie"], "x-forwarded-user": "admin"}
    two.theirs.cookies.clear()
    assert two.theirs.get("/", headers=stolen).status_code == 303
    assert two.theirs.get("/api/v1/me", headers=stolen).status_code == 401
    both = {**two.people["admin"].headers, "x-csrf-token": ours.csrf}
    assert two.theirs.post("/queue/filters", headers=both, data={"name": "x"}).status_code == 403


def test_a_token_of_ours_opens_nothing_in_theirs(two: Two) -> None:
    """Of programs too."""

    async def token() -> str:
        async with Desk(two.url) as desk:
            return (await make_token(desk, "admin", label="x"))[0]

    bearer = {"authorization": f"Bearer {asyncio.run(token())}"}
    assert two.ours.get("/api/v1/me", headers=bearer).status_code == 200
    assert two.theirs.get("/api/v1/me", headers=bearer).status_code == 401


def test_signing_in_here_does_not_sign_in_there(db_url: str) -> None:
    """The same person, the same browser, the same host: each inbox asks for itself."""
    with client(db_url, tenant="a") as one, client(db_url, tenant="b", signed_in=False) as other:
        other.cookies.update(one.cookies)
        assert other.get("/").status_code == 303
        enter(other)
        assert other.get("/").status_code == 200


def without(text: str, names: dict[str, str]) -> str:
    """A page without the names that were asked with."""
    for name in sorted(names.values(), key=len, reverse=True):
        text = text if name.isdecimal() else text.replace(name, "·")
    return text


def kept(url: str) -> dict[str, Any]:
    """Everything that is ours."""
    there = {row["t"] for row in query(url, "SELECT tablename AS t FROM pg_tables WHERE schemaname = 'hitl'")}
    statement = "SELECT to_json(r)::text AS row FROM hitl.{} r WHERE tenant = 'default' ORDER BY 1"
    return {
        name: [
            {key: value for key, value in json.loads(row["row"]).items() if key != "used_at"}
            for row in query(url, statement.format(name))
        ]
        for name in KEPT
        if name in there
    }


def test_every_table_that_is_looked_at_is_there(two: Two) -> None:
    """And has something of ours in it, but for what nobody here makes."""
    found = kept(two.url)
    assert {name for name, rows in found.items() if not rows} <= {
        "decisions",
        "filters",
        "presence",
        "outbox",
    }
    assert set(found) == set(KEPT)


def test_pages_are_all_looked_at() -> None:
    assert len(routes()) >= len(PAGES)
