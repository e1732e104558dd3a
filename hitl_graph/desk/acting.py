"""What every change of a case has in common: the row is locked, who asks is known, and a refusal is kept."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import psycopg

from hitl_graph.desk.admitting import admit, claimed_by_another
from hitl_graph.desk.case import Case, Status
from hitl_graph.desk.cases import Cases
from hitl_graph.desk.connected import Connection, rows
from hitl_graph.desk.identity import Identity
from hitl_graph.errors import (
    CaseClaimed,
    DecisionConflict,
    DeskError,
    IdempotencyConflict,
    NotAuthorised,
    NotClaimed,
    ReviewClosed,
    StaleReview,
    TooLate,
)
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements

__all__ = ["Acting", "claimed_as", "must_be_open"]

SQL = load_statements("hitl_graph.desk", "deciding.sql")
REFUSALS = (
    CaseClaimed,
    DecisionConflict,
    IdempotencyConflict,
    NotAuthorised,
    NotClaimed,
    ReviewClosed,
    StaleReview,
    TooLate,
)


class Acting(Cases):
    """A person does something with a case."""

    @contextlib.asynccontextmanager
    async def _refusals(self, case: Case, by: str, what: str) -> AsyncIterator[None]:
        """What is refused in the block is kept as an event of its own, and raised."""
        try:
            yield
        except REFUSALS as error:
            why = error.why if isinstance(error, NotAuthorised) else str(error)
            try:
                await self.refused(by=by, what=what, why=why, thread_id=case.thread_id, review_id=case.id)
            except psycopg.Error as lost:
                error.add_note(f"and the refused attempt could not be kept as an event: {lost}")
            raise

    async def _lock(self, conn: Connection, case: Case, by: str) -> dict[str, Any]:
        """The case as it stands, locked until the transaction ends, and what the directory says about `by`."""
        request = case.request
        params = {"thread_id": case.thread_id, "id": case.id, "person": key_of(by)}
        [row] = await rows(conn, SQL["lock_case"], {**params, "act": request.act if request else None})
        return row

    async def _lock_as(
        self, conn: Connection, case: Case, by: str, what: str
    ) -> tuple[dict[str, Any], Identity]:
        """`_lock`, for somebody who may do this with the case.

        Raises:
            NotAuthorised: They may not.
        """
        row = await self._lock(conn, case, by)
        excluded = case.request.excluded if case.request else ()
        return row, admit(what, row, by, review_id=case.id, excluded=excluded)

    async def _why_not(
        self, case: Case, row: Mapping[str, Any], by: str, digest: str | None = None
    ) -> DeskError:
        """Why a statement took no effect on the row that was locked."""
        if claimed := claimed_by_another(row, by, review_id=case.id):
            open_as_shown = row["status"] == Status.PENDING and digest in (None, row["digest"])
            if open_as_shown:
                return claimed
        try:
            must_be_open(await self.show(case.id, thread_id=case.thread_id), digest)
        except DeskError as error:
            return error
        return DeskError(f"review {case.id} changed while this was under way: look at it again")


def claimed_as(row: Mapping[str, Any], by: str) -> str:
    """The name as the claim of a locked row spells it, where it is theirs; else as it is."""
    holder: str | None = row["claimed_by"]
    return holder if holder is not None and key_of(holder) == key_of(by) else by


def must_be_open(case: Case, digest: str | None = None) -> None:
    """Refuse a case that waits for nobody, or is not what was shown.

    Raises:
        ReviewClosed, DecisionConflict, StaleReview: See there.
    """
    if case.status is Status.SUPERSEDED:
        raise ReviewClosed(f"review {case.id} is closed: the thread went on without it")
    if case.status is not Status.PENDING:
        at = case.decided_at.isoformat() if case.decided_at else "an unknown time"
        raise DecisionConflict(case.id, case.by or "unknown", case.decision_type or "decided", at)
    if digest is not None and digest != case.digest:
        raise StaleReview(case.id, str(digest), case.digest)
