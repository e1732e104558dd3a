"""`hitl-graph holds | pause | stop | release | take-over | hand-back`: what must not act now, and what may again."""

from __future__ import annotations

import enum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import clock, err, one_line, out, print_json
from hitl_graph.desk import Desk, Hold
from hitl_graph.desk.holds import WAIT_S

__all__ = ["hand_back", "list_holds", "pause", "release", "stop", "take_over"]


class What(enum.StrEnum):
    """What is held."""

    THREAD = "thread"
    WORKFLOW = "workflow"
    ACTION = "action"
    TENANT = "tenant"


Scope = Annotated[What, typer.Argument(metavar="SCOPE", help=" | ".join(What))]
Value = Annotated[
    str,
    typer.Argument(
        metavar="[VALUE]", help="The thread's id, the graph's name or the action class; none for everything."
    ),
]
ThreadId = Annotated[str, typer.Argument(metavar="THREAD", help="The thread's id.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in words.")]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What was done meanwhile.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who; the user of this process unless said.")
]
Wait = Annotated[
    float, typer.Option("--wait", min=0, metavar="SECONDS", help="How long to wait for acts under way.")
]


def list_holds(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were released.")] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List what is held now, by whom and why. With --json: {"holds": [...]}."""
    with Desk(db) as desk:
        found = desk.holds.list(standing=not everything)
    if as_json:
        print_json({"holds": [hold.to_json() for hold in found]})
    elif not found:
        out().print("Nothing is held." if not everything else "Nothing was ever held.")
    else:
        out().print(_table(found))


def pause(
    scope: Scope,
    value: Value = "",
    *,
    reason: Reason,
    by: By = None,
    wait: Wait = WAIT_S,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Hold a thread, a graph, an action class or everything: nothing of it starts or acts until `release`.

    With --json: {"hold": ...}. Exit code 1 when an act that began before has not ended in time.
    """
    with Desk(db) as desk:
        hold = desk.holds.pause(scope.value, value, by=by or this_user(), reason=reason, wait_s=wait)
    _tell(hold, as_json=as_json)


def stop(
    scope: Scope,
    value: Value = "",
    *,
    reason: Reason,
    by: By = None,
    wait: Wait = WAIT_S,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """The kill switch: as `pause`; of a thread it also closes what was asked and voids what was approved.

    With --json: {"hold": ...}. Exit code 1 when an act that began before has not ended in time.
    """
    with Desk(db) as desk:
        hold = desk.holds.stop(scope.value, value, by=by or this_user(), reason=reason, wait_s=wait)
    _tell(hold, as_json=as_json)


def release(
    hold: Annotated[int, typer.Argument(metavar="HOLD", help="The hold's number, as `holds` lists it.")],
    *,
    note: Note = None,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Let go what is held; it goes on by itself, with the next resume or a worker. With --json: {"hold": ...}."""
    with Desk(db) as desk:
        released = desk.holds.release(hold, by=by or this_user(), note=note)
    _tell(released, as_json=as_json)


def take_over(
    thread: ThreadId,
    *,
    reason: Reason,
    by: By = None,
    wait: Wait = WAIT_S,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Silence the agent in a thread, paused or running: nothing of it acts until `hand-back`.

    With --json: {"hold": ...}. Exit code 1 when an act that began before has not ended in time.
    """
    with Desk(db) as desk:
        hold = desk.take_over(thread, by=by or this_user(), reason=reason, wait_s=wait)
    _tell(hold, as_json=as_json)


def hand_back(
    thread: ThreadId, *, note: Note = None, by: By = None, db: Db = None, as_json: AsJson = False
) -> None:
    """Give a thread that was taken over back to its graph. With --json: {"hold": ...}."""
    with Desk(db) as desk:
        hold = desk.hand_back(thread, by=by or this_user(), note=note)
    _tell(hold, as_json=as_json)


def _tell(hold: Hold, *, as_json: bool) -> None:
    if as_json:
        print_json({"hold": hold.to_json()})
    else:
        out().print(_said(hold), soft_wrap=True)
    if hold.warning:
        err().print(one_line(f"Warning: {hold.warning}", "yellow", most=400), soft_wrap=True)
    if hold.under_way:
        raise typer.Exit(1)


def _said(hold: Hold) -> Text:
    what = "everything" if hold.scope == "tenant" else f"{hold.scope} {hold.value}"
    verb = {"pause": "paused", "stop": "stopped", "takeover": "taken over"}[hold.kind]
    if not hold.standing:
        done = "handed back" if hold.kind == "takeover" else "released"
        return one_line(f"Hold {hold.id}: {what} was {done} by {hold.released_by}.", most=400)
    text = one_line(f"Hold {hold.id}: {what} is {verb} by {hold.by}: {hold.reason}", most=400)
    if hold.under_way:
        text.append(f"\nUnder way since before, and not ended: {', '.join(hold.under_way)}", "red")
    return text


def _table(holds: list[Hold]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    for name in ("Hold", "Since", "What", "Kind", "By", "Reason", "Released"):
        table.add_column(name, overflow="fold", no_wrap=name == "Hold")
    for hold in holds:
        value = "everything" if hold.scope == "tenant" and not hold.value else f"{hold.scope} {hold.value}"
        released = "" if hold.standing else f"{clock(hold.released_at)} by {hold.released_by}"
        cells = (clock(hold.since), value, hold.kind, hold.by, hold.reason, released)
        table.add_row(str(hold.id), *(one_line(cell) for cell in cells))
    return table
