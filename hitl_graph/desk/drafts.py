"""`desk.drafts`: what each reviewer has begun to write, kept for them alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.answers import plain_answer
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.cases import Cases
from hitl_graph.desk.identity import key_of, person_name
from hitl_graph.storage.statements import load_statements

__all__ = ["Draft", "Drafts", "SyncDrafts"]

SQL = load_statements("hitl_graph.desk", "drafts.sql")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Draft:
    """What one reviewer has begun to write about one case. `digest` is that of what they were shown."""

    review_id: str
    thread_id: str
    by: str
    body: Any
    digest: str
    saved_at: dt.datetime
    stale: bool
    """Whether the case has changed since."""


class Drafts:
    """Drafts belong to their author: a lapsed lease, a takeover or another's decision leaves them as they are.

    They go when their author decides. They are no part of the audit: nobody has acted on them.
    """

    def __init__(self, desk: Cases) -> None:
        self.desk = desk

    async def save(
        self,
        review_id: str,
        body: Any,
        *,
        by: str,
        digest: str | None = None,
        thread_id: str | None = None,
    ) -> Draft:
        """Keep a draft; it takes the place of the author's last one.

        Args:
            review_id: The case. body: Plain JSON, such as the changed fields, up to a megabyte. by: The author.
            digest: The digest of what they were shown; None: the case as it stands.
            thread_id: Needed only where a copied thread holds the same review.

        Raises:
            AnswerError: The body is no plain JSON or too large; the draft before it stays.
            ReviewNotFound, AmbiguousReview: No such case, or several.
        """
        by = person_name(by, where="draft")
        body = plain_answer(body, "body", "draft")
        case = await self.desk.show(review_id, thread_id=thread_id)
        params = {"thread_id": case.thread_id, "id": case.id, "person": key_of(by), "by": by}
        params |= {"body": json.dumps(body), "digest": case.digest if digest is None else digest}
        [row] = await self.desk.rows(SQL["save_draft"], params)
        return _draft(row)

    async def load(self, review_id: str, *, by: str, thread_id: str | None = None) -> Draft | None:
        """One's own draft for a case, or None."""
        by = person_name(by, where="draft")
        case = await self.desk.show(review_id, thread_id=thread_id)
        params = {"thread_id": case.thread_id, "id": case.id, "person": key_of(by)}
        found = await self.desk.rows(SQL["load_draft"], params)
        return _draft(found[0]) if found else None

    async def list(self, *, by: str) -> Sequence[Draft]:
        """One's own drafts, newest first."""
        found = await self.desk.rows(SQL["list_drafts"], {"person": key_of(person_name(by, where="draft"))})
        return [_draft(row) for row in found]

    async def drop(self, review_id: str, *, by: str, thread_id: str | None = None) -> bool:
        """Throw one's own draft away. Returns whether there was one."""
        by = person_name(by, where="draft")
        case = await self.desk.show(review_id, thread_id=thread_id)
        params = {"thread_id": case.thread_id, "id": case.id, "person": key_of(by)}
        return bool(await self.desk.rows(SQL["drop_draft"], params))


class SyncDrafts(SyncPart[Drafts]):
    """`Drafts`, blocking."""

    save = bridged(Drafts.save)
    load = bridged(Drafts.load)
    list = bridged(Drafts.list)
    drop = bridged(Drafts.drop)


def _draft(row: Mapping[str, Any]) -> Draft:
    return Draft(**row)
