"""A proxy that has asked who somebody is, and says so in a header."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from fastapi import APIRouter, Request

from hitl_graph.desk.identity import person_name
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.settings import networks
from hitl_graph.inbox.sign_in.ways import Claim
from hitl_graph.plain import key_of

__all__ = ["ProxyHeader"]


class ProxyHeader:
    """The proxy in front says who it is, with every request. What others send under that name is not believed.

    The proxy must hand on the host that was asked for (`proxy_set_header Host $host`), and nobody else may reach the
    port that this listens on: whoever can from a believed address can say who they are.

    Args:
        header: The header's name, such as `X-Forwarded-User`. The proxy must take it off what comes from outside.
        proxies: Addresses or networks that are believed, such as `["127.0.0.1", "10.0.0.0/8"]`.

    Raises:
        ValueError: One of the proxies is no address or network, or there is none.
    """

    way = "header"

    def __init__(
        self, header: str = "X-Forwarded-User", *, proxies: Collection[str] = ("127.0.0.1", "::1")
    ) -> None:
        self.header = header
        self.proxies = networks("proxies", proxies)
        if not self.proxies:
            raise ValueError("proxies: name at least one address that is believed")

    def routes(self, router: APIRouter) -> None:
        """None: the proxy asks."""

    async def claim(self, request: Request) -> Claim | None:
        """Whom the proxy names."""
        said = request.headers.getlist(self.header)
        if len(said) != 1 or not self._believed(request):
            return None
        try:
            name = said[0].encode("latin-1").decode()  # bytes, as headers are; names are written in UTF-8
            person = person_name(name, where="sign-in", field=self.header)
        except (AnswerError, UnicodeError):
            return None
        return Claim(person=person, name=person, way=self.way)

    async def still(self, request: Request, person: str) -> bool:
        """Whether the proxy names the same person now."""
        claim = await self.claim(request)
        return claim is not None and key_of(claim.person) == key_of(person)

    def _believed(self, request: Request) -> bool:
        try:
            address = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self.proxies)
