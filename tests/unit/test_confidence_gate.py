"""The confidence gate: bars by act and segment, and where the score comes from (R14, R16, R52)."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from hitl_graph.errors import DefinitionError
from hitl_graph.gates import (
    Agreement,
    ConfidenceGate,
    Judgement,
    Thresholds,
    TokenLogprobs,
)
from tests.unit.factories import CHOICES, SEND, TAG, chat_message, confidence_gate
from tests.unit.judging import BARS, STATE, code, judged

# The bar


@pytest.mark.parametrize(
    ("segment", "score", "outcome"),
    [
        ("refund", 0.95, "proceed"),
        ("refund", 0.9, "proceed"),
        ("refund", math.nextafter(0.9, 0), "ask"),
        ("refund", 0.65, "ask"),
        ("card", 0.65, "proceed"),
        ("card", 0.59, "ask"),
        ("card", 0, "ask"),
        ("card", 1, "proceed"),
    ],
)
def test_each_segment_has_its_own_bar(segment: str, score: float, outcome: str) -> None:
    """R14, R16: the same score passes in one segment and is asked about in another; the bar itself passes."""
    assert judged(segment=segment, score=score).outcome == outcome


def test_each_action_class_has_its_own_bar() -> None:
    """R16: the same content at the same score is tagged alone and not sent alone."""
    thresholds = Thresholds(BARS)
    tag = judged(confidence_gate(thresholds=thresholds))
    send = judged(confidence_gate(thresholds=thresholds, action=SEND))
    assert (tag.outcome, send.outcome) == ("proceed", "ask")


@pytest.mark.parametrize("segment", ["card", "", None, "Refund", "*"])
def test_a_segment_without_a_bar_is_asked_about(segment: str | None) -> None:
    """R14: nothing passes because somebody forgot it."""
    gate = confidence_gate(thresholds=Thresholds({TAG.name: {"refund": 0.1}}))
    assert code(gate, segment=segment, score=1.0) == "no_threshold"


@pytest.mark.parametrize("score", [None, "0.99", math.nan, 1.5, -1, True, [0.99], {"p": 0.99}])
def test_a_score_that_cannot_be_read_is_asked_about(score: object) -> None:
    """R14: nothing passes because a model answered nonsense."""
    assert code(score=score) == "no_score"


def test_a_missing_score_is_asked_about() -> None:
    """R14: also when the key is not in the state."""
    assert code(confidence_gate(score="nowhere")) == "no_score"


def test_a_bar_of_zero_still_wants_a_score() -> None:
    """R14: no score is not a score of zero."""
    gate = confidence_gate(thresholds=Thresholds({TAG.name: {"*": 0}}))
    assert (code(gate, score=0), code(gate, score=None)) == ("confident", "no_score")


def test_the_segment_may_be_worked_out() -> None:
    """R16, R42: such as by amount."""
    gate = confidence_gate(segment=lambda s: "refund" if "money" in s["ticket"] else "card")
    assert judged(gate, score=0.65).facts["segment"] == "refund"


def test_a_segment_that_is_no_text_has_the_bar_of_its_text() -> None:
    """R16: a number of a tier is a name."""
    gate = confidence_gate(thresholds=Thresholds({TAG.name: {"3": 0.5}}))
    assert judged(gate, segment=3).outcome == "proceed"


def test_the_facts_say_what_the_judgement_rests_on() -> None:
    """R43: which boundary allowed it, on what evidence."""
    assert judged(score=0.95).facts == {
        "score": 0.95,
        "threshold": 0.9,
        "segment": "refund",
        "propensity": 0,
        "sampled": False,
    }


def test_a_reason_to_ask_names_score_bar_and_segment() -> None:
    """R11: why it paused, in numbers."""
    [reason] = judged(score=0.65).reasons
    assert all(word in reason.text for word in ("0.65", "0.90", "refund"))


def test_a_reason_is_given_when_it_lets_pass() -> None:
    """R43: automatic decisions are explained as well."""
    assert code() == "confident"


def test_what_passes_has_an_owner() -> None:
    """R79: the policy's owner answers for what passes alone."""
    assert judged().owner == "support-leads"


# Thresholds


def test_a_value_that_is_none_of_the_options_is_asked_about() -> None:
    """However sure the score is: the model has named what nobody offered."""
    gate = confidence_gate(kind="choose", options=CHOICES, option_field="value", allowed=None)
    assert judged(gate, label="weather", score=1.0).reasons[0].code == "no_option"
    assert judged(gate, label="refund", score=1.0).outcome == "proceed"


