"""The nouns of a review: what a person is asked, and what is kept of it. Plain JSON in, plain JSON out."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from hitl_graph.calendars import BusinessHours
from hitl_graph.plain import JSON, digest, plain_json
from hitl_graph.sla import Level, Sla

__all__ = [
    "BusinessHours",
    "Evidence",
    "Level",
    "Option",
    "Outcome",
    "Owner",
    "Priority",
    "Reason",
    "Record",
    "ReviewKind",
    "ReviewRequest",
    "Sla",
    "ToolCall",
    "Turn",
    "Versions",
    "proposal_digest",
]

_CONFIG = ConfigDict(extra="forbid", use_enum_values=False)
Text = typing.Annotated[str, Field(min_length=1)]


Outcome = Literal[
    "approved", "rejected", "asked", "responded", "taken_over", "judged_again", "measured_again", "routed"
]
"""What came of a decision; only `approved` lets an act happen.

`judged_again`: an edit made another act of it, which has a review of its own. `measured_again`: an edit that
the gate measures first; it becomes `approved` when nothing new speaks against it. `routed`: a choice that
leads elsewhere and
approves nothing."""


class ReviewKind(enum.StrEnum):
    """The job that the person is given; each has a screen of its own (R13)."""

    SAFE_TO_SEND = "safe_to_send"
    CHOOSE = "choose"
    VERIFY = "verify_value"
    MERGE = "merge"
    RULE = "rule"
    RESPOND = "respond"


class Priority(enum.StrEnum):
    """How urgent a case is among the others of its queue."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


@dataclass(frozen=True, config=_CONFIG)
class Evidence:
    """Something the person needs in order to judge: source data, never the system's own output.

    Args:
        title: What it is, such as `"Customer message"`.
        content: Text, or any plain JSON.
        source: Where it comes from (a state key, a document, a record).
        url: Where to see it in full; never fetched.
    """

    title: Text
    content: Any
    source: str | None = None
    url: str | None = None


@dataclass(frozen=True, config=_CONFIG)
class Owner:
    """Who must act: a group, or one person of it."""

    group: typing.Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]*\w[^\x00-\x1f]*$")]
    person: str | None = None

    def __str__(self) -> str:
        return f"{self.group} ({self.person})" if self.person else self.group


@dataclass(frozen=True, config=_CONFIG)
class Option:
    """One of the choices: the value that is kept, what to call it, and what it leads to."""

    value: Text
    label: str = ""
    consequence: str = ""


@dataclass(frozen=True, config=_CONFIG)
class Turn:
    """One entry of the transcript (R68)."""

    role: Text
    content: str
    at: str | None = None


@dataclass(frozen=True, config=_CONFIG)
class ToolCall:
    """The model's call that a case is about: its id in the model's message, and the tool that it names."""

    id: Text
    name: Text


@dataclass(frozen=True, config=_CONFIG)
class Versions:
    """What the proposal and the judgement were made with (R45); evidence is grouped by it."""

    prompt: str | None = None
    model: str | None = None
    policy: str | None = None
    workflow: str | None = None


