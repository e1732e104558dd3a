"""One's own settings: saved filters, tokens for programs, and where one is signed in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk import Desk
from hitl_graph.desk.connected import storable
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.pages.filters import saved
from hitl_graph.inbox.pages.people import DONE, ROLES
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.queue import SQL as QUEUE_SQL
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import Signed, TheDesk, TheSettings
from hitl_graph.inbox.sessions import cookie_name, digest_of, end_session
from hitl_graph.inbox.tokens import ApiToken, list_tokens, make_token, revoke_token
from hitl_graph.inbox.typed import FieldError, Typed, typed
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["router"]

router = APIRouter()
SQL = load_statements("hitl_graph.inbox", "me.sql")


@router.get("/settings/me")
async def me(request: Request, who: Signed, desk: TheDesk) -> Response:
    """What one has here."""
    return await _page(request, desk, who)


@router.post("/settings/me/tokens")
async def make(request: Request, who: Signed, desk: TheDesk) -> Response:
    """A token for a program of one's own. Its text is on this answer and never again."""
    form = await typed(request)
    try:
        days = form.get("days")
        if not (days.isascii() and days.isdecimal() and len(days) <= 9):
            raise AnswerError("token", "days", "is no number of days")
        text, token = await make_token(desk, who.id, label=form.get("label"), days=int(days))
    except FieldError as error:
        return await _page(request, desk, who, form=form.refused(error))
    return await _page(request, desk, who, made=(text, token))


@router.post("/settings/me/tokens/revoke")
async def revoke(request: Request, who: Signed, desk: TheDesk) -> Response:
    """End one of one's own tokens."""
    token_id = (await typed(request)).get("token")
    if storable(token_id):
        await revoke_token(desk, token_id, by=who.id, person=who.id)
    return RedirectResponse("/settings/me?done=removed", 303)


@router.post("/settings/me/filters/remove")
async def remove_filter(request: Request, who: Signed, desk: TheDesk) -> Response:
    """Forget a view of the queue."""
    name = (await typed(request)).get("name")
    if storable(name):
        await desk.rows(QUEUE_SQL["drop_filter"], {"key": who.key, "name": name})
    return RedirectResponse("/settings/me?done=removed", 303)


@router.post("/settings/me/sign-out")
async def sign_out(request: Request, who: Signed, desk: TheDesk, settings: TheSettings) -> Response:
    """End every session of one's own, this one too."""
    await desk.rows(SQL["sign_out_everywhere"], {"key": who.key, "by": who.id})
    response = RedirectResponse("/sign-in", 303)
    await end_session(desk, settings, request, response)
    return response


async def _page(
    request: Request,
    desk: Desk,
    who: Principal,
    *,
    form: Typed | None = None,
    made: tuple[str, ApiToken] | None = None,
) -> Response:
    cookie = request.cookies.get(cookie_name(request.app.state.settings, request), "")
    grants: list[Any] = [
        one
        for one in await desk.authority.list()
        if (one.holder_kind == "person" and one.holder == who.key)
        or (one.holder_kind == "group" and key_of(one.holder) in {key_of(group) for group in who.groups})
    ]
    values = {
        "filters": await saved(desk, who),
        "tokens": await list_tokens(desk, person=who.id),
        "sessions": await desk.rows(SQL["sessions_of"], {"key": who.key, "here": digest_of(cookie)}),
        "grants": grants,
        "roles": [(words, more) for name, words, more in ROLES if name in who.roles],
        "form": form or Typed(values={"days": ["90"]}),
        "made": made,
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    return page(request, "settings_me.html", values, status=422 if form else 200)
