"""The graphs that are compared: with our gate, and as one would write them with LangGraph alone."""

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from hitl_graph import (
    ActionClass,
    AuditSample,
    ConfidenceGate,
    Evidence,
    HitlState,
    Owner,
    ReviewBeforeSend,
    Thresholds,
    add_gate,
)
from hitl_graph.gates import Ask, Gate

act = ActionClass("write", reversible=True)
TICKET = "Where is my card? I ordered it two weeks ago and nothing has come."
EMAIL = {"to": "a@example.com", "subject": "Your card", "body": "It has been sent today. " * 20}

_words: dict[str, Any] = {
    "action": act,
    "proposal": "email",
    "question": "Is this reply safe to send to the customer?",
    "evidence": lambda state: [Evidence("Customer message", state["ticket"])],
    "consequence": "Sends an email to {to}.",
    "owner": Owner("support-leads"),
}


class Plain(TypedDict, total=False):
    """The state of the graph without us."""

    ticket: str
    score: float
    segment: str
    email: dict[str, Any]
    reviews: list[dict[str, Any]]


class State(HitlState, total=False):
    """The same with ours."""

    ticket: str
    score: float
    segment: str
    email: dict[str, Any]


def draft(state: Any) -> dict[str, Any]:
    """The node before the gate."""
    return {"email": EMAIL}


def asking() -> ReviewBeforeSend:
    """A gate that asks about everything."""
    return ReviewBeforeSend(name="gate", **_words)


def payload() -> dict[str, Any]:
    """What the gate asks with: the graph without us asks with the same bytes."""
    asked = asking().judge({"ticket": TICKET, "email": EMAIL})
    assert isinstance(asked, Ask)
    return asked.request.to_json()


def gated(gate: Gate | None = None) -> StateGraph[State, None, State, State]:
    """`draft` → our gate → `after`."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("after", lambda _: None)
    add_gate(builder, gate or asking(), approved="after", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "gate")
    return builder


def stock() -> StateGraph[Plain, None, Plain, Plain]:
    """`draft` → a node that interrupts → `after`; it keeps the answer in the state, as ours does."""
    request = payload()

    def ask(state: Plain) -> Command[str]:
        answer = interrupt(request)
        return Command(update={"reviews": [{"answer": answer, "proposed": EMAIL}]}, goto="after")

    builder = StateGraph(Plain)
    builder.add_node("draft", draft)
    builder.add_node("gate", ask, destinations=("after",))
    builder.add_node("after", lambda _: None)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "gate")
    return builder


def passing_chain(length: int) -> StateGraph[State, None, State, State]:
    """`length` gates in a row, each of which lets pass."""
    builder = StateGraph(State)
    bars = Thresholds({"write": {"*": 0.5}})
    for number in range(length):
        gate = ConfidenceGate(
            name=f"gate{number}",
            score="score",
            segment="segment",
            thresholds=bars,
            audit=AuditSample(rate=0.0),
            **_words,
        )
        add_gate(builder, gate, approved=f"gate{number + 1}" if number + 1 < length else END, rejected=END)
    builder.add_edge(START, "gate0")
    return builder


def _going_to(target: str) -> Any:
    def node(state: Plain) -> Command[str]:
        return Command(goto=target)

    return node


def bare_chain(length: int) -> StateGraph[Plain, None, Plain, Plain]:
    """`length` nodes in a row that route by Command and do nothing."""
    builder = StateGraph(Plain)
    for number in range(length):
        target = f"gate{number + 1}" if number + 1 < length else END

        builder.add_node(f"gate{number}", _going_to(target), destinations=(target,))
    builder.add_edge(START, "gate0")
    return builder
