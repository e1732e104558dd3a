"""Text as the JSON type that a schema wants: forms send every value as a string."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rfc8785

from hitl_graph.plain import JSON
from hitl_graph.schemas import BROKEN, DEEP, Schema, any_of, branches, fault, items, members, within

__all__ = ["accepts", "coerce", "is_printed", "parse_json"]

_IS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: (
        not isinstance(v, bool) and (isinstance(v, int) or (isinstance(v, float) and v.is_integer()))
    ),
}
"""The types of JSON Schema; another name is a broken schema's."""
_TRIES = (
    200  # of one form among several; alternatives that hold alternatives would double the work at each level
)
_INSIDE = (
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "items",
    "prefixItems",
)


def coerce(value: JSON, schema: Schema) -> JSON:
    """Text as what the schema wants: `"3"` as 3, `"true"` as True, `'["a"]'` as a list, `"null"` as None.

    Only where the schema takes no text there and does take the other. Whatever is valid comes back as it is,
    and so does what cannot be read; never the other way round. Looks inside objects and arrays.

    Example:
        >>> coerce({"n": "3", "s": "3"}, {"properties": {"n": {"type": "integer"}, "s": {"type": "string"}}})
        {'n': 3, 's': '3'}
    """
    try:
        return _coerce(value, schema, itertools.count())
    except BROKEN:
        return value


def accepts(schema: Schema, sample: JSON) -> bool:
    """Whether the schema leaves room for a value of the JSON type of `sample`, whatever its content."""
    try:
        return _accepts(schema, sample, DEEP)
    except BROKEN:
        return True


def is_printed(text: JSON, value: JSON) -> bool:
    """Whether `text` is how a form prints `value` while nobody touches it: as JSON, unless it is text."""
    if not isinstance(text, str) or isinstance(value, str):
        return False
    try:
        return bool(rfc8785.dumps(parse_json(text)) == rfc8785.dumps(value))
    except ValueError:
        return False


def parse_json(text: str) -> JSON:
    """Read JSON text strictly.

    Raises:
        ValueError: It is no JSON, or holds NaN, an infinity, or one key twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _pairs(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("has one key twice")
    return out


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal[:20]} is no JSON number")
    return number


def _coerce(value: JSON, schema: Schema, tries: Iterator[int]) -> JSON:
    if fault(value, schema) is None:
        return value
    if isinstance(value, str):
        return _from_text(value, schema, tries)
    if not isinstance(value, (dict, list)):
        return value
    telling = [branch for branch in branches(schema) if any(word in branch for word in _INSIDE)]
    fitting = [branch for branch in telling if _accepts(branch, value, DEEP)]
    for branch in fitting if len(fitting) > 1 else ():
        # One form that fits whole is what was meant, where several are possible.
        if next(tries) < _TRIES and fault(inner := _inside(value, [branch], tries), schema) is None:
            return inner
    return _inside(value, fitting, tries)


def _inside(value: dict[str, JSON] | list[JSON], here: list[dict[str, Any]], tries: Iterator[int]) -> JSON:
    if isinstance(value, dict):
        return {
            k: _coerce(v, any_of(found), tries) if (found := members(here, k)) else v
            for k, v in value.items()
        }
    return [_coerce(v, any_of(found), tries) if (found := items(here, i)) else v for i, v in enumerate(value)]


def _from_text(text: str, schema: Schema, tries: Iterator[int]) -> JSON:
    if _accepts(schema, "", DEEP):
        return text
    bare = text.strip()
    try:
        # A person types True where a browser would write true.
        found = parse_json(bare.lower() if bare.lower() in ("true", "false", "null") else bare)
    except ValueError:
        return text
    if (
        isinstance(found, float)
        and found.is_integer()
        and abs(found) < 2**53
        and not _accepts(schema, 0.5, DEEP)
    ):
        found = int(found)
    if isinstance(found, str) or not _accepts(schema, found, DEEP):
        return text
    return _coerce(found, schema, tries)


def _accepts(schema: Schema, sample: JSON, fuel: int) -> bool:
    if isinstance(schema, bool):
        return schema
    if sample is None and schema.get("nullable") is True:
        return True
    schema = next(branches(schema, 0))
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_IS_TYPE[t](sample) for t in types):
        return False
    fixed = [schema["const"]] if "const" in schema else schema.get("enum")
    if fixed is not None and not any(_kind(v) == _kind(sample) for v in fixed):
        return False
    if fuel == 0:
        return True
    if not all(_accepts(within(schema, s), sample, fuel - 1) for s in schema.get("allOf", ())):
        return False
    either = [schema[word] for word in ("anyOf", "oneOf") if word in schema]
    return all(any(_accepts(within(schema, s), sample, fuel - 1) for s in several) for several in either)


def _kind(value: JSON) -> str:
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )
