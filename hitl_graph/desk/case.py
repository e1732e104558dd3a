"""One review as the desk shows it, and a page of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from typing import Any

from hitl_graph.plain import plain_json
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire import ForeignCase, Shape, native_request, read_foreign

__all__ = ["Case", "Page", "Status"]


class Status(enum.StrEnum):
    """Where a review stands."""

    PENDING = "pending"
    """Waits for a person: to decided, applied (answered elsewhere) or superseded."""
    DECIDED = "decided"
    """A person decided at the desk: to applied, failed, or back to pending when the gate refused the answer."""
    APPLIED = "applied"
    """The thread has taken the answer. Final."""
    FAILED = "failed"
    """The graph raised after the answer: back to decided on a retry."""
    SUPERSEDED = "superseded"
    """The thread went on without it: new input, edited state, deletion. Final."""


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Case:
    """One review: what is asked, where it stands, and what was decided.

    `payload` is exactly what the graph asked with. `digest` is what a decision must carry back. `waited_s` is
    the time from the pause to the decision, or to now, in seconds of the database's clock.
    """

    id: str
    thread_id: str
    seq: int
    status: Status
    node: str
    workflow: str | None
    shape: Shape
    gate: str | None
    kind: str | None
    action: str | None
    question: str
    owner: str | None
    person: str | None
    priority: str
    payload: Any
    response_schema: dict[str, Any] | None
    digest: str
    asked_at: dt.datetime
    due_at: dt.datetime | None
    closed_at: dt.datetime | None
    error: str | None
    waited_s: float
    decision: dict[str, Any] | None = None
    decision_type: str | None = None
    by: str | None = None
    via: str | None = None
    decided_at: dt.datetime | None = None
    checkpoint_id: str = ""
    task_id: str = ""
    claimed_by: str | None = None
    """Who is at it; None where nobody is, or their lease has lapsed."""
    claimed_until: dt.datetime | None = None
    snoozed_until: dt.datetime | None = None
    """Not shown among the pending ones until then."""
    approvals: int = 1
    """How many people must say the same yes."""
    votes: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    """Who has said yes so far, where more than one must: by, at, decision, and whether it is about what stands now."""
    candidates: list[str] = dataclasses.field(default_factory=list)
    """Groups besides the owner that may act."""
    level: int = 0
    """How often it was escalated."""
    identity: dict[str, Any] | None = None
    """Who decided, as the directory knew them at that time: id, name, kind, groups, and the rule that allowed it."""
    final_digest: str | None = None
    """Of the act that the decision lets through; None where it lets none through."""
    dispatch_at: dt.datetime | None = None
    """From when the thread may be told."""
    dispatched_at: dt.datetime | None = None
    """When it was told; until then the decision can be undone."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Case:
        """Read a row of `hitl.reviews` with its decision."""
        known = {field.name: row[field.name] for field in dataclasses.fields(cls) if field.name in row}
        return cls(**{**known, "status": Status(row["status"]), "shape": Shape(row["shape"])})

    def __repr__(self) -> str:
        told = {"id": self.id, "status": self.status.value, "gate": self.gate, "thread_id": self.thread_id}
        return f"Case({', '.join(f'{key}={value!r}' for key, value in told.items())}, question={self.question!r})"

    @property
    def request(self) -> ReviewRequest | None:
        """The request of our own gate, or None for an interrupt of other origin."""
        found = None if self.shape is Shape.RAW else native_request(self.payload)  # some only look like ours
        return None if found is None else ReviewRequest.from_json(found)

    @property
    def foreign(self) -> ForeignCase | None:
        """The reading of an interrupt of other origin, or None for one of ours."""
        if self.request is not None:
            return None
        return read_foreign(self.payload, self.node, self.response_schema)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The decisions that this case takes."""
        request, foreign = self.request, self.foreign
        return request.allowed if request else foreign.allowed if foreign else ()

    @property
    def proposal(self) -> dict[str, Any]:
        """The proposed arguments; empty for a bare question."""
        if request := self.request:
            return dict(request.proposal)
        foreign = self.foreign
        return dict(foreign.proposals[0]["args"]) if foreign and foreign.proposals else {}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all fields."""
        out: dict[str, Any] = plain_json(self, "case")
        return out


class Page(list[Case]):
    """Cases in the order in which they came, and where the next page starts."""

    def __init__(self, cases: Iterable[Case], after: int | None) -> None:
        super().__init__(cases)
        self.next = after
        """Give it as `after=` for the next page; None when this is the last."""
