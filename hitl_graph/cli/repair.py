"""`hitl-graph repair`: what is wrong with a thread or a case, and the fix for it."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from hitl_graph.checkpointers import open_checkpointer
from hitl_graph.cli.findings_view import findings_view, told_as_json
from hitl_graph.cli.loading import load_graph
from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import err, one_line, out, print_json, short_id
from hitl_graph.cli.resume import told
from hitl_graph.desk import Desk
from hitl_graph.desk.effects import Effect, EffectStatus
from hitl_graph.desk.findings import Finding, FindingKind
from hitl_graph.errors import DeskError

__all__ = ["repair"]


class Outcome(enum.StrEnum):
    """What came of an act."""

    HAPPENED = "happened"
    NOT_HAPPENED = "not-happened"


class Fix(enum.StrEnum):
    """What can be done."""

    RETRY = "retry"
    REOPEN = "reopen"
    RUN_ON = "run-on"
    MISSING = "missing"
    CLOSE = "close"
    HAPPENED = "settle happened"
    NOT_HAPPENED = "settle not-happened"


WORDS = {
    Fix.RETRY: "try again with what stands: the cause is mended",
    Fix.REOPEN: "take the answer back, so that it can be asked again",
    Fix.RUN_ON: "let the thread go on in this process",
    Fix.MISSING: "open the cases that it waits for",
    Fix.CLOSE: "close the case without an answer",
    Fix.HAPPENED: "the act was done: go on without doing it",
    Fix.NOT_HAPPENED: "the act was not done: do it when the thread goes on",
}
OFFERED = {
    FindingKind.UNKNOWN_EFFECT: (Fix.HAPPENED, Fix.NOT_HAPPENED),
    FindingKind.POISONED: (Fix.REOPEN, Fix.RETRY),
    FindingKind.ROW_WITHOUT_PAUSE: (Fix.CLOSE,),
    FindingKind.PAUSED_WITHOUT_ROW: (Fix.MISSING,),
    FindingKind.RUN_LEFT_BEHIND: (Fix.RUN_ON,),
    FindingKind.FAILED: (Fix.RETRY, Fix.REOPEN),
    FindingKind.START_FAILED: (Fix.RETRY,),
    FindingKind.STANDING_STILL: (Fix.RUN_ON,),
    FindingKind.STALLED: (Fix.RUN_ON,),
}


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be repaired, and how."""

    thread_id: str
    review_id: str | None
    by: str
    reason: str
    graph: str | None
    db: str | None
    findings: Sequence[Finding]


