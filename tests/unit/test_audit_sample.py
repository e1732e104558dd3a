"""The audit sample of what a confidence gate lets pass (R61)."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest

from hitl_graph.gates import (
    Ask,
    AuditSample,
    ConfidenceGate,
    Proceed,
    Thresholds,
)
from hitl_graph.reviews import Evidence
from tests.unit.factories import EMAIL, SEND, TAG, Email, confidence_gate
from tests.unit.judging import BARS, STATE, code, judged

N = 10_000


def picked(sample: AuditSample, gate: str = "triage") -> set[int]:
    """Which of the keys 0 to N are in the sample."""
    return {key for key in range(N) if sample.picks(gate, str(key))}


def tail(k: int, n: int, rate: float) -> float:
    """P(X <= k) or P(X >= k), the smaller, for X binomial: exact, in logs."""

    def log_pmf(x: int) -> float:
        choose = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
        return choose + x * math.log(rate) + (n - x) * math.log1p(-rate)

    lower = sum(math.exp(log_pmf(x)) for x in range(k + 1))
    return min(lower, 1 - lower + math.exp(log_pmf(k)))


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.5, 0.9])
def test_the_sample_takes_its_share(rate: float) -> None:
    """R61: of 10,000 keys a number that a fair draw would give more often than once in a million."""
    assert tail(len(picked(AuditSample(rate))), N, rate) > 1e-6


def test_the_share_check_can_fail() -> None:
    """The bound above tells 4% from 5%."""
    assert tail(400, N, 0.05) < 1e-5


@pytest.mark.parametrize(("rate", "size"), [(0, 0), (1, N)])
def test_none_and_all_are_exact(rate: float, size: int) -> None:
    """R61: a rate of 0 takes nothing and a rate of 1 everything."""
    assert len(picked(AuditSample(rate))) == size


def test_the_sample_is_the_same_every_time() -> None:
    """R61: a replay picks the same ones; fixed for good by SHA-256."""
    assert sorted(picked(AuditSample(0.05)))[:5] == FIRST_FIVE


FIRST_FIVE = [
    key
    for key in range(120)
    if int(hashlib.sha256(f"\0triage\0{key}".encode()).hexdigest()[:16], 16) < 0.05 * 2**64
]


def test_the_fixed_sample_is_the_one_of_the_first_release() -> None:
    """R61: a change of the formula would ask about other items after an upgrade."""
    assert FIRST_FIVE == [11, 62, 99, 116, 119]


def test_a_larger_rate_keeps_what_the_smaller_one_took() -> None:
    """R48: turning the sample up asks about more, not about others."""
    assert picked(AuditSample(0.05)) < picked(AuditSample(0.2))


@pytest.mark.parametrize(
    ("one", "other"),
    [(("", "triage"), ("", "spam")), (("", "triage"), ("2026", "triage"))],
    ids=["another gate", "another salt"],
)
def test_samples_are_independent(one: tuple[str, str], other: tuple[str, str]) -> None:
    """R61: what one gate or salt takes, another takes no more often than chance."""
    both = picked(AuditSample(0.2, one[0]), one[1]) & picked(AuditSample(0.2, other[0]), other[1])
    assert tail(len(both), N, 0.04) > 1e-6


def asked_among(gate: ConfidenceGate, states: list[dict[str, Any]]) -> int:
    """How many of the states the gate asks about."""
    return sum(isinstance(gate.judge(state), Ask) for state in states)


def test_tickets_with_the_same_label_are_sampled_one_by_one() -> None:
    """R61: the sample is of cases, not of labels: each ticket has its own chance."""
    gate = confidence_gate(audit=AuditSample(0.2))
    tickets = [{**STATE, "ticket": f"Message {n}"} for n in range(1000)]
    assert tail(asked_among(gate, tickets), 1000, 0.2) > 1e-6


def test_tickets_beside_the_same_fixed_evidence_are_sampled_one_by_one() -> None:
    """R61: also where the evidence is the same rule for everybody, if the messages are not."""
    gate = confidence_gate(audit=AuditSample(0.2), evidence=[Evidence("Rule", "Tag by topic.")])
    tickets = [{**STATE, "messages": [{"role": "user", "content": f"Message {n}"}]} for n in range(1000)]
    assert tail(asked_among(gate, tickets), 1000, 0.2) > 1e-6


def test_the_same_case_is_sampled_the_same_way() -> None:
    """R61: a replay of one ticket does not get a second draw."""
    gate = confidence_gate(audit=AuditSample(0.5))
    assert {asked_among(gate, [STATE]) for _ in range(20)} in ({0}, {1})


def test_a_sampled_case_says_so() -> None:
    """R61, R11: the person knows that it would have passed."""
    assert code(confidence_gate(audit=AuditSample(1))) == "audit_sample"


@pytest.mark.parametrize(
    ("audit", "score", "propensity", "sampled"),
    [
        (0, 0.95, 0, False),
        (1, 0.95, 1, True),
        (1, 0.1, 1, False),
        (0.05, 0.1, 1, False),
        (0.05, None, 1, False),
    ],
)
def test_the_propensity_is_recorded(audit: float, score: Any, propensity: float, sampled: bool) -> None:
    """R61: reports weigh by 1/propensity, so what is always asked has 1 and what would pass has the rate."""
    facts = judged(confidence_gate(audit=AuditSample(audit)), score=score).facts
    assert (facts["propensity"], facts["sampled"]) == (propensity, sampled)


def test_what_passes_beside_a_sample_has_the_rate_as_propensity() -> None:
    """R61: also the items that were not picked."""
    gate = confidence_gate(audit=AuditSample(0.05))
    passed = [gate.judge({**STATE, "ticket": f"{n}"}) for n in range(50)]
    assert {v.judgement.facts["propensity"] for v in passed if isinstance(v, Proceed)} == {0.05}


def test_a_gate_samples_five_percent_unless_said() -> None:
    """R61: sampling is live by default."""
    gate = ConfidenceGate(
        name="triage",
        action=TAG,
        proposal="label",
        question="Which category does this message belong to?",
        evidence=[Evidence("Rule", "x")],
        consequence="Tags it.",
        owner=confidence_gate().owner,
        score="score",
        thresholds=Thresholds(BARS),
        segment="segment",
    )
    assert gate.audit == AuditSample(0.05)


def test_any_kind_of_proposal_can_be_sampled() -> None:
    """R61: an object as well as a label."""
    gate = confidence_gate(
        action=SEND, proposal="email", schema=Email, consequence="Sends to {to}.", audit=AuditSample(1)
    )
    assert isinstance(gate.judge({**STATE, "email": EMAIL, "segment": "x"}), Ask)
