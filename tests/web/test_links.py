"""Links in messages: looking decides nothing, one press decides once, and whatever is wrong with one looks the same."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hitl_graph import Approve, Case, Desk, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import LinkRefused, NoticeError
from hitl_graph.notices import deliver, make_link
from hitl_graph.notices.links import read_token, token_of
from tests.notices.receivers import DRAFT, TICKET, mail_server, pause, query, secret_graph
from tests.web.serving import client

INSTALLATION = "a random text of this installation"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_SECRET", INSTALLATION)


@pytest.fixture
def web(db_url: str) -> Iterator[httpx.Client]:
    with client(db_url) as found:
        yield found


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    with Desk(db_url) as found:
        yield found


@pytest.fixture
def case(db_url: str, desk: SyncDesk) -> Case:
    with open_checkpointer(db_url) as checkpointer:
        pause(secret_graph().compile(checkpointer=checkpointer, name="support"))
    [found] = desk.pending()
    return found


def link(desk: SyncDesk, case: Case, action: str = "approve", **how: Any) -> str:
    return desk.run(make_link(desk.desk, case, person="ana", action=action, **how))


def forged(token: str, **changes: Any) -> str:
    """The same link with other words, and the signature of before."""
    said, _, signature = token.partition(".")
    fields = json.loads(base64.urlsafe_b64decode(said + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**fields, **changes}).encode()).decode().rstrip("=")
    return f"{other}.{signature}"


def refusals(db_url: str) -> list[str]:
    rows = query(db_url, "SELECT data FROM hitl.events WHERE type = 'refused_attempt' ORDER BY id")
    return [row["data"]["why"] for row in rows]


def test_fifty_looks_at_a_mailed_link_decide_nothing_and_one_press_does(
    db_url: str, web: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefetchers and scanners open what they find in a mail; a real mail, a real server."""
    monkeypatch.setenv("HITL_INBOX_URL", str(web.base_url))

    async def mailed(port: int) -> None:
        async with Desk(db_url) as desk:
            url = f"mailto://127.0.0.1:{port}/?from=desk@example.com&to=ana@example.com&mode=insecure"
            actions = ["approve", "reject"]
            await desk.notices.put("ana", kind="apprise", address=url, person="ana", actions=actions, by="o")
            with open_checkpointer(db_url) as checkpointer:
                pause(secret_graph().compile(checkpointer=checkpointer, name="support"))
            assert await deliver(desk) == 1

    with mail_server() as (box, port):
        asyncio.run(mailed(port))
    approve, reject = re.findall(r"http://\S+/links/\S+", box.text())

    looks = [web.get(url) for url in (approve, reject) for _ in range(50)]
    before = query(db_url, "SELECT status FROM hitl.reviews")
    press = web.post(reject)

    assert {look.status_code for look in looks} == {200}
    assert before == [{"status": "pending"}]
    assert press.status_code == 200
    assert query(db_url, "SELECT by, type FROM hitl.decisions") == [{"by": "ana", "type": "reject"}]


