"""The customer's preferred way, other services, and a channel inside an effect."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from hitl_graph import Approve, Desk, add_gate, effect, open_checkpointer
from hitl_graph.channels import AppriseChannel, Channel, SmtpChannel, preferred
from hitl_graph.errors import DefinitionError, EffectNotDone, EffectUnknown
from tests.channels.servers import hangs_up
from tests.notices.receivers import free_port, mail_server, receiving
from tests.support.graphs import SEND, State, draft, reply_gate, thread

SMS = f"twilio://AC{'a' * 32}:{'b' * 32}@+15550177000/{{to}}"


class Kept:
    """A channel that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str, str]] = []

    def send(self, to: str, subject: str, body: str, key: str) -> None:
        self.sent.append((to, subject, body, key))


KIM = {"preferred": "sms", "sms": "+4930123", "email": "kim@example.com"}


def test_the_preferred_way_is_taken() -> None:
    """R70: an effect goes where the customer wants it."""
    sms = Kept()

    chosen = preferred({"email": Kept(), "sms": sms}, KIM)
    chosen.send("Hello", "Hello there", "key-1")

    assert (chosen.name, chosen.to, chosen.as_preferred) == ("sms", "+4930123", True)
    assert sms.sent == [("+4930123", "Hello", "Hello there", "key-1")]


@pytest.mark.parametrize(
    ("customer", "name"),
    [
        ({**KIM, "preferred": ["fax", "email", "sms"]}, "email"),
        ({**KIM, "preferred": None}, "email"),
        ({**KIM, "sms": " "}, "email"),
        ({"email": "kim@example.com"}, "email"),
    ],
)
def test_the_first_way_that_there_is_else_the_stated_one(customer: dict[str, Any], name: str) -> None:
    """Several preferences are tried in order; the fallback is said by the developer."""
    assert preferred({"email": Kept(), "sms": Kept()}, customer, fallback="email").name == name


@pytest.mark.parametrize(
    ("customer", "fallback", "why"),
    [
        ({**KIM, "preferred": "fax"}, None, "prefers fax, and no fallback is stated"),
        ({"sms": "+4930123"}, None, "says no preference"),
        ({"preferred": "sms", "sms": ""}, "email", "no address for the fallback 'email'"),
        (KIM, "fax", "none of the channels"),
    ],
)
def test_without_a_way_nothing_is_sent(customer: dict[str, Any], fallback: str | None, why: str) -> None:
    """The error says what is missing, and that it may be tried again."""
    with pytest.raises(EffectNotDone, match=f"{why}.*nothing was sent"):
        preferred({"email": Kept(), "sms": Kept()}, customer, fallback=fallback)


def test_apprise_puts_the_customer_into_its_address(caplog: pytest.LogCaptureFixture) -> None:
    """As one part of it, whatever it holds."""
    caplog.set_level(logging.DEBUG)
    with receiving() as receiver:
        port = receiver.server.server_port
        sms = AppriseChannel(f"json://user:sms-word@127.0.0.1:{port}/to/{{to}}", trusted=True)

        sms.send("+49:30=(x)!", "Hello", "Hello there", "key-1")

        [got] = receiver.got
    assert got["path"].startswith("/to/")
    assert "sms-word" not in caplog.text + repr(sms)
    assert b"Hello there" in got["body"]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("to", {"to": "a\nb"}),
        ("to", {"to": ""}),
        ("subject", {"subject": "a\r\nb"}),
        ("body", {"body": "\x00"}),
    ],
)
def test_what_would_be_another_message_is_refused(field: str, wrong: dict[str, Any]) -> None:
    """Before any service is called."""
    with receiving() as receiver:
        sms = AppriseChannel(f"json://127.0.0.1:{receiver.server.server_port}/{{to}}", trusted=True)

        with pytest.raises(EffectNotDone, match=f"{field}.*nothing was sent"):
            sms.send(**{"to": "kim", "subject": "Hello", "body": "Hello", "key": "key-1", **wrong})

        assert receiver.got == []


