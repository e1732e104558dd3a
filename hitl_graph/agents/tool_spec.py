"""What a tool takes: the JSON Schema of its arguments, and those that the program adds itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hitl_graph.coercion import coerce
from hitl_graph.gates import CompositeGate, Gate
from hitl_graph.gates.schema import ProposalSchema
from hitl_graph.plain import digest, plain_json
from hitl_graph.schemas import undeclared

__all__ = ["ToolSpec", "asks_for", "call_digest", "gate_of_tool", "tool_problem"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """One tool as the model was shown it. `injected` are arguments that the program adds, which nobody else may set."""

    name: str
    schema: dict[str, Any] | None
    injected: tuple[str, ...] = ()

    @classmethod
    def of(cls, tool: BaseTool | Mapping[str, Any]) -> ToolSpec | None:
        """The spec of a tool, or of a provider's tool in its own JSON; None where it takes no arguments from us."""
        if isinstance(tool, BaseTool):
            shown = tool.tool_call_schema
            schema = shown if isinstance(shown, dict) else TypeAdapter(shown).json_schema()
            return cls(name=tool.name, schema=_bare(schema), injected=_injected(tool))
        function = tool.get("function", tool)
        name, schema = function.get("name"), function.get("parameters", function.get("input_schema"))
        return (
            cls(name=name, schema=_bare(schema))
            if isinstance(name, str) and isinstance(schema, dict)
            else None
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, as it is kept in the agent's state."""
        return {"schema": self.schema, "injected": list(self.injected)}

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> ToolSpec:
        """Read what `to_json` wrote."""
        return cls(name=name, schema=value["schema"], injected=tuple(value["injected"]))

    def taken(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The model's arguments as the tool will take them: text made numbers where it wants those, none forged.

        Raises:
            PlainJsonError: They are no plain JSON, such as NaN.
        """
        given = plain_json({key: value for key, value in args.items() if key not in self.injected}, "args")
        out: dict[str, Any] = coerce(given, self.schema) if self.schema else given
        return out

    def problem(self, args: Mapping[str, Any]) -> tuple[str, str] | None:
        """The first thing wrong with arguments, as (field, problem), or None when the tool takes them."""
        return ProposalSchema(self.name, self.schema).problem(args)

    def filled(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments with the defaults of those that were left out."""
        fields: Mapping[str, Any] = (self.schema or {}).get("properties") or {}
        given = {name: field["default"] for name, field in fields.items() if "default" in field}
        return {**given, **args}

    def unknown(self, args: dict[str, Any]) -> str | None:
        """An argument that the tool does not declare, or None."""
        found = undeclared(args, self.schema, {}) if self.schema else None
        return ".".join(str(part) for part in found) if found else None


def call_digest(name: str, args: Mapping[str, Any]) -> str:
    """The digest of a tool call: two calls with the same one ask for the same.

    Raises:
        PlainJsonError: The arguments are no plain JSON.
    """
    return digest(plain_json({"tool": name, "args": dict(args)}, "call"))


def asks_for(name: str, args: Mapping[str, Any], spec: ToolSpec | None) -> str:
    """The digest of what a call asks for: a default that is written out makes no other call of it.

    Raises:
        PlainJsonError: The arguments are no plain JSON.
    """
    return call_digest(name, spec.filled(args) if spec else args)


def gate_of_tool(gate: Gate, spec: ToolSpec | None, tool: BaseTool | None = None) -> Gate:
    """The gate with the tool's schema where its author gave none; with `tool`, its model and its validators."""
    if spec is None or spec.schema is None:
        return gate
    schema: Any = spec.schema
    if (
        tool is not None and "$defs" not in spec.schema
    ):  # pydantic, which reads the type, would take them for its own
        schema = Annotated[Any, _Takes(spec, tool)]
    changes: dict[str, Any] = {} if gate.schema is not None else {"schema": schema}
    if isinstance(gate, CompositeGate):
        changes["gates"] = tuple(gate_of_tool(part, spec, tool) for part in gate.gates)
    return dataclasses.replace(gate, **changes) if changes else gate


def tool_problem(tool: BaseTool | None, args: Mapping[str, Any]) -> tuple[str, str] | None:
    """What the tool's own model says against arguments, its validators included; None where it has none."""
    model = None if tool is None else tool.args_schema
    if tool is None or not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    try:
        model.model_validate(dict(args))
    except ValidationError as error:
        for first in error.errors(include_url=False):
            if first["loc"][:1] and first["loc"][0] in _injected(tool):
                continue  # it is not there yet
            field = ".".join(str(part) for part in first["loc"]) or "args"
            return field, first["msg"][:1].lower() + first["msg"][1:]
    return None


class _Takes:
    """As `Annotated[Any, …]`, the arguments that a tool takes: its JSON Schema, checked by its own model as well."""

    def __init__(self, spec: ToolSpec, tool: BaseTool) -> None:
        self._spec = spec
        self._tool = tool

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: Any) -> Any:
            found = self._spec.problem(value) or tool_problem(self._tool, value)
            if found:
                raise PydanticCustomError(
                    "tool", "{field}: {problem}", {"field": found[0], "problem": found[1]}
                )
            return value

        return core_schema.no_info_plain_validator_function(check)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self._spec.schema or {})


def _injected(tool: BaseTool) -> tuple[str, ...]:
    """The arguments that are not the model's to give: injected state, store, runtime, call id."""
    own: frozenset[str] = getattr(tool, "_injected_args_keys", frozenset())
    if isinstance(tool.args_schema, dict):
        return tuple(sorted(own))
    shown = tool.tool_call_schema
    fields = shown.model_fields if isinstance(shown, type) and issubclass(shown, BaseModel) else {}
    full = getattr(tool.get_input_schema(), "model_fields", {})
    return tuple(sorted(own | (set(full) - set(fields))))


def _bare(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A schema without its title and description: they are the tool's and say nothing of a form."""
    if schema is None:
        return None
    out: dict[str, Any] = plain_json(
        {k: v for k, v in schema.items() if k not in ("title", "description")}, "schema"
    )
    return out
