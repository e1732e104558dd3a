"""Runs of the demo: in this process, and as a command of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hitl_graph import open_checkpointer
from hitl_graph.decisions import Approve, Choose, Decision
from hitl_graph.demo.graph import build_support_desk
from hitl_graph.demo.inbox_reader import Message, read_messages
from hitl_graph.demo.report import Report
from hitl_graph.demo.reviewer import Reviewer
from hitl_graph.demo.run import Run, new_run, run_demo
from hitl_graph.desk import Case

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass
class Always:
    """A reviewer who decides all cases of a gate alike, and approves or chooses as proposed elsewhere."""

    answers: Mapping[str, Callable[[Case], Decision | None]] = dataclasses.field(default_factory=dict)
    by: str = "ana"
    at_once: int = 250

    def decide(self, case: Case, row: int, turn: int) -> Decision | None:
        if case.gate in self.answers:
            return self.answers[case.gate](case)
        return Choose(case.proposal["category"]) if case.gate == "triage" else Approve()

    def refused(self, case: Case, problem: str) -> None:
        raise AssertionError(problem)


class Handled:
    """What became of a run, with the parts that its report is about."""

    def __init__(self, url: str, run: Run, report: Report) -> None:
        self.url = url
        self.run = run
        self.report = report

    def states(self) -> dict[int, dict[str, Any]]:
        """The stored state of each thread, by its message's row."""

        async def load() -> dict[int, dict[str, Any]]:
            async with open_checkpointer(self.url) as checkpointer:
                graph = build_support_desk(checkpointer, strict=self.run.strict)
                threads = self.run.threads
                snapshots = {
                    message.index: await graph.aget_state({"configurable": {"thread_id": thread}})
                    for thread, message in threads.items()
                }
                return {row: snapshot.values for row, snapshot in snapshots.items()}

        return asyncio.run(load())

    def mails(self) -> list[str]:
        """The mails that lie in the maildir, as text."""
        folder = self.run.maildir / "new"
        return (
            [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())] if folder.is_dir() else []
        )


def handle(
    url: str,
    folder: Path,
    *texts: str,
    reviewer: Reviewer | None = None,
    limit: int | None = None,
    **settings: Any,
) -> Handled:
    """One run of the demo in this process; without texts, on the shipped messages."""
    messages = [Message(index=row, text=text) for row, text in enumerate(texts, 1)] or read_messages(
        None, limit
    )
    run_id = new_run()
    run = Run(id=run_id, messages=messages, maildir=folder / run_id, url=url, **settings)
    return Handled(url, run, asyncio.run(run_demo(run, reviewer or Always())))


def command(url: str, *args: str, **env: str | None) -> subprocess.CompletedProcess[str]:
    """`hitl-graph` in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "hitl_graph", *args],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment(url, **env),
        timeout=90,
        check=False,
    )


def environment(url: str | None, **changes: str | None) -> dict[str, str]:
    """This environment without what would change the demo; None takes a variable out."""
    changed: dict[str, str | None] = {
        "OPENAI_API_KEY": None,
        "CI": None,
        "PYTHONUNBUFFERED": None,  # people have it seldom
        **dict.fromkeys(
            ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION")
        ),  # no browser of the developer's
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "120",
    }
    changed |= {"HITL_DATABASE_URL": url, **changes}
    kept = {name: value for name, value in os.environ.items() if name not in changed}
    return kept | {name: value for name, value in changed.items() if value is not None}
