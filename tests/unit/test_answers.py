"""What a review takes for an answer, what it refuses, and what comes of a decision."""

from __future__ import annotations

import copy
import json
import socket
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_graph.answers import (
    MAX_ANSWER_BYTES,
    MAX_ANSWER_DEPTH,
    apply_decision,
    check_decision,
    json_patch,
    same_json,
)
from hitl_graph.coercion import coerce
from hitl_graph.decisions import (
    DECISIONS,
    Approve,
    AskInfo,
    Choose,
    Decision,
    Edit,
    Reject,
    Respond,
    TakeOver,
    decision_to_json,
)
from hitl_graph.errors import AnswerError
from hitl_graph.reviews import Evidence, Option, Owner, Reason, ReviewKind, ReviewRequest
from hitl_graph.schemas import fault

PROPOSAL = {
    "to": "ana@example.com",
    "body": "Your refund is on its way.",
    "amount": 40,
    "rate": 0.5,
    "urgent": False,
    "due": None,
    "lines": [{"sku": "a", "amount": 1}, {"sku": "b", "amount": 2}],
    "address": {"city": "Bonn", "zip": "53111"},
}
LINE = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "amount": {"type": "integer", "maximum": 100}},
    "required": ["sku", "amount"],
}
SCHEMA: dict[str, Any] = {
    "$defs": {"Line": LINE, "Kind": {"enum": ["gift", "sale"]}},
    "type": "object",
    "properties": {
        "to": {"type": "string", "format": "email"},
        "body": {"type": "string", "minLength": 3, "maxLength": 2000},
        "amount": {"type": "integer", "minimum": 0},
        "rate": {"type": "number"},
        "urgent": {"type": "boolean"},
        "due": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "maxItems": 3},
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}},
        },
        "kind": {"$ref": "#/$defs/Kind"},
    },
    "required": ["to", "body"],
}


def review(**given: Any) -> ReviewRequest:
    fields: dict[str, Any] = {
        "gate": "reply",
        "kind": ReviewKind.SAFE_TO_SEND,
        "question": "Is this reply safe to send?",
        "why": (Reason("always", "Everything is read."),),
        "action": {"name": "send_email"},
        "proposal": copy.deepcopy(PROPOSAL),
        "proposal_key": "email",
        "consequence": "Sends an email.",
        "evidence": (Evidence("Message", "Where is my refund?"),),
        "allowed": DECISIONS,
        "owner": Owner("leads"),
        "options": (Option("refund"), Option("wait")),
        "edit_schema": copy.deepcopy(SCHEMA),
    }
    return ReviewRequest(**{**fields, **given}).sealed()


def refusal(request: ReviewRequest, decision: Any) -> AnswerError:
    with pytest.raises(AnswerError) as caught:
        check_decision(request, decision)
    return caught.value


@pytest.mark.parametrize(
    "decision",
    [
        Approve(note="fine"),
        Edit({"body": "Wait a day."}, reason="tone"),
        Reject(reason="wrong"),
        Choose("refund"),
        Respond("Ask the bank."),
        AskInfo("Which card?"),
        TakeOver(),
    ],
    ids=lambda decision: decision.type,
)
def test_each_kind_passes_unchanged_where_it_is_allowed(decision: Decision) -> None:
    """A decision that the review takes comes back equal."""
    assert check_decision(review(), decision) == decision


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_kind_that_is_not_allowed_is_refused_with_those_that_are(kind: str) -> None:
    """The error names `type` and lists what may be decided."""
    decision = {
        "edit": Edit({"body": "other"}),
        "choose": Choose("refund"),
        "respond": Respond("x"),
        "ask_info": AskInfo("x"),
        "approve": Approve(),
        "reject": Reject(),
        "take_over": TakeOver(),
    }[kind]
    others = tuple(word for word in DECISIONS if word != kind)

    error = refusal(review(allowed=others), decision)

    assert error.field == "type" and " or ".join(others) in error.problem


def test_the_error_says_which_review() -> None:
    """`where` names the gate, so that an error in a log can be found."""
    assert refusal(review(allowed=("reject",)), Approve()).where == "review of gate 'reply'"


