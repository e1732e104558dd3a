"""`review` in an entrypoint: what it asks, where it can be called, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph.decisions import Approve, AskInfo, Choose, Edit, Reject, Respond, TakeOver
from hitl_graph.errors import DefinitionError, ProposalError
from hitl_graph.functional import areview, review
from hitl_graph.gates import Signal
from hitl_graph.reviews import ReviewKind
from hitl_graph.wire import Shape
from tests.functional.flows import TICKET, Flow, as_json, started, support
from tests.unit.factories import (
    CHOICES,
    EDITED,
    EMAIL,
    EVERY,
    Counter,
    Mode,
    Outbox,
    confidence_gate,
    escalation_gate,
    in_both_modes,
    measured,
    review_gate,
)

DURABILITIES = ["sync", "async", "exit"]


anywhere = pytest.mark.parametrize("durability", DURABILITIES)


@in_both_modes
@anywhere
def test_it_pauses_once_and_goes_on_with_the_approval(mode: Mode, durability: str) -> None:
    """R51: one question; then the act, as it was proposed, under the review's id."""
    outbox = Outbox()
    thread = started(mode=mode, durability=durability, outbox=outbox)
    [question] = thread.open
    end = thread.answer(Approve())
    assert outbox == [(question.id, EMAIL)]
    assert (end["approved"], end["outcome"], end["decision"], end["key"]) == (
        True,
        "approved",
        "approve",
        question.id,
    )


@in_both_modes
def test_the_question_is_the_gates(mode: Mode) -> None:
    """R68: the gate's functions see the context, and the proposal under its name."""
    thread = started(mode=mode)
    assert thread.case["question"] == review_gate().question and thread.case["proposal"] == EMAIL
    assert thread.case["evidence"][0]["content"] == TICKET["ticket"]


@in_both_modes
@anywhere
def test_an_edit_is_what_may_be_done(mode: Mode, durability: str) -> None:
    """R19: `final` has the edit in it, and the record keeps both versions."""
    outbox = Outbox()
    end = started(mode=mode, durability=durability, outbox=outbox).answer(Edit({"body": "Better."}))
    assert [email for _, email in outbox] == [EDITED] and end["final"] == EDITED
    assert (end["record"]["proposed"], end["record"]["final"]) == (EMAIL, EDITED)


@in_both_modes
@anywhere
def test_a_changed_recipient_is_a_review_of_its_own(mode: Mode, durability: str) -> None:
    """I12: another act is asked about again, under another id, and only that approval acts."""
    outbox = Outbox()
    thread = started(mode=mode, durability=durability, outbox=outbox)
    first = thread.open[0].id
    thread.answer(Edit({"to": "other@example.com"}))
    assert outbox == [] and thread.case["proposal"]["to"] == "other@example.com"
    assert thread.case["previous"]["review"] == first
    second = thread.open[0].id
    end = thread.answer(Approve())
    assert [(key, email["to"]) for key, email in outbox] == [(second, "other@example.com")]
    assert [record["outcome"] for record in end["records"]] == ["judged_again", "approved"]


@in_both_modes
def test_a_changed_recipient_may_be_rejected_again(mode: Mode) -> None:
    """I7: the edit approved nothing."""
    outbox = Outbox()
    thread = started(mode=mode, outbox=outbox)
    thread.answer(Edit({"to": "other@example.com"}))
    end = thread.answer(Reject())
    assert outbox == [] and end["outcome"] == "rejected" and end["final"] is None


NOT_APPROVED = [
    (Reject(reason="tone"), "rejected", {}),
    (Respond("Call me."), "responded", {"message": "Call me."}),
    (AskInfo("Which card?"), "asked", {"question": "Which card?"}),
    (TakeOver(), "taken_over", {}),
]


@in_both_modes
@pytest.mark.parametrize(("decision", "outcome", "said"), NOT_APPROVED, ids=lambda p: str(p)[:12])
def test_what_is_not_approved_has_no_final(mode: Mode, decision: Any, outcome: str, said: Any) -> None:
    """I7: neither a rejection nor a question leaves anything to act on; its words are at hand."""
    outbox = Outbox()
    end = started(review_gate(allowed=EVERY, options=CHOICES), mode, outbox=outbox).answer(decision)
    assert outbox == [] and (end["approved"], end["final"], end["outcome"]) == (False, None, outcome)
    assert {key: end[key] for key in said} == said


