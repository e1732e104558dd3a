"""What stands before every page: where it was asked for, who asks, how often, and whether a form is ours."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import psycopg
from fastapi import Request
from fastapi.responses import Response
from psycopg_pool import PoolTimeout
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hitl_graph.inbox.place import path_of, root_of
from hitl_graph.inbox.principals import Principal
from hitl_graph.inbox.rates import Rate, asker
from hitl_graph.inbox.requests import NotSignedIn, Refused, desk_of, settings_of
from hitl_graph.inbox.sessions import session_of
from hitl_graph.inbox.settings import Limits, Settings
from hitl_graph.inbox.tokens import bearer_of
from hitl_graph.storage.ways import coming_through

__all__ = ["HEADERS", "MOST_BYTES", "Guard", "headers_for"]

MOST_BYTES = 2 << 20
"""The longest body that is read; an edit may hold a megabyte, and forms escape it."""
_BODY_S = 30.0
_MOST_FIELDS = 5000

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Without a referrer browsers would leave the origin out of forms too, which is looked at.
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer carries: nothing foreign is loaded, nothing is framed, kept or passed on."""

_SAFE = ("GET", "HEAD", "OPTIONS")
_LINKS, _WEBHOOKS, _STATIC, _API, _ENTRY = "/links/", "/webhooks/", "/static/", "/api/", "/sign-in"
_LEADS = (b"location", b"hx-redirect")
_SECRET = (_LINKS, "/sign-in/")  # what their addresses hold is for nobody else
_CLOSED = "the inbox is not open: who mounts it opens it, by FastAPI(lifespan=inbox.router.lifespan_context)"
Told = Callable[[Request, Exception], Awaitable[Response]]


