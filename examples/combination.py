"""All three in one process: sort with confidence, escalate exceptions, review before send."""

import uuid
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    Approve,
    AuditSample,
    Choose,
    ConfidenceGate,
    Decision,
    Desk,
    Edit,
    Evidence,
    ExceptionEscalation,
    HitlState,
    Option,
    Owner,
    ReviewBeforeSend,
    ReviewKind,
    Thresholds,
    add_gate,
    check_boundary,
    effect,
    open_checkpointer,
)
from hitl_graph.gates import complaint, urgency

tag_ticket = ActionClass("tag_ticket", reversible=True)
draft_answer = ActionClass("draft_answer", reversible=True, touches={"trust"})
send_email = ActionClass("send_email", reversible=False, audience="customer", touches={"reputation", "trust"})


class Email(BaseModel):
    """What is sent."""

    to: str
    body: str


class State(HitlState, total=False):
    """One message on its way through the desk."""

    sender: str
    text: str
    tag: str
    confidence: float
    plan: dict[str, Any]
    email: dict[str, Any]


def message(state: State) -> list[Evidence]:
    """What every reviewer sees beside the question: the source, never the system's own words."""
    return [Evidence("Customer message", state["text"], source=state["sender"])]


triage = ConfidenceGate(
    name="triage",
    action=tag_ticket,
    proposal="tag",
    kind=ReviewKind.CHOOSE,
    options=[Option("card", "Card"), Option("account", "Account")],
    option_field="value",
    question="Is this message about a card or about the account?",
    evidence=message,
    consequence="Tags the message {value}; the answer is drafted about that.",
    owner=Owner("triage"),
    score="confidence",
    segment="tag",
    thresholds=Thresholds({"tag_ticket": {"*": 0.8}}),
    audit=AuditSample(rate=0.0),
)
exceptions = ExceptionEscalation(
    name="exceptions",
    action=draft_answer,
    proposal="plan",
    question="Shall the agent draft the answer to this message, or does a person write it?",
    evidence=message,
    consequence="The agent drafts an answer about the {about}, which is reviewed before it is sent.",
    owner=Owner("support-leads"),
    detectors=[complaint("text"), urgency("text")],
)
reply = ReviewBeforeSend(
    name="reply",
    action=send_email,
    proposal="email",
    schema=Email,
    question="Is this reply safe to send to the customer?",
    evidence=message,
    consequence="Sends an email to {to}. It cannot be taken back.",
    owner=Owner("support-leads"),
)


def classify(state: State) -> dict[str, Any]:
    """Stands for a model."""
    about_card = "card" in state["text"]
    return {"tag": "card" if about_card else "account", "confidence": 0.95 if about_card else 0.5}


def plan(state: State) -> dict[str, Any]:
    """What the agent is going to do: what the escalation gate is asked about."""
    return {"plan": {"about": state["tag"]}}


def draft(state: State) -> dict[str, Any]:
    """Stands for a model. A node of its own: the gate's node runs again when the thread is resumed."""
    return {"email": {"to": state["sender"], "body": f"About your {state['tag']}: we are looking into it."}}


def send(state: State, key: str) -> None:
    """The act."""
    print(f"sent to {state['email']['to']}: {state['email']['body']}")


def graph() -> StateGraph[State, None, State, State]:
    """Three gates in a row; each has an owner and a bar of its own."""
    builder = StateGraph(State)
    builder.add_node("classify", classify)
    builder.add_node("plan", plan)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=send_email))
    add_gate(builder, triage, approved="plan")
    add_gate(builder, exceptions, approved="draft", rejected=END, taken_over=END)
    add_gate(builder, reply, approved="send", rejected="draft", taken_over=END)
    builder.add_edge(START, "classify")
    builder.add_edge("classify", "triage")
    builder.add_edge("plan", "exceptions")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


DECISIONS: dict[str, Decision] = {
    "triage": Choose("account"),
    "exceptions": Approve(note="Annoyed, but an ordinary question."),
    "reply": Edit({"body": "We have found it: please sign in again."}, reason="tone"),
}
"""What the person of this example decides at each gate."""


def main() -> None:
    """One message that all three gates ask about."""
    thread = str(uuid.uuid4())
    given: State = {"sender": "a@example.com", "text": "This is ridiculous: I cannot sign in."}
    with open_checkpointer() as checkpointer, Desk() as desk:
        support = graph().compile(checkpointer=checkpointer, name="support_desk")
        check_boundary(support)  # raises with the path if `send` could be reached without a gate
        support.invoke(given, {"configurable": {"thread_id": thread}})
        while cases := desk.pending(thread_id=thread):
            for case in cases:
                print(f"{case.gate} asks {case.owner}: {case.question}")
                decision = DECISIONS[case.gate or ""]
                desk.decide(case.id, decision, by="ana", digest=case.digest)
            desk.resume(support, thread_ids=[thread])


if __name__ == "__main__":
    main()
