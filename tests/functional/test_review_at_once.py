"""Several reviews at the same time: all are seen, each is answered by its own id."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.functional import agather, areview, gather, review
from tests.functional.flows import TICKET, Flow, at_once
from tests.unit.factories import EMAIL, Counter, Mode, Outbox, in_both_modes, measured, plain, review_gate

THREE = ["0@x", "1@x", "2@x"]


def three(mode: Mode, outbox: Outbox, durability: str | None = None, **gate: Any) -> Flow:
    """Three reviews that wait."""
    thread = Flow(at_once(mode, outbox=outbox, **gate), mode, durability)
    thread.run(THREE)
    return thread


def recipients(thread: Flow) -> list[str]:
    return sorted(one.value["proposal"]["to"] for one in thread.open)


@in_both_modes
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_all_are_seen_at_once(mode: Mode, durability: str) -> None:
    """R37: three cases, three ids, each listed once."""
    thread = three(mode, Outbox(), durability)
    assert recipients(thread) == THREE and len({one.id for one in thread.open}) == 3


@in_both_modes
def test_all_are_answered_by_one_map(mode: Mode) -> None:
    """R37: each answer finds its own question, and each act its own key."""
    outbox = Outbox()
    thread = three(mode, outbox)
    keys = {one.value["proposal"]["to"]: one.id for one in thread.open}
    end = thread.answer_all(lambda case: Reject() if case["proposal"]["to"] == "1@x" else Approve())
    assert end == ["approved", "rejected", "approved"]
    assert sorted(outbox) == sorted((keys[to], to) for to in ("0@x", "2@x"))


@in_both_modes
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]], ids=str)
def test_they_are_answered_in_any_order(mode: Mode, durability: str, order: list[int]) -> None:
    """R37: what is not answered stays open under its id; what was done is not done again."""
    outbox = Outbox()
    thread = three(mode, outbox, durability)
    keys = {one.value["proposal"]["to"]: one.id for one in thread.open}
    for done, n in enumerate(order, 1):
        end = thread.answer(Approve(), to=keys[THREE[n]])
        assert [to for _, to in outbox] == [THREE[m] for m in order[:done]]
    assert end == ["approved"] * 3 and {to: key for key, to in outbox} == keys


@in_both_modes
def test_an_answer_without_an_id_is_refused(mode: Mode) -> None:
    """Nobody could say which of the three it is about; nothing is saved."""
    outbox = Outbox()
    thread = three(mode, outbox)
    with pytest.raises(RuntimeError, match="interrupt id"):
        thread.run(Command(resume=plain(Approve())))
    thread.run(None)
    assert outbox == [] and recipients(thread) == THREE


@in_both_modes
def test_one_edit_of_several_is_a_new_review(mode: Mode) -> None:
    """I12: the others' answers stand, and only the edited one asks again."""
    outbox = Outbox()
    thread = three(mode, outbox)
    thread.answer_all(lambda case: Edit({"to": "9@x"}) if case["proposal"]["to"] == "1@x" else Approve())
    assert recipients(thread) == ["9@x"] and sorted(to for _, to in outbox) == ["0@x", "2@x"]
    thread.answer(Approve())
    assert sorted(to for _, to in outbox) == ["0@x", "2@x", "9@x"]


@in_both_modes
def test_each_is_measured_once(mode: Mode) -> None:
    """I4: three scores for three mails, whatever is answered in between."""
    score = Counter(0.1)
    thread = three(mode, Outbox(), gate=measured(score, unattended="The score is calibrated."))
    while thread.open:
        thread.answer(Approve(), to=thread.open[-1].id)
    assert score.calls == 3


@in_both_modes
def test_a_bad_answer_does_not_spoil_a_good_one(mode: Mode) -> None:
    """Of one map, the good answer is taken and the bad one's case stays open."""
    outbox = Outbox()
    thread = three(mode, outbox)
    ids = {one.value["proposal"]["to"]: one.id for one in thread.open}
    answers = {ids["0@x"]: {"type": "approve"}, ids["1@x"]: {"type": "publish"}}
    with pytest.raises(ValueError, match="publish"):
        thread.run(Command(resume=answers))
    thread.run(None)
    assert [to for _, to in outbox] == ["0@x"] and recipients(thread) == ["1@x", "2@x"]


async def test_forty_sync_reviews_fit_into_an_async_graph() -> None:
    """None of them holds a thread that another one waits for."""
    outbox = Outbox()
    flow = at_once("sync", outbox=outbox)
    config: Any = {"configurable": {"thread_id": "t"}}
    people = [f"{n}@x" for n in range(40)]
    async with asyncio.timeout(60):
        questions = (await flow.ainvoke(people, config))["__interrupt__"]
        answers = {one.id: {"type": "approve"} for one in questions}
        end = await flow.ainvoke(Command(resume=answers), config)
    assert len(questions) == 40 and end == ["approved"] * 40 and len(outbox) == 40


async def test_gathered_reviews_are_all_seen() -> None:
    """Without a task around each: the first one's pause does not hide the others."""

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(people: list[str]) -> list[Any]:
        mails = [{**EMAIL, "to": to} for to in people]
        all_of_them = await agather(areview(review_gate(), mail, context=TICKET) for mail in mails)
        return [one.final["to"] for one in all_of_them]

    config: Any = {"configurable": {"thread_id": "t"}}
    questions = (await flow.ainvoke(THREE, config))["__interrupt__"]
    assert sorted(one.value["proposal"]["to"] for one in questions) == THREE
    assert await flow.ainvoke(Command(resume={q.id: {"type": "approve"} for q in questions}), config) == THREE


@in_both_modes
def test_two_reviews_in_one_task_come_one_after_the_other(mode: Mode) -> None:
    """R54: the second is asked when the first is answered, beside another task's."""

    @task
    def both(name: str) -> list[str]:
        gates = (review_gate(name=f"{name}.1"), review_gate(name=f"{name}.2"))
        return [review(gate, dict(EMAIL), context=TICKET).outcome for gate in gates]

    @entrypoint(checkpointer=InMemorySaver())
    def flow(names: list[str]) -> list[list[str]]:
        return gather([both(name) for name in names])

    thread = Flow(flow, mode)
    thread.run(["a", "b"])
    seen = [sorted(one.value["gate"] for one in thread.open)]
    by_gate = {one.value["gate"]: one.id for one in thread.open}
    thread.answer(Approve(), to=by_gate["b.1"])
    seen.append(sorted(one.value["gate"] for one in thread.open))
    while thread.open:
        end = thread.answer_all(lambda case: Approve())
    assert seen == [["a.1", "b.1"], ["a.1", "b.2"]] and end == [["approved"] * 2] * 2
