"""The audit log as JSON Lines, and verifying such lines without a database. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

from hitl_graph.desk.audit.chain import Anchor, Event, Seal, event_digest
from hitl_graph.desk.audit.walk import AuditReport, Break, Walk, Wrong
from hitl_graph.errors import AuditError

__all__ = ["head_line", "seal_line", "verify_export"]

VERSION = 1
_GONE = (None,) * len(Event._fields)


def head_line(
    head: Mapping[str, Any], start: Mapping[str, Any], thread_id: str | None, since: dt.datetime | None
) -> str:
    """The first line: whose log it is, what was asked for, the seal to start after, and the end of the chain."""
    told = {
        "hitl_audit": VERSION,
        "tenant": head["tenant"],
        "thread_id": thread_id,
        "since": None if since is None else since.isoformat(),
        "after": {"seq": start["seq"], "hash": start["hash"]},
        "head": dict(head),
    }
    return json.dumps(told)


def seal_line(seal: Seal, thread_id: str | None) -> str:
    """One seal with its event; of another thread's the event's digest alone."""
    seq, event_id, digest, prev, hashed = seal[:5]
    event = None if seal[5:] == _GONE else Event(*seal[5:])
    told: dict[str, Any] = {"seq": seq, "prev": prev.hex(), "hash": hashed.hex()}
    if event is None:
        return json.dumps({**told, "data_digest": digest.hex(), "event": None, "event_id": event_id})
    if thread_id is not None and event.thread_id != thread_id:
        return json.dumps({**told, "event_digest": event_digest(event, digest)})
    told["data_digest"] = digest.hex()
    told["salt"] = None if event.salt is None else event.salt.hex()
    told["event"] = {name: getattr(event, name) for name in ("id", "at", "type", "thread_id", "review_id")}
    return json.dumps({**told, "data": event.data})


def verify_export(lines: Iterable[str], anchor: Anchor | None = None) -> AuditReport:
    """Verify what `desk.audit.export` gave, with nothing but these lines.

    Args:
        lines: The head line and those after it; empty lines are left out.
        anchor: An earlier end of the chain, which the export must lead through.

    Returns:
        What was checked, and the first place where it does not hold. An export of the whole log proves that these are
        all the events since its beginning. One of a thread (`report.thread_id`) proves that these events stand in the
        log as they are shown; whoever made it can have left others of the thread out.

    Raises:
        AuditError: A line cannot be read, which is named by its number; or the anchor is of another tenant, or of
            before the export's beginning.
    """
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    first = next(numbered, None)
    if first is None:
        raise AuditError("export: is empty: give the lines that `export` wrote")
    try:
        told = _object(first[1])
        if told.get("hitl_audit") != VERSION:
            raise AuditError("export: line 1: is no head of an audit export that this version knows")
        if not isinstance(told["tenant"], str) or not isinstance(thread := told["thread_id"], str | None):
            raise TypeError("its tenant or its thread is no text")
        end, after = _end(told["head"]), told["after"]
        seq, prev = int(after["seq"]), bytes.fromhex(after["hash"])
    except _UNREADABLE as error:
        raise AuditError(f"export: line 1: cannot be read ({error})") from None
    walk = Walk(told["tenant"], anchor=anchor, seq=seq, prev=prev)
    for number, line in numbered:
        try:
            _take(walk, _object(line), whole=thread is None)
        except _UNREADABLE as error:
            raise AuditError(f"export: line {number}: cannot be read ({error})") from None
        if walk.broken is not None:
            break
    if walk.broken is None and (walk.seq, walk.prev.hex()) != (end.seq, end.hash):
        problem = (
            f"the lines end at seal {walk.seq}, and their head says that the chain ends at seal {end.seq}"
        )
        walk.broken = Break(seq=walk.seq, event_id=None, wrong=Wrong.TRUNCATED, problem=problem)
    return walk.report(at=end.at, thread_id=thread)


SALT_BYTES = 16
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


def _end(head: Any) -> Anchor:
    """The end of the chain, as the head line says it."""
    try:
        return Anchor.from_json(head)
    except AuditError as error:
        raise ValueError(f"its head is none: {error}") from None


def _object(line: str) -> dict[str, Any]:
    told = json.loads(line, object_pairs_hook=_named_once)
    if not isinstance(told, dict):
        raise TypeError("no JSON object")
    return told


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Nobody can add a second name that some readers take for the first."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("it names something twice")
    return told


def _take(walk: Walk, told: dict[str, Any], *, whole: bool) -> None:
    seq, prev, hashed = int(told["seq"]), bytes.fromhex(told["prev"]), bytes.fromhex(told["hash"])
    if "event_digest" in told and whole:
        problem = f"seal {seq} stands there without its event, in an export of the whole log"
        walk.broken = Break(seq=seq, event_id=None, wrong=Wrong.GONE, problem=problem)
        return
    if "event_digest" in told:
        walk.link(seq, prev, hashed, told["event_digest"])
        return
    digest = bytes.fromhex(told["data_digest"])
    if told["event"] is None:
        walk.seals([(seq, told["event_id"], digest, prev, hashed, *_GONE)])
        return
    salt = None if told["salt"] is None else bytes.fromhex(told["salt"])
    event = Event(**told["event"], salt=salt, data=told["data"])
    if not all(
        isinstance(text, str)
        for text in (event.at, event.type, event.thread_id, event.review_id, event.data or "")
    ):
        raise TypeError("a text of the event is none")
    if salt is not None and len(salt) != SALT_BYTES:  # what is cut off the data must not pass as salt
        raise ValueError(f"its salt is not {SALT_BYTES} bytes long")
    walk.seals([(seq, int(event.id), digest, prev, hashed, *event)])
