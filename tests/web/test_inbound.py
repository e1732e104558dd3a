"""Signed webhooks that decide: once, in the right name, on what stands there; everything else is refused and kept."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hitl_graph import Approve, Case, Desk, open_checkpointer
from hitl_graph.desk.sync_desk import SyncDesk
from tests.notices.receivers import DRAFT, pause, query, secret_graph
from tests.web.serving import KEY, client, signed

WHERE = "/webhooks/decide"


@pytest.fixture
def web(db_url: str) -> Iterator[httpx.Client]:
    with client(db_url) as found:
        yield found


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    with Desk(db_url) as found:
        found.notices.put_sender("crm", people=["ana"], secret=KEY, by="ops")
        yield found


@pytest.fixture
def case(db_url: str, desk: SyncDesk) -> Case:
    with open_checkpointer(db_url) as checkpointer:
        pause(secret_graph().compile(checkpointer=checkpointer, name="support"))
    [found] = desk.pending()
    return found


def order(case: Case, **changes: Any) -> dict[str, Any]:
    whole = {"review_id": case.id, "digest": case.digest, "by": "ana", "decision": {"type": "approve"}}
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def refusals(db_url: str) -> list[dict[str, Any]]:
    rows = query(db_url, "SELECT data FROM hitl.events WHERE type = 'refused_attempt' ORDER BY id")
    return [row["data"] for row in rows]


def test_a_signed_webhook_decides(db_url: str, web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """And the thread takes it as any other decision."""
    reply = web.post(WHERE, **signed(order(case)))

    with open_checkpointer(db_url) as checkpointer:
        desk.resume(secret_graph().compile(checkpointer=checkpointer, name="support"))
    done = desk.show(case.id)
    assert (reply.status_code, reply.json()["status"]) == (200, "decided")
    assert (done.status, done.error) == ("applied", None)
    assert (done.by, done.via, done.decision_type) == ("ana", "webhook", "approve")


def test_the_same_webhook_twice_gets_the_same_answer(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """One decision; the sender may have missed the first answer."""
    request = signed(order(case))

    replies = [web.post(WHERE, **request) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 200]
    assert len({reply.text for reply in replies}) == 1
    assert [event["type"] for event in desk.history(case.id)].count("decided") == 1


def test_the_same_webhook_many_times_at_once_is_one_decision(
    web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """R56: all get the same answer."""
    request = signed(order(case))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: web.post(WHERE, **request), range(16)))

    assert {(reply.status_code, reply.text) for reply in replies} == {(200, replies[0].text)}
    assert [event["type"] for event in desk.history(case.id)].count("decided") == 1


def test_a_webhook_again_after_it_was_taken_back_is_told_so(
    web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """R71: a takeover has voided it: nothing of it counts, and nobody is told that it does."""
    request = signed(order(case))
    web.post(WHERE, **request)
    desk.take_over(case.thread_id, by="zoe", reason="I call them")

    reply = web.post(WHERE, **request)

    assert (reply.status_code, reply.json()["error"]["field"]) == (409, "review_id")
    assert "taken back" in reply.json()["error"]["problem"]
    assert desk.show(case.id).status == "pending"


def test_the_same_id_for_another_request_is_refused(web: httpx.Client, case: Case) -> None:
    """An id stands for one request."""
    web.post(WHERE, **signed(order(case)))

    reply = web.post(WHERE, **signed(order(case, decision={"type": "reject"})))

    assert (reply.status_code, reply.json()["error"]["field"]) == (409, "webhook-id")


def test_two_webhooks_out_of_order_decide_once(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """The later one is told who was first."""
    web.post(WHERE, **signed(order(case, decision={"type": "reject"}), message_id="m2"))

    reply = web.post(WHERE, **signed(order(case), message_id="m1"))

    assert (reply.status_code, reply.json()["error"]["field"]) == (409, "review_id")
    assert "ana" in reply.json()["error"]["problem"]
    assert desk.show(case.id).decision_type == "reject"


def test_a_digest_of_before_is_refused(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """I4: what was seen is not what stands there."""
    reply = web.post(WHERE, **signed(order(case, digest="sha256:0")))

    assert (reply.status_code, reply.json()["error"]["field"]) == (409, "digest")
    assert desk.show(case.id).status == "pending"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r["headers"].update({"webhook-signature": "v1,AAAA"}),
        lambda r: r["headers"].update({"webhook-signature": ""}),
        lambda r: r["headers"].pop("webhook-signature"),
        lambda r: r["headers"].pop("webhook-id"),
        lambda r: r["headers"].update({"webhook-id": "another"}),
        lambda r: r["headers"].pop("webhook-timestamp"),
        lambda r: r["headers"].update({"webhook-timestamp": "nan"}),
        lambda r: r["headers"].update({"webhook-timestamp": "999999999999"}),
        lambda r: r.update(content=r["content"].replace(b"approve", b"reject")),
        lambda r: r.update(content=b"\xff\xfe"),
    ],
)
def test_what_is_not_signed_is_refused_alike(
    db_url: str, web: httpx.Client, desk: SyncDesk, case: Case, spoil: Any
) -> None:
    """The same words whatever was wrong, nothing decided, and an event."""
    request = signed(order(case))
    spoil(request)

    reply = web.post(WHERE, **request)

    assert reply.status_code == 401
    assert reply.json()["error"] == {
        "field": "webhook-signature",
        "problem": "the request is not signed by a known sender, or is too old",
    }
    assert desk.show(case.id).status == "pending"
    assert [told["what"] for told in refusals(db_url)] == ["webhook"]


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_signature_is_refused(
    web: httpx.Client, desk: SyncDesk, case: Case, minutes: int
) -> None:
    """Five minutes either way, by the database's clock."""
    at = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)

    reply = web.post(WHERE, **signed(order(case), at=at))

    assert reply.status_code == 401
    assert desk.show(case.id).status == "pending"


