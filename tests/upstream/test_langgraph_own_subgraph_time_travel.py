"""LangGraph's own tests of interrupts and time travel in subgraphs (test_time_travel), said of gates."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph import add_gate
from hitl_graph.decisions import Approve, Edit, Reject
from tests.unit.factories import plain, review_gate
from tests.upstream.graphs import State, around, line, says
from tests.upstream.running import TICKET, Run, gates_of

pytestmark = pytest.mark.parametrize("run", ["memory-sync", "postgres-sync", "postgres-async"], indirect=True)


def routed(inner: Any, seen: list[str] | None = None) -> StateGraph[Any, Any, Any, Any]:
    """router → the subgraph → post."""
    builder = StateGraph(State)
    builder.add_node("router", says("router", seen))
    builder.add_node("sub", inner)
    builder.add_node("post", says("post", seen))
    builder.add_edge(START, "router").add_edge("router", "sub").add_edge("sub", "post")
    return builder


async def inside(run: Run, levels: int = 1) -> Any:
    """The config of the paused subgraph's own checkpoint."""
    state = await run.call("get_state", run.config, subgraphs=True)
    for _ in range(levels):
        [task] = state.tasks
        state = task.state
    return state.config


async def fork(run: Run, config: Any) -> Any:
    """Edit the state there, not what is proposed, and go on; what is asked then."""
    config = await run.call("update_state", config, {"log": ["forked"]})
    return (await run.invoke(None, config))["__interrupt__"][0]


async def asked_at(run: Run, config: Any) -> str:
    """The gate that asks in a replay from there."""
    return str((await run.invoke(None, config))["__interrupt__"][0].value["gate"])


async def test_a_replay_from_the_parent_runs_the_subgraph_anew(run: Run) -> None:
    """subgraph_interrupt_replay_from_parent, …_from_interrupt_checkpoint, …_from_parent_then_resume."""
    seen: list[str] = []
    run.on(routed(line("gate", seen=seen).compile(checkpointer=True), seen))
    await run.invoke(TICKET)
    [first] = await run.open()
    await run.answer(Approve())
    there = next(state for state in await run.history() if state.next == ("sub",))
    seen.clear()

    await run.invoke(None, there.config)
    assert seen == ["before"]
    [again] = await run.open()
    assert again.id != first.id
    out = await run.answer(Reject())

    assert seen == ["before", "post"] and [one["outcome"] for one in out["reviews"]] == ["rejected"]
    newest = await run.history()
    assert [state.next for state in newest][:3] == [(), ("post",), ("sub",)]
    assert newest[2].metadata["source"] == "fork"


async def test_an_answer_that_names_the_newest_checkpoint(run: Run) -> None:
    """subgraph_interrupt_resume_with_explicit_head_checkpoint_id: it goes on inside, and nothing runs again."""
    seen: list[str] = []
    await run.on(routed(line("gate", seen=seen).compile(checkpointer=True), seen)).invoke(TICKET)
    [question] = await run.open()
    head = (await run.call("get_state", run.config)).config

    await run.invoke(Command(resume={question.id: plain(Approve())}), head)

    assert seen == ["router", "before", "after", "post"]


async def test_a_replay_finds_what_the_subgraph_had_gathered(run: Run) -> None:
    """subgraph_replay_loads_accumulated_state_then_resume: the state of the run before, nothing of the later."""
    run.on(around(line("gate").compile(checkpointer=True)))
    for _ in range(2):
        await run.invoke(TICKET)
        held = (await run.call("get_state", run.config, subgraphs=True)).tasks[0].state.values
        await run.answer(Approve())
    second = next(state for state in await run.history() if state.next == ("sub",))

    await run.invoke(None, second.config)
    found = (await run.call("get_state", run.config, subgraphs=True)).tasks[0].state.values
    assert found == held and [one["outcome"] for one in found["reviews"]] == ["approved"]
    out = await run.answer(Reject())

    assert [one["outcome"] for one in out["reviews"]] == ["approved", "rejected"]


