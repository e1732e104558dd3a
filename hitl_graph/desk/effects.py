"""The ledger of acts, for people: what was done, and what nobody knows whether it was."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any

from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Part, storable
from hitl_graph.desk.holds import allowed
from hitl_graph.errors import AnswerError, EffectNotFound
from hitl_graph.storage.statements import load_statements

__all__ = ["Effect", "EffectStatus", "Effects", "SyncEffects"]

SQL = load_statements("hitl_graph.desk", "effects.sql")
MAX_PAGE = 1000


class EffectStatus(enum.StrEnum):
    """Where an act stands."""

    STARTED = "started"
    """Begun: to done, not_done or unknown."""
    DONE = "done"
    """It was done, and is never done again. Final."""
    NOT_DONE = "not_done"
    """Certainly not done, or its target acts once for a key: the thread may try again."""
    UNKNOWN = "unknown"
    """Begun, and nobody knows what came of it: a person settles it, to done or not_done."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effect:
    """One act: what, on whose word, and what came of it.

    Attributes:
        key: The review's id, or that of the judgement that let it pass.
        by: Who answers for it. digest: Of what is done. idempotent: Whether its target acts once for one key.
        attempt: How often it was begun.
        error: Why it was not done, or is unknown; or what the person who settled it said.
        holder: The process that began it, as host:pid. under_way: Whether it still lives.
    """

    key: str
    thread_id: str
    review_id: str | None
    workflow: str | None
    action: str
    digest: str | None
    by: str
    status: EffectStatus
    idempotent: bool
    attempt: int
    error: str | None
    started_at: dt.datetime
    finished_at: dt.datetime | None
    under_way: bool
    holder: str | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Effect:
        """Read a row of `hitl.effects`."""
        known = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**known, "status": EffectStatus(row["status"])})


class Effects(Part):
    """`desk.effects`."""

    async def list(
        self,
        *,
        status: EffectStatus | str | None = None,
        thread_id: str | None = None,
        limit: int = 50,
    ) -> list[Effect]:
        """Acts, newest first.

        Args:
            status: started, done, not_done or unknown; None for all. thread_id: Only those of one thread.
            limit: At most so many, 1 to 1,000.

        Raises:
            ValueError: An unknown status, or a limit out of range.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit: {limit} is not from 1 to {MAX_PAGE}")
        status = None if status is None else EffectStatus(status)
        params = {"key": None, "status": status, "thread_id": thread_id, "limit": limit}
        return [Effect.from_row(row) for row in await self.desk.rows(SQL["list_effects"], params)]

    async def show(self, key: str) -> Effect:
        """One act.

        Raises:
            EffectNotFound: None was begun under this key.
        """
        params = {"key": key, "status": None, "thread_id": None, "limit": 1}
        found = await self.desk.rows(SQL["list_effects"], params) if storable(key) else []
        if not found:
            raise EffectNotFound(f"no act was begun under {key!r}")
        return Effect.from_row(found[0])

    async def settle(self, key: str, *, happened: bool, by: str, note: str = "") -> Effect:
        """Say what came of an act whose outcome nobody knows. Its thread goes on with the next `resume`.

        Args:
            key: The act. happened: Whether it was done; if not, it is done when the thread goes on.
            by: Who looked. note: How they know.

        Raises:
            AnswerError: `by` or `happened` says nothing, or its outcome is known. Nothing was changed.
            NotAuthorised: Somebody who is not listed, where people are, or who decides nothing.
            EffectNotFound: There is no such act.
        """
        if not (storable(by) and by.strip()):
            raise AnswerError("settle", "by", "is empty: say who looked what came of it")
        if not isinstance(happened, bool):
            raise AnswerError("settle", "happened", "is True or False: whether it was done")
        who = await allowed(self.desk, by, "settle", f"settle {key}")
        params = {"key": key, "happened": happened, "by": who, "note": note or None}
        if not (storable(key) and await self.desk.rows(SQL["settle_effect"], params)):
            found = await self.show(key)
            state = "is being done now" if found.under_way else f"is {found.status.value}"
            raise AnswerError("settle", "key", f"{key} {state}: only an unknown outcome can be settled")
        return await self.show(key)

    async def lose(self) -> int:
        """Find acts whose process is gone and say that their outcome is unknown; how many there were."""
        return len(await self.desk.rows(SQL["lose_effects"]))


class SyncEffects(SyncPart[Effects]):
    """`desk.effects`, blocking."""

    list = bridged(Effects.list)
    show = bridged(Effects.show)
    settle = bridged(Effects.settle)
    lose = bridged(Effects.lose)