@in_both_modes
def test_a_choice_is_handed_over(mode: Mode) -> None:
    """R13: the option, and the proposal with it in place."""
    gate = confidence_gate(
        kind=ReviewKind.CHOOSE, options=CHOICES, option_field="value", score=lambda state: 0.1
    )
    end = started(gate, mode, proposal=lambda: "refund").answer(Choose("card"))
    assert (end["approved"], end["option"], end["final"]) == (True, "card", "card")


@in_both_modes
def test_what_the_gate_lets_pass_does_not_pause(mode: Mode) -> None:
    """R52: no question and no record; the judgement says why."""
    thread = Flow(support(confidence_gate(), mode, proposal=lambda: "card"), mode)
    end = thread.run(TICKET)
    assert (end["approved"], end["passed"], end["outcome"]) == (True, True, "passed")
    assert (end["decision"], end["record"], end["records"]) == (None, None, ())
    assert end["final"] == "card" and end["judgement"]["reasons"][0]["code"] == "confident"


@in_both_modes
def test_what_passed_has_a_key_that_no_replay_changes(mode: Mode) -> None:
    """I2: what follows it may be run again, and brings the same key."""
    keys = []

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        keys.append(review(confidence_gate(), "card", context=context).key)
        review(review_gate(), dict(EMAIL), context=context)

    thread = Flow(flow, mode)
    thread.run(TICKET)
    thread.answer(Approve())
    assert len(keys) == 2 and len(set(keys)) == 1 and keys[0]


@in_both_modes
@anywhere
def test_what_was_measured_is_never_measured_twice(mode: Mode, durability: str) -> None:
    """I4: neither by the replay after the answer, nor by the one after a later pause."""
    score = Counter(0.1, 0.99)
    gate = measured(score, unattended="The score is calibrated.")
    thread = started(gate, mode, durability=durability)
    thread.answer(Approve())
    assert score.calls == 1 and thread.open == []


@in_both_modes
def test_an_edit_that_nothing_speaks_against_stands(mode: Mode) -> None:
    """I12: the edited text is measured once more, and nobody is asked twice about it."""
    score = Counter(0.1, 0.1)
    end = started(measured(score, unattended="x"), mode).answer(Edit({"body": "Better."}))
    assert (end["outcome"], end["decision"], end["final"]) == ("approved", "edit", EDITED)
    assert (
        score.calls == 2 and end["record"]["outcome"] == "approved" and end["key"] == end["record"]["review"]
    )


@in_both_modes
def test_an_edit_that_raises_something_new_is_asked_about(mode: Mode) -> None:
    """I12: a reason that the person was not shown."""
    gate = escalation_gate(detectors=[Shouting()], unattended="Nobody shouts.")
    outbox = Outbox()
    thread = started(gate, mode, proposal=lambda: {**EMAIL, "subject": "LOUD"}, outbox=outbox)
    thread.answer(Edit({"body": "LOUDER"}))
    assert outbox == [] and [reason["code"] for reason in thread.case["why"]] == ["subject", "body"]


class Shouting:
    """Finds the fields of the mail that are in capitals."""

    name = "shouting"
    repeatable = True

    def detect(self, state: Any) -> Any:
        return [Signal(name, "is loud") for name in ("subject", "body") if state["email"][name].isupper()]


BAD = [
    "no",
    {"type": "publish"},
    {"type": "edit", "changes": {"nobody": "x"}},
    {"type": "edit", "changes": {"to": 3}},
    {"type": "respond", "message": "Hi"},
    {"type": "approve", "digest": "sha256:old"},
    None,
]


@in_both_modes
@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_bad_answer_is_refused_and_the_case_stays(mode: Mode, bad: Any) -> None:
    """Nothing of it is saved: the same question is open, and a good answer is taken."""
    outbox = Outbox()
    thread = started(mode=mode, outbox=outbox)
    [question] = thread.open
    with pytest.raises(ValidationError):
        thread.answer(bad)
    assert outbox == []
    thread.run(None)
    assert [one.id for one in thread.open] == [question.id]
    thread.answer(Approve())
    assert len(outbox) == 1


@in_both_modes
def test_going_on_without_an_answer_asks_the_same(mode: Mode) -> None:
    """I5: `invoke(None)` answers nothing."""
    thread = started(mode=mode)
    before = [(one.id, one.value["digest"]) for one in thread.open]
    thread.run(None)
    assert [(one.id, one.value["digest"]) for one in thread.open] == before