class Guard:
    """ASGI middleware around all pages.

    Args:
        app: What it stands before.
        told: Makes an answer of what is refused here: `Refused`, `NotSignedIn`, or an error of the database.
        limits: How often one asker may ask.
    """

    def __init__(self, app: ASGIApp, *, told: Told, limits: Limits) -> None:
        self.app, self._told = app, told
        self._reads, self._writes = Rate(limits.reads, 60), Rate(limits.writes, 60)
        self._entries, self._strangers = Rate(limits.entries, 60), Rate(limits.strangers, 60)
        self._programs = Rate(limits.programs, 60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if getattr(scope["app"].state, "live", None) is None:
            raise RuntimeError(_CLOSED)
        request = Request(scope, receive)
        request.state.principal = None
        extra = headers_for(request)

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                has = {name.lower() for name, _ in message.get("headers", ())}
                added = [(k.encode(), v.encode()) for k, v in extra.items() if k.encode() not in has]
                message["headers"] = [*_below(root_of(request), message.get("headers", ())), *added]
            await send(message)

        try:
            body = await self._look(request)
        except (Refused, NotSignedIn, psycopg.Error, PoolTimeout) as error:
            answer = await self._told(request, error)
            await answer(scope, receive, with_headers)
            return
        with _way_of(request):
            await self.app(scope, _again(body, receive), with_headers)

    async def _look(self, request: Request) -> bytes | None:
        """Who asks, and what they send, which is read only once it is known to be short enough.

        Raises:
            Refused: It is not let through. NotSignedIn: A program without a token that counts.
        """
        path, settings = path_of(request), settings_of(request)
        place = asker(request, settings)
        if path.startswith(_WEBHOOKS):  # signed
            return self._counted(self._programs, place)
        if not settings.serves(request.headers.get("host", "")):
            raise Refused(421, "These pages are not served under this name.")
        if path.startswith(_STATIC):
            return None
        if path.startswith(
            _LINKS
        ):  # bound to a person and a case: whoever else has it can do nothing with it
            self._counted(self._strangers, place)
            request.state.principal = await _holder(request, settings)
            return None
        if not _asked_from_here(request):
            raise Refused(403, "This did not come from a page of the inbox, and nothing was done.")
        if path.startswith(_ENTRY):
            self._counted(self._entries, place)
        who = await _who(request, settings, path)
        request.state.principal = who
        writes = request.method not in _SAFE
        self._counted(
            self._strangers if who is None else self._writes if writes else self._reads,
            who.key if who else place,
        )
        if who is None and path.startswith(_API):
            raise NotSignedIn
        if not writes:
            return None
        body = await _body(request)
        if who is not None and who.way != "api" and path != _ENTRY and not _is_ours(request, who.csrf, body):
            raise Refused(403, "This form is not of your session: load the page again. Nothing was done.")
        return body

    @staticmethod
    def _counted(rate: Rate, who: str) -> None:
        if not rate.allows(who):
            raise Refused(429, "Too many requests: wait a minute. Nothing was done.")


def _way_of(request: Request) -> contextlib.AbstractContextManager[None]:
    """By which way comes whatever this request does; links and webhooks say it themselves, and pages only show."""
    path, who = path_of(request), request.state.principal
    if path.startswith(_API):
        named = {} if who is None or who.token is None else {"token": who.token[0], "label": who.token[1]}
        return coming_through("api", **named)
    said = path.startswith((_LINKS, _WEBHOOKS)) or (request.method in _SAFE and not path.startswith(_ENTRY))
    return contextlib.nullcontext() if said else coming_through("inbox")


def headers_for(request: Request) -> dict[str, str]:
    """What the answer to a request carries, errors included."""
    path = path_of(request)
    found = dict(HEADERS)
    if path.startswith(_STATIC):
        found["cache-control"] = "public, max-age=3600"
    if path.startswith(_SECRET):
        found["referrer-policy"] = "no-referrer"
    if settings_of(request).secure:
        found["strict-transport-security"] = "max-age=31536000"
    return found


def _below(root: str, headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """What leads on to a page of ours leads below the prefix."""
    own = re.compile(rb"/(?!/)")
    return [
        (name, root.encode() + value if name.lower() in _LEADS and own.match(value) else value)
        for name, value in headers
    ]


async def _who(request: Request, settings: Settings, path: str) -> Principal | None:
    if path.startswith(_API) and "authorization" in request.headers:
        return await bearer_of(desk_of(request), request.headers["authorization"], way=settings.sign_in.way)
    return await session_of(desk_of(request), settings, request)


async def _holder(request: Request, settings: Settings) -> Principal:
    """Who holds a link: by their session, or by what the request itself proves.

    Raises:
        NotSignedIn: Nobody knows.
    """
    if who := await session_of(desk_of(request), settings, request):
        return who
    if (claim := await settings.sign_in.claim(request)) is None:
        raise NotSignedIn
    return Principal(id=claim.person, name=claim.name, way=claim.way)


def _asked_from_here(request: Request) -> bool:
    """Whether a browser says that one of our own pages asks, or somebody who follows a link; a program says nothing."""
    said = request.headers
    site = said.get("sec-fetch-site")
    if request.method in _SAFE:
        followed = said.get("sec-fetch-mode") == "navigate" and said.get("sec-fetch-dest") == "document"
        return site in (None, "same-origin", "none") or followed
    if site not in (None, "same-origin"):
        return False
    scheme = "https" if settings_of(request).secure else "http"
    return said.get("origin") in (None, f"{scheme}://{said.get('host', '')}")


def _is_ours(request: Request, csrf: str, body: bytes) -> bool:
    given = request.headers.get("x-csrf-token", "")
    if not given and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            fields = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
        except ValueError:
            return False
        given = next((value for name, value in fields if name == "csrf"), "")
    return bool(csrf) and hmac.compare_digest(given.encode("utf-8", "replace"), csrf.encode())


async def _body(request: Request) -> bytes:
    """What was sent.

    Raises:
        Refused: It holds files, is too long, or does not come to its end in time.
    """
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise Refused(415, "No files are taken here, and nothing was done.")
    too_long = Refused(413, f"This is longer than {MOST_BYTES} bytes, and nothing was done.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > MOST_BYTES:
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise too_long
    except TimeoutError:
        raise Refused(408, "This did not come to its end in time, and nothing was done.") from None
    except ClientDisconnect:
        raise Refused(400, "This broke off, and nothing was done.") from None
    return bytes(body)


def _again(body: bytes | None, receive: Receive) -> Receive:
    """The body once more, for whoever reads it after us."""
    if body is None:
        return receive
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once
