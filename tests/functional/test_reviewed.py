"""What comes back from `review`: the final version, in its type, with its record."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.errors import EffectNotApproved
from hitl_graph.functional import Reviewed, review
from hitl_graph.reviews import Record
from tests.functional.flows import TICKET, Flow, started
from tests.unit.factories import (
    EDITED,
    EMAIL,
    Email,
    confidence_gate,
    review_gate,
)


@dataclasses.dataclass(frozen=True)
class Letter:
    """A proposal as a dataclass."""

    to: str
    subject: str
    body: str


@pytest.mark.parametrize("kind", [Email, Letter, dict], ids=lambda k: k.__name__)
def test_final_is_of_the_type_that_was_proposed(kind: Any) -> None:
    """R19: an edited model is a model."""
    finals = []

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        finals.append(review(review_gate(), kind(**EMAIL), context=context).final)

    thread = Flow(flow)
    thread.run(TICKET)
    thread.answer(Edit({"body": "Better."}))
    assert finals == [kind(**EDITED)] and type(finals[0]) is kind


def test_one_value_is_a_proposal_too() -> None:
    """A label, as the gate's schema says."""
    gate = confidence_gate(score=lambda state: 0.1)
    end = started(gate, proposal=lambda: "card").answer(Edit({"value": "refund"}))
    assert end["final"] == "refund"


def test_the_record_is_plain_json_of_a_record() -> None:
    """R45: it can be saved anywhere, and read back."""
    end = started().answer(Edit({"body": "Better."}, reason="tone"))
    record = Record.from_json(end["record"])
    assert (record.review, record.reason, record.outcome) == (end["key"], "tone", "approved")


def test_who_decided_comes_from_the_runs_metadata() -> None:
    """R74: an answer that names nobody is the run's own."""
    thread = started()
    thread.config = {**thread.config, "metadata": {"hitl_by": "ana"}}
    assert thread.answer(Approve())["record"]["by"] == "ana"


def reviewed_as(decision: Any) -> Reviewed:
    """What a flow holds after this decision."""
    held = []

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        held.append(review(review_gate(), dict(EMAIL), context=context))

    thread = Flow(flow)
    thread.run(TICKET)
    thread.answer(decision)
    [reviewed] = held
    return reviewed


def test_it_is_neither_true_nor_false() -> None:
    """`if review(...)` would act on any outcome, or drop an edit."""
    for decision in (Approve(), Reject()):
        with pytest.raises(TypeError, match="ask for .approved, and act on .final"):
            bool(reviewed_as(decision))


def test_require_gives_what_may_be_done() -> None:
    """With the edit in it."""
    assert reviewed_as(Edit({"body": "Better."})).require() == EDITED


def test_require_stops_what_was_not_approved() -> None:
    """I3: it says who said no, and about which review."""
    reviewed = reviewed_as(Reject())
    with pytest.raises(EffectNotApproved, match=f"rejected by unknown .review {reviewed.key}."):
        reviewed.require()


def test_it_cannot_be_changed() -> None:
    """An approval is not made by assignment."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        reviewed_as(Reject()).approved = True
