"""What goes in and out of the API, with an example of each."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hitl_graph.desk.holds import Scope
from hitl_graph.desk.people import PersonKind, Role

__all__ = [
    "BIGGEST",
    "Brief",
    "Briefs",
    "Case",
    "Code",
    "Codes",
    "Decide",
    "Draft",
    "Drafts",
    "Event",
    "Events",
    "Give",
    "Hold",
    "Holds",
    "Lease",
    "Me",
    "NewHold",
    "NewToken",
    "People",
    "Person",
    "PersonIn",
    "Problem",
    "Reason",
    "Release",
    "SaveDraft",
    "Snooze",
    "Where",
]

BIGGEST = 2**63 - 1
"""The largest number that the database counts to."""
Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(max_length=200)]
DIGEST = "sha256:3f1c0e5b8d…"


class _In(BaseModel):
    """What is sent: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class _Error(BaseModel):
    status: int = Field(examples=[409])
    field: str = Field(
        examples=["digest"], description="What was wrong with the request; empty where it is no field."
    )
    problem: str = Field(examples=["review 81c4… has changed since it was shown"])


class Problem(BaseModel):
    """Every error, in one shape. Nothing was done."""

    error: _Error


class Me(BaseModel):
    """Who asks, and what they may do."""

    id: str = Field(examples=["ana"])
    name: str = Field(examples=["Ana Pires"])
    groups: list[str] = Field(examples=[["support-leads"]])
    roles: list[str] = Field(examples=[["reviewer"]])
    rights: list[str] = Field(examples=[["decide", "move", "see"]])


class Brief(BaseModel):
    """A case in a list."""

    id: str = Field(examples=["81c4d6a0b1f24e35a2c7"])
    thread_id: str = Field(examples=["ticket-4711"])
    seq: int = Field(examples=[17])
    status: str = Field(examples=["pending"])
    workflow: str | None = Field(examples=["support"])
    gate: str | None = Field(examples=["reply"])
    kind: str | None = Field(examples=["safe_to_send"])
    action: str | None = Field(examples=["send_email"])
    question: str = Field(examples=["Is this reply safe to send to the customer?"])
    owner: str | None = Field(examples=["support-leads"])
    person: str | None = None
    priority: str = Field(examples=["normal"])
    digest: str = Field(
        examples=[DIGEST], description="Send it back with a decision: of what you were shown."
    )
    asked_at: dt.datetime
    due_at: dt.datetime | None = None
    waited_s: float = Field(examples=[312.5])
    claimed_by: str | None = None
    claimed_until: dt.datetime | None = None
    snoozed_until: dt.datetime | None = None
    level: int = Field(examples=[0], description="How often it was escalated.")


class Briefs(BaseModel):
    """A page of cases, in the order in which they came. `next` is the next page's `after`; null after the last."""

    cases: list[Brief]
    next: int | None = Field(examples=[17])


class Case(Brief):
    """A case, whole. `payload` is what the graph asked with: text of an agent and of strangers, never to be run."""

    allowed: list[str] = Field(examples=[["approve", "edit", "reject"]])
    node: str
    shape: str
    payload: Any
    response_schema: dict[str, Any] | None = None
    approvals: int = Field(description="How many people must say the same yes.")
    votes: list[dict[str, Any]]
    candidates: list[str]
    error: str | None = None
    closed_at: dt.datetime | None = None
    decision: dict[str, Any] | None = None
    decision_type: str | None = None
    by: str | None = None
    via: str | None = None
    decided_at: dt.datetime | None = None
    identity: dict[str, Any] | None = None
    final_digest: str | None = None
    dispatch_at: dt.datetime | None = Field(None, description="From when the thread may be told.")
    dispatched_at: dt.datetime | None = Field(None, description="When it was; until then it can be undone.")


class Event(BaseModel):
    """Something that happened to a case."""

    id: int
    at: dt.datetime
    type: str = Field(examples=["decided"])
    data: Any


class Events(BaseModel):
    """The history of a case, in order."""

    events: list[Event]


class Where(_In):
    """Names the thread, where a copied one holds the same case."""

    thread_id: Name | None = None


