"""`hitl-graph resume`: decided threads of one graph go on, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from hitl_graph.checkpointers import open_checkpointer
from hitl_graph.cli.loading import load_graph
from hitl_graph.cli.options import AsJson, Db, GraphName, this_user
from hitl_graph.cli.output import one_line, out, print_json
from hitl_graph.desk import Desk, Resumed

__all__ = ["outcome", "resume", "told"]


def resume(
    graph: GraphName,
    *,
    thread: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this thread; may be repeated.")
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Hand the decision of a failed review to its thread once more."),
    ] = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Resume the threads of a graph whose cases are decided: one run for each, with all its answers.

    With --json: {"resumed": [...]}. Exit code 1 when a thread failed or an answer was refused.
    """
    done = asyncio.run(_resume(graph, thread, retry, db))
    if as_json:
        print_json({"resumed": [outcome(one) for one in done]})
    elif not done:
        out().print("No decision waits for a thread of this graph.")
    else:
        for one in done:
            out().print(told(one), soft_wrap=True)
    if any(one.error for one in done):
        raise typer.Exit(1)


async def _resume(graph: str, threads: list[str] | None, retry: str | None, db: str | None) -> list[Resumed]:
    async with Desk(db) as desk, open_checkpointer(db) as checkpointer:
        loaded = load_graph(graph, checkpointer)
        if retry is not None:
            case = await desk.retry(await desk.find(retry), by=this_user())
            threads = [*(threads or []), case.thread_id]
        return await desk.resume(loaded, thread_ids=threads)


def outcome(resumed: Resumed) -> dict[str, Any]:
    """What came of a thread, as plain JSON, without the graph's whole state."""
    return {
        "thread_id": resumed.thread_id,
        "applied": list(resumed.applied),
        "refused": list(resumed.refused),
        "failed": list(resumed.failed),
        "error": resumed.error,
        "paused_again": _paused(resumed),
    }


def told(resumed: Resumed) -> Text:
    """The same in words."""
    thread = one_line(f"Thread {resumed.thread_id}")
    if resumed.refused:
        said = Text.assemble(
            "did not take the answer, and the case is open again: ", one_line(resumed.error or "")
        )
    elif resumed.error:
        said = Text.assemble("stands still: ", one_line(resumed.error))
    elif questions := _paused(resumed):
        said = Text.assemble("went on, and paused again: ", one_line("; ".join(questions)))
    else:
        said = Text("went on to its end.")
    return Text.assemble(thread, " ", said)


def _paused(resumed: Resumed) -> list[str]:
    """The questions that the thread paused at after it went on."""
    values = resumed.values
    found = values.get("__interrupt__", ()) if isinstance(values, Mapping) else ()
    return [
        str(one.value.get("question", "")) if isinstance(one.value, Mapping) else str(one.value)
        for one in found
    ]
