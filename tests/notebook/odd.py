"""Cases that a model makes hard for a page: odd names, odd texts, acts that one key could do."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

from hitl_graph import ActionClass, Evidence, Owner, ReviewBeforeSend, add_gate, effect
from hitl_graph.notebook import ReviewCard, review_card
from tests.support.graphs import PAY, State, thread

TAG = ActionClass("tag", reversible=True)
CASES: dict[str, tuple[ActionClass, dict[str, Any]]] = {
    "mild": (TAG, {"label": "spam"}),
    "odd": (TAG, {"constructor": "F" * 60, "__proto__": "Ford", "件名": "one", "本文": "two"}),
    "grave": (PAY, {"to": "ann@example.com\nben@example.com"}),
    "big": (TAG, {"body": "word " * 20_000, "a_name_that_is_far_too_long_" * 9: "x"}),
}


def odd_card(name: str) -> ReviewCard:
    """A card for one of the cases, in a thread of its name."""
    action, proposal = CASES[name]
    gate = ReviewBeforeSend(
        name="ask",
        action=action,
        proposal="email",
        question="Is this safe to send to the customer?",
        evidence=lambda _: [Evidence("Message", "Where is it?")],
        consequence="It happens.",
        owner=Owner("support-leads"),
    )
    builder = StateGraph(State)
    builder.add_node("draft", lambda _: {"email": proposal})
    builder.add_node("act", effect(lambda _: None, action=action))
    add_gate(builder, gate, approved="act", rejected="draft")
    builder.add_edge(START, "draft").add_edge("draft", "ask")
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "", "sink": ""}, thread(name))
    return review_card(graph, name, by="ana")


def many_card(name: str) -> ReviewCard:
    """A card for 25 questions at once."""
    builder = StateGraph(State)
    builder.add_node("ask", lambda _: {"ticket": interrupt("How old are you?")})
    builder.add_conditional_edges(START, lambda _: [Send("ask", {})] * 25, ["ask"])
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "", "sink": ""}, thread(name))
    return review_card(graph, name, by="ana")
