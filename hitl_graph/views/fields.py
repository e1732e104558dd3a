"""The inputs of an edit form, drawn from a proposal, its JSON Schema and what somebody has typed so far. Pure.

What the schema says decides how a value is edited: `enum` and `const` give a choice, `format` a date or a date-time,
objects a group, arrays a list of rows, several forms a choice between them. Whatever cannot be drawn is JSON text.

A number is an amount of money where its schema says `format: "money"` or `x-currency: "EUR"`, and where it is called
amount, total, price, fee, cost, sum or refund (or ends so) and a field called currency stands beside it. A text gets
several lines from 40 characters, with `format: "multiline"`, or where it may be longer than 200.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hitl_graph.coercion import parse_json
from hitl_graph.errors import PlainJsonError
from hitl_graph.plain import JSON, plain_json
from hitl_graph.schemas import BROKEN, Schema, join, within
from hitl_graph.views.alternatives import (
    Alternative,
    alternatives,
    fitting,
    fixed_values,
    guessed,
    is_null,
    type_of,
)
from hitl_graph.views.diff import value_text
from hitl_graph.views.inputs import AMOUNT, FORM, ORDER, Input, Kind, is_date, label_of, stamp

__all__ = ["draw"]

LONG = 40
"""Characters from which a text gets several lines."""
DEEPEST = 6
MOST_INPUTS = 1_500
MOST_ROWS = 200
NONE = ("", "(none)")

_MONEY = re.compile(r"(?:.*_)?(?:amount|total|price|fee|cost|sum|refund)\Z")
_CURRENCY = ("currency", "currency_code", "ccy")
_ROW = re.compile(r"[0-9]{1,6}\Z", re.ASCII)
_BREAKS = re.compile(r"[\r\n]")


def draw(
    proposal: Mapping[str, JSON],
    schema: Schema,
    typed: Mapping[str, str] | None = None,
    *,
    numbers: bool = False,
) -> list[Input]:
    """The inputs of a proposal's fields: those that it has, then those that the schema adds.

    Args:
        proposal: What stands there. schema: Of the whole.
        typed: What somebody typed, by name; it decides which rows and which forms are drawn.
        numbers: Whether to read numbers here, for no schema is applied to the changes later.
    """
    return _Drawing(typed or {}, numbers=numbers).all(proposal, schema)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _At:
    """A place in the form: its names, what stands there, and what the box around it says of it."""

    name: str
    path: str
    key: str | int
    label: str
    value: JSON = None
    there: bool = True
    depth: int = 0
    required: bool = True
    currency: str = ""
    guess: bool = False
    row: str = ""

    def said(self, kind: Kind, *, text: str = "", stands: str = "", **more: Any) -> Input:
        shared = {
            name: getattr(self, name) for name in ("name", "path", "key", "label", "row", "value", "there")
        }
        given = {**shared, "optional": not self.required, "text": text, "untouched": stands, **more}
        return Input(kind=kind, **given)

    @property
    def filled(self) -> bool:
        return self.there and self.value is not None


class _Drawing:
    """One form being drawn: what is typed, and how many inputs there may still be."""

    def __init__(self, typed: Mapping[str, str], *, numbers: bool) -> None:
        self.typed, self.numbers, self.left = typed, numbers, MOST_INPUTS

    def all(self, proposal: Mapping[str, JSON], schema: Schema) -> list[Input]:
        try:
            found = alternatives(schema)
        except BROKEN:
            found = []
        whole = found[0] if len(found) == 1 else {}
        for one in found if len(found) > 1 else ():  # several forms of the whole: the fields of all of them
            fields = {**one.get("properties", {}), **whole.get("properties", {})}
            whole = {**one, **whole, "properties": fields, "required": []}
        inputs = self._members(proposal, whole, _At(name="", path="changes", key="", label=""))
        names = [one.name for top in inputs for one in top.walk() if one.kind != "variant"]
        if len(set(names)) == len(names):
            return inputs
        flat = {top.name for top in inputs}  # a row of one field is called as another field is
        return [
            self._json(
                _At(
                    name=top.name,
                    path=top.path,
                    key=top.key,
                    label=top.label,
                    value=top.value,
                    there=top.there,
                )
            )
            if any(one.name in flat for one in top.walk() if one.name != top.name)
            else top
            for top in inputs
        ]

    def _members(self, value: Mapping[str, JSON], one: Alternative, box: _At) -> list[Input]:
        properties, needed = one.get("properties"), one.get("required")
        known: Mapping[str, Any] = properties if isinstance(properties, dict) else {}
        required = needed if isinstance(needed, (list, tuple)) else ()
        out: list[Input] = []
        for name in dict.fromkeys((*value, *known)):
            top = box.depth == 0
            at = _At(
                name=name if top else join(box.name, (name,)),
                path=join(box.path, (name,)),
                key=name,
                label=label_of(name),
                value=value.get(name),
                there=name in value,
                depth=box.depth + 1,
                required=(top and name in value) or name in required,
                currency=self._currency(name, value, known, box) if _MONEY.match(name) else "",
                guess=box.guess or name not in known,
            )
            out.append(self._input(at, _part(one, known[name]) if name in known else {}))
        return out

    def _currency(self, name: str, value: Mapping[str, JSON], known: Mapping[str, Any], box: _At) -> str:
        """What an amount is in, by the field beside it; "?" where that is still empty."""
        beside = next((one for one in _CURRENCY if one in value or one in known), "")
        if not beside or beside == name:
            return ""
        typed = self.typed.get(beside if box.depth == 0 else join(box.name, (beside,)))
        said = value.get(beside) if typed is None else typed
        return said.strip('" ')[:12] or "?" if isinstance(said, str) else "?"

    def _input(self, at: _At, schema: Schema) -> Input:
        self.left -= 1
        if self.left < 0 or at.depth > DEEPEST:
            return self._json(at)
        try:
            return self._drawn(at, schema)
        except BROKEN:  # some part of it is no schema
            return self._json(at)

    def _drawn(self, at: _At, schema: Schema) -> Input:
        found = alternatives(schema)
        nullable = any(map(is_null, found))
        plain = [one for one in found if not is_null(one)]
        if any(one.get("readOnly") is True for one in found):
            stands = value_text(at.value)
            return at.said("fixed", text=stands, stands=stands, optional=True)
        if not plain or (len(plain) == 1 and not type_of(plain[0]) and fixed_values(plain[0]) is None):
            plain = [{**guessed(at.value), **(plain[0] if plain else {})}]
            at = replace(at, guess=True)
        if any(_is_box(one, at.value) for one in plain):
            return self._box(at, plain, nullable=nullable)
        return self._leaf(at, plain, nullable=nullable)

    # Boxes: groups, lists, and the choice between forms.

    def _box(self, at: _At, plain: list[Alternative], *, nullable: bool) -> Input:
        if at.name in self.typed and f"{at.name}{FORM}" not in self.typed:
            try:  # a whole value, as a draft of another version may hold it
                at = replace(at, value=plain_json(parse_json(self.typed[at.name]), "changes"), there=True)
            except (ValueError, PlainJsonError):
                return self._json(at)
        fits = fitting(at.value, plain) if at.filled else None
        if at.filled and (fits is None or not _holds(plain[fits], at.value)):
            return self._json(at)
        may_be_none = nullable or not at.required
        if len(plain) == 1 and (type_of(plain[0]) == "array" or not may_be_none):
            return self._one(at, plain[0], nullable=nullable)
        choices = tuple((str(number), _named(one, number)) for number, one in enumerate(plain))
        if len(plain) == 1:
            choices = (("0", "given"),)
        if may_be_none or not at.filled:
            choices = (NONE, *choices)
        stands = "" if fits is None else str(fits)
        text = self.typed.get(f"{at.name}{FORM}", stands)
        about: dict[str, Any] = {
            "help": _help(plain, default=False),
            "nullable": nullable,
            "choices": choices,
        }
        if text not in dict(choices):
            return at.said(
                "variant", text=text, stands=stands, wrong="is none of the forms that it can have", **about
            )
        if text == "":
            return at.said("variant", text=text, stands=stands, **about)
        form = plain[int(text)]
        inside = replace(at, required=True)
        inside = inside if text == stands else replace(inside, value=None, there=False)
        one = self._one(inside, form) if _is_box(form, inside.value) else self._leaf(inside, [form])
        return at.said("variant", text=text, stands=stands, inner=(one,), schema=form, **about)

    def _one(self, at: _At, form: Alternative, *, nullable: bool = False) -> Input:
        about: dict[str, Any] = {"nullable": nullable, "help": _help([form])}
        if type_of(form) == "object":
            has = at.value if isinstance(at.value, dict) else {}
            return at.said(
                "group", **about, inner=tuple(self._members(has, form, replace(at, depth=max(at.depth, 1))))
            )
        rows = at.value if isinstance(at.value, list) else []
        stands = " ".join(str(number) for number in range(len(rows)))
        text = self.typed.get(f"{at.name}{ORDER}", stands)
        keys = list(dict.fromkeys(text.split()))
        if len(keys) > max(MOST_ROWS, len(rows)) or not all(_ROW.match(key) for key in keys):
            return at.said(
                "list", **about, text=text, stands=stands, wrong=f"is no order of at most {MOST_ROWS} rows"
            )
        return at.said(
            "list", **about, text=text, stands=stands, inner=tuple(self._rows(at, rows, keys, form))
        )

    def _rows(self, at: _At, rows: list[JSON], keys: list[str], form: Alternative) -> Iterator[Input]:
        place = 0
        for number, key in enumerate(keys, 1):
            old = int(key)
            spot = _At(
                name=f"{at.name}[{old}]",
                path=f"{at.path}[{place}]",
                key=place,
                label=f"{at.label} {number}",
                value=rows[old] if old < len(rows) else None,
                there=old < len(rows),
                depth=at.depth + 1,
                guess=at.guess,
                row=key,
            )
            row = self._input(spot, _part(form, form["items"]))
            yield row
            place += spot.there or any(
                one.text != one.untouched for one in row.walk()
            )  # an empty new row is none

    # Leaves.

    def _leaf(self, at: _At, plain: list[Alternative], *, nullable: bool = False) -> Input:
        fixed = [fixed_values(one) for one in plain]
        values = [value for one in fixed for value in one or ()]
        about: dict[str, Any] = {"nullable": nullable, "help": _help(plain)}
        kinds = {type_of(one) for one in plain}
        if values and None not in fixed and not any(isinstance(one, (dict, list)) for one in values):
            if len(values) == 1 and at.required and (not at.there or at.value == values[0]) and at.depth > 1:
                text = value_text(values[0])
                return at.said("fixed", **about, value=values[0], text=text, stands=text)
            return self._choice(at, "choice", [*values, *([None] if nullable else [])], about)
        value = at.value
        if isinstance(value, bool) or (value is None and kinds == {"boolean"}):
            if kinds <= {"boolean", ""}:
                return self._choice(at, "boolean", [True, False, *([None] if nullable else [])], about)
            return self._json(at)
        numeric = bool(kinds) and kinds <= {"integer", "number"}
        if isinstance(value, (int, float)) or (value is None and numeric):
            if kinds & {"integer", "number", ""}:
                return self._number(at, plain, {**about, "typed": self.numbers or at.guess or not numeric})
        elif (isinstance(value, str) and kinds & {"string", ""}) or (
            value is None and kinds <= {"string", ""}
        ):
            return self._text(at, value or "", plain, about)
        return self._json(at)

    def _choice(self, at: _At, kind: Kind, values: list[JSON], about: Mapping[str, Any]) -> Input:
        said = {
            json.dumps(one, ensure_ascii=False): one for one in ([at.value, *values] if at.there else values)
        }
        choices = [] if at.there else [("", "(not said)")]
        for text, one in said.items():
            words = {"true": "yes", "false": "no"}.get(text) if kind == "boolean" else None
            choices.append((text, words or value_text(one) or ("(none)" if one is None else "(empty)")))
        stands = json.dumps(at.value, ensure_ascii=False) if at.there else ""
        typed = self.typed.get(at.name, stands)
        text = (
            typed
            if typed in dict(choices)
            else next((text for text, label in choices if label == typed), typed)
        )
        return at.said(kind, **about, choices=tuple(choices), text=text, stands=stands)

    def _number(self, at: _At, plain: list[Alternative], about: Mapping[str, Any]) -> Input:
        stands = value_text(at.value)
        says = next(
            (str(one["x-currency"]) for one in plain if isinstance(one.get("x-currency"), str)), at.currency
        )
        money = bool(says) or any(one.get("format") == "money" for one in plain)
        text, unit = self.typed.get(at.name, stands), "" if says == "?" else says
        return at.said("money" if money else "number", **about, text=text, stands=stands, unit=unit)

    def _text(self, at: _At, stands: str, plain: list[Alternative], about: Mapping[str, Any]) -> Input:
        formats = {one.get("format") for one in plain}
        if "date" in formats and (not stands or is_date(stands)):
            return at.said("date", **about, text=self.typed.get(at.name, stands), stands=stands)
        found = stamp(stands)
        if "date-time" in formats and (found or not stands):
            local, zone = found or ("", "Z")
            unit = "UTC" if zone in ("Z", "z") else f"UTC{zone}" if zone else "no time zone"
            return at.said("datetime", **about, text=self.typed.get(at.name, local), stands=local, unit=unit)
        money = "money" in formats or at.currency or any("x-currency" in one for one in plain)
        if money and (not stands or AMOUNT.match(stands)):
            return self._number(at, plain, about)
        text = self.typed.get(at.name, stands)
        most = max((one["maxLength"] for one in plain if isinstance(one.get("maxLength"), int)), default=0)
        roomy = "multiline" in formats or most > 200
        long = roomy or any(len(one) > LONG or _BREAKS.search(one) for one in (stands, text))
        return at.said("long" if long else "text", **about, text=text, stands=stands)

    def _json(self, at: _At) -> Input:
        stands = json.dumps(at.value, ensure_ascii=False, indent=2) if at.there else ""
        return at.said("json", text=self.typed.get(at.name, stands), stands=stands)


def _part(one: Alternative, schema: Any) -> Schema:
    return within(one, schema) if isinstance(schema, (dict, bool)) else {}


def _is_box(one: Alternative, value: JSON) -> bool:
    """Whether an alternative has inputs within it."""
    kind = type_of(one)
    if fixed_values(one) is not None:
        return False
    if kind == "array":
        return "items" in one and "prefixItems" not in one and one["items"] not in (True, False)
    named = isinstance(one.get("properties"), dict) and bool(one["properties"])
    return kind == "object" and (
        named or (isinstance(value, dict) and bool(value) and "additionalProperties" not in one)
    )


def _holds(one: Alternative, value: JSON) -> bool:
    kind = type_of(one)
    return (
        isinstance(value, {"object": dict, "array": list}[kind])
        if kind in ("object", "array")
        else not isinstance(value, (dict, list))
    )


def _named(one: Alternative, number: int) -> str:
    """What to call one of several forms: its title, what its fixed fields say, or its type."""
    properties = one.get("properties")
    parts = properties.values() if isinstance(properties, dict) else ()
    fixed = [value_text(part["const"]) for part in parts if isinstance(part, dict) and "const" in part]
    kinds = {
        "string": "Text",
        "array": "A list",
        "integer": "A number",
        "number": "A number",
        "boolean": "Yes or no",
    }
    said = ", ".join(fixed) or str(one.get("title") or "") or kinds.get(type_of(one), "")
    return said[:80] or f"Form {number + 1}"


def _help(plain: list[Alternative], *, default: bool = True) -> str:
    said = [str(one["description"]) for one in plain if one.get("description")][:1]
    if default:
        said += [
            f"Default: {value_text(one['default'])[:80]}."
            for one in plain
            if one.get("default") not in (None, "", [], {})
        ][:1]
    return " ".join(said)
