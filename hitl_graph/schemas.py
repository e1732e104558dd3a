"""What a JSON Schema says about a value: what breaks it, what it does not declare. Fetches nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hitl_graph.plain import JSON

if TYPE_CHECKING:
    from jsonschema import ValidationError

__all__ = [
    "BROKEN",
    "PROBLEMS",
    "TYPES",
    "Schema",
    "any_of",
    "branches",
    "fault",
    "inferred_schema",
    "items",
    "join",
    "members",
    "undeclared",
]

Schema = dict[str, Any] | bool
"""A JSON Schema, draft 2020-12. One that is taken out of another carries that one's definitions with it."""

BROKEN = (RecursionError, re.error, AttributeError, LookupError, TypeError, ValueError)
"""What reading a schema that is none can raise."""

DEEP = 6
"""How many `anyOf` and `allOf` may nest without going down into the value: a schema may name itself."""

_IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*\Z")


def fault(value: JSON, schema: Schema) -> tuple[tuple[str | int, ...], str] | None:
    """Where and how a value breaks a schema, or None if it does not.

    The problem says what is wanted and never quotes the value, which may be long or private. A schema that is
    broken itself, or that points outside itself, is a fault of every value.

    Source: JSON Schema draft 2020-12, with the formats date, date-time, email and uuid checked.
    """
    from hitl_graph.validator import BROKEN as NO_SCHEMA  # jsonschema takes a while to import, and most runs
    from hitl_graph.validator import first_error  # check no answer

    try:
        error = first_error(value, schema)
    except (*BROKEN, *NO_SCHEMA) as broken:
        return (), f"cannot be checked, for its schema is broken ({type(broken).__name__})"
    return None if error is None else _explained(error)


def undeclared(value: JSON, schema: Schema, present: JSON) -> tuple[str | int, ...] | None:
    """The path of the first field that neither the schema declares nor `present` has, or None.

    JSON Schema lets unknown fields pass unless told otherwise, and a model drops them later without a word.
    Here they pass only where the schema says so itself, by `additionalProperties` or `patternProperties`, or
    where it declares no fields at all.
    """
    if not isinstance(value, (dict, list)):
        return None
    here = list(branches(schema))
    if isinstance(value, dict):
        has = present if isinstance(present, dict) else {}
        closed = any("properties" in branch for branch in here)
        for key, inner in value.items():
            found = members(here, key)
            if not found and key not in has and closed:
                return (key,)
            if found and (path := undeclared(inner, any_of(found), has.get(key))):
                return (key, *path)
    else:
        # A new row may have the fields of any row that was there.
        rows = [row for row in present if isinstance(row, dict)] if isinstance(present, list) else []
        row_fields = {key: inner for row in rows for key, inner in row.items()}
        for i, inner in enumerate(value):
            found = items(here, i)
            if found and (path := undeclared(inner, any_of(found), row_fields)):
                return (i, *path)
    return None


def inferred_schema(proposal: Mapping[str, JSON]) -> dict[str, Any]:
    """A schema for edits where a gate gives none: the same fields, each of the JSON type that it has now.

    A field that is null now takes anything, and one that is a float takes any number.
    """
    kinds = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    )
    properties: dict[str, Any] = {}
    for key, value in proposal.items():
        kind = next((name for python, name in kinds if isinstance(value, python)), None)
        properties[key] = {"type": kind} if kind else {}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def branches(schema: Schema, fuel: int = DEEP) -> Iterator[dict[str, Any]]:
    """The schema and all that apply beside it or in its place, references followed, on this level."""
    if isinstance(schema, bool) or fuel < 0:
        return
    schema = _resolved(schema)
    yield schema
    for word in ("allOf", "anyOf", "oneOf", "then", "else"):
        others = schema.get(word, ())
        for other in others if isinstance(others, (list, tuple)) else (others,):
            yield from branches(within(schema, other), fuel - 1)


