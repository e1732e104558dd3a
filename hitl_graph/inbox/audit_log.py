"""The log as somebody wants to see it: what their address asks for, its rows in words, and the same as a file."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, LiteralString, Self
from urllib.parse import urlencode

from hitl_graph.desk import Desk
from hitl_graph.desk.connected import storable
from hitl_graph.inbox.queue_rows import case_address
from hitl_graph.plain import printable
from hitl_graph.storage.statements import load_statements
from hitl_graph.views.log import event_line, in_words, type_words, types_of
from hitl_graph.views.nested import nested
from hitl_graph.views.ways import WAYS

__all__ = ["PAGE", "SQL", "LogLook", "csv_lines", "log_page", "thread_address"]

SQL = load_statements("hitl_graph.inbox", "audit.sql")

PAGE = 50
"""Events on a page."""
_AT_ONCE = 500
_LONGEST = 300
_COLUMNS = ("id", "at", "type", "by", "what", "said", "way", "thread", "case", "seal")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the beginning of a formula, in both widths."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogLook:
    """What of the log is looked at: everything of it stands in the page's address.

    Attributes:
        type: A type of events, or a group of types. who: By whom. way: By which way it came.
        token: By which token of the API. thread: Of which thread. case: Of which case. day: Of which day, in UTC.
        before: Only what came before this event: where the page before ended.
    """

    type: str = ""
    who: str = ""
    way: str = ""
    token: str = ""
    thread: str = ""
    case: str = ""
    day: dt.date | None = None
    before: int | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """From an address or a form; what cannot be meant is as if it were not there."""
        given: dict[str, Any] = {}
        means: dict[str, Callable[[str], object]] = {"type": types_of, "way": WAYS.get}
        for field in ("type", "who", "way", "token", "thread", "case"):
            text = query.get(field, "").strip()
            if text and len(text) <= _LONGEST and storable(text) and means.get(field, bool)(text):
                given[field] = text
        with contextlib.suppress(ValueError):
            given["day"] = dt.date.fromisoformat(query.get("day", ""))
        before = query.get("before", "")
        if before.isascii() and before.isdecimal() and len(before) <= 18:
            given["before"] = int(before)
        return cls(**given)

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out."""
        return bool(self.query())

    def query(self) -> dict[str, str]:
        """What is asked for, without the place in it."""
        named = {"type": self.type, "who": self.who, "way": self.way, "token": self.token}
        named |= {"thread": self.thread, "case": self.case}
        named["day"] = "" if self.day is None else self.day.isoformat()
        return {name: value for name, value in named.items() if value}

    def address(self, **changes: Any) -> str:
        """The address of this look with some of it changed, from its first page on."""
        before = changes.pop("before", None)
        query = dataclasses.replace(self, before=None, **changes).query()
        query |= {} if before is None else {"before": str(before)}
        return f"/audit?{urlencode(query)}" if query else "/audit"

    def chips(self) -> list[dict[str, str]]:
        """What is filtered, each with the address that leads on without it."""
        empty: dict[str, Any] = {"day": None}
        return [
            {"field": name, "value": value, "without": self.address(**{name: empty.get(name, "")})}
            for name, value in self.query().items()
        ]


async def log_page(desk: Desk, look: LogLook) -> tuple[list[dict[str, Any]], str]:
    """The events of a page in words, and the address of the next; empty where there is none."""
    found = await _rows(desk, look, look.before, PAGE + 1)
    following = look.address(before=found[PAGE - 1]["id"]) if len(found) > PAGE else ""
    return [_view(row) for row in found[:PAGE]], following


async def csv_lines(desk: Desk, look: LogLook) -> AsyncIterator[str]:
    """All that is looked at as a table for spreadsheets, newest first, from which no cell is read as a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    before = look.before
    while True:
        found = await _rows(desk, look, before, _AT_ONCE)
        writer.writerows([_cell(value) for value in _record(row)] for row in found)
        yield out.getvalue()
        out.seek(0)
        out.truncate()
        if len(found) < _AT_ONCE:
            return
        before = found[-1]["id"]


def thread_address(thread_id: str) -> str:
    """Where a thread is seen."""
    return f"/graphs/thread?{urlencode({'thread': thread_id})}"


async def _rows(desk: Desk, look: LogLook, before: int | None, limit: int) -> list[dict[str, Any]]:
    asked: dict[str, Any] = {**look.query(), "before": before, "types": list(types_of(look.type))}
    conditions: list[LiteralString] = [
        SQL[name]
        for name, asks in (
            ("by_type", look.type),
            ("by_who", look.who),
            ("by_way", look.way),
            ("by_token", look.token),
            ("by_thread", look.thread),
            ("by_case", look.case),
            ("by_day", look.day),
            ("by_before", before is not None),
        )
        if asks
    ]
    if look.day is not None:
        asked["day"] = dt.datetime.combine(look.day, dt.time(), dt.UTC)
    statement: LiteralString = SQL["log"].replace("{where}", " ".join(conditions))
    async with desk.pool.connection() as conn:
        cursor = await conn.execute(statement, {**asked, "limit": limit}, prepare=False)
        return list(await cursor.fetchall())


def _view(row: Mapping[str, Any]) -> dict[str, Any]:
    line = event_line(row)
    case = case_address(row["thread_id"], row["review_id"]) if row["question"] is not None else ""
    return {
        "id": row["id"],
        "at": row["at"],
        "type": row["type"],
        "words": type_words(row["type"]),
        "line": line,
        "by": line.by or str((row["data"] or {}).get("by") or ""),
        "token": str(((row["data"] or {}).get("through") or {}).get("token") or ""),
        "refused": row["type"] == "refused_attempt",
        "thread": row["thread_id"],
        "thread_address": thread_address(row["thread_id"]) if row["thread_id"] else "",
        "case": row["review_id"],
        "case_address": case,
        "question": row["question"] or "",
        "seal": row["seal"],
        "data": in_words(nested(row["data"])) if row["data"] else None,
    }


def _record(row: Mapping[str, Any]) -> tuple[Any, ...]:
    line = event_line(row)
    by = str((row["data"] or {}).get("by") or "")
    told = (row["id"], row["at"].astimezone(dt.UTC).isoformat(), row["type"], by, line.text, line.said)
    return (*told, line.way, row["thread_id"], row["review_id"], row["seal"])


def _cell(value: object) -> str:
    """A value that a spreadsheet shows as it is."""
    text = "" if value is None else printable(str(value))
    return f"'{text}" if text.lstrip(" \n").startswith(_FORMULA) else text
