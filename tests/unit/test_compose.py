"""Gates made of gates: every reason is kept, and the first that asks shows the case (R54, R73)."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from typing import Any

import pytest

from hitl_graph.gates import (
    Ask,
    Gate,
    Judgement,
    ModelDetector,
    Proceed,
    RuleDetector,
    Verdict,
    all_of,
    any_of,
)
from hitl_graph.gates import strict as strict_gate
from hitl_graph.reviews import Evidence, Owner, Reason, ReviewRequest
from tests.unit.factories import (
    CHOICES,
    EMAIL,
    SEND,
    Counter,
    Email,
    FakeModel,
    confidence_gate,
    escalation_gate,
    review_gate,
)

STATE: dict[str, Any] = {"ticket": "Where is my card?", "email": EMAIL, "segment": "card", "score": 0.9}


def rule(name: str, **changes: Any) -> Gate:
    """A gate that asks when the state's key of its name is true, with an owner and evidence of its own."""
    own: dict[str, Any] = {
        "name": name,
        "owner": Owner(f"team-{name}"),
        "evidence": [Evidence(f"Evidence {name}", name)],
        "uncertainty": [f"Unsure {name}"],
        "detectors": [RuleDetector(f"found_{name}", lambda s: f"{name} says so" if s.get(name) else None)],
    }
    return escalation_gate(**{**own, **changes})


def sure(**changes: Any) -> Gate:
    """A confidence gate on the email."""
    own: dict[str, Any] = {
        "action": SEND,
        "proposal": "email",
        "schema": Email,
        "consequence": "Sends to {to}.",
    }
    return confidence_gate(**{**own, **changes})


def judged(gate: Gate, **state: Any) -> Judgement:
    """The judgement about one email."""
    return gate.judge({**STATE, **state}).judgement


def shown(gate: Gate, **state: Any) -> ReviewRequest:
    """The case about one email."""
    verdict = gate.judge({**STATE, **state})
    assert isinstance(verdict, Ask)
    return verdict.request


def codes(reasons: tuple[Reason, ...]) -> list[str]:
    """The codes of reasons."""
    return [reason.code for reason in reasons]


BOTH = [(False, False), (False, True), (True, False), (True, True)]


@pytest.mark.parametrize(("a", "b"), BOTH)
def test_any_asks_when_one_asks(a: bool, b: bool) -> None:
    """R54: one exception is enough."""
    assert isinstance(any_of(rule("a"), rule("b")).judge({**STATE, "a": a, "b": b}), Ask) is (a or b)


@pytest.mark.parametrize(("a", "b"), BOTH)
def test_all_asks_when_every_one_asks(a: bool, b: bool) -> None:
    """R54: both have to agree that a person is needed."""
    assert isinstance(all_of(rule("a"), rule("b")).judge({**STATE, "a": a, "b": b}), Ask) is (a and b)


@pytest.mark.parametrize(("a", "b", "c"), list(itertools.product([False, True], repeat=3)))
def test_compositions_nest(a: bool, b: bool, c: bool) -> None:
    """R54: a or (b and c)."""
    gate = any_of(rule("a"), all_of(rule("b"), rule("c")))
    assert isinstance(gate.judge({**STATE, "a": a, "b": b, "c": c}), Ask) is (a or (b and c))


@pytest.mark.parametrize("a", [False, True])
def test_strict_always_asks(a: bool) -> None:
    """R73: whatever the policy says."""
    assert isinstance(strict_gate(rule("a")).judge({**STATE, "a": a}), Ask)


def test_strict_mode_of_a_gate_that_always_asks_is_the_gate() -> None:
    """R73: there is nothing to add."""
    gate = review_gate()
    assert strict_gate(gate) is gate


def test_strict_keeps_the_gates_name() -> None:
    """R73: the same node, the same records."""
    assert strict_gate(rule("a")).name == "a"


def test_strict_says_so_before_the_gates_own_reasons() -> None:
    """R11, R73: the person sees that the policy alone would have let it pass."""
    assert codes(shown(strict_gate(sure())).why) == ["strict", "confident"]


# Reasons


@pytest.mark.parametrize("compose", [any_of, all_of])
def test_all_reasons_are_kept(compose: Any) -> None:
    """R54: also of the gates that would let pass, in order."""
    gate = compose(rule("a"), sure(), rule("b"))
    assert codes(judged(gate, a=True).reasons) == ["found_a", "confident", "no_exception"]


def test_each_reason_names_its_gate() -> None:
    """R43: which boundary it came from."""
    assert [reason.gate for reason in judged(any_of(rule("a"), sure()), a=True).reasons] == ["a", "triage"]


def test_a_reason_to_let_pass_is_told_from_a_reason_to_ask() -> None:
    """R11: both are shown, and not mixed up."""
    reasons = judged(any_of(rule("a"), sure()), a=True).reasons
    assert [reason.asks for reason in reasons] == [True, False]


