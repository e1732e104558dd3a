"""Links of real mails, opened and pressed in the inbox: looking decides nothing, and a wrong one is refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from hitl_graph import Desk, open_checkpointer
from hitl_graph.notices import deliver, make_link
from hitl_graph.testing import FakeClock
from tests.inbox.persons import Somebody, office
from tests.inbox.serving import GENEROUS
from tests.notices.receivers import mail_server, pause, query, secret_graph
from tests.web.test_links import forged

HERE = "http://127.0.0.1"
PREFETCH = {"sec-purpose": "prefetch;prerender", "purpose": "prefetch", "x-moz": "prefetch"}
STATE = {
    "cases": "SELECT status, claimed_by, snoozed_until, person, owner FROM hitl.reviews",
    "decisions": "SELECT * FROM hitl.decisions",
    "votes": "SELECT * FROM hitl.votes",
    "links": "SELECT * FROM hitl.used_links",
    "holds": "SELECT * FROM hitl.holds",
    "drafts": "SELECT * FROM hitl.drafts",
    "presence": "SELECT * FROM hitl.presence",
    "effects": "SELECT * FROM hitl.effects",
}
"""Everything that a look could have changed."""


class Mailed:
    """The inbox, its case, and what stood in the mail about it."""

    def __init__(self, url: str, http: TestClient, text: str) -> None:
        self.url, self.http = url, http
        self.ana, self.ben = Somebody(http, "ana"), Somebody(http, "ben")
        self.stranger = Somebody(http, None)
        self.addresses = [found.removeprefix(HERE) for found in re.findall(rf"{HERE}/\S+", text)]
        self.approve, self.reject = (one for one in self.addresses if one.startswith("/links/"))
        with Desk(url) as desk:
            [self.case] = desk.cases()

    def link(self, **how: Any) -> str:
        """Another link to the same case."""

        async def made() -> str:
            async with Desk(self.url) as desk:
                return await make_link(desk, self.case, person="ana", action="approve", **how)

        return f"/links/{asyncio.run(made())}"

    def state(self) -> dict[str, Any]:
        """What stands in the database."""
        return {name: query(self.url, statement) for name, statement in STATE.items()}

    def refused(self, who: Somebody, path: str) -> None:
        """It is shown to nobody and decides nothing, by looking and by pressing."""
        before = self.state()
        assert [who.send(method, path).status_code for method in ("GET", "HEAD", "POST")] == [403] * 3
        assert self.state() == before


@pytest.fixture
def mailed(db_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailed]:
    monkeypatch.setenv("HITL_INBOX_URL", HERE)
    monkeypatch.setenv("HITL_SECRET", "a random text of this installation")

    async def sent(port: int) -> None:
        async with Desk(db_url) as desk:
            for person, by in (("ben", "operator"), ("ana", "ben")):
                await desk.people.put(person, groups=["support-leads"], roles=["reviewer", "admin"], by=by)
            target = f"mailto://127.0.0.1:{port}/?from=desk@example.com&to=ana@example.com&mode=insecure"
            how: dict[str, Any] = {
                "kind": "apprise",
                "person": "ana",
                "actions": ["approve", "reject"],
                "by": "ben",
            }
            await desk.notices.put("ana", address=target, **how)
            with open_checkpointer(db_url) as checkpointer:
                pause(secret_graph().compile(checkpointer=checkpointer, name="support"))
            assert await deliver(desk) == 1

    with mail_server() as (box, port):
        asyncio.run(sent(port))
        text = box.text()
    with office(db_url, limits=GENEROUS) as http:
        yield Mailed(db_url, http, text)


def test_a_hundred_prefetches_of_everything_mailed_decide_nothing_and_one_press_does(mailed: Mailed) -> None:
    """R28: scanners, previews and prefetchers, signed in and not, by GET and HEAD; each address of the mail."""
    before = mailed.state()
    seen = set()
    for who in (mailed.stranger, mailed.ana):
        for path in mailed.addresses:
            for number in range(50):
                method = "HEAD" if number % 2 else "GET"
                seen.add(who.send(method, path, headers=PREFETCH if number % 3 else {}).status_code)
    assert mailed.state() == before
    assert seen <= {200, 303, 404}, seen
    assert mailed.ana.post(mailed.reject).status_code == 200
    assert query(mailed.url, "SELECT by, type FROM hitl.decisions") == [{"by": "ana", "type": "reject"}]


def test_a_walk_through_every_address_of_every_page_decides_nothing(mailed: Mailed) -> None:
    """What stands in an href, an action or a source, as far as it leads, by GET and HEAD."""
    before = mailed.state()
    waiting, walked = ["/", *mailed.addresses], set()
    while waiting:
        path = waiting.pop()
        if path in walked or path.startswith(("/live", "/static")):
            continue
        walked.add(path)
        answers = [mailed.ana.send(method, path, headers=PREFETCH) for method in ("GET", "HEAD")]
        assert all(answer.status_code < 500 for answer in answers), path
        found = re.findall(r'(?:href|src|action|hx-get|hx-post|formaction)="(/[^"]*)"', answers[0].text)
        waiting += [unescape(one).partition("#")[0] for one in found]
        waiting += [answers[0].headers[name] for name in ("location",) if name in answers[0].headers]
    assert len(walked) > 40
    assert mailed.state() == before


def test_a_link_that_somebody_else_has_taken_is_refused_to_them(mailed: Mailed) -> None:
    """Stolen, forwarded, or on a shared machine: who is signed in as another decides nothing in the person's name."""
    mailed.refused(mailed.ben, mailed.approve)
    [row] = query(mailed.url, "SELECT data FROM hitl.events WHERE type = 'refused_attempt'")
    assert (row["data"]["by"], row["data"]["why"]) == ("ben", "it is for ana")
    assert mailed.ana.post(mailed.approve).status_code == 200


