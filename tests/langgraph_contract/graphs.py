"""The small graphs that the contract tests pause: each is one shape of a workflow with a gate."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import count
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

Durability = Literal["sync", "async", "exit"]
DURABILITIES: tuple[Durability, ...] = ("sync", "async", "exit")
in_every_durability = pytest.mark.parametrize("durability", DURABILITIES)
_threads = count()


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[Any], operator.add]


Builder = Any  # LangGraph's overloads refuse half of the nodes here that it runs


def builder() -> Builder:
    """An empty graph over State."""
    return StateGraph(State)


def thread(**extra: Any) -> RunnableConfig:
    """The config of a thread that no other test uses."""
    return {"configurable": {"thread_id": f"thread-{next(_threads)}", **extra}}


def says(*entries: Any) -> Callable[[Any], Any]:
    """A node that only adds to the log."""
    return lambda state: {"log": list(entries)}


def asks(question: str) -> Callable[[Any], Any]:
    """A gate node: one interrupt, and the answer goes to the log."""
    return lambda state: {"log": [(question, interrupt(question))]}


def chain(*nodes: tuple[str, Any]) -> Builder:
    """START → each node in turn."""
    b = builder()
    before = START
    for name, node in nodes:
        b.add_node(name, node)
        b.add_edge(before, name)
        before = name
    return b


def single_gate() -> Builder:
    """draft → gate → send."""
    return chain(("draft", says("draft")), ("gate", asks("ok?")), ("send", says("send")))


def parallel_gates() -> Builder:
    """Gates a and b side by side, then join."""
    b = builder()
    for name in ("a", "b"):
        b.add_node(name, asks(f"{name}?"))
        b.add_edge(START, name)
    b.add_node("join", says("join"))
    b.add_edge(["a", "b"], "join")
    return b


def fan_out() -> Builder:
    """plan → three `Send`s to item, each of which asks → join."""
    b = builder()
    b.add_node("plan", says("plan"))
    b.add_node("item", lambda state: {"log": [(state["text"], interrupt(f"{state['text']}?"))]})
    b.add_node("join", says("join"))
    b.add_edge(START, "plan")
    b.add_conditional_edges(
        "plan", lambda state: [Send("item", {"text": str(i)}) for i in range(3)], ["item"]
    )
    b.add_edge("item", "join")
    return b


def nested_gate(*inner: tuple[str, Any]) -> Builder:
    """A subgraph with the gate in it (or the given nodes), then end."""
    child = chain(*(inner or (("inner", asks("inner?")),))).compile()
    return chain(("sub", child), ("end", says("end")))


def looping_gate() -> Builder:
    """draft → gate, and back to draft until the answer is "approve"."""

    def gate(state: State) -> Command[str]:
        answer = interrupt("ok?")
        return Command(update={"log": [answer]}, goto="send" if answer == "approve" else "draft")

    b = chain(("draft", says("draft")))
    b.add_node("gate", gate, destinations=("draft", "send"))
    b.add_node("send", says("send"))
    b.add_edge("draft", "gate")
    return b


def failing_after_answer() -> Builder:
    """A gate that raises when the answer is "bad"."""

    def gate(state: State) -> dict[str, Any]:
        answer = interrupt("ok?")
        if answer == "bad":
            raise ValueError("bad answer")
        return {"log": [answer]}

    return chain(("gate", gate))


def questions(graph: Any, config: RunnableConfig) -> dict[Any, str]:
    """LangGraph's own pending set of a thread: question → interrupt id."""
    return {i.value: i.id for i in graph.get_state(config).interrupts}


def answers(graph: Any, config: RunnableConfig, by_question: dict[Any, Any]) -> Command[Any]:
    """The resume map for the given questions."""
    ids = questions(graph, config)
    return Command(resume={ids[question]: answer for question, answer in by_question.items()})
