"""`hitl-graph effects`: what was done, and what nobody knows whether it was."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from hitl_graph.cli.options import AsJson, Db
from hitl_graph.cli.output import clock, one_line, out, print_json, short_id
from hitl_graph.desk import Desk
from hitl_graph.desk.effects import Effect, EffectStatus

__all__ = ["effects"]

_STYLE = {EffectStatus.UNKNOWN: "bold red", EffectStatus.STARTED: "yellow", EffectStatus.NOT_DONE: "yellow"}


def effects(
    *,
    status: Annotated[EffectStatus | None, typer.Option(help="Only those that stand so.")] = None,
    thread: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this thread.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="At most so many.")] = 50,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List acts from the ledger, newest first.

    One that is unknown was begun, and nobody knows what came of it: `repair THREAD --settle` says so.
    With --json: {"effects": [...]}.
    """
    with Desk(db) as desk:
        found = desk.effects.list(status=status, thread_id=thread, limit=limit)
    if as_json:
        print_json({"effects": found})
    elif not found:
        out().print("No act stands in the ledger." if status is None else f"No act is {status.value}.")
    else:
        out().print(_table(found))


def _table(found: list[Effect]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Begun", "Action", "Status", "Thread", "Case", "By", "Try", ""):
        table.add_column(name, overflow="fold")
    for one in found:
        state = "under way" if one.under_way else one.status.value.replace("_", " ")
        table.add_row(
            clock(one.started_at),
            one_line(one.action),
            one_line(state, _STYLE.get(one.status, "green")),
            one_line(one.thread_id),
            short_id(one.review_id or ""),
            one_line(one.by),
            str(one.attempt),
            one_line(one.error or (f"in process {one.holder}" if one.under_way else "")),
        )
    return table