async def test_a_fork_inside_a_subgraph_goes_on_outside_it(run: Run) -> None:
    """subgraph_interrupt_full_flow."""
    seen: list[str] = []
    await run.on(routed(line("gate", seen=seen).compile(checkpointer=True), seen)).invoke(TICKET)
    [first] = await run.open()
    seen.clear()

    again = await fork(run, await inside(run))
    assert again.id != first.id and seen == []
    out = await run.answer(Edit({"body": "Better."}))

    assert seen == ["after", "post"] and out["email"]["body"] == "Better." and "forked" in out["log"]


async def test_a_fork_before_a_subgraph_without_a_memory(run: Run) -> None:
    """subgraph_interrupt_full_flow_no_sub_checkpointer: the subgraph runs from its start."""
    seen: list[str] = []
    await run.on(routed(line("gate", seen=seen).compile(), seen)).invoke(TICKET)
    there = next(state for state in await run.history() if state.next == ("sub",))
    seen.clear()

    await fork(run, there.config)
    assert seen == ["before"]
    out = await run.answer(Approve())

    assert seen == ["before", "after", "post"] and "forked" in out["log"]


@pytest.mark.parametrize(("number", "gate"), [(0, "one"), (1, "two")])
async def test_back_to_one_of_two_questions_in_a_subgraph(run: Run, number: int, gate: str) -> None:
    """subgraph_time_travel_to_first_interrupt, …_to_second_interrupt: a replay and a fork ask just there."""
    seen: list[str] = []
    await run.on(around(line("one", "two", seen=seen).compile(checkpointer=True))).invoke(TICKET)
    points = [await inside(run)]
    await run.answer(Approve())
    points.append(await inside(run))
    await run.answer(Approve())
    seen.clear()

    assert await asked_at(run, points[number]) == gate
    assert (await fork(run, points[number])).value["gate"] == gate
    assert seen == []


@pytest.mark.parametrize(("number", "asks"), [(0, ["one", "two"]), (1, ["two"])])
async def test_and_forward_again_with_other_answers(run: Run, number: int, asks: list[str]) -> None:
    """subgraph_time_travel_resume_from_first_interrupt, …_from_second_interrupt."""
    await run.on(around(line("one", "two").compile(checkpointer=True))).invoke(TICKET)
    points = [await inside(run)]
    await run.answer(Approve())
    points.append(await inside(run))
    await run.answer(Approve())

    await run.invoke(None, points[number])
    for gate in asks:
        assert await gates_of(run) == [gate]
        out = await run.answer(Edit({"body": f"As {gate} says."}))

    assert [one["final"]["body"] for one in out["reviews"]][-len(asks) :] == [f"As {n} says." for n in asks]
    assert [one["gate"] for one in out["reviews"]] == ["one", "two"]
    assert (await run.call("get_state", run.config)).next == ()


@pytest.mark.parametrize(("number", "gate"), [(0, "one"), (1, "two")])
async def test_the_same_three_levels_deep(run: Run, number: int, gate: str) -> None:
    """3_levels_deep_time_travel_to_first_interrupt, …_to_second_interrupt."""
    seen: list[str] = []
    innermost = line("one", "two", seen=seen).compile(checkpointer=True)
    await run.on(around(around(innermost).compile(checkpointer=True))).invoke(TICKET)
    points = [await inside(run, 2)]
    await run.answer(Approve())
    points.append(await inside(run, 2))
    await run.answer(Approve())
    seen.clear()

    assert await asked_at(run, points[number]) == gate
    assert (await fork(run, points[number])).value["gate"] == gate
    assert seen == []


@pytest.mark.parametrize(("number", "gate"), [(0, "outer"), (1, "inner")])
async def test_a_question_in_the_middle_level_and_one_below(run: Run, number: int, gate: str) -> None:
    """3_levels_deep_middle_has_interrupts."""
    middle = StateGraph(State)
    middle.add_node("deep", line("inner").compile(checkpointer=True))
    middle.add_edge(START, "outer")
    add_gate(middle, review_gate(name="outer"), approved="deep", rejected=END)
    await run.on(around(middle.compile(checkpointer=True))).invoke(TICKET)
    points = [await inside(run)]
    await run.answer(Approve())
    points.append(await inside(run))
    await run.answer(Approve())

    assert await asked_at(run, points[number]) == gate
    assert (await fork(run, points[number])).value["gate"] == gate
