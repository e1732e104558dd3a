"""What somebody is writing: kept as they type, shown as a diff, thrown away when they say so."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hitl_graph.inbox.begun import typed_of
from hitl_graph.inbox.changed import draft_values
from hitl_graph.inbox.pages.decide import decided_page, the_form
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Decides, TheDesk
from hitl_graph.inbox.sent import kept
from hitl_graph.inbox.standing import standing

__all__ = ["router"]

router = APIRouter()


@router.post("/cases/{review_id}/draft")
async def draft(request: Request, who: Decides, desk: TheDesk, review_id: str) -> Response:
    """Keep what is typed, for its author alone, and answer with what it changes."""
    sent, thread = await the_form(request)
    case = await desk.show(review_id, thread_id=thread)
    saved = None
    if case.status == "pending":
        digest = sent.digest or case.digest
        saved = await desk.drafts.save(
            case.id, kept(typed_of(case, sent)), by=who.id, digest=digest, thread_id=case.thread_id
        )
    stand = await standing(desk, case, who)
    values = {**draft_values(case, sent, stand), "saved": saved, "case": case, "who": who}
    return page(request, "parts/case_draft.html", values)


@router.post("/cases/{review_id}/draft/drop")
async def drop(request: Request, who: Decides, desk: TheDesk, review_id: str) -> Response:
    """Throw one's own draft away."""
    _, thread = await the_form(request)
    case = await desk.show(review_id, thread_id=thread)
    await desk.drafts.drop(case.id, by=who.id, thread_id=case.thread_id)
    return await decided_page(request, desk, who, case)
