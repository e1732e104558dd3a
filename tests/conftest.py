"""The fixtures that users get, under the names that the tests here call them by, and what many tests need."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_graph.testing.databases import Databases
from tests.support.commands import WIDTH, Command, Said, run
from tests.support.terminals import AtTerminal, OpenTerminal

pytest_plugins = ["hitl_graph.testing.fixtures"]


@pytest.fixture(scope="session")
def databases(hitl_databases: Databases) -> Databases:
    """The server of this run, shared by its workers, with a migrated template."""
    return hitl_databases


@pytest.fixture
def db_url(hitl_db_url: str) -> str:
    """The URL of a fresh, migrated database."""
    return hitl_db_url


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    """A file that counts acts, of whatever process: each writes a line (`tests.support.graphs`)."""
    return tmp_path / "sink"


@pytest.fixture
def hg(db_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Runs `hitl-graph` with these arguments on the test's database."""
    monkeypatch.setenv("HITL_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def command(*args: str) -> Said:
        return run(capsys, *args)

    yield command
    for number, handler in before.items():  # each command has set it
        signal.signal(number, handler)


@pytest.fixture
def terminal() -> Iterator[OpenTerminal]:
    """Starts commands on terminals, and leaves none behind."""
    opened: list[AtTerminal] = []

    def open_one(*args: Any, **env: Any) -> AtTerminal:
        opened.append(AtTerminal(*args, **env))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
