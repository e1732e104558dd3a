"""Cases that wait: one gate with a time limit, and what has happened to its case."""

from __future__ import annotations

import datetime as dt
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    ActionClass,
    Evidence,
    HitlState,
    Option,
    Owner,
    ReviewBeforeSend,
    Sla,
    add_gate,
    effect,
)

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
TAG = ActionClass("tag_ticket", reversible=True, audience="nobody")
OPTIONS = (Option("keep", "Keep it"), Option("close", "Close it"))
EMAIL = {"to": "ann@example.com", "body": "It comes on Monday."}
MONDAY = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)


class State(HitlState, total=False):
    email: dict[str, Any]
    sent: int


def gate(sla: Sla, **changes: Any) -> ReviewBeforeSend:
    fields: dict[str, Any] = {
        "name": "reply",
        "action": SEND,
        "proposal": "email",
        "question": "Is this reply safe to send to the customer?",
        "evidence": [Evidence("Customer message", "Where is my card?")],
        "consequence": "Sends an email to {to}.",
        "owner": Owner("support"),
        "sla": sla,
        **changes,
    }
    return ReviewBeforeSend(**fields)


def mail(sla: Sla, **changes: Any) -> Any:
    """START → gate → send."""
    options = changes.pop("leads", None)
    builder = StateGraph(State)
    asking = gate(sla, **changes)
    builder.add_node("send", effect(lambda state, key: {"sent": 1}, action=asking.action))
    add_gate(builder, asking, approved="send", rejected=END, options=options)
    builder.add_edge(START, "reply")
    builder.add_edge("send", END)
    return builder


def ask(saver: Any, sla: Sla, thread: str = "t", **changes: Any) -> Any:
    """Pause a thread at the gate. Returns the graph."""
    graph = mail(sla, **changes).compile(checkpointer=saver)
    graph.invoke({"email": EMAIL}, {"configurable": {"thread_id": thread}})
    return graph


def told(desk: Any, case_id: str | None = None, *, thread_id: str = "t") -> list[str]:
    """The types of a case's events, in order."""
    [case] = desk.cases(thread_id=thread_id) if case_id is None else [desk.show(case_id)]
    return [event["type"] for event in desk.history(case.id, thread_id=thread_id)]


def data(desk: Any, kind: str) -> list[dict[str, Any]]:
    """What the events of one type say."""
    [case] = desk.cases(thread_id="t")
    return [event["data"] for event in desk.history(case.id) if event["type"] == kind]
