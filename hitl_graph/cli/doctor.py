"""`hitl-graph doctor`: whether everything is in order here, and what to do where it is not."""

from __future__ import annotations

import dataclasses
import enum
import os
import platform
from collections.abc import Iterator
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.findings_view import findings_view, told_as_json
from hitl_graph.cli.options import AsJson, Db
from hitl_graph.cli.output import explain, installed_version, one_line, out, print_json, safe, short_id, span
from hitl_graph.desk.findings import Finding

__all__ = ["doctor"]

LIBRARIES = (
    "hitl-graph",
    "langgraph",
    "langgraph-checkpoint",
    "langgraph-checkpoint-postgres",
    "langchain-core",
    "psycopg",
)
MINUTE_S = 60.0
"""What has stood still for so long is a finding."""
PATIENCE_S = 300.0
"""A decision that has not reached its thread after this time is a fault."""


class Verdict(enum.StrEnum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at; `fix` says what to do when it is wrong."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


_STYLE = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "bold red"}


def doctor(*, db: Db = None, as_json: AsJson = False) -> None:
    """Look at versions, home folder, database, tables and queue.

    Then for threads and cases that do not go on, each with its fix. Changes nothing; the embedded Postgres is started
    when it is the one to look at. Exit code 1 when something is wrong or needs a person. With --json: {"ok": ...,
    "checks": [{"name", "verdict", "found", "fix"}], "findings": [{"kind", "thread_id", "review_id", "since", "what",
    "fix", "needs_person"}]}.
    """
    checks = list(_checks(db))
    current = any(check.name == "tables" and check.verdict is Verdict.OK for check in checks)
    findings = _findings(db) if current else []
    wrong = [check for check in checks if check.verdict is Verdict.WRONG]
    needing = [finding for finding in findings if finding.needs_person]
    if as_json:
        told = [told_as_json(finding) for finding in findings]
        print_json({"ok": not (wrong or needing), "checks": checks, "findings": told})
    else:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for check in checks:
            found = safe(check.found)
            if check.fix:
                found.append("\n→ ").append_text(safe(check.fix))
            table.add_row(safe(check.verdict.value, _STYLE[check.verdict]), check.name, found)
        out().print(table)
        for section in findings_view(findings):
            out().print(section)
        out().print()
        out().print(_verdict(len(wrong), len(needing), len(findings) - len(needing)))
    if wrong or needing:
        raise typer.Exit(1)


