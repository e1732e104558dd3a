"""What LangGraph's own tests say of interrupts, said of gates and reviews: on its saver in memory and on both of ours.

The facts are those of langchain-ai/langgraph, `libs/langgraph/tests` (test_pregel, test_pregel_async,
test_interruption, test_large_cases, test_time_travel, test_subgraph_persistence, test_retry); each line names the
test that it follows. What differs and why stands in docs/howto/coming-from-langgraph.md.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from hitl_graph import add_gate, effect
from hitl_graph.decisions import Approve, Edit, Reject
from tests.unit.factories import EMAIL, SEND, plain, review_gate
from tests.upstream.graphs import State, around, beside, line, says
from tests.upstream.running import TICKET, Run, gates_of

# In a graph


async def test_a_thread_pauses_at_the_gate_and_goes_on(run: Run) -> None:
    """dynamic_interrupt: the state shows what is asked, and where it goes on."""
    await run.on(line("gate")).invoke(TICKET)
    state = await run.call("get_state", run.config)
    assert state.next == ("gate",) and [one.value["gate"] for one in state.tasks[0].interrupts] == ["gate"]
    assert (await run.answer(Approve()))["log"] == ["before", "after"]


async def test_questions_in_a_row_take_an_answer_each(run: Run) -> None:
    """interrupt_multiple: also answers without an id go to the question that stands."""
    await run.on(line("one", "two", "three")).invoke(TICKET)
    for gate in ("one", "two", "three"):
        assert await gates_of(run) == [gate]
        out = await run.invoke(Command(resume=plain(Approve())))
    assert out["log"] == ["before", "after"]


async def test_a_wrong_answer_is_asked_for_again_without_a_loop(run: Run) -> None:
    """interrupt_loop: there the node loops until the answer will do; here a gate takes no other."""
    await run.on(line("gate")).invoke(TICKET)
    [question] = await run.open()
    for wrong in ("not a decision", {"type": "edit", "changes": {"age": 7}}):
        with pytest.raises(ValueError, match="validation error"):
            await run.invoke(Command(resume={question.id: wrong}))
    out = await run.invoke(Command(resume={question.id: plain(Edit({"body": "Better."}))}))
    assert out["email"]["body"] == "Better." and out["log"] == ["before", "after"]


async def test_nodes_before_the_question_do_not_run_again(run: Run) -> None:
    """node_before_interrupt_resume_graph_api, and with several nodes and several questions."""
    seen: list[str] = []
    await run.on(line("one", "two", seen=seen)).invoke(TICKET)
    await run.answer(Approve())
    await run.answer(Approve())
    assert seen == ["before", "after"]


async def test_state_is_kept_between_questions(run: Run) -> None:
    """multiple_interrupt_state_persistence: each decision is in the state when the next one is asked."""
    await run.on(line("one", "two")).invoke(TICKET)
    await run.answer(Edit({"body": "Better."}))
    state = await run.call("get_state", run.config)
    assert [one["gate"] for one in state.values["reviews"]] == ["one"]
    assert (await run.open())[0].value["proposal"]["body"] == "Better."


async def test_questions_at_the_same_time_are_answered_by_one_map(run: Run) -> None:
    """parallel_interrupts, multi_resume."""
    await run.on(beside("a", "b", "c")).invoke(TICKET)
    assert await gates_of(run) == ["a", "b", "c"]
    assert sorted((await run.answer(Approve()))["log"]) == ["a.ok", "b.ok", "c.ok"]


async def test_or_one_after_the_other(run: Run) -> None:
    """parallel_interrupts_double: what is answered is not asked again."""
    await run.on(beside("a", "b", "c")).invoke(TICKET)
    for left in (["a", "c"], ["a"], []):
        answered = next(one for one in reversed(await run.open()) if one.value["gate"] not in left)
        await run.invoke(Command(resume={answered.id: plain(Approve())}))
        pending = await run.call("get_state", run.config)
        open_tasks = [one for one in pending.tasks if one.interrupts and one.result is None]
        assert sorted(one.interrupts[0].value["gate"] for one in open_tasks) == left


async def test_an_answer_without_an_id_is_for_one_question(run: Run) -> None:
    """null_resume_disallowed_with_multiple_interrupts: nothing is taken, nothing is lost."""
    await run.on(beside("a", "b")).invoke(TICKET)
    with pytest.raises(RuntimeError, match="interrupt id"):
        await run.invoke(Command(resume=plain(Approve())))
    assert await gates_of(run) == ["a", "b"]


async def test_a_node_beside_a_question_runs_to_its_end_and_once(run: Run) -> None:
    """partial_pending_checkpoint, node_not_cancelled_on_other_node_interrupted."""
    ran: list[str] = []
    await run.on(beside("gate", slow=says("slow", ran))).invoke(TICKET)
    out = await run.answer(Approve())
    assert ran == ["slow"] and sorted(out["log"]) == ["gate.ok", "slow"]


async def test_sent_items_that_are_through_do_not_run_again(run: Run) -> None:
    """send_dedupe_on_resume: each item acts once, whichever is answered first."""
    sent: list[str] = []

    def send(state: Any, key: str) -> None:
        sent.append(state["email"]["to"])

    builder = StateGraph(State)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, review_gate(), approved="send", rejected=END)
    items = [{"ticket": "x", "email": {**EMAIL, "to": f"{n}@x"}} for n in range(3)]
    builder.add_conditional_edges(START, lambda state: [Send("reply", item) for item in items], ["reply"])
    await run.on(builder).invoke({"ticket": "x"})
    for to in ("2@x", "0@x", "1@x"):
        [one] = [one for one in await run.open() if one.value["proposal"]["to"] == to]
        await run.invoke(Command(resume={one.id: plain(Approve())}))
    assert sorted(sent) == ["0@x", "1@x", "2@x"] and (await run.call("get_state", run.config)).next == ()


async def test_the_stream_shows_the_question_once(run: Run) -> None:
    """interrupt_stream_mode_values, interrupts_in_tasks_surfaced_once."""
    run.on(line("gate"))
    for mode in ("values", "updates"):
        config: Any = {"configurable": {"thread_id": mode}}
        if run.is_async:
            chunks = [chunk async for chunk in run.graph.astream(TICKET, config, stream_mode=mode)]
        else:
            chunks = await asyncio.to_thread(
                lambda c=config, m=mode: list(run.graph.stream(TICKET, c, stream_mode=m))
            )
        shown = [one for chunk in chunks for one in chunk.get("__interrupt__", ())]
        assert [one.value["gate"] for one in shown] == ["gate"]


async def test_static_breakpoints_beside_gates(run: Run) -> None:
    """command_with_static_breakpoints, interruption_without_state_updates: the breakpoint answers nothing."""
    await run.on(line("gate"), interrupt_before=["gate"], interrupt_after=["before"]).invoke(TICKET)
    assert await run.open() == [] and (await run.call("get_state", run.config)).next == ("gate",)
    await run.invoke(None)
    assert await gates_of(run) == ["gate"]
    assert (await run.answer(Approve()))["log"] == ["before", "after"]


async def test_an_error_handler_does_not_take_a_question_for_a_failure(run: Run) -> None:
    """graph_error_handler_does_not_swallow_interrupt_concurrent: nor a refused answer."""

    def handler(state: Any) -> Command[Literal["__end__"]]:
        return Command(update={"log": ["handled"]}, goto=END)

    builder = beside("a", "b")
    builder.set_node_defaults(error_handler=handler)
    await run.on(builder).invoke(TICKET)
    [a, b] = sorted(await run.open(), key=lambda one: str(one.value["gate"]))
    with pytest.raises(ValueError, match="validation error"):
        await run.invoke(Command(resume={a.id: plain(Approve()), b.id: "no decision"}))
    out = await run.invoke(Command(resume={b.id: plain(Approve())}))
    assert sorted(out["log"]) == ["a.ok", "b.ok"]


# In subgraphs


@pytest.mark.parametrize("saver", [None, True], ids=["stateless", "stateful"])
async def test_a_question_in_a_subgraph(run: Run, saver: bool | None) -> None:
    """interrupt_subgraph, stateless_interrupt_resume, stateful_interrupt_resume."""
    await run.on(around(line("gate").compile(checkpointer=saver))).invoke(TICKET)
    assert await gates_of(run) == ["gate"]
    out = await run.answer(Approve())
    assert out["log"] == ["before", "after", "end"] and out["reviews"][0]["outcome"] == "approved"


async def test_two_questions_in_one_subgraph(run: Run) -> None:
    """double_interrupt_subgraph: the first answer is not taken for the second question."""
    await run.on(around(line("one", "two").compile())).invoke(TICKET)
    await run.invoke(Command(resume=plain(Approve())))
    assert await gates_of(run) == ["two"]
    assert (await run.invoke(Command(resume=plain(Reject()))))["log"] == ["before", "end"]


async def test_a_subgraph_that_is_entered_again_asks_again(run: Run) -> None:
    """interrupt_subgraph_reenter_checkpointer_true: a new question, with an id of its own."""
    run.on(around(line("gate").compile(checkpointer=True)))
    ids = []
    for _ in range(2):
        await run.invoke(TICKET)
        ids += [one.id for one in await run.open()]
        await run.answer(Approve())
    assert len(set(ids)) == 2 == len(ids)


async def test_three_levels_deep(run: Run) -> None:
    """3_levels_deep, without the time travel: asked once, answered once."""
    await run.on(around(around(line("gate").compile()).compile())).invoke(TICKET)
    assert await gates_of(run) == ["gate"]
    assert (await run.answer(Approve()))["log"] == ["before", "after", "end", "end"]


# Back in time


async def test_a_replay_from_before_the_question_asks_again(run: Run) -> None:
    """replay_from_before_interrupt_refires: no answer of the past is taken for it."""
    await run.on(line("gate")).invoke(TICKET)
    [first] = await run.open()
    await run.answer(Approve())
    before = next(state for state in await run.history() if state.next == ("before",))
    out = await run.invoke(None, before.config)
    [again] = out["__interrupt__"]
    assert again.id != first.id and await gates_of(run) == ["gate"]
    assert (await run.answer(Reject()))["reviews"][-1]["outcome"] == "rejected"


async def test_a_fork_with_an_edited_state_asks_about_that_state(run: Run) -> None:
    """fork_from_before_interrupt_refires."""
    await run.on(line("gate")).invoke(TICKET)
    await run.answer(Approve())
    before = next(state for state in await run.history() if state.next == ("gate",))
    forked = await run.call("update_state", before.config, {"email": {**EMAIL, "body": "Another one."}})
    await run.invoke(None, forked)
    assert [one.value["proposal"]["body"] for one in await run.open()] == ["Another one."]


async def test_edited_state_while_it_waits_is_another_question(run: Run) -> None:
    """dynamic_interrupt edits the state of a paused thread; here the old question's answer is then no answer."""
    await run.on(line("gate")).invoke(TICKET)
    [old] = await run.open()
    await run.call("update_state", run.config, {"email": {**EMAIL, "body": "Another one."}})
    await run.invoke(None)
    [new] = await run.open()
    await run.invoke(Command(resume={old.id: plain(Approve())}))
    assert new.id != old.id and [one.id for one in await run.open()] == [new.id]
