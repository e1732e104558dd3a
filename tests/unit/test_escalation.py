"""Exception escalation: each exception is a reason, and a failing detector asks (R2, R53, R72)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_graph.gates import (
    Ask,
    ModelDetector,
    Proceed,
    RuleDetector,
    Signal,
    ambiguous_data,
    complaint,
    high_value,
    sensitive_policy,
    urgency,
)
from hitl_graph.plain import plain_json
from hitl_graph.reviews import proposal_digest
from tests.unit.factories import EMAIL, FakeModel, OddDetector, escalation_gate, signal

CALM = {"ticket": "Where is my card?", "email": EMAIL, "order": {"id": "7"}, "amount": 10}
ALL = [
    complaint("ticket"),
    urgency("ticket"),
    sensitive_policy("ticket"),
    ambiguous_data(["order.id"]),
    high_value("amount", 500),
]


def judged(*detectors: Any, **state: Any) -> Ask | Proceed:
    """The verdict on one ticket."""
    return escalation_gate(detectors=detectors or ALL).judge({**CALM, **state})


def codes(*detectors: Any, **state: Any) -> list[str]:
    """Its reasons."""
    return [reason.code for reason in judged(*detectors, **state).judgement.reasons]


def test_the_usual_passes() -> None:
    """R53: no exception, no person."""
    assert isinstance(judged(), Proceed)


def test_what_passes_says_why() -> None:
    """R43: that nothing was found is recorded as well."""
    assert codes() == ["no_exception"]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"ticket": "This is unacceptable"}, "complaint"),
        ({"ticket": "It is urgent"}, "urgency"),
        ({"ticket": "My lawyer will call"}, "sensitive_policy"),
        ({"order": {}}, "ambiguous_data"),
        ({"amount": 500}, "high_value"),
    ],
)
def test_each_signal_reaches_a_person(state: dict[str, Any], code: str) -> None:
    """R53, R72: complaint, urgency, sensitive policy, ambiguous data, high value."""
    verdict = judged(**state)
    assert isinstance(verdict, Ask) and [reason.code for reason in verdict.request.why] == [code]


def test_every_reason_is_kept() -> None:
    """R11, R53: the person sees all of them, in the order of the detectors."""
    state = {"ticket": "Unacceptable, urgent, my lawyer!", "order": {}, "amount": 900}
    assert codes(**state) == ["complaint", "urgency", "sensitive_policy", "ambiguous_data", "high_value"]


def test_all_signals_of_one_detector_are_kept() -> None:
    """R53: a model may name several."""
    odd = OddDetector(lambda s: [signal("a"), signal("b")])
    assert codes(odd, complaint("ticket"), ticket="Unacceptable") == ["a", "b", "complaint"]


def test_a_reason_reads_as_a_sentence() -> None:
    """R11: for somebody who never saw the code (R30)."""
    [reason] = judged(amount=900).judgement.reasons
    assert reason.text == "High value: the amount 900.00 is 500.00 or more."


def test_the_facts_keep_what_gave_it_away() -> None:
    """R43, R69: name, words and whether a model said so."""
    facts = judged(ticket="Unacceptable").judgement.facts
    assert facts == {
        "signals": [{"name": "complaint", "text": "the text says 'Unacceptable'", "by_model": False}]
    }


def broken(state: Any) -> Any:
    raise ValueError("Where is it?")


def lazily_broken(state: Any) -> Iterator[Signal]:
    yield signal("first")
    raise ValueError("later")


def recurse(state: Any) -> Any:
    return recurse(state)


ODD: list[tuple[str, Callable[[Any], Any]]] = [
    ("raises", broken),
    ("raises while it is read", lazily_broken),
    ("gives None", lambda s: None),
    ("gives a number", lambda s: 7),
    ("gives True", lambda s: True),
    ("gives texts", lambda s: ["complaint"]),
    ("gives a text", lambda s: "complaint"),
    ("gives dicts", lambda s: [{"name": "x"}]),
    ("gives None among them", lambda s: [signal("x"), None]),
    ("gives a signal without a name", lambda s: [signal("")]),
    ("gives a signal whose name is no text", lambda s: [Signal(None, "x")]),
    ("gives a signal whose text is none", lambda s: [Signal("x", None)]),
    ("recurses", recurse),
]


@pytest.mark.parametrize(("what", "detect"), ODD, ids=[o[0] for o in ODD])
def test_a_detector_that_fails_asks(what: str, detect: Callable[[Any], Any]) -> None:
    """R2, R53: an error never lets a case through, and never stops it either."""
    assert "detector_failed" in codes(OddDetector(detect))


def test_a_failing_detector_is_named() -> None:
    """R69: the context of the failure is there."""
    [reason] = judged(OddDetector(broken)).judgement.reasons
    assert "odd failed with ValueError" in reason.text


def test_the_words_of_an_error_are_not_shown() -> None:
    """R64: an error's text may hold a key or a customer's data."""
    [reason] = judged(OddDetector(broken)).judgement.reasons
    assert "Where is it?" not in reason.text


def test_a_failing_detector_does_not_hide_the_others() -> None:
    """R53: what the others found is kept beside it."""
    assert codes(OddDetector(broken), complaint("ticket"), ticket="Unacceptable") == [
        "detector_failed",
        "complaint",
    ]


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\x1b[31mred"], ids=repr)
def test_a_signal_that_cannot_be_stored_is_shown_visibly(text: str) -> None:
    """R2: the customer's odd character does not lose the case."""
    verdict = judged(RuleDetector("odd", lambda s: text))
    assert "⟨U+" in verdict.judgement.reasons[0].text


