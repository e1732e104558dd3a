"""The figures of one run of the demo."""

from __future__ import annotations

import dataclasses
from typing import Any

__all__ = ["Counts", "Report"]

Counts = dict[str, int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """The figures of a run.

    Attributes:
        messages: Messages read = finished + paused + failed.
        finished: Threads at their end = sent + taken_over + handed_over.
        paused: Threads with a review that waits for a decision, or with a decision that has not reached them.
        failed: Threads that stand still for another reason.
        judged: By gate, how often it judged a proposal = passed + asked.
        passed: By gate, judgements that let the proposal go on without a person.
        proceeded: Sum of passed.
        asked: By gate, reviews opened. Every pause of a thread is one review.
        why: By gate, how often each reason to ask was given; one review may have several.
        reviews: Sum of asked = sum of decisions + reviews that are open or were superseded.
        decisions: By kind, decisions that were taken.
        reviewers: By name, how many of them each took.
        edited: Edits in the threads' states, each with what was proposed and what came of it.
        edits_by_field: How many of them changed each field.
        rejected, taken_over: Decisions to reject; threads that a person took over.
        handed_over: Threads that ended without a mail: the drafts were turned down or could not be made.
        sent: Mails that the threads' states say were sent = mails that lie in the maildir.
        drafted_by: By model (or stand-in, or a person), letters that were reviewed.
        problems: Sums above that do not hold, and what failed; empty when all is well.
        example: A thread that paused, and its last review.
    """

    run: str = ""
    workflow: str
    messages: int
    finished: int
    paused: int
    failed: int
    judged: Counts
    passed: Counts
    proceeded: int
    asked: Counts
    why: dict[str, Counts]
    reviews: int
    decisions: Counts
    reviewers: Counts
    edited: int
    edits_by_field: Counts
    rejected: int
    taken_over: int
    handed_over: int
    sent: int
    drafted_by: Counts
    seconds: float = 0.0
    seconds_by: dict[str, float] = dataclasses.field(default_factory=dict)
    maildir: str = ""
    sorted_by: str = "offline stand-in"
    example: dict[str, str] | None = None
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all fields."""
        return dataclasses.asdict(self)
