"""What a person typed into an edit form, read: the fields that differ, and the input that an error belongs to. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from hitl_graph.answers import refused, same_json
from hitl_graph.coercion import coerce, is_printed, parse_json
from hitl_graph.errors import AnswerError, PlainJsonError
from hitl_graph.plain import JSON, plain_json
from hitl_graph.reviews import ReviewRequest
from hitl_graph.schemas import Schema, fault, inferred_schema, join
from hitl_graph.views.fields import draw
from hitl_graph.views.inputs import AMOUNT, ORDER, Input, stamp

__all__ = ["EditForm", "Reading", "edit_form", "form_over", "moved_row"]

_ABSENT: Any = object()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """What was typed, as far as it can be read.

    Attributes:
        changes: The fields that differ and can be read.
        raw: Of the others each text that was touched: its path below the proposal, before, and as it was typed.
        wrong: What is wrong with those, the first of each field.
    """

    changes: Mapping[str, JSON]
    raw: tuple[tuple[str, str, str], ...] = ()
    wrong: tuple[AnswerError, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class EditForm:
    """A form as it stands: what is proposed, and what was typed over it.

    Attributes:
        inputs: To be drawn. proposal: What stands there. typed: What was typed, by name.
        schema: What the inputs were drawn from.
    """

    inputs: tuple[Input, ...]
    proposal: Mapping[str, JSON]
    typed: Mapping[str, str]
    schema: Schema = True

    def changes(self, where: str) -> dict[str, JSON]:
        """The fields that differ from what stands there, whole: a list with one row changed is the whole list.

        Text stays text; the case turns it into the type that its schema wants. A form that nobody touched changes
        nothing.

        Args:
            where: What to call the case in an error.

        Raises:
            AnswerError: Text that cannot be read, or a field that the form does not have. `field` names it.
        """
        read = self.read(where)
        if read.wrong:
            raise read.wrong[0]
        return dict(read.changes)

    def read(self, where: str) -> Reading:
        """The same, field by field: what can be read, and what cannot, with the text that was typed."""
        wrong = [
            refused(where, f"changes.{name}", "is no field of what is proposed")
            for name in self.typed
            if not self.has(name)
        ]
        changes: dict[str, JSON] = {}
        raw: list[tuple[str, str, str]] = []
        for one in self.inputs:
            try:
                value = _read(one, where)
                if value is not _ABSENT:
                    value = plain_json(value, one.path)
            except AnswerError as error:
                wrong.append(error)
                raw += _touched(one)
                continue
            except PlainJsonError as error:
                wrong.append(refused(where, error.field, error.problem))
                raw += _touched(one)
                continue
            if value is _ABSENT:
                continue
            before = self.proposal.get(str(one.key))
            there = str(one.key) in self.proposal
            if not (there and (same_json(value, before) or is_printed(value, before))):
                changes[str(one.key)] = value
        return Reading(changes=changes, raw=tuple(raw), wrong=tuple(wrong))

    def key(self, field: str) -> str | None:
        """The field of what is proposed that an error belongs to; None for none of them."""
        place = self.place(field)
        return next((str(top.key) for top in self.inputs for one in top.walk() if place == one.path), None)

    def has(self, name: str) -> bool:
        """Whether a name is of this form: of an input, or of something within one that may not be drawn now."""
        known = {one.name for one in self.inputs}
        return name in known or any(name.startswith(one) and name[len(one)] in "[.{" for one in known)

    def place(self, field: str) -> str:
        """The path of the input that an error about `field` belongs to, or "" for none of them."""
        best = ""
        for top in self.inputs:
            for one in top.walk():
                path = one.path
                if (
                    len(path) > len(best)
                    and field.startswith(path)
                    and field[len(path) : len(path) + 1] in ("", ".", "[")
                ):
                    best = path
        return best


def edit_form(
    request: ReviewRequest, typed: Mapping[str, str] | None = None, tool: str | None = None
) -> EditForm:
    """The form of a case of ours, or of the arguments of another tool that may be called instead.

    Args:
        request: The case. typed: What was typed, by name. tool: One of `request.other_tools`.
    """
    if tool:
        return _form({}, request.other_tools[tool], typed, numbers=False)
    schema = request.edit_schema or inferred_schema(request.proposal)
    return _form(request.proposal, schema, typed, numbers=False)


def form_over(
    proposal: Mapping[str, JSON], schema: Schema | None = None, typed: Mapping[str, str] | None = None
) -> EditForm:
    """The form of any arguments; numbers are read here, for nothing later knows that they are some."""
    return _form(proposal, inferred_schema(proposal) if schema is None else schema, typed, numbers=True)


def moved_row(form: EditForm, what: str, name: str, key: str = "") -> dict[str, str]:
    """The typed texts after a row was added, removed or moved; as they were where there is no such row.

    Args:
        form: The form. what: `add`, `remove`, `up` or `down`. name: Of the list. key: Of the row.
    """
    found = next(
        (one for top in form.inputs for one in top.walk() if one.name == name and one.kind == "list"), None
    )
    if found is None or found.wrong:
        return dict(form.typed)
    keys = [one.row for one in found.inner]
    if what == "add":
        rows = len(found.value) if isinstance(found.value, list) else 0
        keys.append(str(max(rows - 1, *(int(one) for one in keys), *_used(form.typed, name), -1) + 1))
    elif key in keys:
        place = keys.index(key)
        keys.remove(key)
        if what != "remove":
            keys.insert(max(0, place - 1) if what == "up" else place + 1, key)
    return {**form.typed, f"{name}{ORDER}": " ".join(keys)}


def _used(typed: Mapping[str, str], name: str) -> list[int]:
    """The keys that rows of a list had once: none is given twice, or a new row would show an old one's text."""
    found = re.compile(re.escape(name) + r"\[([0-9]{1,6})\]").match
    return [int(match[1]) for match in map(found, typed) if match]


