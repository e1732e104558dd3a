"""Taking a decision, once."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.decisions import APPROVING, Decision
from hitl_graph.desk.acting import SQL, Acting, claimed_as, must_be_open
from hitl_graph.desk.admitting import admit
from hitl_graph.desk.case import Case
from hitl_graph.desk.codes import check_codes
from hitl_graph.desk.connected import SQL as QUERIES
from hitl_graph.desk.connected import Connection, rows, storable
from hitl_graph.desk.identity import Identity, authorise, identify, person_name
from hitl_graph.desk.weighing import Weighed, weigh
from hitl_graph.errors import (
    AnswerError,
    IdempotencyConflict,
    NotAuthorised,
    PlainJsonError,
    ReviewClosed,
)
from hitl_graph.failpoints import failpoint
from hitl_graph.plain import digest as digest_of
from hitl_graph.plain import key_of
from hitl_graph.wire import decisions_to_json

__all__ = ["MAX_UNDO_S", "Deciding"]

MAX_UNDO_S = 300.0
"""The longest time for which a decision can be kept from its thread, in seconds."""
_VIA = ("desk", "system", "webhook")
_LONGEST_KEY = 200


class _NotTaken(Exception):
    """The statement took no effect: everything of the transaction is dropped, and then it is said why."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row


@dataclasses.dataclass(frozen=True)
class _Sent:
    """An idempotency key, and the digest of everything that it stands for."""

    key: str
    body: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Request:
    """One decision on its way: checked, with what comes of it."""

    case: Case
    weighed: Weighed
    by: str
    via: str
    digest: str
    undo_s: float
    senders: tuple[str, ...] = ()

    def params(self, who: Identity, row: Mapping[str, Any], identities: Sequence[Any] = ()) -> dict[str, Any]:
        """The parameters of the statements on the row that was locked."""
        kept = self.weighed.kept
        identity = who.to_json()
        if self.senders:
            identity["senders"] = list(self.senders)
        if identities:
            identity["approvals"] = list(identities)
        return {
            "thread_id": self.case.thread_id,
            "id": self.case.id,
            "digest": self.digest,
            "by": who.id,
            "person": key_of(who.id),
            "me": claimed_as(row, who.id),
            "via": self.via,
            "type": kept["type"],
            "decision": json.dumps(kept),
            "content": self.weighed.content,
            "identity": json.dumps(identity),
            "final_digest": self.weighed.final_digest,
            "undo_s": self.undo_s,
            "why": kept.get("note") or kept.get("reason") or "took it over",
        }


