"""The demo's gates and its model: what is asked about, and what comes of each answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_graph.decisions import Approve, AskInfo, Choose, Decision, Edit, Reject, Respond, TakeOver
from hitl_graph.demo.gates import Email, amount_in
from hitl_graph.demo.inbox_reader import read_messages
from hitl_graph.demo.maildir import count, send_into
from hitl_graph.desk import Case
from tests.integration.handling import Always, command, handle
from tests.support.openai_server import OpenAIServer, Reply

LETTER = Reply(json.dumps({"subject": "Your card", "body": "Hello,\n\nIt comes.\n\nCustomer support"}))


# --- the gates ----------------------------------------------------------------------------------


def test_strict_mode_asks_about_every_act(db_url: str, tmp_path: Path) -> None:
    """Nothing passes alone."""
    report = handle(db_url, tmp_path, limit=6, strict=True).report

    assert (report.proceeded, report.problems) == (0, ())
    assert report.asked == {"triage": 6, "escalation": 6, "reply": 6}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I was charged twice, this is unacceptable.", "complaint"),
        ("My card was stolen!", "urgency"),
        ("My father died on Sunday, what about his account?", "sensitive_policy"),
        ("Please transfer 185,000 EUR to the notary.", "high_value"),
        ("hello??", "ambiguous_data"),
    ],
)
def test_exceptions_reach_a_person_for_their_reason(
    db_url: str, tmp_path: Path, text: str, code: str
) -> None:
    """Each signal alone escalates, and is named."""
    report = handle(db_url, tmp_path, text).report

    assert code in report.why["escalation"]


def test_what_is_plain_passes_two_gates_and_is_read_once(db_url: str, tmp_path: Path) -> None:
    """An ordinary question: sorted and handled alone, the letter read before it goes."""
    report = handle(db_url, tmp_path, "I topped up 50 with Apple Pay and it vanished again.").report

    assert report.passed == {"triage": 1, "escalation": 1}
    assert report.asked == {"reply": 1}


def test_taken_over_the_agent_stays_silent(db_url: str, tmp_path: Path) -> None:
    """No letter is drafted and nothing is sent after a takeover."""
    taken = Always({"escalation": lambda _: TakeOver(note="I call them")})

    handled = handle(db_url, tmp_path, "My card was stolen!", reviewer=taken)

    assert (handled.report.taken_over, handled.report.sent) == (1, 0)
    assert "email" not in handled.states()[1]


def test_a_persons_own_words_are_reviewed_and_sent(db_url: str, tmp_path: Path) -> None:
    """An answer in words becomes the letter, and passes the last gate like any other."""
    own = Always({"escalation": lambda _: Respond("Dear Ana, I have frozen nothing; please call us.")})

    handled = handle(db_url, tmp_path, "My card was stolen!", reviewer=own)

    assert handled.report.asked["reply"] == 1
    assert handled.report.drafted_by == {"a person": 1}
    assert "I have frozen nothing" in handled.mails()[0]


@pytest.mark.parametrize("decision", [Reject(reason="tone"), AskInfo("Which?")], ids=["reject", "ask"])
def test_after_three_letters_a_person_takes_it(db_url: str, tmp_path: Path, decision: Decision) -> None:
    """Letters that are turned down are drafted again, three at most; then the agent gives up."""

    def turned_down(case: Case) -> Decision | None:
        return decision

    never = Always({"reply": turned_down})
    handled = handle(db_url, tmp_path, "Why was my transfer declined?", reviewer=never)

    assert (handled.report.handed_over, handled.report.sent, handled.report.asked["reply"]) == (1, 0, 3)
    assert handled.report.problems == ()
    assert "handed_over" in handled.states()[1]


def test_another_recipient_is_another_review(db_url: str, tmp_path: Path) -> None:
    """An edit of the recipient is judged again before anything is sent."""
    edits: Iterator[Decision] = iter([Edit({"to": "boss@example.com"}), Approve()])
    redirects = Always({"reply": lambda _: next(edits)})

    handled = handle(db_url, tmp_path, "Why was my transfer declined?", reviewer=redirects)

    assert handled.report.asked["reply"] == 2
    assert handled.report.problems == ()
    assert "To: boss@example.com" in handled.mails()[0]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2,940 euros left on Monday", 2940.0),
        ("charged twice, 84.50 EUR both times", 84.5),
        ("84,50 € twice", 84.5),
        ("move 185.000 EUR to the notary", 185000.0),
        ("The 62,000 is from my grandmother", 62000.0),
        ("£1,900 and $20", 1900.0),
        ("my card ending in 1142 came after 11 days", None),
        ("", None),
    ],
)
def test_the_largest_amount_of_money_is_found(text: str, amount: float | None) -> None:
    """Numbers without a currency or thousands are no money."""
    assert amount_in(text) == amount


@pytest.mark.parametrize(
    "to", ["", "ana", "a@b", "a b@example.com", "a@example.com, b@example.com", "a..b@example.com"]
)
def test_only_one_plain_address_is_a_recipient(to: str) -> None:
    """What could be read as another recipient is refused when it is typed."""
    with pytest.raises(ValueError, match="to"):
        Email(to=to, subject="Hi", body="Hello")


@pytest.mark.parametrize("to", ["ana@example.com", "a.b+c_d-e@mail.example.co.uk", "customer-7@example.com"])
def test_every_recipient_that_is_taken_can_be_sent_to(to: str, tmp_path: Path) -> None:
    """An approved mail does not fail over its address."""
    email = Email(to=to, subject="Grüße", body="Hello")

    send_into(tmp_path, email.model_dump(), "key")

    assert count(tmp_path) == 1


# --- the model ----------------------------------------------------------------------------------


def model_run(url: str, tmp_path: Path, server: OpenAIServer, *args: str) -> dict[str, Any]:
    """A run in a process that is told of a model."""
    done = command(
        url,
        "demo",
        "--json",
        "--maildir",
        str(tmp_path / "mail"),
        *args,
        OPENAI_API_KEY="k",
        OPENAI_BASE_URL=server.url,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_with_a_key_a_model_drafts(db_url: str, tmp_path: Path) -> None:
    """The letter is the model's, the recipient is not; the message reaches it as data."""
    with OpenAIServer(lambda _: LETTER) as server:
        report = model_run(db_url, tmp_path, server, "--limit", "2")

    assert list(report["drafted_by"]) == ["gpt-4.1-mini"]
    system, human = server.requests[0]["messages"]
    assert "data" in system["content"]
    assert json.loads(human["content"])["customer_message"] in {m.text for m in read_messages(None, 2)}
    mail = next((tmp_path / "mail" / "new").iterdir()).read_text(encoding="utf-8")
    assert "It comes." in mail
    assert re.search(r"^To: customer-\d@example\.com$", mail, re.MULTILINE)