@pytest.mark.parametrize(
    ("template", "to"),
    [
        (SMS, "+15550123000,+15550199000"),
        (SMS, "+15550123000 +15550199000"),
        (SMS, "+15550123000+15550199000"),
        (SMS, "+15550123000?from=+15550199000"),
        ("mailto://user:word@localhost?from=desk@example.com&to={to}", "kim@example.com,eve@example.com"),
        ("mailto://user:word@localhost?from=desk@example.com&to={to}", "kim@example.com;eve@example.com"),
        ("mailto://user:word@localhost?from=desk@example.com&to={to}", "kim@example.com%2Ceve@example.com"),
        ("tgram://123456789:abcdefg_hijklmnop/{to}", "1,2"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/{to}", "#a,#general"),
        ("tgram://123456789:abcdefg_hijklmnop/7/{to}", "8"),
    ],
)
def test_one_address_is_one_recipient(template: str, to: str) -> None:
    """I2: what a customer gave as their address reaches nobody else."""
    with pytest.raises(EffectNotDone, match=r"nothing was sent"):
        AppriseChannel(template).send(to, "Hello", "Hello", "key-1")


def test_a_plain_address_is_taken() -> None:
    """With a tag in it: one recipient is told."""
    with mail_server() as (box, port):
        url = f"mailto://127.0.0.1:{port}/?from=desk@example.com&to={{to}}&mode=insecure"

        AppriseChannel(url).send("kim+1@example.com", "Hello", "Hello", "key-1")

    assert box.recipients == [["kim+1@example.com"]]


def test_what_apprise_could_not_say_is_unknown() -> None:
    """I2: it may have gone out, so a person looks."""
    with receiving(500) as receiver:
        sms = AppriseChannel(f"json://127.0.0.1:{receiver.server.server_port}/{{to}}", trusted=True)

        with pytest.raises(EffectUnknown) as caught:
            sms.send("+4930123", "Hello", "Hello", "key-1")

    assert caught.value.key == "key-1"
    assert "json://" not in str(caught.value)


def test_what_apprise_cannot_read_was_not_sent() -> None:
    """Certainly."""
    with pytest.raises(EffectNotDone, match="nothing was sent"):
        AppriseChannel("slack://{to}").send("nobody", "Hello", "Hello", "key-1")


@pytest.mark.parametrize("template", ["twilio://sid:token@from/", "{to}{to}", "json://127.0.0.1/{to}", ""])
def test_a_template_that_cannot_be_used_is_refused(template: str) -> None:
    """When the channel is made."""
    with pytest.raises(DefinitionError) as caught:
        AppriseChannel(template)

    assert caught.value.field == "template"


def mailing(channel: Channel) -> Any:
    """A graph whose effect mails the customer."""

    def send(state: State, key: str) -> None:
        way = preferred({"email": channel}, {"email": state["email"]["to"]}, fallback="email")
        way.send("Your message", state["email"]["body"], key)

    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=SEND, idempotent=False))
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def test_an_approved_mail_goes_out_under_the_reviews_key(db_url: str) -> None:
    """One mail, and its Message-ID comes from the review."""
    with mail_server() as (box, port), open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        smtp = SmtpChannel(host="127.0.0.1", port=port, sender="desk@example.com", security="none")
        graph = mailing(smtp).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "When?"}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        desk.resume(graph)

    assert [mail["message-id"] for mail in box.mails] == [smtp.message_id(case.id)]
    assert box.text().strip() == "Draft 1"


def test_a_mail_that_certainly_did_not_go_out_can_be_tried_again(db_url: str) -> None:
    """The server was down; after a retry there is one mail."""
    port = free_port()
    smtp = SmtpChannel(host="127.0.0.1", port=port, sender="desk@example.com", security="none")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mailing(smtp).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "When?"}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [failed] = desk.resume(graph)

        with mail_server(port=port) as (box, _):
            desk.retry(case.id, by="ana")
            [done] = desk.resume(graph)

    assert "nothing was sent" in str(failed.error)
    assert done.applied == (case.id,)
    assert len(box.mails) == 1


def test_a_mail_that_may_have_gone_out_is_not_sent_again(db_url: str) -> None:
    """I2: the outcome is unknown, a retry sends nothing, and a person says what happened."""
    with hangs_up() as (port, got), open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        smtp = SmtpChannel(host="127.0.0.1", port=port, sender="desk@example.com", security="none")
        graph = mailing(smtp).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "When?"}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
        desk.retry(case.id, by="ana")
        desk.resume(graph)
        unknown = [one.key for one in desk.effects.list(status="unknown")]

        desk.effects.settle(case.id, happened=True, by="ana", note="the customer has it")
        [done] = desk.resume(graph)

    assert unknown == [case.id]
    assert bytes(got).count(b"Message-ID:") == 1
    assert done.applied == (case.id,)
