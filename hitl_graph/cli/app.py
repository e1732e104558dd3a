"""`hitl-graph`: the commands put together, and how each of them ends."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, NoReturn

import typer

from hitl_graph.cli import (
    audit,
    boundary,
    deadlines,
    decide,
    demo,
    doctor,
    effects,
    holds,
    inbox,
    listing,
    notices,
    ownership,
    people,
    repair,
    resume,
    show,
    worker,
)
from hitl_graph.cli.output import explain, installed_version, report_error
from hitl_graph.cli.tenants import with_tenants
from hitl_graph.storage.ways import coming_through

__all__ = ["app", "main"]

app = typer.Typer(
    help="Gates for LangGraph: see what waits for a person, decide it, and check that nothing acts alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done; 1 refused, failed or something is wrong; 2 not understood; 130 stopped.",
)
app.command("demo", short_help="Run a support desk on customer messages.")(demo.demo)
app.command("list", short_help="List the cases that wait for a person.")(listing.list_cases)
app.command("show", short_help="Show one case, whole.")(show.show)
app.command("decide", short_help="Decide one case.")(decide.decide)
app.command("deadlines", short_help="See what happens to cases that nobody decides.")(deadlines.deadlines)
app.command("acknowledge", short_help="Say that an escalated case is seen.")(deadlines.acknowledge)
app.command("undo", short_help="Take a decision back that has not gone out.")(ownership.undo)
app.command("claim", short_help="Be at a case.")(ownership.claim)
app.command("unclaim", short_help="Let a case go.")(ownership.unclaim)
app.command("reassign", short_help="Name the person who must act.")(ownership.reassign)
app.command("reroute", short_help="Give a case to another group.")(ownership.reroute)
app.command("snooze", short_help="Hide a case for a while.")(ownership.snooze)
app.command("resume", short_help="Resume decided threads of a graph.")(resume.resume)
app.command("holds", short_help="List what is held.")(holds.list_holds)
app.command("pause", short_help="Hold a thread, a graph, an action class or all.")(holds.pause)
app.command("stop", short_help="The kill switch.")(holds.stop)
app.command("release", short_help="Let go what is held.")(holds.release)
app.command("take-over", short_help="Silence the agent in a thread.")(holds.take_over)
app.command("hand-back", short_help="Give a thread back to its graph.")(holds.hand_back)
app.command("inbox", short_help="Serve the pages on which people decide.")(inbox.inbox)
app.command("inbox-token", short_help="Make a token for the inbox's JSON API.")(inbox.inbox_token)
app.command("worker", short_help="Run threads on as soon as they are decided.")(worker.worker)
app.command("start", short_help="Let a worker begin a thread.")(worker.start)
app.add_typer(people.people, name="people", short_help="Who may decide.")
app.add_typer(people.authority, name="authority", short_help="Who may let what through.")
app.add_typer(people.codes, name="codes", short_help="Reasons and causes that decisions may name.")
app.add_typer(audit.audit, name="audit", short_help="Verify and export what happened.")
app.add_typer(notices.notices, name="notices", short_help="Who is told, and what is still to be told.")
app.command("boundary", short_help="Check that nothing acts without a gate.")(boundary.boundary)
app.command("effects", short_help="List what was done, and what is unknown.")(effects.effects)
app.command("doctor", short_help="See whether everything is in order.")(doctor.doctor)
app.command("repair", short_help="See what is wrong with a thread, and repair it.")(repair.repair)


_RUNNING = ("demo", "inbox", "resume", "worker")
"""What these do is done by graphs, or by who comes to the pages."""
_AGAIN_S = 0.2
_leaving = threading.Event()


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code; an error is one line on stderr, or JSON with `--json`."""
    signal.signal(signal.SIGTERM, _terminate)
    hangup = getattr(signal, "SIGHUP", None)  # the terminal is closed; not on Windows
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_DFL:  # `nohup` has it ignored
        signal.signal(hangup, partial(_hang_up, [number for number in (1, 2) if os.isatty(number)]))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = list(sys.argv[1:] if args is None else args)
    try:
        with_tenants(typer.main.get_command(app))(args=given, prog_name="hitl-graph")
    except SystemExit:
        _leaving.set()
        raise
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        with contextlib.suppress(OSError):
            sys.stdout.close()
        sys.exit(141)
    except Exception as error:
        text = explain(error)
        if text is None:
            raise
        report_error(error, text, as_json="--json" in given)
        sys.exit(1)
    sys.exit(0)


def _hang_up(terminals: Sequence[int], number: int, frame: Any) -> NoReturn:
    """As `_terminate`. What is still printed goes nowhere: on a terminal that is gone it would change the exit code."""
    if gone := [one for one in terminals if not os.isatty(one)]:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for one in gone:
            os.dup2(nowhere, one)
    _terminate(number, frame)


def _terminate(number: int, _frame: Any) -> NoReturn:
    """An ordinary end, so that the embedded server is left in good order.

    Python drops what is raised inside a destructor or a callback of the garbage collector: the signal comes again
    until the exit has come through.
    """
    again = threading.Timer(_AGAIN_S, _repeat, (number,))
    again.daemon = True
    again.start()
    sys.exit(128 + number)


def _repeat(number: int) -> None:
    if not _leaving.is_set():
        os.kill(os.getpid(), number)


def _version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        typer.echo(f"hitl-graph {installed_version('hitl-graph')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    del version  # it has left
    if context.invoked_subcommand not in _RUNNING:
        context.with_resource(coming_through("command"))