def test_reasons_of_nested_gates_are_all_kept() -> None:
    """R54: however deep."""
    gate = any_of(rule("a"), all_of(rule("b"), any_of(rule("c"), sure())))
    assert codes(judged(gate, a=True, c=True).reasons) == ["found_a", "no_exception", "found_c", "confident"]


def test_the_facts_are_kept_gate_by_gate() -> None:
    """R43: score, bar and signals of each."""
    facts = judged(any_of(rule("a"), sure()), a=True).facts
    assert facts["asking"] == ["a"] and facts["gates"]["triage"]["score"] == 0.9


# The case


@pytest.mark.parametrize(("a", "b", "owner"), [(True, True, "a"), (True, False, "a"), (False, True, "b")])
def test_the_first_asking_gate_owns_the_case(a: bool, b: bool, owner: str) -> None:
    """R31, R56: to whoever has the authority over what was found."""
    assert shown(any_of(rule("a"), rule("b")), a=a, b=b).owner == Owner(f"team-{owner}")


@pytest.mark.parametrize(
    ("state", "owner"),
    [({"c": True}, "c"), ({"b": True}, "b"), ({"b": True, "c": True}, "b"), ({"a": True, "c": True}, "a")],
)
def test_the_first_asking_gate_owns_a_nested_case(state: dict[str, Any], owner: str) -> None:
    """R31, R56: found through every level."""
    assert shown(any_of(rule("a"), any_of(rule("b"), rule("c"))), **state).owner == Owner(f"team-{owner}")


def test_the_first_asking_gate_owns_a_strict_case() -> None:
    """R56, R73: strict around a composition looks through it."""
    assert shown(strict_gate(any_of(rule("a"), rule("b"))), b=True).owner == Owner("team-b")


def test_a_strict_case_in_which_nobody_would_ask_has_an_owner() -> None:
    """R31, R73: then the first gate's."""
    assert shown(strict_gate(any_of(rule("a"), rule("b")))).owner == Owner("team-a")


@pytest.mark.parametrize(
    ("state", "titles"),
    [
        ({"a": True}, ["Evidence a"]),
        ({"b": True}, ["Evidence b"]),
        ({"a": True, "b": True}, ["Evidence a", "Evidence b"]),
        ({"a": True, "c": True}, ["Evidence a", "Evidence c"]),
        ({"b": True, "c": True}, ["Evidence b", "Evidence c"]),
    ],
)
def test_the_evidence_of_every_asking_gate_is_shown(state: dict[str, Any], titles: list[str]) -> None:
    """R24, R57: merged, nested gates included; what did not ask is not shown."""
    gate = any_of(rule("a"), any_of(rule("b"), rule("c")))
    assert [item.title for item in shown(gate, **state).evidence] == titles


def test_the_uncertainty_of_every_asking_gate_is_shown() -> None:
    """R11: each names its own."""
    assert shown(any_of(rule("a"), rule("b")), a=True, b=True).uncertainty == ("Unsure a", "Unsure b")


def test_the_same_evidence_is_shown_once() -> None:
    """R22: two gates that look at the same message."""
    gate = any_of(
        rule("a", evidence=[Evidence("Message", {"x": [1]})]),
        rule("b", evidence=[Evidence("Message", {"x": [1]})]),
    )
    assert len(shown(gate, a=True, b=True).evidence) == 1


def test_evidence_of_one_title_and_two_contents_is_shown_twice() -> None:
    """R57: nothing is dropped because of its name."""
    gate = any_of(
        rule("a", evidence=[Evidence("Message", "x")]), rule("b", evidence=[Evidence("Message", "y")])
    )
    assert [item.content for item in shown(gate, a=True, b=True).evidence] == ["x", "y"]


def test_warnings_of_every_asking_gate_are_shown_once() -> None:
    """R27: a hidden character in the proposal is one warning."""
    email = {**EMAIL, "body": "a\u200bb"}
    assert len(shown(any_of(rule("a"), rule("b")), a=True, b=True, email=email).warnings) == 1


def test_evidence_of_one_gate_is_enough_to_approve() -> None:
    """R57: what one brings stands beside the question of both, and nothing says otherwise."""
    case = shown(any_of(rule("a", evidence=lambda s: []), rule("b")), a=True, b=True)
    assert "approve" in case.allowed and case.warnings == ()


def test_without_any_evidence_approval_is_not_offered() -> None:
    """R57: two gates without evidence have none."""
    gate = any_of(rule("a", evidence=lambda s: []), rule("b", evidence=lambda s: []))
    assert shown(gate, a=True, b=True).allowed == ("reject",)


def test_the_case_bears_the_compositions_name() -> None:
    """R12: the record belongs to the node that asked."""
    assert shown(any_of(rule("a"), rule("b"), name="checks"), b=True).gate == "checks"


def test_a_composition_is_named_after_its_gates() -> None:
    """R5: a name that can be read in the graph."""
    assert (any_of(rule("a"), rule("b")).name, all_of(rule("a"), rule("b")).name) == ("a_or_b", "a_and_b")


def test_the_case_of_a_composition_is_sealed() -> None:
    """I4: the digest covers the merged evidence."""
    assert shown(any_of(rule("a"), rule("b")), a=True, b=True).is_sealed()


