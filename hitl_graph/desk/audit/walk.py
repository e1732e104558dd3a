"""Verifying: one walk along a chain, seal by seal, wherever the seals come from."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from typing import Any

from hitl_graph.desk.audit.chain import GENESIS, Anchor, Seal, data_digest, event_digest, seal_hash
from hitl_graph.errors import AuditError

__all__ = ["AuditReport", "Break", "Walk", "Wrong"]


class Wrong(enum.StrEnum):
    """What is wrong at the first place where a chain does not hold."""

    ALTERED = "altered"
    """The event, its data or its seal is not what was sealed."""
    GONE = "gone"
    """The seal is there, and its event is not."""
    MISSING = "missing"
    """A seal is missing in the middle, or at the beginning."""
    REORDERED = "reordered"
    """A seal does not continue the one before it."""
    EMPTIED = "emptied"
    """The event's data is not there, and no erasure of its thread is recorded."""
    TRUNCATED = "truncated"
    """The chain ends before the anchor."""
    REWRITTEN = "rewritten"
    """The chain holds in itself, and is not the one that the anchor was taken of."""
    HELD_BACK = "held_back"
    """The event has no seal and waits for none: somebody kept it from the sealer."""
    DIVERGED = "diverged"
    """The chain holds, and the row of a decision or an act is not what its event says."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Break:
    """The first place where a chain does not hold: `seq`, the event there if known, what is wrong, and in words."""

    seq: int
    event_id: int | None
    wrong: Wrong
    problem: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What came of verifying.

    Attributes:
        tenant: Whose chain.
        checked: Events whose content was compared with their seals.
        erased: Among them, events whose data was erased and is vouched for by its digest alone.
        linked: Seals that were followed without their events (an export of one thread has them).
        unsealed: Events that wait for the sealer. late: Among them, those that wait for more than a minute.
        head: The end of the chain.
        anchor: What it was compared with, if anything.
        broken: The first place where it does not hold; None: it holds.
        thread_id: Of an export of one thread: which; whoever made it can have left events of the thread out.
    """

    tenant: str
    checked: int
    erased: int
    linked: int
    unsealed: int
    late: int
    head: Anchor
    anchor: Anchor | None
    broken: Break | None
    thread_id: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the chain holds, and holds up to the anchor."""
        return self.broken is None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, with `ok`."""
        return {"ok": self.ok, **dataclasses.asdict(self)}


class Walk:
    """Follows a chain from its beginning, or from a seal that is taken for granted.

    Args:
        tenant: Whose chain.
        anchor: What the chain must lead through.
        seq, prev: Of the seal to start after.

    Raises:
        AuditError: The anchor is of another tenant, or of before the start.
    """

    def __init__(
        self,
        tenant: str,
        *,
        anchor: Anchor | None = None,
        seq: int = 0,
        prev: bytes = GENESIS,
    ) -> None:
        if anchor is not None and anchor.tenant != tenant:
            raise AuditError(f"anchor: is of tenant {anchor.tenant!r}, and this chain of tenant {tenant!r}")
        if anchor is not None and anchor.seq < seq:
            raise AuditError(f"anchor: is of seal {anchor.seq}, and this export starts after seal {seq}")
        self.tenant, self.anchor, self.seq, self.prev = tenant, anchor, seq, prev
        self.checked = self.erased = self.linked = 0
        self.broken: Break | None = None
        self._emptied: dict[str, Break] = {}  # by thread, until its erasure is met further on
        self._check_anchor()

    def seals(self, rows: Iterable[Seal]) -> None:
        """Follow seals with their events; stops at the first break."""
        for row in rows:
            if self.broken is not None:
                return
            seq, event_id, digest, prev, hashed, found, _, kind, thread_id, _, salt, data = row
            if found is None:
                self._break(seq, event_id, Wrong.GONE, f"event {event_id} is sealed, and it is gone")
                return
            if data is None and salt is None:
                self._empty(seq, event_id, thread_id)
            elif data_digest(salt, data) != digest:
                problem = f"the data of event {event_id} is not what was sealed"
                self._break(seq, event_id, Wrong.ALTERED, problem)
                return
            elif kind == "erased":
                self._emptied.pop(thread_id, None)
            self.checked += 1
            self._follow(seq, event_id, prev, hashed, event_digest(row[5:], digest))

    def link(self, seq: int, prev: bytes, hashed: bytes, event: str) -> None:
        """Follow a seal that shows its event's digest only."""
        if self.broken is None:
            self.linked += 1
            self._follow(seq, None, prev, hashed, event)

    def report(
        self, *, unsealed: int = 0, late: int = 0, at: str = "", thread_id: str | None = None
    ) -> AuditReport:
        """What came of it, at the end of the chain."""
        if self.broken is None and self._emptied:
            self.broken = min(self._emptied.values(), key=lambda found: found.seq)
        if self.broken is None and self.anchor is not None and self.anchor.seq > self.seq:
            self._break(
                self.seq,
                None,
                Wrong.TRUNCATED,
                f"the chain ends at seal {self.seq}, and the anchor was taken at seal {self.anchor.seq}",
            )
        return AuditReport(
            tenant=self.tenant,
            checked=self.checked,
            erased=self.erased,
            linked=self.linked,
            unsealed=unsealed,
            late=late,
            head=Anchor(tenant=self.tenant, seq=self.seq, hash=self.prev.hex(), at=at),
            anchor=self.anchor,
            broken=self.broken,
            thread_id=thread_id,
        )

    def _follow(self, seq: int, event_id: int | None, prev: bytes, hashed: bytes, event: str) -> None:
        if seq != self.seq + 1:
            problem = f"after seal {self.seq} comes seal {seq}: what stood between is missing"
            self._break(self.seq + 1, None, Wrong.MISSING, problem)
        elif prev != self.prev:
            self._break(seq, event_id, Wrong.REORDERED, f"seal {seq} does not continue seal {seq - 1}")
        elif seal_hash(self.tenant, seq, prev, event) != hashed:
            what = "a seal" if event_id is None else f"event {event_id}, or its seal,"
            self._break(seq, event_id, Wrong.ALTERED, f"{what} is not what was sealed")
        else:
            self.seq, self.prev = seq, hashed
            if self.anchor is not None:
                self._check_anchor()

    def _empty(self, seq: int, event_id: int, thread_id: str) -> None:
        """An event without data: its thread's erasure must come further on in the chain."""
        self.erased += 1
        problem = f"event {event_id} has lost its data, and no erasure of its thread is recorded after it"
        found = Break(seq=seq, event_id=event_id, wrong=Wrong.EMPTIED, problem=problem)
        self._emptied.setdefault(thread_id, found)

    def _check_anchor(self) -> None:
        anchor = self.anchor
        if anchor is not None and anchor.seq == self.seq and anchor.hash != self.prev.hex():
            problem = f"seal {self.seq} is not the one that the anchor was taken of: the log was rewritten"
            self._break(self.seq, None, Wrong.REWRITTEN, problem)

    def _break(self, seq: int, event_id: int | None, wrong: Wrong, problem: str) -> None:
        self.broken = Break(seq=seq, event_id=event_id, wrong=wrong, problem=problem)
