"""The main job on real customer messages: the demo on BANKING77's test questions, looked at from outside.

Every sixteenth of the 3,080 questions, which is two or three of each of the 77 kinds; with `HITL_FULL=1` all of
them, which takes about two minutes on two cores.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest

from hitl_graph import open_checkpointer
from hitl_graph.demo.graph import build_support_desk
from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import Databases

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT.parent / "shared" / "data" / "banking77" / "test.csv"
EVERY = 1 if os.environ.get("HITL_FULL") else 16

pytestmark = [
    pytest.mark.skipif(not QUESTIONS.exists(), reason="shared data absent"),
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("banking77"),
]


class Run(NamedTuple):
    """What the command printed, and where everything it did is stored."""

    report: dict[str, Any]
    threads: list[str]
    url: str
    maildir: Path


@pytest.fixture(scope="module")
def run(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run of the command, in a process of its own and without a terminal."""
    folder = tmp_path_factory.mktemp("banking77")
    with QUESTIONS.open(encoding="utf-8", newline="") as source:
        header, *rows = csv.reader(source)
    asked = rows[::EVERY]
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as part:
        csv.writer(part).writerows([header, *asked])
    with databases.fresh_database() as url:
        migrate(url)
        options = [
            "--input",
            folder / "in.csv",
            "--reviewer",
            "scripted",
            "--maildir",
            folder / "mail",
            "--json",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "hitl_graph", "demo", *map(str, options), "--db", url],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": ""},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        threads = [f"demo-{report['run']}-{row}" for row in range(1, len(asked) + 1)]
        yield Run(report, threads, url, folder / "mail")


def rows(run: Run, query: LiteralString) -> list[tuple[Any, ...]]:
    """The answer of the database to a query."""
    with psycopg.connect(run.url) as conn:
        return conn.execute(query).fetchall()


@pytest.fixture(scope="module")
def states(run: Run) -> dict[str, dict[str, Any]]:
    """The stored state of every thread."""

    async def load() -> dict[str, dict[str, Any]]:
        async with open_checkpointer(run.url) as checkpointer:
            graph = build_support_desk(checkpointer)
            found = {}
            for thread in run.threads:
                snapshot = await graph.aget_state({"configurable": {"thread_id": thread}})
                assert snapshot.next == (), f"{thread} has not ended"
                found[thread] = snapshot.values
            return found

    return asyncio.run(load())


def test_every_message_ends_and_the_counts_add_up(run: Run) -> None:
    """The figures of the report fit each other."""
    report = run.report

    assert report["problems"] == []
    assert report["messages"] == report["finished"] == len(run.threads)
    assert (report["paused"], report["failed"]) == (0, 0)
    assert report["finished"] == report["sent"] + report["taken_over"] + report["handed_over"]
    assert report["proceeded"] == sum(report["passed"].values())
    assert report["judged"] == {
        gate: report["asked"].get(gate, 0) + report["passed"].get(gate, 0) for gate in report["judged"]
    }
    assert report["judged"]["triage"] == report["messages"]
    assert sum(report["asked"].values()) == sum(report["decisions"].values()) == report["reviews"]
    assert report["edited"] == report["decisions"]["edit"]


def test_all_three_gates_had_work(run: Run) -> None:
    """Real messages pass and are asked about at the first two gates; each letter is read at the third."""
    report = run.report

    assert set(report["asked"]) == {"triage", "escalation", "reply"}
    assert set(report["passed"]) == {"triage", "escalation"}
    assert {"approve", "edit", "reject", "choose", "take_over"} <= set(report["decisions"])


def test_every_pause_has_exactly_one_review_and_ends(run: Run) -> None:
    """As many reviews as interrupts, each asked once, decided once and applied once; none is left over."""
    [(reviews,)] = rows(run, "SELECT count(*) FROM hitl.reviews")
    told = dict(rows(run, "SELECT type, count(*) FROM hitl.events GROUP BY type"))
    of_cases = ("asked", "decided", "applied", "failed", "superseded", "changed", "reopened")
    events = {kind: count for kind, count in told.items() if kind in of_cases}
    twice = rows(run, "SELECT id FROM hitl.reviews GROUP BY id HAVING count(*) > 1")
    paused = rows(
        run,
        "SELECT count(*) FROM (SELECT DISTINCT thread_id, checkpoint_id, task_id FROM checkpoint_writes "
        "WHERE channel = '__interrupt__') AS pauses",
    )

    assert rows(run, "SELECT status, count(*) FROM hitl.reviews GROUP BY status") == [("applied", reviews)]
    assert events == {"asked": reviews, "decided": reviews, "applied": reviews}
    assert twice == []
    assert paused == [(reviews,)]
    assert reviews == run.report["reviews"]


def test_the_states_hold_a_record_of_every_decision(run: Run, states: dict[str, dict[str, Any]]) -> None:
    """What the threads say was decided is what the desk says, review by review."""
    told = {
        (thread, record["review"]): (record["decision"], record["by"])
        for thread, state in states.items()
        for record in state["reviews"]
    }

    decided = rows(run, "SELECT thread_id, review_id, type, by FROM hitl.decisions")

    assert told == {(thread, review): (kind, by) for thread, review, kind, by in decided}


def test_edits_stand_in_the_states_beside_what_was_proposed(
    run: Run, states: dict[str, dict[str, Any]]
) -> None:
    """Proposed and final differ in the fields that the patch names; the edited mail is in the state."""
    edits = [
        (state, record)
        for state in states.values()
        for record in state["reviews"]
        if record["decision"] == "edit"
    ]
    fields: Counter[str] = Counter()
    for state, record in edits:
        changed = {name for name in record["final"] if record["final"][name] != record["proposed"][name]}
        assert changed == {change["path"].removeprefix("/") for change in record["patch"]}
        assert state["email"] == record["final"]
        fields.update(changed)

    assert len(edits) == run.report["edited"] > 0
    assert dict(fields) == run.report["edits_by_field"]


def test_the_mails_are_those_that_were_approved(run: Run, states: dict[str, dict[str, Any]]) -> None:
    """One file for each mail that a state says was sent, under its review's id, and no other."""
    sent = {state["effects"][0]["key"] for state in states.values() if state.get("effects")}
    approved = {
        record["review"]
        for state in states.values()
        for record in state["reviews"]
        if record["gate"] == "reply" and record["outcome"] == "approved"
    }

    files = sorted((run.maildir / "new").iterdir())

    assert sent == approved
    assert len(files) == len(sent) == run.report["sent"]
    assert all(any(key in file.name for file in files) for key in list(sent)[:50])
