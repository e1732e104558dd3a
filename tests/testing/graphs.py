"""Small graphs with gates that the tests of the testing tools drive."""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import ActionClass, Evidence, HitlState, Owner, ReviewBeforeSend, add_gate, effect
from hitl_graph.gates import Gate

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
EMAIL = {"to": "ann@example.com", "body": "Draft 1"}


class State(HitlState, total=False):
    """The state of the graphs here."""

    ticket: str
    email: dict[str, Any]


def reply(name: str = "reply", **changes: Any) -> ReviewBeforeSend:
    """A gate before every mail."""
    fields: dict[str, Any] = {
        "name": name,
        "action": SEND,
        "proposal": "email",
        "question": "Is this reply safe to send to the customer?",
        "evidence": lambda state: [Evidence("Customer message", state.get("ticket", "Where is my card?"))],
        "consequence": "Sends an email to {to}.",
        "owner": Owner("support-leads"),
        **changes,
    }
    return ReviewBeforeSend(**fields)


def drafts(state: Any) -> dict[str, Any]:
    """A draft, numbered by the decisions so far."""
    return {"email": {**EMAIL, "body": f"Draft {len(state.get('reviews') or ()) + 1}"}}


def mail(gate: Gate | None = None, **targets: Any) -> Any:
    """draft → gate → send; a rejection leads back to the draft."""
    builder = StateGraph(State)
    builder.add_node("draft", drafts)
    builder.add_node("send", effect(lambda state, key: None, action=SEND))
    add_gate(builder, gate or reply(), approved="send", **{"rejected": "draft", **targets})
    builder.add_edge(START, "draft")
    builder.add_edge("draft", (gate or reply()).name)
    builder.add_edge("send", END)
    return builder


def two_gates() -> Any:
    """Two gates side by side."""
    builder = StateGraph(State)
    builder.add_node("draft", drafts)
    builder.add_edge(START, "draft")
    for name in ("first", "second"):
        add_gate(builder, reply(name), approved=END, rejected=END)
        builder.add_edge("draft", name)
    return builder


def alone(node: Any) -> Any:
    """A graph of one node, `ask`."""
    builder = StateGraph(State)
    builder.add_node("ask", node)
    return builder.add_edge(START, "ask")
