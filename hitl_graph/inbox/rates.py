"""How often somebody may ask, and who that is."""

from __future__ import annotations

import collections
import ipaddress
import time

from fastapi import Request

from hitl_graph.inbox.settings import Settings, networks

__all__ = ["Rate", "asker"]

_MOST_ASKERS = 20_000


class Rate:
    """At most so many requests of one asker in so many seconds, in a memory of bounded size.

    What is left refills evenly. Of too many askers, those who asked longest ago are forgotten.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._refill = float(most), most / seconds
        self._left: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()

    def allows(self, who: str) -> bool:
        """Whether this one may ask once more; it is counted."""
        now = time.monotonic()
        left, at = self._left.pop(who, (self._most, now))
        left = min(self._most, left + (now - at) * self._refill)
        self._left[who] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MOST_ASKERS:
            self._left.popitem(last=False)
        return left >= 1


def asker(request: Request, settings: Settings) -> str:
    """Where a request comes from: the address behind our own proxies; of IPv6 the network that one subscriber has.

    A proxy adds the address that it sees at the end of `X-Forwarded-For`; what stands before that anybody can write.
    """
    trusted = networks("proxies", settings.proxies)
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    seen = request.client.host if request.client else ""
    while (place := _address(seen)) and any(place in network for network in trusted) and hops:
        seen = hops.pop()
    if isinstance(place, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((place, 64), strict=False))
    return str(place) if place else "unknown"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