def _verdict(wrong: int, needing: int, rest: int) -> Text:
    """All of it in a sentence."""
    said = []
    if wrong:
        said.append(f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong")
    if needing:
        said.append(f"{needing} need{'s' if needing == 1 else ''} a person")
    if rest:
        said.append(f"{rest} can wait or mend{'s' if rest == 1 else ''} without one")
    style = "bold red" if wrong or needing else "yellow" if rest else "green"
    return one_line(", ".join(said) + "." if said else "All is in order.", style)


def _findings(db: str | None) -> list[Finding]:
    """What the reconciler finds."""
    from hitl_graph.desk import Desk

    with Desk(db) as desk:
        return desk.findings(patience_s=MINUTE_S)


def _checks(db: str | None) -> Iterator[Check]:
    yield Check(
        "python", Verdict.OK, f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    yield Check("libraries", Verdict.OK, ", ".join(f"{name} {installed_version(name)}" for name in LIBRARIES))
    yield _strict()
    named = db or os.environ.get("HITL_DATABASE_URL")
    yield _home(needed=not named)
    try:
        yield from _database(named)
    except Exception as error:
        text = explain(error)
        if text is None:
            raise
        fix = "see that the server runs and that the URL is right: --db, HITL_DATABASE_URL"
        yield Check(
            "database",
            Verdict.WRONG,
            text,
            fix if named else "read the log that is named above, or name a server by --db",
        )


def _strict() -> Check:
    """Whether the savers' serialiser brings a foreign type back as plain data, tried on one."""
    import logging

    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from hitl_graph.checkpointers.serde import strict_serde

    probe = Check("probe", Verdict.OK, "")
    logger = logging.getLogger("langgraph.checkpoint.serde.jsonplus")
    was, logger.disabled = logger.disabled, True  # it warns of what is tried here on purpose
    try:
        loaded = strict_serde().loads_typed(JsonPlusSerializer().dumps_typed(probe))
    finally:
        logger.disabled = was
    if isinstance(loaded, Check):
        fix = "install the versions of langgraph-checkpoint that hitl-graph asks for"
        return Check(
            "deserialising", Verdict.WRONG, "a checkpoint row can load any type and run its code", fix
        )
    return Check("deserialising", Verdict.OK, "strict: a checkpoint row loads data and runs nothing")


def _home(*, needed: bool) -> Check:
    from hitl_graph.storage.embedded import hitl_home

    home = hitl_home()
    if not needed:
        return Check("home", Verdict.OK, f"{home}, not used: a server is named")
    rooms = home / "postgres"
    if not rooms.exists():
        return Check(
            "home", Verdict.NOTE, f"{home} is not there yet; it is made now, by the check of the database"
        )
    mode = rooms.stat().st_mode & 0o777
    if mode & 0o077:
        return Check(
            "home", Verdict.WRONG, f"{rooms} is open to other users ({mode:04o})", f"chmod 700 {rooms}"
        )
    return Check("home", Verdict.OK, f"{home}, closed to other users ({mode:04o})")


def _database(named: str | None) -> Iterator[Check]:
    import psycopg
    from psycopg.rows import dict_row

    from hitl_graph.storage.embedded import database_url
    from hitl_graph.storage.migrate import migrations
    from hitl_graph.storage.tenants import checked_tenant

    with psycopg.connect(
        database_url(named), autocommit=True, connect_timeout=10, row_factory=dict_row
    ) as conn:
        server = f"Postgres {conn.info.parameter_status('server_version')}"
        where = _without_password(conn) if named else "embedded, on a socket of its own"
        yield Check("database", Verdict.OK, f"{server}, {where}")
        newest, version = max(migrations()), 0
        if _one(conn, "SELECT to_regclass('hitl.migrations') IS NOT NULL AS there")["there"]:
            version = _one(conn, "SELECT coalesce(max(version), 0) AS version FROM hitl.migrations")[
                "version"
            ]
        if version > newest:
            found = f"at version {version}, and this library knows {newest}"
            yield Check("tables", Verdict.WRONG, found, "install the newer hitl-graph")
            return
        if version < newest:
            found = (
                f"at version {version} of {newest}; the next use of the desk or of a saver brings them there"
            )
            yield Check("tables", Verdict.NOTE, found)
            return
        yield Check("tables", Verdict.OK, f"current (version {version})")
        conn.execute("SELECT hitl.enter(%s)", [checked_tenant(None)])
        yield from _queue(conn)


def _without_password(conn: Any) -> str:
    return f"postgresql://{conn.info.user}@{conn.info.host}:{conn.info.port}/{conn.info.dbname}"


def _queue(conn: Any) -> Iterator[Check]:
    """What stands in the tenant's queue, and what stands still."""
    rows = conn.execute(
        "SELECT status, count(*) AS cases FROM hitl_tenant.reviews GROUP BY status ORDER BY status"
    ).fetchall()
    counts = {row["status"]: row["cases"] for row in rows}
    found = ", ".join(f"{count:,} {status}" for status, count in counts.items()) or "no reviews yet"
    yield Check("reviews", Verdict.OK, found)
    if counts.get("pending"):
        old = _one(
            conn,
            "SELECT id, owner, extract(epoch FROM now() - asked_at)::float8 AS age, "
            "(SELECT count(*) FROM hitl_tenant.reviews WHERE status = 'pending' AND due_at < now()) AS late "
            "FROM hitl_tenant.reviews WHERE status = 'pending' ORDER BY seq LIMIT 1",
        )
        who = old["owner"] or "nobody in particular"
        found = f"oldest {short_id(old['id'])}, waiting {span(old['age'])} for {who}"
        late = f"; {old['late']:,} past their time" if old["late"] else ""
        verdict = Verdict.NOTE if late else Verdict.OK
        yield Check("waiting", verdict, found + late, "hitl-graph list" if late else "")
    yield from _standing_still(conn)


def _standing_still(conn: Any) -> Iterator[Check]:
    decided = conn.execute(
        "SELECT r.thread_id, r.workflow, extract(epoch FROM now() - d.decided_at)::float8 AS age "
        "FROM hitl_tenant.reviews r JOIN hitl_tenant.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id "
        "WHERE r.status = 'decided' ORDER BY d.decided_at"
    ).fetchall()
    if decided:
        oldest = decided[0]
        age = span(oldest["age"])
        found = f"{len(decided):,} not told to their threads yet; thread {oldest['thread_id']} for {age}"
        verdict = Verdict.WRONG if oldest["age"] > PATIENCE_S else Verdict.NOTE
        graph = f" (workflow {oldest['workflow']})" if oldest["workflow"] else ""
        yield Check(
            "decisions",
            verdict,
            found,
            f"hitl-graph resume MODULE:ATTRIBUTE, with the graph of the threads{graph}",
        )
    else:
        yield Check("decisions", Verdict.OK, "each has reached its thread")
    runs = conn.execute(
        "SELECT thread_id, extract(epoch FROM now() - started_at)::float8 AS age FROM hitl_tenant.runs "
        "WHERE holder IS NOT NULL ORDER BY started_at"
    ).fetchall()
    if runs:
        oldest = runs[0]
        found = f"{len(runs):,} {'threads are' if len(runs) > 1 else 'thread is'} being run; "
        found += f"thread {oldest['thread_id']} since {span(oldest['age'])}"
        yield Check("runs", Verdict.OK, found)


def _one(conn: Any, sql: str) -> dict[str, Any]:
    row: dict[str, Any] = conn.execute(sql).fetchone()
    return row
