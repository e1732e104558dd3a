"""What a person can decide: a tagged union, never a bool, a string or a dict."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from hitl_graph.errors import AnswerError
from hitl_graph.plain import plain_json

__all__ = [
    "AGENT",
    "APPROVING",
    "DECISIONS",
    "SYSTEM",
    "VIA_DESK",
    "Approve",
    "AskInfo",
    "Cause",
    "Choose",
    "Decision",
    "Edit",
    "Recurrence",
    "Reject",
    "Respond",
    "TakeOver",
    "decision_from_json",
    "decision_to_json",
]

_CONFIG = ConfigDict(extra="forbid")
_Text = Annotated[str, Field(min_length=1)]


class Cause(enum.StrEnum):
    """Where the mistake came from (R19)."""

    MODEL = "model"
    INSTRUCTIONS = "instructions"
    SOURCE_DATA = "source_data"


def _named(cause: str) -> str:
    """One of ours where it is one; another text is a code of the desk's."""
    return Cause(cause) if cause in set(Cause) else cause


_Cause = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_named)]


class Recurrence(enum.StrEnum):
    """Whether this will come again (R19)."""

    EDGE = "edge"
    RECURRING = "recurring"


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class _Grounds:
    """What every decision may say about itself."""

    reason: str | None = None
    """A short code to count by, such as `"tone"`."""
    cause: _Cause | None = None
    """Where the mistake came from; a text is one of the codes that the desk was given for it (`desk.codes`)."""
    recurrence: Recurrence | None = None
    note: str | None = None
    """Free words for the next reader."""

    type: str = "decision"


@dataclass(frozen=True, config=_CONFIG)
class Approve(_Grounds):
    """Do exactly what was shown."""

    type: Literal["approve"] = Field(default="approve", kw_only=True)


@dataclass(frozen=True, config=_CONFIG)
class Edit(_Grounds):
    """Do it with these fields changed.

    Args:
        changes: New values by field of the proposal; a field that is not named stays. Validated against the
            gate's schema and judged again.
        tool: Where an agent's tool call is reviewed: the tool to call instead. `changes` are then all of its
            arguments, checked against that tool's schema and judged by that tool's gate.
    """

    changes: dict[str, Any]
    tool: str | None = Field(default=None, min_length=1, kw_only=True)
    type: Literal["edit"] = Field(default="edit", kw_only=True)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.changes and self.tool is None:
            raise ValueError("is empty: name a field and its new value")
        return self


@dataclass(frozen=True, config=_CONFIG)
class Reject(_Grounds):
    """Do not do it. The graph goes on where the gate says a rejected proposal goes."""

    type: Literal["reject"] = Field(default="reject", kw_only=True)


@dataclass(frozen=True, config=_CONFIG)
class Choose(_Grounds):
    """Take one of the options, by its value."""

    option: _Text
    type: Literal["choose"] = Field(default="choose", kw_only=True)


@dataclass(frozen=True, config=_CONFIG)
class Respond(_Grounds):
    """Answer in words instead of doing what was proposed."""

    message: _Text
    type: Literal["respond"] = Field(default="respond", kw_only=True)


@dataclass(frozen=True, config=_CONFIG)
class AskInfo(_Grounds):
    """It cannot be decided yet: this is what is missing (R17)."""

    question: _Text
    type: Literal["ask_info"] = Field(default="ask_info", kw_only=True)


@dataclass(frozen=True, config=_CONFIG)
class TakeOver(_Grounds):
    """A person does it from here; the agent stays silent (R71)."""

    type: Literal["take_over"] = Field(default="take_over", kw_only=True)


Decision = Approve | Edit | Reject | Choose | Respond | AskInfo | TakeOver
"""What a person decided: one of these."""
DECISIONS: tuple[str, ...] = ("approve", "edit", "reject", "choose", "respond", "ask_info", "take_over")
"""The kinds of decision, by the word that stands in JSON as `type`."""
APPROVING = frozenset({"approve", "edit", "choose"})
"""The kinds that let an act through."""
SYSTEM = "system:"
"""How the names of this library's own parts begin, such as its clock: they are no people."""
AGENT = "agent:"
"""How the names of agents begin, which never decide."""
VIA_DESK = frozenset({"desk", "system", "webhook"})
"""The ways of a decision that the desk has taken and checked; every other answer came past it."""

_ADAPTER: TypeAdapter[Decision] = TypeAdapter(Annotated[Decision, Field(discriminator="type")])


def decision_from_json(value: Mapping[str, Any]) -> Decision:
    """Read a decision in its native form: `{"type": "edit", "changes": {...}, "reason": ...}`.

    Raises:
        AnswerError: An unknown type, a missing or unknown field, or a value that is no plain JSON. Nothing
            was saved.
    """
    kind = value.get("type")
    if kind not in DECISIONS:
        raise AnswerError("", "type", f"is {str(kind)[:40]!r}, and should be one of {', '.join(DECISIONS)}")
    try:
        return _ADAPTER.validate_python(dict(value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = (
            ".".join(str(part) for part in first["loc"][1:]) or "changes"
        )  # the one that a whole edit lacks
        problem = first["msg"].removeprefix("Value error, ")
        raise AnswerError("", field, problem[:1].lower() + problem[1:]) from None


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """Plain JSON of a decision; what was left empty is left out.

    Raises:
        PlainJsonError: A value in it is no plain JSON.
    """
    body = {f.name: getattr(decision, f.name) for f in dataclasses.fields(decision)}
    out: dict[str, Any] = plain_json({k: v for k, v in body.items() if v is not None}, decision.type)
    return out
