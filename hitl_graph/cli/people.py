"""`hitl-graph people | authority | codes`: who may decide what, and the codes that decisions may name."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import typer
from rich.table import Table

from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import one_line, out, print_json
from hitl_graph.desk import Desk
from hitl_graph.plain import key_of

__all__ = ["authority", "codes", "people"]

By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who; the user of this process unless said.")
]
Gate = Annotated[str | None, typer.Option("--gate", metavar="NAME", help="Only for this gate.")]


class Kind(enum.StrEnum):
    """What is listed."""

    HUMAN = "human"
    SYSTEM = "system"
    AGENT = "agent"


class Role(enum.StrEnum):
    """What somebody is at the desk."""

    REVIEWER = "reviewer"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"


class What(enum.StrEnum):
    """What a code is for."""

    REASON = "reason"
    CAUSE = "cause"


people = typer.Typer(
    no_args_is_help=True, help="The directory of those who decide; empty, anybody named may."
)
authority = typer.Typer(no_args_is_help=True, help="Who may let which act through, and up to which amount.")
codes = typer.Typer(no_args_is_help=True, help="The reasons and causes that decisions may name.")


@people.command("add")
def add(
    person: Annotated[str, typer.Argument(metavar="ID", help="What --by will say.")],
    *,
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="NAME", help="May be repeated.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="For readers.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="An agent never decides; human unless said.")] = None,
    role: Annotated[
        list[Role] | None,
        typer.Option(
            "--role", help="May be repeated; reviewer unless said. An auditor looks and decides nothing."
        ),
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether they may act now; active unless said.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(metavar="NAME", help="Such as Europe/Lisbon.")] = None,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List a person, or change what is said of them; the rest stays. From the first on, only those listed decide.

    From the first admin on, only admins change this: say --by.

    With --json: {"person": ...}.
    """
    said: dict[str, Any] = {
        "groups": group,
        "name": name,
        "kind": kind and kind.value,
        "active": active,
        "time_zone": time_zone,
        "roles": role and [one.value for one in role],
    }
    given: dict[str, Any] = {field: value for field, value in said.items() if value is not None}
    with Desk(db) as desk:
        known = next((one for one in desk.people.list() if key_of(one.id) == key_of(person)), None)
        if known is not None:
            given = {field: getattr(known, field) for field in said} | given
        one = desk.people.put(person, **given, by=by or this_user())
    if as_json:
        print_json({"person": one})
    else:
        out().print(one_line(f"{one.id} is in {', '.join(one.groups) or 'no group'}."), soft_wrap=True)


