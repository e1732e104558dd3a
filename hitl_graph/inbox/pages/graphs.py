"""Graphs: how each is built, what waits at its gates, which threads stand there, and holding them."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.audit_log import thread_address
from hitl_graph.inbox.graph_pictures import (
    Picture,
    box_class,
    box_text,
    gates_of,
    named_rows,
    pictured,
    queue_address,
)
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Holds, Refused, Sees, TheDesk, TheSettings
from hitl_graph.inbox.settings import Settings
from hitl_graph.inbox.threads import SQL, thread_view
from hitl_graph.inbox.typed import Typed, typed

__all__ = ["router"]

router = APIRouter()

PAGE = 50
_WAIT_S = 2.0
"""How long a page waits for acts under way; those that are not over then are named."""
_UNREAD = "This was not understood, and nothing was done: load the page again."
ACTS = ("pause", "stop", "release", "take_over", "hand_back")


@router.get("/graphs")
async def graphs(request: Request, who: Sees, desk: TheDesk, settings: TheSettings) -> Response:
    """All graphs."""
    del who
    return await _graphs(request, desk, settings)


@router.get("/graphs/threads")
async def threads(request: Request, who: Sees, desk: TheDesk, graph: str = "", after: str = "0") -> Response:
    """The threads of one graph in which something is open."""
    del who
    start = int(after) if after.isascii() and after.isdecimal() and len(after) <= 18 else 0
    found = await desk.rows(SQL["threads"], {"workflow": graph or None, "after": start, "limit": PAGE + 1})
    following = ""
    if len(found) > PAGE:
        following = f"/graphs/threads?{urlencode({'graph': graph, 'after': found[PAGE - 1]['seq']})}"
    rows = [{**row, "address": thread_address(row["thread_id"])} for row in found[:PAGE]]
    values = {
        "graph": graph,
        "threads": rows,
        "next": following,
        "start": start,
        "queue": queue_address(graph),
    }
    return page(request, "graph_threads.html", values)


@router.get("/graphs/thread")
async def thread(request: Request, who: Sees, desk: TheDesk, thread: str = "") -> Response:
    """One thread."""
    del who
    return await _thread(request, desk, thread)


@router.post("/graphs/hold")
async def hold(request: Request, who: Holds, desk: TheDesk, settings: TheSettings) -> Response:
    """Pause, stop, release, take over or hand back a thread or a graph, with a reason that is kept."""
    form = await typed(request)
    act, scope, value = form.get("act"), form.get("scope"), form.get("value")
    if act not in ACTS or scope not in ("thread", "workflow") or not value:
        raise Refused(422, _UNREAD, field="act")
    try:
        done = await _done(desk, form, act, scope, value, who.id)
    except AnswerError as error:
        wrong = form.refused(error, note="reason")
        if scope == "thread":
            return await _thread(request, desk, value, form=wrong)
        return await _graphs(request, desk, settings, form=wrong)
    if done.under_way or done.warning:
        shown = {"hold": done, "back": thread_address(value) if scope == "thread" else "/graphs"}
        return page(request, "graph_held.html", shown)
    return RedirectResponse(thread_address(value) if scope == "thread" else "/graphs", 303)


async def _done(desk: Desk, form: Typed, act: str, scope: str, value: str, by: str) -> Any:
    reason, where = form.get("reason"), act
    if not reason:
        raise AnswerError(where, "reason", "is empty: say why, it is kept")
    if act == "take_over" and scope == "thread":
        return await desk.take_over(value, by=by, reason=reason, wait_s=_WAIT_S)
    if act == "hand_back" and scope == "thread":
        return await desk.hand_back(value, by=by, note=reason)
    if act == "release":
        number = form.get("hold")
        if not (number.isascii() and number.isdecimal() and len(number) <= 18):
            raise Refused(422, _UNREAD, field="hold")
        return await desk.holds.release(int(number), by=by, note=reason)
    if act in ("pause", "stop"):
        put = desk.holds.pause if act == "pause" else desk.holds.stop
        return await put(scope, value, by=by, reason=reason, wait_s=_WAIT_S)  # type: ignore[arg-type]  # looked at above
    raise Refused(422, "Only a thread is taken over and handed back. Nothing was done.", field="act")


async def _pictures(request: Request, settings: Settings) -> dict[str, Picture]:
    """Each graph drawn once: what it is does not change while it is served."""
    kept: dict[str, Picture] = getattr(request.app.state, "pictures", None) or {}
    for name, graph in settings.graphs.items():
        if name not in kept:
            kept[name] = await asyncio.to_thread(pictured, graph)
    request.app.state.pictures = kept
    return kept


async def _graphs(request: Request, desk: Desk, settings: Settings, *, form: Typed | None = None) -> Response:
    pictures = await _pictures(request, settings)
    rows = named_rows(pictures, await desk.rows(SQL["standing"]))
    holds = [hold for hold in await desk.holds.list() if hold.scope != "thread"]
    names = sorted({*pictures, *(row["workflow"] for row in rows)}, key=lambda name: (name == "", name))
    shown = [
        {
            "name": name,
            "picture": pictures.get(name),
            "gates": gates_of(pictures.get(name), name, rows),
            "waiting": sum(row["waiting"] for row in rows if row["workflow"] == name),
            "unnamed": any(row["guessed"] for row in rows if row["workflow"] == name),
            "threads": f"/graphs/threads?{urlencode({'graph': name})}",
            "queue": queue_address(name),
            "holds": [hold for hold in holds if hold.scope == "workflow" and hold.value == name],
        }
        for name in names
    ]
    for one in shown:
        counted = {gate.name: gate for gate in one["gates"]}
        picture = one["picture"]
        one["boxes"] = [
            {
                "box": box,
                "kind": box_class(picture, box.name),
                "text": box_text(picture, box.name),
                "gate": counted.get(box.name),
            }
            for box in (picture.drawing.boxes if picture and picture.drawing else ())
        ]
    values = {
        "graphs": shown,
        "others": [hold for hold in holds if hold.scope != "workflow"],
        "held": await desk.rows(SQL["held_threads"]),
        "thread_address": thread_address,
        "form": form or Typed(),
    }
    return page(request, "graphs.html", values, status=422 if form else 200)


async def _thread(request: Request, desk: Desk, thread_id: str, *, form: Typed | None = None) -> Response:
    values = {**await thread_view(desk, thread_id), "form": form or Typed()}
    return page(request, "graph_thread.html", values, status=422 if form else 200)
