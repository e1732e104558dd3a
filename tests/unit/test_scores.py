"""Where a confidence comes from, and that what cannot be read is never confident (R14, R52)."""

from __future__ import annotations

import decimal
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from hitl_graph.gates import Agreement, TokenLogprobs
from hitl_graph.gates.scores import usable
from tests.unit.factories import chat_message

SURE = math.log(0.98)


def p(value: float) -> float:
    """The logprob of a probability."""
    return math.log(value)


def score(message: Any, label: Any = "refund") -> float | None:
    """The probability that the message gives its label."""
    return TokenLogprobs("answer", "label").score({"answer": message, "label": label})


# Token logprobs

TOKENS: list[tuple[str, list[tuple[str, float]], str, float]] = [
    ("one token", [("refund", p(0.8))], "refund", 0.8),
    ("split over tokens", [("ref", p(0.9)), ("und", p(0.5))], "refund", 0.45),
    ("split over three", [("card", p(0.9)), ("_", p(0.9)), ("arrival", p(0.5))], "card_arrival", 0.405),
    ("a leading space", [(" refund", p(0.7))], "refund", 0.7),
    ("a leading space, split", [(" ref", p(0.7)), ("und", p(0.5))], "refund", 0.35),
    ("a token around it", [('"refund"', p(0.6))], "refund", 0.6),
    ("a quote in the same token", [('{"label": "ref', p(0.6)), ('und"}', p(0.5))], "refund", 0.3),
    ("text before it", [("Category", p(0.1)), (":", p(0.2)), (" refund", p(0.9))], "refund", 0.9),
    ("text after it", [("refund", p(0.9)), (".", p(0.1)), (" Bye", p(0.1))], "refund", 0.9),
    (
        "structured output",
        [('{"', p(0.99)), ("label", p(0.5)), ('":"', p(0.99)), ("refund", p(0.7)), ('"}', p(0.4))],
        "refund",
        0.7,
    ),
    ("a label of two words", [("lost", p(0.9)), (" card", p(0.5))], "lost card", 0.45),
    ("a label in Greek", [("επι", p(0.5)), ("στροφή", p(0.5))], "επιστροφή", 0.25),
    ("a certain one", [("refund", 0.0)], "refund", 1.0),
    ("an impossible one", [("refund", -math.inf)], "refund", 0.0),
    ("OpenAI's word for impossible", [("refund", -9999.0)], "refund", 0.0),
]


@pytest.mark.parametrize(("what", "tokens", "label", "expected"), TOKENS, ids=[t[0] for t in TOKENS])
def test_only_the_labels_tokens_count(
    what: str, tokens: list[tuple[str, float]], label: str, expected: float
) -> None:
    """R52: p(label) is the product over its own tokens, however the answer is put."""
    assert score(chat_message(*tokens), label) == pytest.approx(expected)


TWICE = [
    (
        "sure in the rationale",
        [('{"label":"', SURE), ("refund", p(0.3)), ('","why":"a ', SURE), ("refund", p(0.99)), ('"}', SURE)],
    ),
    ("sure in the answer", [("Is it a ", SURE), ("refund", p(0.3)), ("? Yes: ", SURE), ("refund", p(0.99))]),
]


@pytest.mark.parametrize(("what", "tokens"), TWICE, ids=[t[0] for t in TWICE])
def test_of_two_mentions_the_less_sure_one_counts(what: str, tokens: list[tuple[str, float]]) -> None:
    """R52: a label that is repeated with ease does not make the answer sure: it fails closed."""
    assert score(chat_message(*tokens)) == pytest.approx(0.3)


@pytest.mark.parametrize("label", ["card", "Refund", "refunds", "", None])
def test_a_label_that_is_not_in_the_answer_has_no_score(label: object) -> None:
    """R52: a message about something else says nothing about this label."""
    assert score(chat_message(("refund", SURE)), label) is None


@pytest.mark.parametrize("answer", ["card_arrival", "no refund", '{"other": 1}'])
def test_a_state_without_a_label_has_no_score(answer: str) -> None:
    """R52: what was not set is not confident."""
    assert TokenLogprobs("answer", "label").score({"answer": chat_message((answer, SURE))}) is None


BROKEN: list[Any] = [
    None,
    "refund",
    7,
    {},
    AIMessage("refund"),
    *(
        AIMessage("refund", response_metadata=metadata)
        for metadata in (
            {"logprobs": None},
            {"logprobs": []},
            {"logprobs": [1]},
            {"logprobs": "refund"},
            {"logprobs": {}},
            {"logprobs": {"content": None}},
            {"logprobs": {"content": []}},
            {"logprobs": {"content": "refund"}},
            {"logprobs": {"content": [None]}},
            {"logprobs": {"content": ["refund"]}},
            {"logprobs": {"content": [{"token": "refund"}]}},
            {"logprobs": {"content": [{"logprob": -0.1}]}},
            {"logprobs": {"content": [{"token": "refund", "logprob": None}]}},
            {"logprobs": {"content": [{"token": "refund", "logprob": "high"}]}},
        )
    ),
]


@pytest.mark.parametrize("message", BROKEN, ids=lambda m: repr(getattr(m, "response_metadata", m)))
def test_a_message_without_readable_logprobs_has_no_score(message: Any) -> None:
    """R2, R52: no logprobs, another provider's shape, half an entry: asked about, and no crash."""
    assert score(message) is None