def test_an_unknown_option_is_refused_with_the_options() -> None:
    """A choice outside the list names `option` and lists the values."""
    error = refusal(review(), Choose("pay"))
    assert error.field == "option" and "refund or wait" in error.problem


def test_a_choice_without_options_is_refused() -> None:
    """A review without options takes no choice, even if the kind is allowed."""
    assert refusal(review(options=()), Choose("refund")).field == "option"


BAD_EDITS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown field": ({"bcc": "x@example.com"}, "changes.bcc"),
    "unknown field inside": ({"address": {"city": "Bonn", "planet": "Mars"}}, "changes.address.planet"),
    "unknown field in a row": ({"lines": [{"sku": "a", "amount": 1, "free": True}]}, "changes.lines[0].free"),
    "wrong type": ({"body": 3}, "changes.body"),
    "wrong type inside": (
        {"lines": [{"sku": "a", "amount": 1}, {"sku": "b", "amount": "x"}]},
        "changes.lines[1].amount",
    ),
    "above the maximum": ({"lines": [{"sku": "a", "amount": 101}]}, "changes.lines[0].amount"),
    "missing inside": ({"lines": [{"sku": "a"}]}, "changes.lines[0].amount"),
    "too many entries": ({"lines": [{"sku": "a", "amount": 1}] * 4}, "changes.lines"),
    "below the minimum": ({"amount": -1}, "changes.amount"),
    "bool for a number": ({"amount": True}, "changes.amount"),
    "null": ({"body": None}, "changes.body"),
    "too short": ({"body": "no"}, "changes.body"),
    "too long": ({"body": "x" * 2001}, "changes.body"),
    "pattern": ({"address": {"city": "Bonn", "zip": "D-53"}}, "changes.address.zip"),
    "no email": ({"to": "ana at example"}, "changes.to"),
    "no date": ({"due": "soon"}, "changes.due"),
    "not in the enum": ({"kind": "loan"}, "changes.kind"),
    "NaN": ({"rate": float("nan")}, "changes.rate"),
    "infinity": ({"rate": float("-inf")}, "changes.rate"),
    "NaN deep inside": ({"lines": [{"sku": "a", "amount": float("nan")}]}, "changes.lines[0].amount"),
    "integer over 2^53": ({"amount": 2**53 + 1}, "changes.amount"),
    "lone surrogate": ({"body": "broken \ud800 text"}, "changes.body"),
    "NUL": ({"body": "broken \x00 text"}, "changes.body"),
    "no JSON": ({"body": object()}, "changes.body"),
    "bytes": ({"body": b"abc"}, "changes.body"),
    "10 MB": ({"body": "x" * 10_000_000}, "changes"),
    "10 MB in small parts": ({"body": ["x"] * 5_000_000}, "changes"),
    "too deep": ({"body": json.loads("[" * 100 + "]" * 100)}, "changes"),
}


