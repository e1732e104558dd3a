"""What the reconciler finds: its kinds, and how each is told to a person."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import shlex
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["BY_ITSELF", "Finding", "FindingKind"]

BY_ITSELF = "by itself"
"""The fix of what a worker puts right without a person."""
_WORKER = "hitl-graph worker --graph MODULE:ATTRIBUTE"


class FindingKind(enum.StrEnum):
    """What is wrong, most urgent first: of one thread the first hides those that only follow from it."""

    UNKNOWN_EFFECT = "unknown_effect"
    """Nobody knows whether an act was done."""
    POISONED = "poisoned"
    """An answer is stored that is given again and again, or to whatever asks next."""
    ROW_WITHOUT_PAUSE = "row_without_pause"
    """A case is open, and its thread does not stand at it."""
    PAUSED_WITHOUT_ROW = "paused_without_row"
    """A thread waits for an answer, and no case says so."""
    RUN_LEFT_BEHIND = "run_left_behind"
    """The process that ran a thread is gone."""
    FAILED = "failed"
    """A thread raised, at the gate or after it."""
    START_FAILED = "start_failed"
    """A first run raised."""
    STANDING_STILL = "standing_still"
    """A thread raised when it went on by itself: with another thread's result, or where its run had broken off."""
    DECIDED_NOT_RESUMED = "decided_not_resumed"
    """A decision has not reached its thread."""
    STALLED = "stalled"
    """All is answered and nothing went on: the thread looks finished."""
    NO_WORKER = "no_worker"
    """Jobs wait, and no worker lives, or none that has the graph."""
    TIMERS_OVERDUE = "timers_overdue"
    """Reminders, escalations or expiries have not been acted on."""
    NOTICES_FAILED = "notices_failed"
    """Messages were given up."""
    UNSEALED = "unsealed"
    """Events of the audit log wait for their seal."""

    @property
    def of_thread(self) -> bool:
        """Whether it is about one thread."""
        return self not in _OF_NONE


