"""The queue as one person sees it: rows and numbers, found by indexes however many cases wait."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg

from hitl_graph.desk import Case, Desk
from hitl_graph.desk.connected import storable
from hitl_graph.inbox.look import FIELDS, Look, place_of
from hitl_graph.inbox.principals import Principal
from hitl_graph.plain import key_of
from hitl_graph.reviews import Priority
from hitl_graph.storage.statements import load_statements

__all__ = ["MOST", "MOST_OF_OWNER", "PAGE", "SQL", "Glance", "Queue", "TooSlow"]

SQL = load_statements("hitl_graph.inbox", "queue.sql")

PAGE = 50
"""Cases on a page."""
MOST = 1000
"""What is counted is counted up to here."""
MOST_OF_OWNER = 100
"""The same for each group that must act."""
_OWNERS = 8
LISTED = ("gate", "action", "owner", "workflow")
"""Those whose values are looked up."""
_RANKS = {Priority.URGENT: 0, Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}
_BACK = {
    "oldest": ("after_newest", "order_newest"),
    "newest": ("after_oldest", "order_oldest"),
    "due": ("before_due", "reverse_due"),
    "priority": ("before_priority", "reverse_priority"),
}
"""What comes before a place in an order, and that order from its end."""
_WORDS = 6
_FEW = 20
_HEX = re.compile(r"[0-9a-fA-F]{1,3}")
_PART = re.compile(r"\{(\w+)\}")
Row = dict[str, Any]


class TooSlow(Exception):
    """A search took longer than somebody waits for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Glance:
    """The numbers at the head of the page; each is at most `MOST` + 1, which stands for more."""

    waiting: int
    snoozed: int
    failed: int
    late: int
    blocking: int
    oldest: dt.datetime | None
    soonest: dt.datetime | None
    now: dt.datetime
    mine: int = 0
    team: int = 0
    everybody: int = 0
    owners: Sequence[Row] = ()


