"""`hitl-graph demo`: a support desk on real messages, with a person or a script at the desk."""

from __future__ import annotations

import asyncio
import enum
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from hitl_graph.cli.case_view import case_view
from hitl_graph.cli.demo_report import how_to_go_on, report_view
from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import err, out, print_json, safe
from hitl_graph.demo.asking import AskingReviewer, Terminal
from hitl_graph.demo.inbox_reader import Message, read_messages
from hitl_graph.demo.reviewer import Reviewer, ScriptedReviewer
from hitl_graph.demo.run import Progress as OnProgress
from hitl_graph.demo.run import Run, new_run, run_demo
from hitl_graph.demo.stand_ins import STAND_IN_NOTICE
from hitl_graph.demo.writer import configured_model
from hitl_graph.desk import Case

__all__ = ["demo"]

EVERY_S = 10.0
"""How often a line is written where no progress bar can be drawn."""


class Who(enum.StrEnum):
    """Who decides the cases."""

    ASK = "ask"
    SCRIPTED = "scripted"


def demo(
    *,
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input", metavar="FILE", help="A .csv with a column text, or a .jsonl with a key text."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Handle the first N messages.")
    ] = None,
    reviewer: Annotated[
        Who | None,
        typer.Option(help="Who decides: you, or a script. On a terminal you are asked.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, other decisions of the script.")] = 0,
    maildir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the mail goes; a new folder under ./maildir unless said."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Ask about every act.")] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Run a support desk: sort messages, escalate exceptions, draft, review before send, send into a maildir.

    Without a terminal, or with CI set, nothing waits for a key: the script decides.

    With --json, counted from what is stored: messages = finished + paused + failed. For each gate, judged =
    passed + asked; proceeded is the sum of passed, the judgements that needed no person. Every email is
    read by a person, so no message goes through alone. asked counts reviews, one for each pause; decisions
    counts them by kind. sent counts mails; finished = sent + taken_over + handed_over. Exit code 1 when a
    sum does not hold or a thread failed.
    """
    messages = read_messages(input_, limit)
    model = configured_model()
    who = _who(reviewer)
    drafting = f"Replies are drafted by {model}; messages are sorted by rules, not by a model."
    err().print(safe(drafting if model else STAND_IN_NOTICE, "dim"))
    run_id = new_run()
    folder = maildir or Path("maildir") / f"demo-{run_id}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    run = Run(id=run_id, messages=messages, maildir=folder, url=db, strict=strict, model=model)
    script = ScriptedReviewer(seed=seed, known=_known(messages))
    person: Reviewer = (
        script if who is Who.SCRIPTED else AskingReviewer(terminal=_terminal(), by=this_user(), rest=script)
    )
    try:
        with _progress(bar=who is Who.SCRIPTED) as on_progress:
            report = asyncio.run(run_demo(run, person, on_progress))
    except KeyboardInterrupt:
        err().print(safe("\nStopped. What was saved stays."))
        err().print(how_to_go_on(run))
        raise typer.Exit(130) from None
    if as_json:
        print_json(report)
    else:
        out().print(report_view(report, run))
    if report.problems:
        raise typer.Exit(1)


def _who(asked_for: Who | None) -> Who:
    """Who decides. Nobody waits for a key where nobody can press one."""
    if asked_for is Who.SCRIPTED:
        return Who.SCRIPTED
    terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    if terminal and not os.environ.get("CI"):
        return Who.ASK
    why = "CI is set" if terminal else "there is no terminal"
    err().print(safe(f"Nobody can be asked ({why}): the scripted reviewer decides.", "dim"))
    return Who.SCRIPTED


def _known(messages: list[Message]) -> dict[int, str]:
    """What the file says of each message's category; only the scripted reviewer is told."""
    return {message.index: message.extra["category"] for message in messages if "category" in message.extra}


def _terminal() -> Terminal:
    def show(case: Case) -> None:
        err().print(case_view(case, err(), brief=True))

    def show_whole(case: Case) -> None:
        err().print(case_view(case, err()))

    def say(text: str) -> None:
        err().print(safe(text, "yellow"))

    def ask(question: str) -> str:
        if question:
            err().print(safe(question, "bold"))
        with _interruptible():
            try:
                err().print("> ", end="")
                _until_line()
                return input()
            except KeyboardInterrupt:
                err().print()
                raise EOFError from None

    return Terminal(show=show, show_whole=show_whole, say=say, ask=ask)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends the waiting for a line; asyncio's own handler would wait for the line first."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _until_line() -> None:
    """Wait until a line can be read. A Ctrl-C that comes just before `input` begins to read would wait for the line."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        return
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    try:
        select.select([sys.stdin, told], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(told)
        os.close(tell)


@contextmanager
def _progress(*, bar: bool) -> Iterator[OnProgress]:
    """A bar on a terminal, a line every few seconds elsewhere; nothing while a person is asked."""
    if not bar:
        yield lambda *_: None
        return
    if not err().is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True) as shown:
        tasks: dict[str, TaskID] = {}

        def draw(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = shown.add_task(f"{step:<9}", total=total)
            shown.update(tasks[step], completed=done)

        yield draw


def _lines() -> OnProgress:
    last = time.monotonic()

    def line(step: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY_S:
            last = time.monotonic()
            err().print(f"{step}: {done} of {total} messages")

    return line
