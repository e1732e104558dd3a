"""Two graphs of a shop's support desk with a gate of each kind: what the inbox looks like when it is used."""

from __future__ import annotations

from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field

from hitl_graph import ActionClass, Evidence, HitlState, Owner, ReviewBeforeSend, add_gate, effect
from hitl_graph.reviews import Option, ReviewKind, Sla, Turn, Versions

__all__ = ["GRAPHS", "accounts_graph", "support_graph"]

TAG = ActionClass(
    "tag_ticket",
    reversible=True,
    if_wrong="The ticket waits in the wrong queue until somebody moves it.",
)
SEND = ActionClass(
    "send_email",
    reversible=False,
    audience="customer",
    touches={"trust"},
    if_wrong="The customer reads something wrong under our name.",
)
PAY = ActionClass(
    "refund",
    reversible=False,
    audience="customer",
    touches={"money"},
    amount="amount",
    if_wrong="The money is gone, and has to be asked back.",
)
BOOK = ActionClass(
    "book_invoice", reversible=True, touches={"money"}, if_wrong="The books are corrected by hand."
)
MERGE = ActionClass(
    "merge_customers", reversible=True, if_wrong="Two people share one account until it is undone."
)
RULE = ActionClass("change_policy", reversible=True, if_wrong="Later cases follow a rule that nobody wanted.")


class Email(BaseModel):
    """An email to one customer."""

    to: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", description="One address")]
    subject: Annotated[str, Field(max_length=120)]
    body: Annotated[str, Field(max_length=20_000)]


class Refund(BaseModel):
    """Money that goes back."""

    customer: str
    amount: Annotated[float, Field(gt=0, le=5_000)]
    currency: Annotated[str, Field(pattern="^(EUR|GBP|USD)$")]
    reason: str


class State(HitlState, total=False):
    """What a thread begins with: at which gate, what is proposed there, and what it is based on."""

    gate: str
    about: dict[str, Any]
    proposal: Any
    tag: Any
    label: Any
    email: Any
    refund: Any
    answer: Any
    invoice: Any
    record: Any
    rule: Any


_KEYS = {
    "triage": "tag",
    "spam_check": "label",
    "reply": "email",
    "refund_review": "refund",
    "escalation": "answer",
    "invoice_check": "invoice",
    "duplicates": "record",
    "exceptions": "rule",
}


def _gate(name: str, action: ActionClass, group: str, **more: Any) -> ReviewBeforeSend:
    about: dict[str, Any] = {
        "evidence": lambda state: [Evidence(**one) for one in state["about"]["evidence"]],
        "uncertainty": lambda state: state["about"].get("uncertainty", ()),
        "blocks": lambda state: state["about"].get("blocks", ()),
        "priority": lambda state: state["about"].get("priority", "normal"),
        "versions": Versions(prompt="reply-14", model="small-2026-02", policy="support-7"),
    }
    owner = Owner(group)
    return ReviewBeforeSend(name=name, action=action, proposal=_KEYS[name], owner=owner, **{**about, **more})


def _triage() -> ReviewBeforeSend:
    return _gate(
        "triage",
        TAG,
        "support",
        kind=ReviewKind.CHOOSE,
        option_field="category",
        question="What is this message about?",
        why="The sorting was 54 % sure, and less than 60 % is for a person.",
        consequence="The ticket goes to the queue of {category}.",
        options=(
            Option("refund", "Refund", "Finance looks at it within a day."),
            Option("delivery", "Delivery", "The carrier is asked where the parcel is."),
            Option("fault", "Fault", "A replacement is offered."),
            Option("other", "Something else", "A colleague reads it first."),
        ),
        sla=Sla(hours=8),
    )


def _spam() -> ReviewBeforeSend:
    return _gate(
        "spam_check",
        TAG,
        "support",
        question="Is this message spam?",
        why="Messages from new senders with links are looked at.",
        consequence="Marks the message of {sender} as {label}; nobody answers it.",
    )


def _reply() -> ReviewBeforeSend:
    return _gate(
        "reply",
        SEND,
        "support",
        schema=Email,
        question="Is this reply safe to send to the customer?",
        why="Everything that leaves under our name is read by a person first.",
        consequence="Sends one email to {to}.",
        allowed=("approve", "edit", "reject", "ask_info", "take_over"),
        sla=Sla(hours=4, on_expiry="escalate", escalate_to="support-leads"),
    )