@pytest.mark.parametrize(("changes", "field"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_a_bad_edit_is_refused_with_the_field(changes: dict[str, Any], field: str) -> None:
    """Each bad edit names the dotted path of the field that is at fault."""
    assert refusal(review(), Edit(changes)).field == field


@pytest.mark.parametrize(("changes", "field"), BAD_EDITS.values(), ids=BAD_EDITS.keys())
def test_a_bad_edit_leaves_the_review_answerable(changes: dict[str, Any], field: str) -> None:
    """After a refusal nothing of the request has changed, and the same review takes a good answer."""
    request = review()
    refusal(request, Edit(changes))
    assert request == review() and check_decision(request, Approve()) == Approve()


@pytest.mark.parametrize(
    ("decision", "field"),
    [
        (Approve(note="a\ud800"), "note"),
        (Approve(note="a\x00b"), "note"),
        (Reject(reason="a\x00b"), "reason"),
        (Respond("a\x00b"), "message"),
        (AskInfo("a\x00b"), "question"),
        (Choose("a\x00b"), "option"),
        (Approve(note="x" * (MAX_ANSWER_BYTES + 1)), "note"),
        (Respond(" \n "), "message"),
        (AskInfo("  "), "question"),
        (Edit({"body\x00": "text"}), "changes (a key)"),
        (Edit({"body": {1: "x"}}), "changes.body"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_every_text_of_a_decision_is_checked(decision: Decision, field: str) -> None:
    """NUL, surrogates, blanks and size are refused in each field, not in edits alone."""
    assert refusal(review(), decision).field == field


@pytest.mark.parametrize("value", [None, {}, [], "approve", True, 1, {"type": "approve"}, Approve], ids=repr)
def test_what_is_no_decision_is_refused(value: Any) -> None:
    """`check_decision` takes decisions alone; anything else is an AnswerError, not a crash."""
    assert refusal(review(), value).field == "answer"


def test_size_is_measured_in_canonical_bytes() -> None:
    """A text that is short in characters and too long in UTF-8 is refused."""
    euro = "\u20ac" * (MAX_ANSWER_BYTES // 3 + 1)
    assert refusal(review(edit_schema=None), Edit({"body": euro})).field == "changes"


def test_the_largest_answer_that_fits_is_taken() -> None:
    """Just below the limit nothing is refused."""
    body = "x" * (MAX_ANSWER_BYTES - 200)
    decided = check_decision(review(edit_schema=None), Edit({"body": body}))
    assert isinstance(decided, Edit) and decided.changes == {"body": body}


def test_a_value_that_holds_itself_is_refused() -> None:
    """A cycle is found without recursion."""
    loop: list[Any] = []
    loop.append(loop)
    assert f"{MAX_ANSWER_DEPTH} levels" in refusal(review(), Edit({"body": loop})).problem


def test_a_problem_never_quotes_the_value() -> None:
    """An edit may hold what must not reach a log."""
    error = refusal(review(), Edit({"to": "my secret"}))
    assert "secret" not in str(error)


def test_a_name_that_came_with_the_answer_is_made_printable() -> None:
    """An unknown field cannot put escape codes or a page of text into an error."""
    error = refusal(review(), Edit({"\x1b[31m" + "x" * 500: 1}))
    assert "\x1b" not in str(error) and len(error.field) <= 120


def test_a_small_value_that_unfolds_into_a_huge_one_is_refused() -> None:
    """Lists that share their parts are measured as the JSON that they would be, and not by walking it all."""
    shared: list[Any] = ["text"]
    for _ in range(MAX_ANSWER_DEPTH - 4):
        shared = [shared, shared]
    assert "too large" in refusal(review(), Edit({"body": shared})).problem


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


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        (Approve(), "approved"),
        (Edit({"body": "new"}), "approved"),
        (Choose("refund"), "approved"),
        (Reject(), "rejected"),
        (Respond("x"), "responded"),
        (AskInfo("x"), "asked"),
        (TakeOver(), "taken_over"),
    ],
    ids=lambda part: getattr(part, "type", part),
)
def test_each_kind_has_its_outcome(decision: Decision, outcome: str) -> None:
    """The outcome is one word per kind, and only an approval has a final version."""
    applied = apply_decision(review(), decision)
    assert applied.outcome == outcome and (applied.final is not None) == (outcome == "approved")


def test_approval_leaves_the_proposal_as_it_was_shown() -> None:
    """What is approved is byte for byte what was proposed, with nothing in the patch."""
    applied = apply_decision(review(), Approve())
    assert applied.final == PROPOSAL and applied.patch == ()


def test_an_edit_replaces_whole_fields() -> None:
    """A changed field is replaced, and the others stand."""
    applied = apply_decision(review(), Edit({"address": {"city": "Ulm"}}))
    assert applied.final == {**PROPOSAL, "address": {"city": "Ulm"}}


def test_the_request_is_not_touched_by_applying() -> None:
    """`proposed` is immutable: the final version shares nothing with it."""
    request = review()
    final = apply_decision(request, Edit({"body": "new"})).final
    assert final is not None
    final["lines"][0]["amount"] = 99
    assert request.proposal == PROPOSAL


@pytest.mark.parametrize(
    ("judgement", "changed"),
    [
        ({}, {}),
        ({"option_field": "body"}, {"body": "refund"}),
        ({"option_field": "no such field"}, {}),
        ({"option_field": ["body"]}, {}),
    ],
    ids=repr,
)
def test_a_choice_is_written_where_the_judgement_says(
    judgement: dict[str, Any], changed: dict[str, Any]
) -> None:
    """The chosen value lands in `option_field`, if the proposal has that field."""
    applied = apply_decision(review(judgement=judgement), Choose("refund"))
    assert applied.final == {**PROPOSAL, **changed}


def test_a_choice_takes_the_type_of_its_field() -> None:
    """An option's value is text; in a field of numbers it becomes the number."""
    request = review(options=(Option("10"), Option("20")), judgement={"option_field": "amount"})
    assert apply_decision(request, Choose("20")).final == {**PROPOSAL, "amount": 20}


def test_the_patch_names_what_changed_inside_a_field() -> None:
    """The patch goes down to the changed part, in RFC 6902."""
    lines = [{"sku": "a", "amount": 1}, {"sku": "b", "amount": 5}]
    assert apply_decision(review(), Edit({"lines": lines})).patch == (
        {"op": "replace", "path": "/lines/1/amount", "value": 5},
    )


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a/b": 1, "c~d": 1}, {"a/b": 2}, [("replace", "/a~1b"), ("remove", "/c~0d")]),
        ({"n": 1}, {"n": True}, [("replace", "/n")]),
        ({"n": 1}, {"n": 1.0}, []),
        ({"n": None}, {}, [("remove", "/n")]),
        ({}, {"n": None}, [("add", "/n")]),
        ([1, 2, 3], [1], [("remove", "/2"), ("remove", "/1")]),
        ([1], [1, 2, 3], [("add", "/1"), ("add", "/2")]),
        ({"a": [1]}, {"a": {"0": 1}}, [("replace", "/a")]),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, [("replace", "/a"), ("replace", "/b")]),
    ],
    ids=repr,
)
def test_a_patch_has_the_operations(before: Any, after: Any, patch: list[tuple[str, str]]) -> None:
    """Pointers are escaped, 1 is not true, and paths are sorted."""
    assert [(step["op"], step["path"]) for step in json_patch(before, after)] == patch


ANY = settings(deadline=None)
SAFE = 2**53 - 1
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "c/d", "e~f", ""]), inner)
    ),
    max_leaves=12,
)
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
@given(before=JSON_VALUES, after=JSON_VALUES)
def test_a_patch_applied_gives_the_final_version(before: Any, after: Any) -> None:
    """Another implementation of RFC 6902 gets from the proposal to the final version by our patch."""
    patch = list(json_patch(before, after))
    assert same_json(jsonpatch.apply_patch(before, copy.deepcopy(patch)), after)


