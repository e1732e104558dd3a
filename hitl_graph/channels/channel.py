"""What every channel does, and what it says when it could not."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hitl_graph.errors import EffectNotDone

__all__ = ["Channel", "check_message"]

_LONGEST_LINE = 900


@runtime_checkable
class Channel(Protocol):
    """A way to a customer."""

    def send(self, to: str, subject: str, body: str, key: str) -> None:
        """Send one message, and wait until it was accepted.

        Args:
            to: The customer's address on this channel. subject: One line. body: The text.
            key: What `effect` hands to a function that takes `key`: the same for every attempt.

        Raises:
            EffectNotDone: Certainly nothing was sent: it may be tried again.
            EffectUnknown: Whether it was sent is not known.
        """
        ...


def check_message(to: str, subject: str, body: str, key: str) -> None:
    """Refuse what would become another message than the one that was meant: line breaks in headers, and the like.

    Raises:
        EffectNotDone: It names the field. Nothing was sent.
    """
    for field, text in (("to", to), ("subject", subject), ("key", key)):
        if not isinstance(text, str) or (field != "subject" and not text.strip()):
            raise EffectNotDone(f"{field}: is empty, or no text; nothing was sent")
        if any(ord(c) < 32 or ord(c) == 127 or c in "\x85\u2028\u2029" for c in text):
            raise EffectNotDone(f"{field}: holds a line break or another control character; nothing was sent")
        if len(text) > _LONGEST_LINE:
            raise EffectNotDone(f"{field}: is longer than {_LONGEST_LINE} characters; nothing was sent")
    if not isinstance(body, str) or "\x00" in body:
        raise EffectNotDone("body: is no text that can be sent; nothing was sent")
    for field, text in (("to", to), ("subject", subject), ("body", body), ("key", key)):
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise EffectNotDone(f"{field}: holds half a character (a lone surrogate); nothing was sent")
