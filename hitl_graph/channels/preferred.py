"""Which of the ways to a customer to take."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hitl_graph.channels.channel import Channel
from hitl_graph.errors import EffectNotDone

__all__ = ["Chosen", "preferred"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chosen:
    """The way that was chosen: its name, the customer's address on it, and whether it is what they prefer."""

    name: str
    to: str
    channel: Channel
    as_preferred: bool

    def send(self, subject: str, body: str, key: str) -> None:
        """Send on it; see `Channel.send`."""
        self.channel.send(self.to, subject, body, key)


def preferred(
    channels: Mapping[str, Channel], customer: Mapping[str, Any], *, fallback: str | None = None
) -> Chosen:
    """The customer's preferred way (R70), or else the one that is stated here.

    Args:
        channels: What there is, by name: `{"email": smtp, "sms": twilio}`.
        customer: Says `"preferred"` (a name, or several in order), and has an address under each channel's name:
            `{"preferred": "sms", "sms": "+4930123", "email": "kim@example.com"}`.
        fallback: The channel for a customer who prefers none of these, or has no address there; None: nothing is sent
            then.

    Raises:
        EffectNotDone: No way is left; it says why. Nothing was sent.
    """
    if fallback is not None and fallback not in channels:
        raise EffectNotDone(
            f"fallback: {fallback!r} is none of the channels {', '.join(channels)}; nothing was sent"
        )
    wanted = customer.get("preferred") or ()
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    for name in names:
        if name in channels and _address(customer, name):
            return Chosen(name=name, to=_address(customer, name), channel=channels[name], as_preferred=True)
    if fallback is not None and _address(customer, fallback):
        return Chosen(
            name=fallback, to=_address(customer, fallback), channel=channels[fallback], as_preferred=False
        )
    why = f"prefers {', '.join(map(str, names))}" if names else "says no preference"
    also = (
        f", and has no address for the fallback {fallback!r}" if fallback else ", and no fallback is stated"
    )
    known = ", ".join(name for name in channels if _address(customer, name)) or "none"
    raise EffectNotDone(f"preferred: the customer {why}{also}; addresses: {known}; nothing was sent")


def _address(customer: Mapping[str, Any], name: str) -> str:
    value = customer.get(name)
    return value.strip() if isinstance(value, str) else ""
