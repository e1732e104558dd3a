"""`hitl-graph boundary` and `doctor`, and the command as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.integration.pausing import cut_off, only_case, pause
from tests.support.commands import Command, Said

ROOT = Path(__file__).parents[2]


# --- boundary ----------------------------------------------------------------------------------


def test_a_safe_graph_passes_and_is_mapped(hg: Command) -> None:
    """The map names gates and effects; the exit code says that nothing slips past."""
    said = hg("boundary", "hitl_graph.demo.graph:graph")

    assert said.code == 0
    for part in (
        "triage",
        "escalation",
        "reply",
        "cannot be undone",
        "Nothing irreversible is reached without a gate",
    ):
        assert part in said.out


def test_a_bypass_is_refused_with_the_way_there(hg: Command, own_graph: str) -> None:
    """Exit code 1, and the path to the effect on stderr."""
    said = hg("boundary", f"{own_graph}:bypass", "--check")

    assert (said.code, said.out) == (1, "")
    assert "pay" in said.err


@pytest.mark.parametrize(
    ("form", "sign"), [("--markdown", "| Node |"), ("--mermaid", "flowchart TD"), ("--json", '"nodes"')]
)
def test_the_map_is_printed_in_the_form_that_is_asked_for(hg: Command, form: str, sign: str) -> None:
    """Each form alone on stdout, so that it can be written to a file."""
    said = hg("boundary", "hitl_graph.demo.graph:graph", form)

    assert (said.code, said.err) == (0, "")
    assert sign in said.out


def test_the_strict_desk_passes_the_strict_check_and_the_plain_one_does_not(hg: Command) -> None:
    """In strict mode every gate asks about everything."""
    plain = hg("boundary", "hitl_graph.demo.graph:graph", "--strict", "--check")
    strict = hg("boundary", "hitl_graph.demo.graph:strict_graph", "--strict", "--check")

    assert strict.code == 0, strict.err
    assert plain.code == 1


# --- doctor ------------------------------------------------------------------------------------


def checks(said: Said) -> dict[str, dict[str, str]]:
    """What the doctor found, by the check's name."""
    return {check["name"]: check for check in said.json["checks"]}


def test_a_healthy_desk_is_in_order(hg: Command, db_url: str, sink: Path) -> None:
    """Versions, strict loading, database, tables and queue are all looked at."""
    pause(db_url, sink, "t1")

    said = hg("doctor", "--json")

    found = checks(said)
    assert (said.code, said.json["ok"]) == (0, True)
    assert {check["verdict"] for check in found.values()} == {"ok"}
    assert "langgraph" in found["libraries"]["found"]
    assert "1 pending" in found["reviews"]["found"]
    assert only_case(db_url).id[:8] in found["waiting"]["found"]


def test_a_server_that_is_not_there_is_told_without_the_password(hg: Command) -> None:
    """Exit code 1, what to do, and no secret on any stream."""
    said = hg("doctor", "--db", "postgresql://ana:secret@127.0.0.1:1/nix")

    assert said.code == 1
    assert "wrong database" in cut_off(said.out)
    assert "secret" not in said.out + said.err


@pytest.mark.parametrize("command", ["list", "show x", "decide x approve", "doctor"])
@pytest.mark.parametrize(
    "url", ["postgresql://ana:secret@127.0.0.1:1/nix", "host=127.0.0.1 password=secret nix"]
)
def test_no_command_tells_a_password(hg: Command, command: str, url: str) -> None:
    """Whatever is wrong with the connection string, its password stays out of the error."""
    said = hg(*command.split(), "--db", url)

    assert said.code == 1
    assert "secret" not in said.out + said.err


def test_tables_of_a_newer_library_are_wrong(hg: Command, db_url: str) -> None:
    """An old library does not touch them."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("INSERT INTO hitl.migrations (version, name) VALUES (999, 'later')")

    said = hg("doctor", "--json")

    assert said.code == 1
    assert "999" in checks(said)["tables"]["found"]
    assert checks(said)["tables"]["fix"]


def test_a_decision_that_does_not_arrive_is_wrong_after_a_while(hg: Command, db_url: str, sink: Path) -> None:
    """At first it is a note; after five minutes of the database's clock it is a fault, with the command."""
    pause(db_url, sink, "t1")
    hg("decide", only_case(db_url).id, "approve")

    soon = hg("doctor", "--json")
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.decisions SET decided_at = decided_at - interval '1 hour'")
    late = hg("doctor", "--json")

    assert (soon.code, checks(soon)["decisions"]["verdict"]) == (0, "note")
    assert (late.code, checks(late)["decisions"]["verdict"]) == (1, "wrong")
    assert "hitl-graph resume" in checks(late)["decisions"]["fix"]


def test_a_thread_that_stands_still_is_named_with_its_error(hg: Command, db_url: str, sink: Path) -> None:
    """The failed thread, what it raised, and the command that hands it the decision again."""
    pause(db_url, sink, "t1")
    review = only_case(db_url).id
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.reviews SET status = 'failed', error = 'boom'")

    said = hg("doctor", "--json")

    [finding] = said.json["findings"]
    assert said.code == 1
    assert (finding["kind"], finding["review_id"]) == ("failed", review)
    assert "boom" in finding["what"]
    assert finding["fix"].startswith("hitl-graph repair t1 --retry")


# --- the process -------------------------------------------------------------------------------


def test_the_module_is_the_command() -> None:
    """`python -m hitl_graph` is `hitl-graph`."""
    done = subprocess.run(
        [sys.executable, "-m", "hitl_graph", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("hitl-graph ")


def test_every_command_says_what_it_does(hg: Command) -> None:
    """The overview names each command, and each has a help of its own."""
    overview = hg("--help").out

    for command in ("demo", "list", "show", "decide", "resume", "boundary", "doctor"):
        assert f"  {command} " in overview
        assert hg(command, "--help").code == 0
