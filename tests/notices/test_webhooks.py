"""Webhooks to a real receiver: signed, at least once under one id, and never held up by another receiver."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.notices import deliver
from hitl_graph.workers.ticking import acts_of
from tests.notices.receivers import (
    DRAFT,
    TICKET,
    Receiver,
    free_port,
    pause,
    query,
    receiving,
    secret_graph,
    silent_server,
    until,
)


@pytest.fixture
async def desk(db_url: str) -> AsyncIterator[Desk]:
    async with Desk(db_url) as found:
        yield found


@pytest.fixture(name="receiver")
def listening() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def paused(db_url: str, *names: str) -> None:
    with open_checkpointer(db_url) as checkpointer:
        graph = secret_graph().compile(checkpointer=checkpointer, name="support")
        for name in names or ("t1",):
            pause(graph, name)


def now(db_url: str) -> None:
    """What waits for its next attempt or for a lease waits no more."""
    query(db_url, "UPDATE hitl.outbox SET next_at = now() - interval '1 second', lease_until = NULL")


async def test_a_pause_is_posted_and_signed(
    db_url: str, desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver's library verifies it; it names the case, and where to open it."""
    monkeypatch.setenv("HITL_INBOX_URL", "https://inbox.example.com/")
    target = await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
    paused(db_url, "a/b c")
    [case] = await desk.pending()

    sent = await deliver(desk)

    [told] = receiver.verified(str(target.secret))
    assert sent == 1
    assert told["type"] == "review.asked"
    assert told["data"].items() >= {"review_id": case.id, "gate": "reply", "digest": case.digest}.items()
    assert told["data"]["link"] == f"https://inbox.example.com/reviews/a%2Fb%20c/{case.id}"


