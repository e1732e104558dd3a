"""`hitl-graph deadlines | acknowledge`: what happens to cases that nobody decides, and saying that one is seen."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.options import AsJson, Db, ReviewId, Thread, this_user
from hitl_graph.cli.output import clock, one_line, out, print_json
from hitl_graph.desk import Desk
from hitl_graph.plain import plain_json

__all__ = ["acknowledge", "deadlines"]

_SAID = {
    "reminder": "remind",
    "escalate": "escalate",
    "repeat": "tell again",
    "ack": "end of quiet",
    "expiry": "expire",
}


def deadlines(
    *,
    act: Annotated[bool, typer.Option("--act", help="First do what is due, as a worker does.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Lines at most.")] = 50,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List what will happen to cases that nobody decides, soonest first.

    With --json: {"acted": ..., "upcoming": [...]}.
    """
    with Desk(db) as desk:
        acted = desk.deadlines.act() if act else 0
        found = desk.deadlines.upcoming(thread_id=thread, limit=limit)
    if as_json:
        print_json({"acted": acted, "upcoming": plain_json(found, "upcoming")})
        return
    if act:
        out().print(f"Acted on {acted} case{'' if acted == 1 else 's'}.")
    if not found:
        out().print("Nothing is due to happen by itself.")
        return
    table = Table("When", "What", "Review", "Gate", "Owner", box=None, header_style="bold", pad_edge=False)
    for timer in found:
        level = f" (level {timer['level']})" if timer["level"] else ""
        cells = (clock(timer["at"]), _SAID[timer["kind"]] + level, timer["review_id"][:8])
        table.add_row(
            *(Text(cell) for cell in cells), one_line(timer["gate"] or ""), one_line(timer["owner"] or "")
        )
    out().print(table)


def acknowledge(
    review: ReviewId,
    *,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who; the user of this process unless said.")
    ] = None,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Say that an escalated case is seen: its group is told no more until the acknowledgement expires.

    Its deadlines stay as they are. With --json: {"case": ...}.
    """
    with Desk(db) as desk:
        case = desk.acknowledge(desk.find(review), by=by or this_user(), thread_id=thread)
    if as_json:
        print_json({"case": case})
        return
    due = f", due {clock(case.due_at)}" if case.due_at else ""
    out().print(one_line(f"Acknowledged {case.id[:8]}: still to be decided{due}."))
