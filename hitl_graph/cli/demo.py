"""`hitl-graph demo`: a support desk on real messages, with a person at the inbox or the terminal, or a script."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hitl_graph.cli.browser import browser_opened, has_screen
from hitl_graph.cli.demo_report import how_to_go_on, report_view
from hitl_graph.cli.demo_screen import Screen
from hitl_graph.cli.demo_terminal import this_terminal
from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import err, out, print_json, safe
from hitl_graph.cli.stopping import told_to_stop
from hitl_graph.demo.asking import AskingReviewer
from hitl_graph.demo.inbox_reader import Message, read_messages
from hitl_graph.demo.report import Report
from hitl_graph.demo.reviewer import ScriptedReviewer
from hitl_graph.demo.run import Run, new_run, run_demo
from hitl_graph.demo.stand_ins import STAND_IN_NOTICE
from hitl_graph.demo.writer import configured_model

__all__ = ["demo"]


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
        typer.Option(help="Who decides: you, or a script. On a terminal it is you.", show_default=False),
    ] = None,
    no_inbox: Annotated[
        bool, typer.Option("--no-inbox", help="Ask in the terminal, and serve no inbox.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the inbox's address, and open no browser.")
    ] = False,
    undo: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, max=30, help="How long a decision in the inbox can be taken back."
        ),
    ] = 5.0,
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

    On a terminal the inbox is served on the paused cases: decide them in the browser, and their threads go on, until
    nothing waits or Ctrl-C; what is open then stays paused. Without a terminal, or with CI set, the script decides.

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
    try:
        with Screen() as screen:
            if who is Who.SCRIPTED:
                report = asyncio.run(run_demo(run, script, screen.progress))
            elif no_inbox or (inbox := _inbox()) is None:
                person = AskingReviewer(terminal=this_terminal(), by=this_user(), rest=script)
                report = asyncio.run(run_demo(run, person))
            else:
                report = asyncio.run(_at_inbox(inbox, run, screen, undo, opens=not no_browser))
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


def _inbox() -> Any:
    """The part of the demo that serves the inbox; None, with a word about it, where its extras are not installed."""
    try:
        return importlib.import_module("hitl_graph.demo.at_inbox")
    except ImportError as error:
        why = f"The inbox is not there ({error}): you are asked here."
        err().print(safe(why, "yellow"))
        return None


async def _at_inbox(inbox: Any, run: Run, screen: Screen, undo_s: float, *, opens: bool) -> Report:
    """Serve the inbox and the screen together, until the run ends or is stopped."""
    for name in ("psycopg.pool", "procrastinate"):  # while the database is away they say so again and again
        logging.getLogger(name).setLevel(logging.CRITICAL)
    stop = asyncio.Event()
    with contextlib.ExitStack() as stack:

        def opened(address: str, others: int) -> None:
            stack.enter_context(told_to_stop(stop, screen.stopping))
            screen.opened(address, others, undo_s=undo_s, mail=f"{run.maildir}/new")
            if opens and has_screen():
                stack.enter_context(browser_opened(address, run.maildir))

        person = inbox.AtInbox(by=this_user(), undo_s=undo_s, opened=opened, shown=screen.standing, stop=stop)
        report: Report = await inbox.run_at_inbox(run, person, screen.progress)
        return report


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
