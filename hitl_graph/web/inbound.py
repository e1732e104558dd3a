"""Decisions that come as signed webhooks: who signed, in whose name, and one clear JSON answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from hitl_graph.decisions import Decision, decision_from_json
from hitl_graph.desk import Desk
from hitl_graph.errors import (
    AmbiguousReview,
    AnswerError,
    CaseClaimed,
    DecisionConflict,
    HitlError,
    IdempotencyConflict,
    NotAuthorised,
    ReviewClosed,
    ReviewNotFound,
    StaleReview,
)
from hitl_graph.notices.refusals import note_refusal
from hitl_graph.notices.webhook import TOLERANCE_S, signature_fits
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements
from hitl_graph.storage.ways import coming_through

__all__ = ["MOST_BYTES", "Answer", "decide_by_webhook", "refusal"]

SQL = load_statements("hitl_graph.notices", "links.sql")
MOST_BYTES = 1 << 20
"""The longest body that is read."""
Answer = tuple[int, dict[str, Any]]
"""A status of HTTP, and what is said with it."""

_FIELDS: dict[str, type | tuple[type, ...]] = {
    "review_id": str,
    "thread_id": str,
    "digest": str,
    "by": str,
    "decision": (dict, list),
}
_LONGEST_ID = 120  # with the sender's name it is the key of the request


def refusal(status: int, field: str, problem: str) -> Answer:
    """An answer that says what is wrong, and that nothing was saved."""
    return status, {"status": "refused", "error": {"field": field, "problem": problem}}


async def decide_by_webhook(desk: Desk, headers: Mapping[str, str], body: bytes) -> Answer:
    """Take one decision of a known sender. The same request again gets the same answer, and decides nothing more.

    Args:
        headers: By their names in lower case. body: As it came.
    """
    rows = await desk.rows(SQL["senders"])
    signed = [row for row in rows if signature_fits(row["secret"], headers, body)]
    with coming_through("webhook", **({"senders": [row["id"] for row in signed]} if signed else {})):
        return await _taken(desk, headers, body, signed)


async def _taken(
    desk: Desk, headers: Mapping[str, str], body: bytes, signed: Sequence[Mapping[str, Any]]
) -> Answer:
    """What is said to a request that these senders have signed, or nobody."""
    message_id = headers.get("webhook-id", "")
    age = abs(signed[0]["now"] - int(headers["webhook-timestamp"])) if signed else 0.0
    if not signed or age > TOLERANCE_S or len(message_id) > _LONGEST_ID:
        why = "too old or too new" if age > TOLERANCE_S else "not signed by a known sender"
        by = f"webhook:{signed[0]['id']}" if signed else "unknown"
        await note_refusal(desk, by=by, what="webhook", why=why)
        return refusal(401, "webhook-signature", "the request is not signed by a known sender, or is too old")
    try:
        asked = _read(body)
    except AnswerError as error:
        return refusal(400, error.field, error.problem)
    try:
        decision = _decision(asked["decision"])
    except AnswerError as error:
        return refusal(422, error.field, error.problem)
    sender = await _who_may(desk, signed, asked["by"])
    if sender is None:
        ids = {"thread_id": asked.get("thread_id") or "", "review_id": asked["review_id"]}
        why = f"sender {signed[0]['id']} may not decide as {asked['by']}"
        await note_refusal(desk, by=f"webhook:{signed[0]['id']}", what="webhook", why=why, **ids)
        return refusal(403, "by", "this sender may not decide in that name")
    try:
        case = await desk.decide(
            asked["review_id"],
            decision,
            by=asked["by"],
            digest=asked["digest"],
            thread_id=asked.get("thread_id"),
            idempotency_key=f"webhook:{sender}:{message_id}",
            via="webhook",
            senders=[row["id"] for row in signed],
        )
    except HitlError as error:
        return _explained(error)
    told: dict[str, Any] = {"review_id": case.id, "thread_id": case.thread_id, "by": asked["by"]}
    me = key_of(asked["by"])
    if case.decided_at is not None and key_of(case.by or "") == me:
        return 200, {"status": "decided", **told, "decided_at": case.decided_at.isoformat()}
    if case.approvals > 1 and any(key_of(vote["by"]) == me for vote in case.votes):  # one of several
        return 200, {"status": "voted", **told}
    return refusal(
        409, "review_id", "this was decided before, and has been taken back since: look at the case"
    )


async def _who_may(desk: Desk, signed: Sequence[Mapping[str, Any]], by: str) -> str | None:
    """The sender, out of those whose signature fits, that may decide as `by`."""
    key = key_of(by)
    known = await desk.rows(SQL["groups_of"], {"key": key}) if "\x00" not in by and by.isprintable() else []
    groups = {group for row in known for group in row["groups"]}
    for row in signed:
        if key in {key_of(person) for person in row["people"]} or groups & set(row["groups"]):
            return str(row["id"])
    return None


def _read(body: bytes) -> dict[str, Any]:
    """The body's fields.

    Raises:
        AnswerError: It is no such JSON.
    """
    try:
        value = json.loads(body.decode(), parse_constant=_no_number, object_pairs_hook=_no_doubles)
    except AnswerError:
        raise
    except (ValueError, RecursionError):
        raise AnswerError("", "body", "is no JSON, or holds a number that is too long") from None
    if not isinstance(value, dict):
        raise AnswerError("", "body", "should be a JSON object")
    for name in value:
        if name not in _FIELDS:
            raise AnswerError("", str(name)[:40], f"is not known: give {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if name == "thread_id" and value.get(name) is None:
            continue
        if not isinstance(value.get(name), kind) or not value[name]:
            what = "the decision as JSON" if name == "decision" else "a text"
            raise AnswerError("", name, f"is missing, or is not {what}")
    return value


def _decision(value: Any) -> Decision | list[Decision]:
    """One decision, or a list of them.

    Raises:
        AnswerError: It is none.
    """
    try:
        if isinstance(value, list):
            return [decision_from_json(one) for one in value]
        return decision_from_json(value)
    except AnswerError as error:
        raise AnswerError("", f"decision.{error.field}", error.problem) from None
    except (AttributeError, TypeError):
        raise AnswerError("", "decision", "should be an object, or a list of objects") from None


def _no_number(name: str) -> NoReturn:
    raise AnswerError("", "body", f"holds {name}, which is no JSON")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise AnswerError("", "body", "names a field twice")
    return found


def _explained(error: HitlError) -> Answer:
    """What the desk refused, for a program."""
    text = str(error)
    match error:
        case AnswerError():
            field = {"by": "by", "answer": "decision"}.get(error.field, f"decision.{error.field}")
            return refusal(422, field, error.problem)
        case ReviewNotFound():
            return refusal(404, "review_id", text)
        case AmbiguousReview():
            return refusal(409, "thread_id", text)
        case StaleReview():
            return refusal(409, "digest", text)
        case IdempotencyConflict():
            return refusal(409, "webhook-id", text)
        case DecisionConflict() | ReviewClosed() | CaseClaimed():
            return refusal(409, "review_id", text)
        case NotAuthorised():
            return refusal(403, "by", text)
    return refusal(409, "decision", text)