def _refund() -> ReviewBeforeSend:
    return _gate(
        "refund_review",
        PAY,
        "finance",
        schema=Refund,
        question="Should this refund be paid to the customer?",
        why="Every refund is looked at by finance before it is paid.",
        consequence="Pays {amount} {currency} to {customer}.",
        sla=Sla(hours=24, on_expiry="escalate", escalate_to="support-leads"),
    )


def _escalation() -> ReviewBeforeSend:
    return _gate(
        "escalation",
        SEND,
        "support-leads",
        kind=ReviewKind.RESPOND,
        question="What should we say to this customer?",
        why="The customer asked for a person, twice.",
        consequence="Sends your answer in the chat, under your name.",
        transcript=lambda state: [Turn(*one) for one in state["about"]["transcript"]],
        allowed=("respond", "take_over"),
        sla=Sla(hours=1, on_expiry="keep_waiting"),
    )


def support_graph() -> StateGraph[State]:
    """Messages of customers: sorted, answered, refunded, or handed to a person."""
    builder = StateGraph(State)
    builder.add_node("read", _read)
    builder.add_node("draft_reply", lambda _: {})
    builder.add_node("send_reply", effect(lambda _: None, action=SEND))
    builder.add_node("tag_spam", effect(lambda _: None, action=TAG))
    builder.add_node("pay_refund", effect(_pay, action=PAY))
    builder.add_edge(START, "read")
    ways: dict[Any, str] = {name: name for name in ("triage", "spam_check", "refund_review", "escalation")}
    builder.add_conditional_edges("read", lambda state: state["gate"], {**ways, "reply": "draft_reply"})
    add_gate(builder, _triage(), approved=END)
    add_gate(builder, _spam(), approved="tag_spam", rejected="draft_reply")
    builder.add_edge("tag_spam", END)
    builder.add_edge("draft_reply", "reply")
    add_gate(
        builder, _reply(), approved="send_reply", rejected="draft_reply", asked="draft_reply", taken_over=END
    )
    add_gate(builder, _refund(), approved="pay_refund", rejected=END)
    add_gate(builder, _escalation(), approved=END, responded=END, taken_over=END)
    builder.add_edge("send_reply", END)
    builder.add_edge("pay_refund", END)
    return builder


def accounts_graph() -> StateGraph[State]:
    """Invoices, records of customers, and exceptions that may become rules."""
    builder = StateGraph(State)
    builder.add_node("read", _read)
    builder.add_node("book", effect(lambda _: None, action=BOOK))
    builder.add_node("merge", effect(lambda _: None, action=MERGE))
    builder.add_node("change_policy", effect(lambda _: None, action=RULE))
    builder.add_edge(START, "read")
    names = ("invoice_check", "duplicates", "exceptions")
    builder.add_conditional_edges("read", lambda state: state["gate"], {name: name for name in names})
    invoice = _gate(
        "invoice_check",
        BOOK,
        "finance",
        kind=ReviewKind.VERIFY,
        question="Do these values stand in the invoice?",
        why="The layout of this supplier is new.",
        consequence="Books {total} for {supplier}.",
    )
    duplicates = _gate(
        "duplicates",
        MERGE,
        "support",
        kind=ReviewKind.MERGE,
        question="Are these two records the same customer?",
        why="Same e-mail address, different names.",
        consequence="Keeps one record, for {name}. It can be taken apart again.",
    )
    exceptions = _gate(
        "exceptions",
        RULE,
        "support-leads",
        kind=ReviewKind.RULE,
        question="Should this exception become a rule?",
        why="The same exception was made five times this month.",
        consequence="From now on: when {when}, then {then}.",
    )
    for gate, to in ((invoice, "book"), (duplicates, "merge"), (exceptions, "change_policy")):
        add_gate(builder, gate, approved=to, rejected=END)
        builder.add_edge(to, END)
    return builder


def _pay(state: State) -> None:
    if state["refund"]["customer"] == "Leo Marchetti":
        raise ConnectionError("the bank did not answer")


def _read(state: State) -> dict[str, Any]:
    """What was proposed stands where its gate reads it."""
    return {_KEYS[state["gate"]]: state["proposal"]}


GRAPHS = {"support": support_graph, "accounts": accounts_graph}
"""By the name that they are compiled with."""
