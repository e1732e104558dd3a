"""How findings are printed: by kind, each with what is wrong, since when, and its fix."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.output import one_line, safe, short_id, span
from hitl_graph.desk.findings import BY_ITSELF, Finding, FindingKind

__all__ = ["findings_view", "told_as_json"]

TITLES = {
    FindingKind.UNKNOWN_EFFECT: "Acts of which nobody knows whether they were done",
    FindingKind.POISONED: "Stored answers that no thread can take",
    FindingKind.ROW_WITHOUT_PAUSE: "Cases whose thread does not stand at them",
    FindingKind.PAUSED_WITHOUT_ROW: "Threads that wait for an answer without a case",
    FindingKind.RUN_LEFT_BEHIND: "Runs whose process is gone",
    FindingKind.FAILED: "Threads that raised",
    FindingKind.START_FAILED: "First runs that raised",
    FindingKind.STANDING_STILL: "Threads that raised with another thread's result",
    FindingKind.DECIDED_NOT_RESUMED: "Decisions that have not reached their thread",
    FindingKind.STALLED: "Threads that look finished and are not",
    FindingKind.NO_WORKER: "Nobody works",
    FindingKind.TIMERS_OVERDUE: "Deadlines that nobody acts on",
    FindingKind.NOTICES_FAILED: "Messages that were given up",
    FindingKind.UNSEALED: "The audit log is not sealed",
}
_SHOWN = 5


def told_as_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON."""
    return {**dataclasses.asdict(finding), "needs_person": finding.needs_person}


def findings_view(findings: Sequence[Finding], *, most: int = _SHOWN) -> Iterator[RenderableType]:
    """One section for each kind, with at most so many of it."""
    for kind, group in itertools.groupby(findings, key=lambda one: one.kind):
        found = list(group)
        style = "bold red" if any(one.needs_person for one in found) else "bold yellow"
        count = f" ({len(found):,})" if len(found) > 1 else ""
        yield Text.assemble("\n", (TITLES[kind] + count, style))
        for one in found[:most]:
            yield Padding(_entry(one), (0, 0, 0, 2))
        if len(found) > most:
            yield Padding(
                Text(f"and {len(found) - most:,} more: --json has them all", style="dim"), (0, 0, 0, 2)
            )


def _entry(finding: Finding) -> Table:
    """Whom it is about and since when, what is wrong, and what to do."""
    about = Text("")
    if finding.thread_id:
        about = Text.assemble("thread ", one_line(finding.thread_id, "bold"))
    if finding.review_id:
        about.append(f", case {short_id(finding.review_id)}")
    if finding.since is not None:
        age = (dt.datetime.now(dt.UTC) - finding.since).total_seconds()
        about.append(f"{', ' if about else ''}since {span(age)}", style="dim")
    table = Table.grid()
    table.add_column(overflow="fold")
    if about:
        table.add_row(about)
    table.add_row(one_line(finding.what, most=400))
    if finding.fix == BY_ITSELF:
        table.add_row(Text("→ mends by itself: a worker is at it", style="dim"))
    else:
        table.add_row(Text.assemble("→ ", safe(finding.fix)))
    return table
