"""The graph of notebook 1 in a file of its own, so that other processes can import it: draft, review, send.

An outbox is a file that counts the sends of every process, in the folder that `MAIL_FOLDER` names. Where its folder is
missing, the mail service is down.
"""

import os
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import ActionClass, Evidence, HitlState, Owner, ReviewBeforeSend, add_gate, effect

__all__ = ["ROOT", "WORKFLOW", "State", "compiled", "mail_graph", "path_of", "sent"]

ROOT = Path(__file__).parents[1]
"""The folder that holds `notebooks`, where other processes find this file."""
WORKFLOW = "paused-threads"
send_email = ActionClass("send_email", reversible=False, audience="customer", touches={"reputation", "trust"})


class Email(BaseModel):
    """What is sent."""

    to: str
    body: str


class State(HitlState):
    """One ticket, and the name of its outbox."""

    ticket: str
    email: dict[str, Any]
    outbox: str


review = ReviewBeforeSend(
    name="reply",
    action=send_email,
    proposal="email",
    schema=Email,
    question="Is this reply safe to send to the customer?",
    evidence=lambda state: [Evidence("Customer message", state["ticket"])],
    consequence="Sends an email to {to}. It cannot be taken back.",
    owner=Owner("support-leads"),
)


def draft(state: State) -> dict[str, Any]:
    """A new draft each time, so that a second one can be told from the first."""
    turn = len(state.get("reviews", [])) + 1
    return {"email": {"to": "sam@example.com", "body": f"Draft {turn}: your card will come."}}


def send(state: State, key: str) -> None:
    """One line for each send."""
    with path_of(state["outbox"]).open("a", encoding="utf-8") as outbox:
        outbox.write(f"{key}\t{state['email']['body']}\n")


def mail_graph() -> StateGraph[State]:
    """draft, reply (a gate), send; a rejection leads back to the draft."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=send_email))
    add_gate(builder, review, approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def compiled(checkpointer: Any) -> Any:
    """The graph, with a name that stands in each of its cases."""
    graph = mail_graph().compile(checkpointer=checkpointer, name=WORKFLOW)
    return graph.with_config(metadata={"workflow": WORKFLOW})


def path_of(outbox: str) -> Path:
    """The file of an outbox."""
    return Path(os.environ["MAIL_FOLDER"]) / outbox


def sent(outbox: str) -> list[str]:
    """What was sent, in order."""
    path = path_of(outbox)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.partition("\t")[2] for line in lines]
