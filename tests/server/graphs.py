"""Graphs that the tests' own server serves besides those of `langgraph.json`: their acts leave a line in a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import add_gate, effect
from tests.support.graphs import SEND, State, draft, mail_graph, reply_gate, send, two_gates_graph

__all__ = ["SERVED", "mail", "slow", "two_gates"]

SERVED = ("mail", "slow", "two_gates")


def mail() -> StateGraph[Any]:
    """draft → reply (gate) → send."""
    return mail_graph()


def two_gates() -> StateGraph[Any]:
    """A mail and a refund reviewed at the same time."""
    return two_gates_graph()


async def hold(state: State) -> None:
    """Says that it is here, and stays until its run is cancelled."""
    await asyncio.to_thread(Path(state["sink"] + ".held").touch)
    await asyncio.sleep(600)


def slow() -> StateGraph[Any]:
    """draft → reply (gate) → hold → send: a run that can be caught after its answer and before its act."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("hold", hold)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, reply_gate(), approved="hold", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("hold", "send")
    builder.add_edge("send", END)
    return builder