@pytest.mark.parametrize(
    "bars", [0.8, None, {}, [], "0.8", {TAG.name: 0.8}, {TAG.name: {}}, {TAG.name: [0.8]}]
)
def test_one_number_for_all_is_no_table(bars: Any) -> None:
    """R14: a table needs at least one segment for each act."""
    with pytest.raises(DefinitionError, match=r"one number for all|no table by segment"):
        Thresholds(bars)


@pytest.mark.parametrize("bar", [-0.1, 1.1, 90, math.nan, math.inf, True, "0.9", None])
def test_a_bar_is_a_share(bar: Any) -> None:
    """R14: the error names act and segment."""
    with pytest.raises(DefinitionError) as caught:
        Thresholds({TAG.name: {"refund": bar}})
    assert caught.value.field == f"{TAG.name}.refund"


def test_a_star_stands_for_segments_and_not_for_acts() -> None:
    """R16: a bar for all acts would be one number for all again."""
    with pytest.raises(DefinitionError) as caught:
        Thresholds({"*": {"*": 0.9}})
    assert caught.value.field == "*"


def test_a_named_segment_wins_over_the_star() -> None:
    """R16: also when its bar is lower."""
    thresholds = Thresholds({TAG.name: {"card": 0.1, "*": 0.9}})
    assert (thresholds.bar(TAG.name, "card"), thresholds.bar(TAG.name, "x")) == (0.1, 0.9)


def test_another_act_has_no_bar() -> None:
    """R16: a star of one act says nothing about another."""
    assert Thresholds({TAG.name: {"*": 0.9}}).bar(SEND.name, "card") is None


def test_the_table_cannot_be_changed_from_outside() -> None:
    """R49: a bar changes by a new policy, not by the way."""
    bars = {TAG.name: {"*": 0.9}}
    thresholds = Thresholds(bars)
    bars[TAG.name]["*"] = 0.0
    thresholds.table()[TAG.name]["*"] = 0.0
    assert thresholds.bar(TAG.name, "x") == 0.9


# Where the score comes from


def test_a_score_may_come_from_a_function() -> None:
    """R52: any function of the state."""
    assert judged(confidence_gate(score=lambda s: len(s["ticket"]) / 100)).facts["score"] == 0.18


def test_a_score_may_come_from_an_async_function() -> None:
    """R52: in async graphs it is awaited."""

    async def score(state: Any) -> float:
        return 0.97

    gate = confidence_gate(score=score)
    assert judged_with(gate, asyncio.run(gate.acollect(STATE))).facts["score"] == 0.97


def judged_with(gate: ConfidenceGate, signals: dict[str, Any]) -> Judgement:
    """The judgement on signals that were collected before."""
    return gate.judge(STATE, signals).judgement


def test_an_async_score_in_a_sync_graph_says_what_to_do() -> None:
    """R52: an awaitable is never taken for a score."""

    async def score(state: Any) -> float:
        return 1.0

    with pytest.raises(DefinitionError, match="ainvoke"):
        confidence_gate(score=score).collect(STATE)


def test_a_score_may_come_from_the_tokens_of_the_answer() -> None:
    """R52: p(label) of a ChatOpenAI message in the state."""
    gate = confidence_gate(score=TokenLogprobs("answer", "label"))
    message = chat_message((" ref", math.log(0.5)), ("und", math.log(0.5)))
    assert judged(gate, answer=message).facts["score"] == pytest.approx(0.25)


def test_a_score_may_come_from_samples() -> None:
    """R52: the share that agrees with the proposal."""
    gate = confidence_gate(score=Agreement("samples", "label"))
    assert judged(gate, samples=["refund", "refund", "card", "refund"]).facts["score"] == 0.75


def test_a_score_may_stand_deeper_in_the_state() -> None:
    """R52: a dotted key."""
    assert judged(confidence_gate(score="triage.p"), triage={"p": 0.93}).facts["score"] == 0.93


@pytest.mark.parametrize(
    ("score", "collects"),
    [("score", False), (TokenLogprobs("a", "b"), False), (Agreement("a", "b"), False), (lambda s: 0.5, True)],
)
def test_only_a_function_has_to_be_measured_first(score: Any, collects: bool) -> None:
    """I4: what the state alone decides cannot flip on a replay."""
    assert confidence_gate(score=score).collects is collects


@pytest.mark.parametrize("score", [0.99, 0.1, None, "x"])
def test_what_was_collected_is_plain_json(score: Any) -> None:
    """The score is kept in the state."""
    assert confidence_gate(score=lambda s: score).collect(STATE) == {
        "score": score if isinstance(score, float) else None
    }