@pytest.mark.parametrize("logprob", [math.nan, math.inf, 0.02, 0.9, 1, "NaN", True], ids=repr)
def test_what_is_no_logarithm_of_a_probability_is_no_score(logprob: Any) -> None:
    """NaN after an overflow, or a plain probability: it cannot be read, and so a person is asked."""
    message = AIMessage(
        "refund",
        response_metadata={
            "logprobs": {"content": [{"token": "refund", "logprob": logprob}]},
            "finish_reason": "stop",
        },
    )
    assert score(message) is None


def test_rounding_above_zero_is_certain() -> None:
    """A server's arithmetic may end a hair above 0."""
    assert score(chat_message(("refund", 1e-7))) == 1.0


@pytest.mark.parametrize("answer", ["not_refund", "refundable", "refund2", "prerefund"])
def test_a_longer_word_is_another_label(answer: str) -> None:
    """What holds the label inside another word does not name it."""
    assert score(chat_message((answer, SURE))) is None


@pytest.mark.parametrize("nothing", ["", "  ", None, {"label": ""}], ids=repr)
def test_answers_that_say_nothing_do_not_agree(nothing: Any) -> None:
    """Refused, cut and filtered answers come as empty text: they are all the same, and prove nothing."""
    agreement = Agreement("samples", "label")
    state = {"samples": [nothing] * 4, "label": nothing}
    assert agreement.score(state) is None and "nothing was proposed" in agreement.missing(state)


def test_the_message_may_be_its_json() -> None:
    """R52: in a state of plain JSON the message is a dict."""
    message = json.loads(chat_message(("refund", p(0.8))).model_dump_json())
    assert score(message) == pytest.approx(0.8)


def test_message_and_label_may_stand_deeper_in_the_state() -> None:
    """Paths are dotted."""
    state = {"triage": {"answer": chat_message(("refund", p(0.8))), "result": {"label": "refund"}}}
    assert TokenLogprobs("triage.answer", "triage.result.label").score(state) == pytest.approx(0.8)


pieces = st.lists(st.tuples(st.text("abc", min_size=1, max_size=3), st.floats(-5, 0)), min_size=1, max_size=6)


@settings(deadline=None)
@given(before=pieces, label=pieces, after=pieces)
def test_the_score_is_a_share_whatever_stands_around_the_label(before: Any, label: Any, after: Any) -> None:
    """R52: at most what the label's own tokens give, and never out of 0 to 1."""
    frame = ("|", -1.0)
    name = "".join(token for token, _ in label)
    found = score(chat_message(*before, frame, *label, frame, *after), name)
    assert found is not None and 0 <= found <= math.exp(sum(lp for _, lp in label)) + 1e-9


# Agreement among samples

EQUAL: list[tuple[str, Any, list[Any], float | None]] = [
    ("all agree", "a", ["a", "a", "a"], 1.0),
    ("two of three", "a", ["a", "b", "a"], 2 / 3),
    ("none", "a", ["b", "c"], 0.0),
    ("objects, whatever the order of keys", {"x": 1, "y": 2}, [{"y": 2, "x": 1}, {"x": 1, "y": 3}], 0.5),
    ("lists", ["a"], [["a"], ["a", "b"]], 0.5),
    ("text is no number", "1", [1, 1], 0.0),
    ("true is no number", 1, [True, True], 0.0),
    ("one whole is one", 1, [1.0, 2], 0.5),
    ("the plural vote for something else", "b", ["a", "a", "b"], 1 / 3),
]


@pytest.mark.parametrize(("what", "proposal", "samples", "share"), EQUAL, ids=[e[0] for e in EQUAL])
def test_agreement_is_the_share_that_says_the_same(
    what: str, proposal: Any, samples: list[Any], share: float
) -> None:
    """R52: self-consistency, on the proposal itself and not on the most frequent answer."""
    assert Agreement("samples", "label").score({"samples": samples, "label": proposal}) == pytest.approx(
        share
    )


@pytest.mark.parametrize("samples", [None, [], ["a"], "aa", 7, {"a": 1, "b": 2}])
def test_fewer_than_two_samples_agree_about_nothing(samples: Any) -> None:
    """R52: one sample always agrees with itself."""
    assert Agreement("samples", "label").score({"samples": samples, "label": "a"}) is None


@pytest.mark.parametrize("samples", [["a", object()], ["a", float("nan")], ["a", "\x00"]])
def test_samples_that_cannot_be_compared_are_no_agreement(samples: Any) -> None:
    """R2, R52: a broken sample asks, and does not stop the graph."""
    found = Agreement("samples", "label").score({"samples": samples, "label": "a"})
    assert found is None or found <= 0.5


# What is usable


@pytest.mark.parametrize(("given", "kept"), [(0, 0.0), (1, 1.0), (0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_a_share_is_usable(given: object, kept: float) -> None:
    """R14: 0 and 1 included."""
    assert usable(given) == kept


@pytest.mark.parametrize(
    "odd",
    [
        None,
        True,
        False,
        "0.9",
        -0.01,
        1.01,
        90,
        math.nan,
        math.inf,
        [0.9],
        decimal.Decimal("0.9"),
        1j,
        ...,
    ],
    ids=repr,
)
def test_everything_else_is_no_score(odd: object) -> None:
    """R14: a percentage, a text and a bool are not confident."""
    assert usable(odd) is None
