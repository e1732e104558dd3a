"""Insights: how cases are decided, how long they wait, what people change, and who decides how."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import functools
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import Response

from hitl_graph.desk import Desk
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Refused, Sees, TheDesk
from hitl_graph.storage.statements import load_statements
from hitl_graph.views.charts import FEW, bars, of_words, stacked
from hitl_graph.views.code_words import told_apart
from hitl_graph.views.habits import gate_hints, habits, person_hints

__all__ = ["router"]

router = APIRouter()
SQL = load_statements("hitl_graph.inbox", "insights.sql")

PERIODS = (7, 30, 90, 365)
KINDS = (
    ("approve", "approved"),
    ("edit", "edited"),
    ("choose", "chosen"),
    ("respond", "answered"),
    ("ask_info", "asked back"),
    ("take_over", "taken over"),
    ("reject", "rejected"),
    ("other", "other"),
)
"""How a case can end, in the order of the bars."""
_AGES = (
    ("hour", "less than 1 h"),
    ("four", "1 to 4 h"),
    ("day", "4 to 24 h"),
    ("three_days", "1 to 3 days"),
    ("week", "3 to 7 days"),
    ("older", "more than 7 days"),
)
_LIMITS = "SET LOCAL statement_timeout = 8000; SET LOCAL work_mem = '32MB'; SET LOCAL jit = off"
_LONG_S, _KEPT_S = 1.0, 30.0
"""What took so long to count is not counted again for so long."""
Found = dict[str, list[dict[str, Any]]]
_counting = asyncio.Semaphore(2)
"""So many periods at once, so that who decides is not kept waiting by those who look back."""


@router.get("/insights")
async def insights(request: Request, who: Sees, desk: TheDesk, days: str = "") -> Response:
    """The numbers of the last days."""
    period = int(days) if days in map(str, PERIODS) else 30
    leads = who.may("hold") or who.may("audit")
    found = await _numbers(request, desk, period, leads=leads)
    [ages] = found["ages"]
    by_gate = _by_gate(found["shares"])
    people = habits(found["people"], found["paces"])
    whole = next((row for row in found["times"] if row["whole"]), None)
    values = {
        "days": period,
        "periods": PERIODS,
        "kinds": KINDS,
        "total": sum(sum(kinds.values()) for kinds in by_gate.values()),
        "all": _total(by_gate.values()),
        "whole": whole if whole and whole["decisions"] else None,
        "gates": [
            {
                "gate": gate,
                "kinds": kinds,
                "n": sum(kinds.values()),
                "parts": stacked(kinds, [kind for kind, _ in KINDS]),
            }
            for gate, kinds in sorted(by_gate.items(), key=lambda one: (-sum(one[1].values()), one[0]))
        ],
        "gate_hints": gate_hints(by_gate),
        "named": told_apart(
            {row["gate"] or "" for name in ("shares", "times", "edits") for row in found[name]}
        ),
        "ages": bars((words, ages[name]) for name, words in _AGES),
        "waiting": sum(ages[name] for name, _ in _AGES),
        "oldest_s": ages["oldest_s"],
        "times": _times(found["times"]),
        "edits": [
            {"row": row, "bar": bar}
            for row, bar in zip(
                found["edits"], bars((row["field"], row["edits"]) for row in found["edits"]), strict=True
            )
        ],
        "flow": _flow(found["days"]),
        "leads": leads,
        "people": people,
        "hints": person_hints(people),
        "of_words": of_words,
        "few": FEW,
    }
    return page(request, "insights.html", values)


@dataclasses.dataclass
class _Count:
    """A count that is under way, or what came of it until it is too old."""

    task: asyncio.Task[Found]
    until: float = 0.0

    @property
    def serves(self) -> bool:
        """Whether whoever asks now is told this one."""
        return not self.task.done() or time.monotonic() < self.until


async def _numbers(request: Request, desk: Desk, days: int, *, leads: bool) -> Found:
    """The rows of all statements.

    Whoever asks while they are counted is told the same, and what took long is shown for a while: many who look at once
    cost no more than one.
    """
    state = request.app.state
    if not hasattr(state, "insights"):
        state.insights = {}
    counts: dict[tuple[int, bool], _Count] = state.insights
    count = counts.get((days, leads))
    if count is None or not count.serves:
        # A task of its own: whoever began it may leave before the others have their answer.
        task = asyncio.create_task(_counted(desk, days, leads=leads), name="hitl-insights")
        counts[days, leads] = count = _Count(task)
        began = time.monotonic()
        task.add_done_callback(functools.partial(_ended, count, began))
    return await asyncio.shield(count.task)


def _ended(count: _Count, began: float, task: asyncio.Task[Found]) -> None:
    now = time.monotonic()
    if not task.cancelled() and task.exception() is None and now - began > _LONG_S:
        count.until = now + _KEPT_S


async def _counted(desk: Desk, days: int, *, leads: bool) -> Found:
    """The same from the database, over one connection.

    Raises:
        Refused: It would take too long.
    """
    try:
        async with _counting, desk.transaction() as conn:
            await conn.execute(_LIMITS)
            [decided] = await _rows(conn, "decided", {"days": days, "people": leads})
            return {**decided, "ages": await _rows(conn, "ages", {})}
    except psycopg.errors.QueryCanceled as error:
        raise Refused(503, "These are too many to count while you wait: choose a shorter time.") from error


async def _rows(conn: Any, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    cursor = await conn.execute(SQL[name], params, prepare=False)
    return list(await cursor.fetchall())


def _by_gate(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many of which kind, by gate; types that have no bar of their own are others."""
    known = {kind for kind, _ in KINDS}
    out: dict[str, dict[str, int]] = {}
    for row in rows:
        kinds = out.setdefault(row["gate"], {})
        kind = row["type"] if row["type"] in known else "other"
        kinds[kind] = kinds.get(kind, 0) + row["decisions"]
    return out


def _total(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    out = dict.fromkeys((kind for kind, _ in KINDS), 0)
    for kinds in several:
        for kind, number in kinds.items():
            out[kind] += number
    return out


def _times(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Times of each gate, slowest first, with the length of their bars."""
    found = sorted((row for row in rows if not row["whole"]), key=lambda row: -row["median"])
    longest = max((max(row["median"], row["p90"]) for row in found), default=0) or 1
    return [
        {"row": row, "median": 100 * row["median"] / longest, "p90": 100 * row["p90"] / longest}
        for row in found
    ]


def _flow(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Columns of each day: what was asked beside what was decided; a long time in weeks."""
    days = list(rows)
    size = 7 if len(days) > 60 else 1
    steps = [
        days[at : at + size] for at in range(len(days) % size if len(days) > size else 0, len(days), size)
    ]
    told = [
        {
            "day": dt.date.fromisoformat(step[0]["day"]),
            "asked": sum(one["asked"] for one in step),
            "decided": sum(one["decided"] for one in step),
        }
        for step in steps
    ]
    most = max((max(one["asked"], one["decided"]) for one in told), default=0) or 1
    return [{**one, "up": 100 * one["asked"] / most, "done": 100 * one["decided"] / most} for one in told]