def members(here: Sequence[dict[str, Any]], key: str) -> list[Schema]:
    """What these branches say about the field `key`; empty if none declares it."""
    out: dict[int, Schema] = {}  # each part once, or a schema that names itself would double at every level
    for schema in here:
        found = [schema["properties"][key]] if key in schema.get("properties", {}) else []
        found += [s for pattern, s in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        # An open object says so itself; `false` and nothing at all both mean that the field is not declared.
        more = (schema.get(word, False) for word in ("additionalProperties", "unevaluatedProperties"))
        out.update({id(s): within(schema, s) for s in found or [s for s in more if s is not False]})
    return list(out.values())


def items(here: Sequence[dict[str, Any]], i: int) -> list[Schema]:
    """What these branches say about the element at `i`."""
    out: dict[int, Schema] = {}
    for schema in here:
        first = schema.get("prefixItems", ())
        found = first[i] if i < len(first) else schema.get("items")
        if found is not None:
            out[id(found)] = within(schema, found)
    return list(out.values())


def any_of(schemas: Sequence[Schema]) -> Schema:
    """The one schema itself, or a schema that takes what any of them takes."""
    if len(schemas) == 1:
        return schemas[0]
    shared: dict[str, Any] = {}
    for schema in schemas:
        if isinstance(schema, dict):
            shared.update({word: schema[word] for word in ("$defs", "definitions") if word in schema})
    return {**shared, "anyOf": list(schemas)}


def within(parent: dict[str, Any], schema: Any) -> Schema:
    """A part of a schema, with the definitions of the whole, so that it can be read alone."""
    if isinstance(schema, bool):
        return schema
    shared = {k: {**parent[k], **schema.get(k, {})} for k in ("$defs", "definitions") if k in parent}
    return {**schema, **shared}


def join(base: str, path: Iterable[str | int]) -> str:
    """A path as a reader writes it: `changes.lines[2].amount`."""
    for part in path:
        if isinstance(part, int):
            base += f"[{part}]"
        else:
            base += f".{part}" if _IDENTIFIER.match(part) else f"[{json.dumps(part)}]"
    return base


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    for _ in range(20):
        ref = schema.get("$ref")
        if not isinstance(ref, str):
            return schema
        target: Any = schema if ref.startswith("#/") else {}
        for part in ref[2:].split("/"):
            target = (
                target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, dict) else {}
            )
        rest = {k: v for k, v in schema.items() if k != "$ref"}
        schema = {**target, **rest} if isinstance(target, dict) else rest
    return {}


def _explained(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    path, word, wanted = tuple(error.absolute_path), str(error.validator), error.validator_value
    shown = json.dumps(wanted, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 200 else f"{shown[:199]}…"
    if word == "required" and isinstance(error.instance, dict):
        missing = next((key for key in wanted if key not in error.instance), "")
        return (*path, missing), "is missing"
    if word in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        extra = next((key for key in error.instance if key not in known), "")
        return (*path, extra), "is not a field that can be edited here"
    if word == "type":
        wanted = [wanted] if isinstance(wanted, str) else wanted
        return path, f"should be {' or '.join(TYPES.get(t, str(t)) for t in wanted)}"
    if word == "pattern":
        return path, f"should match the pattern {wanted}"
    if word in PROBLEMS:
        return path, PROBLEMS[word].format(shown)
    return path, f"breaks the rule {word!r} of its schema"


TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
"""What a type of JSON is called in a problem."""

PROBLEMS = {
    "enum": "should be one of {}",
    "const": "should be {}",
    "minimum": "should be at least {}",
    "maximum": "should be at most {}",
    "exclusiveMinimum": "should be more than {}",
    "exclusiveMaximum": "should be less than {}",
    "multipleOf": "should be a multiple of {}",
    "minLength": "should have at least {} characters",
    "maxLength": "should have at most {} characters",
    "minItems": "should have at least {} entries",
    "maxItems": "should have at most {} entries",
    "uniqueItems": "should have no entry twice",
    "minProperties": "should have at least {} fields",
    "maxProperties": "should have at most {} fields",
    "format": "should be in the format {}",
    "anyOf": "has none of the forms that its schema takes",
    "oneOf": "should have exactly one of the forms that its schema takes",
    "not": "has a form that its schema rules out",
}
"""What is said of a value that breaks a rule, by the rule: developers read it, and `hitl_graph.views.field_words`."""
