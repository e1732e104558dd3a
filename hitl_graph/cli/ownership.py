"""`hitl-graph claim | unclaim | reassign | reroute | snooze | undo`: who is at a case, and whose it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from hitl_graph.cli.options import AsJson, Db, ReviewId, Thread, this_user
from hitl_graph.cli.output import case_summary, clock, one_line, out, print_json, short_id
from hitl_graph.desk import Case, Desk
from hitl_graph.desk.ownership import LEASE_MIN
from hitl_graph.desk.sync_desk import SyncDesk

__all__ = ["claim", "reassign", "reroute", "snooze", "unclaim", "undo"]

By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who; the user of this process unless said.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in words.")]


def claim(
    review: ReviewId,
    *,
    minutes: Annotated[
        float, typer.Option(metavar="N", help="How long the lease holds, 1 to 480.")
    ] = LEASE_MIN,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Also where somebody else is at it; needs --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it is taken over.")] = "",
    by: By = None,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Be at a case: until the lease ends nobody else decides it. Claiming it again renews the lease.

    With --json: {"case": ...}.
    """
    if reason and not take_over:
        raise typer.BadParameter("--reason goes with --take-over")
    name = by or this_user()

    def act(desk: SyncDesk, found: str) -> Case:
        if take_over:
            return desk.take_over_claim(found, by=name, reason=reason, minutes=minutes, thread_id=thread)
        return desk.claim(found, by=name, minutes=minutes, thread_id=thread)

    _run(
        review,
        act,
        db,
        lambda case: f"claimed by {case.claimed_by} until {clock(case.claimed_until)}",
        as_json=as_json,
    )


def unclaim(
    review: ReviewId, *, by: By = None, thread: Thread = None, db: Db = None, as_json: AsJson = False
) -> None:
    """Let a case go that one has claimed. With --json: {"case": ...}."""
    name = by or this_user()
    _run(
        review, lambda desk, found: desk.release(found, by=name, thread_id=thread), db, _free, as_json=as_json
    )


def reassign(
    review: ReviewId,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Who must act.")],
    *,
    reason: Reason,
    by: By = None,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Name the person who must act. With --json: {"case": ...}."""
    name = by or this_user()
    _run(
        review,
        lambda desk, found: desk.reassign(found, to=person, by=name, reason=reason, thread_id=thread),
        db,
        lambda case: f"is for {case.person}",
        as_json=as_json,
    )


def reroute(
    review: ReviewId,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="The group that must act.")],
    *,
    reason: Reason,
    by: By = None,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Give a case to another group. With --json: {"case": ...}."""
    name = by or this_user()
    _run(
        review,
        lambda desk, found: desk.reroute(found, to=group, by=name, reason=reason, thread_id=thread),
        db,
        lambda case: f"is for {case.owner}",
        as_json=as_json,
    )


def snooze(
    review: ReviewId,
    *,
    hours: Annotated[float | None, typer.Option(metavar="N", help="For so long; 0 wakes it.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Until then, such as 2026-05-04T09:00+02:00.")
    ] = None,
    by: By = None,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Hide a case from the list for a while; its time limit goes on. With --json: {"case": ...}."""
    name, at = by or this_user(), None if until is None else _time(until)
    _run(
        review,
        lambda desk, found: desk.snooze(found, by=name, hours=hours, until=at, thread_id=thread),
        db,
        lambda case: f"sleeps until {clock(case.snoozed_until)}" if case.snoozed_until else "is awake",
        as_json=as_json,
    )


def undo(
    review: ReviewId, *, by: By = None, thread: Thread = None, db: Db = None, as_json: AsJson = False
) -> None:
    """Take a decision back that its thread has not been told. With --json: {"case": ...}."""
    name = by or this_user()
    _run(
        review,
        lambda desk, found: desk.undo(found, by=name, thread_id=thread),
        db,
        lambda _: "is undone: the case waits again",
        as_json=as_json,
    )


def _run(
    review: str,
    act: Callable[[SyncDesk, str], Case],
    db: str | None,
    told: Callable[[Case], str],
    *,
    as_json: bool,
) -> None:
    with Desk(db) as desk:
        case = act(desk, desk.find(review))
    if as_json:
        print_json({"case": case_summary(case)})
        return
    text = Text.assemble("Review ", (short_id(case.id), "bold"), " ", one_line(told(case)), ".")
    out().print(text, soft_wrap=True)


def _free(case: Case) -> str:
    return f"is with {case.claimed_by}" if case.claimed_by else "is free"


def _time(text: str) -> dt.datetime:
    """A time as it is typed; without a zone it is this machine's."""
    try:
        return dt.datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"--until {text!r}: write a time such as 2026-05-04T09:00+02:00") from None