@in_both_modes
def test_reviews_in_a_row_do_not_share_an_answer(mode: Mode) -> None:
    """I1: not even when it was given without an id."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> list[str]:
        return [
            review(review_gate(name=name), dict(EMAIL), context=context).outcome for name in ("one", "two")
        ]

    thread = Flow(flow, mode)
    thread.run(TICKET)
    thread.run(Command(resume={"type": "approve"}))
    assert thread.case["gate"] == "two"
    assert thread.answer(Reject()) == ["approved", "rejected"]


@in_both_modes
def test_new_input_is_a_new_review(mode: Mode) -> None:
    """The old question is gone, and its answer moves nothing."""
    outbox = Outbox()
    thread = started(mode=mode, outbox=outbox)
    old = thread.open[0].id
    thread.run({**TICKET, "ticket": "Something else"})
    new = thread.open[0].id
    thread.answer(Approve(), to=old)
    assert new != old and outbox == [] and [one.id for one in thread.open] == [new]


@pytest.mark.parametrize("shape", [Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH])
def test_it_can_be_asked_in_an_older_clients_shape(shape: Shape) -> None:
    """The native case stands inside, and the client's own answers are taken."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> str:
        return review(review_gate(), dict(EMAIL), context=context, shape=shape).outcome

    thread = Flow(flow)
    thread.run(TICKET)
    answer = [{"type": "accept", "args": None}]
    assert (
        thread.answer(answer if shape is Shape.AGENT_INBOX else {"decisions": [{"type": "approve"}]})
        == "approved"
    )


def fails(error: type[Exception], match: str, body: Any, checkpointer: Any = None) -> None:
    """The flow with this body raises at once."""
    flow = entrypoint(checkpointer=checkpointer)(body)
    with pytest.raises(error, match=match):
        flow.invoke(TICKET, {"configurable": {"thread_id": "t"}})


def test_it_needs_a_checkpointer() -> None:
    """Without one LangGraph pauses and saves nothing."""
    fails(
        DefinitionError, "checkpointer: is missing", lambda c: review(review_gate(), dict(EMAIL), context=c)
    )


def test_it_needs_a_graph_around_it() -> None:
    """Plain code has nobody to ask."""
    with pytest.raises(DefinitionError, match="outside of a running graph"):
        review(review_gate(), dict(EMAIL))


async def test_in_async_code_the_async_one_is_called() -> None:
    """`review` would block the loop that it waits for."""

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(context: dict[str, Any]) -> Any:
        return review(review_gate(), dict(EMAIL), context=context)

    with pytest.raises(DefinitionError, match="use `await areview"):
        await flow.ainvoke(TICKET, {"configurable": {"thread_id": "t"}})


def test_an_irreversible_act_does_not_pass_without_a_word() -> None:
    """I3: said at the first call, whatever is proposed."""
    gate = escalation_gate()
    fails(
        DefinitionError,
        "unattended: is empty: send_email is irreversible",
        lambda c: review(gate, dict(EMAIL), context=c),
        InMemorySaver(),
    )


WRONG = [("gate", ("reply", dict(EMAIL), {})), ("context", (review_gate(), dict(EMAIL), ["x"]))]


@pytest.mark.parametrize(("field", "given"), WRONG, ids=lambda p: p if isinstance(p, str) else "")
def test_what_is_no_gate_or_no_context_is_named(field: str, given: Any) -> None:
    """The error names the field."""
    gate, proposal, context = given
    fails(
        DefinitionError, f"{field}: is a", lambda c: review(gate, proposal, context=context), InMemorySaver()
    )


@pytest.mark.parametrize(
    "proposal", [None, {"to": "a@x"}, {**EMAIL, "body": "\ud800"}], ids=["none", "part", "text"]
)
def test_a_proposal_that_cannot_be_shown_is_no_question(proposal: Any) -> None:
    """As in a node: the error names it, and nobody is asked."""
    fails(ProposalError, "email", lambda c: review(review_gate(), proposal, context=c), InMemorySaver())


async def test_the_async_one_is_async() -> None:
    """It is awaited, and comes back as the other does."""

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(context: dict[str, Any]) -> Any:
        return as_json(await areview(review_gate(), dict(EMAIL), context=context))

    config: Any = {"configurable": {"thread_id": "t"}}
    [question] = (await flow.ainvoke(TICKET, config))["__interrupt__"]
    end = await flow.ainvoke(Command(resume={question.id: {"type": "approve"}}), config)
    assert end["approved"] and end["key"] == question.id