@people.command("list")
def list_people(
    *,
    group: Annotated[str | None, typer.Option(metavar="NAME", help="Only those in it.")] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """List the directory. With --json: {"people": [...]}."""
    with Desk(db) as desk:
        found = desk.people.list(group=group)
    if as_json:
        print_json({"people": list(found)})
        return
    if not found:
        out().print("Nobody is listed." if group else "Nobody is listed: anybody named may decide.")
        return
    table = _table("ID", "Name", "Groups", "Roles", "Kind")
    for one in found:
        kind = one.kind if one.active else f"{one.kind}, inactive"
        table.add_row(
            *(
                one_line(text)
                for text in (one.id, one.name, ", ".join(one.groups), ", ".join(one.roles), kind)
            )
        )
    out().print(table)


@people.command("remove")
def remove_person(
    person: Annotated[str, typer.Argument(metavar="ID", help="As they are listed.")],
    *,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Take a person from the directory. When the last is gone, anybody named may decide again.

    Exit code 1 where there was none. With --json: {"removed": true or false}.
    """
    with Desk(db) as desk:
        gone = desk.people.remove(person, by=by or this_user())
    _removed(gone=gone, as_json=as_json)


@authority.command("add")
def grant(
    action: Annotated[
        str, typer.Argument(metavar="ACTION", help="An action class or tool; * and ? stand for others.")
    ],
    *,
    group: Annotated[str | None, typer.Option(metavar="NAME", help="Everybody in it.")] = None,
    person: Annotated[str | None, typer.Option(metavar="ID", help="One person.")] = None,
    most: Annotated[
        float | None, typer.Option("--max", metavar="N", help="Up to this amount; any unless said.")
    ] = None,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Give a group or a person authority for an action. From the first on, only those named let it through.

    With --json: {"authority": ...}.
    """
    with Desk(db) as desk:
        one = desk.authority.put(action, group=group, person=person, max_amount=most, by=by or this_user())
    if as_json:
        print_json({"authority": one})
    else:
        limit = "any amount" if one.max_amount is None else f"up to {one.max_amount}"
        out().print(
            one_line(f"{one.holder_kind} {one.holder} may let {one.action} through, {limit}."), soft_wrap=True
        )


@authority.command("list")
def list_authority(*, db: Db = None, as_json: AsJson = False) -> None:
    """List who may let what through. With --json: {"authority": [...]}."""
    with Desk(db) as desk:
        found = desk.authority.list()
    if as_json:
        print_json({"authority": list(found)})
        return
    if not found:
        out().print("No action is named: the groups that cases go to decide them.")
        return
    table = _table("Action", "Who", "Up to")
    for one in found:
        most = "any amount" if one.max_amount is None else str(one.max_amount)
        table.add_row(one_line(one.action), one_line(f"{one.holder_kind} {one.holder}"), most)
    out().print(table)


@authority.command("remove")
def revoke(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="As it was added.")],
    *,
    group: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    person: Annotated[str | None, typer.Option(metavar="ID")] = None,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Take an authority away. Exit code 1 where there was none. With --json: {"removed": true or false}."""
    with Desk(db) as desk:
        gone = desk.authority.remove(action, group=group, person=person, by=by or this_user())
    _removed(gone=gone, as_json=as_json)


@codes.command("add")
def add_code(
    kind: Annotated[What, typer.Argument(metavar="KIND", help=" | ".join(What))],
    code: Annotated[str, typer.Argument(metavar="CODE", help="What is kept and counted.")],
    *,
    label: Annotated[str, typer.Option(metavar="TEXT", help="What people read.")] = "",
    gate: Gate = None,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Add a code. From the first on, corrections must name one. With --json: {"code": ...}."""
    with Desk(db) as desk:
        one = desk.codes.put(kind=kind.value, code=code, label=label, gate=gate, by=by or this_user())
    if as_json:
        print_json({"code": one})
    else:
        out().print(one_line(f"{one.kind} {one.code}: {one.label}"), soft_wrap=True)


@codes.command("list")
def list_codes(*, gate: Gate = None, db: Db = None, as_json: AsJson = False) -> None:
    """List the codes. With --json: {"codes": [...]}."""
    with Desk(db) as desk:
        found = desk.codes.list(gate=gate)
    if as_json:
        print_json({"codes": list(found)})
        return
    if not found:
        out().print("There are no codes: any reason goes.")
        return
    table = _table("Kind", "Code", "Label", "Gate")
    for one in found:
        table.add_row(*(one_line(text) for text in (one.kind, one.code, one.label, one.gate or "all")))
    out().print(table)


@codes.command("remove")
def remove_code(
    kind: Annotated[What, typer.Argument(metavar="KIND", help=" | ".join(What))],
    code: Annotated[str, typer.Argument(metavar="CODE")],
    *,
    gate: Gate = None,
    by: By = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Take a code away. Exit code 1 where there was none. With --json: {"removed": true or false}."""
    with Desk(db) as desk:
        gone = desk.codes.remove(kind=kind.value, code=code, gate=gate, by=by or this_user())
    _removed(gone=gone, as_json=as_json)


def _removed(*, gone: bool, as_json: bool) -> None:
    if as_json:
        print_json({"removed": gone})
    else:
        out().print("Removed." if gone else "There was none.")
    if not gone:
        raise typer.Exit(1)


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
