"""Confidence-gated: what is sure enough for its category passes, the rest is asked about."""

import uuid
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    ActionClass,
    AuditSample,
    Choose,
    ConfidenceGate,
    Desk,
    Evidence,
    HitlState,
    Option,
    Owner,
    ReviewKind,
    Thresholds,
    add_gate,
    effect,
    open_checkpointer,
)

tag_ticket = ActionClass("tag_ticket", reversible=True)


class State(HitlState, total=False):
    """A message, and the tag that a classifier proposes for it."""

    text: str
    tag: str
    confidence: float


triage = ConfidenceGate(
    name="triage",
    action=tag_ticket,
    proposal="tag",
    kind=ReviewKind.CHOOSE,
    options=[Option("refund", "Refund"), Option("delivery", "Delivery"), Option("other", "Anything else")],
    option_field="value",  # a choice becomes the tag
    question="Which queue does this message belong to?",
    evidence=lambda state: [Evidence("Customer message", state["text"])],
    uncertainty=lambda state: [f"The classifier is only {state['confidence']:.0%} sure."],
    consequence="Puts the message into the queue {value}.",
    owner=Owner("triage"),
    score="confidence",
    segment="tag",
    thresholds=Thresholds({"tag_ticket": {"refund": 0.95, "*": 0.8}}),
    audit=AuditSample(rate=0.0),  # the usual 5% would make this example ask about other messages than it says
)


def classify(state: State) -> dict[str, Any]:
    """Stands for a model. A real score is calibrated, or comes from `TokenLogprobs` or `Agreement`."""
    words = {"refund": "money back", "delivery": "parcel"}
    found = [tag for tag, word in words.items() if word in state["text"]]
    return {"tag": found[0] if found else "other", "confidence": 0.9 if len(found) == 1 else 0.4}


def label(state: State) -> None:
    """The act: reversible, so a gate may let it pass."""
    print(f"tagged {state['tag']}: {state['text']}")


def graph() -> StateGraph[State, None, State, State]:
    """`classify` → `triage` → `label`."""
    builder = StateGraph(State)
    builder.add_node("classify", classify)
    builder.add_node("label", effect(label, action=tag_ticket))
    add_gate(builder, triage, approved="label")
    builder.add_edge(START, "classify")
    builder.add_edge("classify", "triage")
    builder.add_edge("label", END)
    return builder


def main() -> None:
    """The same score of 0.9 passes for a delivery and is asked about for a refund."""
    with open_checkpointer() as checkpointer, Desk() as desk:
        inbox = graph().compile(checkpointer=checkpointer, name="inbox")
        for text in ("Where is my parcel?", "I want my money back."):
            thread = str(uuid.uuid4())
            inbox.invoke({"text": text}, {"configurable": {"thread_id": thread}})
            for case in desk.pending(thread_id=thread):
                [why] = case.payload["why"]
                print(f"asked: {why['text']}")
                desk.decide(case.id, Choose("refund"), by="ben", digest=case.digest)
                desk.resume(inbox, thread_ids=[thread])


if __name__ == "__main__":
    main()
