"""The edit form of a case: its fields, from the gate's JSON Schema, and what a person typed into them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Literal

from hitl_graph.answers import refused, same_json
from hitl_graph.coercion import is_printed, parse_json
from hitl_graph.errors import PlainJsonError
from hitl_graph.plain import JSON, hidden_characters, plain_json, printable
from hitl_graph.reviews import ReviewRequest
from hitl_graph.schemas import BROKEN, branches, inferred_schema, members
from hitl_graph.views.diff import value_text

__all__ = ["Field", "fields_of", "form_fields", "read_form"]

Kind = Literal["text", "long", "number", "boolean", "choice", "date", "json"]

LONG = 40
"""Characters from which a text gets several lines."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form.

    Attributes:
        name: The field of the proposal.
        label: What it is called.
        kind: How it is edited: `long` over several lines, `json` as JSON text.
        value: What stands there now; `there` is False where the proposal has no such field yet.
        choices: The values of a choice.
        help: What the schema says about it.
    """

    name: str
    label: str
    kind: Kind
    value: JSON
    there: bool = True
    choices: tuple[JSON, ...] = ()
    help: str = ""

    @property
    def text(self) -> str:
        """The value as the form shows it."""
        if self.kind in ("choice", "boolean"):
            return json.dumps(self.value, ensure_ascii=False)
        if self.kind == "json":
            return json.dumps(self.value, ensure_ascii=False, indent=2) if self.there else ""
        return value_text(self.value)

    def to_json(self) -> dict[str, JSON]:
        """What the card draws; every value as text."""
        values = (self.value, *(one for one in self.choices if not same_json(one, self.value)))
        choices = [{"value": _dumped(one), "label": printable(value_text(one)) or "(none)"} for one in values]
        return {
            "name": self.name,
            "label": printable(self.label),
            "kind": self.kind,
            "text": self.text,
            "choices": choices if self.kind == "choice" else [],
            "help": printable(self.help),
            "hidden": hidden_characters(self.value) if isinstance(self.value, str) else [],
        }


def form_fields(request: ReviewRequest, tool: str | None = None) -> list[Field]:
    """The fields that an edit may change: those of the proposal, then those that the schema adds.

    Args:
        request: The case.
        tool: The other tool whose arguments are asked for, of `request.other_tools`.
    """
    if tool is not None:
        return _fields({}, request.other_tools[tool])
    return _fields(request.proposal, request.edit_schema or inferred_schema(request.proposal))


def fields_of(proposal: Mapping[str, JSON], schema: dict[str, Any] | None = None) -> list[Field]:
    """The fields of any arguments, by their JSON Schema; without one, by what stands there now."""
    return _fields(proposal, inferred_schema(dict(proposal)) if schema is None else schema)


def read_form(fields: list[Field], typed: Mapping[str, str], where: str) -> dict[str, JSON]:
    """The changes that a person made: the typed fields that differ from what stands there.

    Text stays text here; the case turns it into the type that the field has. JSON text is read.

    Args:
        fields: The form.
        typed: The text of each field that was touched.
        where: What to call the case in an error.

    Raises:
        AnswerError: Text that should be JSON and is not, or a field that the form does not have.
    """
    known = {field.name: field for field in fields}
    changes: dict[str, JSON] = {}
    for name, text in typed.items():
        if name not in known:
            raise refused(where, f"changes.{name}", "is no field of what is proposed")
        field = known[name]
        if not field.there and not text.strip():
            continue
        try:
            value = plain_json(_read(field, text, where), f"changes.{name}")
        except PlainJsonError as error:
            raise refused(where, error.field, error.problem) from None
        if not (field.there and (same_json(value, field.value) or is_printed(value, field.value))):
            changes[name] = value
    return changes


def _fields(proposal: Mapping[str, JSON], schema: dict[str, Any]) -> list[Field]:
    try:
        here = list(branches(schema))
        named = [name for branch in here for name in branch.get("properties", {})]
    except BROKEN:
        here, named = [], []
    return [_field(name, proposal, _about(here, name)) for name in dict.fromkeys((*proposal, *named))]


def _about(here: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """What the schema says about one field, each alternative by itself."""
    try:
        return [branch for part in members(here, name) if isinstance(part, dict) for branch in branches(part)]
    except BROKEN:
        return []


def _field(name: str, proposal: Mapping[str, JSON], about: list[dict[str, Any]]) -> Field:
    value, there = proposal.get(name), name in proposal
    choices = [one for part in about for one in _fixed(part)]
    types = {kind for part in about for kind in _listed(part.get("type"))}
    optional = [None] if choices and "null" in types else []
    default = next((part["default"] for part in about if "default" in part), None)
    return Field(
        name=name,
        label=_label(name),
        kind="choice" if choices else _kind(value if there else default, types, about),
        value=value,
        there=there,
        choices=(*choices, *optional),
        help=next((str(part["description"]) for part in about if part.get("description")), ""),
    )


def _label(name: str) -> str:
    """A name in words; one that is no plain `snake_case` stays as it is, so that no two look alike."""
    if name.islower() and all(part.isalnum() for part in name.split("_")):
        return name.replace("_", " ").capitalize()
    return name or "(no name)"


def _kind(value: JSON, types: set[str], about: list[dict[str, Any]]) -> Kind:
    plain = types - {"null"}
    if isinstance(value, bool) or (value is None and plain == {"boolean"}):
        return "boolean"
    if (plain and plain <= {"integer", "number"}) or (not plain and isinstance(value, (int, float))):
        return "number" if value is None or isinstance(value, (int, float)) else "json"
    if isinstance(value, str) or (value is None and plain <= {"string"} and (plain or not types)):
        text = value or ""
        if any(part.get("format") == "date" for part in about) and (not text or _is_date(text)):
            return "date"
        return "long" if len(text) > LONG or "\n" in text else "text"
    return "json"


def _read(field: Field, text: str, where: str) -> JSON:
    if field.kind in ("choice", "boolean", "json"):
        try:
            return parse_json(text)
        except ValueError as error:
            problem = f'should be JSON, such as "yes" in quotes, 5, null or ["a"]: {error}'
            raise refused(where, f"changes.{field.name}", problem) from None
    if field.value is None and not text:
        return None
    if field.kind == "number" and not text.strip():
        return None  # which the schema takes, or says what it wants
    if isinstance(field.value, str) and "\r\n" in field.value and "\n" not in field.value.replace("\r\n", ""):
        return text.replace("\r\n", "\n").replace("\n", "\r\n")  # a browser's text has bare newlines
    return text


def _fixed(part: Mapping[str, Any]) -> list[JSON]:
    fixed = [part["const"]] if "const" in part else part.get("enum", [])
    return [one for one in fixed if one is None or isinstance(one, (str, int, float, bool))]


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types or ())


def _dumped(value: JSON) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(dt.date.fromisoformat(text))
    except ValueError:
        return False