async def test_no_draft_is_in_any_byte_or_log_record(
    db_url: str, desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the proposal nor the evidence, from the pause to the settlement."""
    caplog.set_level(logging.DEBUG)
    await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
    paused(db_url)
    await deliver(desk)
    [case] = await desk.pending()
    await desk.decide(case.id, Approve(note=DRAFT), by="ana", digest=case.digest)

    await deliver(desk)

    everything = repr(receiver.got) + caplog.text
    assert len(receiver.got) == 2
    assert [text for text in (DRAFT, TICKET) if text in everything] == []


async def test_the_receiver_hears_who_settled_it(db_url: str, desk: Desk, receiver: Receiver) -> None:
    """`review.closed`, signed, with the name and nothing of the decision."""
    target = await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
    paused(db_url)
    await deliver(desk)
    [case] = await desk.pending()
    await desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    await deliver(desk)

    [_, closed] = receiver.verified(str(target.secret))
    assert (closed["type"], closed["data"]["review_id"]) == ("review.closed", case.id)
    assert closed["data"]["by"] == "ana"
    assert "decision" not in closed["data"]


async def test_a_failed_notice_is_tried_again_later_under_the_same_id(db_url: str, desk: Desk) -> None:
    """Not at once, and a receiver can tell that it is the same."""
    with receiving(500, 200) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)

        counts = [await deliver(desk), await deliver(desk)]
        now(db_url)
        counts.append(await deliver(desk))

        assert counts == [0, 0, 1]
        assert len(receiver.got) == 2
        assert len({one["headers"]["webhook-id"] for one in receiver.got}) == 1
    [row] = await desk.notices.outbox()
    assert (row["status"], row["attempts"], row["error"]) == ("sent", 2, None)


async def test_after_the_last_attempt_it_is_given_up_with_an_alarm(db_url: str, desk: Desk) -> None:
    """A person can have it sent after all."""
    with receiving(500, 500, 200) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)
        for _ in range(2):
            await deliver(desk, attempts=2)
            now(db_url)
        [row] = await desk.notices.outbox()
        alarms = query(db_url, "SELECT data FROM hitl.events WHERE type = 'alarm'")

        again = await desk.notices.retry(by="ops", target="all")
        await deliver(desk)

        assert (row["status"], row["error"]) == ("failed", "the receiver answered 500")
        assert [alarm["data"]["target"] for alarm in alarms] == ["all"]
        assert (again, len(receiver.got)) == (1, 3)


async def test_a_receiver_that_is_gone_is_not_asked_again(db_url: str, desk: Desk) -> None:
    """410 says so."""
    with receiving(410) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)

        await deliver(desk)

        [row] = await desk.notices.outbox()
        assert row["status"] == "failed"


async def test_a_redirect_is_not_followed(db_url: str, desk: Desk, receiver: Receiver) -> None:
    """A signed request goes nowhere but where it was addressed."""

    def elsewhere(handler: Any) -> None:
        handler.send_response(307)
        handler.send_header("location", receiver.url)
        handler.send_header("content-length", "0")
        handler.end_headers()

    with receiving(elsewhere) as first:
        await desk.notices.put("all", kind="webhook", address=first.url, by="ops")
        paused(db_url)

        await deliver(desk)

        assert (len(first.got), receiver.got) == (1, [])
    [row] = await desk.notices.outbox()
    assert (row["status"], "redirect" in row["error"]) == ("queued", True)


async def test_a_receiver_that_hangs_holds_up_nobody(db_url: str, desk: Desk, receiver: Receiver) -> None:
    """The others are told while it still hangs; it gets another attempt."""
    with silent_server() as port:
        await desk.notices.put("hangs", kind="webhook", address=f"http://127.0.0.1:{port}/", by="ops")
        await desk.notices.put("works", kind="webhook", address=receiver.url, by="ops")
        paused(db_url, "t1", "t2", "t3")

        running = asyncio.create_task(deliver(desk, timeout_s=4))
        await asyncio.to_thread(until, lambda: len(receiver.got) == 3, "the others wait for it")
        still_hangs = not running.done()
        sent = await running

    assert still_hangs
    assert sent == 3
    hanging = await desk.notices.outbox(target="hangs")
    assert {row["status"] for row in hanging} == {"queued"}
    assert sum(row["attempts"] for row in hanging) == 1


async def test_a_receiver_that_drips_runs_out_of_time(db_url: str, desk: Desk) -> None:
    """A byte now and then is no answer."""

    def drips(handler: Any) -> None:
        while not receiver.hold.wait(0.05):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    with receiving(drips) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)

        await deliver(desk, timeout_s=0.5)

    [row] = await desk.notices.outbox()
    assert (row["status"], row["error"]) == ("queued", "the receiver did not answer in time")


@pytest.mark.parametrize("said", [b"", b"no http at all\n", b"x" * 100_000, b"HTTP/1.1 \n"])
async def test_an_answer_that_is_none_is_a_failed_attempt(db_url: str, desk: Desk, said: bytes) -> None:
    """Whatever comes back, the next attempt comes."""
    with receiving(lambda handler: handler.wfile.write(said)) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)

        await deliver(desk, timeout_s=2)

    [row] = await desk.notices.outbox()
    assert row["status"] == "queued"


async def test_the_answers_body_is_not_read(db_url: str, desk: Desk) -> None:
    """An endless one ends the attempt as well as none."""

    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not receiver.hold.is_set():
            try:
                handler.wfile.write(b"x" * 4096)
            except OSError:
                return

    with receiving(endless) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)

        assert await deliver(desk) == 1


async def test_several_who_deliver_at_once_send_each_notice_once(
    db_url: str, desk: Desk, receiver: Receiver
) -> None:
    """A lease keeps the others away, in order."""
    target = await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
    paused(db_url, *(f"t{number}" for number in range(12)))

    async with Desk(db_url) as second:
        await asyncio.gather(*(deliver(each) for each in (desk, second, desk, second)))
    await deliver(desk)

    threads = [told["data"]["thread_id"] for told in receiver.verified(str(target.secret))]
    assert sorted(threads) == sorted(f"t{number}" for number in range(12))


async def test_killed_between_send_and_mark_it_is_sent_again_under_the_same_id(db_url: str) -> None:
    """kill -9: the receiver has it, the outbox does not know, and the double can be told by its id."""
    program = (
        "import asyncio, sys; from hitl_graph import Desk; from hitl_graph.notices import deliver\n"
        "async def main():\n"
        "    async with Desk(sys.argv[1]) as desk: await deliver(desk)\n"
        "asyncio.run(main())"
    )

    def holds(_: Any) -> None:
        receiver.hold.wait(30)

    async with Desk(db_url) as desk:
        with receiving(holds, 200) as receiver:
            target = await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
            paused(db_url)
            with subprocess.Popen([sys.executable, "-c", program, db_url]) as process:  # noqa: ASYNC220  # begun at once
                await asyncio.to_thread(until, lambda: receiver.got, "nothing was sent")
                os.kill(process.pid, signal.SIGKILL)
            leased = await deliver(desk)
            now(db_url)

            sent = await deliver(desk)

            first, second = receiver.got
            assert (leased, sent) == (0, 1)
            assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
            assert first["body"] == second["body"]
            assert Webhook(str(target.secret)).verify(second["body"], second["headers"])


async def test_a_receiver_that_is_down_says_so_without_its_address(
    db_url: str, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """In the outbox, the log and the alarm."""
    caplog.set_level(logging.DEBUG)
    address = f"http://127.0.0.1:{free_port()}/hook?token=hook-password"
    await desk.notices.put("all", kind="webhook", address=address, by="ops")
    paused(db_url)

    await deliver(desk, attempts=1)

    [row] = await desk.notices.outbox()
    assert (row["status"], row["error"]) == ("failed", "the receiver cannot be reached")
    kept = repr(query(db_url, "SELECT * FROM hitl.events")) + repr(row) + caplog.text
    assert "hook-password" not in kept


async def test_a_name_that_leads_into_the_private_network_is_refused_when_it_is_used(
    db_url: str, desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it led elsewhere while the target was made."""
    port = receiver.server.server_port

    async def leads_here(host: str, *args: Any, **kwargs: Any) -> list[Any]:
        return [(0, 0, 0, "", ("127.0.0.1", port))] if host == "hooks.example.com" else []

    await desk.notices.put("all", kind="webhook", address="https://hooks.example.com/", by="ops")
    paused(db_url)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", leads_here)

    await deliver(desk)

    [row] = await desk.notices.outbox()
    assert receiver.got == []
    assert row["error"] == "the receiver's name leads into a private network"


async def test_a_target_that_is_switched_off_keeps_its_notices(
    db_url: str, desk: Desk, receiver: Receiver
) -> None:
    """They go out when it is switched on, if the case still waits."""
    await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
    paused(db_url, "t1", "t2")
    await desk.notices.put("all", kind="webhook", address=receiver.url, active=False, by="ops")
    [first, _] = await desk.pending()

    off = await deliver(desk)
    await desk.decide(first.id, Approve(), by="ana", digest=first.digest, thread_id="t1")
    await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")

    assert (off, await deliver(desk)) == (0, 1)
    assert [told["data"]["thread_id"] for told in receiver.bodies()] == ["t2"]


async def test_the_next_attempts_come_later_and_later(db_url: str, desk: Desk) -> None:
    """Seconds at first, an hour at most, by the database's clock."""
    with receiving(500) as receiver:
        await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)
        waits = []
        for _ in range(11):
            await deliver(desk)
            [row] = query(db_url, "SELECT extract(epoch FROM next_at - now())::float8 AS s FROM hitl.outbox")
            waits.append(row["s"])
            now(db_url)

    assert 5 < waits[0] <= 15
    assert waits[0] < waits[3] < waits[6]
    assert max(waits) <= 3600


async def test_a_worker_delivers_by_itself(db_url: str, desk: Desk, receiver: Receiver) -> None:
    """It is one of the things that every worker does again and again."""
    await desk.notices.put("all", kind="webhook", address=receiver.url, by="ops")
    paused(db_url)

    await acts_of(desk)["notices.deliver"]()

    assert [told["type"] for told in receiver.bodies()] == ["review.asked"]