class Deciding(Acting):
    """The desk's one write that matters: pending to decided, by compare-and-set."""

    async def decide(
        self,
        review_id: str,
        decision: Decision | Sequence[Decision],
        *,
        by: str,
        digest: str,
        thread_id: str | None = None,
        idempotency_key: str | None = None,
        undo_s: float = 0.0,
        via: str = "desk",
        senders: Sequence[str] = (),
    ) -> Case:
        """Take one decision, once: of all who decide at the same time, one wins.

        The decision is kept in one transaction with who (as the directory knows them at that moment), when, and the
        job that tells its thread; the thread goes on with the next `resume` or by a worker. Where a gate wants
        several people to approve, each call is one vote, and the one that completes the number decides. What one
        webhook sender vouches for is one vote, whomever it names.

        Args:
            review_id: The case. decision: What was decided; where a case of other origin asks about several
                acts at once, a list with one for each. by: Who decides.
            digest: The digest of what they were shown (`case.digest`).
            thread_id: Needed only where a copied thread holds the same review.
            idempotency_key: Names this request, at most 200 characters: sent again with the same content it changes
                nothing and returns the case, also when the reply to the first was lost.
            undo_s: Seconds, 0 to 300, for which the thread is not told, so that `undo` can take it back.
            via: "desk" for people; "webhook" and "system" are for this library's own callers.
            senders: Of a webhook, the senders whose signature it bears.

        Returns:
            The case: decided, or still pending with `votes` where more people must approve.

        Raises:
            AnswerError: The case does not take this decision; the error names the field.
            NotAuthorised: They may not decide this; the error says which rule stands against it.
            CaseClaimed: Somebody else is at it; the error names them, until when, and how to take over.
            StaleReview: What was shown is no longer what stands there.
            DecisionConflict: Somebody decided first; the error names them.
            IdempotencyConflict: The key stands for another request.
            ReviewClosed: The thread went on without it.
            ReviewNotFound, AmbiguousReview: No such case, or several. In all of these nothing was saved.
        """
        by = person_name(by, system=via == "system")
        _check_how(via, undo_s, idempotency_key)
        if not isinstance(digest, str):
            raise AnswerError("decide", "digest", "is no text: give `case.digest` of what was shown")
        case = await self.show(review_id, thread_id=thread_id)
        async with self._refusals(case, by, "decide"):
            sent = None
            if idempotency_key is not None:
                sent = _Sent(idempotency_key, _body(case, decision, by, via, digest, undo_s))
                if await self._sent_before(sent):
                    return await self.show(
                        case.id, thread_id=case.thread_id
                    )  # `case` may be older than the answer
            must_be_open(case, digest)
            weighed = weigh(case, decision)
            vouched = tuple(senders) or ("unnamed",) if via == "webhook" else ()
            request = _Request(
                case=case, weighed=weighed, by=by, via=via, digest=digest, undo_s=undo_s, senders=vouched
            )
            try:
                await self._taken(request, sent)
            except _NotTaken as lost:
                raise await self._why_not(case, lost.row, by, digest) from None
        return await self.show(case.id, thread_id=case.thread_id)

    async def retry(self, review_id: str, *, by: str, thread_id: str | None = None) -> Case:
        """Let a failed case's thread try again with the next `resume`, on the decision that stands.

        Raises:
            ReviewClosed: It has not failed. NotAuthorised: They may not act on it. Nothing was changed.
        """
        by = person_name(by, where="retry")
        case = await self.show(review_id, thread_id=thread_id)
        async with self._refusals(case, by, "retry"):
            async with self.transaction() as conn:
                _, who = await self._lock_as(conn, case, by, "retry")
                params = {"thread_id": case.thread_id, "id": case.id, "by": who.id}
                took = await rows(conn, QUERIES["retry"], params)
            if not took:
                problem = f"is {case.status.value}, not failed: there is nothing to retry"
                raise ReviewClosed(f"review {case.id} {problem}")
        return await self.show(case.id, thread_id=case.thread_id)

    async def _sent_before(self, sent: _Sent) -> bool:
        """Whether this very request has taken effect before.

        Raises:
            IdempotencyConflict: The key stands for another one.
        """
        return _same(await self.rows(SQL["find_request"], {"key": sent.key}), sent)

    async def _taken(self, request: _Request, sent: _Sent | None) -> None:
        """The one transaction.

        Raises:
            _NotTaken: Another was faster, or is at it. Nothing was written.
        """
        case = request.case
        failpoint("decide.begun")
        async with self.transaction() as conn:
            if sent is not None and not await _began(conn, sent, case):
                return
            row = await self._lock(conn, case, request.by)
            excluded = case.request.excluded if case.request else ()
            asked: dict[str, Any] = {"review_id": case.id, "excluded": excluded, "act": request.weighed.act}
            who = admit("decide", row, request.by, via=request.via, **asked)
            kept = request.weighed.kept
            check_codes(row["codes"], kept, case.id, required=request.via != "system")
            votes: list[Any] = []
            if row["approvals"] > 1 and kept["type"] in APPROVING:
                if request.via == "system" and kept["type"] != "choose":
                    problem = f"{row['approvals']} people must approve this"
                    raise NotAuthorised(case.id, who.id, problem)
                if request.via != "system":
                    votes = await _voted(conn, request, who, row)
                    if len(votes) < row["approvals"]:
                        failpoint("decide.before_commit")
                        return
            if not await rows(conn, SQL["decide"], request.params(who, row, votes)):
                raise _NotTaken(row)
            failpoint("decide.before_commit")
        failpoint("decide.after_commit")


