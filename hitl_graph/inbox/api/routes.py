"""All routes of the API, and what describes them."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from hitl_graph.inbox.api import acts, cases, drafts, office
from hitl_graph.inbox.api.answers import PROBLEMS, Ascii
from hitl_graph.inbox.requests import Signed

__all__ = ["api_router", "described"]

ABOUT = """Cases, decisions, people, holds and the audit log, under the rules of the pages.

Sign in as the pages do and send `X-CSRF-Token` with what writes, or send `Authorization: Bearer hitl_…` with a token of
your own (`hitl-graph inbox-token`). Texts of a case come from an agent and from strangers: show them, never run them.
Whatever there is not, and whatever is not for you, is the same 404."""


@functools.cache
def api_router() -> APIRouter:
    """`/api/v1`, described at `/api/v1/openapi.json` for those who are signed in."""
    router = APIRouter(prefix="/api/v1", responses=PROBLEMS, default_response_class=Ascii)
    for part in (cases.router, acts.router, drafts.router, office.router):
        router.include_router(part)

    @router.get("/openapi.json", include_in_schema=False)
    async def describe(_: Signed) -> Ascii:
        """What can be asked, and what comes back."""
        return Ascii(described(router))

    return router


def described(router: APIRouter) -> dict[str, Any]:
    """The OpenAPI document of the API's routes."""
    found = get_openapi(title="hitl_graph inbox", version="1", description=ABOUT, routes=router.routes)
    ways = {
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-hitl-session"},
        "token": {"type": "http", "scheme": "bearer"},
    }
    found.setdefault("components", {})["securitySchemes"] = ways
    found["security"] = [{"session": []}, {"token": []}]
    return found
