"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import TheDesk, TheSettings
from hitl_graph.inbox.sessions import end_session, own_path
from hitl_graph.inbox.sign_in import LocalToken, SignIn
from hitl_graph.inbox.sign_in.entering import let_in, turned_away

__all__ = ["entry_router"]


def entry_router(way: SignIn) -> APIRouter:
    """`/sign-in` and `/sign-out`, with what the way to sign in adds."""
    router = APIRouter()
    way.routes(router)

    @router.get("/sign-in", include_in_schema=False)
    async def sign_in(request: Request, to: str = "/") -> Response:
        """Who is known already is let in; the rest sees how to sign in."""
        if request.state.principal is not None:
            return RedirectResponse(own_path(to), 303)
        claim = await way.claim(request)
        if claim is not None:
            return await let_in(request, claim, to)
        return page(request, "sign_in.html", {"way": way.way, "to": own_path(to), "problem": ""})

    @router.post("/sign-in", include_in_schema=False)
    async def enter(
        request: Request, token: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "/"
    ) -> Response:
        """The token, typed."""
        if not isinstance(way, LocalToken):
            return await turned_away(request, "Nobody signs in here with a token.", status=401)
        return await way.enter(request, token, to)

    @router.post("/sign-out", include_in_schema=False)
    async def sign_out(request: Request, desk: TheDesk, settings: TheSettings) -> Response:
        """Forget this browser."""
        response = RedirectResponse("/sign-in", 303)
        await end_session(desk, settings, request, response)
        return response

    return router
