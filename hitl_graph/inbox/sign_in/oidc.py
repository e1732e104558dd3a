"""Signing in with an OpenID Connect provider: the authorization code flow with PKCE, state and nonce."""

from __future__ import annotations

import logging
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from hitl_graph.desk.identity import person_name
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.place import root_of
from hitl_graph.inbox.requests import desk_of, settings_of
from hitl_graph.inbox.sessions import cookie_path, digest_of, own_cookie, own_path
from hitl_graph.inbox.sign_in.entering import let_in, turned_away
from hitl_graph.inbox.sign_in.provider import Provider, ProviderError
from hitl_graph.inbox.sign_in.ways import Claim
from hitl_graph.storage.statements import load_statements

__all__ = ["OpenIdConnect"]

SQL = load_statements("hitl_graph.inbox.sign_in", "oidc.sql")
_log = logging.getLogger("hitl_graph.inbox")
_TIME_S = 600
_AGAIN = "This sign-in was not begun in this browser, took too long, or was used before: sign in again."


class OpenIdConnect:
    """The provider says who it is; who is listed in the directory under that name comes in.

    What a browser takes to the provider and back is kept in the database, so that any process takes it up.

    Args:
        issuer: The provider's address, such as `"https://accounts.example.com"`; what it says of itself stands below.
        client_id, client_secret: As the provider gave them. Its redirect address is `<address>/sign-in/callback`.
        claim: What of the person is the directory's id. An e-mail address counts only if the provider has verified it.
        scope: What the provider is asked for.

    Raises:
        ValueError: One of these is empty, or the issuer is neither https nor on this machine.
    """

    way = "oidc"

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        *,
        claim: str = "email",
        scope: str = "openid email profile",
    ) -> None:
        self._provider = Provider(issuer, client_id, client_secret, scope=scope)
        self._claim = claim

    def routes(self, router: APIRouter) -> None:
        """`/sign-in/start`, which leads to the provider, and `/sign-in/callback`, where it leads back to."""

        @router.get("/sign-in/start", include_in_schema=False)
        async def start(request: Request, to: str = "/") -> Response:
            return await self._start(request, to)

        @router.get("/sign-in/callback", include_in_schema=False)
        async def callback(
            request: Request, code: str = "", state: str = "", error: str = "", iss: str = ""
        ) -> Response:
            return await self._callback(request, code=code, state=state, error=error, iss=iss)

    async def claim(self, request: Request) -> Claim | None:
        """Nobody: a session is needed."""
        del request
        return None

    async def still(self, request: Request, person: str) -> bool:
        """Until the session ends: the provider is asked once."""
        del request, person
        return True

    async def _start(self, request: Request, to: str) -> Response:
        name = own_cookie("sign-in", settings_of(request), request)
        browser = request.cookies.get(name, "")
        if len(browser) < 32:  # of another sign-in in this browser, which goes on
            browser = secrets.token_urlsafe(32)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            address = await self._provider.address(
                _back(request), state=state, nonce=nonce, verifier=verifier
            )
        except ProviderError as problem:
            return await _failed(request, problem)
        params = {
            "state": digest_of(state),
            "browser": digest_of(browser),
            "nonce": nonce,
            "verifier": verifier,
        }
        await desk_of(request).rows(SQL["begin"], {**params, "to": own_path(to), "seconds": _TIME_S})
        response = RedirectResponse(address, 303)
        secure = settings_of(request).secure
        response.set_cookie(
            name,
            browser,
            max_age=_TIME_S,
            path=cookie_path(settings_of(request), request),
            httponly=True,
            secure=secure,
            samesite="lax",
        )
        return response

    async def _callback(self, request: Request, *, code: str, state: str, error: str, iss: str) -> Response:
        browser = request.cookies.get(own_cookie("sign-in", settings_of(request), request), "")
        params = {"state": digest_of(state), "browser": digest_of(browser)}
        begun = await desk_of(request).rows(SQL["take"], params) if state and browser else []
        if not begun:
            return await turned_away(request, _AGAIN, status=400)
        if error or not code:
            said = "".join(c for c in error if c.isalnum() or c == "_")[:60] or "no code"
            return await turned_away(request, f"The provider did not let you in ({said}).")
        try:
            told = await self._provider.told(
                code, _back(request), iss=iss, nonce=begun[0]["nonce"], verifier=begun[0]["verifier"]
            )
            claim = self._read(told)
        except ProviderError as problem:
            return await _failed(request, problem)
        return await let_in(request, claim, begun[0]["leads_to"])

    def _read(self, told: dict[str, object]) -> Claim:
        """Who the provider says it is.

        Raises:
            ProviderError: It does not say so, or has not verified it.
        """
        said = told.get(self._claim)
        if said is None:
            raise ProviderError(f"The provider does not say your {self._claim}.")
        if self._claim == "email" and told.get("email_verified") is not True:
            raise ProviderError("The provider has not verified your e-mail address.")
        try:
            person = person_name(said, where="sign-in", field=self._claim)
        except AnswerError as error:
            raise ProviderError(f"Your {self._claim} {error.problem}.") from None
        name = told.get("name")
        return Claim(person=person, name=name if isinstance(name, str) and name else person, way=self.way)


async def _failed(request: Request, problem: ProviderError) -> Response:
    _log.warning("a sign-in failed: %s", problem, exc_info=problem.__cause__)
    return await turned_away(request, str(problem), status=problem.status)


def _back(request: Request) -> str:
    """Where the provider leads back to; the host was looked at by the guard."""
    address = settings_of(request).address or f"http://{request.headers['host']}"
    return f"{address.rstrip('/')}{root_of(request)}/sign-in/callback"