class Queue:
    """The queue as one person sees it.

    Args:
        desk: Whose cases. who: Who looks.
    """

    def __init__(self, desk: Desk, who: Principal) -> None:
        self._desk, self._who = desk, who
        self._written: list[str] | None = None

    async def begin(self) -> None:
        """Look up once what every part of a page needs."""
        await self._spellings()

    async def page(self, look: Look) -> tuple[list[Row], str]:
        """The rows of one page, and where the next one starts: empty where there is none.

        Raises:
            TooSlow: The words are too rare among too many cases.
        """
        place = place_of(look.tab, look.sort, look.after)
        where, params = await self._where(look)
        after = SQL[f"after_{look.order}"] if place else ""
        order = SQL[f"order_{look.order}"]
        parts: dict[str, LiteralString] = {"shown": SQL["shown"], "order": order}
        if look.tab == "decided":
            parts |= {"tab": SQL["decided"], "where": where, "after": after}
        else:
            parts["source"] = self._source(look.who, look.tab, f"{where} {after}", order, "%(limit)s")
        statement = _filled(SQL["decided_page" if look.tab == "decided" else "page"], parts)
        found = await self._rows(statement, {**params, **place, "limit": PAGE + 1}, search=bool(look.q))
        return found[:PAGE], look.after_row(found[PAGE - 1]) if len(found) > PAGE else ""

    async def beside(self, look: Look, case: Case) -> tuple[Row | None, Row | None]:
        """The cases before and after one in the order of a look, whether or not it is still part of that."""
        if look.tab == "decided":
            return None, None
        row = {"seq": case.seq, "due_at": case.due_at, "rank": _RANKS[Priority(case.priority)]}
        place = place_of(look.tab, look.sort, look.after_row(row))
        where, params = await self._where(look)
        found: list[Row | None] = []
        for after, order in (_BACK[look.sort], (f"after_{look.sort}", f"order_{look.sort}")):
            parts = {"order": SQL[order]}
            parts["source"] = self._source(look.who, look.tab, f"{where} {SQL[after]}", SQL[order], "1")
            try:
                some = await self._rows(
                    _filled(SQL["beside"], parts), {**params, **place}, search=bool(look.q)
                )
            except TooSlow:
                some = []
            found.append(some[0] if some else None)
        return found[0], found[1]

    async def glance(self, look: Look) -> Glance:
        """The numbers for whose cases are looked at, without what is filtered."""
        _, params = await self._where(Look(who=look.who))
        params |= {"most": MOST + 1, "groups_most": _OWNERS, "owners_most": MOST_OF_OWNER + 1}
        most: LiteralString = "%(most)s"

        def source(
            tab: str, extra: LiteralString = "", order: LiteralString = "", few: LiteralString = most
        ) -> LiteralString:
            return self._source(look.who, tab, extra, order, few)

        counted: dict[str, LiteralString] = {
            "waiting": source("waiting"),
            "snoozed": source("snoozed"),
            "failed": source("failed"),
            "late": source("waiting", SQL["by_late"]),
            "blocking": source("waiting", SQL["by_blocking"]),
            "oldest": source("waiting", "", SQL["order_oldest"], "100"),  # some of them are asked anew
            "soonest": source("waiting", "", SQL["order_due"], "1"),
        }
        people: dict[str, LiteralString] = {
            "mine": self._source("mine", "waiting", "", "", most),
            "team": self._source("team", "waiting", "", "", most),
            "everybody": self._source("all", "waiting", "", "", most),
        }
        [counts] = await self._rows(_filled(SQL["counts"], counted), params)
        [whose] = await self._rows(_filled(SQL["whose"], people), params)
        owners = await self._rows(_filled(SQL["owners"], {"waiting": SQL["waiting"]}), params)
        return Glance(**counts, **whose, owners=owners)

    async def pressing(self, look: Look) -> list[Row]:
        """Those among which the three are that need attention today."""
        _, params = await self._where(Look(who=look.who))
        wanted: dict[str, tuple[LiteralString, LiteralString]] = {
            "due": ("", SQL["order_due"]),
            "ranked": ("", SQL["order_priority"]),
            "blocking": (SQL["by_blocking"], SQL["order_oldest"]),
            "blocking_first": (SQL["by_blocking_first"], SQL["order_oldest"]),
            "grave": (SQL["by_grave"], SQL["order_oldest"]),
            "escalated": (SQL["by_escalated"], SQL["order_escalated"]),
            "oldest": ("", SQL["order_oldest"]),
        }
        parts = {
            name: self._source(look.who, "waiting", extra, order, "%(few)s")
            for name, (extra, order) in wanted.items()
        }
        return await self._rows(_filled(SQL["pressing"], parts), {**params, "few": _FEW})

    async def values(self) -> dict[str, list[str]]:
        """What there is to filter by."""
        out = {}
        for column in LISTED:
            statement = SQL["values"].replace("{column}", _COLUMNS[column])
            out[column] = [row["value"] for row in await self._rows(statement, {"limit": 100})]
        return out

    async def find(self, text: str, limit: int = 8) -> list[Row]:
        """Cases by their words, or by the beginning of their id."""
        where, params = await self._where(Look.read({"q": text}))
        prefix = _like(text.strip()) + "%"
        by_id = []
        if len(text.strip()) >= 4 and storable(text):
            by_id = await self._rows(SQL["by_id"], {"prefix": prefix, "limit": limit})
        statement = _filled(SQL["find"], {"where": where})
        some = await self._rows(statement, {**params, "limit": limit}, search=True)
        seen = {(row["thread_id"], row["id"]): row for row in (*by_id, *some)}
        return list(seen.values())[:limit]

    def _source(
        self, who: str, tab: str, extra: LiteralString, order: LiteralString, few: LiteralString
    ) -> LiteralString:
        """The first few rows of a tab for whose cases are looked at, found by an index that has their order."""
        team = who == "team" and self._who.listed
        if who == "mine":
            extra = f"{SQL['who_mine']} {extra}"
        cond = f"{SQL[tab]} {extra}"
        parts: dict[str, LiteralString] = {
            "cond": cond,
            "sorted": f"ORDER BY {order}" if order else "",
            "few": few,
        }
        return _filled(SQL["scope_team" if team else "scope_all"], parts)

    async def _where(self, look: Look) -> tuple[LiteralString, dict[str, Any]]:
        """The conditions of a look beyond its tab, and their parameters; whose they are is a part of the source."""
        params: dict[str, Any] = {"key": self._who.key}
        conditions: list[LiteralString] = []
        if look.tab == "decided" and (look.who == "mine" or (look.who == "team" and self._who.listed)):
            conditions.append(SQL["who_mine_decided" if look.who == "mine" else "who_team"])
        params |= {"me": await self._spellings(), "groups": list(self._who.groups)}
        for name in FIELDS:
            if value := getattr(look, name):
                conditions.append(SQL[f"by_{name}"])
                params |= {"rank": _RANKS[Priority(value)]} if name == "priority" else {name: value}
        conditions += [SQL["by_blocking"]] if look.blocking else []
        conditions += [SQL["by_late"]] if look.late else []
        for number, word in enumerate(look.q.split()[:_WORDS]):
            short = _HEX.fullmatch(word) is not None
            conditions.append(SQL["by_short_word" if short else "by_word"].replace("{n}", _DIGITS[number]))
            params[f"word{number}"] = f"%{_like(word)}%"
            params[f"json{number}"] = f"%{_like(json.dumps(word)[1:-1])}%"
        return " ".join(conditions), params

    async def _spellings(self) -> list[str]:
        """How cases write whoever looks; looked up once for a page."""
        if self._written is None:
            found = await self._rows(SQL["spellings"], {})
            self._written = [row["value"] for row in found if key_of(row["value"]) == self._who.key]
        return self._written

    async def _rows(self, statement: Any, params: Mapping[str, Any], *, search: bool = False) -> list[Row]:
        """All rows, planned for just these values: what is rare is found by its index."""
        async with contextlib.AsyncExitStack() as stack:
            conn = await stack.enter_async_context(self._desk.pool.connection())
            if search:
                await stack.enter_async_context(conn.transaction())
                await conn.execute(_IN_TIME)
            try:
                cursor = await conn.execute(statement, params, prepare=False)
                return list(await cursor.fetchall())
            except psycopg.errors.QueryCanceled as error:
                raise TooSlow from error


_IN_TIME: LiteralString = "SET LOCAL statement_timeout = 4000"
_DIGITS: tuple[LiteralString, ...] = ("0", "1", "2", "3", "4", "5")
_COLUMNS: dict[str, LiteralString] = {
    "gate": "gate",
    "action": "action",
    "owner": "owner",
    "workflow": "workflow",
}


def _filled(statement: LiteralString, parts: Mapping[str, LiteralString]) -> LiteralString:
    """A statement with its parts in place; parts may hold parts."""
    out: LiteralString = ""
    for number, piece in enumerate(_PART.split(statement)):
        if number % 2:
            out += _filled(parts[piece], parts)
        else:
            out += piece
    return out


def _like(text: str) -> str:
    """Text that LIKE takes as it is."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
