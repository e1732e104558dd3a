"""The functional API: a review in the middle of plain code, and several of them at the same time."""

import uuid
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.func import entrypoint, task
from langgraph.pregel import Pregel
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    Approve,
    Decision,
    Desk,
    Edit,
    Evidence,
    Owner,
    Reject,
    ReviewBeforeSend,
    open_checkpointer,
)
from hitl_graph.functional import gather, review

send_email = ActionClass("send_email", reversible=False, audience="customer", touches={"reputation", "trust"})


class Email(BaseModel):
    """What is sent: the edit form and its check."""

    to: str
    body: str


reply = ReviewBeforeSend(
    name="reply",
    action=send_email,
    proposal="email",
    schema=Email,
    question="Is this reply safe to send to the customer?",
    evidence=lambda seen: [Evidence("Customer message", seen["ticket"]["body"])],
    consequence="Sends an email to {to}. It cannot be taken back.",
    owner=Owner("support-leads"),
)


@task
def draft(ticket: dict[str, str], said: str | None) -> dict[str, str]:
    """Stands for a model. A task, so that the draft that is sent is the one that was read."""
    body = "We have sent you a new card." if said else "Your card will arrive some day."
    return {"to": ticket["from"], "body": body}


@task
def send(email: dict[str, str], key: str) -> None:
    """The act. `key` is the review's id, for a mail service that takes an idempotency key."""
    print(f"sent to {email['to']}: {email['body']}")


@task
def answer(ticket: dict[str, str]) -> dict[str, Any] | None:
    """Draft, review, and draft again until it may be sent."""
    said: str | None = None
    while True:
        reviewed = review(reply, draft(ticket, said).result(), context={"ticket": ticket})
        if reviewed.approved:
            send(reviewed.final, reviewed.key).result()
            return reviewed.record
        said = (reviewed.record or {}).get("note") or "not like this"


def flow(checkpointer: BaseCheckpointSaver[Any]) -> Pregel[Any, Any, Any, Any]:
    """All tickets at the same time; each waits for its own reader."""

    @entrypoint(checkpointer=checkpointer)
    def support(tickets: list[dict[str, str]]) -> list[dict[str, Any] | None]:
        return gather([answer(ticket) for ticket in tickets])

    return support


def main() -> None:
    """Two messages: one draft is approved, the other rejected, drafted again, and edited."""
    thread = str(uuid.uuid4())
    tickets = [
        {"from": "a@example.com", "body": "Where is my card?"},
        {"from": "b@example.com", "body": "My card is two weeks late."},
    ]
    with open_checkpointer() as checkpointer, Desk() as desk:
        support = flow(checkpointer)
        support.invoke(tickets, {"configurable": {"thread_id": thread}})

        decisions: dict[str, Decision] = {
            "a@example.com": Approve(),
            "b@example.com": Reject(reason="vague", note="Say what we did."),
        }
        for case in sorted(desk.pending(thread_id=thread), key=lambda case: str(case.proposal["to"])):
            print(f"{case.proposal['to']}: {case.question} {case.proposal['body']!r}")
            desk.decide(case.id, decisions[case.proposal["to"]], by="ana", digest=case.digest)
        desk.resume(support, thread_ids=[thread])

        [case] = desk.pending(thread_id=thread)
        print(f"{case.proposal['to']}: {case.question} {case.proposal['body']!r}")
        changes = {"body": "We have sent you a new card. It takes three days."}
        desk.decide(case.id, Edit(changes, reason="tone"), by="ana", digest=case.digest)
        [done] = desk.resume(support, thread_ids=[thread])
        print([f"{record['decision']} by {record['by']}" for record in done.values])


if __name__ == "__main__":
    main()
