"""Graphs, gates and readers of errors that the tests of the boundary share."""

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph.errors import BoundaryError
from hitl_graph.gates import ConfidenceGate, FailureEscalation, Gate, ReviewBeforeSend, Thresholds
from hitl_graph.nodes import HitlState, add_gate, ask_on_failure, effect
from hitl_graph.nodes.boundary import check_boundary
from hitl_graph.nodes.marks import FailureMark, mark_of, set_mark
from hitl_graph.reviews import Evidence, Owner
from hitl_graph.risk import ActionClass

SEND = ActionClass("send_email", reversible=False, audience="customer")
REFUND = ActionClass("refund", reversible=False, touches={"money"})
TAG = ActionClass("tag", reversible=True)


class State(HitlState, total=False):
    """A ticket's state."""

    email: dict[str, Any]
    score: float
    segment: str


Builder = StateGraph[Any, Any, Any, Any]


def nothing(state: State) -> dict[str, Any]:
    """Do nothing."""
    return {}


def gate(
    kind: type[Gate] = ReviewBeforeSend, name: str = "reply", action: ActionClass = SEND, **own: Any
) -> Any:
    """A gate before sending an email."""
    return kind(
        name=name,
        action=action,
        proposal="email",
        question="Is this safe to send to the customer?",
        evidence=[Evidence("Message", "Where is my card?")],
        consequence="Sends an email.",
        owner=Owner("support"),
        **own,
    )


def unsure(name: str = "triage", action: ActionClass = SEND, score: Any = "score", **own: Any) -> Any:
    """A gate that may let pass."""
    bars = Thresholds({action.name: {"*": 0.9}})
    return gate(ConfidenceGate, name, action, score=score, thresholds=bars, segment="segment", **own)


def measured(state: State) -> float:
    """A score that is worked out."""
    return 0.5


def graph(*nodes: str, send: str = "send", action: ActionClass = SEND) -> Builder:
    """A graph with an effect, and free nodes without edges."""
    builder: Builder = StateGraph(State)
    for name in nodes:
        builder.add_node(name, nothing)
    builder.add_node(send, effect(nothing, action=action))
    return builder


def edges(builder: Builder, *pairs: str) -> Builder:
    """Draw edges written as `"a b"`."""
    for pair in pairs:
        source, target = pair.split()
        builder.add_edge(START if source == "START" else source, END if target == "END" else target)
    return builder


def routes_of(own: dict[str, str]) -> dict[str, Any]:
    """Where a gate's outcomes lead: to the effect, and back to the draft."""
    return {"approved": "send", "rejected": "draft", **own}


def gated(*nodes: str, **routes: str) -> Builder:
    """START, draft, gate, send; a rejection leads back to the draft."""
    builder = graph("draft", *nodes)
    add_gate(builder, gate(), **routes_of(routes))
    return edges(builder, "START draft", "draft reply")


def paths_of(graph: Any, **options: Any) -> list[str]:
    """Every way around a gate that is found."""
    with pytest.raises(BoundaryError) as caught:
        check_boundary(graph, **options)
    return [" -> ".join(path) for path in caught.value.paths]


def problem_of(graph: Any, **options: Any) -> str:
    """The text of the error."""
    with pytest.raises(BoundaryError) as caught:
        check_boundary(graph, **options)
    return caught.value.problem


def anywhere(state: State) -> Any:
    """A node that goes by Command and does not say where."""
    return Command(goto="send")


def with_gate(one: Gate, **routes: str) -> Builder:
    """START, draft, this gate, send."""
    builder = graph("draft")
    add_gate(builder, one, **routes_of(routes))
    return edges(builder, "START draft", f"draft {one.name}")


def desk(*pairs: str, ask: bool = False) -> Any:
    """A graph that drafts and sends, and asks between when told so."""
    builder = graph("draft")
    if ask:
        add_gate(builder, gate(), approved="send", rejected="draft")
    return edges(builder, *pairs).compile()


def asking() -> Any:
    """A graph that only asks: an approval ends it, and a rejection drafts again."""
    builder: Builder = StateGraph(State)
    builder.add_node("draft", nothing)
    add_gate(builder, gate(), approved=END, rejected="draft")
    return edges(builder, "START draft", "draft reply").compile()


SENDS = desk("START send")


def failing(handler: Any, **routes: str) -> Builder:
    """START, draft, gate, send; the draft has an error handler."""
    builder = graph("later")
    builder.add_node("draft", nothing, error_handler=handler)
    add_gate(builder, gate(), **routes_of(routes))
    return edges(builder, "START draft", "draft reply")


def on_failure(**targets: str) -> Any:
    """The error handler that asks a person, marked with where it leads."""
    escalation = gate(FailureEscalation, "broken", TAG)
    handler = ask_on_failure(escalation, **{"node": "draft", **targets})
    if mark_of(handler) is None:
        words = {"edit": "node", "choose:retry": "node", "choose:skip": "skip"}
        leads = {word: {"node": "draft", **targets}[key] for word, key in words.items()}
        set_mark(handler, FailureMark(escalation, {**leads, "choose:abort": END}))
    return handler
