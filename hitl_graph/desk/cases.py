"""Looking at cases: lists, one case, its history, counts."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from hitl_graph.desk.case import Case, Page, Status
from hitl_graph.desk.connected import Connected, storable
from hitl_graph.errors import AmbiguousReview, ReviewNotFound

__all__ = ["Cases", "Filters"]

MAX_PAGE = 1000
DEFAULT_PAGE = 50
LEAST_TYPED = 4
"""So many characters of an id mean a case: the only one there is is not meant by none."""


class Filters(TypedDict, total=False):
    """Which cases a page shows; None does not filter."""

    owner: str | None
    gate: str | None
    kind: str | None
    action: str | None
    workflow: str | None
    thread_id: str | None


class Cases(Connected):
    """What the desk shows."""

    async def pending(
        self,
        /,
        *,
        after: int | None = None,
        limit: int = DEFAULT_PAGE,
        snoozed: bool = False,
        **filters: Unpack[Filters],
    ) -> Page:
        """Cases that wait for a person, oldest first, without those that are snoozed unless `snoozed`; see `cases`."""
        return await self.cases(status=Status.PENDING, after=after, limit=limit, snoozed=snoozed, **filters)

    async def cases(
        self,
        /,
        *,
        status: Status | str | None = None,
        after: int | None = None,
        limit: int = DEFAULT_PAGE,
        snoozed: bool = True,
        **filters: Unpack[Filters],
    ) -> Page:
        """One page of cases, in the order in which they came.

        Args:
            status: pending, decided, applied, failed or superseded; None for all.
            after: `Page.next` of the page before.
            limit: Cases on a page, 1 to 1,000.
            snoozed: Whether pending cases that are snoozed are among them.
            **filters: owner (the group that must act), gate, kind, action, workflow, thread_id.

        Raises:
            ValueError: An unknown status, or a limit out of range. TypeError: An unknown filter.
        """
        if unknown := sorted(set(filters) - set(Filters.__annotations__)):
            raise TypeError(f"{', '.join(unknown)}: no such filter: {', '.join(Filters.__annotations__)}")
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit: {limit} is not from 1 to {MAX_PAGE}")
        if status is not None and status not in set(Status):
            raise ValueError(f"status: {status!r} is none of {', '.join(Status)}")
        params: dict[str, Any] = {name: filters.get(name) for name in Filters.__annotations__}
        for name, value in params.items():
            if value is not None and not storable(value):
                raise ValueError(f"{name}: {value!r} is no text that a case can hold")
        params |= {"status": status, "after": after or 0, "limit": limit + 1, "snoozed": snoozed}
        rows = await self._all("list_pending" if status == Status.PENDING else "list_cases", params)
        cases = [Case.from_row(row) for row in rows[:limit]]
        return Page(cases, cases[-1].seq if len(rows) > limit else None)

    async def show(self, review_id: str, *, thread_id: str | None = None) -> Case:
        """One case, whole.

        Raises:
            ReviewNotFound: There is none.
            AmbiguousReview: Several threads hold one; name the thread.
        """
        named = storable(review_id) and (thread_id is None or storable(thread_id))
        rows = await self._all("find_case", {"id": review_id, "thread_id": thread_id}) if named else []
        if not rows:
            raise ReviewNotFound(
                f"no review {review_id!r}" + (f" in thread {thread_id!r}" if thread_id else "")
            )
        if len(rows) > 1:
            raise AmbiguousReview(review_id, tuple(row["thread_id"] for row in rows))
        return Case.from_row(rows[0])

    async def find(self, prefix: str) -> str:
        """The id that begins with `prefix`, as people type it: four characters at least, or all of it.

        Raises:
            ReviewNotFound: None or several begin so; or it is too short to mean one, as an empty variable is.
        """
        plain = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = await self._all("ids_like", {"prefix": plain}) if storable(prefix) else []
        ids = [row["id"] for row in rows]
        if len(ids) == 1 and len(prefix) < LEAST_TYPED and prefix not in ids:
            raise ReviewNotFound(
                f"{prefix!r} is too short: give {LEAST_TYPED} characters of a review's id at least"
            )
        if len(ids) == 1 or prefix in ids:
            return str(prefix if prefix in ids else ids[0])
        raise ReviewNotFound(f"{'no review' if not ids else 'more than one review'} begins with {prefix!r}")

    async def history(self, review_id: str, *, thread_id: str | None = None) -> list[dict[str, Any]]:
        """The audit events of one case, in order: id, at, type, data."""
        case = await self.show(review_id, thread_id=thread_id)
        return await self._all("events", {"thread_id": case.thread_id, "id": case.id})

    async def counts(self, *, workflow: str | None = None) -> list[dict[str, Any]]:
        """How many cases stand where: status, gate, owner, cases, oldest."""
        return await self._all("counts", {"workflow": workflow})
