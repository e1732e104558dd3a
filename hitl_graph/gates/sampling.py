"""The audit sample: a share of what would pass is asked about all the same, picked by a hash, not by luck."""

from __future__ import annotations

import dataclasses
import hashlib

from hitl_graph.errors import DefinitionError

__all__ = ["AuditSample"]


@dataclasses.dataclass(frozen=True)
class AuditSample:
    """Which passing proposals a person sees all the same.

    The choice is a function of the proposal, so that a replay makes the same one. Without it nothing is known
    of what passes, and no figure about it can be trusted.

    Args:
        rate: Share that is asked about, from 0 to 1; it is also each item's propensity.
        salt: Changes which ones are picked.

    Source: inclusion by hash, u = SHA-256(salt, gate, key) / 2^64 < rate (Bernoulli sampling with known
        propensity).
    """

    rate: float = 0.05
    salt: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 <= self.rate <= 1:
            raise DefinitionError("audit sample", "rate", f"{self.rate!r} is no share from 0 to 1")

    def picks(self, gate: str, key: str) -> bool:
        """Whether the item with this key is in the sample of this gate."""
        raw = hashlib.sha256(f"{self.salt}\0{gate}\0{key}".encode()).digest()[:8]
        return int.from_bytes(raw, "big") < self.rate * 2**64
