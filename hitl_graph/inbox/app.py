"""The application: its pages, its desk, and what is said when something goes wrong."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg_pool import PoolTimeout

from hitl_graph.desk import Desk
from hitl_graph.errors import (
    AmbiguousReview,
    AnswerError,
    EffectNotFound,
    HitlError,
    HoldNotFound,
    NotAuthorised,
    NoticeError,
    PlainJsonError,
    ReviewNotFound,
)
from hitl_graph.inbox.settings import Settings
from hitl_graph.plain import printable
from hitl_graph.views.refusals import refusal_words
from hitl_graph.web.app import links_and_webhooks
from hitl_graph.web.outage import Outage, say_unusable

try:
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse, RedirectResponse, Response
    from fastapi.staticfiles import StaticFiles
    from starlette.exceptions import HTTPException

    from hitl_graph.inbox.api import api_router
    from hitl_graph.inbox.guard import Guard, headers_for
    from hitl_graph.inbox.live import Live
    from hitl_graph.inbox.pages import ROUTERS
    from hitl_graph.inbox.pages.entry import entry_router
    from hitl_graph.inbox.place import came_from, path_of
    from hitl_graph.inbox.rendering import page
    from hitl_graph.inbox.requests import NotSignedIn, Refused, is_htmx
    from hitl_graph.inbox.sessions import own_path
except ModuleNotFoundError as error:
    if error.name not in ("fastapi", "jinja2", "markdown_it", "nh3"):
        raise
    raise ImportError(
        "hitl_graph.inbox is a web application: install hitl-graph[inbox]", name=error.name
    ) from error

__all__ = ["create_app"]

_log = logging.getLogger("hitl_graph.inbox")
_NOTHING = "There is nothing here."
_PATIENCE_S = 5.0  # people are told sooner than programs that the database is away
_LATER = "The database cannot be used now. Nothing was decided, and what you typed is still on your page: try again."

_UNREAD = "This form was not understood, and nothing was done: load its page again and fill it in once more."


def create_app(
    settings: Settings, *, desk: Desk | None = None, url: str | None = None, tenant: str | None = None
) -> FastAPI:
    """An ASGI application with all pages, the JSON API below `/api/v1`, the links of messages and the webhooks.

    To mount it below a prefix, let the outer application open and close it, which mounting alone does not do:
    `outer = FastAPI(lifespan=inbox.router.lifespan_context)`, `outer.mount("/review", inbox)`.

    Args:
        settings: Who signs in how, and what holds for everybody.
        desk: An open desk; None: the application opens and closes one of its own.
        url: For a desk of its own: a Postgres connection string; None: `HITL_DATABASE_URL`, else the embedded Postgres.
        tenant: Whose cases these are, for a desk of its own; None: as `Desk` has it. Each tenant has its own inbox.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if desk is None:
                app.state.desk = await stack.enter_async_context(Desk(url, tenant=tenant, max_size=20))
                app.state.desk.pool.timeout = _PATIENCE_S
            app.state.outage = await stack.enter_async_context(Outage(app.state.desk, _log))
            app.state.live = await stack.enter_async_context(Live(app.state.desk))
            yield

    app = FastAPI(
        title="hitl_graph inbox",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # an address that nearly fits is none
    )
    app.state.settings = settings
    app.state.desk = desk
    # As they are: `include_router` would build each of them anew, for every application and again at its first request.
    for router in (*ROUTERS, entry_router(settings.sign_in), api_router()):
        app.router.routes.extend(router.routes)
    app.router.routes.extend(links_and_webhooks(undo_s=settings.undo_s))
    app.mount(
        "/static", StaticFiles(directory=str(resources.files("hitl_graph.inbox") / "static")), name="static"
    )
    app.add_middleware(Guard, told=_told, limits=settings.limits)
    handlers: dict[Any, Any] = {
        NotSignedIn: _not_signed_in,
        Refused: _refused,
        HitlError: _not_done,
        RequestValidationError: _not_understood,
        HTTPException: _no_such_page,
        psycopg.DataError: _no_such_value,
        psycopg.Error: _no_database,
        PoolTimeout: _no_database,
        Exception: _broken,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return app


async def _told(request: Request, error: Exception) -> Response:
    """What the guard refused."""
    if isinstance(error, NotSignedIn):
        return await _not_signed_in(request, error)
    if isinstance(error, Refused):
        return await _refused(request, error)
    return await _no_database(request, error)


def _problem(request: Request, status: int, text: str, *, field: str = "") -> Response:
    """The same words as a whole page, as a notice on the page that asked, or as JSON."""
    if path_of(request).startswith("/api/"):
        told = {"status": status, "field": printable(field), "problem": printable(text)}
        return JSONResponse({"error": told}, status)
    if is_htmx(request):
        headers = {"hx-retarget": "#notices", "hx-reswap": "innerHTML"}
        return page(
            request, "parts/notice.html", {"text": text, "kind": "error"}, status=status, headers=headers
        )
    return page(request, "problem.html", {"text": text, "status": status}, status=status)


async def _not_signed_in(request: Request, _: Exception) -> Response:
    if path_of(request).startswith("/api/"):
        problem = "sign in, or send a token that counts as `Authorization: Bearer`"
        told = {"error": {"status": 401, "field": "", "problem": problem}}
        return JSONResponse(told, 401, {"www-authenticate": "Bearer"})
    if is_htmx(request):  # whoever is signed out in the middle of something keeps what they typed
        headers = {"hx-retarget": "#notices", "hx-reswap": "innerHTML"}
        values = {"to": own_path(came_from(request))}
        return page(request, "parts/signed_out.html", values, status=401, headers=headers)
    wanted = path_of(request) + (f"?{request.url.query}" if request.url.query else "")
    to = quote(own_path(wanted), safe="") if request.method == "GET" else ""
    return RedirectResponse(f"/sign-in?to={to}" if to else "/sign-in", 303)


async def _refused(request: Request, error: Refused) -> Response:
    return _problem(request, error.status, error.text, field=error.field)


async def _not_done(request: Request, error: HitlError) -> Response:
    """What the desk refused: one answer for whatever there is not, whoever's it is."""
    if isinstance(error, (EffectNotFound, HoldNotFound, ReviewNotFound)):
        return _problem(request, 404, _NOTHING)
    is_api = path_of(request).startswith("/api/")
    text = str(error) if is_api else refusal_words(error)
    if isinstance(error, (AnswerError, PlainJsonError, NoticeError)):
        return _problem(request, 422, text, field=error.field)
    if isinstance(error, NotAuthorised):
        return _problem(request, 403, text)
    several = isinstance(error, AmbiguousReview) and not is_api
    return _problem(request, 300 if several else 409, text)


async def _not_understood(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    if not path_of(request).startswith("/api/"):
        return _problem(request, 422, _UNREAD)
    if first.get("type") == "json_invalid":
        return _problem(request, 422, f"body: {first['ctx']['error']}. Nothing was done.", field="body")
    where = first.get("loc", ())
    field = ".".join(str(part) for part in where[1:] or where)  # the body itself, where it is no object
    return _problem(request, 422, f"{field}: {first.get('msg', 'is not understood')}", field=field)


async def _no_such_page(request: Request, error: HTTPException) -> Response:
    text = _NOTHING if error.status_code in (404, 405) else str(error.detail)
    return _problem(request, 404 if error.status_code == 405 else error.status_code, text)


async def _no_such_value(request: Request, error: Exception) -> Response:
    _log.warning("a value that the database cannot hold", exc_info=error)
    return _problem(request, 422, "One of the values cannot be stored. Nothing was done.")


async def _no_database(request: Request, error: Exception) -> Response:
    say_unusable(error, _log, request.app.state.outage, "a page was not shown")
    return _problem(request, 503, _LATER)


async def _broken(request: Request, _: Exception) -> Response:
    """A mistake of ours: it is raised again for the server's log, and says nothing here."""
    answer = _problem(
        request, 500, "Something is wrong on this side. Nothing was decided: try again in a while."
    )
    answer.headers.update(headers_for(request))  # this is said outside of the guard
    return answer
