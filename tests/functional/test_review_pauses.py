"""What can go wrong around a review: a caught pause, a draft made twice, answers out of order, errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt
from pydantic import ValidationError

from hitl_graph.decisions import Approve
from hitl_graph.errors import ProposalError
from hitl_graph.functional import agather, areview, gather, review
from tests.functional.flows import TICKET, Flow
from tests.unit.factories import (
    EMAIL,
    Counter,
    Mode,
    Outbox,
    State,
    confidence_gate,
    in_both_modes,
    measured,
    review_gate,
)

# A pause that the code around it catches


def careless(mode: Mode, caught: list[str], catch: type[BaseException] = Exception) -> Any:
    """A flow that takes every exception for a failure of the review."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> str:
        try:
            return review(review_gate(), dict(EMAIL), context=context).outcome
        except catch as error:
            caught.append(type(error).__name__)
            return "gave up"

    @entrypoint(checkpointer=InMemorySaver())
    async def aflow(context: dict[str, Any]) -> str:
        try:
            return (await areview(review_gate(), dict(EMAIL), context=context)).outcome
        except catch as error:
            caught.append(type(error).__name__)
            return "gave up"

    return flow if mode == "sync" else aflow


@in_both_modes
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("catch", [Exception, BaseException])
def test_a_caught_pause_is_still_a_pause(mode: Mode, durability: str, catch: type[BaseException]) -> None:
    """`except Exception` around it ends nothing: the question is open, and its answer is taken."""
    caught: list[str] = []
    thread = Flow(careless(mode, caught, catch), mode, durability)
    thread.run(TICKET)
    assert caught == ["GraphInterrupt"] and thread.case["proposal"] == EMAIL
    assert thread.answer(Approve()) == "approved"


@in_both_modes
def test_a_caught_pause_leaves_the_state_alone(mode: Mode) -> None:
    """In a node: what it returns after all is not written, and no edge is taken."""
    caught: list[str] = []

    def node(state: Any) -> dict[str, Any]:
        try:
            return {"log": [review(review_gate(), dict(EMAIL), context=state).outcome]}
        except Exception as error:
            caught.append(type(error).__name__)
            return {"log": ["gave up"]}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_node("after", lambda state: {"log": [*state["log"], "after"]})
    builder.add_edge(START, "node")
    builder.add_edge("node", "after")
    thread = Flow(builder.compile(checkpointer=InMemorySaver()), mode)
    out = thread.run(TICKET)
    assert caught and "log" not in out
    assert thread.answer(Approve())["log"] == ["approved", "after"]


@in_both_modes
def test_reviews_after_a_caught_pause_are_seen_too(mode: Mode) -> None:
    """All questions of the task are open, and each is answered by its id."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> list[str]:
        out = []
        for name in ("one", "two"):
            try:
                out.append(review(review_gate(name=name), dict(EMAIL), context=context).outcome)
            except Exception:
                out.append("gave up")
        return out

    thread = Flow(flow, mode)
    thread.run(TICKET)
    assert [one.value["gate"] for one in thread.open] == ["one", "two"]
    assert thread.answer_all(lambda case: Approve()) == ["approved", "approved"]


async def test_pauses_that_gather_returns_are_still_pauses() -> None:
    """`return_exceptions=True` catches all of them."""

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(people: list[str]) -> Any:
        reviews = [areview(review_gate(), {**EMAIL, "to": to}, context=TICKET) for to in people]
        return [
            getattr(one, "outcome", "lost") for one in await asyncio.gather(*reviews, return_exceptions=True)
        ]

    config: Any = {"configurable": {"thread_id": "t"}}
    questions = (await flow.ainvoke(["0@x", "1@x"], config))["__interrupt__"]
    assert sorted(one.value["proposal"]["to"] for one in questions) == ["0@x", "1@x"]
    end = await flow.ainvoke(Command(resume={one.id: {"type": "approve"} for one in questions}), config)
    assert end == ["approved", "approved"]


@in_both_modes
def test_an_error_made_of_the_pause_loses_no_case(mode: Mode) -> None:
    """`raise MyError from pause`: the run fails, and the case is answered all the same."""
    outbox = Outbox()

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        try:
            reviewed = review(review_gate(), dict(EMAIL), context=context)
        except Exception as error:
            ids.append(error.args[0][0].id)
            raise RuntimeError("the review failed") from error
        outbox.append((reviewed.key, reviewed.final))

    ids: list[str] = []
    thread = Flow(flow, mode)
    with pytest.raises(RuntimeError, match="the review failed"):
        thread.run(TICKET)
    thread.answer(Approve(), to=ids[0])
    assert outbox == [(ids[0], EMAIL)]


# A proposal that does not come out the same


def restless(mode: Mode, drafts: Any, outbox: Outbox) -> Any:
    """A flow whose draft is made in its body, and so again in every run."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        reviewed = review(review_gate(), {**EMAIL, "body": drafts(context)}, context=context)
        if reviewed.approved:
            outbox.append((reviewed.key, reviewed.final))

    return flow


