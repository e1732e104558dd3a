"""LangGraph's own tests of interrupts in subgraphs (test_pregel, test_subgraph_persistence), said of gates."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph import add_gate
from hitl_graph.decisions import Approve, Reject
from tests.unit.factories import plain, review_gate
from tests.upstream.graphs import State, around, line, says
from tests.upstream.running import TICKET, Run, gates_of

pytestmark = pytest.mark.parametrize("run", ["memory-sync", "postgres-sync", "postgres-async"], indirect=True)


def called(run: Run, inner: Any, logs: list[list[str]]) -> StateGraph[Any, Any, Any, Any]:
    """A node that calls the graph itself, with a state that it makes, and keeps what came of it."""

    def node(state: Any) -> dict[str, Any]:
        out = inner.invoke({"ticket": state["ticket"], "email": state["email"]})
        logs.append(out["log"])
        return {"log": ["called"]}

    async def anode(state: Any) -> dict[str, Any]:
        out = await inner.ainvoke({"ticket": state["ticket"], "email": state["email"]})
        logs.append(out["log"])
        return {"log": ["called"]}

    builder = StateGraph(State)
    builder.add_node("call", anode if run.is_async else node)
    builder.add_edge(START, "call")
    return builder


async def test_a_question_two_levels_down_and_the_stream(run: Run) -> None:
    """doubly_nested_graph_interrupts, dynamic_interrupt_subgraph: the stream shows it once, the state says where."""
    run.on(around(around(line("gate").compile()).compile()))
    if run.is_async:
        chunks = [chunk async for chunk in run.graph.astream(TICKET, run.config)]
    else:
        chunks = await asyncio.to_thread(lambda: list(run.graph.stream(TICKET, run.config)))
    shown = [one.value["gate"] for chunk in chunks for one in chunk.get("__interrupt__", ())]
    state = await run.call("get_state", run.config, subgraphs=True)

    assert shown == ["gate"] and state.next == ("sub",)
    assert state.tasks[0].state.tasks[0].state.next == ("gate",)
    assert (await run.answer(Approve()))["log"] == ["before", "after", "end", "end"]


async def test_a_breakpoint_two_levels_down(run: Run) -> None:
    """doubly_nested_graph_interrupts: a static pause before the gate answers nothing."""
    await run.on(around(around(line("gate").compile(interrupt_before=["gate"])).compile())).invoke(TICKET)
    assert await run.open() == []
    await run.invoke(None)
    assert await gates_of(run) == ["gate"]
    assert (await run.answer(Approve()))["log"] == ["before", "after", "end", "end"]


async def test_a_subgraph_that_asks_beside_a_node(run: Run) -> None:
    """nested_graph_interrupts_parallel: the node is through and does not run again, and the join waits for both."""
    seen: list[str] = []
    builder = StateGraph(State)
    builder.add_node("inner", line("gate", seen=seen).compile())
    builder.add_node("beside", says("beside", seen))
    builder.add_node("join", says("join", seen))
    builder.add_edge(START, "inner").add_edge(START, "beside").add_edge(["inner", "beside"], "join")
    await run.on(builder).invoke(TICKET)
    assert sorted(seen) == ["before", "beside"]
    seen.clear()

    await run.answer(Approve())

    assert seen == ["after", "join"]


async def test_a_graph_with_a_memory_that_a_node_calls(run: Run) -> None:
    """subgraph_checkpoint_true_interrupt: its state can be seen while it waits, and the answer reaches it."""
    logs: list[list[str]] = []
    await run.on(called(run, line("gate").compile(checkpointer=True), logs)).invoke(TICKET)
    [task] = (await run.call("get_state", run.config, subgraphs=True)).tasks
    assert task.state.values["log"] == ["before"]

    assert (await run.answer(Approve()))["log"] == ["called"] and logs == [["before", "after"]]


@pytest.mark.parametrize(
    ("saver", "second"),
    [(None, ["before", "after"]), (True, ["before", "after", "before", "after"])],
    ids=["stateless", "stateful"],
)
async def test_what_a_called_graph_remembers(run: Run, saver: bool | None, second: list[str]) -> None:
    """stateless_state_resets_with_interrupt, stateful_state_accumulates_with_interrupt: each call asks for itself."""
    logs: list[list[str]] = []
    run.on(called(run, line("gate").compile(checkpointer=saver), logs))
    ids = []
    for _ in range(2):
        await run.invoke(TICKET)
        ids += [one.id for one in await run.open()]
        await run.answer(Approve())

    assert logs == [["before", "after"], second] and len(set(ids)) == 2 == len(ids)


async def test_a_loop_asks_once_in_every_round(run: Run) -> None:
    """node_before_multiple_interrupt_cycles_graph_api: the node before runs once for each question."""
    seen: list[str] = []
    builder = StateGraph(State)
    builder.add_node("before", says("before", seen))
    builder.add_node("after", says("after", seen))
    builder.add_edge(START, "before").add_edge("before", "gate")
    add_gate(builder, review_gate(name="gate"), approved="after", rejected="before")
    await run.on(builder).invoke(TICKET)
    ids = []
    for decision in (Reject(), Reject(), Approve()):
        [question] = await run.open()
        ids.append(question.id)
        out = await run.invoke(Command(resume={question.id: plain(decision)}))

    assert seen == ["before", "before", "before", "after"] and len(set(ids)) == 3
    assert [one["outcome"] for one in out["reviews"]] == ["rejected", "rejected", "approved"]


async def test_several_nodes_before_a_question(run: Run) -> None:
    """multiple_nodes_before_interrupt_resume_graph_api: none of them runs again for an answer."""
    seen: list[str] = []
    builder = StateGraph(State)
    for name in ("first", "second"):
        builder.add_node(name, says(name, seen))
    builder.add_edge(START, "first").add_edge("first", "second").add_edge("second", "gate")
    add_gate(builder, review_gate(name="gate"), approved=END, rejected=END)
    await run.on(builder).invoke(TICKET)

    await run.answer(Approve())

    assert seen == ["first", "second"]
