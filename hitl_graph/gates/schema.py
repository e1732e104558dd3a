"""The shape of a proposal: what may be edited, and how an edit is checked."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from hitl_graph.errors import DefinitionError
from hitl_graph.plain import JSON, plain_json
from hitl_graph.schemas import fault

__all__ = ["VALUE", "ProposalSchema", "as_object", "from_object"]

VALUE = "value"
"""The field under which a proposal that is no JSON object is shown."""


class ProposalSchema:
    """A pydantic model, TypedDict, dataclass or JSON Schema that every version of a proposal must fit.

    Args:
        where: The gate, for errors.
        schema: A type, a JSON Schema dict, or None when nothing is known.

    Raises:
        DefinitionError: pydantic can make nothing of it.
    """

    def __init__(self, where: str, schema: Any) -> None:
        self._adapter: TypeAdapter[Any] | None = None
        self._json: dict[str, Any] | None = None
        if schema is None:
            return
        if isinstance(schema, Mapping):
            self._json = plain_json(schema, "schema")
        else:
            if inspect.isroutine(schema):
                raise DefinitionError(where, "schema", "is a function, not a type or a JSON Schema")
            try:
                self._adapter = TypeAdapter(schema)
                self._json = plain_json(self._adapter.json_schema(), "schema")
            except (PydanticSchemaGenerationError, PydanticUserError) as error:
                raise DefinitionError(
                    where, "schema", f"is no pydantic model, TypedDict, dataclass or JSON Schema ({error})"
                ) from None

    @property
    def json(self) -> dict[str, Any] | None:
        """JSON Schema of the proposal as it is shown: scalars stand under `value`."""
        if self._json is None or self._is_object():
            return self._json
        inner = {k: v for k, v in self._json.items() if k != "$defs"}
        out = {
            "type": "object",
            "properties": {VALUE: inner},
            "required": [VALUE],
            "additionalProperties": False,
        }
        return {**out, "$defs": self._json["$defs"]} if "$defs" in self._json else out

    @property
    def fields(self) -> list[str] | None:
        """The names of the fields, or None when the schema does not list them."""
        properties = (self.json or {}).get("properties")
        return list(properties) if properties else None

    def problem(self, proposal: Mapping[str, JSON]) -> tuple[str, str] | None:
        """The first thing wrong with a proposal, as (field, problem), or None when it fits."""
        if self._adapter is None:
            found = fault(dict(proposal), self.json) if self.json else None
            return None if found is None else (".".join(str(part) for part in found[0]) or VALUE, found[1])
        value = proposal if self._is_object() else proposal.get(VALUE)
        try:
            self._adapter.validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or VALUE
            return field, first["msg"][:1].lower() + first["msg"][1:]
        return None

    def _is_object(self) -> bool:
        return self._names_object(self._json or {})

    def _names_object(self, schema: Mapping[str, Any]) -> bool:
        """Whether every value of a schema is a JSON object."""
        if "$ref" in schema:
            schema = (self._json or {}).get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[-1], {})
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return all(self._names_object(branch) for branch in branches)
        return schema.get("type") == "object" or "properties" in schema


def as_object(value: JSON) -> dict[str, Any]:
    """A proposal as a JSON object; anything else stands under `value`."""
    return dict(value) if isinstance(value, Mapping) else {VALUE: value}


def from_object(proposal: Mapping[str, JSON], like: object) -> Any:
    """The inverse of `as_object`, in the type of what stood in the state before.

    Raises:
        pydantic.ValidationError: That type refuses it.
    """
    if isinstance(like, BaseModel) or (dataclasses.is_dataclass(like) and not isinstance(like, type)):
        return TypeAdapter(type(like)).validate_python(dict(proposal))
    if isinstance(like, Mapping):
        return dict(proposal)
    if like is None or (isinstance(like, (str, int, float, list)) and not isinstance(like, enum.Enum)):
        return proposal[VALUE]
    return TypeAdapter(type(like)).validate_python(proposal[VALUE])
