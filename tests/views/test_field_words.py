"""What a reviewer reads beside a field: the rule that was broken, in words, for every rule that a form can meet."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hitl_graph.answers import check_decision
from hitl_graph.decisions import Edit
from hitl_graph.errors import AnswerError
from hitl_graph.schemas import PROBLEMS, fault, join
from hitl_graph.views.field_words import field_words
from hitl_graph.views.reading import edit_form, form_over
from tests.notebook.making import a_request

CODE = re.compile(
    r"\\|\^|\$|\[\^|\{\d|_|\bnull\b|\bstring\b|\binteger\b|\bboolean\b|\barray\b|\bobject\b|\bTrue\b|\bFalse\b|\bNone\b"
    r"|\bschema\b|\bpattern\b|\bJSON\b|\bformat\b|/\w+/|(?<!\w)'\w|changes[.\[]|value error|\bInput should\b|#/"
)
"""What only programmers read: regular expressions, types, pointers, `repr`, names with underscores."""

RULES: dict[str, tuple[dict[str, Any], Any, str]] = {
    "type": ({"type": "integer"}, "abc", "“Due day” has to be a whole number, such as 12."),
    "type: several": (
        {"type": ["number", "null"]},
        "a",
        "“Due day” has to be a number, such as 12.5, or be left empty.",
    ),
    "type: text": ({"type": "string"}, 5, "“Due day” has to be a text."),
    "type: boolean": ({"type": "boolean"}, "perhaps", "“Due day” has to be yes or no."),
    "type: null": ({"type": "null"}, 1, "“Due day” has to be left empty."),
    "type: list": ({"type": "array"}, 1, "“Due day” has to be a list."),
    "type: object": ({"type": "object"}, 1, "“Due day” has to be fields with values."),
    "type: said": (
        {"type": "integer", "description": "Days from today", "examples": [14]},
        "a",
        "“Due day” has to be a whole number, such as 14.",
    ),
    "enum": (
        {"enum": ["red", 5, None, True, ""]},
        "x",
        "Choose one of these for “Due day”: red, 5, (none), yes, (empty).",
    ),
    "const": ({"const": "EUR"}, "USD", "“Due day” can only be EUR."),
    "const: null": ({"const": None}, "USD", "“Due day” has to be left empty."),
    "minimum": ({"minimum": 1}, 0, "“Due day” must be 1 or more."),
    "maximum": ({"maximum": 2.5}, 3, "“Due day” must be 2.5 or less."),
    "exclusiveMinimum": ({"exclusiveMinimum": 0}, 0, "“Due day” must be more than 0."),
    "exclusiveMaximum": ({"exclusiveMaximum": 9}, 9, "“Due day” must be less than 9."),
    "multipleOf": ({"multipleOf": 5}, 3, "“Due day” has to be a multiple of 5."),
    "multipleOf: 1": ({"multipleOf": 1}, 1.5, "“Due day” has to be a whole number."),
    "multipleOf: cents": (
        {"multipleOf": 0.01},
        1.234,
        "“Due day” may have at most 2 digits after the point.",
    ),
    "minLength": ({"minLength": 3}, "a", "“Due day” needs at least 3 characters: write more."),
    "minLength: 1": ({"minLength": 1}, "", "“Due day” must not be empty."),
    "maxLength": ({"maxLength": 2}, "abc", "“Due day” may have at most 2 characters: make it shorter."),
    "pattern": (
        {"pattern": "^INV-[0-9]{4}$"},
        "x",
        "“Due day” has to be “INV-”, then 4 digits, such as INV-1234.",
    ),
    "pattern: address": (
        {"pattern": r"^[^@\s]+@[^@\s]+$", "description": "One address"},
        "x",
        "“Due day” has to be an e-mail address, such as name@example.com.",
    ),
    "pattern: said": (
        {"pattern": "^(a|b)+$", "description": "Only the letters a and b", "examples": ["abba"]},
        "x",
        "“Due day” is not written as it has to be. Only the letters a and b. For example: abba.",
    ),
    "pattern: unsaid": (
        {"pattern": "^(a|b)+$"},
        "x",
        "“Due day” is not written as it has to be: ask whoever built this graph how.",
    ),
    "format": ({"format": "date"}, "soon", "“Due day” has to be a day, the year first, such as 2026-03-14."),
    "format: email": (
        {"format": "email"},
        "x",
        "“Due day” has to be an e-mail address, such as name@example.com.",
    ),
    "minItems": ({"minItems": 2}, [1], "“Due day” needs at least 2 entries: add some."),
    "maxItems": ({"maxItems": 1}, [1, 2], "“Due day” may have at most 1 entry: take the others out."),
    "uniqueItems": (
        {"uniqueItems": True},
        [1, 1],
        "“Due day” has the same entry twice: take one of them out.",
    ),
    "contains": ({"contains": {"const": 1}}, [2], "“Due day” lacks an entry that has to be in it."),
    "items": (
        {"prefixItems": [{}], "items": False},
        [1, 2],
        "“Due day” has entries that may not be in it: take them out.",
    ),
    "unevaluatedItems": (
        {"prefixItems": [{}], "unevaluatedItems": False},
        [1, 2],
        "“Due day” has entries that may not be in it: take them out.",
    ),
    "minProperties": ({"minProperties": 1}, {}, "“Due day” needs at least 1 field: fill one in."),
    "maxProperties": (
        {"maxProperties": 1},
        {"a": 1, "b": 2},
        "“Due day” may have at most 1 field: leave the others out.",
    ),
    "required": ({"required": ["zip_code"]}, {}, "“Zip code” in “Due day” is missing: fill it in."),
    "dependentRequired": (
        {"dependentRequired": {"a": ["b"]}},
        {"a": 1},
        "“Due day” lacks a field that goes with another one: fill that in too.",
    ),
    "propertyNames": (
        {"propertyNames": {"maxLength": 1}},
        {"abc": 1},
        "“Due day” may have at most 1 character: make it shorter.",
    ),
    "additionalProperties": (
        {"properties": {}, "additionalProperties": False},
        {"extra": 1},
        "“Extra” in “Due day” cannot be changed here.",
    ),
    "unevaluatedProperties": (
        {"unevaluatedProperties": False},
        {"extra": 1},
        "“Extra” in “Due day” cannot be changed here.",
    ),
    "not": ({"not": {"const": 5}}, 5, "“Due day” has a value that is ruled out."),
    "anyOf": (
        {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
        "x",
        "“Due day” has none of the forms that it may have. It has to be a whole number or yes or no.",
    ),
    "oneOf": (
        {"oneOf": [{"minimum": 1}, {"maximum": 9}]},
        5,
        "“Due day” has none of the forms that it may have.",
    ),
    "a field that is ruled out": (False, 5, "This has to be left out."),  # type: ignore[dict-item]  # a schema too
    "a broken schema": (
        {"type": "nothing"},
        5,
        (
            "This cannot be checked, for the form of this case has a mistake in it: decide without changes, or ask "
            "whoever built this graph."
        ),
    ),
}
WITHIN = {
    "$ref",
    "$dynamicRef",
    "allOf",
    "if",
    "properties",
    "patternProperties",
    "prefixItems",
    "dependentSchemas",
}
"""What only leads to other rules, which are those that are broken."""


def _words(part: Any, value: Any) -> str:
    schema = {"type": "object", "properties": {"due_day": part}}
    found = fault({"due_day": value}, schema)
    assert found is not None
    return field_words(join("changes", found[0]), found[1], form_over({}, schema))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_said_in_words(name: str) -> None:
    part, value, words = RULES[name]
    assert _words(part, value) == words


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_said_without_code(name: str) -> None:
    assert not CODE.search(_words(*RULES[name][:2]))


@pytest.mark.parametrize("word", sorted({*Draft202012Validator.VALIDATORS, *PROBLEMS} - WITHIN))
def test_every_keyword_is_in_the_table(word: str) -> None:
    assert word in RULES


NESTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "ship_to": {"type": "object", "properties": {"zip_code": {"type": "string", "pattern": "^(a|b)+$"}}},
    },
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {
                "unit_price": {"type": "number", "minimum": 1, "description": "Without tax"},
                "tags": {"type": "array", "items": {"enum": ["new", "old"]}},
            },
        }
    },
}
STANDS: dict[str, Any] = {
    "lines": [{"unit_price": 2, "tags": ["new"]}, {"unit_price": 3, "tags": []}],
    "ship_to": {"zip_code": "abba"},
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lines": [{"unit_price": 2}, {"unit_price": 0}]}, "“Unit price” in “Lines 2” must be 1 or more."),
        (
            {"lines": [{"unit_price": 2, "tags": ["old", "red"]}]},
            "Choose one of these for “Tags 2” in “Lines 1”: new, old.",
        ),
        (
            {"ship_to": {"zip_code": "c"}},
            "“Zip code” in “Ship to” is not written as it has to be: ask whoever built this graph how.",
        ),
        ({"lines": 5}, "“Lines” has to be a list."),
        ({"lines": [{"unit_price": 2, "colour": 1}]}, "“Colour” in “Lines 1” cannot be changed here."),
        ({"speed": 1}, "“Speed” cannot be changed here."),
    ],
)
def test_what_is_wrong_within_something_says_where(changes: dict[str, Any], words: str) -> None:
    request = a_request(proposal=STANDS, edit_schema=NESTED)
    with pytest.raises(AnswerError) as caught:
        check_decision(request, Edit(changes))
    assert field_words(caught.value.field, caught.value.problem, edit_form(request)) == words


def test_what_was_proposed_wrongly_has_to_be_changed_too() -> None:
    schema: dict[str, Any] = {"properties": {"count": {"minimum": 1}, "name": {}}}
    request = a_request(proposal={"count": 0, "name": "x"}, edit_schema=schema)
    with pytest.raises(AnswerError) as caught:
        check_decision(request, Edit({"name": "y"}))
    words = "“Count” must be 1 or more. It was proposed like this: it has to be changed too."
    assert field_words(caught.value.field, caught.value.problem, edit_form(request)) == words


TYPED: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "“Amount” has to be an amount such as 1250.00: digits and a point, without marks for thousands.",
        {"amount": "1,250"},
    ),
    (
        "“Anything” cannot be read as it is written: texts stand in double quotes, and each bracket is closed.",
        {"anything": "{"},
    ),
    ("“Kind” has to be a number, such as 12.5.", {"kind": "x"}),
    ("Choose one of the values that are offered for “Colour”.", {"colour": "x"}),
    ("Choose one of the forms that are offered for “Gift”.", {"gift{}": "9"}),
    ("“Rows” has more rows than it may have: take some out.", {"rows[]": "x"}),
    ("“Speed” cannot be changed here.", {"speed": "1"}),
)


@pytest.mark.parametrize(("words", "typed"), TYPED)
def test_what_cannot_be_read_is_said_in_words(words: str, typed: dict[str, str]) -> None:
    schema = {
        "properties": {
            "amount": {"type": "number", "format": "money"},
            "anything": {"type": ["array", "object"]},
            "kind": {"type": "number"},
            "colour": {"enum": ["red"]},
            "gift": {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"type": "null"}]},
            "rows": {"type": "array", "items": {"type": "string"}},
        }
    }
    stands = {"amount": 1.5, "anything": [1], "kind": 1, "colour": "red", "gift": {"a": "b"}, "rows": ["a"]}
    form = form_over(stands, schema, typed)
    with pytest.raises(AnswerError) as caught:
        form.changes("here")
    assert field_words(caught.value.field, caught.value.problem, form) == words


def _refuse(value: int) -> int:
    if value % 2:
        raise ValueError("only even numbers are shipped")
    return value


class Model(BaseModel):
    """Values that pydantic checks in its own way."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(min_length=2, max_length=4)] = "abc"
    code: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "AB"
    count: Annotated[int, Field(ge=1, le=9, multiple_of=2)] = 2
    above: Annotated[float, Field(gt=1, lt=9)] = 2.0
    money: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(1)
    flag: bool = True
    day: dt.date = dt.date(2026, 3, 1)
    moment: dt.datetime = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    time: dt.time = dt.time(1)
    span: dt.timedelta = dt.timedelta(1)
    key: uuid.UUID = uuid.UUID(int=1)
    colour: Literal["red", "blue"] = "red"
    rows: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    names: dict[str, int] = {}
    pair: int | None = None
    even: Annotated[int, AfterValidator(_refuse)] = 2


