"""Gates, states, graphs and models that the unit tests share. Real ones; nothing of ours is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel

from hitl_graph.decisions import Approve, Decision, decision_to_json
from hitl_graph.gates import (
    AuditSample,
    ConfidenceGate,
    ExceptionEscalation,
    FailureEscalation,
    Gate,
    ReviewBeforeSend,
    Signal,
    Thresholds,
    complaint,
)
from hitl_graph.nodes import HitlState, add_gate, effect
from hitl_graph.reviews import Evidence, Option, Owner
from hitl_graph.risk import ActionClass

Mode = Literal["sync", "async"]
in_both_modes = pytest.mark.parametrize("mode", ["sync", "async"])

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
TAG = ActionClass("tag_ticket", reversible=True)

QUESTION = "Is this reply safe to send to the customer?"
EMAIL = {"to": "ann@example.com", "subject": "Your card", "body": "It is on its way."}
EDITED = {**EMAIL, "body": "Better."}
CHOICES = (Option("refund", "Refund"), Option("card", "Card"), Option("other", "Other"))


class Email(BaseModel):
    """The schema of most proposals here."""

    to: str
    subject: str
    body: str


class State(HitlState, total=False):
    """The state of most graphs here."""

    ticket: str
    email: dict[str, Any]
    label: str
    score: Any
    segment: str
    log: list[str]


def ticket_evidence(state: Any) -> list[Evidence]:
    """The customer's message, as most gates here show it."""
    text = state.get("ticket") if isinstance(state, Mapping) else getattr(state, "ticket", None)
    return [Evidence("Customer message", text, source="ticket")]


def _fields(changes: dict[str, Any], **own: Any) -> dict[str, Any]:
    base = {
        "action": SEND,
        "proposal": "email",
        "question": QUESTION,
        "evidence": ticket_evidence,
        "consequence": "Sends an email to {to}. It cannot be taken back.",
        "owner": Owner("support-leads"),
        "schema": Email,
    }
    return {**base, **own, **changes}


def review_gate(**changes: Any) -> ReviewBeforeSend:
    """A gate that always asks about an email."""
    return ReviewBeforeSend(**_fields(changes, name="reply"))


def confidence_gate(**changes: Any) -> ConfidenceGate:
    """A gate on a ticket's label: 0.9 for refunds, 0.6 for the rest, no audit sample unless said."""
    own: dict[str, Any] = {
        "name": "triage",
        "action": TAG,
        "proposal": "label",
        "question": "Which category does this message belong to?",
        "consequence": "Tags the ticket {value}.",
        "schema": str,
        "score": "score",
        "segment": "segment",
        "thresholds": Thresholds({TAG.name: {"refund": 0.9, "*": 0.6}, SEND.name: {"*": 0.6}}),
        "audit": AuditSample(0),
    }
    return ConfidenceGate(**_fields(changes, **own))


def escalation_gate(**changes: Any) -> ExceptionEscalation:
    """A gate that asks when the customer's message is a complaint."""
    return ExceptionEscalation(**_fields(changes, name="exceptions", detectors=[complaint("ticket")]))


def failure_gate(**changes: Any) -> FailureEscalation:
    """What is asked when a node failed."""
    own: dict[str, Any] = {
        "name": "failed",
        "action": TAG,
        "question": "The lookup failed: how should it go on?",
        "consequence": "The case goes on as chosen.",
        "schema": None,
    }
    return FailureEscalation(**_fields(changes, **own))


class Outbox(list[tuple[str, Any]]):
    """What a graph has done to the outside world: (key, what), in order."""

    def send(self, state: Any, key: str) -> None:
        """The act, as an effect's function."""
        self.append((key, state["email"] if isinstance(state, Mapping) else state.email))

    async def asend(self, state: Any, key: str) -> None:
        """The same, async."""
        self.send(state, key)


