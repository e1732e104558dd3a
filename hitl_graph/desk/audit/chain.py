"""The hash chain over the audit events. Pure: the same code seals, verifies a database and verifies an export.

```
data digest  = SHA-256(salt + data)
event digest = SHA-256(canonical({at, data_digest, id, review_id, thread_id, type}))
hash         = SHA-256(canonical({event: event digest, prev: hash of the seal before, seq, tenant}))
```
Data is the JSON text as it stands in the database, to the last blank: the type `json` keeps it, and nothing that reads
as the same, or as something else to another reader, can take its place. Canonical is RFC 8785; digests stand in
hexadecimal. Salt and data can be erased and the chain still verifies, because the data digest is kept. A seal can be
shown without its event, because the event stands in it by its digest alone.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple

from hitl_graph.errors import AuditError

__all__ = ["GENESIS", "Anchor", "Event", "Seal", "chained", "data_digest", "event_digest", "seal_hash"]

GENESIS = bytes(32)
"""What the first seal names as the one before it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Anchor:
    """The end of a tenant's chain at some time: kept elsewhere, it proves that nothing before it was taken away.

    Attributes:
        tenant: Whose chain.
        seq: How many events were sealed; 0: none.
        hash: Of the last seal, in hexadecimal.
        at: When it was taken, by the database's clock: ISO 8601, UTC.
    """

    tenant: str
    seq: int
    hash: str
    at: str = ""

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Anchor:
        """Read what `to_json` wrote.

        Raises:
            AuditError: It is no anchor; the error names the field.
        """
        if not isinstance(told, Mapping):
            raise AuditError("anchor: is no JSON object: give what `anchor()` returned")
        kinds = {"tenant": str, "seq": int, "hash": str}
        for field, kind in kinds.items():
            if not isinstance(told.get(field), kind) or isinstance(told[field], bool):
                raise AuditError(f"anchor: {field}: is missing or no {kind.__name__}")
        if not re.fullmatch("[0-9a-f]{64}", told["hash"]):
            raise AuditError("anchor: hash: is no SHA-256 in hexadecimal")
        if told["seq"] < 0:
            raise AuditError("anchor: seq: is below 0")
        return cls(tenant=told["tenant"], seq=told["seq"], hash=told["hash"], at=str(told.get("at", "")))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return dataclasses.asdict(self)


class Event(NamedTuple):
    """An audit event as it is sealed. `data` is JSON text; it and `salt` are None once they were erased."""

    id: int
    at: str
    type: str
    thread_id: str
    review_id: str
    salt: bytes | None
    data: str | None


Seal = tuple[Any, ...]
"""A seal with its event, as `seals` of `audit.sql` gives them: seq, event id, data digest, prev, hash, and what an
`Event` holds; of an event that is gone, None for each. A million of them are looked at: they stay what the driver made.
"""


def data_digest(salt: bytes | None, data: str | None) -> bytes:
    """What is kept of an event's data for ever."""
    return sha256((salt or b"") + (data or "null").encode()).digest()


def event_digest(event: Event | tuple[Any, ...], data: bytes) -> str:
    """What is sealed of an event, whose data digest is `data`."""
    event_id, at, kind, thread_id, review_id, _, _ = event
    return sha256(
        f'{{"at":"{at}","data_digest":"{data.hex()}","id":{event_id},"review_id":{quoted(review_id)},'
        f'"thread_id":{quoted(thread_id)},"type":{quoted(kind)}}}'.encode()
    ).hexdigest()


def seal_hash(tenant: str, seq: int, prev: bytes, event: str) -> bytes:
    """The hash of a seal, over the event digest and the seal before."""
    told = f'{{"event":"{event}","prev":"{prev.hex()}","seq":{seq},"tenant":{quoted(tenant)}}}'
    return sha256(told.encode()).digest()


def chained(tenant: str, head: Anchor, events: Iterable[Event]) -> list[tuple[int, int, bytes, bytes, bytes]]:
    """The seals of `events` after `head`: seq, event id, data digest, prev, hash."""
    seq, prev = head.seq, bytes.fromhex(head.hash)
    seals = []
    for event in events:
        seq += 1
        digest = data_digest(event.salt, event.data)
        hashed = seal_hash(tenant, seq, prev, event_digest(event, digest))
        seals.append((seq, event.id, digest, prev, hashed))
        prev = hashed
    return seals