FROM_PYDANTIC: tuple[tuple[dict[str, Any], str], ...] = (
    ({"text": "a"}, "“Text” needs at least 2 characters: write more."),
    ({"text": "abcde"}, "“Text” may have at most 4 characters: make it shorter."),
    ({"text": 5}, "“Text” has to be a text."),
    ({"code": "x"}, "“Code” has to be 2 capital letters, such as AB."),
    ({"count": 0}, "“Count” must be 1 or more."),
    ({"count": 10}, "“Count” must be 9 or less."),
    ({"count": 3}, "“Count” has to be a multiple of 2."),
    ({"count": "x"}, "“Count” has to be a whole number, such as 12."),
    ({"count": 1.5}, "“Count” has to be a whole number, such as 12."),
    ({"above": 1}, "“Above” must be more than 1."),
    ({"above": 9}, "“Above” must be less than 9."),
    ({"above": "x"}, "“Above” has to be a number, such as 12.5."),
    ({"money": "1.234"}, "“Money” may have at most 2 digits after the point."),
    ({"money": "12345678"}, "“Money” may have at most 6 digits."),
    ({"money": "x"}, "“Money” has to be a number, such as 12.5."),
    ({"flag": "perhaps"}, "“Flag” has to be yes or no."),
    ({"day": "soon"}, "“Day” has to be a day, the year first, such as 2026-03-14."),
    ({"moment": "soon"}, "“Moment” has to be a day and a time of day, such as 2026-03-14T09:30:00Z."),
    ({"time": "soon"}, "“Time” has to be a time of day, such as 09:30:00."),
    ({"span": "long"}, "“Span” has to be a length of time, such as PT2H30M."),
    (
        {"key": "x"},
        "“Key” has to be an id of 32 digits and letters from a to f, such as 123e4567-e89b-42d3-a456-426614174000.",
    ),
    ({"colour": "green"}, "Choose one of these for “Colour”: red, blue."),
    ({"rows": []}, "“Rows” needs at least 1 entry: add one."),
    ({"rows": [1, 2, 3]}, "“Rows” may have at most 2 entries: take some out."),
    ({"rows": ["x"]}, "“Rows 1” has to be a whole number, such as 12."),
    ({"names": 5}, "“Names” has to be fields with values."),
    ({"even": 3}, "“Even”: Only even numbers are shipped."),
    ({"extra": 3}, "“Extra” cannot be changed here."),
)