@in_both_modes
def test_an_approval_is_not_taken_for_another_draft(mode: Mode) -> None:
    """I4: draft 1 was shown; draft 2, which the replay makes, gets no approval, and the error says what to do."""
    outbox = Outbox()
    thread = Flow(restless(mode, Counter("draft 1", "draft 2"), outbox), mode)
    thread.run(TICKET)
    with pytest.raises(ValidationError, match="make it in a @task or in an earlier node"):
        thread.answer(Approve())
    assert outbox == []


@in_both_modes
def test_the_case_stays_answerable_when_the_draft_is_itself_again(mode: Mode) -> None:
    """What was refused is not lost: the question is still about draft 1."""
    outbox = Outbox()
    thread = Flow(restless(mode, Counter("draft 1", "draft 2", "draft 1"), outbox), mode)
    thread.run(TICKET)
    [question] = thread.open
    with pytest.raises(ValidationError):
        thread.answer(Approve())
    thread.answer(Approve(), to=question.id)
    assert [(key, email["body"]) for key, email in outbox] == [(question.id, "draft 1")]


@in_both_modes
def test_the_question_stays_about_what_was_judged(mode: Mode) -> None:
    """A replay without an answer does not put draft 2 under draft 1's id."""
    thread = Flow(restless(mode, Counter("draft 1", "draft 2"), Outbox()), mode)
    thread.run(TICKET)
    thread.run(None)
    assert thread.case["proposal"]["body"] == "draft 1"


@in_both_modes
def test_what_passed_is_not_handed_on_for_something_else(mode: Mode) -> None:
    """I3: the gate let `card` pass; a replay that proposes another label is stopped."""
    labels = Counter("card", "refund")

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        review(confidence_gate(), labels(context), context=context)
        review(review_gate(), dict(EMAIL), context=context)

    thread = Flow(flow, mode)
    thread.run(TICKET)
    with pytest.raises(ProposalError, match="label: is not what it was"):
        thread.answer(Approve())


async def test_an_answer_does_not_go_to_the_neighbour() -> None:
    """Gathered coroutines that reach their reviews in another order: refused, never mixed up."""
    sent: list[tuple[str, str]] = []
    ready = [asyncio.Event(), asyncio.Event()]
    ready[1].set()

    @task
    async def draft(n: int) -> str:
        await ready[n].wait()  # at the first run the second is faster
        return f"{n}@x"

    async def one(n: int) -> None:
        to = await draft(n)
        pause = areview(review_gate(), {**EMAIL, "to": to}, context=TICKET)
        if n == 1:
            ready[0].set()
        reviewed = await pause
        sent.append((to, reviewed.final["to"]))

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: Any) -> None:
        await agather(one(n) for n in range(2))

    config: Any = {"configurable": {"thread_id": "t"}}
    questions = (await flow.ainvoke("go", config))["__interrupt__"]
    assert sorted(one.value["proposal"]["to"] for one in questions) == ["0@x", "1@x"]
    answers = {one.id: {"type": "approve"} for one in questions}
    with pytest.raises(ValidationError, match="call each in a @task of its own"):
        await flow.ainvoke(Command(resume=answers), config)
    assert all(asked == got for asked, got in sent)


# Errors


