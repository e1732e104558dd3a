"""What somebody has begun to write, and the codes that decisions name."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from hitl_graph.inbox.api.cases import Thread
from hitl_graph.inbox.api.models import Code, Codes, Draft, Drafts, SaveDraft
from hitl_graph.inbox.api.strict import StrictRoute
from hitl_graph.inbox.requests import Decides, Governs, Refused, Signed, TheDesk

__all__ = ["router"]

router = APIRouter(route_class=StrictRoute)
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/drafts", tags=["drafts"])
async def drafts(who: Decides, desk: TheDesk) -> Drafts:
    """Your own drafts, newest first; nobody else sees them."""
    return Drafts(drafts=[_draft(one) for one in await desk.drafts.list(by=who.id)])


@router.get("/cases/{review_id}/draft", tags=["drafts"])
async def draft(who: Decides, desk: TheDesk, review_id: str, thread_id: Thread = None) -> Draft:
    """Your own draft for a case; 404 where there is none."""
    found = await desk.drafts.load(review_id, by=who.id, thread_id=thread_id)
    if found is None:
        raise Refused(404, "There is nothing here.")
    return _draft(found)


@router.put("/cases/{review_id}/draft", tags=["drafts"])
async def save(who: Decides, desk: TheDesk, review_id: str, body: SaveDraft) -> Draft:
    """Keep a draft; it takes the place of your last one."""
    given: dict[str, Any] = {"digest": body.digest, "thread_id": body.thread_id}
    return _draft(await desk.drafts.save(review_id, body.body, by=who.id, **given))


@router.delete("/cases/{review_id}/draft", tags=["drafts"], status_code=204)
async def drop(who: Decides, desk: TheDesk, review_id: str, thread_id: Thread = None) -> Response:
    """Throw your own draft away; 404 where there is none."""
    if not await desk.drafts.drop(review_id, by=who.id, thread_id=thread_id):
        raise Refused(404, "There is nothing here.")
    return Response(status_code=204)


@router.get("/codes", tags=["codes"])
async def codes(_: Signed, desk: TheDesk, gate: Text = None) -> Codes:
    """The reasons and causes that decisions may name; with `gate` those of its decisions."""
    found = await desk.codes.list(gate=gate)
    return Codes(codes=[Code(**dataclasses.asdict(one)) for one in found])


@router.post("/codes", tags=["codes"])
async def put_code(who: Governs, desk: TheDesk, body: Code) -> Code:
    """Put a code. From the first on, corrections must name one."""
    put = await desk.codes.put(**body.model_dump(), by=who.id)
    return Code(**dataclasses.asdict(put))


@router.delete("/codes", tags=["codes"], status_code=204)
async def remove_code(
    who: Governs,
    desk: TheDesk,
    kind: Literal["reason", "cause"],
    code: Annotated[str, Query(max_length=200)],
    gate: Text = None,
) -> Response:
    """Take a code away; decisions that named it keep it. 404 where there was none."""
    if not await desk.codes.remove(kind=kind, code=code, gate=gate, by=who.id):
        raise Refused(404, "There is nothing here.")
    return Response(status_code=204)


def _draft(found: Any) -> Draft:
    told = dataclasses.asdict(found)
    told.pop("by")
    return Draft(**told)
