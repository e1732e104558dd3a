"""What a failed attempt to send tells: whether it reached anybody, and whether another would help."""

from __future__ import annotations

__all__ = ["SendFailed"]


class SendFailed(Exception):
    """A notice was not accepted. The message is our own words: it holds no address and nothing that came back.

    Args:
        why: What happened.
        certain: Whether it certainly reached nobody.
        final: Whether trying again would be of no use.
    """

    def __init__(self, why: str, *, certain: bool, final: bool = False) -> None:
        super().__init__(why)
        self.certain = certain
        self.final = final
