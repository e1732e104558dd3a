"""The gates of this library keep the contract for gates, and each kind of broken gate fails its own test of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import (
    ActionClass,
    AuditSample,
    ConfidenceGate,
    ExceptionEscalation,
    Option,
    Owner,
    ReviewKind,
    Thresholds,
    any_of,
)
from hitl_graph.gates import Gate, Verdict, complaint, strict
from hitl_graph.reviews import Evidence, Reason
from hitl_graph.testing.gate_contract import GateContract

from .graphs import EMAIL, SEND, reply
from .inner import failures

TAG = ActionClass("tag_ticket", reversible=True)


def text(state: Any) -> list[Evidence]:
    return [Evidence("Customer message", state["ticket"])]


MAIL: dict[str, Any] = {
    "action": SEND,
    "proposal": "email",
    "question": "Is this reply safe to send to the customer?",
    "evidence": text,
    "consequence": "Sends an email to {to}.",
    "owner": Owner("support-leads"),
}
LABEL: dict[str, Any] = {
    **MAIL,
    "action": TAG,
    "proposal": "label",
    "question": "Which queue does this message belong to?",
    "consequence": "Puts it into {value}.",
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LongMails(Gate):
    """A gate as a user would write one."""

    most: int = 40

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Mapping[str, Any]) -> Verdict:
        """Ask about long texts."""
        long = len(proposal["body"]) > self.most
        return Verdict(
            ask=long, reasons=(Reason("long" if long else "short", f"{len(proposal['body'])}", self.name),)
        )


class Mail(GateContract):
    """Gates on a mail."""

    @pytest.fixture
    def asking_state(self) -> Any:
        return {
            "ticket": "This is unacceptable!",
            "email": {**EMAIL, "body": "We are sorry. " * 5},
            "sure": 0.1,
        }

    @pytest.fixture
    def edit(self) -> dict[str, Any]:
        return {"body": "We are very sorry. " * 5}


class MayPass(Mail):
    """Gates that let a calm and short one pass."""

    @pytest.fixture
    def passing_state(self) -> Any:
        return {"ticket": "Where is my card?", "email": {**EMAIL, "body": "It comes."}, "sure": 0.99}


class TestReviewBeforeSend(Mail):
    """A gate that always asks."""

    @pytest.fixture
    def gate(self) -> Gate:
        return reply()


class TestStrict(Mail):
    """A gate made to ask about everything."""

    @pytest.fixture
    def gate(self) -> Gate:
        return strict(LongMails(name="long", **MAIL))


class TestGateOfAUser(MayPass):
    """A subclass of `Gate`."""

    @pytest.fixture
    def gate(self) -> Gate:
        return LongMails(name="long", unattended="Short mails promise nothing.", **MAIL)


class TestConfidence(MayPass):
    """A gate that measures first."""

    @pytest.fixture
    def gate(self) -> Gate:
        return ConfidenceGate(
            name="sure",
            **MAIL,
            score=lambda state: state["sure"],
            segment=lambda state: "en",
            thresholds=Thresholds({"send_email": {"en": 0.9}}),
            audit=AuditSample(0),
            unattended="A sure enough reply.",
        )


class TestExceptions(MayPass):
    """A gate with detectors."""

    @pytest.fixture
    def gate(self) -> Gate:
        detectors = [complaint("ticket")]
        return ExceptionEscalation(name="calm", **MAIL, detectors=detectors, unattended="Calm and short.")


class TestAnyOf(MayPass):
    """Gates joined."""

    @pytest.fixture
    def gate(self) -> Gate:
        joined = any_of(
            LongMails(name="long", **MAIL),
            ExceptionEscalation(name="calm", **MAIL, detectors=[complaint("ticket")]),
            name="both",
        )
        return dataclasses.replace(joined, unattended="Calm and short.")


class TestChoice(GateContract):
    """A gate where one chooses."""

    @pytest.fixture
    def gate(self) -> Gate:
        return ConfidenceGate(
            name="triage",
            **LABEL,
            kind=ReviewKind.CHOOSE,
            options=[Option("refund"), Option("delivery")],
            option_field="value",
            score="sure",
            segment="label",
            thresholds=Thresholds({"tag_ticket": {"*": 0.8}}),
            audit=AuditSample(0),
        )

    @pytest.fixture
    def asking_state(self) -> Any:
        return {"ticket": "Where is my card?", "label": "refund", "sure": 0.5}

    @pytest.fixture
    def passing_state(self) -> Any:
        return {"ticket": "Where is my card?", "label": "refund", "sure": 0.9}


BROKEN = {
    "TestClock": {
        "test_the_same_state_is_judged_the_same",
        "test_a_state_that_was_stored_is_judged_the_same",
        "test_asked_again_it_asks_the_same",
    },
    "TestWrites": {"test_judging_leaves_the_state_alone"},
    "TestOwnClass": {"test_a_state_that_was_stored_is_judged_the_same"},
    "TestUnsealed": {"test_the_case_is_sealed"},
    "TestOtherProposal": {
        "test_the_case_shows_the_proposal_of_the_state",
        "test_the_judgement_is_about_the_proposal",
    },
    "TestNoReason": {"test_an_irreversible_act_does_not_pass_without_a_reason"},
    "TestNoPassingState": {"test_it_lets_the_passing_state_pass"},
    "TestNoEvidence": {
        "test_the_case_shows_evidence",
        "test_an_edit_becomes_the_proposal",
    },
    "TestSameRecipient": {"test_an_edit_into_another_act_is_asked_about_again"},
    "TestOddSignals": {"test_signals_are_plain_json"},
    "TestOtherSignals": {"test_signals_are_measured_in_async_graphs_too"},
    "TestNowhere": {
        "test_every_offered_decision_leads_somewhere",
        "test_a_decision_is_taken_or_refused[approve]",
        "test_a_decision_is_taken_or_refused[ask_info]",
        "test_a_decision_is_taken_or_refused[reject]",
        "test_a_decision_is_taken_or_refused[respond]",
        "test_a_decision_is_taken_or_refused[take_over]",
    },
    "TestNoEdit": {"test_an_edit_becomes_the_proposal"},
}
"""A class of `broken_gates.py`, and the tests that it fails."""


@pytest.fixture(scope="module")
def failed() -> dict[str, dict[str, str]]:
    """What failed for each broken gate: test → what it said."""
    return failures(Path(__file__).with_name("broken_gates.py"))


@pytest.mark.xdist_group("broken_gates")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_gate_fails_the_right_tests(name: str, failed: dict[str, dict[str, str]]) -> None:
    """These and no others."""
    assert failed[name].keys() == BROKEN[name]


@pytest.mark.xdist_group("broken_gates")
def test_every_broken_gate_is_looked_at(failed: dict[str, dict[str, str]]) -> None:
    """None passes the whole contract."""
    assert failed.keys() == BROKEN.keys() | {"TestNothingGiven", "TestAlwaysPasses"}


@pytest.mark.xdist_group("broken_gates")
def test_a_gate_that_never_asks_is_told_so(failed: dict[str, dict[str, str]]) -> None:
    """In the first test."""
    told = failed["TestAlwaysPasses"]["test_it_asks_about_the_asking_state"]

    assert "it lets pass what it should ask about" in told


@pytest.mark.xdist_group("broken_gates")
def test_the_message_names_the_field_that_differs(failed: dict[str, dict[str, str]]) -> None:
    """So that its author need not compare two cases by hand."""
    told = failed["TestClock"]["test_the_same_state_is_judged_the_same"]

    assert "the same state made two cases:\nevidence: [" in told


@pytest.mark.xdist_group("broken_gates")
def test_a_class_without_fixtures_is_told_what_to_give(failed: dict[str, dict[str, str]]) -> None:
    """By name."""
    told = failed["TestNothingGiven"]["test_it_asks_about_the_asking_state"]

    assert "gate: give your gate by a fixture of this name" in told
