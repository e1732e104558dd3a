"""`hitl-graph audit`: verify, seal, anchor, export, tell one case's story, erase a thread."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.text import Text

from hitl_graph.cli.options import AsJson, Db, ReviewId, Tenant, Thread, this_user
from hitl_graph.cli.output import facts, one_line, out, print_json
from hitl_graph.cli.story_view import story_view
from hitl_graph.desk import Desk
from hitl_graph.desk.audit import Anchor, AuditReport, verify_export
from hitl_graph.errors import AuditError

__all__ = ["audit"]

audit = typer.Typer(help="Verify, export and anchor what happened; erase a thread.", no_args_is_help=True)

Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write there; else to stdout.")]


@audit.command()
def verify(
    *,
    anchor: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What `audit anchor` wrote earlier: a log that was cut off or set back is found.",
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Verify this export and not the database; - is stdin."),
    ] = None,
    db: Db = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Compute the whole chain anew. Exit code 1 where it does not hold.

    With --json: {"ok", "tenant", "checked", "erased", "linked", "unsealed", "late", "head", "anchor", "broken",
    "thread_id"}.
    """
    earlier = None if anchor is None else _anchor(anchor)
    if export is not None:
        with _lines(export) as lines:
            report = verify_export(lines, earlier)
    else:
        with Desk(db, tenant=tenant) as desk:
            report = desk.audit.verify(earlier)
    if as_json:
        print_json(report.to_json())
    else:
        out().print(_told(report))
    if not report.ok:
        raise typer.Exit(1)


@audit.command()
def seal(*, db: Db = None, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Hang the events that wait on the chain, which a worker does by itself. With --json: {"sealed": N}."""
    with Desk(db, tenant=tenant) as desk:
        sealed = desk.audit.seal()
    if as_json:
        print_json({"sealed": sealed})
    else:
        out().print(f"Sealed {sealed} event{'s' * (sealed != 1)}.")


@audit.command()
def anchor(*, file: Out = None, db: Db = None, tenant: Tenant = None) -> None:
    """Print the end of the chain as JSON. Keep it where those who can write to the database cannot.

    `hitl-graph audit verify --anchor FILE` proves later that nothing before it was taken away or changed.
    """
    with Desk(db, tenant=tenant) as desk:
        desk.audit.seal()
        head = desk.audit.anchor()
    with _writer(file) as to:
        to.write(json.dumps(head.to_json()) + "\n")


@audit.command()
def export(
    *,
    thread: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Only this thread; of the others the seals, which tell nothing of them."
        ),
    ] = None,
    since: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"], help="Begin here (UTC)."
        ),
    ] = None,
    file: Out = None,
    db: Db = None,
    tenant: Tenant = None,
) -> None:
    """Write the log as JSON Lines, which `hitl-graph audit verify --export FILE` verifies without the database."""
    start = None if since is None else since if since.tzinfo else since.replace(tzinfo=dt.UTC)
    with Desk(db, tenant=tenant) as desk, _writer(file) as to:
        desk.audit.seal()
        for line in desk.audit.export(thread_id=thread, since=start):
            to.write(line + "\n")


@audit.command()
def show(
    review: ReviewId, *, thread: Thread = None, db: Db = None, tenant: Tenant = None, as_json: AsJson = False
) -> None:
    """Tell one case's story: what was proposed and seen, who decided what and when, and what was done on it.

    With --json: {"review", "proposed", "seen", "decided", "informed", "consistent", "erased", "effects", "versions",
    "events"}.
    """
    with Desk(db, tenant=tenant) as desk:
        told = desk.audit.story(desk.find(review), thread_id=thread)
    if as_json:
        print_json(told)
    else:
        out().print(story_view(told))


@audit.command()
def erase(
    thread: Annotated[str, typer.Argument(metavar="THREAD", help="The thread's id.")],
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")],
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who; else the user of this process.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also while a case of it is open.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    db: Db = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Erase what a thread's people wrote and read, and its checkpoints. It cannot be taken back.

    That it happened stays in the log, which still verifies. With --json: {"erased": {"reviews": N, ...}}.
    """
    if not yes and not sys.stdin.isatty():
        raise typer.BadParameter(
            "there is nobody to ask here, and it cannot be taken back", param_hint="--yes"
        )
    if not yes:
        typer.confirm(
            f"Erase thread {one_line(thread).plain}? It cannot be taken back.", abort=True, err=True
        )
    with Desk(db, tenant=tenant) as desk:
        done = desk.audit.erase(thread, by=by or this_user(), reason=reason, force=force)
    if as_json:
        print_json({"erased": done})
    else:
        out().print(facts({name: str(count) for name, count in done.items() if count}))


def _told(report: AuditReport) -> Text:
    checked = f"{report.checked} event{'s' * (report.checked != 1)}"
    text = Text(f"The chain of tenant {one_line(report.tenant).plain} ")
    if report.broken is None and not report.checked and report.unsealed:
        text.append("is empty yet: nothing is sealed")
    elif report.broken is None:
        text.append("holds", "green").append(f": {checked} checked, up to seal {report.head.seq}")
        text.append(f" and the anchor at {report.anchor.seq}." if report.anchor else ".")
    else:
        text.append("does not hold", "bold red").append(f" at seal {report.broken.seq}: ")
        text.append_text(one_line(report.broken.problem)).append(f". {checked} before it hold.")
    if report.erased:
        text.append(f"\n{report.erased} of them were erased: their digests vouch for them.")
    if report.thread_id is not None:
        shown = one_line(report.thread_id).plain
        text.append(f"\nThese are events of thread {shown}; that there are no others of it is not proven.")
    if report.unsealed:
        late = f", {report.late} for more than a minute" if report.late else ""
        text.append(f"\n{report.unsealed} wait for the sealer{late}: hitl-graph audit seal")
    return text


def _anchor(file: Path) -> Anchor:
    try:
        return Anchor.from_json(json.loads(file.read_text(encoding="utf-8")))
    except ValueError as error:
        raise AuditError(f"anchor: {file} holds no JSON: {error}") from None


@contextlib.contextmanager
def _lines(file: Path) -> Iterator[Iterable[str]]:
    if str(file) == "-":
        yield sys.stdin
    else:
        with file.open(encoding="utf-8") as lines:
            yield lines


@contextlib.contextmanager
def _writer(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield sys.stdout
        sys.stdout.flush()
    else:
        with file.open("w", encoding="utf-8") as to:
            yield to
