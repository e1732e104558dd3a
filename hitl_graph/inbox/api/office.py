"""People, holds, tokens and the audit log: what leads, admins and auditors do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime

from hitl_graph.desk import Desk
from hitl_graph.desk.authority import Authority
from hitl_graph.inbox.api.answers import Ascii
from hitl_graph.inbox.api.models import (
    BIGGEST,
    Grant,
    Hold,
    Holds,
    NewHold,
    NewToken,
    People,
    Person,
    PersonIn,
    Release,
)
from hitl_graph.inbox.api.strict import StrictRoute
from hitl_graph.inbox.audit_log import SQL
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.requests import Audits, Governs, Refused, Signed, TheDesk
from hitl_graph.inbox.requests import Holds as MayHold
from hitl_graph.inbox.tokens import list_tokens, make_token, revoke_token

__all__ = ["router"]

router = APIRouter(route_class=StrictRoute)
Name = Annotated[str, Path(max_length=300)]


@router.get("/people", tags=["people"])
async def people(
    _: Governs, desk: TheDesk, group: Annotated[str | None, Query(max_length=200)] = None
) -> People:
    """The directory."""
    return People(people=[_person(one) for one in await desk.people.list(group=group)])


@router.put("/people/{person_id}", tags=["people"])
async def put_person(who: Governs, desk: TheDesk, person_id: Name, body: PersonIn) -> Person:
    """List somebody, or change what is said of them. Who is not active is signed out everywhere."""
    given: dict[str, Any] = {
        name: getattr(body, name) for name in ("groups", "name", "kind", "active", "time_zone", "roles")
    }
    grants = (
        None if body.authority is None else [Authority(one.action, one.max_amount) for one in body.authority]
    )
    return _person(await desk.people.put(person_id, **given, authority=grants, by=who.id))


@router.delete("/people/{person_id}", tags=["people"], status_code=204)
async def remove_person(who: Governs, desk: TheDesk, person_id: Name) -> Response:
    """Take somebody from the directory; what they decided stays. 404 where they were not there."""
    if not await desk.people.remove(person_id, by=who.id):
        raise Refused(404, "There is nothing here.")
    return Response(status_code=204)


@router.get("/holds", tags=["holds"])
async def holds(
    _: Signed, desk: TheDesk, *, standing: bool = True, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> Holds:
    """What is held now, or with `standing=false` all that ever was; newest first."""
    found = await desk.holds.list(standing=standing, limit=limit)
    return Holds(holds=[Hold(**one.to_json()) for one in found])


@router.post("/holds", tags=["holds"])
async def hold(who: MayHold, desk: TheDesk, body: NewHold) -> Hold:
    """Hold a thread, a graph, an action class or everything: no act of it begins until it is released."""
    act = desk.holds.pause if body.kind == "pause" else desk.holds.stop
    put = await act(body.scope, body.value, by=who.id, reason=body.reason, wait_s=body.wait_s)
    return Hold(**put.to_json())


@router.post("/holds/{hold_id}/release", tags=["holds"])
async def release(
    who: MayHold, desk: TheDesk, hold_id: Annotated[int, Path(ge=1, le=BIGGEST)], body: Release
) -> Hold:
    """Let go what is held; what nothing else holds goes on by itself."""
    found = await desk.holds.release(hold_id, by=who.id, note=body.note)
    return Hold(**found.to_json())


@router.get("/audit/export", tags=["audit"], response_class=StreamingResponse)
async def export(
    who: Audits,
    desk: TheDesk,
    thread_id: Annotated[str | None, Query(max_length=2000)] = None,
    since: AwareDatetime | None = None,
) -> StreamingResponse:
    """The audit log as JSON Lines, which `hitl-graph audit verify --export` proves without a database.

    That it was taken is an event.
    """
    lines = _lines(desk, thread_id, since)
    first = await anext(lines)  # what is refused is refused before the first byte goes out
    asked = {"thread": thread_id, "since": since and since.isoformat()}
    said = json.dumps({name: value for name, value in asked.items() if value})
    told = {"thread_id": thread_id or "", "by": who.id, "format": "jsonl", "asked": said}
    await desk.rows(SQL["exported"], told)
    headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(_with(first, lines), media_type="application/jsonl", headers=headers)


@router.get("/audit/verify", tags=["audit"])
async def verify(_: Audits, desk: TheDesk) -> Ascii:
    """Compute the whole chain anew: what was checked, and the first place where it does not hold."""
    return Ascii((await desk.audit.verify()).to_json())


@router.get("/tokens", tags=["tokens"])
async def tokens(who: Signed, desk: TheDesk) -> Ascii:
    """Your own tokens, without their texts."""
    return Ascii({"tokens": [_token(one) for one in await list_tokens(desk, person=who.id)]})


@router.post("/tokens", tags=["tokens"])
async def new_token(who: Signed, desk: TheDesk, body: NewToken) -> Ascii:
    """Make a token for a program of yours. Its text is shown this once. A token makes no tokens: sign in."""
    _in_person(who)
    text, made = await make_token(desk, who.id, label=body.label, days=body.days)
    return Ascii({"token": text, **_token(made)})


@router.delete("/tokens/{token_id}", tags=["tokens"], status_code=204)
async def revoke(who: Signed, desk: TheDesk, token_id: Name) -> Response:
    """End one of your tokens at once; an admin ends anybody's. 404 where there is none."""
    own = None if who.may("settings") else who.id
    if not await revoke_token(desk, token_id, by=who.id, person=own):
        raise Refused(404, "There is nothing here.")
    return Response(status_code=204)


def _in_person(who: Principal) -> None:
    if who.way == "api":
        raise Refused(403, "A token makes no tokens: sign in.")


def _person(one: Any) -> Person:
    told = dataclasses.asdict(one)
    grants = [Grant(action=own.action, max_amount=own.max_amount) for own in one.authority]
    return Person(**{**told, "groups": list(one.groups), "roles": list(one.roles), "authority": grants})


def _token(one: Any) -> dict[str, Any]:
    told = dataclasses.asdict(one)
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in told.items()}


async def _lines(desk: Desk, thread_id: str | None, since: Any) -> AsyncIterator[str]:
    async for line in desk.audit.export(thread_id=thread_id, since=since):
        yield line


async def _with(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield f"{first}\n"
    async for line in rest:
        yield f"{line}\n"
