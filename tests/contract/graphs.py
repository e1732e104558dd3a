"""The shapes of graphs that pause: each with raw interrupts, most with our gates as well."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.tools import tool
from langgraph.errors import NodeError
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt

from hitl_graph import ActionClass, ConfidenceGate, Evidence, HitlState, Owner, ReviewBeforeSend, add_gate
from hitl_graph.gates import AuditSample, FailureEscalation, Thresholds
from hitl_graph.nodes import ask_on_failure

SEND = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})


def newest(before: str, after: str) -> str:
    """A reducer, so that two may write the same key in one step."""
    return after


class State(HitlState):
    """What every shape carries."""

    text: Annotated[str, newest]
    email: dict[str, Any]
    messages: Annotated[list[AnyMessage], operator.add]
    log: Annotated[list[Any], operator.add]


@dataclasses.dataclass(frozen=True)
class Shape:
    """A graph to run.

    Attributes:
        compile: Takes a saver, gives the graph.
        asks: How many questions the first pause asks.
        node: A paused node, as `update_state` is told it; None where the graph has no such thing.
        core: One of those that every step is tried on; the others are only answered.
    """

    name: str
    compile: Callable[[Any], Any]
    asks: int = 1
    node: str | None = "gate"
    core: bool = False

    def __str__(self) -> str:
        return self.name


def gate(name: str = "gate", **changes: Any) -> ReviewBeforeSend:
    """A gate before every mail."""
    fields: dict[str, Any] = {
        "name": name,
        "action": SEND,
        "proposal": "email",
        "question": "Is this reply safe to send to the customer?",
        "evidence": [Evidence("Customer message", "Where is my card?")],
        "consequence": "Sends an email to {to}.",
        "owner": Owner("support-leads"),
    }
    return ReviewBeforeSend(**{**fields, **changes})


def confidence_gate() -> ConfidenceGate:
    """A gate that has to measure first, and so is two nodes."""
    common = gate()
    return ConfidenceGate(
        name="gate",
        action=SEND,
        proposal="email",
        question=common.question,
        evidence=common.evidence,
        consequence=common.consequence,
        owner=common.owner,
        score=lambda state: 0.1,
        segment="text",
        thresholds=Thresholds({"send_email": {"*": 0.9}}),
        audit=AuditSample(0.05),
        unattended="Sure enough.",
    )


def says(*entries: Any) -> Callable[[Any], dict[str, Any]]:
    """A node that only adds to the log."""
    return lambda state: {"log": list(entries)}


def asks(question: str) -> Callable[[Any], dict[str, Any]]:
    """A node with one raw interrupt."""
    return lambda state: {"log": [(question, interrupt({"question": question, "text": state.get("text")}))]}


def draft(state: State) -> dict[str, Any]:
    """A proposal that depends on the state, so that an edited state asks something else."""
    return {
        "email": {"to": "ana@example.com", "body": f"{state.get('text')} {len(state.get('reviews', []))}"}
    }


def chain(*nodes: tuple[str, Any]) -> Any:
    """START → each node in turn."""
    builder = StateGraph(State)
    before = START
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder


def single() -> Any:
    """draft → gate → send."""
    return chain(("draft", draft), ("gate", asks("ok?")), ("send", says("sent")))


def single_gate(review: Any = None) -> Any:
    """The same with a gate of ours; a rejection leads back to the draft."""
    builder = chain(("draft", draft))
    builder.add_node("send", says("sent"))
    add_gate(builder, review or gate(), approved="send", rejected="draft")
    builder.add_edge("draft", "gate")
    return builder


def parallel() -> Any:
    """Questions in gate and b side by side, then join."""
    builder = chain(("draft", draft))
    for name in ("gate", "b"):
        builder.add_node(name, asks(f"{name}?"))
        builder.add_edge("draft", name)
    builder.add_node("join", says("joined"))
    builder.add_edge(["gate", "b"], "join")
    return builder


def parallel_gates() -> Any:
    """The same with gates of ours."""
    builder = chain(("draft", draft))
    builder.add_node("join", says("joined"))
    for name in ("gate", "b"):
        builder.add_node(f"{name}-ok", says(name))
        add_gate(builder, gate(name), approved=f"{name}-ok", rejected=END)
        builder.add_edge("draft", name)
    builder.add_edge(["gate-ok", "b-ok"], "join")
    return builder


def fan_out() -> Any:
    """draft → three `Send`s to item, each of which asks → join."""
    builder = chain(("draft", draft))
    builder.add_node("gate", lambda state: {"log": [(state["text"], interrupt(state["text"]))]})
    builder.add_node("join", says("joined"))
    builder.add_conditional_edges(
        "draft", lambda state: [Send("gate", {"text": str(i)}) for i in range(3)], ["gate"]
    )
    builder.add_edge("gate", "join")
    return builder


def fan_out_gates() -> Any:
    """The same with a gate of ours."""
    builder = chain(("draft", draft))
    builder.add_node("send", says("sent"))
    add_gate(builder, gate(), approved="send", rejected=END)
    builder.add_conditional_edges(
        "draft",
        lambda state: [Send("gate", {"email": {"to": f"{i}@example.com"}}) for i in range(3)],
        ["gate"],
    )
    return builder


def subgraph(inner: Any) -> Any:
    """A subgraph that pauses, then end."""
    return chain(("draft", draft), ("sub", inner.compile()), ("end", says("end")))


def two_in_a_row() -> Any:
    """Two questions in two nodes, one after the other."""
    return chain(("one", asks("one?")), ("two", asks("two?")))


def loop() -> Any:
    """draft → gate, and back to the draft until it was asked three times."""

    def review(state: State) -> Command[str]:
        answer = interrupt({"text": state["text"], "round": len(state.get("log", []))})
        again = len(state.get("log", [])) < 2
        return Command(update={"log": [answer]}, goto="draft" if again else "send")

    builder = chain(("draft", draft))
    builder.add_node("gate", review, destinations=("draft", "send"))
    builder.add_node("send", says("sent"))
    builder.add_edge("draft", "gate")
    return builder


def loop_gate() -> Any:
    """A gate of ours whose first two answers are rejections: see `answer_for`."""
    return single_gate(gate(allowed=("approve", "reject")))


@tool
def act(what: str) -> str:
    """A tool that asks first."""
    return f"{what}: {interrupt({'tool': what})}"


def tools(*names: str, by_send: bool) -> Any:
    """model → ToolNode with a call for each name, in one task or in one task for each call."""
    calls: Any = [{"name": "act", "args": {"what": one}, "id": one, "type": "tool_call"} for one in names]
    builder = StateGraph(State)
    builder.add_node("draft", lambda state: {"messages": [AIMessage("", tool_calls=calls)]})
    builder.add_node("gate", ToolNode([act]))
    builder.add_edge(START, "draft")
    if by_send:
        builder.add_conditional_edges(
            "draft", lambda state: [Send("gate", [call]) for call in calls], ["gate"]
        )
    else:
        builder.add_edge("draft", "gate")
    return builder


def fails(state: State) -> dict[str, Any]:
    """A step that works only after a retry was ordered."""
    if "retry" in state.get("log", []):
        return {"log": ["worked"]}
    raise RuntimeError("no connection")


def error() -> Any:
    """work, whose error handler asks what to do, then after."""

    def ask(state: State, error: NodeError) -> Command[str]:
        text = error.error if isinstance(error.error, str) else repr(error.error)
        answer = interrupt({"failed": error.node, "error": text})
        return Command(update={"log": ["retry", answer]}, goto=error.node)

    builder = chain(("draft", draft))
    builder.add_node("work", fails, error_handler=ask)
    builder.add_node("after", says("after"))
    builder.add_edge("draft", "work")
    builder.add_edge("work", "after")
    return builder


def error_gate() -> Any:
    """The same with a gate of ours."""
    escalation = FailureEscalation(
        name="failure",
        action=SEND,
        proposal="email",
        question="What should be done about the failed step?",
        evidence=[Evidence("Customer message", "Where is my card?")],
        consequence="Runs, skips or ends the step.",
        owner=Owner("support-leads"),
    )
    builder = chain(("draft", draft))
    builder.add_node("work", fails, error_handler=ask_on_failure(escalation, node="work", skip="after"))
    builder.add_node("after", says("after"))
    builder.add_edge("draft", "work")
    builder.add_edge("work", "after")
    return builder


def raises_after_the_answer() -> Any:
    """A node that takes its answer and raises when that is "bad"."""

    def review(state: State) -> dict[str, Any]:
        answer = interrupt({"question": "ok?", "text": state.get("text")})
        if answer == "bad":
            raise RuntimeError("bad answer")
        return {"log": [answer]}

    return chain(("draft", draft), ("gate", review), ("send", says("sent")))


def functional(saver: Any) -> Any:
    """An @entrypoint with two @tasks that ask at the same time."""

    @task
    def ask(what: str) -> Any:
        return interrupt({"task": what})

    @entrypoint(checkpointer=saver)
    def flow(given: dict[str, Any]) -> list[Any]:
        return [one.result() for one in [ask("x"), ask("y")]]

    return flow


def compiled(build: Callable[[], Any]) -> Callable[[Any], Any]:
    """A builder as a `Shape` takes it."""
    return lambda saver: build().compile(checkpointer=saver)


def answer_for(payload: Any) -> Any:
    """An answer that lets a thread go on, for any question of these shapes."""
    if not isinstance(payload, dict) or payload.get("v") != 1:
        return "yes"
    if payload["kind"] == "choose":
        return {"type": "choose", "option": "skip"}
    if payload["allowed"] == ["approve", "reject"] and payload["proposal"]["body"][-1] < "2":
        return {"type": "reject", "reason": "tone"}
    return {"type": "approve"}


SHAPES = [
    Shape("single", compiled(single)),
    Shape("single-gate", compiled(single_gate), core=True),
    Shape("confidence-gate", compiled(lambda: single_gate(confidence_gate())), node="gate.review"),
    Shape("parallel", compiled(parallel), asks=2, core=True),
    Shape("parallel-gates", compiled(parallel_gates), asks=2),
    Shape("fan-out", compiled(fan_out), asks=3),
    Shape("fan-out-gates", compiled(fan_out_gates), asks=3, core=True),
    Shape("subgraph", compiled(lambda: subgraph(single())), node="sub"),
    Shape("subgraph-gate", compiled(lambda: subgraph(single_gate())), node="sub", core=True),
    Shape("subgraph-parallel", compiled(lambda: subgraph(parallel())), asks=2, node="sub", core=True),
    Shape("subgraph-in-a-row", compiled(lambda: subgraph(two_in_a_row())), node="sub"),
    Shape("subgraph-twice", compiled(lambda: subgraph(subgraph(single_gate()))), node="sub"),
    Shape("loop", compiled(loop), core=True),
    Shape("loop-gate", compiled(loop_gate)),
    Shape("tool", compiled(lambda: tools("x", by_send=False)), core=True),
    Shape("tools-in-one-task", compiled(lambda: tools("x", "y", by_send=False))),
    Shape("tools-by-send", compiled(lambda: tools("x", "y", by_send=True)), asks=2),
    Shape("error", compiled(error), node="work"),
    Shape("error-gate", compiled(error_gate), node="work", core=True),
    Shape("functional", functional, asks=2, node=None),
]
BY_NAME = {shape.name: shape for shape in SHAPES}
RAISES = Shape("raises", compiled(raises_after_the_answer))