@pytest.mark.parametrize(
    "answer",
    ["sorry, I cannot", '{"weather": "x"}', "[" * 100_000, RuntimeError("429")],
    ids=["a sentence", "an unknown name", "too deep to read", "an error"],
)
def test_a_model_that_fails_asks(answer: Any) -> None:
    """R2, R53: unreadable or unreachable."""
    assert isinstance(judged(ModelDetector("judge", FakeModel(answer), "ticket", {"legal": "law"})), Ask)


hostile = st.text() | st.none() | st.lists(st.text(), max_size=2)


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_no_answer_of_a_model_stops_the_gate(answer: Any) -> None:
    """R2: whatever it says, there is a verdict, and its facts are plain JSON."""

    class Says:
        content = answer

        def invoke(self, prompt: str) -> Any:
            return self

    verdict = judged(ModelDetector("judge", Says(), "ticket", {"legal": "law"}))
    assert plain_json(verdict.judgement.facts, "facts") == verdict.judgement.facts


@pytest.mark.parametrize(
    ("detectors", "collects"),
    [
        (ALL, False),
        ([ModelDetector("m", FakeModel("{}"), "ticket", {})], True),
        ([*ALL, ModelDetector("m", FakeModel("{}"), "ticket", {})], True),
        ([RuleDetector("r", lambda s: None, repeatable=False)], True),
    ],
)
def test_a_gate_collects_when_one_of_its_detectors_may_change_its_mind(
    detectors: list[Any], collects: bool
) -> None:
    """I4: only then is there something to keep."""
    assert escalation_gate(detectors=detectors).collects is collects


def test_collecting_asynchronously_finds_the_same() -> None:
    """R53: async graphs judge as sync ones."""
    gate = escalation_gate(
        detectors=[*ALL, ModelDetector("m", FakeModel('{"legal": "x"}'), "ticket", {"legal": "law"})]
    )
    state = {**CALM, "amount": 900}
    assert asyncio.run(gate.acollect(state)) == gate.collect(state)


def test_what_was_collected_decides_and_not_what_a_model_would_say_now() -> None:
    """I4: the judgement rests on the kept signals."""
    model = FakeModel('{"legal": "x"}', "{}")
    gate = escalation_gate(detectors=[ModelDetector("m", model, "ticket", {"legal": "law"})])
    kept = gate.collect(CALM)
    assert isinstance(gate.judge(CALM, kept), Ask) and isinstance(gate.judge(CALM, kept), Ask)
    assert len(model.prompts) == 1


def edited(digest: str) -> dict[str, Any]:
    """The record of an edit that made another act of it."""
    return {"gate": "exceptions", "outcome": "judged_again", "final_digest": digest}


def test_an_act_that_an_edit_made_is_asked_about_though_nothing_is_odd() -> None:
    """I12: nobody has seen it yet as it is now."""
    digest = proposal_digest("send_email", EMAIL)
    assert codes(reviews=[edited(digest)]) == ["another_act", "no_exception"]


def test_another_proposal_after_such_an_edit_passes() -> None:
    """I12: the person's edit is no longer what stands there."""
    assert isinstance(judged(reviews=[edited("sha256:other")]), Proceed)
