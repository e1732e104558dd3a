"""The application: its routes, its desk, and the headers that every answer carries."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, MutableMapping
from typing import TYPE_CHECKING, Any

import psycopg

from hitl_graph.desk import Desk
from hitl_graph.errors import HitlError, LinkRefused
from hitl_graph.notices import open_link, use_link
from hitl_graph.web import pages
from hitl_graph.web.inbound import MOST_BYTES, decide_by_webhook, refusal
from hitl_graph.web.outage import Outage, say_unusable

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["create_app", "links_and_webhooks"]

_log = logging.getLogger("hitl_graph.web")
_BODY_S = 30.0


def create_app(desk: Desk | None = None, *, url: str | None = None, tenant: str | None = None) -> Starlette:
    """An ASGI application: links that decide (`/links/…`), deep links (`/reviews/…`), `POST /webhooks/decide`.

    Serve it behind TLS, with access logs that leave out `/links/`: who has a link's address can use it.

    Args:
        desk: An open desk; None: the application opens and closes one of its own.
        url: For a desk of its own: a Postgres connection string; None: `HITL_DATABASE_URL`, else the embedded Postgres.
        tenant: Whose cases these are, for a desk of its own; None: as `Desk` has it.

    Raises:
        HitlError: The extra is not installed.
    """
    try:
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.routing import Route
    except ImportError:
        raise HitlError("the web application needs an extra: pip install 'hitl-graph[web,notify]'") from None

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if desk is None:
                app.state.desk = await stack.enter_async_context(Desk(url, tenant=tenant))
            app.state.outage = await stack.enter_async_context(Outage(app.state.desk, _log))
            yield

    routes = [*links_and_webhooks(), Route("/reviews/{thread_id:path}/{review_id}", _case, methods=["GET"])]
    handlers: Any = {psycopg.Error: _no_database, Exception: _broken}
    app = Starlette(
        routes=routes, lifespan=lifespan, middleware=[Middleware(_Headers)], exception_handlers=handlers
    )
    app.state.desk = desk
    return app


def links_and_webhooks(*, undo_s: float = 0) -> list[Any]:
    """The routes of links and webhooks, for an application of one's own whose `state.desk` is an open desk.

    Args:
        undo_s: Seconds for which what a link decides can be taken back.
    """
    from starlette.routing import Route

    link = functools.partial(_link, undo_s=undo_s)

    return [
        Route("/webhooks/decide", _webhook, methods=["POST"]),
        Route("/links/{token}", link, methods=["GET", "POST"]),
    ]


async def _webhook(request: Request) -> Any:
    """A signed decision."""
    from starlette.responses import JSONResponse

    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    status, told = refusal(413, "body", f"is longer than {MOST_BYTES} bytes")
                    return JSONResponse(told, status, {"connection": "close"})
    except TimeoutError:
        status, told = refusal(408, "body", f"did not come to its end in {_BODY_S:g} seconds")
        return JSONResponse(told, status, {"connection": "close"})
    try:
        status, told = await decide_by_webhook(request.app.state.desk, request.headers, bytes(body))
    except psycopg.Error as error:
        say_unusable(error, _log, getattr(request.app.state, "outage", None), "a webhook was not taken")
        status, told = refusal(503, "server", "the database cannot be used now: send the same request again")
    return JSONResponse(told, status)


async def _link(request: Request, *, undo_s: float) -> Any:
    """GET shows, POST decides."""
    from starlette.responses import HTMLResponse

    desk: Desk = request.app.state.desk
    token = request.path_params["token"]
    # Where it is part of the inbox, somebody may be signed in.
    holder = getattr(request.state, "principal", None)
    signed_in = "" if holder is None else holder.id
    try:
        if request.method == "POST":
            case = await use_link(desk, token, signed_in=signed_in, undo_s=undo_s)
            return HTMLResponse(pages.done_page(case))
        return HTMLResponse(pages.ask_page(*await open_link(desk, token, signed_in=signed_in)))
    except LinkRefused as refused:
        _log.info("a link was refused: %s", refused.why)
        return HTMLResponse(pages.refused_page(), 403)


async def _case(request: Request) -> Any:
    """A deep link, until somebody signs in."""
    from starlette.responses import HTMLResponse

    place = request.path_params
    return HTMLResponse(pages.case_page(place["thread_id"], place["review_id"]))


async def _no_database(request: Request, error: Exception) -> Any:
    """Nothing was decided, and the same link works when the database is back."""
    from starlette.responses import HTMLResponse

    say_unusable(error, _log, getattr(request.app.state, "outage", None), "a page was not shown")
    return HTMLResponse(pages.later_page(), 503)


async def _broken(_: Request, _error: Exception) -> Any:
    """A mistake of ours: it is raised again for the server's log, and says nothing here."""
    from starlette.responses import HTMLResponse

    return HTMLResponse(pages.later_page(), 500, pages.HEADERS)


class _Headers:
    """Adds the headers to whatever answers, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in pages.HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
