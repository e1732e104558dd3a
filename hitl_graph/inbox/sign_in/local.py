"""One person on their own machine: a token in the address that is printed, as Jupyter does it."""

from __future__ import annotations

import hmac
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hitl_graph.desk.identity import person_name
from hitl_graph.inbox.settings import is_loopback
from hitl_graph.inbox.sign_in.entering import let_in, turned_away
from hitl_graph.inbox.sign_in.ways import Claim
from hitl_graph.plain import key_of

__all__ = ["LocalToken"]

WRONG = "That did not let you in: the token stands in the address that `hitl-graph inbox` printed last."


class LocalToken:
    """Whoever has the token is `person`. Only from this machine.

    Args:
        person: Who decides, as `by` says it. token: None: a new one.

    Raises:
        AnswerError: `person` is no name.
    """

    way = "token"

    def __init__(self, person: str, token: str | None = None) -> None:
        self.person = person_name(person, where="sign-in", field="person")
        self.token = token or secrets.token_urlsafe(24)

    def routes(self, router: APIRouter) -> None:
        """`GET /sign-in/token?token=…&to=…`, which leads on without the token in the address."""

        @router.get("/sign-in/token", include_in_schema=False)
        async def by_address(request: Request, token: str = "", to: str = "/") -> Response:
            return await self.enter(request, token, to)

    async def claim(self, request: Request) -> Claim | None:
        """Nobody: a session is needed."""
        del request
        return None

    async def still(self, request: Request, person: str) -> bool:
        """Only from this machine, and only as the one person whose inbox it is."""
        return _from_here(request) and key_of(person) == key_of(self.person)

    async def enter(self, request: Request, token: str, to: str) -> Response:
        """Let this browser in, and lead it to a page of ours."""
        right = hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())
        if not right or not _from_here(request):
            return await turned_away(request, WRONG, status=401)
        return await let_in(request, Claim(person=self.person, name=self.person, way=self.way), to)


def _from_here(request: Request) -> bool:
    return request.client is not None and is_loopback(request.client.host)
