"""A form as somebody has sent it, with what is wrong beside the field that it is about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from fastapi import Request

from hitl_graph.errors import AnswerError, NoticeError
from hitl_graph.views.said_words import said_words

__all__ = ["FieldError", "Typed", "typed"]

FieldError = (AnswerError, NoticeError)
"""What the desk says of one field."""
_MOST_FIELDS = 200
_LINES = "\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in a form.

    Attributes:
        values: The texts of each field, by name.
        field: The field that something is wrong with; empty: none, or none of the form's.
        problem: What is wrong.
    """

    values: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    field: str = ""
    problem: str = ""

    def get(self, name: str, default: str = "") -> str:
        """The text of a field, without blanks around it."""
        found = self.values.get(name)
        return found[-1].strip() if found else default

    def all(self, name: str) -> list[str]:
        """Everything that is ticked under a name."""
        return [value for value in self.values.get(name, ()) if value]

    def lines(self, name: str) -> list[str]:
        """A text with one entry a line."""
        return [line.strip() for line in self.get(name).replace("\r", _LINES).split(_LINES) if line.strip()]

    def has(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.get(name))

    def wrong(self, name: str) -> str:
        """What is wrong with a field."""
        return self.problem if self.field == name else ""

    def refused(self, error: AnswerError | NoticeError, **fields: str) -> Typed:
        """The same form with what is wrong, in words for who filled it in.

        Args:
            error: What the desk said. fields: What a field of the desk is called in the form, where it differs.
        """
        field = fields.get(error.field, error.field)
        return dataclasses.replace(self, field=field, problem=said_words(field, error.problem))


async def typed(request: Request) -> Typed:
    """What a request's form holds."""
    form = await request.form(max_fields=_MOST_FIELDS)
    values: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            values.setdefault(name, []).append(value)
    return Typed(values=values)
