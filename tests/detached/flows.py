"""Graphs with a detached gate, importable from the processes that tests start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import effect
from hitl_graph.nodes import add_detached_gate
from tests.support.graphs import SEND, State, draft, reply_gate, send


def research(state: State) -> dict[str, Any]:
    """What goes on while the case is pending; one line in a file of its own."""
    with Path(state["sink"] + ".work").open("a", encoding="utf-8") as work:
        work.write("researched\n")
    return {"ticket": state["ticket"] + " (researched)"}


def detached_graph(gate: Any = None, meanwhile: Any = research, **leads: Any) -> StateGraph[State]:
    """draft → ask → research → join → send; a rejection leads back to the draft."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("research", meanwhile)
    builder.add_node("send", effect(send, action=SEND))
    gate = gate or reply_gate()
    ways = {"approved": "send", "rejected": "draft", **leads}
    add_detached_gate(builder, gate, then="research", **ways)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply.ask")
    builder.add_edge("research", "reply.join")
    builder.add_edge("send", END)
    return builder


def begin(sink: Path) -> dict[str, Any]:
    """The first input of a thread."""
    return {"ticket": "Where is my card?", "sink": str(sink)}
