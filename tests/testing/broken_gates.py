"""Gates that are wrong in one way each, under the contract for gates. Run by `test_gate_contract.py`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from hitl_graph import ActionClass, Evidence, Owner, ReviewBeforeSend
from hitl_graph.gates import Gate, Judgement, Verdict
from hitl_graph.reviews import Reason, ReviewRequest
from hitl_graph.testing.gate_contract import GateContract

COUNTER = itertools.count()
FIELDS: dict[str, Any] = {
    "name": "reply",
    "action": ActionClass("send_email", reversible=False, audience="customer", touches={"trust"}),
    "proposal": "email",
    "question": "Is this reply safe to send to the customer?",
    "evidence": lambda state: [Evidence("Customer message", state["ticket"])],
    "consequence": "Sends an email to {to}.",
    "owner": Owner("support-leads"),
}


class Mail(GateContract):
    """A gate on a mail; a subclass breaks one thing."""

    broken: Gate

    @pytest.fixture
    def gate(self) -> Gate:
        return self.broken

    @pytest.fixture
    def asking_state(self) -> Any:
        return {"ticket": "Where is my card?", "email": {"to": "ann@example.com", "body": "It comes."}}

    @pytest.fixture
    def edit(self) -> Any:
        return {"body": "It comes on Monday."}


class Whole(Mail):
    """Of which nothing is broken."""

    broken = ReviewBeforeSend(**FIELDS)


class TestClock(Mail):
    """The evidence is another one each time."""

    broken = ReviewBeforeSend(
        **{**FIELDS, "evidence": lambda state: [Evidence("Number", str(next(COUNTER)))]}
    )


class Scribbling(ReviewBeforeSend):
    def verdict(self, state: Any, proposal: dict[str, Any], signals: Mapping[str, Any]) -> Verdict:
        state["scribbled"] = True
        return super().verdict(state, proposal, signals)


class TestWrites(Mail):
    """Judging writes into the state."""

    broken = Scribbling(**FIELDS)


@dataclasses.dataclass
class Customer:
    name: str


class TestOwnClass(Mail):
    """It reads a class that does not come back from a saver."""

    broken = ReviewBeforeSend(
        **{**FIELDS, "evidence": lambda state: [Evidence("Customer", str(state["customer"]))]}
    )

    @pytest.fixture
    def asking_state(self) -> Any:
        return {"customer": Customer("Ann"), "email": {"to": "ann@example.com", "body": "It comes."}}


class Changing(ReviewBeforeSend):
    """Shows something else than was built."""

    def changed(self, request: ReviewRequest) -> ReviewRequest:
        raise NotImplementedError

    def request(self, state: Any, proposal: dict[str, Any], judgement: Judgement) -> ReviewRequest:
        return self.changed(super().request(state, proposal, judgement))


class Unsealed(Changing):
    def changed(self, request: ReviewRequest) -> ReviewRequest:
        return dataclasses.replace(request, question="Shall it be sent?")


class TestUnsealed(Mail):
    """The digest is that of another case."""

    broken = Unsealed(**FIELDS)


class OtherProposal(Changing):
    def changed(self, request: ReviewRequest) -> ReviewRequest:
        return dataclasses.replace(request, proposal={**request.proposal, "body": "…"}).sealed()


class TestOtherProposal(Mail):
    """It shows a shortened mail."""

    broken = OtherProposal(**FIELDS)


class Nowhere(Changing):
    def changed(self, request: ReviewRequest) -> ReviewRequest:
        return dataclasses.replace(request, continuation={}).sealed()


class TestNowhere(Mail):
    """It does not say where decisions lead."""

    broken = Nowhere(**FIELDS)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Shouting(Gate):
    """Asks about what has an exclamation mark."""

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Mapping[str, Any]) -> Verdict:
        ask = "!" in state["ticket"]
        return Verdict(ask=ask, reasons=(Reason("loud" if ask else "calm", "It is.", self.name),))


class Loud(Mail):
    """A gate that lets calm ones pass."""

    @pytest.fixture
    def asking_state(self) -> Any:
        return {"ticket": "Where is my card!", "email": {"to": "ann@example.com", "body": "It comes."}}


class TestNoReason(Loud):
    """It lets pass what cannot be taken back, and nobody said why."""

    broken = Shouting(**FIELDS)

    @pytest.fixture
    def passing_state(self) -> Any:
        return {"ticket": "Where is my card?", "email": {"to": "ann@example.com", "body": "It comes."}}


class TestNoPassingState(Loud):
    """It may let pass, and its author tried only the other."""

    broken = Shouting(**FIELDS, unattended="Calm.")


class TestAlwaysPasses(Mail):
    """It never asks."""

    broken = Shouting(**FIELDS, unattended="Calm.")


class TestNoEvidence(Mail):
    """There is nothing to judge by."""

    broken = ReviewBeforeSend(**{**FIELDS, "evidence": lambda state: []})


class TestSameRecipient(Mail):
    """Another recipient passes as the same act."""

    broken = ReviewBeforeSend(**FIELDS, identity=("from",))

    @pytest.fixture
    def identity_edit(self) -> Any:
        return {"to": "ben@example.com"}


class OddSignals(ReviewBeforeSend):
    def collect(self, state: Any) -> dict[str, Any]:
        return {"words": (1, 2)}


class TestOddSignals(Mail):
    """What it measures is no plain JSON."""

    broken = OddSignals(**FIELDS)


class OtherSignals(ReviewBeforeSend):
    async def acollect(self, state: Any) -> dict[str, Any]:
        return {"words": 2}


class TestOtherSignals(Mail):
    """It measures something else in async graphs."""

    broken = OtherSignals(**FIELDS)


class TestNoEdit(Mail):
    """It offers edits, and its author tried none."""

    broken = ReviewBeforeSend(**FIELDS)

    @pytest.fixture
    def edit(self) -> Any:
        return None


class TestNothingGiven(GateContract):
    """A subclass without fixtures."""
