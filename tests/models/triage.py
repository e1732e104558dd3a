"""A triage graph that a chat model feeds: classify → triage (gate) → label, with a person behind a failed model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    AuditSample,
    ConfidenceGate,
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
)
from hitl_graph.gates import TokenLogprobs
from tests.support.openai_server import OpenAIServer, Reply, Token

__all__ = ["SURE", "Classify", "Label", "State", "chat", "classifier", "served", "triage_graph"]

TAG = ActionClass("tag_ticket", reversible=True)
OPTIONS = (Option("refund"), Option("delivery"))
SURE: tuple[Token, ...] = (
    ('{"', -0.001),
    ("label", -0.001),
    ('":"', -0.001),
    ("ref", -0.01),
    ("und", -0.01),
    ('"}', 0),
)
"""A structured answer that is sure of its label; p = exp(-0.02)."""


class Label(BaseModel):
    """What the model is asked for."""

    label: Literal["refund", "delivery"]


class State(HitlState, total=False):
    """A message, the model's answer about it, and what was done."""

    text: str
    answer: Any
    tag: str
    score: float | None
    samples: list[str]
    done: list[str]


Classify = Callable[[State], dict[str, Any]]


def chat(url: str, **given: Any) -> ChatOpenAI:
    """The real client, without waits between its attempts."""
    return ChatOpenAI(**{"model": "test", "base_url": url, "api_key": "test", "max_retries": 1, **given})


def classifier(model: Any) -> Classify:
    """A node that classifies with a model, and raises when it has no whole answer."""
    ask = model.with_structured_output(Label, method="json_schema", include_raw=True)

    def classify(state: State) -> dict[str, Any]:
        found = ask.invoke(f"Classify: {state['text']}")
        if found["parsing_error"] is not None:
            raise found["parsing_error"]
        return {"answer": found["raw"], "tag": found["parsed"].label}

    return classify


def triage_graph(classify: Classify, done: list[str], **changes: Any) -> StateGraph[State]:
    """The graph; `done` gets a line for each label that was set."""
    shown: dict[str, Any] = {
        "action": TAG,
        "proposal": "tag",
        "evidence": lambda state: [Evidence("Customer message", state["text"])],
        "owner": Owner("triage"),
    }
    gate: dict[str, Any] = {
        "name": "triage",
        "kind": ReviewKind.CHOOSE,
        "options": OPTIONS,
        "option_field": "value",
        "question": "Which queue does this message belong to?",
        "consequence": "Puts the message into the queue {value}.",
        "score": TokenLogprobs("answer", "tag"),
        "segment": "tag",
        "thresholds": Thresholds({"tag_ticket": {"*": 0.9}}),
        "audit": AuditSample(rate=0.0),
    }
    failed = FailureEscalation(
        name="model_failed",
        question="The model gave no usable answer. What should happen with this message?",
        consequence="Asks the model again.",
        **shown,
    )
    builder = StateGraph(State)
    handler: Any = ask_on_failure(failed, node="classify", skip="by_hand")
    nodes: Any = builder
    nodes.add_node("classify", classify, error_handler=handler)
    builder.add_node("by_hand", lambda _: {"done": ["by hand"]})
    builder.add_node("label", effect(lambda state: done.append(state["tag"]), action=TAG))
    add_gate(builder, ConfidenceGate(**{**shown, **gate, **changes}), approved="label")
    builder.add_edge(START, "classify")
    builder.add_edge("classify", "triage")
    builder.add_edge("label", END)
    return builder


@contextmanager
def served(*replies: Reply) -> Iterator[OpenAIServer]:
    """A server that gives these replies in order, and the last one from then on."""
    left = list(replies)
    with OpenAIServer(lambda _: left.pop(0) if len(left) > 1 else left[0]) as server:
        yield server
