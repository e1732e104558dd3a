"""Messages to people: real mail to a real server, through Apprise, with links and without drafts."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.notices import apprise, deliver
from hitl_graph.notices.sending import SendFailed
from tests.notices.receivers import (
    DRAFT,
    TICKET,
    free_port,
    mail_server,
    pause,
    query,
    receiving,
    secret_graph,
    silent_server,
    until,
)


@pytest.fixture
async def desk(db_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("HITL_INBOX_URL", "https://inbox.example.com")
    async with Desk(db_url) as found:
        yield found


def paused(db_url: str, **changes: Any) -> None:
    with open_checkpointer(db_url) as checkpointer:
        pause(secret_graph(**changes).compile(checkpointer=checkpointer, name="support"))


def mail_url(port: int) -> str:
    return f"mailto://127.0.0.1:{port}/?from=desk@example.com&to=leads@example.com&mode=insecure"


async def test_a_case_is_mailed_with_its_link_and_no_draft(
    db_url: str, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Gate, owner and link; nothing of the proposal or the evidence in any byte or log record."""
    caplog.set_level(logging.DEBUG)
    with mail_server() as (box, port):
        await desk.notices.put("leads", kind="apprise", address=mail_url(port), by="ops")
        paused(db_url)
        [case] = await desk.pending()

        sent = await deliver(desk)

    assert sent == 1
    assert box.recipients == [["leads@example.com"]]
    assert box.mails[0]["subject"] == "Waits for you: reply"
    assert "Owner: support-leads" in box.text()
    assert f"https://inbox.example.com/reviews/t1/{case.id}" in box.text()
    everything = repr(box.raw) + box.text() + caplog.text
    assert [text for text in (DRAFT, TICKET, case.question) if text in everything] == []


async def test_a_second_mail_says_that_it_is_settled(db_url: str, desk: Desk) -> None:
    """By whom, and no more."""
    with mail_server() as (box, port):
        await desk.notices.put("leads", kind="apprise", address=mail_url(port), by="ops")
        paused(db_url)
        await deliver(desk)
        [case] = await desk.pending()
        await desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        await deliver(desk)

    assert [mail["subject"] for mail in box.mails] == ["Waits for you: reply", "Settled: reply"]
    assert "Settled by ana." in box.text()
    assert DRAFT not in box.text()


async def test_links_that_decide_are_in_the_mail_only_where_they_were_asked_for(
    db_url: str, desk: Desk
) -> None:
    """For one person, and only what the gate allows."""
    with mail_server() as (box, port):
        await desk.notices.put("a", kind="apprise", address=mail_url(port), by="ops")
        await desk.notices.put(
            "b", kind="apprise", address=mail_url(port), person="ana", actions=["approve", "reject"], by="ops"
        )
        paused(db_url)

        await deliver(desk)

    counts = sorted(box.text(number).count("https://inbox.example.com/links/") for number in range(2))
    assert counts == [0, 2]


async def test_the_same_links_come_with_every_attempt(db_url: str, desk: Desk) -> None:
    """A double of a mail is the same mail: its links are used once together."""
    with mail_server() as (box, port):
        await desk.notices.put(
            "a", kind="apprise", address=mail_url(port), person="ana", actions=["approve"], by="ops"
        )
        paused(db_url)
        await deliver(desk)
        query(db_url, "UPDATE hitl.outbox SET status = 'queued'")

        await deliver(desk)

    assert box.text(0) == box.text(1)


async def test_a_mail_server_that_is_down_is_tried_again_and_its_password_told_to_nobody(
    db_url: str, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log nor the outbox nor an event holds the address."""
    caplog.set_level(logging.DEBUG)
    address = f"mailto://user:smtp-password@127.0.0.1:{free_port()}/?from=desk@example.com&to=a@example.com"
    await desk.notices.put("leads", kind="apprise", address=address, by="ops")
    paused(db_url)

    sent = await deliver(desk, attempts=1)

    [row] = await desk.notices.outbox()
    assert (sent, row["status"]) == (0, "failed")
    kept = repr(query(db_url, "SELECT * FROM hitl.events")) + repr(row) + caplog.text
    assert "smtp-password" not in kept


async def test_a_mail_server_that_hangs_holds_up_nobody(db_url: str, desk: Desk) -> None:
    """Apprise has a thread and a limit; the webhook is sent meanwhile."""
    with silent_server() as port, receiving() as receiver:
        await desk.notices.put("mail", kind="apprise", address=mail_url(port), by="ops")
        await desk.notices.put("hook", kind="webhook", address=receiver.url, by="ops")
        paused(db_url)

        running = asyncio.create_task(deliver(desk, timeout_s=4))
        await asyncio.to_thread(until, lambda: receiver.got, "the webhook waits for the mail")
        still_hangs = not running.done()

        assert await running == 1
        assert still_hangs
    [row] = await desk.notices.outbox(target="mail")
    assert (row["status"], row["error"]) == ("queued", "Apprise's service did not answer in time")


@pytest.mark.parametrize(
    "address", ["json://127.0.0.1:1/", "xml://127.0.0.1:1/", "form://127.0.0.1:1/", "syslog://", "dbus://"]
)
def test_services_that_are_not_on_the_list_are_not_called(address: str) -> None:
    """Whoever wrote the row: the check stands before the call as well."""
    with pytest.raises(SendFailed, match="scheme") as caught:
        apprise.notify(address, "title", "body", trusted=False)

    assert caught.value.final


def test_an_address_that_apprise_cannot_read_is_given_up() -> None:
    """Another attempt would not help, and the address is not said."""
    with pytest.raises(SendFailed, match="cannot read") as caught:
        apprise.notify("slack://nothing-of-a-token", "title", "body", trusted=False)

    assert caught.value.final
    assert "nothing-of-a-token" not in str(caught.value)


def test_a_mail_server_whose_name_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Apprise would connect to is resolved first, however the address came to name it."""
    inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [inside])
    address = "mailto://user:word@example.com?from=desk@example.com&to=a@example.com&smtp=mail.example.com"

    with pytest.raises(SendFailed, match="private network") as caught:
        apprise.notify(address, "title", "body", trusted=False)

    assert caught.value.certain
