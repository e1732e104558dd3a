"""The queue: which cases wait, for whom, and which come first."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.inbox.look import TABS, WHOSE, Look
from hitl_graph.inbox.pages.filters import saved
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.queue import MOST, MOST_OF_OWNER, PAGE, Queue, TooSlow
from hitl_graph.inbox.queue_rows import asked_of, can_be_undone, case_address, row_view, three
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Signed, TheDesk, is_htmx
from hitl_graph.inbox.standing import Standing, standings, undo_refused
from hitl_graph.plain import printable
from hitl_graph.reviews import Priority, ReviewKind
from hitl_graph.views.code_words import node_words
from hitl_graph.views.request import span

__all__ = ["router"]

router = APIRouter()


@router.get("/")
async def queue(request: Request, who: Signed, desk: TheDesk) -> Response:
    """The queue as the address says it; only what changes, when the page itself asks."""
    look = Look.read(dict(request.query_params))
    alone = is_htmx(request) and request.headers.get("hx-target", "").endswith("#queue")
    values = await _values(desk, who, look, first=not look.after)
    if alone:
        return page(request, "parts/queue_live.html", values)
    values |= {"choices": await _choices(Queue(desk, who)), "key": secrets.token_urlsafe(16)}
    return page(request, "queue.html", values)


@router.get("/palette")
async def palette(who: Signed, desk: TheDesk, q: str = "") -> JSONResponse:
    """What the palette finds besides commands and pages: saved filters by name, cases by words or id."""
    words = q.casefold().split()
    filters = [
        {"text": printable(one["name"]), "address": one["address"]}
        for one in await saved(desk, who)
        if all(word in one["name"].casefold() for word in words)
    ]
    cases: list[dict[str, str]] = []
    if len(q.strip()) >= 2:
        try:
            found = await Queue(desk, who).find(q[:200])
        except TooSlow:
            found = []
        cases = [
            {
                "text": printable(" ".join(filter(None, (row["question"], row["consequence"]))))[:160],
                "about": printable(_about(row)),
                "address": case_address(row["thread_id"], row["id"]),
            }
            for row in found
        ]
    return JSONResponse({"filters": filters, "cases": cases})


async def _values(desk: Desk, who: Principal, look: Look, *, first: bool) -> dict[str, Any]:
    """What the template shows."""
    seen = Queue(desk, who)
    await seen.begin()
    wants_three = first and look.tab == "waiting" and not look.is_filtered
    found, glance, pressing, kept = await asyncio.gather(
        _rows(seen, look, desk, who),
        seen.glance(look),
        seen.pressing(look) if wants_three else _none(),
        saved(desk, who),
    )
    rows, after = found or ([], "")
    return {
        "look": look,
        "rows": rows,
        "next": look.address(after=after) if after else "",
        "glance": glance,
        "oldest_s": None if glance.oldest is None else (glance.now - glance.oldest).total_seconds(),
        "three": three(pressing, who, glance.now),
        "too_slow": found is None,
        "saved": kept,
        "tabs": [
            {"name": name, "count": _count(getattr(glance, name, None)), "address": look.address(tab=name)}
            for name in TABS
        ],
        "whose": [
            {"name": name, "count": _count(number), "address": look.address(who=name)}
            for name, number in zip(WHOSE, (glance.mine, glance.team, glance.everybody), strict=True)
        ],
        "count": _count,
        "span": span,
        "page_size": PAGE,
        "most_of_owner": MOST_OF_OWNER,
    }


async def _rows(
    seen: Queue, look: Look, desk: Desk, who: Principal
) -> tuple[list[dict[str, Any]], str] | None:
    """One page as it is shown, and where the next one starts; None where the search took too long."""
    try:
        rows, after = await seen.page(look)
    except TooSlow:
        return None
    return await _views(desk, who, rows), after


async def _views(desk: Desk, who: Principal, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as they are shown, each with what the desk would take from whoever looks."""
    waiting = {_key(row): asked_of(row) for row in rows if row["status"] == "pending"}
    stands = await standings(desk, who, waiting)
    backs = {_key(row) for row in rows if "decided_by" in row and await _takes_back(desk, who, row)}
    return [row_view(row, who, stands.get(_key(row)) or Standing(), undo=_key(row) in backs) for row in rows]


async def _takes_back(desk: Desk, who: Principal, row: dict[str, Any]) -> bool:
    if not can_be_undone(row):
        return False
    return not await undo_refused(desk, await desk.show(row["id"], thread_id=row["thread_id"]), who)


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["thread_id"], row["id"]


async def _none() -> list[dict[str, Any]]:
    return []


async def _choices(seen: Queue) -> dict[str, list[str]]:
    """What the filters offer."""
    return {**await seen.values(), "kind": list(ReviewKind), "priority": list(Priority)}


def _count(number: int | None, most: int = MOST) -> str:
    """A number as it is shown: beyond the limit only that there are more."""
    if number is None:
        return ""
    return f"{most:,}+" if number > most else f"{number:,}"


def _about(row: Mapping[str, Any]) -> str:
    """What tells a case from others with the same question."""
    return " · ".join(filter(None, (node_words(row["gate"] or ""), row["owner"], row["id"][:8])))
