"""The policy of the support desk: its acts, its bars, and what it asks whom."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from hitl_graph.demo.stand_ins import CATEGORIES
from hitl_graph.demo.writer import PROMPT_VERSION
from hitl_graph.gates import (
    ConfidenceGate,
    ExceptionEscalation,
    FailureEscalation,
    ReviewBeforeSend,
    RuleDetector,
    Thresholds,
    complaint,
    high_value,
    sensitive_policy,
    urgency,
)
from hitl_graph.reviews import Evidence, Option, Owner, Priority, ReviewKind, Sla, Versions
from hitl_graph.risk import ActionClass

__all__ = ["Email", "amount_in", "ask_about_failure", "escalation", "reply", "send_email", "triage"]

POLICY_VERSION = "support-1"
HIGH_VALUE = 1_000.0

tag_ticket = ActionClass(
    "tag_ticket",
    reversible=True,
    if_wrong="The letter is about the wrong matter; it is read before it is sent.",
    noticed_quickly=True,
    auditable=True,
)
handle_message = ActionClass(
    "handle_message",
    reversible=True,
    touches={"trust"},
    if_wrong="A customer who needs a person gets a template.",
    auditable=True,
)
send_email = ActionClass(
    "send_email",
    reversible=False,
    audience="customer",
    touches={"reputation", "trust"},
    if_wrong="The customer reads something wrong under our name.",
    noticed_quickly=False,
    auditable=True,
)

BARS = Thresholds({"tag_ticket": {"security_and_fraud": 0.8, "refund_or_dispute": 0.7, "*": 0.6}})
"""How sure the sorting must be to pass alone: surer where a mistake costs the customer time or money."""

OPTIONS = (
    *(
        Option(name, name.replace("_", " "), f"The letter is about {name.replace('_', ' ')}.")
        for name in CATEGORIES
        if name != "other"
    ),
    Option("other", "other", "The letter asks what the message is about."),
)

LABELS = frozenset({"category", "signals"})
"""Columns in which a file says what the right answer is; nobody who is asked for it sees them."""

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# Narrower than what the maildir takes, so that no approved mail fails when it is sent.
_ADDRESS = r"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
# An amount of money: 2,940 euros, £62.50, 185.000. The number of a card or a day has no currency beside it.
_MONEY = re.compile(
    r"(?:[$£€]\s?(?P<after>\d[\d.,]*\d|\d))"
    r"|(?:(?P<before>\d[\d.,]*\d|\d)\s?(?:[$£€]|(?:eur|usd|gbp|euros?|dollars?|pounds?)\b))"
    r"|\b(?P<grouped>\d{1,3}(?:[.,]\d{3})+)\b",
    re.IGNORECASE,
)


class Email(BaseModel):
    """What is sent: one recipient, a subject on one line, a body."""

    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(pattern=_ADDRESS, max_length=254, description="One address")]
    subject: Annotated[str, Field(pattern=rf"^[^{_CONTROLS}]+$", max_length=200)]
    body: Annotated[str, Field(min_length=1, max_length=20_000)]


def triage(workflow: str) -> ConfidenceGate:
    """Asks which category it is when the sorting is not sure enough for that category."""
    return ConfidenceGate(
        name="triage",
        action=tag_ticket,
        proposal="tag",
        option_field="category",
        kind=ReviewKind.CHOOSE,
        question="Which category is this message about?",
        why="A letter about the wrong matter costs the customer another day.",
        evidence=_message,
        uncertainty=_uncertain,
        consequence="Ticket {ticket} is tagged {category}, and the letter is drafted about that.",
        options=OPTIONS,
        score="guess.confidence",
        segment="tag.category",
        thresholds=BARS,
        owner=Owner("support-agents"),
        sla=Sla(hours=8, on_expiry="escalate", escalate_to="support-leads"),
        priority=_priority,
        blocks=("the customer's first answer",),
        versions=Versions(model="stand-in rules", policy=POLICY_VERSION, workflow=workflow),
    )


def escalation(workflow: str) -> ExceptionEscalation:
    """Asks who handles it when the message is a complaint, urgent, delicate, unclear or about much money."""
    return ExceptionEscalation(
        name="escalation",
        action=handle_message,
        proposal="handling",
        kind=ReviewKind.RESPOND,
        question="Shall the agent draft the answer to this message, or does a person handle it?",
        why="Complaints, emergencies and delicate matters are a person's to handle.",
        evidence=_message,
        uncertainty=("The signals are words that were found; whether they mean it is for you to say.",),
        consequence="The agent drafts a letter to {reply_to}, which is reviewed before it is sent.",
        allowed=("approve", "respond", "take_over"),
        detectors=(
            complaint("ticket.text"),
            urgency("ticket.text"),
            sensitive_policy("ticket.text"),
            RuleDetector("ambiguous_data", _unclear),
            high_value(lambda state: amount_in(state["ticket"]["text"]), at_least=HIGH_VALUE),
        ),
        owner=Owner("support-leads"),
        sla=Sla(hours=2, on_expiry="keep_waiting"),
        priority=_priority,
        blocks=("the customer's first answer",),
        versions=Versions(policy=POLICY_VERSION, workflow=workflow),
    )


def reply(workflow: str) -> ReviewBeforeSend:
    """Asks about every email before it is sent."""
    return ReviewBeforeSend(
        name="reply",
        action=send_email,
        proposal="email",
        schema=Email,
        question="Is this reply safe to send to the customer?",
        why="Everything that leaves under our name is read by a person first.",
        evidence=_message,
        uncertainty=(
            "Nothing was looked up: the letter knows the message and its category, and nothing else.",
        ),
        consequence="Sends one email to {to}.",
        owner=Owner("support-agents"),
        sla=Sla(hours=4, on_expiry="escalate", escalate_to="support-leads"),
        priority=_priority,
        blocks=("the customer's answer",),
        versions=lambda state: Versions(
            prompt=PROMPT_VERSION,
            model=state["written_by"],
            policy=POLICY_VERSION,
            workflow=workflow,
        ),
    )


def ask_about_failure(workflow: str) -> FailureEscalation:
    """Asks what to do when the letter could not be drafted."""
    return FailureEscalation(
        name="draft_failed",
        action=handle_message,
        proposal="handling",
        question="The letter could not be drafted: try again, use the template, or hand it to a person?",
        evidence=_message,
        consequence="The ticket goes on as you choose; nothing is sent without a review.",
        options=(
            Option("retry", "Try again", "Asks the model once more."),
            Option(
                "skip",
                "Use the template",
                "Drafts the letter from the offline template; it is reviewed as usual.",
            ),
            Option("abort", "Hand it over", "Ends here without a letter: a person writes to the customer."),
        ),
        allowed=("choose",),
        owner=Owner("support-leads"),
        sla=Sla(hours=2, on_expiry="safe_default", default="abort"),
        versions=Versions(policy=POLICY_VERSION, workflow=workflow),
    )


def amount_in(text: str) -> float | None:
    """The largest amount of money that a text names, whatever its currency; None when it names none."""
    found = [m["after"] or m["before"] or m["grouped"] for m in _MONEY.finditer(text)]
    return max((_number(digits) for digits in found), default=None)


def _number(digits: str) -> float:
    """`2,940` and `2.940` are thousands, `84.50` and `84,50` are not."""
    whole, mark, rest = digits.rpartition("." if digits.rfind(".") > digits.rfind(",") else ",")
    if mark and len(rest) != 3:
        return float(re.sub(r"\D", "", whole) + "." + rest)
    return float(re.sub(r"\D", "", digits))


def _message(state: Any) -> list[Evidence]:
    ticket = state["ticket"]
    known = {name: value for name, value in ticket["columns"].items() if value and name not in LABELS}
    return [
        Evidence("Customer message", ticket["text"], source=f"ticket {ticket['number']}"),
        Evidence("What else is known", known, source="the file"),
    ]


def _uncertain(state: Any) -> list[str]:
    guess = state["guess"]
    first, second = (guess[k].replace("_", " ") for k in ("category", "runner_up"))
    return [
        f"It may be {first} ({guess['confidence']:.0%}) or {second} ({guess['runner_up_confidence']:.0%})."
    ]


def _unclear(state: Any) -> str | None:
    words = re.findall(r"\w+", state["ticket"]["text"])
    return f"the message has only {len(words)} words" if len(words) < 3 else None


def _priority(state: Any) -> Priority:
    if urgency("ticket.text").detect(state):
        return Priority.URGENT
    return Priority.HIGH if complaint("ticket.text").detect(state) else Priority.NORMAL
