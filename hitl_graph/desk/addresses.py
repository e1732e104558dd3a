"""Which addresses notices may go to. An address may hold a password: no error says what it is."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import SplitResult, unquote, urlsplit

from hitl_graph.errors import NoticeError

__all__ = [
    "APPRISE_SCHEMES",
    "MAIL_SCHEMES",
    "check_address",
    "is_loopback",
    "may_connect",
    "may_mail",
    "scheme_of",
]

APPRISE_SCHEMES = frozenset({
    "discord", "gchat", "mailto", "mailtos", "opsgenie", "pagerduty", "slack", "tgram", "twilio", "workflow",
    "workflows",
})  # fmt: skip
"""The services of Apprise that are taken without being asked about: hosts of their own, or mail."""

MAIL_SCHEMES = frozenset({"mailto", "mailtos"})
_TEAMS = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(logic\.azure\.com|api\.powerplatform\.com)", re.ASCII)
# What makes Apprise read a local file, fetch another URL, or talk to somebody who cannot show who they are.
_REACHES = ("attach", "cache", "pgp", "template", "verify", "wkd")

_ODD = re.compile(r"[\x00-\x20\x7f-\uffff]")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What the standard library takes for global: local NAT64 (RFC 8215), site-local addresses, and relays of 6to4.
_INSIDE = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10", "192.88.99.0/24")))
_OLD_IPV4 = ipaddress.ip_network("::/96")  # IPv4-compatible, RFC 4291
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(where: str, kind: str, address: str, *, trusted: bool) -> None:
    """Refuse an address that a notice must not go to.

    Args:
        where: What the error begins with.
        kind: `"webhook"` or `"apprise"`.
        address: A URL. trusted: Whether somebody vouches for it: then a webhook may use plain http and a private
            network, and Apprise any of its schemes, hosts and settings.

    Raises:
        NoticeError: It is no such URL.
    """
    if not isinstance(address, str) or not address or _ODD.search(address) or len(address) > 2000:
        raise NoticeError(where, "address", "is no URL: give one in plain ASCII, without spaces")
    if kind == "apprise":
        _check_apprise(where, address, trusted=trusted)
        return
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError:
        raise NoticeError(where, "address", "is no URL that can be read") from None
    if url.scheme not in ("https", "http") or not url.hostname or port == 0:
        raise NoticeError(where, "address", "should begin with https:// and name a host")
    if "@" in url.netloc or url.fragment:
        raise NoticeError(
            where, "address", "may hold no user, password or #fragment: requests are signed instead"
        )
    if url.scheme == "http" and not trusted and not is_loopback(url):
        raise NoticeError(
            where, "address", "is plain http to another machine: use https, or say trusted=True"
        )
    literal = _literal(url.hostname)
    if literal is not None and not may_connect(literal, url, trusted=trusted):
        raise NoticeError(where, "address", "is in a private network: say trusted=True if it is meant")


def _check_apprise(where: str, address: str, *, trusted: bool) -> None:
    scheme = scheme_of(address)
    if not scheme:
        raise NoticeError(
            where, "address", "is no URL of Apprise, such as mailtos://user:password@host?to=address"
        )
    if scheme not in APPRISE_SCHEMES and not trusted:
        known = ", ".join(sorted(APPRISE_SCHEMES))
        raise NoticeError(
            where, "address", f"has the scheme {scheme!r}, not {known}: say trusted=True if it is meant"
        )
    if not trusted:
        _check_reach(where, scheme, address)


def _check_reach(where: str, scheme: str, address: str) -> None:
    """Refuse an Apprise URL of a known scheme that leads elsewhere than to its service."""
    hosts = []
    for part in re.split(r"[?&;]", address)[1:]:  # as Apprise takes them apart, and more
        key, _, value = part.partition("=")
        key = unquote(key).lower().strip(" +-:")
        if key.startswith(_REACHES):
            problem = (
                f"holds {key!r}, which may read files or reach elsewhere: say trusted=True if it is meant"
            )
            raise NoticeError(where, "address", problem)
        if key == "smtp":
            hosts.append(unquote(value).strip())
    netloc = re.split(r"[/?#]", address.partition("://")[2], maxsplit=1)[0]
    if scheme.startswith("workflow"):
        if not _TEAMS.fullmatch(netloc.lower().removesuffix(":443")):
            problem = "is no host of Teams workflows: say trusted=True if it is meant"
            raise NoticeError(where, "address", problem)
    elif scheme in MAIL_SCHEMES:
        hosts += [
            unquote(part) for part in netloc.split("@")
        ]  # readers differ on which of several is the host
        if not all(may_mail(host) for host in hosts):
            problem = "names a mail server in a private network: say trusted=True if it is meant"
            raise NoticeError(where, "address", problem)


def may_mail(host: str) -> bool:
    """Whether mail may be handed to a server, as far as its name tells: a private address is refused."""
    try:
        url = urlsplit(f"//{host}")
        literal = _literal(url.hostname or "")
    except ValueError:
        return False
    return literal is None or may_connect(literal, url, trusted=False)


def scheme_of(address: str) -> str:
    """What stands before `://`, in lower case; empty where nothing does."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", address)
    return found.group(1).lower() if found else ""


def is_loopback(url: SplitResult) -> bool:
    """Whether the URL itself names this machine."""
    literal = _literal(url.hostname or "")
    return url.hostname == "localhost" or (literal is not None and literal.is_loopback)


def may_connect(address: Address, url: SplitResult, *, trusted: bool) -> bool:
    """Whether a host's resolved address may be talked to: a public one, or this machine where the URL says so."""
    plain = _unwrapped(address)
    if plain.is_multicast or plain.is_unspecified:
        return False
    if any(
        one in network for one in (address, plain) for network in _INSIDE if one.version == network.version
    ):
        return trusted
    return trusted or plain.is_global or (plain.is_loopback and is_loopback(url))


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, or itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64 or (address in _OLD_IPV4 and int(address) > 1):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
    return address


def _literal(host: str) -> Address | None:
    """The address, where the host is written as one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if not re.fullmatch(r"[0-9a-fx.]+", host, re.IGNORECASE | re.ASCII) or not re.match(r"\d", host):
        return None
    try:  # 127.1 and 0x7f000001 are addresses to whoever connects
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
