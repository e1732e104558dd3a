"""`make bench`: prints the table and writes results.json. Only figures of the same run may be compared."""

import argparse
import asyncio
import dataclasses
import json
import os
import platform
import sys
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import audit, in_process, inbox_browser, insights_page, on_postgres, queue_page
from benchmarks.measure import Figure

RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    """Run everything; `--quick` for a first look."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work; too little to judge by")
    share = 10 if parser.parse_args().quick else 1

    console = Console(width=None if sys.stdout.isatty() else 150)
    with console.status("measuring …") as status:
        figures: list[Figure] = []

        def keep(figure: Figure) -> None:
            figures.append(figure)
            status.update(f"measured {len(figures)}: {figure.measure}")

        for figure in in_process.gate_that_proceeds(300 // share):
            keep(figure)
        for figure in in_process.import_time(max(2, 10 // share)):
            keep(figure)
        with on_postgres.database():
            works = (
                on_postgres.one_at_a_time(300 // share),
                on_postgres.many_at_once(240 // share),
                queue_page.pages(max(10, 50 // share)),
                insights_page.pages(max(3, 20 // share)),
            )
            for work in works:
                for figure in asyncio.run(_all(work)):
                    keep(figure)
            for figure in inbox_browser.felt(max(5, 40 // share)):
                keep(figure)

        for figure in audit.sealed_and_verified(100_000 // share):
            keep(figure)

    console.print(table(figures))
    RESULTS.write_text(json.dumps({"machine": machine(), "figures": _json(figures)}, indent=2) + "\n")


def table(figures: list[Figure]) -> Table:
    """The figures for people."""
    out = Table(title="ours against stock LangGraph, same run")
    for name in ("measure", "n", "ours p50", "p99", "control p50", "unit", "ratio", "to reach", ""):
        out.add_column(name, justify="left" if name in ("measure", "unit", "to reach", "") else "right")
    for f in figures:
        tail = "" if f.p99 is None else f"{f.p99:.3g}"
        numbers = (f"{f.ours:.3g}", tail, f"{f.control:.3g}")
        out.add_row(
            f.measure, str(f.n), *numbers, f.unit, f"{f.ratio:.2f}", f.target, "" if f.met else "missed"
        )
    return out


def machine() -> dict[str, str | int | None]:
    """What the figures were taken on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        **{
            name: version(name)
            for name in ("hitl-graph", "langgraph", "langgraph-checkpoint-postgres", "psycopg")
        },
    }


async def _all(figures: AsyncIterator[Figure]) -> list[Figure]:
    return [figure async for figure in figures]


def _json(figures: list[Figure]) -> list[dict[str, object]]:
    return [
        {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in dataclasses.asdict(f).items()
        }
        for f in figures
    ]


if __name__ == "__main__":
    main()
