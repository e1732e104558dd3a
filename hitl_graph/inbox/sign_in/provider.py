"""What is asked of an OpenID Connect provider, and what of its answers is believed."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client, oauth2_client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hitl_graph.inbox.settings import is_loopback

__all__ = ["Provider", "ProviderError"]

_HTTP_ERRORS = (httpx.HTTPError, getattr(oauth2_client, "httpx2", httpx).HTTPError)
"""authlib asks with `httpx2` where that is there."""
_SIGNED = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""With a key that only the provider has; never `none`, and never with a secret that is shared."""
_WAIT_S = 10.0
_KEPT_S = 3600.0
_KEYS_S = 60.0  # a flood of unknown keys asks for them no more often
_LEEWAY_S = 60
_LONGEST = 1 << 20
_AWAY = "The provider cannot be reached now: try again in a while."


class ProviderError(Exception):
    """A sign-in that the provider did not make good; the text is for whoever signs in."""

    def __init__(self, text: str, *, status: int = 403) -> None:
        super().__init__(text)
        self.status = status


class Provider:
    """One provider, and this inbox as its client.

    Raises:
        ValueError: Something is empty, or the issuer is neither https nor on this machine.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, *, scope: str) -> None:
        for name, value in (("issuer", issuer), ("client_id", client_id), ("client_secret", client_secret)):
            if not value:
                raise ValueError(f"{name}: is empty: the provider gives it")
        _must_be_safe("issuer", issuer)
        self.issuer = issuer
        self._id, self._secret, self._scope = client_id, client_secret, scope
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = self._keys_at = float("-inf")
        self._reading = asyncio.Lock()

    async def address(self, back: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent to.

        Raises:
            ProviderError: The provider cannot be asked what it is.
        """
        metadata = await self._described()
        async with self._client(metadata, back) as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def told(self, code: str, back: str, *, iss: str, nonce: str, verifier: str) -> dict[str, Any]:
        """What the provider says of whoever brought the code.

        Args:
            code: As the browser brought it. back: As it was sent there. iss: Who it says it comes from, if it does.
            nonce, verifier: Those of this sign-in.

        Raises:
            ProviderError: It is not to be believed, or the provider cannot be reached.
        """
        if iss and iss != self.issuer:
            raise ProviderError("This answer is of another provider.")
        metadata = await self._described()
        try:
            async with self._client(metadata, back) as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=verifier
                )
                claims = await self._believed(token.get("id_token"), nonce)
                if "email" not in claims and (place := metadata.get("userinfo_endpoint")):
                    claims = _joined(claims, _object(await client.get(place)))
        except OAuthError as error:
            raise ProviderError(f"The provider did not take the code ({str(error.error)[:60]}).") from error
        except (*_HTTP_ERRORS, ValueError) as error:
            raise ProviderError(_AWAY, status=502) from error
        return claims

    def _client(self, metadata: dict[str, Any], back: str) -> AsyncOAuth2Client:
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return AsyncOAuth2Client(
            self._id,
            self._secret,
            scope=self._scope,
            redirect_uri=back,
            token_endpoint_auth_method="client_secret_basic"
            if "client_secret_basic" in ways
            else "client_secret_post",
            code_challenge_method="S256",
            timeout=_WAIT_S,
        )

    async def _described(self) -> dict[str, Any]:
        """What the provider says of itself, kept for an hour.

        Raises:
            ProviderError: It cannot be reached, or says that it is another.
        """
        async with self._reading:
            if time.monotonic() - self._read_at < _KEPT_S:
                return self._metadata
            found = await self._fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise ProviderError("The provider says that it is another one.", status=502)
            try:
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _must_be_safe(name, found[name])
                if "userinfo_endpoint" in found:
                    _must_be_safe("userinfo_endpoint", found["userinfo_endpoint"])
            except (KeyError, TypeError, ValueError) as error:
                raise ProviderError("The provider does not say where to sign in.", status=502) from error
            self._metadata, self._read_at, self._keys = found, time.monotonic(), None
            return found

    async def _believed(self, id_token: Any, nonce: str) -> dict[str, Any]:
        """The claims of an ID token, once its signature and they themselves fit.

        Raises:
            ProviderError: They do not.
        """
        if not isinstance(id_token, str):
            raise ProviderError("The provider does not say who you are.")
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self._id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = dict((await self._read(id_token)).claims)
            rules.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderError(
                "What the provider says of you is not to be believed: sign in again."
            ) from error
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._id) != self._id:
            raise ProviderError("What the provider says of you is for somebody else.")
        return claims

    async def _read(self, id_token: str) -> jwt.Token:
        """Read it with the provider's keys; where none fits they may have changed, and are fetched once more."""
        keys = await self._key_set()
        try:
            return jwt.decode(id_token, keys, algorithms=list(_SIGNED))
        except (JoseError, ValueError):
            again = await self._key_set(anew=True)
            if again is keys:
                raise
            return jwt.decode(id_token, again, algorithms=list(_SIGNED))

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        async with self._reading:
            young = time.monotonic() - self._keys_at < _KEYS_S
            if self._keys is not None and (young or not anew):
                return self._keys
            found = await self._fetched(self._metadata["jwks_uri"])
            self._keys, self._keys_at = KeySet.import_key_set(found), time.monotonic()  # type: ignore[arg-type]  # JSON, which it checks
            return self._keys

    @staticmethod
    async def _fetched(address: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_WAIT_S) as client:
                return _object(await client.get(address))
        except (*_HTTP_ERRORS, ValueError) as error:
            raise ProviderError(_AWAY, status=502) from error


def _object(answer: Any) -> dict[str, Any]:
    """The JSON object of an answer.

    Raises:
        ValueError: It is none.
    """
    if answer.status_code != 200 or len(answer.content) > _LONGEST:
        raise ValueError(f"{answer.url}: {answer.status_code}, {len(answer.content)} bytes")
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError(f"{answer.url}: no JSON object")  # noqa: TRY004  # of the provider's making, not ours
    return found


def _joined(claims: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """With what the provider says of the same person elsewhere; what was signed counts first."""
    if more.get("sub") != claims["sub"]:
        raise ProviderError("The provider speaks of two people.")
    return {**more, **claims}


def _must_be_safe(name: str, address: Any) -> None:
    """Refuse an address that is neither https nor of this machine.

    Raises:
        ValueError: It is not.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError(f"{name}: {address!r} is not https, and not of this machine")
