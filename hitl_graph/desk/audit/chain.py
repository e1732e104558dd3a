"""The hash chain over the audit events. Pure: the same code seals, verifies a database and verifies an export.

```
data digest  = SHA-256(salt + canonical(data))
event digest = SHA-256(canonical({at, data_digest, id, review_id, thread_id, type}))
hash         = SHA-256(canonical({event: event digest, prev: hash of the seal before, seq, tenant}))
```
Canonical is RFC 8785; digests stand in hexadecimal. Salt and data can be erased and the chain still verifies, because
the data digest is kept. A seal can be shown without its event, because the event stands in it by its digest alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple, NoReturn

import rfc8785

from hitl_graph.errors import AuditError
from hitl_graph.plain import JSON, MAX_SAFE_INTEGER, printable

__all__ = [
    "GENESIS",
    "NAMED_TWICE",
    "Anchor",
    "Event",
    "all_names",
    "canonical",
    "chained",
    "data_digest",
    "event_digest",
    "seal_hash",
]

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


def canonical(text: str) -> bytes:
    """The canonical form of JSON text; numbers beyond ±(2^53 - 1) and infinite ones as strings.

    An object that names something twice, which no writer of ours makes, is hashed as all its names and values: nobody
    can add a second `by` that some readers take for the first.

    Source: RFC 8785. Most events hold only texts and small integers, for which Python's encoder writes the same.
    """
    if (text.isascii() or _BEYOND_BMP.search(text) is None) and "\\ud" not in text and "\\uD" not in text:
        with contextlib.suppress(_OtherwiseError):
            return _encode(_decode(text)).encode()
    return rfc8785.dumps(_hashable(json.loads(text, object_pairs_hook=all_names)))


def data_digest(salt: bytes, data: str) -> bytes:
    """What is kept of an event's data for ever."""
    return hashlib.sha256(salt + canonical(data)).digest()


def event_digest(event: Event, data: bytes) -> bytes:
    """What is sealed of an event, whose data digest is `data`."""
    return hashlib.sha256(
        f'{{"at":"{event[1]}","data_digest":"{data.hex()}","id":{event[0]},"review_id":{quoted(event[4])},'
        f'"thread_id":{quoted(event[3])},"type":{quoted(event[2])}}}'.encode()
    ).digest()


def seal_hash(tenant: str, seq: int, prev: bytes, event: bytes) -> bytes:
    """The hash of a seal, over the event digest and the seal before."""
    return hashlib.sha256(
        f'{{"event":"{event.hex()}","prev":"{prev.hex()}","seq":{seq},"tenant":{quoted(tenant)}}}'.encode()
    ).digest()


# What Python and RFC 8785 write differently: fractions, long integers, what is no number, and characters beyond the
# BMP, which stand elsewhere in the order of keys.
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")


class _OtherwiseError(ValueError):
    pass


def _otherwise(text: str) -> NoReturn:
    raise _OtherwiseError(text)


def _integer(text: str) -> int:
    return int(text) if len(text) < 16 else _otherwise(text)


def all_names(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """An object as it was read; one that names something twice, as the list of its names and values."""
    told = dict(pairs)
    return told if len(told) == len(pairs) else {NAMED_TWICE: [[name, value] for name, value in pairs]}


NAMED_TWICE = "hitl: names that stand twice"

_decode = json.JSONDecoder(
    parse_float=_otherwise, parse_int=_integer, parse_constant=_otherwise, object_pairs_hook=all_names
).decode
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _hashable(value: JSON) -> JSON:
    """The same JSON with texts in place of what RFC 8785 cannot write."""
    if isinstance(value, dict):
        return {_text(key): _hashable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hashable(inner) for inner in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_SAFE_INTEGER else str(value)
    return value if math.isfinite(value) else str(value)


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:  # lone surrogates, which the type json lets pass
        return printable(value)
    return value


def chained(tenant: str, head: Anchor, events: Iterable[Event]) -> list[tuple[int, int, bytes, bytes, bytes]]:
    """The seals of `events` after `head`: seq, event id, data digest, prev, hash."""
    seq, prev = head.seq, bytes.fromhex(head.hash)
    seals = []
    for event in events:
        seq += 1
        digest = data_digest(event.salt or b"", event.data or "null")
        hashed = seal_hash(tenant, seq, prev, event_digest(event, digest))
        seals.append((seq, event.id, digest, prev, hashed))
        prev = hashed
    return seals
