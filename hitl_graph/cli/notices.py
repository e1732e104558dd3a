"""`hitl-graph notices …`: who is told of cases, which programs may decide, and what is still to be told."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import sys
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.table import Table

from hitl_graph.cli.options import AsJson, Db, Tenant, this_user
from hitl_graph.cli.output import clock, one_line, out, print_json
from hitl_graph.desk import Desk
from hitl_graph.desk.addresses import check_address
from hitl_graph.desk.notices import Sender, Target
from hitl_graph.errors import HitlError, NoticeError

__all__ = ["notices"]

notices = typer.Typer(
    help="Who is told of cases, which programs may decide, and what is still to be told.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Kind(enum.StrEnum):
    """How a target is told."""

    WEBHOOK = "webhook"
    APPRISE = "apprise"


class Which(enum.StrEnum):
    """Where a notice stands."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    RETRACTED = "retracted"


Name = Annotated[str, typer.Argument(metavar="NAME", help="A name for it.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who; the user of this process unless said.")
]
Names = list[str] | None


@notices.command("targets")
def list_targets(*, db: Db = None, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """List who is told, without addresses. With --json: {"targets": [...]}."""
    with Desk(db, tenant=tenant) as desk:
        found = desk.notices.targets()
    if as_json:
        print_json({"targets": [_plain(target) for target in found]})
        return
    table = _table("Name", "Kind", "Of whose cases", "Events", "Queued", "Failed")
    for target in found:
        kind = f"{target.kind} {target.scheme}" + ("" if target.active else " (off)")
        events = ", ".join(target.events) if target.events else "all"
        row = (target.id, kind, target.owner, events, str(target.queued), str(target.failed))
        table.add_row(*map(one_line, row))
    out().print(table if found else "Nobody is told.")


@notices.command("put")
def put_target(
    name: Name,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=" | ".join(Kind))],
    *,
    owner: Annotated[
        str, typer.Option(metavar="NAME", help="Of whose cases: a group, a person, or * for all.")
    ] = "*",
    event: Annotated[Names, typer.Option(metavar="TYPE", help="Only these; may be repeated.")] = None,
    person: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who reads it, for links that decide.")
    ] = None,
    action: Annotated[
        Names, typer.Option(metavar="ACTION", help="What links decide: approve, reject; may be repeated.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Vouch for a private network, plain http or any scheme.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Switch it off.")] = False,
    by: By = None,
    db: Db = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Tell somebody of cases. The address comes from stdin, so that it stands in no list of processes or commands.

    Prints a webhook's secret, once; one that was lost is made anew after `remove`. With --json: {"target": {...}}.
    """
    from hitl_graph.notices.apprise import check_readable

    address = _from_stdin("the address")
    if kind is Kind.APPRISE:
        check_address("notices", kind.value, address, trusted=trusted)
        if find_spec("apprise"):  # else whoever sends it has the extra
            check_readable(address)
    with Desk(db, tenant=tenant) as desk:
        target = desk.notices.put(
            name,
            kind=kind.value,
            address=address,
            by=by or this_user(),
            owner=owner,
            events=event,
            person=person,
            actions=action or (),
            trusted=trusted,
            active=not off,
        )
    if as_json:
        print_json({"target": {**_plain(target), "secret": target.secret}})
        return
    out().print(one_line(f"{target.id} is told of the cases of {target.owner}."))
    if target.secret:
        out().print(one_line(f"The receiver verifies with: {target.secret}"))


@notices.command("remove")
def remove_target(name: Name, *, by: By = None, db: Db = None, tenant: Tenant = None) -> None:
    """Tell a target nothing more."""
    with Desk(db, tenant=tenant) as desk:
        desk.notices.remove(name, by=by or this_user())
    out().print(one_line(f"{name} is told nothing more."))


@notices.command("outbox")
def list_outbox(
    *,
    status: Annotated[Which | None, typer.Option(help="Where they stand.")] = None,
    target: Annotated[str | None, typer.Option(metavar="NAME", help="For whom.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Notices at most.")] = 50,
    db: Db = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """List notices, newest first. With --json: {"notices": [...]}."""
    with Desk(db, tenant=tenant) as desk:
        found = desk.notices.outbox(status=status and status.value, target=target, limit=limit)
    if as_json:
        print_json({"notices": found})
        return
    table = _table("Id", "Target", "Event", "Review", "Status", "Attempts", "Next or done", "Error")
    for row in found:
        at = clock(row["settled_at"] or row["next_at"])
        words = (row["id"], row["target"], row["event"], row["review_id"], row["status"], row["attempts"], at)
        table.add_row(*(one_line(word) for word in (*words, row["error"] or "")))
    out().print(table if found else "No notices.")


@notices.command("retry")
def retry(
    *,
    target: Annotated[str | None, typer.Option(metavar="NAME", help="Only for this target.")] = None,
    notice: Annotated[int | None, typer.Option(metavar="ID", help="Only this one.")] = None,
    by: By = None,
    db: Db = None,
    tenant: Tenant = None,
) -> None:
    """Queue again what was given up."""
    with Desk(db, tenant=tenant) as desk:
        count = desk.notices.retry(by=by or this_user(), target=target, notice=notice)
    out().print(f"{count} queued again.")


@notices.command("deliver")
def deliver_now(*, db: Db = None, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Send what is due, once. A worker does this by itself. With --json: {"sent": N}."""
    from hitl_graph.notices import deliver

    async def send() -> int:
        async with Desk(db, tenant=tenant) as desk:
            return await deliver(desk)

    count = asyncio.run(send())
    if as_json:
        print_json({"sent": count})
    else:
        out().print(f"{count} sent.")


