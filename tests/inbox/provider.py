"""A small OpenID Connect provider on a loopback port, with keys of its own, that can be told to misbehave."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

__all__ = ["CLIENT", "SECRET", "OidcProvider", "oidc_provider"]

CLIENT, SECRET = "inbox", "a secret of the client"
_START_S = 20


@dataclasses.dataclass
class OidcProvider:
    """What it is, and what it says next.

    Attributes:
        claims: Of who signs in; each is added to the ID token, None leaves it out.
        described: Changes of its description. key: What it signs with. published: What it shows of its keys.
        asked: What came to its pages.
    """

    issuer: str = ""
    claims: dict[str, Any] = dataclasses.field(default_factory=dict)
    described: dict[str, Any] = dataclasses.field(default_factory=dict)
    key: RSAKey = dataclasses.field(
        default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)
    )
    published: list[RSAKey] = dataclasses.field(default_factory=list)
    algorithm: str = "RS256"
    told_elsewhere: dict[str, Any] = dataclasses.field(default_factory=dict)
    refuse: str = ""
    broken: bool = False
    asked: list[str] = dataclasses.field(default_factory=list)
    _codes: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    def app(self) -> Starlette:
        """Its pages."""
        pages = {
            "/.well-known/openid-configuration": self._description,
            "/authorize": self._authorize,
            "/token": self._token,
            "/jwks": self._jwks,
            "/userinfo": self._userinfo,
        }
        return Starlette(routes=[Route(path, page, methods=["GET", "POST"]) for path, page in pages.items()])

    async def _description(self, request: Request) -> Response:
        self.asked.append("description")
        named = {name: f"{self.issuer}/{name}" for name in ("authorize", "token", "jwks", "userinfo")}
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": named["authorize"],
            "token_endpoint": named["token"],
            "jwks_uri": named["jwks"],
            "userinfo_endpoint": named["userinfo"],
        }
        return JSONResponse({**told, **self.described})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        if self.refuse:
            back = {"error": self.refuse, "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        self.asked.append("token")
        form = await request.form()
        asked = self._codes.pop(str(form["code"]), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        given = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest()).rstrip(
            b"="
        )
        right = (
            asked is not None
            and request.headers.get("authorization") == f"Basic {basic}"
            and given.decode() == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
        )
        if asked is None or not right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "u-17",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": "ana@example.com",
            "email_verified": True,
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            parts = ({"alg": "none", "kid": self.key.kid}, said)
            signed = (
                ".".join(
                    base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts
                )
                + "."
            )
        else:
            header = {"alg": self.algorithm, "kid": self.key.kid}
            signed = jwt.encode(header, said, self.key, algorithms=[self.algorithm])
        if self.broken:
            return Response("<h1>Internal error</h1>", 500)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})

    async def _jwks(self, request: Request) -> Response:
        self.asked.append("keys")
        keys = self.published or [self.key]
        return JSONResponse({"keys": [key.as_dict(private=False) for key in keys]})

    async def _userinfo(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer a"
        return JSONResponse({"sub": "u-17", **self.told_elsewhere})


@contextlib.contextmanager
def oidc_provider() -> Iterator[OidcProvider]:
    """Serve one."""
    provider = OidcProvider()
    listening = socket.create_server(("127.0.0.1", 0))
    provider.issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        provider.app(), log_level="error", ws="none", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    running = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, name="provider", daemon=True
    )
    running.start()
    end = time.monotonic() + _START_S
    while not server.started:
        assert running.is_alive() and time.monotonic() < end, "the provider did not start"
        time.sleep(0.005)
    try:
        yield provider
    finally:
        server.should_exit = True
        running.join(_START_S)
        listening.close()