def _form(
    proposal: Mapping[str, JSON], schema: Schema, typed: Mapping[str, str] | None, *, numbers: bool
) -> EditForm:
    inputs = draw(proposal, schema, typed, numbers=numbers)
    return EditForm(inputs=tuple(inputs), proposal=proposal, typed=dict(typed or {}), schema=schema)


def _touched(top: Input) -> list[tuple[str, str, str]]:
    """The texts of an input, or of those within it, that somebody has typed in: path, before, now."""
    return [
        (one.path.removeprefix("changes."), one.untouched, one.text)
        for one in top.walk()
        if one.kind not in ("group", "list", "variant", "fixed") and not _same_text(one)
    ]


def _read(one: Input, where: str) -> Any:
    """The value of an input, or `_ABSENT`: what stands there, where nobody touched it."""
    if one.wrong:
        raise refused(where, one.path, one.wrong)
    if one.kind == "fixed":
        return one.value if one.there else _ABSENT
    if one.kind == "group":
        return _group(one, where)
    if one.kind == "list":
        return _list(one, where)
    if one.kind == "variant":
        return _variant(one, where)
    if _same_text(one):
        return one.value if one.there else _ABSENT
    return _leaf(one, where)


def _group(one: Input, where: str, *, filled: bool = False) -> Any:
    out = dict(one.value) if isinstance(one.value, dict) else {}
    for inner in one.inner:
        value = _read(inner, where)
        if value is _ABSENT:
            out.pop(str(inner.key), None)
        else:
            out[str(inner.key)] = value
    if out or filled or isinstance(one.value, dict):
        for inner in one.inner:
            if inner.kind == "fixed" and not inner.there and not inner.optional:
                out.setdefault(str(inner.key), inner.value)
        return out
    return one.value if one.there else _ABSENT


