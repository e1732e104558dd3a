"""What detached gates rest on: a paused thread goes on with any graph that has its node, and `None` runs it again."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class State(TypedDict, total=False):
    """An answer, and a word from elsewhere."""

    answer: str
    told: str


def ask(state: State) -> Command[Any]:
    return Command(update={"answer": interrupt("?")}, goto=END)


def test_a_thread_goes_on_with_another_graph_that_has_its_node() -> None:
    """The interrupt's id is the same there: the task is named by checkpoint, node and trigger, not by the graph."""
    saver = InMemorySaver()
    small, large = StateGraph(State), StateGraph(State)
    small.add_node("ask", ask, destinations={END: ""})
    small.add_edge(START, "ask")
    large.add_node("first", lambda s: {"told": "never"})
    large.add_node("ask", ask, destinations={END: ""})
    large.add_edge(START, "first")
    [paused] = small.compile(checkpointer=saver).invoke({"told": "before"}, CONFIG)["__interrupt__"]

    out = large.compile(checkpointer=saver).invoke(Command(resume={paused.id: "yes"}), CONFIG)

    assert out == {"answer": "yes", "told": "before"}


def test_none_runs_a_paused_task_once_more() -> None:
    """With the same id where it pauses again, and to its end where it does not."""
    ready: list[int] = []

    def wait(state: State) -> dict[str, Any]:
        return {"told": "done"} if ready else interrupt("wait")

    builder = StateGraph(State)
    builder.add_node("wait", wait)
    builder.add_edge(START, "wait")
    graph = builder.compile(checkpointer=InMemorySaver())
    [first] = graph.invoke({"answer": ""}, CONFIG)["__interrupt__"]

    [second] = graph.invoke(None, CONFIG)["__interrupt__"]
    ready.append(1)
    out = graph.invoke(None, CONFIG)

    assert second.id == first.id
    assert out["told"] == "done"
