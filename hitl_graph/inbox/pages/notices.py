"""Settings: who is told of cases, and which programs may decide by signed webhook."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.desk.notices import LINK_ACTIONS, NOTICE_EVENTS
from hitl_graph.inbox.pages.people import DONE
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Governs, TheDesk
from hitl_graph.inbox.typed import FieldError, Typed, typed
from hitl_graph.views.log import type_words

__all__ = ["router"]

router = APIRouter()

KINDS = (
    ("apprise", "people, by a message (mail, chat, telephone)"),
    ("webhook", "a program, by a signed request"),
)
_FAILED = 20


@router.get("/settings/notices")
async def notices(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Targets, senders, and what could not be told."""
    del who
    return await _page(request, desk)


@router.post("/settings/notices/targets")
async def put_target(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Tell a target from now on, or change one. A new secret is shown on this answer and never again."""
    form = await typed(request)
    kind: Any = form.get("kind")
    try:
        target = await desk.notices.put(
            form.get("target"),
            kind=kind,
            address=form.get("address"),
            by=who.id,
            owner=form.get("owner") or "*",
            events=form.all("events") or None,
            person=form.get("person") or None,
            actions=form.all("actions"),
            trusted=form.has("trusted"),
            active=not form.has("silent"),
        )
    except FieldError as error:
        return await _page(request, desk, target=form.refused(error))
    if target.secret is not None:
        return await _page(request, desk, secret=("target", target.id, target.secret))
    return RedirectResponse("/settings/notices?done=put", 303)


@router.post("/settings/notices/targets/remove")
async def remove_target(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Tell it nothing any more."""
    await desk.notices.remove((await typed(request)).get("target"), by=who.id)
    return RedirectResponse("/settings/notices?done=removed", 303)


@router.post("/settings/notices/retry")
async def retry(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Send what was given up, of one target."""
    target = (await typed(request)).get("target")
    await desk.notices.retry(by=who.id, target=target or None)
    return RedirectResponse("/settings/notices?done=put", 303)


@router.post("/settings/notices/senders")
async def put_sender(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Let a program decide. A new secret is shown on this answer and never again."""
    form = await typed(request)
    try:
        sender = await desk.notices.put_sender(
            form.get("sender"),
            by=who.id,
            people=form.lines("people"),
            groups=form.lines("groups"),
            active=not form.has("silent"),
        )
    except FieldError as error:
        return await _page(request, desk, sender=form.refused(error))
    if sender.secret is not None:
        return await _page(request, desk, secret=("sender", sender.id, sender.secret))
    return RedirectResponse("/settings/notices?done=put", 303)


@router.post("/settings/notices/senders/remove")
async def remove_sender(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Nothing that it signs decides any more."""
    await desk.notices.remove_sender((await typed(request)).get("sender"), by=who.id)
    return RedirectResponse("/settings/notices?done=removed", 303)


async def _page(
    request: Request,
    desk: Desk,
    *,
    target: Typed | None = None,
    sender: Typed | None = None,
    secret: tuple[str, str, str] | None = None,
) -> Response:
    values = {
        "targets": await desk.notices.targets(),
        "senders": await desk.notices.senders(),
        "failed": await desk.notices.outbox(status="failed", limit=_FAILED),
        "target": target or Typed(),
        "sender": sender or Typed(),
        "adding": target is not None,
        "letting": sender is not None,
        "secret": secret,
        "kinds": KINDS,
        "events": [(name, type_words(name), "") for name in NOTICE_EVENTS],
        "actions": [(name, name, "") for name in LINK_ACTIONS],
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    return page(request, "settings_notices.html", values, status=422 if target or sender else 200)