@pytest.mark.parametrize(
    "reply", [Reply(status=500), Reply(status=401), Reply("no JSON"), Reply('{"subject": " ", "body": "x"}')]
)
def test_a_model_that_fails_asks_a_person(db_url: str, tmp_path: Path, reply: Reply) -> None:
    """Nothing is lost: it is tried again, then drafted by template, reviewed, and said to be so."""
    with OpenAIServer(lambda _: reply) as server:
        report = model_run(db_url, tmp_path, server, "--limit", "1", "--seed", "1")

    assert (report["finished"], report["failed"]) == (1, 0)
    assert report["why"]["draft_failed"]["node_failed"] >= 2
    assert list(report["drafted_by"]) == ["stand-in"]


def test_a_failed_draft_can_be_handed_to_a_person(db_url: str, tmp_path: Path) -> None:
    """A thread whose model cannot be reached from here ends without a letter when the person says so."""
    abort = Always({"draft_failed": lambda _: Choose("abort")})

    handled = handle(db_url, tmp_path, "Why was my transfer declined?", reviewer=abort, model="gpt-nix")

    assert (handled.report.handed_over, handled.report.sent, handled.report.problems) == (1, 0, ())
    assert "OPENAI_API_KEY" in handled.states()[1]["reviews"][-1]["why"][0]["text"]
