"""Customer messages from a .csv or .jsonl file, read in full or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from hitl_graph.errors import HitlError, PlainJsonError
from hitl_graph.plain import plain_json, printable

__all__ = ["MAX_FIELD_CHARS", "SHIPPED_MESSAGES", "InputError", "Message", "read_messages"]

SHIPPED_MESSAGES = Path(__file__).with_name("messages.jsonl")
"""The messages that the demo uses when no file is named."""

MAX_FIELD_CHARS = 131_072
"""Characters in one field. A longer one is most often a quote that was never closed."""

_MAX_LINE_BYTES = 8 * 1024 * 1024

_Place = tuple[int, dict[str, object]]
"""The line on which a row starts, and its fields."""


class InputError(HitlError):
    """A file of messages that cannot be read as it is; nothing of it was processed.

    `path` is the file, `line` the 1-based line or None, `field` the column or key or None, `problem` what to
    do.
    """

    def __init__(
        self, path: Path | str, problem: str, line: int | None = None, field: str | None = None
    ) -> None:
        where = str(path) + (f", line {line}" if line else "") + (f", field {field!r}" if field else "")
        super().__init__(printable(f"{where}: {problem}"))
        self.path = str(path)
        self.problem = problem
        self.line = line
        self.field = field

    def __reduce__(self) -> tuple[type, tuple[str, str, int | None, str | None]]:
        return type(self), (self.path, self.problem, self.line, self.field)


@dataclass(frozen=True, kw_only=True)
class Message:
    """One customer message: its 1-based place among the file's messages, its text, and the other columns."""

    index: int
    text: str
    extra: dict[str, str] = field(default_factory=dict)


def read_messages(path: Path | None, limit: int | None = None) -> list[Message]:
    """The messages of a file, all of them readable, storable and not empty.

    A .csv file (commas, UTF-8, a header line) needs a column `text`; a .jsonl file has one JSON object a line
    with a key `text`. Other columns and keys are kept as strings: JSON values that are no strings as their
    JSON, null as "". Blank lines are skipped. Texts are kept to the character, line breaks inside quotes
    included.

    Args:
        path: The file; None reads the messages that ship with the package.
        limit: Read this many messages, 1 or more, and look at nothing after them; None reads all.

    Returns:
        One Message per row, in the file's order, at least one.

    Raises:
        InputError: The file, or the first line and field in it that cannot be used. No message is returned.
    """
    path = SHIPPED_MESSAGES if path is None else Path(path)
    if limit is not None and limit < 1:
        raise InputError(path, f"a limit of {limit} reads nothing: give 1 or more, or none for all")
    rows = {".csv": _csv_rows, ".jsonl": _jsonl_rows}.get(path.suffix.lower())
    if rows is None:
        ending = f"the ending {path.suffix!r}" if path.suffix else "no ending"
        raise InputError(path, f"has {ending}: give a .csv file with a header, or a .jsonl file")
    try:
        if path.is_dir():
            raise InputError(path, "is a directory: name one file in it")
        if not path.exists():
            raise InputError(path, "does not exist")
        if not path.is_file():
            raise InputError(path, "is no regular file: copy its content into one first")
        with path.open("rb") as handle:
            places = list(islice(rows(path, handle), limit))
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from error
    if not places:
        raise InputError(path, "holds no messages")
    return [_message(path, index, place) for index, place in enumerate(places, start=1)]


def _message(path: Path, index: int, place: _Place) -> Message:
    line, row = place
    fields = {name: _checked(path, line, name, value) for name, value in row.items()}
    text = fields.pop("text")
    if not text.strip():
        raise InputError(path, "is empty: write the message or delete the row", line, "text")
    return Message(index=index, text=text, extra=fields)


def _checked(path: Path, line: int, name: str, value: object) -> str:
    if value is None:
        value = ""
    elif not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False)
    if len(value) > MAX_FIELD_CHARS:
        raise InputError(path, _too_long(f"{len(value):,} characters"), line, name)
    try:
        plain_json(name, name)
        plain_json(value, name)
    except PlainJsonError as error:
        raise InputError(path, error.problem, line, name) from error
    return value


def _csv_rows(path: Path, handle: BinaryIO) -> Iterator[_Place]:
    # strict: a quote that is left open or followed by text is an error, not a row that silently swallows the
    # rest
    reader = csv.reader(_lines(path, handle), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(path, _csv_problem(error), line) from error
        if not cells:
            continue
        if header is None:
            header = _header(path, line, cells)
            continue
        if len(cells) != len(header):
            problem = f"has {len(cells)} fields, the header {len(header)}: put a text with commas in quotes"
            raise InputError(path, problem, line)
        yield line, dict(zip(header, cells, strict=True))


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, start=1)]
    if "text" not in names:
        problem = f"has no column named text, only {_listed(names)}: name the column with the messages text"
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            problem += ", and separate the columns by commas"
        raise InputError(path, problem, line)
    for name in names:
        if names.count(name) > 1:
            raise InputError(path, "stands twice in the header: rename one of them", line, name[:40])
    return names


def _csv_problem(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end of data" in said:
        return 'has a quote (") that is never closed: close it, or double it if it is part of the text'
    if "field larger than" in said:
        return _too_long(f"more than {csv.field_size_limit():,} characters")
    if "new-line character" in said:
        return "has a carriage return outside quotes: end lines with LF or CRLF"
    if "expected after" in said:
        return 'has a quote (") inside a quoted field: write it twice ("")'
    return f"is not valid CSV: {said}"


def _jsonl_rows(path: Path, handle: BinaryIO) -> Iterator[_Place]:
    for number, content in enumerate(_lines(path, handle), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except json.JSONDecodeError as error:
            problem = f"is not valid JSON at column {error.colno}: {error.msg}"
            raise InputError(path, problem, number) from error
        except (ValueError, RecursionError) as error:
            raise InputError(path, f"is JSON that cannot be read: {error}", number) from error
        if not isinstance(row, dict):
            raise InputError(path, f'is {_kind(row)}: each line is one object like {{"text": "…"}}', number)
        if "text" not in row:
            problem = f"has no key named text, only {_listed(list(row))}: name the key with the message text"
            raise InputError(path, problem, number)
        if not isinstance(row["text"], str):
            raise InputError(path, f"is {_kind(row['text'])}: write the message as a string", number, "text")
        yield number, row


def _lines(path: Path, handle: BinaryIO) -> Iterator[str]:
    """The file's lines with their endings, no byte order mark; each decoded alone, to name a bad one."""
    number, offset = 0, 0
    while raw := handle.readline(_MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > _MAX_LINE_BYTES:
            raise InputError(path, _too_long(f"more than {_MAX_LINE_BYTES:,} bytes"), number)
        try:
            content = raw.decode()
        except UnicodeDecodeError as error:
            at = offset + error.start
            byte = f"byte 0x{raw[error.start]:02x} at offset {at}"
            raise InputError(path, f"is not UTF-8 ({byte}): save the file as UTF-8", number) from error
        offset += len(raw)
        yield content.removeprefix("\ufeff") if number == 1 else content


def _too_long(size: str) -> str:
    return f"has {size}, more than one message can hold: look for a quote or a line that was never ended"


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "true or false", list: "a list", dict: "an object", str: "a string"}
    return names.get(type(value), "a number")


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:10])
    return (shown or "none at all") + (f" and {len(names) - 10} more" if len(names) > 10 else "")
