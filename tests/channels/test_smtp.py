"""Mail to a customer through a real server: one message for one key, and an error says whether it may have gone out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hitl_graph.channels import Channel, SmtpChannel
from hitl_graph.errors import DefinitionError, EffectNotDone, EffectUnknown
from tests.channels.servers import hangs_up
from tests.notices.receivers import Mailbox, free_port, mail_server, silent_server, until

TO = "kim@example.com"


@pytest.fixture
def server() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as found:
        yield found


def channel(port: int, **changes: Any) -> SmtpChannel:
    return SmtpChannel(
        **{"host": "127.0.0.1", "port": port, "sender": "desk@example.com", "security": "none"} | changes
    )


def test_a_mail_arrives_as_it_was_written(server: tuple[Mailbox, int]) -> None:
    """Every line of it, dots and other alphabets too."""
    box, port = server
    body = "Grüße,\n.\n..two dots\nlast line"

    channel(port).send(TO, "Ihre Anfrage: Öffnungszeiten", body, "key-1")

    [mail] = box.mails
    assert box.recipients == [[TO]]
    assert (mail["from"], mail["to"]) == ("desk@example.com", TO)
    assert mail["subject"] == "Ihre Anfrage: Öffnungszeiten"
    assert box.text().replace("\r\n", "\n") == body + "\n"


def test_the_same_key_is_the_same_message(server: tuple[Mailbox, int]) -> None:
    """R70: whoever drops doubles can do so; another key is another message."""
    box, port = server

    for key in ("key-1", "key-1", "key-2"):
        channel(port).send(TO, "Hello", "Hello", key)

    ids = [mail["message-id"] for mail in box.mails]
    assert ids[0] == ids[1] != ids[2]
    assert "key-1" not in ids[0]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("to", {"to": "kim@example.com\r\nBcc: all@example.com"}),
        ("to", {"to": "kim@example.com, all@example.com"}),
        ("to", {"to": "Kim <kim@example.com>"}),
        ("to", {"to": ""}),
        ("to", {"to": "kim"}),
        ("to", {"to": None}),
        ("subject", {"subject": "Hello\nBcc: all@example.com"}),
        ("subject", {"subject": "Hello\u2028there"}),
        ("subject", {"subject": "x" * 2000}),
        ("subject", {"subject": "half \ud800"}),
        ("body", {"body": "half \ud800"}),
        ("body", {"body": "\x00"}),
        ("key", {"key": ""}),
    ],
)
def test_what_would_be_another_mail_is_refused(
    server: tuple[Mailbox, int], field: str, wrong: dict[str, Any]
) -> None:
    """No header comes in through a text, and nothing was sent."""
    box, port = server
    given = {"to": TO, "subject": "Hello", "body": "Hello", "key": "key-1", **wrong}

    with pytest.raises(EffectNotDone, match=f"{field}.*nothing was sent"):
        channel(port).send(**given)

    assert box.raw == []


def test_a_server_that_is_down_certainly_sent_nothing() -> None:
    """It may be tried again."""
    with pytest.raises(EffectNotDone, match="cannot be reached"):
        channel(free_port()).send(TO, "Hello", "Hello", "key-1")


def test_a_server_that_never_speaks_certainly_sent_nothing() -> None:
    """The wait is limited."""
    with silent_server() as port, pytest.raises(EffectNotDone, match="in time"):
        channel(port, timeout_s=0.3).send(TO, "Hello", "Hello", "key-1")


def test_a_refused_recipient_certainly_got_nothing() -> None:
    """The server said no before the message."""

    class Refuses(Mailbox):
        async def handle_RCPT(self, *_: Any) -> str:  # noqa: N802  # as aiosmtpd calls it
            return "550 no such person"

    with mail_server(Refuses()) as (box, port), pytest.raises(EffectNotDone, match="recipient \\(550\\)"):
        channel(port).send(TO, "Hello", "Hello", "key-1")

    assert box.raw == []


def test_a_message_that_the_server_does_not_take_certainly_was_not_sent() -> None:
    """Its answer after the message settles it."""

    class Refuses(Mailbox):
        async def handle_DATA(self, *_: Any) -> str:  # noqa: N802  # as aiosmtpd calls it
            return "554 looks like spam"

    with mail_server(Refuses()) as (_, port), pytest.raises(EffectNotDone, match="554"):
        channel(port).send(TO, "Hello", "Hello", "key-1")


def test_a_connection_that_ends_after_the_message_leaves_it_unknown() -> None:
    """I2: never a blind retry; the error carries the key of the ledger."""
    with hangs_up() as (port, got):
        with pytest.raises(EffectUnknown) as caught:
            channel(port).send(TO, "Hello", "Hello", "key-1")
        until(lambda: b"\r\n.\r\n" in got, "the message did not come")

    assert caught.value.key == "key-1"


def test_a_server_that_is_silent_after_the_message_leaves_it_unknown() -> None:
    """It may have taken it."""
    with hangs_up(stays=True) as (port, _), pytest.raises(EffectUnknown, match="in time"):
        channel(port, timeout_s=0.3).send(TO, "Hello", "Hello", "key-1")


@pytest.mark.parametrize("signed_in", [{}, {"user": "u", "password": "p"}], ids=["open", "signed in"])
def test_a_server_without_starttls_gets_neither_password_nor_mail(
    server: tuple[Mailbox, int], signed_in: dict[str, str]
) -> None:
    """The default is a safe connection or none."""
    box, port = server

    with pytest.raises(EffectNotDone, match="STARTTLS"):
        channel(port, security="starttls", **signed_in).send(TO, "Hello", "Hello", "key-1")

    assert box.raw == []


def test_a_certificate_that_nobody_vouches_for_is_refused(server: tuple[Mailbox, int]) -> None:
    """Also a server that speaks no TLS where TLS is asked for."""
    _, port = server

    with pytest.raises(EffectNotDone, match="TLS"):
        channel(port, security="tls", timeout_s=2).send(TO, "Hello", "Hello", "key-1")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("security", {"security": "maybe"}),
        ("sender", {"sender": "desk"}),
        ("sender", {"sender": "desk@example.com\nBcc: x@example.com"}),
        ("password", {"user": "u"}),
        ("security", {"user": "u", "password": "p"}),
    ],
)
def test_a_channel_that_cannot_be_made_names_its_field(field: str, wrong: dict[str, Any]) -> None:
    """Before anything is sent."""
    with pytest.raises(DefinitionError) as caught:
        channel(25, **wrong)

    assert caught.value.field == field


def test_a_channel_does_not_show_its_password() -> None:
    """Not where it is printed."""
    made = channel(25, security="starttls", user="u", password="smtp-word")  # noqa: S106  # never sent

    assert "smtp-word" not in repr(made)
    assert isinstance(made, Channel)
