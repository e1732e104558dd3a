"""Schemas as gates have them, each with a value that satisfies it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

__all__ = ["proposals", "typed_texts"]

_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)
_NAMES = st.sampled_from(
    ["amount", "currency", "name", "a b", "body_text", "x", "due", "ключ", "lines", "0", 'q"']
)
_DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2100, 1, 1)).map(dt.date.isoformat)
_MOMENTS = st.builds(
    lambda at, zone: at.isoformat(timespec="seconds") + zone,
    st.builds(dt.datetime.combine, st.dates(dt.date(1970, 1, 1), dt.date(2100, 1, 1)), st.times()),
    st.sampled_from(["Z", "+02:00", "-11:30"]),
)
_INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
_FLOATS = st.floats(-1e15, 1e15, allow_nan=False)


def _with(
    schema: dict[str, Any], values: st.SearchStrategy[Any]
) -> st.SearchStrategy[tuple[dict[str, Any], Any]]:
    return values.map(lambda value: (schema, value))


def _leaves() -> st.SearchStrategy[tuple[dict[str, Any], Any]]:
    choices = [1, "one", None, True, "два"]
    return st.one_of(
        _with({"type": "string"}, _TEXT),
        _with({"type": "string", "maxLength": 4000}, _TEXT),
        _with({"type": ["string", "null"]}, st.none() | _TEXT),
        _with({"type": "integer"}, _INTEGERS),
        _with({"type": "number", "x-currency": "EUR"}, _FLOATS),
        _with(
            {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}]},
            st.just("12.50") | _FLOATS,
        ),
        _with({"type": "boolean", "description": "Whether it is."}, st.booleans()),
        _with({"enum": choices}, st.sampled_from(choices)),
        _with({"const": "only"}, st.just("only")),
        _with({"type": "string", "format": "date"}, _DAYS),
        _with({"type": "string", "format": "date-time"}, _MOMENTS),
        _with({"type": "object"}, st.dictionaries(_NAMES, _TEXT, max_size=2)),
        _with({}, st.none() | st.booleans() | _INTEGERS | _TEXT | st.lists(_TEXT, max_size=2)),
    )


@st.composite
def _objects(draw: st.DrawFn, inner: Any) -> tuple[dict[str, Any], Any]:
    parts = draw(st.dictionaries(_NAMES, inner, min_size=1, max_size=3))
    required = draw(st.sets(st.sampled_from(sorted(parts))))
    schema = {
        "type": "object",
        "properties": {n: s for n, (s, _) in parts.items()},
        "required": sorted(required),
    }
    return schema, {n: v for n, (_, v) in parts.items() if n in required or draw(st.booleans())}


@st.composite
def _lists(draw: st.DrawFn, inner: Any) -> tuple[dict[str, Any], Any]:
    schema, value = draw(inner)
    return {"type": "array", "items": schema}, [value] * draw(st.integers(0, 3))


@st.composite
def _several(draw: st.DrawFn, inner: Any) -> tuple[dict[str, Any], Any]:
    (one, value), (other, _) = draw(inner), draw(inner)
    first = {
        "type": "object",
        "properties": {"kind": {"const": "one"}, "it": one},
        "required": ["kind", "it"],
    }
    second = {"type": "object", "properties": {"kind": {"const": "two"}, "it": other}, "required": ["kind"]}
    word = draw(st.sampled_from(["anyOf", "oneOf"]))
    schema = {word: [first, {"$ref": "#/$defs/second"}, {"type": "null"}], "$defs": {"second": second}}
    return schema, draw(st.sampled_from([{"kind": "one", "it": value}, {"kind": "two"}, None]))


_SCHEMAS = st.recursive(
    _leaves(), lambda inner: _objects(inner) | _lists(inner) | _several(inner), max_leaves=5
)


@st.composite
def proposals(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A gate's edit schema and a proposal that satisfies it."""
    parts = draw(st.dictionaries(_NAMES, _SCHEMAS, min_size=1, max_size=4))
    shared: dict[str, Any] = {}
    properties = {
        name: _own(schema, f"d{number}", shared) for number, (name, (schema, _)) in enumerate(parts.items())
    }
    schema = {"type": "object", "properties": properties, "$defs": shared}
    return schema, {name: value for name, (_, value) in parts.items() if draw(st.integers(0, 5))} or {
        "extra": 1
    }


def _own(schema: Any, name: str, shared: dict[str, Any]) -> Any:
    """The schema with its definitions moved to the whole, each under a name of its own."""
    if isinstance(schema, list):
        return [_own(one, f"{name}_{number}", shared) for number, one in enumerate(schema)]
    if not isinstance(schema, dict):
        return schema
    out = {word: _own(said, f"{name}_{word}", shared) for word, said in schema.items() if word != "$defs"}
    if "$defs" in schema:
        shared[name] = _own(schema["$defs"]["second"], f"{name}_s", shared)
        for word in ("anyOf", "oneOf"):
            if word in out:
                out[word] = [{"$ref": f"#/$defs/{name}"} if "$ref" in one else one for one in out[word]]
    return out


typed_texts = st.one_of(
    _TEXT,
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "1",
            "2.5",
            "1e999",
            "1,250.00",
            "9" * 30,
            "null",
            "true",
            '"x"',
            "{",
            '{"a":1}',
            "[[]]",
        ]
    ),
    st.sampled_from(
        ["2026-02-30", "2026-03-01", "2026-03-01T10:00", "\ud800", '"\\ud800"', "NaN", "[" * 90 + "]" * 90]
    ),
    st.sampled_from(["0 1 2", "1 0", "99", "7 7", "-1", "0 x"]),
)
"""What a person, or a program, may write into any field."""
