"""Review before send: a person reads every reply; a rejected one is drafted again."""

import uuid
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    Desk,
    Edit,
    Evidence,
    HitlState,
    Owner,
    Reject,
    ReviewBeforeSend,
    Sla,
    add_gate,
    effect,
    open_checkpointer,
)
from hitl_graph.decisions import Cause

send_email = ActionClass("send_email", reversible=False, audience="customer", touches={"reputation", "trust"})


class Email(BaseModel):
    """What is sent: the edit form and its check."""

    to: str
    subject: str
    body: str


class State(HitlState, total=False):
    """The message that came in, and the reply that is proposed."""

    ticket: dict[str, Any]
    email: dict[str, Any]


reply = ReviewBeforeSend(
    name="reply",
    action=send_email,
    proposal="email",
    schema=Email,
    question="Is this reply safe to send to the customer?",
    why="Everything that leaves under the brand is read first.",
    evidence=lambda state: [Evidence("Customer message", state["ticket"]["body"], source="ticket")],
    consequence="Sends an email to {to}. It cannot be taken back.",
    owner=Owner("support-leads"),
    sla=Sla(hours=4, on_expiry="escalate", escalate_to="support-managers"),
)


def draft(state: State) -> dict[str, Any]:
    """Stands for a model. It reads why the draft before was rejected."""
    said = [record["note"] for record in state.get("reviews", []) if record["decision"] == "reject"]
    body = "We have sent you a new card." if said else "Your card will arrive some day."
    return {"email": {"to": state["ticket"]["from"], "subject": "Your card", "body": body}}


def send(state: State, key: str) -> None:
    """The act. `key` is the review's id, for a mail service that takes an idempotency key."""
    print(f"sent to {state['email']['to']}: {state['email']['body']}")


def graph() -> StateGraph[State, None, State, State]:
    """`draft` → `reply` → `send`, and from `reply` back to `draft`."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=send_email))
    add_gate(builder, reply, approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def main() -> None:
    """One message: the first draft is rejected, the second edited and sent."""
    thread = str(uuid.uuid4())
    ticket = {"from": "a@example.com", "body": "Where is my card? It is two weeks late."}
    with open_checkpointer() as checkpointer, Desk() as desk:
        support = graph().compile(checkpointer=checkpointer, name="support")
        support.invoke({"ticket": ticket}, {"configurable": {"thread_id": thread}})

        [case] = desk.pending(thread_id=thread)
        print(f"{case.question} {case.proposal['body']!r}")
        no = Reject(reason="vague", note="Say what we did.", cause=Cause.MODEL)
        desk.decide(case.id, no, by="ana", digest=case.digest)
        desk.resume(support, thread_ids=[thread])

        [case] = desk.pending(thread_id=thread)
        print(f"{case.question} {case.proposal['body']!r}")
        changes = {"body": "We have sent you a new card. It takes three days."}
        desk.decide(case.id, Edit(changes, reason="tone"), by="ana", digest=case.digest)
        [done] = desk.resume(support, thread_ids=[thread])

        record = done.values["reviews"][-1]
        print(f"{record['decision']} by {record['by']}, {record['reason']}: {record['patch']}")


if __name__ == "__main__":
    main()