def test_a_composed_case_shows_its_own_history() -> None:
    """R25: a rejection of the composed gate, under the composed gate's name."""
    record = {"gate": "a_or_b", "outcome": "rejected", "review": "r1", "decision": "reject", "proposed": {}}
    case = shown(any_of(rule("a"), rule("b")), b=True, reviews=[record])
    assert case.previous is not None and case.previous["review"] == "r1"


# Decisions


def test_the_decisions_of_all_gates_are_allowed() -> None:
    """R8: each once, in order."""
    gate = any_of(rule("a", allowed=["approve", "reject"]), rule("b", allowed=["reject", "take_over"]))
    assert gate.decisions == ("approve", "reject", "take_over")


@pytest.mark.parametrize("state", [{"a": True}, {"b": True}, {"a": True, "b": True}])
def test_gates_of_different_kinds_can_be_composed(state: dict[str, Any]) -> None:
    """R13, R54: whichever asks, the options are there and the case can be shown."""
    gate = any_of(rule("a"), rule("b", kind="choose", options=CHOICES))
    case = shown(gate, **state)
    assert case.options == CHOICES and set(case.allowed) == {"approve", "edit", "reject", "choose"}


@pytest.mark.parametrize(
    ("a", "b", "both"), [("Known.", "Small.", "Known."), ("Known.", "", ""), ("", "Small.", "")]
)
def test_a_composition_passes_unattended_only_if_all_may(a: str, b: str, both: str) -> None:
    """R1, I3: one gate without a reason is enough to need a person for what cannot be undone."""
    assert any_of(rule("a", unattended=a), rule("b", unattended=b)).unattended == both


@pytest.mark.parametrize(
    ("gate", "always"),
    [
        (any_of(review_gate(), rule("a")), True),
        (all_of(review_gate(), rule("a")), False),
        (all_of(review_gate(), review_gate(name="other")), True),
        (any_of(rule("a"), rule("b")), False),
        (strict_gate(any_of(rule("a"), rule("b"))), True),
    ],
)
def test_whether_it_always_asks_follows_from_its_gates(gate: Gate, always: bool) -> None:
    """R50: what the boundary map shows."""
    assert gate.always_asks is always


# Measuring


def test_each_gates_signals_are_kept_under_its_name() -> None:
    """I4: none takes another's score."""
    gate = any_of(sure(name="one", score=lambda s: 0.1), sure(name="two", score=lambda s: 0.9))
    assert gate.collect(STATE) == {"one": {"score": 0.1}, "two": {"score": 0.9}}


def test_signals_of_nested_gates_are_kept() -> None:
    """I4: however deep, sync and async alike."""
    model = FakeModel('{"legal": "x"}')
    detector = ModelDetector("m", model, "ticket", {"legal": "law"})
    gate = any_of(rule("a"), all_of(rule("b"), escalation_gate(name="c", detectors=[detector])))
    state = {**STATE, "b": True}
    kept = gate.collect(state)
    assert kept == asyncio.run(gate.acollect(state))
    assert codes(gate.judge(state, kept).judgement.reasons) == ["no_exception", "found_b", "legal"]


@pytest.mark.parametrize(("score", "collects"), [("score", False), (lambda s: 0.5, True)])
def test_it_collects_when_one_of_its_gates_does(score: Any, collects: bool) -> None:
    """I4: one unsure function is enough."""
    assert any_of(rule("a"), sure(score=score)).collects is collects


def test_what_was_collected_is_not_measured_again() -> None:
    """I4: judging on kept signals calls nothing."""
    score = Counter(0.1, 0.9)
    gate = any_of(rule("a"), sure(score=score))
    kept = gate.collect(STATE)
    assert isinstance(gate.judge(STATE, kept), Ask) and isinstance(gate.judge(STATE, kept), Ask)
    assert score.calls == 1


def test_a_gate_without_kept_signals_asks() -> None:
    """R2: a score that got lost is none, and does not pass."""
    assert isinstance(any_of(rule("a"), sure(score=lambda s: 0.99)).judge(STATE, {"a": {"signals": []}}), Ask)


# A gate of one's own


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Weekend(Gate):
    """A user's own policy."""

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Any) -> Verdict:
        ask = state["day"] in ("Sat", "Sun")
        return Verdict(ask=ask, reasons=(Reason("weekend", f"It is {state['day']}.", self.name, asks=ask),))


@pytest.mark.parametrize(("day", "kind"), [("Sat", Ask), ("Mon", Proceed)])
def test_a_gate_of_ones_own_composes_as_the_shipped_ones(day: str, kind: type) -> None:
    """R54: a subclass with a verdict is all that it takes."""
    own = Weekend(
        name="weekend",
        action=SEND,
        proposal="email",
        question="May this go out on a weekend?",
        evidence=[Evidence("Rule", "Nothing on weekends.")],
        consequence="Sends it.",
        owner=Owner("duty"),
    )
    assert isinstance(any_of(rule("a"), own).judge({**STATE, "day": day}), kind)