class Decide(Where):
    """A decision on exactly what was shown."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "decision": {"type": "edit", "changes": {"body": "Thank you, Ana."}, "reason": "tone"},
                    "digest": DIGEST,
                    "idempotency_key": "b6a1",
                    "undo_s": 10,
                }
            ]
        },
    )
    decision: dict[str, Any] | Annotated[list[dict[str, Any]], Field(max_length=100)] = Field(
        description="`{type: approve|edit|reject|choose|respond|ask_info|take_over, …}`; of several acts, a list."
    )
    digest: Name = Field(description="Of the case as it was shown.")
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Names this request: sent again, it changes nothing more.",
    )
    undo_s: float | None = Field(
        None, description="Seconds for which it can be undone; null: as the pages have it."
    )
    opened: list[int] = Field(
        default_factory=list,
        max_length=1000,
        description="Which pieces of evidence the person has opened, from 0; a yes to a high risk needs all.",
    )
    confirmed: str = Field(
        "",
        max_length=2000,
        description="What the person typed: a yes to a high risk without a way back needs its amount or recipient.",
    )


class Lease(Where):
    """How long to be at a case, in minutes."""

    minutes: float = Field(10, ge=1, le=480)


class Reason(Lease):
    """Why somebody else's claim is taken over."""

    reason: Text = Field(examples=["ana is at lunch"])


class Give(Where):
    """To whom a case goes, and why."""

    to: Name = Field(examples=["ben"])
    reason: Text = Field(examples=["knows the customer"])


class Snooze(Where):
    """Until when a case is hidden: one of the two. 0 hours wakes it."""

    until: dt.datetime | None = None
    hours: float | None = Field(None, examples=[4])


class SaveDraft(Where):
    """What somebody has begun to write. Plain JSON, up to a megabyte."""

    body: Any = Field(examples=[{"body": "Thank you, A"}])
    digest: Name | None = None


class Draft(BaseModel):
    """One's own draft. `stale`: the case has changed since."""

    review_id: str
    thread_id: str
    body: Any
    digest: str
    saved_at: dt.datetime
    stale: bool


class Drafts(BaseModel):
    """One's own drafts, newest first."""

    drafts: list[Draft]


class Code(_In):
    """A reason or cause that decisions may name."""

    kind: Literal["reason", "cause"]
    code: Name = Field(examples=["tone"])
    label: Name = Field("", examples=["The tone is wrong"])
    gate: Name | None = None


class Codes(BaseModel):
    """All codes."""

    codes: list[Code]


class Grant(_In):
    """What somebody may let through: an action, and up to which amount; null is any."""

    action: Name = Field(examples=["refund"])
    max_amount: float | None = Field(None, examples=[100])


class PersonIn(_In):
    """What is said of somebody; all of it takes the place of what was said before, but for what is null."""

    groups: list[Name] = Field([], max_length=200, examples=[["support-leads"]])
    name: Name | None = Field(None, examples=["Ana Pires"])
    kind: PersonKind = "human"
    active: bool = True
    time_zone: Name | None = Field(None, examples=["Europe/Lisbon"])
    roles: list[Role] | None = Field(None, examples=[["reviewer"]])
    authority: Annotated[list[Grant], Field(max_length=200)] | None = None


class Person(BaseModel):
    """Somebody who is listed."""

    id: str = Field(examples=["ana"])
    name: str
    groups: list[str]
    kind: PersonKind
    active: bool
    time_zone: str | None
    roles: list[Role]
    authority: list[Grant]


class People(BaseModel):
    """The directory."""

    people: list[Person]


class NewHold(_In):
    """What is held. `value` is the thread, the graph or the action class; empty for everything (`tenant`)."""

    scope: Scope = Field(examples=["action"])
    value: Text = Field("", examples=["refund"])
    kind: Literal["pause", "stop"] = "pause"
    reason: Text = Field(examples=["amounts are wrong since the deploy"])
    wait_s: float = Field(0, ge=0, le=10, description="How long to wait for acts under way, in seconds.")


class Release(_In):
    """What whoever releases a hold says."""

    note: Text | None = None


class Hold(BaseModel):
    """One hold."""

    id: int
    scope: str
    value: str
    kind: str
    by: str
    reason: str
    since: dt.datetime
    released_at: dt.datetime | None = None
    released_by: str | None = None
    note: str | None = None
    under_way: list[str] = []
    warning: str = ""
    standing: bool


class Holds(BaseModel):
    """Holds, newest first."""

    holds: list[Hold]


class NewToken(_In):
    """What a token is for, and for how many days."""

    label: Name = Field(examples=["nightly report"])
    days: int = Field(90, ge=1, le=366)
