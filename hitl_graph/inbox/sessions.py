"""Sessions: a random cookie for each browser; the database keeps its digest, so that any process knows it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import Response

from hitl_graph.desk import Desk
from hitl_graph.inbox.place import root_of
from hitl_graph.inbox.principals import SQL, Principal, principal_from
from hitl_graph.inbox.settings import Settings
from hitl_graph.plain import key_of

if TYPE_CHECKING:
    from hitl_graph.inbox.sign_in import Claim

__all__ = [
    "begin_session",
    "cookie_name",
    "cookie_path",
    "digest_of",
    "end_session",
    "own_cookie",
    "own_path",
    "session_of",
]


def cookie_name(settings: Settings, request: Request) -> str:
    """Over TLS one that no other host and no subdomain can set; on this machine, one of its own for each port."""
    return own_cookie("session", settings, request)


def own_cookie(what: str, settings: Settings, request: Request) -> str:
    """A cookie's name: of its own for each prefix, as two inboxes on one host may be two tenants'."""
    place = re.sub("[^A-Za-z0-9]", "-", root_of(request))
    return f"__Host-hitl-{what}{place}" if settings.secure else f"hitl-{what}-{request.url.port or 80}{place}"


def cookie_path(settings: Settings, request: Request) -> str:
    """Where a cookie is sent: below the prefix, except where its name demands the whole host."""
    return "/" if settings.secure else f"{root_of(request)}/"


async def begin_session(
    desk: Desk, settings: Settings, request: Request, response: Response, claim: Claim
) -> None:
    """Let a browser in as somebody, and give it its cookie; any cookie that it had before means nothing more."""
    token = secrets.token_urlsafe(32)
    before = request.cookies.get(cookie_name(settings, request), "")
    params = {"digest": digest_of(token), "before": digest_of(before), "key": key_of(claim.person)}
    params |= {"person": claim.person, "name": claim.name, "way": claim.way}
    seconds = settings.session.total_seconds()
    await desk.rows(SQL["open_session"], {**params, "seconds": seconds})
    response.set_cookie(
        cookie_name(settings, request),
        token,
        max_age=int(seconds),
        path=cookie_path(settings, request),
        httponly=True,
        secure=settings.secure,
        samesite="lax",  # links in mails, and the way back from a provider, are navigations from another site
    )


async def session_of(desk: Desk, settings: Settings, request: Request) -> Principal | None:
    """Who sent this request, as the directory knows them now; None where nobody who may come in did.

    A session is of the way in which people sign in now. Where a proxy says who it is, it must still say the same.
    """
    token = request.cookies.get(cookie_name(settings, request))
    if not token:
        return None
    found = await desk.rows(SQL["find_session"], {"digest": digest_of(token)})
    way = settings.sign_in
    if not found or found[0]["way"] != way.way or not await way.still(request, found[0]["person"]):
        return None
    return principal_from(found[0], way=way.way, csrf=csrf_of(token))


async def end_session(desk: Desk, settings: Settings, request: Request, response: Response) -> None:
    """Forget this browser."""
    name = cookie_name(settings, request)
    if token := request.cookies.get(name):
        await desk.rows(SQL["close_session"], {"digest": digest_of(token)})
    response.delete_cookie(name, path=cookie_path(settings, request), secure=settings.secure, httponly=True)


def csrf_of(token: str) -> str:
    """What the forms of a session carry: bound to its cookie, and not to be had from anything that is stored."""
    return hmac.new(token.encode(), b"hitl-graph form", hashlib.sha256).hexdigest()


def digest_of(token: str) -> bytes:
    """What the database keeps of something that lets in."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def own_path(to: str) -> str:
    """A page of ours that somebody asks to be led to; the first page for anything that could lead elsewhere."""
    plain = to.isprintable() and to.isascii() and "\\" not in to and len(to) <= 2000
    return to if plain and to.startswith("/") and not to.startswith(("//", "/sign-")) else "/"
