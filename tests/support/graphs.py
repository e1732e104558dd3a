"""Small graphs with gates, for tests that need a whole one; importable from the processes that tests start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import ActionClass, Evidence, HitlState, Owner, ReviewBeforeSend, add_gate, effect

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
PAY = ActionClass("refund", reversible=False, audience="customer", touches={"money"})


class Email(BaseModel):
    """What is proposed."""

    to: str
    body: str


class State(HitlState):
    """A ticket, a draft, and a file that counts the sends of every process."""

    ticket: str
    email: dict[str, Any]
    refund: dict[str, Any]
    sink: str


def reply_gate(**changes: Any) -> ReviewBeforeSend:
    """A gate before every mail."""
    fields: dict[str, Any] = {
        "name": "reply",
        "action": SEND,
        "proposal": "email",
        "schema": Email,
        "question": "Is this reply safe to send to the customer?",
        "evidence": lambda s: [Evidence("Customer message", s["ticket"])],
        "consequence": "Sends an email to {to}. It cannot be taken back.",
        "owner": Owner("support-leads"),
    }
    return ReviewBeforeSend(**{**fields, **changes})


def refund_gate() -> ReviewBeforeSend:
    """A gate before every refund, for graphs with two gates at once."""
    return ReviewBeforeSend(
        name="refund_review",
        action=PAY,
        proposal="refund",
        question="Should this refund be paid to the customer?",
        evidence=lambda s: [Evidence("Customer message", s["ticket"])],
        consequence="Pays {amount} back.",
        owner=Owner("finance"),
    )


def draft(state: State) -> dict[str, Any]:
    """A new draft each time, so that a second one can be told from the first."""
    return {"email": {"to": "ana@example.com", "body": f"Draft {len(state.get('reviews', [])) + 1}"}}


def send(state: State, key: str) -> None:
    """One line in the sink for each send, so that sends of all processes are counted."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write(f"{key} {state['email']['body']}\n")


def pay(state: State, key: str) -> None:
    """One line in the sink for each payment."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write(f"{key} pays {state['refund']['amount']}\n")


def mail_graph(**changes: Any) -> StateGraph[State]:
    """draft → reply (gate) → send; a rejection leads back to the draft."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, reply_gate(**changes), approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def two_gates_graph() -> StateGraph[State]:
    """A mail and a refund reviewed at the same time, and a join that waits for both."""
    builder = StateGraph(State)
    builder.add_node(
        "draft", lambda _: {"email": {"to": "a@example.com", "body": "Hi"}, "refund": {"amount": 5}}
    )
    builder.add_node("send", effect(send, action=SEND))
    builder.add_node("pay", effect(pay, action=PAY))
    builder.add_node("join", lambda s: {"ticket": s["ticket"] + " (done)"})
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    add_gate(builder, refund_gate(), approved="pay", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("draft", "refund_review")
    builder.add_edge(["send", "pay"], "join")
    builder.add_edge("join", END)
    return builder


def thread(name: str) -> dict[str, Any]:
    """The config of a thread."""
    return {"configurable": {"thread_id": name}}


def lines(sink: Path) -> list[str]:
    """What was sent, in order."""
    return sink.read_text(encoding="utf-8").splitlines() if sink.exists() else []
