"""The forms that a JSON Schema gives a value, one by one: references followed, `anyOf` and its like taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hitl_graph.plain import JSON
from hitl_graph.schemas import DEEP, Schema, branches, fault, within

__all__ = ["Alternative", "alternatives", "fitting", "fixed_values", "guessed", "is_null", "type_of"]

Alternative = dict[str, Any]
"""A schema without `anyOf`, `oneOf`, `allOf` and `$ref` on its own level, and with one type at most."""

MOST = 20
"""More alternatives than this are no form for a person."""

_TIES = ("anyOf", "oneOf", "allOf", "$ref", "nullable")


def alternatives(schema: Schema, fuel: int = DEEP) -> list[Alternative]:
    """All forms that the schema takes, those that hold null too.

    Raises:
        ValueError: There are more than a person can choose from, or they name each other without end.
        Any of `hitl_graph.schemas.BROKEN`: It is no schema.
    """
    if isinstance(schema, bool):
        return [{}] if schema else []
    if fuel < 0:
        raise ValueError("alternatives within alternatives without end")
    here = next(branches(schema, 0))
    found: list[Alternative] = [{word: said for word, said in here.items() if word not in _TIES}]
    for part in here.get("allOf", ()):
        found = _crossed(found, alternatives(within(here, part), fuel - 1))
    for word in ("anyOf", "oneOf"):
        if word in here:
            found = _crossed(
                found, [one for part in here[word] for one in alternatives(within(here, part), fuel - 1)]
            )
    out = [one for each in found for one in _by_type(each)]
    if here.get("nullable") is True and not any(map(is_null, out)):
        out.append({"type": "null"})
    if len(out) > MOST:
        raise ValueError("too many alternatives")
    return out


def is_null(one: Alternative) -> bool:
    """Whether it is null and nothing else."""
    return one.get("type") == "null" or ("const" in one and one["const"] is None) or one.get("enum") == [None]


def type_of(one: Alternative) -> str:
    """The JSON type of an alternative, or "" where it does not say: read from its fixed values and its parts too."""
    if isinstance(said := one.get("type"), str):
        return said
    if kinds := {_name_of(value) for value in fixed_values(one) or ()}:
        return kinds.pop() if len(kinds) == 1 else ""
    return "object" if "properties" in one else "array" if "items" in one else ""


def fixed_values(one: Alternative) -> list[JSON] | None:
    """The values that it fixes, or None where it fixes none."""
    if "const" in one:
        return [one["const"]]
    return list(one["enum"]) if isinstance(one.get("enum"), (list, tuple)) else None


def fitting(value: JSON, among: list[Alternative]) -> int | None:
    """Which alternative a value has: the first that takes it, else the one that its fixed fields or its type name."""
    for number, one in enumerate(among):
        if fault(value, one) is None:
            return number
    if isinstance(value, dict):
        for number, one in enumerate(among):
            fixed = {
                name: part
                for name, part in one.get("properties", {}).items()
                if isinstance(part, dict) and "const" in part
            }
            if fixed and all(name in value and value[name] == part["const"] for name, part in fixed.items()):
                return number
    return next((number for number, one in enumerate(among) if type_of(one) in ("", _name_of(value))), None)


def guessed(value: JSON) -> Alternative:
    """The schema that a value seems to have, where nobody says: the fields that it has, rows like those that it has."""
    if isinstance(value, dict):
        return {"type": "object", "properties": {name: guessed(one) for name, one in value.items()}}
    if isinstance(value, list):
        kinds = {_name_of(one) for one in value}
        if len(kinds) == 1 and kinds <= {"string", "number", "boolean"}:
            return {"type": "array", "items": {"type": kinds.pop()}}
        if kinds == {"object"}:
            fields = {name: one for row in reversed(value) for name, one in row.items()}
            return {"type": "array", "items": guessed(fields)}
        return {"type": "array"}
    return {} if value is None else {"type": _name_of(value)}


def _name_of(value: JSON) -> str:
    kinds: tuple[tuple[Any, str], ...] = (
        (bool, "boolean"),
        ((int, float), "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _by_type(one: Alternative) -> Iterator[Alternative]:
    types = one.get("type")
    if not isinstance(types, (list, tuple)):
        yield one
    else:
        for kind in types:
            yield {**one, "type": kind}


def _crossed(these: list[Alternative], those: list[Alternative]) -> list[Alternative]:
    if len(these) * len(those) > MOST:
        raise ValueError("too many alternatives")
    return [_merged(one, other) for one in these for other in those]


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Alternative:
    """What both say: the words of the outer one about it, the title of the inner one, the fields of both."""
    out = {**one, **other}
    for word in ("properties", "$defs", "definitions"):
        if word in one and word in other:
            out[word] = {**one[word], **other[word]}
    if "required" in one and "required" in other:
        out["required"] = list(dict.fromkeys((*one["required"], *other["required"])))
    if "description" in one:
        out["description"] = one["description"]
    return out
