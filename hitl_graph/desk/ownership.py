"""Who is at a case, and whose it is: claim, renew, release, take over, reassign, reroute, snooze."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from hitl_graph.desk.acting import Acting, claimed_as, must_be_open
from hitl_graph.desk.case import Case
from hitl_graph.desk.connected import rows, storable
from hitl_graph.desk.identity import Identity, identify, person_name
from hitl_graph.errors import AnswerError, NotClaimed
from hitl_graph.plain import hidden_characters, key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["LEASE_MIN", "MAX_LEASE_MIN", "Ownership"]

SQL = load_statements("hitl_graph.desk", "ownership.sql")

LEASE_MIN = 10.0
"""How long a claim holds without a sign of life, in minutes, unless said."""
MAX_LEASE_MIN = 480.0
_MAX_SNOOZE_H = 24.0 * 366
_LONGEST = 2000


class Ownership(Acting):
    """Each of these takes effect only on a pending case that nobody else is at, and is an event.

    All raise ReviewNotFound or AmbiguousReview where there is no such case or several, ReviewClosed or DecisionConflict
    where it is not pending, NotAuthorised where `by` may not act on it or has a part in what is proposed (they may only
    release), and AnswerError where an argument is missing or out of range. Nothing was changed then. Leads and admins
    reassign and reroute any case.
    """

    async def claim(
        self, review_id: str, *, by: str, minutes: float = LEASE_MIN, thread_id: str | None = None
    ) -> Case:
        """Be at a case: until the lease ends, nobody else decides it. Claiming one's own case renews the lease.

        Args:
            review_id: The case. by: Who is at it. minutes: How long the lease holds, 1 to 480.
            thread_id: Needed only where a copied thread holds the same review.

        Raises:
            CaseClaimed: Somebody else is at it.
        """
        return await self._own("claim", review_id, thread_id, by, {"lease_s": _lease_s("claim", minutes)})

    async def heartbeat(
        self, review_id: str, *, by: str, minutes: float = LEASE_MIN, thread_id: str | None = None
    ) -> Case:
        """Renew one's lease for `minutes` from now.

        Raises:
            NotClaimed: It has lapsed, or never was: claim the case again.
            CaseClaimed: Somebody else is at it now.
        """
        changes = {"lease_s": _lease_s("heartbeat", minutes)}
        return await self._own("heartbeat", review_id, thread_id, by, changes)

    async def release(self, review_id: str, *, by: str, thread_id: str | None = None) -> Case:
        """Let a case go. Where the lease has lapsed already, nothing changes.

        Raises:
            CaseClaimed: Somebody else is at it.
        """
        return await self._own("release", review_id, thread_id, by, {})

    async def take_over_claim(
        self,
        review_id: str,
        *,
        by: str,
        reason: str,
        minutes: float = LEASE_MIN,
        thread_id: str | None = None,
    ) -> Case:
        """Be at a case that somebody else is at. Their draft stays theirs; the reason is kept.

        Args:
            review_id: The case. by: Who is at it from now on. reason: Why, in words.
            minutes: How long the lease holds, 1 to 480.
            thread_id: Needed only where a copied thread holds the same review.
        """
        changes: dict[str, Any] = {"lease_s": _lease_s("take_over_claim", minutes)}
        changes["reason"] = _words("take_over_claim", "reason", reason)
        return await self._own("take_over_claim", review_id, thread_id, by, changes)

    async def reassign(
        self, review_id: str, *, to: str, by: str, reason: str, thread_id: str | None = None
    ) -> Case:
        """Name the person who must act; they may, whatever their groups.

        Args:
            review_id: The case. to: Who must act. by: Who says so. reason: Why, in words.
            thread_id: Needed only where a copied thread holds the same review.

        Raises:
            AnswerError: `to` is nobody who could decide: unknown, inactive, an agent, or excluded from this case.
            CaseClaimed: Somebody else is at it.
        """
        to = person_name(to, where="reassign", field="to")
        changes = {"to": to, "reason": _words("reassign", "reason", reason)}
        return await self._own("reassign", review_id, thread_id, by, changes)

    async def reroute(
        self, review_id: str, *, to: str, by: str, reason: str, thread_id: str | None = None
    ) -> Case:
        """Give a case to another group.

        Args:
            review_id: The case. to: The group. by: Who says so. reason: Why, in words.
            thread_id: Needed only where a copied thread holds the same review.

        Raises:
            AnswerError: Nobody who could decide is in the group.
            CaseClaimed: Somebody else is at it.
        """
        changes = {"to": _words("reroute", "to", to), "reason": _words("reroute", "reason", reason)}
        return await self._own("reroute", review_id, thread_id, by, changes)

    async def snooze(
        self,
        review_id: str,
        *,
        by: str,
        until: dt.datetime | None = None,
        hours: float | None = None,
        thread_id: str | None = None,
    ) -> Case:
        """Hide a case from `pending` for a while; its time limit goes on.

        Args:
            review_id: The case. by: Who does it.
            until: Until then, with a zone. hours: For so long, up to a year. One of the two; a time that is not in the
                future (or 0 hours) wakes the case.
            thread_id: Needed only where a copied thread holds the same review.

        Raises:
            CaseClaimed: Somebody else is at it.
        """
        if (until is None) == (hours is None):
            raise AnswerError("snooze", "until", "must be said, or else hours: one of the two")
        if until is not None and (not isinstance(until, dt.datetime) or until.tzinfo is None):
            raise AnswerError("snooze", "until", "is no time with a zone: give tzinfo, such as datetime.UTC")
        if hours is not None:
            _number("snooze", "hours", hours, 0, _MAX_SNOOZE_H)
        return await self._own("snooze", review_id, thread_id, by, {"until": until, "hours": hours})

    async def _own(
        self, what: str, review_id: str, thread_id: str | None, by: str, changes: dict[str, Any]
    ) -> Case:
        """One change of ownership, in one transaction."""
        by = person_name(by, where=what)
        case = await self.show(review_id, thread_id=thread_id)
        async with self._refusals(case, by, what):
            must_be_open(case)
            async with self.transaction() as conn:
                row, who = await self._lock_as(conn, case, by, what)
                if what in ("reassign", "reroute"):
                    changes |= {"before": row["person"] if what == "reassign" else row["owner"]}
                    changes["to"] = await _able(conn, what, case, who, changes["to"])
                params = {"thread_id": case.thread_id, "id": case.id, "by": who.id, **changes}
                params["me"] = claimed_as(row, who.id)
                if what == "reassign":
                    params["them"] = claimed_as(row, changes["to"])
                took = await rows(conn, SQL[what], params)
            if not took:
                holder = row["claimed_by"]
                others = holder is not None and key_of(holder) != key_of(who.id)
                if what == "release" and row["status"] == case.status and not others:
                    return case
                if what == "heartbeat" and row["status"] == case.status and not others:
                    raise NotClaimed(f"review {case.id} is not claimed by {who.id}: claim it again")
                raise await self._why_not(case, row, who.id)
        return await self.show(case.id, thread_id=case.thread_id)


async def _able(conn: Any, what: str, case: Case, who: Identity, to: str) -> str:
    """The person or group that a case is given to, as the directory writes it.

    Raises:
        AnswerError: Nobody who could decide is meant.
    """
    excluded = {key_of(name) for name in (case.request.excluded if case.request else ())}
    if what == "reassign" and key_of(to) in excluded:
        raise AnswerError(
            "reassign", "to", f"{to} has a part in what is proposed, so that others must decide"
        )
    if not who.listed:
        return to
    if what == "reroute":
        [found] = await rows(conn, SQL["group_exists"], {"group": to})
        if not found["there"]:
            raise AnswerError("reroute", "to", f"nobody who could decide is in the group {to!r}")
        return to
    [row] = await rows(conn, SQL["known"], {"person": key_of(to)})
    known = row["known"]
    if not known or not known["active"] or known["kind"] != "human":
        raise AnswerError("reassign", "to", f"{to!r} is nobody who could decide: see desk.people")
    return identify(to, row).id


def _lease_s(where: str, minutes: object) -> float:
    return _number(where, "minutes", minutes, 1, MAX_LEASE_MIN) * 60


def _number(where: str, field: str, value: object, least: float, most: float) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not least <= value <= most:  # type: ignore[arg-type,operator]  # a number by now
        raise AnswerError(where, field, f"{value!r} is not from {least:g} to {most:g}")
    return float(value)  # type: ignore[arg-type]  # the same


def _words(where: str, field: str, text: object) -> str:
    """Text that is there and can be kept."""
    if not isinstance(text, str) or not text.strip():
        raise AnswerError(where, field, "is empty: say it in words")
    if not storable(text) or len(text) > _LONGEST:
        raise AnswerError(where, field, f"holds a character that cannot be stored, or more than {_LONGEST}")
    if field == "to" and hidden_characters(text):
        raise AnswerError(where, field, "holds hidden characters")
    return text.strip()
