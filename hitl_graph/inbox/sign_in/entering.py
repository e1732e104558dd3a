"""Letting somebody in who has proved who they are, or saying why not."""

from __future__ import annotations

import unicodedata

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.inbox.principals import LOCAL, principal_of
from hitl_graph.inbox.rendering import page
from hitl_graph.inbox.requests import desk_of, settings_of
from hitl_graph.inbox.sessions import begin_session, own_path
from hitl_graph.inbox.sign_in.ways import Claim
from hitl_graph.notices.refusals import note_refusal

__all__ = ["let_in", "turned_away"]


async def let_in(request: Request, claim: Claim, to: str = "/") -> Response:
    """A session, and the page that they wanted; whom the directory does not know is told so, and gets none."""
    desk = desk_of(request)
    who = await principal_of(desk, claim.person, claim.name, way=claim.way)
    if who is None or (who.listed and not _same(who.id, claim.person)):
        nobody = not await desk.people.list()
        add = f"hitl-graph people add {claim.person!r}{' --role admin' if nobody else ''}"
        text = "Nobody is listed yet" if nobody else "is not listed as somebody who may come in"
        said = text if nobody else f"{claim.person} {text}"
        return await turned_away(
            request, f"{said}: whoever runs this can add them with `{add}`.", by=claim.person
        )
    response = RedirectResponse(own_path(to), 303)
    await begin_session(desk, settings_of(request), request, response, claim)
    return response


async def turned_away(request: Request, problem: str, *, by: str = "", status: int = 403) -> Response:
    """The sign-in page with what was wrong; the attempt is kept as an event.

    Args:
        problem: For whoever reads the page. by: Who they proved to be; empty for nobody.
    """
    await note_refusal(desk_of(request), by=by or "unknown", what="sign-in", why=problem)
    way = settings_of(request).sign_in.way
    values = {"way": way, "problem": problem, "to": "/", "local": way == LOCAL}
    return page(request, "sign_in.html", values, status=status)


def _same(listed: str, claimed: str) -> bool:
    """Whether it is the same name but for capitals: what looks alike is not one person."""
    one, other = (unicodedata.normalize("NFC", name).lower() for name in (listed, claimed))
    return one == other and listed.isascii() == claimed.isascii()
