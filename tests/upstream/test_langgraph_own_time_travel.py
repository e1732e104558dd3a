"""LangGraph's own tests of interrupts and time travel (test_time_travel), said of gates.

What was answered in the past is never taken for what is asked now: every replay and every fork asks anew. Each test
names those that it follows; the whole table stands in docs/howto/coming-from-langgraph.md.
"""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.func import entrypoint
from langgraph.graph import END
from langgraph.types import Command

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.functional import areview, review
from tests.unit.factories import EMAIL, plain, review_gate
from tests.upstream.graphs import line
from tests.upstream.running import TICKET, Run, gates_of

pytestmark = pytest.mark.parametrize("run", ["memory-sync", "postgres-sync", "postgres-async"], indirect=True)

ANOTHER = {**EMAIL, "body": "Another one."}


async def at(run: Run, *following: str) -> Any:
    """The oldest state from which these nodes come next."""
    return [state for state in await run.history() if state.next == following][-1]


async def fork(run: Run, config: Any, values: Any, **as_node: str) -> Any:
    """Edit the state there and go on; what is asked then."""
    config = await run.call("update_state", config, values, **as_node)
    return (await run.invoke(None, config))["__interrupt__"][0]


async def test_a_replay_is_a_branch_of_its_own(run: Run) -> None:
    """replay_from_before_interrupt_then_resume: the old branch, with its decision, stays as it was."""
    await run.on(line("gate")).invoke(TICKET)
    await run.answer(Approve())
    old = [(state.metadata["source"], state.next) for state in await run.history()]

    await run.invoke(None, (await at(run, "gate")).config)
    assert [(state.metadata["source"], state.next) for state in await run.history()] == [
        ("fork", ("gate",)),
        *old,
    ]
    out = await run.answer(Reject())

    assert [one["outcome"] for one in out["reviews"]] == ["rejected"] and out["log"] == ["before"]
    assert [(state.metadata["source"], state.next) for state in await run.history()][2:] == old


async def test_every_replay_asks_the_same_under_an_id_of_its_own(run: Run) -> None:
    """replay_interrupt_stable_across_replays."""
    await run.on(line("gate")).invoke(TICKET)
    await run.answer(Approve())
    before = (await at(run, "gate")).config

    asked = [(await run.invoke(None, before))["__interrupt__"][0] for _ in range(3)]

    assert len({one.id for one in asked}) == 3
    assert len({one.value["proposal_digest"] for one in asked}) == 1
    assert [one.id for one in await run.open()] == [asked[-1].id]


async def test_a_fork_where_it_was_asked_asks_again(run: Run) -> None:
    """fork_from_interrupt_checkpoint_refires, and the answer to the fork decides."""
    await run.on(line("gate")).invoke(TICKET)
    [first] = await run.open()
    there = (await run.call("get_state", run.config)).config
    await run.answer(Approve())

    again = await fork(run, there, {"log": ["forked"]})
    assert again.id != first.id
    out = await run.answer(Edit({"body": "Better."}))

    assert out["log"] == ["before", "forked", "after"] and out["email"]["body"] == "Better."


async def test_a_copy_asks_again(run: Run) -> None:
    """copy_fork_retriggers_interrupt: no edit, and still no answer of the past."""
    await run.on(line("gate")).invoke(TICKET)
    [first] = await run.open()
    await run.answer(Approve())

    again = await fork(run, (await at(run, "gate")).config, None, as_node="__copy__")

    assert again.id != first.id
    assert (await run.answer(Approve()))["log"] == ["before", "after"]


async def test_a_fork_between_two_questions_keeps_the_first_answer(run: Run) -> None:
    """sequential_interrupts_fork_from_middle: what was approved is as it was, so the second asks."""
    await run.on(line("one", "two")).invoke(TICKET)
    await run.answer(Approve())
    await run.answer(Reject())

    again = await fork(run, (await at(run, "two")).config, {"log": ["forked"]})
    assert again.value["gate"] == "two"
    out = await run.answer(Approve())
    assert [(one["gate"], one["outcome"]) for one in out["reviews"]] == [
        ("one", "approved"),
        ("two", "approved"),
    ]
    assert out["log"] == ["before", "forked", "after"]

    await run.invoke(None, (await at(run, "one")).config)
    assert await gates_of(run) == ["one"]


async def test_a_fork_that_changes_what_was_approved_is_asked_about_from_the_first(run: Run) -> None:
    """sequential_interrupts_fork_from_middle: there the first answer would count for the other proposal as well."""
    await run.on(line("one", "two")).invoke(TICKET)
    await run.answer(Approve())

    again = await fork(run, (await at(run, "two")).config, {"email": ANOTHER})

    assert (again.value["gate"], again.value["proposal"]) == ("one", ANOTHER)
    await run.answer(Approve())
    assert [(one.value["gate"], one.value["proposal"]) for one in await run.open()] == [("two", ANOTHER)]


async def test_a_thread_that_is_cleared_asks_nothing(run: Run) -> None:
    """dynamic_interrupt, where the tasks are cleared: an answer that comes then does nothing."""
    await run.on(line("gate")).invoke(TICKET)
    [question] = await run.open()

    await run.call("update_state", run.config, None, as_node=END)
    await run.invoke(Command(resume={question.id: plain(Approve())}))

    state = await run.call("get_state", run.config)
    assert (state.next, state.interrupts, state.values.get("reviews") or []) == ((), (), [])
    assert state.values["log"] == ["before"]


async def test_several_questions_of_one_body_and_a_replay(run: Run) -> None:
    """multiple_interrupts_in_one_node: a gate node asks one thing; a body with several reviews asks one by one."""

    def body(context: dict[str, Any]) -> list[str]:
        return [
            review(review_gate(name=n), context["email"], context=context).outcome for n in ("one", "two")
        ]

    async def abody(context: dict[str, Any]) -> list[str]:
        asked = [review_gate(name=n) for n in ("one", "two")]
        return [(await areview(gate, context["email"], context=context)).outcome for gate in asked]

    run.on(entrypoint(checkpointer=run.saver)(abody if run.is_async else body))
    await run.invoke(TICKET)
    start = (await run.history())[-1].config
    assert await gates_of(run) == ["one"]
    await run.answer(Approve())
    assert await gates_of(run) == ["two"]
    assert await run.answer(Reject()) == ["approved", "rejected"]

    await run.invoke(None, start)

    assert await gates_of(run) == ["one"]
