"""What a review's schema, or the proposal's present types, let an edit change."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from hitl_graph.answers import check_decision, same_json
from hitl_graph.decisions import Approve, Edit
from tests.unit.answer_reviews import SCHEMA, refusal, review


@pytest.mark.parametrize(
    "nullable", [{"type": "string", "nullable": True}, {"enum": ["a"], "nullable": True}], ids=repr
)
def test_null_is_taken_where_openapi_allows_it(nullable: dict[str, Any]) -> None:
    """`nullable: true`, which JSON Schema itself does not know, lets null pass."""
    request = review(edit_schema={"type": "object", "properties": {"body": nullable}})
    assert check_decision(request, Edit({"body": None})) == Edit({"body": None})


def test_an_object_schema_that_names_no_fields_opens_none() -> None:
    """`{"type": "object"}` is no leave to add fields: those of the proposal stay the only ones."""
    request = review(edit_schema={"type": "object"})
    assert refusal(request, Edit({"bcc": "x"})).field == "changes.bcc"
    assert check_decision(request, Edit({"body": "new"})) == Edit({"body": "new"})


def test_a_remote_reference_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema that points elsewhere makes the edit fail closed, and no connection is opened."""
    opened: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: opened.append(a))
    schema = {"type": "object", "properties": {"body": {"$ref": "http://127.0.0.1:9/body.json"}}}

    error = refusal(review(edit_schema=schema), Edit({"body": "text"}))

    assert "schema is broken" in error.problem and not opened


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "no such type"},
        {"properties": 3},
        {"properties": {"body": {"pattern": "("}}},
        {"$ref": "#/$defs/none"},
        {"$ref": "#"},
        {"properties": {"body": {"$ref": "#/properties/body"}}},
        {"properties": {"body": {"type": 3}}},
        {"allOf": 3},
        {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}}, "$ref": "#/$defs/A"},
    ],
    ids=repr,
)
def test_a_broken_schema_fails_closed(schema: dict[str, Any]) -> None:
    """A schema that cannot be read refuses the edit and nothing else: no crash, and no unchecked edit."""
    request = review(edit_schema=schema)
    assert refusal(request, Edit({"body": "text"})).field.startswith("changes")
    assert check_decision(request, Approve()) == Approve()


def test_an_open_schema_lets_new_fields_pass() -> None:
    """`additionalProperties: true` is the schema saying itself that other fields are fine."""
    request = review(edit_schema={**SCHEMA, "additionalProperties": True})
    assert check_decision(request, Edit({"bcc": "x"})) == Edit({"bcc": "x"})


def test_a_typed_open_schema_checks_new_fields() -> None:
    """`additionalProperties` with a type lets new fields pass and checks them."""
    request = review(edit_schema={**SCHEMA, "additionalProperties": {"type": "integer"}})
    assert check_decision(request, Edit({"copies": "2"})) == Edit({"copies": 2})
    assert refusal(request, Edit({"copies": "two"})).field == "changes.copies"


def test_a_schema_of_the_editable_fields_alone_lets_the_others_stand() -> None:
    """A closed schema that names only some fields allows edits of those and refuses edits of the rest."""
    request = review(
        edit_schema={
            "type": "object",
            "properties": {"body": {"type": "string"}},
            "additionalProperties": False,
        }
    )
    assert check_decision(request, Edit({"body": "new"})) == Edit({"body": "new"})
    assert refusal(request, Edit({"amount": 1})).field == "changes.amount"


def test_a_field_that_the_schema_leaves_out_keeps_its_type() -> None:
    """Where an open schema says nothing of a field of the proposal, the present value's type is the rule."""
    request = review(edit_schema={"type": "object", "properties": {"body": {"type": "string"}}})
    assert check_decision(request, Edit({"amount": "7"})) == Edit({"amount": 7})
    assert refusal(request, Edit({"amount": "seven"})).field == "changes.amount"


def test_a_rule_over_several_fields_is_checked_with_the_edit_in_place() -> None:
    """The whole proposal with the edits must satisfy the schema, not each field alone."""
    rule = {
        "if": {"properties": {"urgent": {"const": True}}},
        "then": {"properties": {"amount": {"maximum": 10}}},
    }
    request = review(edit_schema={**SCHEMA, "allOf": [rule]})
    error = refusal(request, Edit({"urgent": True}))
    assert error.field == "changes.amount" and "not changed by this edit" in error.problem


INFERRED: dict[str, tuple[str, Any, Any]] = {
    "text for text": ("body", "new", "new"),
    "int for int": ("amount", 41, 41),
    "int for float": ("rate", 1, 1),
    "text of an int": ("amount", "41", 41),
    "text of a float": ("rate", "0.25", 0.25),
    "text of a bool": ("urgent", "true", True),
    "text of a list": ("lines", '[{"sku": "c"}]', [{"sku": "c"}]),
    "text of an object": ("address", '{"city": "Ulm"}', {"city": "Ulm"}),
    "anything for null": ("due", [1], [1]),
    "text for null stays": ("due", "null", "null"),
    "digits stay text": ("body", "12", "12"),
}


@pytest.mark.parametrize(("field", "value", "kept"), INFERRED.values(), ids=INFERRED.keys())
def test_without_a_schema_a_field_takes_its_present_type(field: str, value: Any, kept: Any) -> None:
    """With no schema, the JSON type of the present value is the rule, and text is turned into it."""
    decided = check_decision(review(edit_schema=None), Edit({field: value}))
    assert isinstance(decided, Edit) and same_json(decided.changes, {field: kept})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 1.5),
        ("amount", True),
        ("amount", None),
        ("body", 3),
        ("body", None),
        ("urgent", 1),
        ("lines", {}),
        ("address", []),
        ("rate", "a"),
        ("bcc", "x"),
    ],
)
def test_without_a_schema_another_type_is_refused(field: str, value: Any) -> None:
    """With no schema, a value of another JSON type or a field that is not there is refused."""
    assert refusal(review(edit_schema=None), Edit({field: value})).field == f"changes.{field}"
