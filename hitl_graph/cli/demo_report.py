"""What a run of the demo came to, as a table."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.output import facts, safe, short_id
from hitl_graph.demo.report import Report
from hitl_graph.demo.run import Run
from hitl_graph.storage.tenants import DEFAULT, checked_tenant

__all__ = ["how_to_go_on", "report_view"]


def report_view(report: Report, run: Run) -> RenderableType:
    """Passed alone, asked and why, decisions, edits by field, time, mail, and how to look further."""
    ended = [f"{report.finished:,} finished"]
    ended += [f"{report.paused:,} paused"] if report.paused else []
    ended += [f"{report.failed:,} failed"] if report.failed else []
    head = f"{_number(report.messages, 'message')}: {', '.join(ended)}, in {report.seconds:.1f} s"
    ends = [f"{_number(report.sent, 'mail')} sent"]
    ends += [f"{report.taken_over:,} taken over by a person"] if report.taken_over else []
    ends += [f"{report.handed_over:,} handed over after their drafts failed"] if report.handed_over else []
    rows: dict[str, Text | str] = {
        "Decisions": safe(f"{_listed(report.decisions) or 'none'}"),
        "Reviewers": safe(f"{_listed(report.reviewers) or 'nobody'}"),
        "Edits": safe(f"{report.edited:,}: {_listed(report.edits_by_field)}" if report.edited else "none"),
        "Ends": safe(", ".join(ends)),
        "Time": safe(", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds_by.items())),
        "Written by": safe(f"{_listed(report.drafted_by) or 'nobody'}; sorted by {report.sorted_by}"),
        "Mail": safe(f"{report.maildir}/new" if report.sent else "none was sent"),
    }
    parts: list[RenderableType] = [Text(head, "bold"), _gates(report), facts(rows)]
    if report.problems:
        parts += [
            Text(),
            Text("Something does not add up", "bold red"),
            *(safe(f"  {one}") for one in report.problems),
        ]
    if report.paused:
        parts.append(how_to_go_on(run))
    else:
        parts.append(_how_to_look(report, run))
    return Group(*parts)


def how_to_go_on(run: Run) -> RenderableType:
    """The commands for what is still paused."""
    workflow, factory = ("support-desk-strict", "strict_graph") if run.strict else ("support-desk", "graph")
    graph = f"hitl_graph.demo.graph:{factory}"
    lines = [
        _command(run, "inbox", "--work", "--graph", graph),
        _command(run, "list", "--workflow", workflow),
        _command(run, "show", "ID"),
        _command(run, "decide", "ID", "approve", "--graph", graph),
    ]
    return _lines("How to go on, in this or any other process", lines)


def _how_to_look(report: Report, run: Run) -> RenderableType:
    lines = []
    if report.example:
        lines.append(_command(run, "show", short_id(report.example["review"])))
        lines.append(_command(run, "list", "--status", "all", "--thread", report.example["thread"]))
    lines.append(_command(run, "inbox") + "     what was decided, how fast and by whom")
    return _lines("How to look at a thread that paused, and at all of it", lines)


def _lines(title: str, lines: list[str]) -> Group:
    return Group(Text(), Text(title, "bold"), *(Text(f"  {line}") for line in lines))


def _command(run: Run, *words: str) -> str:
    where = ["--db", run.url] if run.url and "@" not in run.url and "password" not in run.url else []
    if (tenant := checked_tenant(None)) != DEFAULT:
        where += ["--tenant", tenant]
    return shlex.join(["hitl-graph", *words, *where])


def _gates(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    table.add_column("Gate")
    for name in ("Judged", "Passed alone", "Asked"):
        table.add_column(name, justify="right")
    table.add_column("Why it asked", overflow="fold")
    for gate, judged in report.judged.items():
        passed, asked = report.passed.get(gate, 0), report.asked.get(gate, 0)
        share = f"{passed:,} ({passed / judged:.0%})" if passed else "-"
        table.add_row(gate, f"{judged:,}", share, f"{asked:,}", _listed(report.why.get(gate, {})) or "-")
    total = sum(report.judged.values())
    share = f"{report.proceeded:,} ({report.proceeded / total:.0%})" if total else "-"
    table.add_section()
    table.add_row("together", f"{total:,}", share, f"{report.reviews:,}", "", style="bold")
    return table


def _number(count: int, thing: str) -> str:
    return f"{count:,} {thing if count == 1 else f'{thing}s'}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