@ANY
@given(before=JSON_VALUES, after=JSON_VALUES)
def test_a_patch_does_not_depend_on_the_order_of_keys(before: Any, after: Any) -> None:
    """A proposal that a database has reordered gives the same patch."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    one, other = json_patch(before, after), json_patch(turned(before), turned(after))
    assert [json.dumps(step, sort_keys=True) for step in one] == [
        json.dumps(step, sort_keys=True) for step in other
    ]


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


@ANY
@given(changes=st.dictionaries(st.sampled_from([*PROPOSAL, "bcc"]), JSON_VALUES, min_size=1))
def test_an_edit_that_passes_gives_a_valid_proposal(changes: dict[str, Any]) -> None:
    """Whatever is edited, the final version satisfies the schema or the edit was refused."""
    request = review()
    try:
        decided = check_decision(request, Edit(changes))
    except AnswerError:
        return
    assert fault(apply_decision(request, decided).final, SCHEMA) is None


@ANY
@given(changes=st.dictionaries(st.sampled_from([*PROPOSAL, "bcc"]), JSON_VALUES, min_size=1))
def test_checking_twice_is_checking_once(changes: dict[str, Any]) -> None:
    """A stored decision passes again, unchanged: the desk checks it, and the gate checks it again."""
    for request in (review(), review(edit_schema=None)):
        try:
            once = check_decision(request, Edit(changes))
        except AnswerError:
            continue
        again = check_decision(ReviewRequest.from_json(json.loads(json.dumps(request.to_json()))), once)
        assert same_json(decision_to_json(again), decision_to_json(once))