@notices.command("senders")
def list_senders(*, db: Db = None, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """List the programs that may decide by signed webhook. With --json: {"senders": [...]}."""
    with Desk(db, tenant=tenant) as desk:
        found = desk.notices.senders()
    if as_json:
        print_json({"senders": [_plain(sender) for sender in found]})
        return
    table = _table("Name", "As these people", "As anybody of")
    for sender in found:
        name = sender.id + ("" if sender.active else " (off)")
        table.add_row(*map(one_line, (name, ", ".join(sender.people), ", ".join(sender.groups))))
    out().print(table if found else "No program may decide.")


@notices.command("put-sender")
def put_sender(
    name: Name,
    *,
    person: Annotated[Names, typer.Option(metavar="NAME", help="In whose name; may be repeated.")] = None,
    group: Annotated[
        Names, typer.Option(metavar="NAME", help="In the name of anybody of it; may be repeated.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Its signature does not count.")] = False,
    by: By = None,
    db: Db = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Let a program decide by signed webhook, and print what it signs with, once. With --json: {"sender": {...}}.

    Of a sender that is there already no secret is printed; one that was lost is made anew after `remove-sender`.
    """
    with Desk(db, tenant=tenant) as desk:
        sender = desk.notices.put_sender(
            name, people=person or (), groups=group or (), by=by or this_user(), active=not off
        )
    if as_json:
        print_json({"sender": {**_plain(sender), "secret": sender.secret}})
        return
    if sender.secret:
        out().print(one_line(f"{sender.id} signs with: {sender.secret}"))
    else:
        out().print(one_line(f"{sender.id} is changed, and signs with the secret that it has."))


@notices.command("remove-sender")
def remove_sender(name: Name, *, by: By = None, db: Db = None, tenant: Tenant = None) -> None:
    """Let a program decide nothing more."""
    with Desk(db, tenant=tenant) as desk:
        desk.notices.remove_sender(name, by=by or this_user())
    out().print(one_line(f"{name} decides nothing more."))


@notices.command("serve")
def serve(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Where to listen.")] = 8321,
    db: Db = None,
    tenant: Tenant = None,
) -> None:
    """Serve links in messages and webhooks that decide. Put TLS before it."""
    from hitl_graph.web import create_app

    app = create_app(url=db, tenant=tenant)
    try:
        import uvicorn
    except ImportError:
        raise HitlError("serving needs an extra: pip install 'hitl-graph[web,notify]'") from None
    uvicorn.run(app, host=host, port=port, access_log=False)  # who has a link's address can use it


def _from_stdin(what: str) -> str:
    """One line; asked for, unseen, on a terminal.

    Raises:
        NoticeError: There is none.
    """
    given = (
        typer.prompt(what.capitalize(), hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    ).strip()
    if not given:
        raise NoticeError("notices", "address", f"is missing: give {what} on stdin")
    return str(given)


def _plain(thing: Target | Sender) -> dict[str, object]:
    """A target or a sender, without its secret."""
    whole = dataclasses.asdict(thing)
    return {name: value for name, value in whole.items() if name != "secret"}


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