@dataclass(frozen=True, config=_CONFIG)
class Reason:
    """Why a gate asked or let pass: a code to count by and a sentence to read.

    `asks` says which: of several gates in one, some may have let pass, and their reasons are kept too.
    """

    code: Text
    text: Text
    gate: str = ""
    asks: bool = True


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ReviewRequest:
    """One case for a person, complete: everything that is shown, and nothing that is not.

    `digest` is the SHA-256 of all the other fields in canonical JSON (RFC 8785). The decision carries it
    back, so that nobody can approve what they have not seen. `proposal_digest` covers the action and its
    arguments alone: it is what the effect compares before it acts. Where an agent's tool call is reviewed,
    `tool_call` says which, `proposal` are its arguments, and the digest covers the tool's name too; an edit may
    name one of `other_tools` instead, each with the JSON Schema of its arguments. `approvals` people must say the
    same yes, and `excluded` are those who may not decide, for they have a part in what is proposed.
    """

    gate: Text
    kind: ReviewKind
    question: Text
    why: tuple[Reason, ...] = Field(min_length=1)
    action: dict[str, Any]
    proposal: dict[str, Any]
    proposal_key: Text
    consequence: Text
    evidence: tuple[Evidence, ...]
    allowed: tuple[str, ...] = Field(min_length=1)
    owner: Owner
    continuation: dict[str, str] = Field(default_factory=dict)
    uncertainty: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    sla: Sla | None = None
    priority: Priority = Priority.NORMAL
    blocks: tuple[str, ...] = ()
    transcript: tuple[Turn, ...] = ()
    edit_schema: dict[str, Any] | None = None
    judgement: dict[str, Any] = Field(default_factory=dict)
    versions: Versions = Versions()
    previous: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    tool_call: ToolCall | None = None
    other_tools: dict[str, dict[str, Any]] = Field(default_factory=dict)
    approvals: int = Field(default=1, ge=1)
    excluded: tuple[str, ...] = ()
    v: Literal[1] = 1
    proposal_digest: str = ""
    digest: str = ""

    @property
    def act(self) -> str:
        """What the act is called: the tool that an agent calls, or else the action class."""
        return self.tool_call.name if self.tool_call else str(self.action["name"])

    def sealed(self) -> ReviewRequest:
        """The same request with both digests computed from what it holds now."""
        body = self.to_json()
        body.pop("digest")
        tool = self.tool_call.name if self.tool_call else None
        body["proposal_digest"] = proposal_digest(self.action["name"], self.proposal, tool)
        return dataclasses.replace(self, proposal_digest=body["proposal_digest"], digest=digest(body))

    def is_sealed(self) -> bool:
        """Whether the digests belong to what the request holds."""
        return self.digest == self.sealed().digest

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all fields."""
        out: dict[str, Any] = plain_json(self, self.gate)
        return out

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ReviewRequest:
        """Read what `to_json` wrote.

        Raises:
            pydantic.ValidationError: It is no request, or one of a later version of this library.
        """
        return _REQUEST.validate_python(dict(value))


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Record:
    """What is kept of a decision in the graph's state: both versions, who, when and why (R19, R45).

    `proposed` is what was shown, `final` what came of it (None after a rejection or a question), `patch` the
    RFC 6902 JSON Patch from one to the other. `review` is the review's id: the interrupt's id, in every
    place. `waited_s` is the time from the pause to the decision in seconds, where both are known. `tool_call`
    is the model's call as it was proposed, and `final_tool` the tool that it came to. `evidence_digest` is of the
    evidence that was shown.
    """

    review: str
    gate: str
    action: str
    proposal_key: str
    kind: ReviewKind
    decision: str
    proposed: dict[str, Any]
    final: dict[str, Any] | None
    patch: tuple[dict[str, Any], ...] = ()
    answer: dict[str, Any] = Field(default_factory=dict)
    why: tuple[Reason, ...] = ()
    by: str = "unknown"
    via: str = "resume"
    at: str | None = None
    waited_s: float | None = None
    reason: str | None = None
    cause: str | None = None
    recurrence: str | None = None
    note: str | None = None
    outcome: Outcome
    route: str | None = None
    digest: str = ""
    final_digest: str | None = None
    evidence_digest: str | None = None
    versions: Versions = Versions()
    tool_call: ToolCall | None = None
    final_tool: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all fields."""
        out: dict[str, Any] = plain_json(self, "record")
        return out

    @classmethod
    def from_json(cls, value: Mapping[str, JSON]) -> Record:
        """Read what `to_json` wrote.

        Raises:
            pydantic.ValidationError: It is no record.
        """
        return _RECORD.validate_python(dict(value))


def proposal_digest(action: str, proposal: Mapping[str, JSON], tool: str | None = None) -> str:
    """The digest of an act: its action class, its arguments and the tool that does it, where an agent calls one."""
    body: dict[str, JSON] = {"action": action, "proposal": dict(proposal)}
    return digest(body if tool is None else {**body, "tool": tool})


_REQUEST = TypeAdapter(ReviewRequest)
_RECORD = TypeAdapter(Record)
