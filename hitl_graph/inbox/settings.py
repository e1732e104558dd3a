"""How an inbox is served: who signs in how, where, and the times that hold for everybody."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from hitl_graph.inbox.sign_in import SignIn

__all__ = ["Limits", "Network", "Settings", "host_name", "is_loopback", "networks"]

MOST_UNDO_S = 30.0
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """How often one asker may ask in a minute; who asks more often is told to wait, and nothing is done.

    Attributes:
        reads, writes: Of whoever is signed in, with all their browsers and programs.
        entries: Tries to sign in from one address. strangers: All that is asked from one address without a sign-in.
        programs: Signed webhooks from one address.

    Raises:
        ValueError: One of them is not above zero.
    """

    reads: int = 600
    writes: int = 240
    entries: int = 30
    strangers: int = 240
    programs: int = 1200

    def __post_init__(self) -> None:
        for name, number in dataclasses.asdict(self).items():
            if number < 1:
                raise ValueError(f"limits.{name}: {number} is not above zero")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for all pages.

    Attributes:
        sign_in: How people prove who they are: `LocalToken`, `ProxyHeader` or `OpenIdConnect`.
        undo_s: For how long a decision can be taken back before its thread is told, in seconds, 0 to 30.
        session: How long somebody stays signed in.
        address: Where people open it, such as `"https://inbox.example.com"`; empty: on this machine only. Requests that
            name another host are refused, so that no foreign site can pass for this one.
        proxies: Addresses or networks of proxies in front that say whom they ask for, in `X-Forwarded-For`. It counts
            for limits on how often somebody may ask, and for nothing else.
        limits: How often somebody may ask.
        graphs: Compiled graphs by name, to be drawn; without them a page shows gates and numbers only.

    Raises:
        ValueError: A time is out of range; an address is none, or is neither https nor of this machine.
    """

    sign_in: SignIn
    undo_s: float = 10.0
    session: dt.timedelta = dt.timedelta(hours=12)
    address: str = ""
    proxies: Collection[str] = ()
    limits: Limits = Limits()
    graphs: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.undo_s <= MOST_UNDO_S:
            raise ValueError(f"undo_s: {self.undo_s} is not from 0 to {MOST_UNDO_S:g}")
        if self.session <= dt.timedelta(0):
            raise ValueError(f"session: {self.session} is not above zero")
        networks("proxies", self.proxies)
        if self.address:
            parts = urlsplit(self.address)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
                raise ValueError(f"address: {self.address!r} is none, such as https://inbox.example.com")
            if parts.scheme == "http" and not is_loopback(parts.hostname):
                raise ValueError(f"address: {self.address!r} is not https, and not of this machine")

    @property
    def secure(self) -> bool:
        """Whether the pages are served over TLS, as everywhere but on one's own machine: cookies say so."""
        return self.address.startswith("https://")

    def serves(self, host: str) -> bool:
        """Whether a request that names this host is meant for these pages.

        Args:
            host: As the request says it, with or without a port.
        """
        name = host_name(host)
        return name == urlsplit(self.address).hostname if self.address else is_loopback(name)


def host_name(host: str) -> str:
    """A host without its port, in lower case; empty for what is none."""
    if re.search(r"[^A-Za-z0-9.:\[\]_-]", host):  # no user, path or query stands in a host
        return ""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)


def networks(field: str, given: Collection[str]) -> list[Network]:
    """Addresses and networks.

    Raises:
        ValueError: One of them is none.
    """
    try:
        return [ipaddress.ip_network(one) for one in given]
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
