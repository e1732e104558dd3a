"""`hitl-graph list`: the cases that wait, a page at a time."""

from __future__ import annotations

import enum
import shlex
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.options import AsJson, Db
from hitl_graph.cli.output import case_summary, one_line, out, print_json, short_id, span
from hitl_graph.desk import Case, Desk, Page
from hitl_graph.desk.cases import Filters

__all__ = ["list_cases"]

_URGENT = {"urgent": "bold red", "high": "yellow", "low": "dim"}


class Which(enum.StrEnum):
    """The statuses, and all of them."""

    PENDING = "pending"
    DECIDED = "decided"
    APPLIED = "applied"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    ALL = "all"


def list_cases(
    *,
    status: Annotated[Which, typer.Option(help="Where the cases stand.")] = Which.PENDING,
    owner: Annotated[str | None, typer.Option(metavar="GROUP", help="Who must act.")] = None,
    gate: Annotated[str | None, typer.Option(metavar="NAME", help="The gate that asks.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="The reviewer's job, such as choose.")
    ] = None,
    action: Annotated[str | None, typer.Option(metavar="NAME", help="The action class.")] = None,
    workflow: Annotated[str | None, typer.Option(metavar="NAME", help="The graph.")] = None,
    thread: Annotated[str | None, typer.Option(metavar="ID", help="The thread.")] = None,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Also pending cases that are snoozed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Cases on a page.")] = 50,
    after: Annotated[
        int | None, typer.Option(metavar="SEQ", help="Start after this one; a page says it.")
    ] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List cases, oldest first; by default those that wait for a person.

    With --json: {"cases": [...], "next": SEQ or null}; `show --json` has each case whole.
    """
    filters = {"owner": owner, "gate": gate, "kind": kind, "action": action, "workflow": workflow}
    asked = Filters(owner=owner, gate=gate, kind=kind, action=action, workflow=workflow, thread_id=thread)
    wanted = None if status is Which.ALL else status.value
    with Desk(db) as desk:
        shown = snoozed or status is not Which.PENDING
        page = desk.cases(status=wanted, after=after, limit=limit, snoozed=shown, **asked)
    if as_json:
        print_json({"cases": [case_summary(case) for case in page], "next": page.next})
        return
    named = {**filters, "status": None if status is Which.PENDING else status.value, "thread": thread}
    if not page:
        out().print(_nothing(named, after))
        return
    out().print(_table(page, status))
    out().print(_below(page, named, limit, snoozed=snoozed))


def _table(page: Page, status: Which) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    table.add_column("ID", no_wrap=True, style="cyan")
    table.add_column("Age" if status is Which.PENDING else "Waited", no_wrap=True, justify="right")
    table.add_column("Due" if status is Which.PENDING else "Status", no_wrap=True)
    table.add_column("Gate", overflow="fold", min_width=10)
    table.add_column("Question and thread", overflow="fold", ratio=1)
    table.add_column("Owner", overflow="fold", min_width=8)
    for case in page:
        gate = one_line(case.gate or case.node or "-")
        gate.append("\n").append_text(one_line(case.kind or case.shape.value, "dim"))
        third = _due(case) if status is Which.PENDING else Text(case.status.value)
        third.append(f"\n{case.priority}", _URGENT.get(case.priority, "dim"))
        asked = one_line(case.question, most=160)
        asked.append("\n").append_text(one_line(case.thread_id, "dim", most=80))
        if case.error:
            asked.append("\n").append_text(one_line(f"error: {case.error}", "red"))
        owner = one_line(case.owner or "nobody", "" if case.owner else "red")
        if case.person:
            owner.append("\n").append_text(one_line(case.person, "dim"))
        if case.claimed_by:
            owner.append("\n").append_text(one_line(f"{case.claimed_by} is at it", "yellow"))
        table.add_row(short_id(case.id), span(case.waited_s), third, gate, asked, owner)
    return table


def _due(case: Case) -> Text:
    """When it is due, by the database's clock."""
    if case.due_at is None:
        return Text("-", "dim")
    left = (case.due_at - case.asked_at).total_seconds() - case.waited_s
    return Text(f"in {span(left)}") if left >= 0 else Text(f"{span(left)} late", "bold red")


def _below(page: Page, named: dict[str, str | None], limit: int, *, snoozed: bool) -> Text:
    cases = f"{len(page)} case{'s' * (len(page) != 1)}"
    text = Text(f"\n{cases}. Look at one: hitl-graph show {short_id(page[0].id)}")
    if page.next is not None:
        size = [*(["--snoozed"] if snoozed else []), *([] if limit == 50 else ["--limit", str(limit)])]
        command = shlex.join(["hitl-graph", "list", *_options(named), *size, "--after", str(page.next)])
        text.append(f"\nThere are more: {one_line(command)}")
    return text


def _nothing(named: dict[str, str | None], after: int | None) -> Text:
    if after is not None:
        return Text("There are no more cases.")
    if any(named.values()):
        options = one_line(shlex.join(_options(named)))
        return Text(f"No case fits {options}. Without it: hitl-graph list, or hitl-graph list --status all")
    return Text(
        "Nothing waits for a person. A case appears here when a graph with a gate pauses; "
        "to see some: hitl-graph demo --reviewer ask"
    )


def _options(named: dict[str, str | None]) -> list[str]:
    return [part for name, value in named.items() if value is not None for part in (f"--{name}", value)]