def test_what_a_link_decided_can_be_taken_back_as_on_the_page(mailed: Mailed) -> None:
    assert mailed.ana.post(mailed.approve).status_code == 200
    undone = mailed.ana.post(f"/api/v1/cases/{mailed.case.id}/undo", json={})
    assert undone.json()["status"] == "pending", undone.text


def test_a_stolen_link_leads_whoever_is_not_signed_in_to_the_sign_in_and_no_further(mailed: Mailed) -> None:
    """The same for every link, so that nobody learns from it which ones count."""
    before = mailed.state()
    for path in (mailed.approve, "/links/x"):
        answers = [mailed.stranger.send(method, path) for method in ("GET", "HEAD", "POST")]
        assert [one.status_code for one in answers] == [303] * 3
        assert all(one.headers["location"].startswith("/sign-in") for one in answers)
    assert mailed.state() == before


def test_a_link_is_used_once(mailed: Mailed) -> None:
    """Replayed, and the other link of the mail too."""
    assert mailed.ana.post(mailed.approve).status_code == 200
    for path in (mailed.approve, mailed.reject):
        mailed.refused(mailed.ana, path)


def test_a_link_that_has_expired_is_refused(hitl_clock: FakeClock, mailed: Mailed) -> None:
    """By the database's clock."""
    path = mailed.link(hours=1)
    hitl_clock.advance(hours=1, seconds=1)
    mailed.refused(mailed.ana, path)


ALTERED: dict[str, Callable[[str], str]] = {
    "another action": lambda token: forged(token, action="reject"),
    "another person": lambda token: forged(token, person="ben"),
    "another case": lambda token: forged(token, review_id="x"),
    "another digest": lambda token: forged(token, digest="sha256:x"),
    "a later end": lambda token: forged(token, expires=9_999_999_999),
    "no signature": lambda token: token.partition(".")[0] + ".",
    "a cut signature": lambda token: token[:-1],
    "another letter": lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "a letter more": lambda token: token + "A",
    "nothing": lambda _: "x",
}


def test_a_link_that_was_altered_is_refused(mailed: Mailed) -> None:
    """Each of its words is signed; the last one is as it was mailed, and decides."""
    for change in ALTERED.values():
        mailed.refused(mailed.ana, "/links/" + change(mailed.approve.removeprefix("/links/")))
    assert mailed.ana.post(mailed.approve).status_code == 200


def test_a_link_to_what_has_changed_is_refused(mailed: Mailed) -> None:
    """I4: it is bound to the digest of what was mailed."""
    with open_checkpointer(mailed.url) as checkpointer:
        graph = secret_graph().compile(checkpointer=checkpointer, name="support")
        config = {"configurable": {"thread_id": mailed.case.thread_id}}
        graph.update_state(
            config, {"email": {"to": "kim@example.com", "body": "Another one."}}, as_node="draft"
        )
        graph.invoke(None, config)
    mailed.refused(mailed.ana, mailed.approve)


def test_a_link_opens_nothing_in_the_inbox_of_another_tenant(mailed: Mailed) -> None:
    """The same database and the same secret: the key is each tenant's own."""
    with office(mailed.url, tenant="other", limits=GENEROUS) as http:
        before = mailed.state()
        ana = Somebody(http, "ana")
        assert [ana.send(one, mailed.approve).status_code for one in ("GET", "POST")] == [403] * 2
    assert mailed.state() == before


def test_a_stolen_link_is_refused_to_whom_the_proxy_names_otherwise(mailed: Mailed) -> None:
    """Also where they have not signed in."""
    before = mailed.state()
    answer = mailed.http.post(mailed.approve, headers={"x-forwarded-user": "ben"})
    assert answer.status_code == 403
    assert mailed.state() == before


def test_a_link_of_somebody_who_may_no_longer_decide_is_refused(mailed: Mailed) -> None:
    """R33: the directory is asked when it is pressed."""
    with Desk(mailed.url) as desk:
        desk.people.put("ana", groups=["finance"], roles=["reviewer"], by="ben")
    before = mailed.state()
    assert mailed.ana.post(mailed.approve).status_code == 403
    assert mailed.state() == before


def test_whatever_is_wrong_with_a_link_looks_the_same(mailed: Mailed) -> None:
    """Nobody learns from the page whether there is such a case, or who was first."""
    mailed.ana.post(mailed.approve)
    tokens = [mailed.approve, mailed.reject, "/links/x", "/links/" + forged(mailed.approve[7:], person="ben")]
    assert len({mailed.ana.post(path).text for path in tokens}) == 1


def test_a_press_on_another_site_carries_no_session(mailed: Mailed) -> None:
    """The page of a link is drawn into no other, and is kept nowhere."""
    page = mailed.ana.get(mailed.approve)
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