def test_the_page_shows_the_question_and_a_button_and_no_draft(
    web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """The gate's own words; what is proposed is for those who sign in."""
    page = web.get(f"/links/{link(desk, case)}")

    assert case.question in page.text
    assert '<form method="post"><button type="submit">Approve</button></form>' in page.text
    assert [
        text for text in (DRAFT, TICKET, "<script", "<style", " src=", " href=") if text in page.text
    ] == []


@pytest.mark.parametrize("path", ["/links/nothing", "/reviews/t1/r1", "/nowhere", "/webhooks/decide"])
def test_every_answer_forbids_what_a_page_does_not_need(web: httpx.Client, path: str) -> None:
    """Nothing is loaded, framed, kept, sniffed or passed on, in errors as well."""
    headers = web.get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; form-action 'self'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    wanted = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
    assert {name: headers.get(name) for name in wanted} == wanted


def test_a_head_request_decides_nothing(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """Nor do other methods."""
    path = f"/links/{link(desk, case)}"

    codes = [web.request(method, path).status_code for method in ("HEAD", "OPTIONS", "PUT", "DELETE")]

    assert codes == [200, 405, 405, 405]
    assert desk.show(case.id).status == "pending"


def test_a_press_decides_in_the_persons_name(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """The action and the person of the link, whatever the request says."""
    page = web.post(f"/links/{link(desk, case)}", data={"by": "mallory", "action": "reject"})

    done = desk.show(case.id)
    assert page.status_code == 200
    assert (done.status, done.by, done.decision_type) == ("decided", "ana", "approve")


def test_a_link_is_used_once(db_url: str, web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """The second press is refused and kept, also where the case waits again."""
    path = f"/links/{link(desk, case)}"
    first = web.post(path)
    query(db_url, "UPDATE hitl.reviews SET status = 'pending'; DELETE FROM hitl.decisions")

    second = web.post(path)

    assert (first.status_code, second.status_code) == (200, 403)
    assert refusals(db_url) == ["it was used before"]
    assert desk.show(case.id).status == "pending"


def test_a_crash_before_a_link_is_marked_as_used_lets_it_decide_no_second_time(
    db_url: str, web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """I1: the decision's own key is the link, whatever the mark says."""
    path = f"/links/{link(desk, case)}"
    web.post(path)
    query(db_url, "DELETE FROM hitl.used_links")
    query(db_url, "UPDATE hitl.reviews SET status = 'pending'; DELETE FROM hitl.decisions")

    web.post(path)

    assert desk.show(case.id).status == "pending"


def test_many_presses_at_once_are_one_decision(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """One is told that it decided, the others that they did not."""
    path = f"/links/{link(desk, case)}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: web.post(path).status_code, range(12)))

    assert codes.count(200) == 1
    assert set(codes) == {200, 403}
    assert [event["type"] for event in desk.history(case.id)].count("decided") == 1


def test_both_links_of_a_mail_decide_once(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """Approve and reject pressed at the same time: one of them."""
    paths = [f"/links/{link(desk, case, action)}" for action in ("approve", "reject")] * 4

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda path: web.post(path).status_code, paths))

    assert codes.count(200) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "reject"},
        {"person": "bob"},
        {"review_id": "another"},
        {"thread_id": "another"},
        {"digest": "another"},
        {"expires": 9_999_999_999},
        {"nonce": "another"},
        {"more": 1},
    ],
)
def test_an_altered_link_is_refused_and_kept(
    db_url: str, web: httpx.Client, desk: SyncDesk, case: Case, changes: dict[str, Any]
) -> None:
    """Each of its words is signed."""
    token = forged(link(desk, case), **changes)

    codes = [web.get(f"/links/{token}").status_code, web.post(f"/links/{token}").status_code]

    assert codes == [403, 403]
    assert refusals(db_url) == ["its signature is wrong", "its signature is wrong"]
    assert desk.show(case.id).status == "pending"


@pytest.mark.parametrize("token", ["x", "x.y", "%00", "x" * 5000, "é.é", "..", "eyJ9.AAAA"])
def test_what_is_no_link_is_refused(web: httpx.Client, desk: SyncDesk, token: str) -> None:
    """Without a crash."""
    assert web.post(f"/links/{token}").status_code in (403, 404)


def test_a_link_of_another_installation_is_refused(
    web: httpx.Client, desk: SyncDesk, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another secret, another signature."""
    token = link(desk, case)
    monkeypatch.setenv("HITL_SECRET", "another secret of another installation")

    assert web.post(f"/links/{token}").status_code == 403


def test_an_expired_link_is_refused(db_url: str, web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """By the database's clock."""
    token = link(desk, case, hours=1e-9)

    reply = web.post(f"/links/{token}")

    assert reply.status_code == 403
    assert refusals(db_url) == ["it has expired"]


def test_a_link_to_what_stood_there_before_is_refused(
    db_url: str, web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """I4: the case has changed since the mail was written."""
    token = link(desk, dataclasses.replace(case, digest="sha256:old"))

    codes = [web.get(f"/links/{token}").status_code, web.post(f"/links/{token}").status_code]

    assert codes == [403, 403]
    assert len(refusals(db_url)) == 1
    assert desk.show(case.id).status == "pending"


def test_whatever_is_wrong_looks_the_same(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """A used, an expired, an altered and a foreign link get one page."""
    good = link(desk, case)
    tokens = [link(desk, case, hours=1e-9), forged(good, person="bob"), "nothing", good]
    desk.decide(case.id, Approve(), by="bob", digest=case.digest)

    pages = {web.post(f"/links/{token}").text for token in tokens}

    assert len(pages) == 1


def test_a_person_who_may_not_decide_does_not_by_a_link(
    web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """R33: the directory is asked when the link is used."""
    token = link(desk, case)
    desk.people.put("ana", groups=["finance"], by="ops")

    assert web.post(f"/links/{token}").status_code == 403
    assert desk.show(case.id).status == "pending"


def test_the_key_is_made_once_where_none_is_given(
    db_url: str, desk: SyncDesk, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process of the installation reads each other's links."""
    monkeypatch.delenv("HITL_SECRET")
    with Desk(db_url) as other, concurrent.futures.ThreadPoolExecutor(4) as pool:
        desks = [desk, other, desk, other]
        list(pool.map(lambda each: link(each, case), desks))

    assert query(db_url, "SELECT count(*)::int AS keys FROM hitl.secrets") == [{"keys": 1}]


def test_a_short_secret_is_refused(desk: SyncDesk, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be guessed."""
    monkeypatch.setenv("HITL_SECRET", "short")

    with pytest.raises(NoticeError, match="HITL_SECRET"):
        link(desk, case)


@pytest.mark.parametrize("wrong", [{"action": "edit"}, {"hours": 0}, {"hours": float("nan")}, {"hours": "3"}])
def test_a_link_that_cannot_be_made_names_its_field(
    desk: SyncDesk, case: Case, wrong: dict[str, Any]
) -> None:
    """Only what a button can say."""
    with pytest.raises(NoticeError, match=next(iter(wrong))):
        link(desk, case, **wrong)


def test_a_token_reads_back_as_the_link(desk: SyncDesk, case: Case) -> None:
    """With the key that it was written with, and no other."""
    from hitl_graph.notices.links import link_key

    key = desk.run(link_key(desk.desk))
    found = read_token(link(desk, case), key)

    assert (found.review_id, found.person, found.action) == (case.id, "ana", "approve")
    assert read_token(token_of(found, key), key) == found
    with pytest.raises(LinkRefused):
        read_token(token_of(found, key), b"another")


def test_a_deep_link_says_nothing_about_a_case(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """The same page whether it exists or not, and no markup from the address."""
    there = web.get(f"/reviews/{case.thread_id}/{case.id}").text
    nowhere = web.get(f"/reviews/{case.thread_id}/nothing").text
    odd = web.get("/reviews/a%2Fb/%3Cscript%3Ealert(1)%3C%2Fscript%3E")

    assert there.replace(case.id, "nothing") == nowhere
    assert "<script" not in odd.text