def _list(one: Input, where: str) -> Any:
    rows = [value for inner in one.inner if (value := _read(inner, where)) is not _ABSENT]
    if not rows and one.text == one.untouched:
        return one.value if one.there else _ABSENT
    return rows if rows or one.there else _ABSENT


def _variant(one: Input, where: str) -> Any:
    if not one.inner:
        if one.text == one.untouched:
            return one.value if one.there else _ABSENT
        return None if one.nullable else _ABSENT
    [inner] = one.inner
    if one.text == one.untouched:
        value = _read(inner, where)
    elif inner.kind == "group":
        value = _group(inner, where, filled=True)
    elif (value := _read(inner, where)) is _ABSENT:
        value = [] if inner.kind == "list" else ""
    if value is one.value or one.schema is None:
        return value
    value = coerce(value, dict(one.schema))  # of all forms the one that was chosen says what is wrong
    if found := fault(value, dict(one.schema)):
        raise refused(where, join(one.path, found[0]), found[1])
    return value


def _leaf(one: Input, where: str) -> Any:
    """The value of an input that was touched."""
    text = _lines(one.text)
    blank = not text.strip()
    if blank and not one.there:
        return _ABSENT
    if blank and one.kind not in ("choice", "boolean", "text", "long") and (one.nullable or one.optional):
        return None if one.nullable else _ABSENT
    if one.kind == "json":
        return _json(one, text, where)
    if one.kind in ("choice", "boolean"):
        return _chosen(one, text, where)
    if one.kind in ("number", "money"):
        return _number(one, text, where)
    return _words(one, text)


def _words(one: Input, text: str) -> str | None:
    if one.kind == "datetime":
        return _moment(one, text)
    if one.kind == "date":
        return text.strip()
    if not text and one.nullable:
        return None
    if isinstance(one.value, str) and "\r\n" in one.value and "\n" not in one.value.replace("\r\n", ""):
        return text.replace("\n", "\r\n")  # a browser's text has bare newlines
    return text


def _chosen(one: Input, text: str, where: str) -> Any:
    if text not in dict(one.choices):
        raise refused(where, one.path, "is none of the choices")
    return _ABSENT if text == "" else parse_json(text)


def _json(one: Input, text: str, where: str) -> JSON:
    try:
        return plain_json(parse_json(text), one.path)
    except PlainJsonError as error:
        raise refused(where, one.path, error.problem) from None
    except ValueError as error:
        problem = f'should be JSON, such as "yes" in quotes, 5, null or ["a"]: {error}'
        raise refused(where, one.path, problem) from None


def _number(one: Input, text: str, where: str) -> JSON:
    bare = text.strip()
    if one.there and is_printed(bare, one.value):
        return one.value
    if one.kind == "money" and not AMOUNT.match(bare):
        raise refused(where, one.path, "should be an amount such as 1250.00, without marks for thousands")
    if not one.typed or isinstance(one.value, str):
        return bare
    try:
        found = parse_json(bare)
    except ValueError:
        found = None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise refused(where, one.path, "should be a number")
    whole = isinstance(one.value, int) and isinstance(found, float) and found.is_integer()
    return int(found) if whole else found


def _moment(one: Input, text: str) -> str:
    """What a browser's input gives, with the offset that stood there; any other text as it is."""
    bare = text.strip()
    found = stamp(bare)
    if found is None or found[1]:
        return bare
    before = stamp(one.value) if isinstance(one.value, str) else None
    return found[0] + (before[1] if before else "Z")


def _same_text(one: Input) -> bool:
    """Whether the text is what a browser sends of an input that nobody typed in: it has line breaks of its own."""
    text, stood = _lines(one.text), _lines(one.untouched)
    if text == stood or (one.kind not in ("long", "json") and text == stood.replace("\n", "")):
        return True
    return one.kind == "datetime" and stamp(text) == (stood, "")  # a browser leaves seconds of zero out


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