@pytest.mark.parametrize(("values", "words"), FROM_PYDANTIC)
def test_what_pydantic_refuses_is_said_in_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Model).validate_python(values)
    first = caught.value.errors()[0]
    field = ".".join(str(part) for part in ("changes", *first["loc"]))
    form = form_over({"rows": [1], **values}, Model.model_json_schema())
    assert field_words(field, first["msg"][:1].lower() + first["msg"][1:], form) == words


@pytest.mark.parametrize(("values", "words"), FROM_PYDANTIC)
def test_what_pydantic_refuses_is_said_without_a_schema_too(values: dict[str, Any], words: str) -> None:
    del words
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Model).validate_python(values)
    first = caught.value.errors()[0]
    assert not CODE.search(field_words(f"changes.{first['loc'][0]}", first["msg"]))


def test_a_plain_text_of_a_check_of_ones_own_is_shown() -> None:
    assert field_words("changes.label", "is no label that we use") == "“Label” is no label that we use."


def test_what_pydantic_puts_into_a_path_is_left_out() -> None:
    schema = {"properties": {"amount": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}}
    said = field_words("changes.amount.function-after.int", "is missing", form_over({"amount": 1}, schema))
    assert said == "“Amount” is missing: fill it in."


def test_a_text_of_no_known_kind_is_not_shown() -> None:
    assert field_words("changes.to", "TypeError: <lambda>() takes 1 positional argument") == (
        "“To” cannot be taken as it is."
    )


def test_a_field_of_one_of_several_acts_is_called_as_its_form_calls_it() -> None:
    assert field_words("act1.changes.due_day", "is missing") == "“Due day” is missing: fill it in."