@in_both_modes
def test_a_measurement_that_fails_can_be_tried_again(mode: Mode) -> None:
    """The error is the scorer's own; going on measures again, and then asks."""

    def score(state: Any) -> float:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("the model is down")
        return 0.1

    calls: list[int] = []

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> str:
        return review(measured(score, unattended="x"), dict(EMAIL), context=context).outcome

    thread = Flow(flow, mode)
    with pytest.raises(ConnectionError):
        thread.run(TICKET)
    thread.run(None)
    assert thread.answer(Approve()) == "approved" and len(calls) == 2


@in_both_modes
def test_a_retry_policy_does_not_ask_twice(mode: Mode) -> None:
    """A task that is tried again after the answer keeps the answer."""
    outbox = Outbox()
    tries: list[str] = []

    @task(
        retry_policy=RetryPolicy(
            max_attempts=3, initial_interval=0.001, jitter=False, retry_on=ConnectionError
        )
    )
    def one(context: dict[str, Any]) -> None:
        reviewed = review(review_gate(), dict(EMAIL), context=context)
        tries.append(reviewed.key)
        if len(tries) < 3:
            raise ConnectionError("try again")
        outbox.append((reviewed.key, reviewed.final))

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        one(context).result()

    thread = Flow(flow, mode)
    thread.run(TICKET)
    key = thread.open[0].id
    thread.answer(Approve())
    assert tries == [key] * 3 and outbox == [(key, EMAIL)] and thread.open == []


@in_both_modes
def test_a_retried_task_that_hid_its_pause_asks_once(mode: Mode) -> None:
    """The pause was turned into an error that the policy retries: still one question."""
    policy = RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False, retry_on=ConnectionError)

    @task(retry_policy=policy)
    def one(context: dict[str, Any]) -> str:
        try:
            return review(review_gate(), dict(EMAIL), context=context).outcome
        except Exception as error:
            ids.add(error.args[0][0].id)
            raise ConnectionError("the review failed") from error

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> str:
        return one(context).result()

    ids: set[str] = set()
    thread = Flow(flow, mode)
    with pytest.raises(ConnectionError):
        thread.run(TICKET)
    assert len(ids) == 1 and thread.answer(Approve(), to=ids.pop()) == "approved"


@in_both_modes
def test_an_error_after_the_answer_keeps_the_answer(mode: Mode) -> None:
    """The thread goes on with the decision that stands; nobody is asked again."""
    outbox = Outbox()
    broken = [True]

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        reviewed = review(review_gate(), dict(EMAIL), context=context)
        if broken.pop() if broken else False:
            raise RuntimeError("no connection")
        outbox.append((reviewed.key, reviewed.final))

    thread = Flow(flow, mode)
    thread.run(TICKET)
    key = thread.open[0].id
    with pytest.raises(RuntimeError, match="no connection"):
        thread.answer(Approve())
    thread.run(None)
    assert outbox == [(key, EMAIL)]


# Questions of other origin beside it


@in_both_modes
def test_a_plain_interrupt_beside_it_is_answered_by_itself(mode: Mode) -> None:
    """Before, between and after reviews, and its answer is not one of ours."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> list[Any]:
        name = interrupt("What is the customer called?")
        first = review(review_gate(), dict(EMAIL), context=context).outcome
        return [name, first, interrupt("Anything else?")]

    thread = Flow(flow, mode)
    thread.run(TICKET)
    thread.answer("Ana")
    thread.answer(Approve())
    assert thread.open[0].value == "Anything else?"
    assert thread.answer("No") == ["Ana", "approved", "No"]


@in_both_modes
def test_a_plain_interrupt_at_the_same_time_is_seen_too(mode: Mode) -> None:
    """Two tasks, two questions, one map."""

    @task
    def ours() -> str:
        return review(review_gate(), dict(EMAIL), context=TICKET).outcome

    @task
    def theirs() -> Any:
        return interrupt("Which day?")

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: Any) -> list[Any]:
        return gather([ours(), theirs()])

    thread = Flow(flow, mode)
    thread.run("go")
    assert len(thread.open) == 2
    end = thread.answer_all(lambda case: Approve() if isinstance(case, dict) else "Monday")
    assert end == ["approved", "Monday"]
