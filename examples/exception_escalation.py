"""Exception escalation: the usual passes; a complaint, a lawyer or a large sum reaches a person."""

import uuid
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    ActionClass,
    Desk,
    Evidence,
    ExceptionEscalation,
    HitlState,
    Owner,
    Respond,
    add_gate,
    effect,
    open_checkpointer,
)
from hitl_graph.gates import complaint, high_value, sensitive_policy

answer_customer = ActionClass("answer_customer", reversible=False, audience="customer", touches={"trust"})


class State(HitlState, total=False):
    """A message, what it is about, and the answer that is proposed."""

    text: str
    amount: float | None
    answer: dict[str, Any]


exceptions = ExceptionEscalation(
    name="exceptions",
    action=answer_customer,
    proposal="answer",
    question="Does this customer need a person instead of the standard answer?",
    why="Complaints and legal matters are handled by people.",
    evidence=lambda state: [Evidence("Customer message", state["text"])],
    consequence="Sends the standard answer: {body}",
    owner=Owner("support-leads"),
    detectors=[complaint("text"), sensitive_policy("text"), high_value("amount", at_least=500)],
    # It cannot be taken back, so the author must say why it may pass without a person at all:
    unattended="A fixed text that promises nothing and has been approved by the legal department.",
)


def prepare(state: State) -> dict[str, Any]:
    """The standard answer."""
    return {"answer": {"body": "Thank you. You will find the opening hours on our page."}}


def send(state: State) -> None:
    """The act."""
    print(f"sent: {state['answer']['body']}")


def by_hand(state: State) -> None:
    """Where a person's own words go."""
    said = state["reviews"][-1]["answer"]["message"]
    print(f"handed over: {said}")


def graph() -> StateGraph[State, None, State, State]:
    """`prepare` → `exceptions` → `send`, or to `by_hand`."""
    builder = StateGraph(State)
    builder.add_node("prepare", prepare)
    builder.add_node("send", effect(send, action=answer_customer))
    builder.add_node("by_hand", by_hand)
    add_gate(builder, exceptions, approved="send", rejected=END, responded="by_hand")
    builder.add_edge(START, "prepare")
    builder.add_edge("prepare", "exceptions")
    builder.add_edge("send", END)
    builder.add_edge("by_hand", END)
    return builder


def main() -> None:
    """An ordinary question, and one with two exceptions in it."""
    messages: list[tuple[str, float | None]] = [
        ("When do you open?", None),
        ("This is unacceptable. My lawyer will write to you about the 900 euros.", 900.0),
    ]
    with open_checkpointer() as checkpointer, Desk() as desk:
        service = graph().compile(checkpointer=checkpointer, name="service")
        for text, amount in messages:
            thread = str(uuid.uuid4())
            service.invoke({"text": text, "amount": amount}, {"configurable": {"thread_id": thread}})
            for case in desk.pending(thread_id=thread):
                for why in case.payload["why"]:
                    print(f"escalated: {why['text']}")
                words = Respond("I have called the customer.", reason="complaint")
                desk.decide(case.id, words, by="ana", digest=case.digest)
                desk.resume(service, thread_ids=[thread])


if __name__ == "__main__":
    main()