def test_a_removed_sender_decides_nothing(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """From then on."""
    desk.notices.remove_sender("crm", by="ops")

    assert web.post(WHERE, **signed(order(case))).status_code == 401


def test_a_sender_decides_in_its_own_names_only(
    db_url: str, web: httpx.Client, desk: SyncDesk, case: Case
) -> None:
    """R34: nobody else's, and the attempt is kept."""
    reply = web.post(WHERE, **signed(order(case, by="bob")))

    assert (reply.status_code, reply.json()["error"]["field"]) == (403, "by")
    assert refusals(db_url)[0]["by"] == "webhook:crm"
    assert desk.show(case.id).status == "pending"


def test_a_sender_may_stand_for_a_group(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """For whoever is listed in it."""
    desk.people.put("ana", groups=["support-leads"], by="ops")
    desk.people.put("bob", groups=["finance"], by="ops")
    desk.notices.put_sender("crm", groups=["support-leads"], by="ops")

    replies = [web.post(WHERE, **signed(order(case, by=by), message_id=by)) for by in ("bob", "ana")]

    assert [reply.status_code for reply in replies] == [403, 200]


def test_the_directory_has_the_last_word(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """R33: a sender's right to a name does not make that name a reviewer of this group."""
    desk.people.put("ana", groups=["finance"], by="ops")

    reply = web.post(WHERE, **signed(order(case)))

    assert (reply.status_code, reply.json()["error"]["field"]) == (403, "by")


@pytest.mark.parametrize(
    ("status", "field", "changes"),
    [
        (422, "decision.type", {"decision": {"type": "aprove"}}),
        (422, "decision.changes", {"decision": {"type": "edit"}}),
        (422, "decision", {"decision": [1]}),
        (422, "decision", {"decision": [{"type": "approve"}, {"type": "reject"}]}),
        (422, "decision.changes.to", {"decision": {"type": "edit", "changes": {"to": 7}}}),
        (400, "decision", {"decision": "approve"}),
        (400, "review_id", {"review_id": ""}),
        (400, "digest", {"digest": None}),
        (400, "by", {"by": 7}),
        (400, "extra", {"extra": 1}),
        (404, "review_id", {"review_id": "nothing"}),
        (404, "review_id", {"thread_id": "another"}),
    ],
)
def test_a_bad_body_names_its_field(
    web: httpx.Client, desk: SyncDesk, case: Case, status: int, field: str, changes: dict[str, Any]
) -> None:
    """Nothing is saved, and the case can still be decided."""
    reply = web.post(WHERE, **signed(order(case, **changes)))

    assert (reply.status_code, reply.json()["status"]) == (status, "refused")
    assert reply.json()["error"]["field"] == field
    assert desk.show(case.id).status == "pending"
    assert web.post(WHERE, **signed(order(case), message_id="m2")).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"by": NaN}',
        b'{"by": "a", "by": "b"}',
        b"[" * 100_000,
        b'{"by": ' + b"9" * 5000 + b"}",
        b'"\\ud800"',
        b'{"review_id": "\\u0000", "digest": "d", "by": "ana", "decision": {"type": "approve"}}',
        b'{"review_id": "r", "digest": "d", "by": "\\ud800\\u0000", "decision": {"type": "approve"}}',
    ],
)
def test_bytes_that_are_no_order_are_told_so(web: httpx.Client, desk: SyncDesk, body: bytes) -> None:
    """A clear answer, never a crash."""
    reply = web.post(WHERE, **signed(body))

    assert 400 <= reply.status_code < 500
    assert reply.json()["error"]["problem"]
    assert "sys." not in reply.json()["error"]["problem"]


def test_a_huge_body_is_not_read(web: httpx.Client, desk: SyncDesk) -> None:
    """One MiB at most."""
    reply = web.post(WHERE, **signed(b"x" * (1 << 21)))

    assert reply.status_code == 413


def test_a_decided_case_is_not_decided_by_a_webhook(web: httpx.Client, desk: SyncDesk, case: Case) -> None:
    """The desk's decision stands, and the answer names who took it."""
    desk.decide(case.id, Approve(), by="bob", digest=case.digest)

    reply = web.post(WHERE, **signed(order(case)))

    assert reply.status_code == 409
    assert "bob" in reply.json()["error"]["problem"]


def test_a_flood_of_forgeries_does_not_fill_the_log(db_url: str, web: httpx.Client, desk: SyncDesk) -> None:
    """Some are kept; nobody can write without end."""
    for number in range(80):
        web.post(WHERE, content=b"x", headers={"webhook-id": str(number)})

    assert 0 < len(refusals(db_url)) <= 60


def test_no_answer_tells_of_the_draft(web: httpx.Client, case: Case) -> None:
    """Neither when it is decided nor when it is refused."""
    replies = [
        web.post(WHERE, **signed(order(case, digest=d), message_id=d[:9])) for d in ("old", case.digest)
    ]

    assert [reply.status_code for reply in replies] == [409, 200]
    assert not [reply for reply in replies if DRAFT in reply.text]


def test_a_body_that_does_not_end_is_given_up(web: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends nothing more keeps nothing busy; on a real socket."""
    monkeypatch.setattr("hitl_graph.web.app._BODY_S", 0.05)
    with socket.create_connection((web.base_url.host, web.base_url.port or 80), timeout=20) as to:
        to.sendall(b"POST /webhooks/decide HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\n{")
        assert b" 408 " in to.recv(1000).split(b"\r\n")[0]
