"""Settings: who may let which act through up to which amount, and the reasons that decisions may name."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.pages.people import DONE
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Governs, TheDesk
from hitl_graph.inbox.typed import FieldError, Typed, typed

__all__ = ["router"]

router = APIRouter()

HOLDERS = (("group", "everybody in the group"), ("person", "the person"))
KINDS = (
    ("reason", "a reason: why it was changed or rejected"),
    ("cause", "a cause: what went wrong upstream"),
)


@router.get("/settings/authority")
async def authority(request: Request, who: Governs, desk: TheDesk) -> Response:
    """The table of authority."""
    del who
    return await _authority(request, desk, None)


@router.post("/settings/authority")
async def put_authority(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Give somebody authority for an act, or another limit."""
    form = await typed(request)
    try:
        await desk.authority.put(
            form.get("action"), **_holder(form), max_amount=_amount(form.get("max_amount")), by=who.id
        )
    except FieldError as error:
        return await _authority(request, desk, form.refused(error, group="holder", person="holder"))
    return RedirectResponse("/settings/authority?done=put", 303)


@router.post("/settings/authority/remove")
async def remove_authority(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Take an authority away."""
    form = await typed(request)
    await desk.authority.remove(form.get("action"), **_holder(form), by=who.id)
    return RedirectResponse("/settings/authority?done=removed", 303)


@router.get("/settings/codes")
async def codes(request: Request, who: Governs, desk: TheDesk) -> Response:
    """The reasons and causes."""
    del who
    return await _codes(request, desk, None)


@router.post("/settings/codes")
async def put_code(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Add a code, or give it another label."""
    form = await typed(request)
    kind: Any = form.get("kind")
    try:
        await desk.codes.put(
            kind=kind,
            code=form.get("code"),
            label=form.get("label"),
            gate=form.get("gate") or None,
            by=who.id,
        )
    except FieldError as error:
        return await _codes(request, desk, form.refused(error))
    return RedirectResponse("/settings/codes?done=put", 303)


@router.post("/settings/codes/remove")
async def remove_code(request: Request, who: Governs, desk: TheDesk) -> Response:
    """Take a code away; decisions that named it keep it."""
    form = await typed(request)
    kind: Any = form.get("kind")
    await desk.codes.remove(kind=kind, code=form.get("code"), gate=form.get("gate") or None, by=who.id)
    return RedirectResponse("/settings/codes?done=removed", 303)


def _holder(form: Typed) -> dict[str, str]:
    """Whose authority it is."""
    if not form.get("holder"):
        raise AnswerError("authority", "holder", "is empty: name a group or a person")
    return {"person" if form.get("holder_kind") == "person" else "group": form.get("holder")}


def _amount(text: str) -> Decimal | None:
    """An amount as people write it; empty is any."""
    if not text:
        return None
    try:
        return Decimal(text.replace(" ", ""))
    except InvalidOperation:
        raise AnswerError("authority", "max_amount", f"{text!r} is no amount, such as 500 or 99.50") from None


async def _authority(request: Request, desk: Desk, form: Typed | None) -> Response:
    values = {
        "grants": await desk.authority.list(),
        "form": form or Typed(),
        "holders": HOLDERS,
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    return page(request, "settings_authority.html", values, status=422 if form else 200)


async def _codes(request: Request, desk: Desk, form: Typed | None) -> Response:
    values = {
        "codes": await desk.codes.list(),
        "form": form or Typed(),
        "kinds": KINDS,
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    return page(request, "settings_codes.html", values, status=422 if form else 200)
