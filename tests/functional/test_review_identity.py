"""An answer counts for the gate, the proposal and the context that it was given about, in whatever order they come."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command, Interrupt
from pydantic import ValidationError

from hitl_graph import ActionClass, Evidence, Owner
from hitl_graph.errors import ProposalError
from hitl_graph.functional import agather, areview, review
from hitl_graph.gates import ReviewBeforeSend
from tests.unit.factories import review_gate

CONFIG: Any = {"configurable": {"thread_id": "t"}}
PROPOSAL = {"amount": 5}


def gate(name: str, action: str) -> ReviewBeforeSend:
    """A gate whose evidence is what the context says."""
    return review_gate(
        name=name,
        action=ActionClass(action, reversible=False, audience="customer", touches={"money"}),
        proposal="payment",
        schema=None,
        owner=Owner(name),
        consequence="Pays {amount}.",
        evidence=lambda seen: [Evidence("Invoice", seen.get("invoice", "none"))],
    )


LOW, HIGH = gate("low", "note"), gate("high", "wire_money")


def both_at_once(first: tuple[Any, Any], second: tuple[Any, Any]) -> Any:
    """Two plain reviews at once, each a gate and a context, which come in the order that `turn` says."""
    turn = [0]

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: str) -> list[tuple[str, str]]:
        turn[0] += 1

        async def one(number: int, asked: tuple[Any, Any]) -> tuple[str, str]:
            if (
                number == (turn[0] + 1) % 2
            ):  # the other one is first in the first run, and this one in the second
                for _ in range(20):
                    await asyncio.sleep(0)
            reviewed = await areview(asked[0], PROPOSAL, context={"invoice": asked[1]})
            return f"{asked[0].name} {asked[1]}", reviewed.outcome

        return await agather([one(0, first), one(1, second)])

    return flow


async def asked_about(flow: Any) -> list[Interrupt]:
    """Run to the pause."""
    out: Mapping[str, Any] = await flow.ainvoke("x", CONFIG)
    return list(out["__interrupt__"])


def test_an_approval_of_one_gate_is_not_taken_by_another() -> None:
    """Code that comes to another gate in its second run gets no answer that was given to the first."""
    gates = iter([LOW, HIGH])

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: str) -> bool:
        return review(next(gates), PROPOSAL).approved

    [question] = flow.invoke("x", CONFIG)["__interrupt__"]

    with pytest.raises(ProposalError, match="gate: is not what it was"):
        flow.invoke(Command(resume={question.id: {"type": "approve"}}), CONFIG)


def test_an_answered_review_is_not_taken_by_another_gate() -> None:
    """What a review came to is not given to another gate that comes in its place later."""
    first = iter([LOW, LOW, HIGH])

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: str) -> list[bool]:
        return [review(next(first), PROPOSAL).approved, review(LOW, {"amount": 6}).approved]

    [one] = flow.invoke("x", CONFIG)["__interrupt__"]
    [two] = flow.invoke(Command(resume={one.id: {"type": "approve"}}), CONFIG)["__interrupt__"]

    with pytest.raises(ProposalError, match="gate: is not what it was"):
        flow.invoke(Command(resume={two.id: {"type": "approve"}}), CONFIG)


def test_another_action_of_a_gate_of_the_same_name_takes_no_answer() -> None:
    """A gate's name alone does not make it the same gate: its action counts as well."""
    gates = iter([LOW, gate("low", "wire_money")])

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: str) -> bool:
        return review(next(gates), PROPOSAL).approved

    [question] = flow.invoke("x", CONFIG)["__interrupt__"]

    with pytest.raises(ProposalError, match="action: is not what it was"):
        flow.invoke(Command(resume={question.id: {"type": "approve"}}), CONFIG)


def test_answers_of_two_gates_at_once_are_not_swapped() -> None:
    """Two plain reviews of different gates that come in another order are refused, and nothing is approved."""

    async def run() -> None:
        flow = both_at_once((LOW, "a"), (HIGH, "b"))
        questions = await asked_about(flow)
        says = {one.id: {"type": "approve" if one.value["gate"] == "low" else "reject"} for one in questions}
        with pytest.raises(ProposalError, match="gate: is not what it was"):
            await flow.ainvoke(Command(resume=says), CONFIG)
        assert sorted(await flow.ainvoke(Command(resume=says), CONFIG)) == [
            ("high b", "rejected"),
            ("low a", "approved"),
        ]

    asyncio.run(run())


def test_answers_about_two_contexts_at_once_are_not_swapped() -> None:
    """Two reviews of one gate and one proposal keep the answers that were given about what each of them showed."""

    async def run() -> None:
        flow = both_at_once((LOW, "ours"), (LOW, "forged"))
        says = {
            one.id: {"type": "approve" if one.value["evidence"][0]["content"] == "ours" else "reject"}
            for one in await asked_about(flow)
        }
        with pytest.raises(ValidationError, match="is not what it was when it was first reached"):
            await flow.ainvoke(Command(resume=says), CONFIG)
        assert sorted(await flow.ainvoke(Command(resume=says), CONFIG)) == [
            ("low forged", "rejected"),
            ("low ours", "approved"),
        ]

    asyncio.run(run())


def test_a_review_that_was_answered_about_another_context_is_refused() -> None:
    """A kept approval is not given to a review that sees something else than the person did."""
    invoices = iter(["ours", "ours", "forged"])

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: str) -> list[bool]:
        one = review(LOW, PROPOSAL, context={"invoice": next(invoices)})
        return [one.approved, review(HIGH, PROPOSAL).approved]

    [first] = flow.invoke("x", CONFIG)["__interrupt__"]
    [second] = flow.invoke(Command(resume={first.id: {"type": "approve"}}), CONFIG)["__interrupt__"]

    with pytest.raises(ProposalError, match="context: is not what it was"):
        flow.invoke(Command(resume={second.id: {"type": "approve"}}), CONFIG)


def test_what_a_person_cannot_see_may_change_with_each_run() -> None:
    """A context that differs in what no question shows leaves the question as it was, and answerable."""
    runs = iter(range(9))

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: str) -> str:
        return review(LOW, PROPOSAL, context={"invoice": "ours", "run": next(runs)}).outcome

    [question] = flow.invoke("x", CONFIG)["__interrupt__"]

    assert flow.invoke(Command(resume={question.id: {"type": "approve"}}), CONFIG) == "approved"
