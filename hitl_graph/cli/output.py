"""How the commands print: tables for people, JSON for programs, and text from outside that cannot act."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hitl_graph.desk import Case
from hitl_graph.errors import AmbiguousReview, HitlError, StorageError
from hitl_graph.plain import plain_json, printable

__all__ = [
    "case_summary",
    "clock",
    "err",
    "explain",
    "facts",
    "installed_version",
    "one_line",
    "out",
    "print_json",
    "report_error",
    "safe",
    "short_id",
    "span",
    "value_text",
]

SHORT_ID = 8


def out() -> Console:
    """Stdout, as wide as it is now. Markup in what is printed is not read: text from outside may look like it."""
    return Console(markup=False, highlight=False, emoji=False)


def err() -> Console:
    """Stderr, for notices, questions and progress."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def safe(text: object, style: str = "") -> Text:
    """Text from outside: hidden and acting characters are written out, markup is shown as it stands."""
    return Text(printable(str(text)), style=style)


def one_line(text: object, style: str = "", *, most: int = 200) -> Text:
    """The same on one line, cut after `most` characters."""
    words = " ".join(printable(str(text)).split())
    return Text(words if len(words) <= most else words[: most - 1] + "…", style=style)


def value_text(value: Any) -> Text:
    """A JSON value as a person reads it: text as it is, names and values on lines, the rest as JSON."""
    if isinstance(value, dict) and value and not any(isinstance(v, (dict, list)) for v in value.values()):
        return Text("\n").join(Text.assemble(one_line(k), ": ", value_text(v)) for k, v in value.items())
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return safe(text.removesuffix("\n"))


def facts(rows: Mapping[str, Text | str]) -> Table:
    """Names on the left, what they are on the right."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def print_json(value: object) -> None:
    """JSON on stdout; every character beyond ASCII is escaped, so that none can act on a terminal."""
    sys.stdout.write(json.dumps(plain_json(value, "output"), indent=2) + "\n")
    sys.stdout.flush()


def case_summary(case: Case) -> dict[str, Any]:
    """A case as JSON without what it was asked with, which `show --json` has."""
    whole = {
        name: value for name, value in case.to_json().items() if name not in ("payload", "response_schema")
    }
    return {**whole, "allowed": list(case.allowed)}


def short_id(review_id: str) -> str:
    """The first characters of an id, which `show` and `decide` take as well."""
    return review_id[:SHORT_ID]


def span(seconds: float) -> str:
    """A length of time in one or two units: 40s, 3m, 2h 05m, 4d 3h."""
    minutes, rest = divmod(int(abs(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h {minutes:02}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{rest}s"


def clock(moment: dt.datetime | None) -> str:
    """A moment in this machine's time zone."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def explain(error: Exception) -> str | None:
    """What to tell about an error, or None when it is a mistake of ours that deserves its traceback."""
    if isinstance(error, AmbiguousReview):
        threads = ", ".join(error.thread_ids)
        return f"review {error.review_id} stands in the threads {threads}: name one by --thread"
    if isinstance(error, HitlError):
        return str(error)
    import psycopg  # after the fast commands

    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return "the connection string of the database cannot be read: give --db postgresql://user@host/name"
    if isinstance(error, psycopg.OperationalError):
        return f"the database cannot be used: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return None


def installed_version(name: str) -> str:
    """The version of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def report_error(error: Exception, text: str, *, as_json: bool) -> None:
    """One line on stderr, or `{"error": {"type", "message", ...}}`; only the storage may take more lines."""
    if as_json:
        told = {"type": type(error).__name__, "message": text}
        fields = {k: v for k, v in vars(error).items() if isinstance(v, (str, int)) and not k.startswith("_")}
        sys.stderr.write(json.dumps({"error": {**told, **fields}}) + "\n")
        return
    lines = (
        printable(text).splitlines()
        if isinstance(error, StorageError)
        else [" ".join(printable(text).split())]
    )
    sys.stderr.write("error: " + "\n  ".join(line for line in lines if line.strip()) + "\n")
