"""Text is turned into what the schema wants, and kept where there is doubt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph.answers import check_decision, same_json
from hitl_graph.coercion import coerce
from hitl_graph.decisions import Edit
from hitl_graph.schemas import fault
from tests.unit.answer_reviews import ANY, JSON_VALUES, refusal, review

NULLABLE_INT = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
TREE: dict[str, Any] = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "n": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["n"],
        }
    },
    "$ref": "#/$defs/Node",
}
COERCED: dict[str, tuple[Any, Any, Any]] = {
    "integer": ("3", {"type": "integer"}, 3),
    "negative": ("-3", {"type": "integer"}, -3),
    "integer with blanks": (" 3 ", {"type": "integer"}, 3),
    "integer as a float": ("3.0", {"type": "integer"}, 3),
    "integer too large to be kept": ("9007199254740992.0", {"type": "integer"}, 9007199254740992.0),
    "number": ("3.5", {"type": "number"}, 3.5),
    "true": ("true", {"type": "boolean"}, True),
    "True": ("True", {"type": "boolean"}, True),
    "false": ("false", {"type": "boolean"}, False),
    "null": ("null", NULLABLE_INT, None),
    "integer or null": ("3", NULLABLE_INT, 3),
    "oneOf": ("3", {"oneOf": [{"type": "integer"}, {"type": "null"}]}, 3),
    "list of types": ("3", {"type": ["integer", "null"]}, 3),
    "nullable": ("null", {"type": "integer", "nullable": True}, None),
    "enum of numbers": ("2", {"enum": [1, 2, 3]}, 2),
    "const": ("2", {"const": 2}, 2),
    "list": ('["a"]', {"type": "array"}, ["a"]),
    "list of text of numbers": (["1", 2], {"type": "array", "items": {"type": "integer"}}, [1, 2]),
    "list as text of text of numbers": ('["1"]', {"type": "array", "items": {"type": "integer"}}, [1]),
    "pair": (
        ["1", "1"],
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
        [1, "1"],
    ),
    "object": ('{"a": 1}', {"type": "object"}, {"a": 1}),
    "nested object": (
        {"n": "1", "next": {"n": "2", "next": "null"}},
        TREE,
        {"n": 1, "next": {"n": 2, "next": None}},
    ),
    "object as text": ('{"n": "1"}', TREE, {"n": 1}),
    "allOf": ("3", {"allOf": [{"type": "integer"}, {"minimum": 1}]}, 3),
    "fields of allOf": (
        {"a": "1", "b": "2"},
        {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "integer"}}}]},
        {"a": 1, "b": 2},
    ),
    "told apart by a constant": (
        {"kind": "b", "v": "1"},
        {
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "v": {"type": "string"}}, "required": ["kind"]},
                {"properties": {"kind": {"const": "b"}, "v": {"type": "integer"}}, "required": ["kind"]},
            ]
        },
        {"kind": "b", "v": 1},
    ),
    "pattern property": ({"x1": "1"}, {"patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1}),
    "additional property": ({"a": "1"}, {"additionalProperties": {"type": "integer"}}, {"a": 1}),
    "out of range, still a number": ("500", {"type": "integer", "maximum": 100}, 500),
}
KEPT: dict[str, tuple[Any, Any]] = {
    "text where text is fine": ("3", {"type": "string"}),
    "text where text is one of several": ("3", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    "text where anything goes": ("3", {}),
    "text where true": ("3", True),
    "enum with a text in it": ("2", {"enum": [1, 2, "2"]}),
    "null where text is fine": ("null", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "null where null is not": ("null", {"type": "integer"}),
    "a number is never made text": (3, {"type": "string"}),
    "a bool is never made text": (True, {"type": "string"}),
    "a list is never made text": (["a"], {"type": "string"}),
    "half a number": ("3.5", {"type": "integer"}),
    "words": ("three", {"type": "integer"}),
    "yes is no bool": ("yes", {"type": "boolean"}),
    "1 is no bool": ("1", {"type": "boolean"}),
    "empty": ("", {"type": "integer"}),
    "NaN": ("NaN", {"type": "number"}),
    "infinity": ("Infinity", {"type": "number"}),
    "a number too large for a float": ("1e999", {"type": "number"}),
    "a number of many digits": ("9" * 5000, {"type": "integer"}),
    "one key twice": ('{"a": 1, "a": 2}', {"type": "object"}),
    "deep text": ("[" * 100_000, {"type": "array"}),
    "text of text": ('"3"', {"type": "integer"}),
    "too short a text where text is fine": (
        "3",
        {"anyOf": [{"type": "string", "minLength": 5}, {"type": "integer"}]},
    ),
    "valid in another form": (
        {"v": "1"},
        {"anyOf": [{"properties": {"v": {"type": "integer"}}}, {"properties": {"v": {"type": "string"}}}]},
    ),
    "alternatives that fit two ways": (
        {"v": "1"},
        {
            "anyOf": [
                {"properties": {"v": {"type": "integer"}}, "required": ["a"]},
                {"properties": {"v": {"type": "string"}}, "required": ["b"]},
            ]
        },
    ),
}


@pytest.mark.parametrize(("value", "schema", "wanted"), COERCED.values(), ids=COERCED.keys())
def test_text_is_turned_into_what_the_schema_wants(value: Any, schema: Any, wanted: Any) -> None:
    """Forms send text; the schema says what it was meant to be."""
    assert same_json(coerce(value, schema), wanted)


@pytest.mark.parametrize(("value", "schema"), KEPT.values(), ids=KEPT.keys())
def test_a_value_is_kept_where_the_schema_leaves_doubt(value: Any, schema: Any) -> None:
    """Nothing is turned where text is fine, where it cannot be read, or the other way round."""
    assert coerce(value, schema) == value and type(coerce(value, schema)) is type(value)


def test_coercion_of_nested_alternatives_ends() -> None:
    """Alternatives that hold alternatives double at each level; the work is bounded all the same."""
    schema: dict[str, Any] = {
        "$defs": {
            "A": {"type": "object", "properties": {"x": {"$ref": "#/$defs/Any"}, "a": {"type": "integer"}}},
            "B": {"type": "object", "properties": {"x": {"$ref": "#/$defs/Any"}, "b": {"type": "integer"}}},
            "Any": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]},
        },
        "$ref": "#/$defs/Any",
    }
    value: Any = {"a": "no number", "b": "no number"}
    for _ in range(8):
        value = {"x": value, "a": "1", "b": "no number"}
    assert fault(coerce(value, schema), schema) is not None


def test_a_number_coerced_beyond_2_to_the_53_is_refused() -> None:
    """What is harmless as text must not become a number that a browser rounds."""
    assert refusal(review(), Edit({"amount": "9007199254740993"})).field.startswith("changes")


def test_coerced_edits_come_back_in_the_decision() -> None:
    """The decision that is kept has the types of the proposal, and keeps its grounds."""
    decided = check_decision(
        review(), Edit({"amount": "41", "urgent": "true", "due": "2026-01-31"}, reason="sum")
    )
    assert decided == Edit({"amount": 41, "urgent": True, "due": "2026-01-31"}, reason="sum")


SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {},
            True,
            {"type": "integer"},
            {"type": "number"},
            {"type": "string"},
            {"type": "boolean"},
            {"type": "null"},
            {"enum": [1, 2, None]},
            {"enum": ["a", 1]},
            {"const": False},
            {"type": ["integer", "null"]},
            {"type": "integer", "nullable": True},
        ]
    ),
    lambda inner: (
        st.builds(lambda i: {"type": "array", "items": i}, inner)
        | st.builds(lambda a, b: {"type": "object", "properties": {"a": a, "b": b}}, inner, inner)
        | st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner)
        | st.builds(lambda a, b: {"oneOf": [a, b]}, inner, inner)
        | st.builds(lambda a: {"allOf": [a]}, inner)
    ),
    max_leaves=6,
)


@ANY
@given(value=JSON_VALUES, schema=SCHEMAS)
def test_coercion_never_changes_what_is_valid(value: Any, schema: Any) -> None:
    """A value that satisfies the schema comes back the same."""
    if fault(value, schema) is None:
        assert same_json(coerce(value, schema), value)


@ANY
@given(value=JSON_VALUES, schema=SCHEMAS)
def test_coercion_twice_is_coercion_once(value: Any, schema: Any) -> None:
    """The desk coerces, and the gate coerces again: the second time changes nothing."""
    once = coerce(value, schema)
    assert same_json(coerce(once, schema), once)


@ANY
@given(value=JSON_VALUES, schema=SCHEMAS)
def test_what_a_form_prints_is_read_back(value: Any, schema: Any) -> None:
    """A valid value that a form has turned into text comes back, wherever the schema takes no text."""
    text = json.dumps(value)
    if not isinstance(value, str) and fault(value, schema) is None:
        found = coerce(text, schema)
        assert found == text if isinstance(found, str) else same_json(found, value)
