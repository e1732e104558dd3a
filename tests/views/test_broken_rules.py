"""Which rule of several is spoken of, which patterns are put into words, and that no text breaks or stops a page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph.schemas import PROBLEMS, fault, join
from hitl_graph.views.field_words import field_words
from hitl_graph.views.log import in_words
from hitl_graph.views.nested import nested
from hitl_graph.views.pattern_words import pattern_words
from hitl_graph.views.reading import form_over
from hitl_graph.views.refusals import logged_words, rule_words
from hitl_graph.views.said_words import answer_words, said_words

STANDS = form_over(
    {"m": {"a": [1, {"b": "x"}]}}, {"properties": {"m": {"additionalProperties": {"type": "array"}}}}
)
LONG = (
    "1" * 5_000,
    "a." * 8_000,
    "[0]" * 8_000,
    '["' * 8_000,
    "'" * 9_000,
    "[" * 90_000,
    "a: " * 9_000,
    "\u0661" * 9,
)


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ({"allOf": [{"minimum": 1}, {"minimum": 5}]}, 3, "“Due day” must be 5 or more."),
        (
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "minimum": 5}]},
            3,
            "“Due day” must be 5 or more.",
        ),
        ({"enum": ["a", "b"], "allOf": [{"enum": ["a"]}]}, "b", "Choose one of these for “Due day”: a."),
        (
            {"allOf": [{"pattern": "^[A-Z0-9]+$"}, {"pattern": "^[A-Z]{2}[0-9]$"}]},
            "ABC",
            "“Due day” has to be 2 capital letters, then 1 digit, such as AB1.",
        ),
    ],
)
def test_of_several_rules_the_one_that_was_broken_is_said(
    schema: dict[str, Any], value: Any, words: str
) -> None:
    whole = {"properties": {"due_day": schema}}
    found = fault({"due_day": value}, whole)
    assert found is not None
    assert field_words(join("changes", found[0]), found[1], form_over({"due_day": value}, whole)) == words


@pytest.mark.parametrize(
    "pattern",
    [
        "((.+)+)+x$",
        r"^(\w+[ :/.@-]?)+$",
        "^[0-9]{99999999999}$",
        "^[0-9]{999999999}$",
        ".*.*.*.*.*=.*",
        r"^(a+)\1$",
    ],
)
def test_a_pattern_that_could_take_for_ever_is_not_tried(pattern: str) -> None:
    assert pattern_words(pattern) == ("", "")


@pytest.mark.parametrize("name", LONG, ids=range(len(LONG)))
def test_a_name_of_any_length_breaks_and_stops_nothing(name: str) -> None:
    """An agent, or an edit, may call its fields whatever it likes: the queue and the log show what became of it."""
    field, problem = f"changes.m.{name}", f"should be {name}"
    for form in (STANDS, None):
        assert len(field_words(field, problem, form)) < 6_000
        assert answer_words(f"review of gate '{name}': {field}: {problem}", form)
        assert answer_words(f"review of gate 'gate': {field}: {problem}", form)
    assert len(said_words(field, problem)) < 9_000
    assert logged_words(f"review of gate 'gate': {field}: {problem}")
    assert logged_words(f"review {name}: {field}: {problem}")
    assert rule_words(name, problem)


NAMES = st.text(st.sampled_from("ab1.[]\"'\\ \n\u0661_-:{}"), max_size=40)
TEXTS = st.one_of(
    NAMES, st.text(max_size=40), st.builds(str.format, st.sampled_from(sorted(PROBLEMS.values())), NAMES)
)


@given(NAMES, TEXTS)
def test_no_field_and_no_problem_breaks_the_words(name: str, problem: str) -> None:
    field = f"changes{name}"
    for form in (STANDS, None):
        assert field_words(field, problem, form)
        answer_words(f"review of gate 'gate': {field}: {problem}", form)
    said_words(field, problem)
    logged_words(problem)
    rule_words(name, problem)


@pytest.mark.parametrize(
    ("field", "problem", "words"),
    [
        (
            "to",
            "'jo_ann' is nobody who could decide: see desk.people",
            "“jo_ann” is nobody who could decide this",
        ),
        ("to", "nobody who could decide is in the group 'tier_2'", "in the group “tier_2”"),
        ("option", "is none of the options: choose pay_now, wait", "Choose one of these: pay_now, wait."),
        ("reason", "'off_key' is unknown: name one of wrong_tone", "“off_key” is none of those known here"),
    ],
)
def test_what_somebody_typed_and_what_others_named_is_said_as_it_is(
    field: str, problem: str, words: str
) -> None:
    assert words in said_words(field, problem)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            "decimal input should have no more than 3 digits before the decimal point",
            "“Due day” may have at most 3 digits before the point.",
        ),
        (
            "input should not have timezone info",
            "“Due day” has to be a day and a time of day, without a time zone, such as 2026-03-14T09:30:00.",
        ),
        ("assertion failed, ", "“Due day” cannot be taken as it is."),
    ],
)
def test_what_only_pydantic_refuses_is_said_as_it_is_meant(problem: str, words: str) -> None:
    assert field_words("changes.due_day", problem) == words


def test_lengths_of_time_are_the_logs_own_and_no_field_of_somebodys() -> None:
    said = in_words(nested({"undo_s": 120, "decision": {"changes": {"rooms_s": 120}}}))
    [(undo, seconds), (_, decision)] = said.items
    [(_, changes)] = decision.items
    [(rooms, number)] = changes.items
    assert (undo, seconds.text) == ("Undo", "2 min")
    assert (rooms, number.text) == ("Rooms s", "120")
