"""`hitl-graph worker` and `hitl-graph start`: threads run on by themselves, and are begun from a terminal."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import importlib
import json
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_graph.cli.loading import GraphNotLoaded
from hitl_graph.cli.named_graphs import CONFIG, named_graphs
from hitl_graph.cli.options import AsJson, Db, this_user
from hitl_graph.cli.output import one_line, out, print_json
from hitl_graph.desk import Desk
from hitl_graph.desk.starts import Start
from hitl_graph.plain import plain_json

if TYPE_CHECKING:
    from hitl_graph.workers import Worker

__all__ = ["start", "worker"]

_SAME_S = 0.3


def worker(
    graph: Annotated[
        list[str] | None,
        typer.Option(
            "--graph",
            metavar="[NAME=]MODULE:ATTRIBUTE",
            help="A graph whose threads it runs; may be repeated. NAME is the workflow; otherwise ATTRIBUTE.",
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=f"All graphs of a {CONFIG}; without --graph, the one of this folder."
        ),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Threads that run at once.")] = 8,
    drain: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long runs under way are given at the end.")
    ] = 30.0,
    stalled: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0.5, help="Without a sign of life for so long, a worker is dead."
        ),
    ] = 8.0,
    db: Db = None,
) -> None:
    """Run threads on as soon as they are decided, and make the first runs that were asked for.

    Any number of workers may run on one database. SIGTERM or Ctrl-C ends it in good order: runs under way end at their
    next checkpoint and are taken up by another worker; a second one ends it at once.
    """
    try:
        workers = importlib.import_module("hitl_graph.workers")
    except ImportError as error:
        raise GraphNotLoaded(str(error)) from error
    for name in ("psycopg.pool", "procrastinate"):  # what they would print many times the worker says once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    graphs = named_graphs(graph or [], config)
    options = {"concurrency": concurrency, "drain_s": drain, "stalled_s": stalled}
    asyncio.run(_work(workers.Worker(graphs, db, tell=_say, **options), concurrency))


def start(
    workflow: Annotated[
        str, typer.Argument(metavar="WORKFLOW", help="The name under which a worker has the graph.")
    ],
    *,
    given: Annotated[
        str, typer.Option("--input", metavar="JSON", help="What the graph is given; - reads it from stdin.")
    ],
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="ID", help="The thread; otherwise a new one.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who asks for it; otherwise your user name.")] = None,
    queue: Annotated[bool, typer.Option("--queue", help="Wait while the thread runs or is paused.")] = False,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Let a worker begin a thread of a graph.

    With --json: the start, as {"id", "thread_id", "status", ...}. Exit code 1 when the thread runs or is paused.
    """
    text = sys.stdin.read() if given == "-" else given
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"is no JSON: {error}", param_hint="--input") from error
    begun = asyncio.run(_start(workflow, value, thread, by or this_user(), db, queue=queue))
    if as_json:
        print_json(plain_json(begun, "start"))
    else:
        out().print(
            one_line(f"Thread {begun.thread_id} is to be started as {begun.workflow}."), soft_wrap=True
        )


async def _start(
    workflow: str, value: Any, thread: str | None, by: str, db: str | None, *, queue: bool
) -> Start:
    async with Desk(db) as desk:
        when_busy: Any = "queue" if queue else "refuse"
        return await desk.start(workflow, value, thread_id=thread, by=by, when_busy=when_busy)


async def _work(the_worker: Worker, concurrency: int) -> None:
    """Work until a signal comes; a second one ends the process at once."""
    stop = asyncio.Event()
    since = 0.0
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 8, thread_name_prefix="hitl-node"))

    def told(number: int) -> None:
        nonlocal since
        if stop.is_set():
            if loop.time() - since < _SAME_S:  # a wrapper passes on what the terminal has sent to both
                return
            _say("ends at once")
            _leave(128 + number)
        _say(f"ends, on {signal.Signals(number).name}: runs under way end at their next checkpoint")
        since = loop.time()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, functools.partial(told, number))
    async with the_worker:
        await stop.wait()
    if the_worker.cut_off:  # a node that does not end must not keep the process
        _leave(0)


def _leave(code: int) -> None:
    sys.stdout.flush()
    os._exit(code)


def _say(text: str) -> None:
    now = dt.datetime.now(dt.UTC).strftime("%H:%M:%S")
    out().print(one_line(f"{now} {text}", most=500), soft_wrap=True)
    sys.stdout.flush()