def repair(
    given: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A thread's id, or a case's id or as many of its first characters as needed."
        ),
    ],
    *,
    retry: Annotated[bool, typer.Option("--retry", help=f"Failed: {WORDS[Fix.RETRY]}.")] = False,
    reopen: Annotated[bool, typer.Option("--reopen", help=f"Failed: {WORDS[Fix.REOPEN]}.")] = False,
    run_on: Annotated[
        bool, typer.Option("--run-on", help="Stalled: let it go on here; needs --graph.")
    ] = False,
    missing: Annotated[bool, typer.Option("--missing", help="Paused without a case: open it.")] = False,
    close: Annotated[
        bool, typer.Option("--close", help="Failed, and the thread is gone: close the case.")
    ] = False,
    settle: Annotated[Outcome | None, typer.Option(help="Say what came of an act that is unknown.")] = None,
    graph: Annotated[
        str | None,
        typer.Option(metavar="MODULE:ATTRIBUTE", help="The thread's graph, which then goes on at once."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who does it; otherwise your user name.")] = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, or how you know.")
    ] = "repaired from the command line",
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Show what is wrong with a thread or a case, and repair it.

    On a terminal you choose among the fixes; a script names one. Each repair is an event. Without a fix, exit code 1
    when something needs a person. With --json: {"thread_id", "findings": [...], "done": TEXT or null}.
    """
    chosen = [
        fix
        for fix, wanted in (
            (Fix.RETRY, retry),
            (Fix.REOPEN, reopen),
            (Fix.RUN_ON, run_on),
            (Fix.MISSING, missing),
            (Fix.CLOSE, close),
            (Fix.HAPPENED, settle is Outcome.HAPPENED),
            (Fix.NOT_HAPPENED, settle is Outcome.NOT_HAPPENED),
        )
        if wanted
    ]
    if len(chosen) > 1:
        raise typer.BadParameter("name one fix, not several")
    with Desk(db) as desk:
        thread_id, review_id = desk.locate(given)
        findings = desk.findings(thread_id=thread_id)
    job = Job(thread_id, review_id, by or this_user(), reason, graph, db, findings)
    fix = chosen[0] if chosen else None
    if not chosen and not as_json:
        _show(thread_id, findings)
        fix = _asked(findings)
    if fix is Fix.RUN_ON and graph is None:
        if not sys.stdin.isatty() or as_json:
            raise typer.BadParameter("--run-on needs --graph MODULE:ATTRIBUTE, the thread's graph")
        job = dataclasses.replace(
            job, graph=typer.prompt("The thread's graph, as MODULE:ATTRIBUTE", err=True)
        )
    done = None if fix is None else asyncio.run(_done(fix, job))
    if as_json:
        told_findings = [told_as_json(one) for one in findings]
        print_json({"thread_id": thread_id, "findings": told_findings, "done": done})
    elif done is not None:
        out().print(one_line(done), soft_wrap=True)
    if done is None and any(one.needs_person for one in findings):
        raise typer.Exit(1)


def _show(thread_id: str, findings: Sequence[Finding]) -> None:
    if not findings:
        out().print(one_line(f"Nothing is wrong with thread {thread_id}.", "green"))
    for section in findings_view(findings, most=len(findings)):
        out().print(section)


def _asked(findings: Sequence[Finding]) -> Fix | None:
    """What the person at the terminal chooses; None where there is none, or nothing to choose."""
    offered = list(dict.fromkeys(fix for one in findings for fix in OFFERED.get(one.kind, ())))
    if not offered or not sys.stdin.isatty():
        return None
    err().print()
    for number, fix in enumerate(offered, 1):
        err().print(f"  {number}  {WORDS[fix]}")
    err().print("  0  leave it as it is")
    while True:
        choice: int = typer.prompt("\nWhich", type=int, default=0, err=True)
        if 0 <= choice <= len(offered):
            return offered[choice - 1] if choice else None
        err().print(f"a number from 0 to {len(offered)}, please")


async def _done(fix: Fix, job: Job) -> str:
    """Do it, and say so."""
    async with Desk(job.db) as desk:
        said = await _applied(fix, desk, job)
        if job.graph is None or fix in (Fix.RUN_ON, Fix.REOPEN, Fix.CLOSE):
            return said
        async with open_checkpointer(job.db) as checkpointer:
            loaded = load_graph(job.graph, checkpointer)
            resumed = await desk.resume(loaded, thread_ids=[job.thread_id])
        return " ".join([said, *(str(told(one)) for one in resumed)])


async def _applied(fix: Fix, desk: Desk, job: Job) -> str:
    match fix:
        case Fix.RETRY:
            return await _retry(desk, job)
        case Fix.REOPEN:
            return await _reopen(desk, job)
        case Fix.RUN_ON:
            return await _run_on(desk, job)
        case Fix.MISSING:
            return await _missing(job)
        case Fix.CLOSE:
            return await _close(desk, job)
        case Fix.HAPPENED | Fix.NOT_HAPPENED:
            return await _settle(desk, job, happened=fix is Fix.HAPPENED)


async def _retry(desk: Desk, job: Job) -> str:
    failed = [case.id for case in await desk.cases(status="failed", thread_id=job.thread_id)]
    for id_ in failed if job.review_id is None else [job.review_id]:
        await desk.retry(id_, by=job.by, thread_id=job.thread_id)
    starts = [] if failed else await desk.starts.list(thread_id=job.thread_id, status="failed", limit=1)
    for start in starts:
        await desk.starts.retry(start.id, by=job.by)
    if not (failed or starts or job.review_id):
        raise DeskError(f"thread {job.thread_id}: nothing has failed: there is nothing to retry")
    return f"Thread {job.thread_id} tries again with the next resume, or as soon as a worker lives."


async def _reopen(desk: Desk, job: Job) -> str:
    id_ = _case(job, {FindingKind.POISONED, FindingKind.FAILED})
    await desk.reopen(id_, by=job.by, reason=job.reason, thread_id=job.thread_id)
    return f"Case {short_id(id_)} waits for an answer again: hitl-graph show {short_id(id_)}"


async def _close(desk: Desk, job: Job) -> str:
    id_ = _case(job, {FindingKind.ROW_WITHOUT_PAUSE})
    await desk.set_aside(id_, by=job.by, reason=job.reason, thread_id=job.thread_id)
    return f"Case {short_id(id_)} is closed."


def _case(job: Job, kinds: set[FindingKind]) -> str:
    """The case that is meant: the one that was named, or the only one of the thread that is found."""
    if job.review_id is not None:
        return job.review_id
    found = list(dict.fromkeys(one.review_id for one in job.findings if one.kind in kinds and one.review_id))
    if len(found) != 1:
        ids = ", ".join(found) or "none"
        raise DeskError(f"thread {job.thread_id}: name the case: of those found it may be {ids}")
    return found[0]


async def _run_on(desk: Desk, job: Job) -> str:
    assert job.graph is not None
    async with open_checkpointer(job.db) as checkpointer:
        loaded = load_graph(job.graph, checkpointer)
        return str(told(await desk.run_on(loaded, job.thread_id, by=job.by)))


async def _missing(job: Job) -> str:
    async with open_checkpointer(job.db) as checkpointer:
        opened = await checkpointer.aopen_missing([job.thread_id], by=job.by)
    if not opened:
        raise DeskError(f"thread {job.thread_id}: each question that it waits for has its case")
    return f"Opened: {', '.join(short_id(one) for one in opened)}. They wait: hitl-graph list"


async def _settle(desk: Desk, job: Job, *, happened: bool) -> str:
    found = await desk.effects.list(thread_id=job.thread_id)
    unknown = [one for one in found if one.status is EffectStatus.UNKNOWN or _lost(one)]
    meant = [one.key for one in unknown if job.review_id in (None, one.review_id)]
    if len(meant) != 1:
        which = ", ".join(one.review_id or one.key for one in unknown) or "none"
        raise DeskError(
            f"thread {job.thread_id}: name the case whose act it is: of those unknown it may be {which}"
        )
    [key] = meant
    settled = await desk.effects.settle(key, happened=happened, by=job.by, note=job.reason)
    then = "goes on without doing it again" if happened else "does it when it goes on"
    return f"{settled.action} is settled: {settled.status.value.replace('_', ' ')}. Thread {job.thread_id} {then}."


def _lost(one: Effect) -> bool:
    return one.status is EffectStatus.STARTED and not one.under_way and not one.idempotent