def mail_graph(
    gate: Gate | None = None,
    *,
    outbox: Outbox | None = None,
    state: type = State,
    draft: Callable[[Any], Any] | None = None,
    approved: str = "send",
    **targets: Any,
) -> StateGraph[Any, Any, Any, Any]:
    """draft, gate, send; rejected goes back to draft. Not compiled, so that a test can add to it."""
    gate = gate or review_gate()
    builder = StateGraph(state)
    builder.add_node("draft", draft or (lambda state: {}))
    builder.add_node("send", effect((Outbox() if outbox is None else outbox).send, action=gate.action))
    for name in ("asked", "responded", "taken"):
        builder.add_node(name, lambda state: {})
    add_gate(builder, gate, approved=approved, **{"rejected": "draft", **targets})
    builder.add_edge(START, "draft")
    builder.add_edge("draft", gate.name)
    builder.add_edge("send", END)
    return builder


EVERY = ("approve", "edit", "reject", "choose", "respond", "ask_info", "take_over")
WAYS = {"approved": "yes", "rejected": "no", "responded": "said", "asked": "info", "taken_over": "taken"}


def routed(gate: Gate, **wired: Any) -> StateGraph[Any, Any, Any, Any]:
    """A gate with a node for each outcome, which writes its own name into the log."""
    builder = StateGraph(State)
    for name in ("yes", "no", "said", "info", "taken", "other"):
        builder.add_node(name, lambda state, name=name: {"log": [name]})
        builder.add_edge(name, END)
    add_gate(builder, gate, **{**WAYS, **wired})
    builder.add_edge(START, gate.name)
    return builder


def fan_out(
    size: int = 3,
    gate: Gate | None = None,
    *,
    outbox: Outbox | None = None,
    item: Callable[[int], dict[str, Any]] = lambda n: {},
    **wired: Any,
) -> StateGraph[Any, Any, Any, Any]:
    """One item for each recipient 0@x, 1@x, …, each through the gate and into the outbox by itself."""
    gate = gate or review_gate()
    outbox = Outbox() if outbox is None else outbox
    builder = StateGraph(State)
    builder.add_node("split", lambda state: {})
    builder.add_node("send", effect(outbox.send, action=gate.action))
    builder.add_node("draft", lambda state: {"email": state["email"]})
    builder.add_node("after", lambda state: {"log": [state["email"]["to"]]})
    add_gate(builder, gate, **{"approved": "send", "rejected": END, **wired})

    def items(state: Any) -> list[Send]:
        return [
            Send(gate.name, {"ticket": f"Message {n}", "email": {**EMAIL, "to": f"{n}@x"}, **item(n)})
            for n in range(size)
        ]

    builder.add_edge(START, "split")
    builder.add_conditional_edges("split", items, [gate.name])
    return builder


def measured(score: Any, **changes: Any) -> Gate:
    """A confidence gate on the email whose score is a function."""
    own = {
        "action": SEND,
        "proposal": "email",
        "schema": Email,
        "consequence": "Sends to {to}.",
        "score": score,
    }
    return confidence_gate(**{**own, **changes})


def drafts() -> Callable[[Any], dict[str, Any]]:
    """A drafting node that numbers its drafts by the rejections so far."""
    return lambda state: {"email": {**EMAIL, "body": f"Draft {len(state.get('reviews') or ()) + 1}"}}


def rewired(
    builder: StateGraph[Any, Any, Any, Any], source: str, target: str
) -> StateGraph[Any, Any, Any, Any]:
    """The same graph with the plain edge out of `source` leading to `target`."""
    builder.edges = {(a, target if a == source else b) for a, b in builder.edges}
    return builder