_OF_NONE = frozenset(
    {FindingKind.NO_WORKER, FindingKind.TIMERS_OVERDUE, FindingKind.NOTICES_FAILED, FindingKind.UNSEALED}
)
_ASK_AGAIN = "new input, or asking again from its case's checkpoint (see the howto on intervention)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        thread_id: The thread; empty where it is about none.
        review_id: The case, where there is one.
        since: Since when, by the database's clock, as far as it is known.
        what: What is wrong, in words. fix: `"by itself"`, or the command that offers the fix.
    """

    kind: FindingKind
    thread_id: str
    review_id: str | None
    since: dt.datetime | None
    what: str
    fix: str

    @property
    def needs_person(self) -> bool:
        """Whether it stays as it is until somebody does something; a seal can wait for the next worker."""
        return self.fix != BY_ITSELF and self.kind is not FindingKind.UNSEALED

    @classmethod
    def told(cls, kind: FindingKind, row: Mapping[str, Any], *, worker: bool) -> Finding:
        """A row that the reconciler found, in words. `worker`: whether one lives."""
        repair = f"hitl-graph repair {shlex.quote(row['thread_id'])}"
        if row["thread_id"].startswith("-"):
            repair = f"hitl-graph repair -- {shlex.quote(row['thread_id'])}"
        what, fix = _WORDS[kind](row, repair, BY_ITSELF if worker else _WORKER)
        given = {name: row[name] for name in ("thread_id", "review_id", "since")}
        return cls(kind=kind, what=what, fix=fix, **given)


def _effect(row: Mapping[str, Any], repair: str, _worker: str) -> tuple[str, str]:
    why = row["error"] or f"the process that began it ({row['holder']}) has ended"
    said = (
        f"{row['action']} was begun on the word of {row['by']}, and nobody knows whether it was done: {why}"
    )
    return said, f"{repair} --settle happened|not-happened"


def _poisoned(row: Mapping[str, Any], repair: str, _worker: str) -> tuple[str, str]:
    if row["for_anybody"]:
        said = "an answer is stored that would be taken for whatever the thread asks next"
    else:
        said = "it raised on an answer that is stored, and would be given the same again"
    if row["error"]:
        said += f": {row['error']}"
    if row["review_id"] is None:
        return f"{said}; first its case must be opened", f"{repair} --missing"
    return said, f"{repair} --reopen"


def _row_without_pause(row: Mapping[str, Any], repair: str, worker: str) -> tuple[str, str]:
    where = "stands at another checkpoint" if row["head"] else "is gone"
    said = f"its case is {row['status']}, but the thread {where}: it was written, restored or deleted past our savers"
    return said, f"{repair} --close" if row["status"] == "failed" else worker


def _left_behind(row: Mapping[str, Any], repair: str, worker: str) -> tuple[str, str]:
    said = f"{row['holder']} was running it, and has ended or shows no sign of life"
    if row["acting"]:
        said += f"; still at an act of it: {row['acting']}: let that process go on, or end it"
    return said, worker if row["told"] else f"{repair} --run-on --graph MODULE:ATTRIBUTE"


def _decided(row: Mapping[str, Any], _repair: str, worker: str) -> tuple[str, str]:
    graph = f" (workflow {row['workflow']})" if row["workflow"] else ""
    return f"{row['type']} by {row['by']} has not reached the thread{graph}", worker


def _failed(row: Mapping[str, Any], repair: str, _worker: str) -> tuple[str, str]:
    if row["refused"]:
        return f"its act was refused, and would be again: {row['error']}", _ASK_AGAIN
    if row["void"]:
        said = (
            "it stands behind a decision that a stop or a takeover has voided, and would raise the same again"
        )
        return f"{said}: {row['error']}", _ASK_AGAIN
    return f"it stands still, until its cause is mended: {row['error']}", f"{repair} --retry"


def _start(row: Mapping[str, Any], repair: str, _worker: str) -> tuple[str, str]:
    return f"its first run, of {row['workflow']}, raised: {row['error']}", f"{repair} --retry"


def _standing_still(row: Mapping[str, Any], repair: str, _worker: str) -> tuple[str, str]:
    what = f"with the result of {row['child']}" if row["child"] else "where its run had broken off"
    said = f"it raised when it went on {what}: {row['error']}"
    if row["error"].startswith("EffectNotApproved"):
        return said, _ASK_AGAIN  # run on, it would raise the same
    return said, f"{repair} --run-on --graph MODULE:ATTRIBUTE"


def _no_worker(row: Mapping[str, Any], _repair: str, _worker: str) -> tuple[str, str]:
    one = row["jobs"] == 1
    if workflow := row.get("workflow"):
        what = "first run waits" if one else "first runs wait"
        return (
            f"{row['jobs']:,} {what} for a worker that has the graph {workflow}, and none takes them",
            _WORKER,
        )
    return f"{row['jobs']:,} {'job waits' if one else 'jobs wait'}, and no worker lives", _WORKER


_WORDS: dict[FindingKind, Callable[[Mapping[str, Any], str, str], tuple[str, str]]] = {
    FindingKind.UNKNOWN_EFFECT: _effect,
    FindingKind.POISONED: _poisoned,
    FindingKind.ROW_WITHOUT_PAUSE: _row_without_pause,
    FindingKind.PAUSED_WITHOUT_ROW: lambda _row, repair, _worker: (
        "it waits for an answer, and no case says so: it was paused by another saver, or restored",
        f"{repair} --missing",
    ),
    FindingKind.RUN_LEFT_BEHIND: _left_behind,
    FindingKind.FAILED: _failed,
    FindingKind.START_FAILED: _start,
    FindingKind.STANDING_STILL: _standing_still,
    FindingKind.DECIDED_NOT_RESUMED: _decided,
    FindingKind.STALLED: lambda _row, repair, _worker: (
        "all that it asked is answered, and it did not go on: it looks finished, and is not",
        f"{repair} --run-on --graph MODULE:ATTRIBUTE",
    ),
    FindingKind.NO_WORKER: _no_worker,
    FindingKind.TIMERS_OVERDUE: lambda row, _repair, _worker: (
        f"{row['timers']:,} reminders, escalations or expiries should have come",
        "hitl-graph deadlines --act, or a worker that lives",
    ),
    FindingKind.NOTICES_FAILED: lambda row, _repair, _worker: (
        f"{row['notices']:,} messages to {row['target']} were given up: {row['error'] or 'it said no'}",
        f"hitl-graph notices retry --target {shlex.quote(row['target'])}",
    ),
    FindingKind.UNSEALED: lambda row, _repair, _worker: (
        f"{row['events']:,} {'event waits' if row['events'] == 1 else 'events wait'} for a seal",
        "hitl-graph audit seal, or a worker that lives",
    ),
}
