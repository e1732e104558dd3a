"""One case: everything that a decision needs."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.inbox.case_page import case_page, now_values
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Signed, TheDesk
from hitl_graph.views.history import history_lines

__all__ = ["router"]

router = APIRouter()


@router.get("/cases/{review_id}")
async def case(
    request: Request, who: Signed, desk: TheDesk, review_id: str, thread: str | None = None
) -> Response:
    """The case."""
    return await case_page(request, desk, who, await desk.show(review_id, thread_id=thread))


@router.get("/cases/{review_id}/now")
async def now(
    request: Request, who: Signed, desk: TheDesk, review_id: str, thread: str | None = None, digest: str = ""
) -> Response:
    """What has changed since: who is at it, what was decided, its history. Nothing that can be typed in."""
    found = await desk.show(review_id, thread_id=thread)
    lines = history_lines(await desk.history(found.id, thread_id=found.thread_id))
    values = {**(await now_values(desk, found, who)), "lines": lines, "seen_digest": digest}
    return page(request, "parts/case_live.html", values)


@router.get("/reviews/{thread_id:path}/{review_id}")
async def deep_link(_: Signed, thread_id: str, review_id: str) -> Response:
    """The address that messages carry."""
    return RedirectResponse(f"/cases/{quote(review_id, safe='')}?thread={quote(thread_id, safe='')}", 303)