class Thread:
    """One thread of a graph, run in one mode on a checkpointer in memory."""

    def __init__(self, graph: Any, mode: Mode = "sync", thread_id: str = "t", **compiled: Any) -> None:
        self.graph = (
            graph.compile(checkpointer=InMemorySaver(), **compiled) if hasattr(graph, "compile") else graph
        )
        self.mode = mode
        self.config: Any = {"configurable": {"thread_id": thread_id}}

    def run(self, value: Any, config: Any = None) -> Any:
        """Give the graph an input, a command, or None."""
        config = config or self.config
        if self.mode == "sync":
            return self.graph.invoke(value, config)
        return asyncio.run(self.graph.ainvoke(value, config))

    def start(self, **state: Any) -> Thread:
        """Run from START until the first pause, with a ticket and an email unless said otherwise."""
        self.run({"ticket": "Where is my card?", "email": dict(EMAIL), **state})
        return self

    @property
    def open(self) -> list[Interrupt]:
        """The questions that stand open."""
        return list(self.graph.get_state(self.config).interrupts)

    @property
    def case(self) -> dict[str, Any]:
        """What the one open question shows."""
        [question] = self.open
        out: dict[str, Any] = question.value
        return out

    def answer(self, answer: Any, *, to: str | None = None) -> Any:
        """Answer one question by its id: the only one, unless `to` names another."""
        if to is None:
            [question] = self.open
            to = question.id
        return self.run(Command(resume={to: plain(answer)}))

    @property
    def values(self) -> dict[str, Any]:
        """The state."""
        out: dict[str, Any] = self.graph.get_state(self.config).values
        return out

    @property
    def record(self) -> dict[str, Any]:
        """The newest record."""
        out: dict[str, Any] = self.values["reviews"][-1]
        return out

    @property
    def next(self) -> tuple[str, ...]:
        """The nodes that would run next; empty at the end."""
        out: tuple[str, ...] = self.graph.get_state(self.config).next
        return out


def acting(function: Any, **declared: Any) -> StateGraph[Any, Any, Any, Any]:
    """A review, then the act of this function."""
    builder = StateGraph(State)
    builder.add_node("send", effect(function, action=SEND, **declared))
    builder.add_node("aside", lambda state: {"log": ["aside"]})
    add_gate(builder, review_gate(), approved="send", rejected=END)
    return builder.add_edge(START, "reply")


def bare(outbox: Outbox, action: ActionClass = SEND, **declared: Any) -> StateGraph[Any, Any, Any, Any]:
    """An act with nothing before it."""
    builder = StateGraph(State)
    builder.add_node("send", effect(outbox.send, action=action, **declared))
    return builder.add_edge(START, "send")


def approved(builder: StateGraph[Any, Any, Any, Any], mode: Mode) -> Thread:
    """A thread whose one question was approved."""
    thread = Thread(builder, mode).start()
    thread.answer(Approve())
    return thread


def plain(answer: Any) -> Any:
    """A decision as it comes over the wire; anything else as it is."""
    return decision_to_json(answer) if isinstance(answer, Decision) else answer


class FakeModel:
    """A chat model that gives prepared answers in turn, the last for ever, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.prompts: list[str] = []

    def invoke(self, prompt: str) -> AIMessage:
        """The next answer; an exception is raised."""
        answer = self.answers[min(len(self.prompts), len(self.answers) - 1)]
        self.prompts.append(prompt)
        if isinstance(answer, Exception):
            raise answer
        return AIMessage(answer)


class Counter:
    """A function of the state: prepared values in turn, the last for ever. It counts its calls."""

    def __init__(self, *values: Any) -> None:
        self.values = values
        self.calls = 0

    def __call__(self, state: Any) -> Any:
        """The next value."""
        self.calls += 1
        return self.values[min(self.calls, len(self.values)) - 1]


class OddDetector:
    """A detector whose `detect` is any function: to give what a good one never would."""

    name = "odd"
    repeatable = True

    def __init__(self, detect: Callable[[Any], Any]) -> None:
        self._detect = detect

    def detect(self, state: Any) -> Any:
        """Whatever it was made with."""
        return self._detect(state)


def chat_message(*tokens: tuple[str, float]) -> AIMessage:
    """A `ChatOpenAI` answer made with `logprobs=True`: its tokens and their logprobs."""
    content = [{"token": t, "bytes": list(t.encode()), "logprob": p, "top_logprobs": []} for t, p in tokens]
    text = "".join(token for token, _ in tokens)
    told = {"logprobs": {"content": content, "refusal": None}, "finish_reason": "stop"}
    return AIMessage(text, response_metadata=told)


def signal(name: str, text: str = "found") -> Signal:
    """One exception."""
    return Signal(name, text)