async def _began(conn: Connection, sent: _Sent, case: Case) -> bool:
    """Whether this transaction is the one that does what the key stands for; False: another has done it."""
    params = {"key": sent.key, "body": sent.body, "thread_id": case.thread_id, "id": case.id}
    if await rows(conn, SQL["begin_request"], params):
        return True
    _same(await rows(conn, SQL["find_request"], params), sent)
    return False


def _same(found: Sequence[Mapping[str, Any]], sent: _Sent) -> bool:
    if found and found[0]["body"] != sent.body:
        raise IdempotencyConflict(sent.key)
    return bool(found)


async def _voted(conn: Connection, request: _Request, who: Identity, row: Mapping[str, Any]) -> list[Any]:
    """Cast a vote, and who has said the same and may still decide it, each as the directory knew them when they did.

    Raises:
        NotAuthorised: One of these came through the same webhook sender. Nothing was cast.
    """
    params = request.params(who, row)
    if not await rows(conn, SQL["vote"], params):
        raise _NotTaken(row)
    votes = [vote for vote in await rows(conn, SQL["votes_for"], params) if _still_may(vote, request, row)]
    for vote in votes:
        shared = set(request.senders) & set(vote["identity"].get("senders", ()))
        if shared and key_of(vote["by"]) != key_of(who.id):
            problem = (
                f"{row['approvals']} different people must approve this, and sender {min(shared)} has vouched for "
                f"{vote['by']} already: one sender gives one vote, so {who.id} has to approve another way"
            )
            raise NotAuthorised(request.case.id, who.id, problem)
    return [vote["identity"] for vote in votes]


def _still_may(vote: Mapping[str, Any], request: _Request, row: Mapping[str, Any]) -> bool:
    """Whether somebody who voted could say the same now: listed, active, in the group, with the authority."""
    excluded = request.case.request.excluded if request.case.request else ()
    via = "webhook" if vote["identity"]["kind"] == "system" else "desk"
    try:
        voter = identify(vote["by"], vote, review_id=request.case.id, via=via)
        authorise(voter, row, request.weighed.act, review_id=request.case.id, excluded=excluded)
    except NotAuthorised:
        return False
    return True


def _body(
    case: Case, decision: Decision | Sequence[Decision], by: str, via: str, digest: str, undo_s: float
) -> str:
    """The digest of everything that was asked for, as it was sent: also where the case does not take it any more."""
    try:
        said = decisions_to_json(decision)
        return digest_of([case.thread_id, case.id, said, key_of(by), via, digest, undo_s])
    except PlainJsonError as error:
        raise AnswerError(f"review {case.id}", error.field, error.problem) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise AnswerError(f"review {case.id}", "answer", f"is no decision: {error}") from None


def _check_how(via: str, undo_s: object, key: object) -> None:
    """How a decision is given, besides what it is.

    Raises:
        AnswerError: A time out of range, or a key that cannot be kept.
        ValueError: An unknown `via`, which only a program can say.
    """
    if via not in _VIA:
        raise ValueError(f"via: {via!r} is none of {', '.join(_VIA)}")
    number = isinstance(undo_s, (int, float)) and not isinstance(undo_s, bool)
    if not number or not math.isfinite(undo_s) or not 0 <= undo_s <= MAX_UNDO_S:  # type: ignore[arg-type,operator]  # a number by now
        raise AnswerError("decide", "undo_s", f"{undo_s!r} is not from 0 to {MAX_UNDO_S:g} seconds")
    if key is None:
        return
    if not isinstance(key, str) or not key.strip() or not storable(key) or len(key) > _LONGEST_KEY:
        problem = f"is no text of 1 to {_LONGEST_KEY} characters that can be stored"
        raise AnswerError("decide", "idempotency_key", problem)
