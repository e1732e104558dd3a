"""A chat model labels, and the probability of its label decides who is asked. `OPENAI_API_KEY` makes it a real one."""

import math
import os
import re
import uuid
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    AuditSample,
    Choose,
    ConfidenceGate,
    Desk,
    Evidence,
    FailureEscalation,
    HitlState,
    Option,
    Owner,
    ReviewKind,
    Thresholds,
    add_gate,
    ask_on_failure,
    effect,
    open_checkpointer,
)
from hitl_graph.gates import TokenLogprobs

tag_ticket = ActionClass("tag_ticket", reversible=True)


class Label(BaseModel):
    """What the model is asked for."""

    label: Literal["refund", "delivery"]


class State(HitlState, total=False):
    """A message, the model's whole answer about it, and the label in it."""

    text: str
    answer: Any
    tag: str


common: dict[str, Any] = {
    "action": tag_ticket,
    "proposal": "tag",
    "evidence": lambda state: [Evidence("Customer message", state["text"])],
    "owner": Owner("triage"),
}
triage = ConfidenceGate(
    name="triage",
    kind=ReviewKind.CHOOSE,
    options=[Option("refund", "Refund"), Option("delivery", "Delivery")],
    option_field="value",
    question="Which queue does this message belong to?",
    consequence="Puts the message into the queue {value}.",
    score=TokenLogprobs(message="answer", label="tag"),
    segment="tag",
    thresholds=Thresholds({"tag_ticket": {"*": 0.9}}),
    audit=AuditSample(rate=0.0),  # the usual 5% would make this example ask about other messages than it says
    **common,
)
failed = FailureEscalation(
    name="model_failed",
    question="The model gave no usable answer. What should happen with this message?",
    consequence="Asks the model again.",
    **common,
)


class StandIn(BaseChatModel):
    """Answers as `ChatOpenAI(logprobs=True)` would, from two words; a message without either makes it fail."""

    @property
    def _llm_type(self) -> str:
        return "stand-in"

    def with_structured_output(self, schema: Any, **_: Any) -> Any:
        """The answer with its message, as `include_raw=True` gives it."""
        return self | (lambda raw: {"raw": raw, "parsed": schema.model_validate_json(raw.text)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        known = {"money": "refund", "parcel": "delivery"}
        found = [known[word] for word in re.findall("money|parcel", messages[-1].text)]
        if not found:
            raise ConnectionError("the model does not answer")
        pieces = [('{"label":"', 1.0), (found[0], 1 / len(set(found))), ('"}', 1.0)]
        content = [{"token": token, "logprob": math.log(p)} for token, p in pieces]
        message = AIMessage(
            "".join(token for token, _ in pieces),
            response_metadata={"logprobs": {"content": content}, "finish_reason": "stop"},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def chat_model() -> BaseChatModel:
    """`ChatOpenAI` where there is a key (and the package), else the stand-in."""
    if not os.environ.get("OPENAI_API_KEY"):
        return StandIn()
    from langchain_openai import ChatOpenAI  # an extra

    return ChatOpenAI(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"), temperature=0, logprobs=True)


def classify(state: State) -> dict[str, Any]:
    """Ask the model, and keep its whole message: the logprobs are in it. Anything but a whole answer raises."""
    asked = chat_model().with_structured_output(Label, method="json_schema", include_raw=True)
    found: Any = asked.invoke(f"Is this about a refund or a delivery? {state['text']}")
    if error := found.get("parsing_error"):
        raise error
    return {"answer": found["raw"], "tag": found["parsed"].label}


def label(state: State) -> None:
    """The act: reversible, so a gate may let it pass."""
    print(f"tagged {state['tag']}: {state['text']}")


def by_hand(state: State) -> None:
    """Where a message goes that is done without the model."""
    print(f"by hand: {state['text']}")


def graph() -> StateGraph[State, None, State, State]:
    """`classify` → `triage` → `label`, with a person behind `classify`."""
    builder = StateGraph(State)
    builder.add_node(
        "classify", classify, error_handler=ask_on_failure(failed, node="classify", skip="by_hand")
    )
    builder.add_node("by_hand", by_hand)
    builder.add_node("label", effect(label, action=tag_ticket))
    add_gate(builder, triage, approved="label")
    builder.add_edge(START, "classify")
    builder.add_edge("classify", "triage")
    builder.add_edge("by_hand", END)
    builder.add_edge("label", END)
    return builder


def main() -> None:
    """Sure: it passes. Torn between two: a person chooses. No answer: a person says what now."""
    decisions = {"triage": Choose("delivery"), "model_failed": Choose("skip")}
    with open_checkpointer() as checkpointer, Desk() as desk:
        inbox = graph().compile(checkpointer=checkpointer, name="inbox")
        for text in ("Where is my parcel?", "My money, or my parcel!", "Good morning."):
            thread = str(uuid.uuid4())
            inbox.invoke({"text": text}, {"configurable": {"thread_id": thread}})
            for case in desk.pending(thread_id=thread):
                [why] = case.payload["why"]
                print(f"asked: {why['text']}")
                desk.decide(case.id, decisions[str(case.gate)], by="ben", digest=case.digest)
                desk.resume(inbox, thread_ids=[thread])


if __name__ == "__main__":
    main()
