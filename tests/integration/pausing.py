"""Cases that wait: of gates, of a graph in a file of its own, and of bare interrupts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from hitl_graph import Desk, open_checkpointer
from tests.support.graphs import mail_graph, thread

OWN_GRAPH = """
from typing import Any
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel
from hitl_graph import ActionClass, Evidence, HitlState, Option, Owner, ReviewBeforeSend, add_gate, effect

class Refund(BaseModel):
    amount: float
    to: str

class State(HitlState):
    ticket: str
    refund: dict[str, Any]

PAY = ActionClass("refund", reversible=False, touches={"money"})
gate = ReviewBeforeSend(
    name="refund_review", action=PAY, proposal="refund", schema=Refund, identity=(),
    question="Should this refund be paid?", evidence=lambda s: [Evidence("Message", s["ticket"])],
    consequence="Pays {amount} to {to}.", owner=Owner("finance"),
    allowed=("approve", "edit", "reject", "choose", "respond", "ask_info", "take_over"), option_field="to",
    options=(Option("ana"), Option("ben")))
builder = StateGraph(State)
builder.add_node("pay", effect(lambda state: None, action=PAY))
add_gate(builder, gate, approved="pay", rejected=END, responded=END, asked=END, taken_over=END)
builder.add_edge(START, "refund_review")
builder.add_edge("pay", END)
graph = builder.compile()

def made():
    return builder

def made_with(checkpointer):
    return builder.compile(checkpointer=checkpointer)

def made_with_config(config):
    return graph

def needs_more(checkpointer, colour):
    return graph

bypass = StateGraph(State)
bypass.add_node("pay", effect(lambda state: None, action=PAY))
bypass.add_edge(START, "pay")
"""


def pause(url: str, sink: Path, *names: str, graph: Any = None, ticket: str = "Where is my card?") -> None:
    """Threads at their first pause."""
    with open_checkpointer(url) as checkpointer:
        compiled = (graph or mail_graph()).compile(checkpointer=checkpointer)
        for name in names:
            compiled.invoke({"ticket": ticket, "sink": str(sink)}, thread(name))


def only_case(url: str) -> Any:
    """The one case that there is."""
    with Desk(url) as desk:
        [case] = desk.cases()
    return case


def cut_off(text: str) -> str:
    """The text without what a table adds: borders, and the breaks where a line was full."""
    return " ".join(text.replace("│", " ").split())


def paused(graph: Any, sink: Path, *names: str) -> None:
    """Threads at their first pause."""
    for name in names:
        graph.invoke({"ticket": f"Message of {name}", "sink": str(sink)}, thread(name))


def asks(question: Any, schema: Any = None) -> Any:
    """A graph that pauses with a bare interrupt, and keeps the answer."""

    class Raw(TypedDict, total=False):
        answer: Any

    builder = StateGraph(Raw)
    builder.add_node("ask", lambda _: {"answer": interrupt(question, response_schema=schema)})
    builder.add_edge(START, "ask")
    return builder
