"""Fixtures for every test: fresh databases on one throwaway server, and homes for tests with processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import Databases, temporary_home


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The server of this run, shared by its workers, with a migrated template."""
    with Databases(prepare=migrate) as databases:
        yield databases


@pytest.fixture
def db_url(databases: Databases) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with databases.fresh_database() as url:
        yield url


@pytest.fixture
def hitl_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A HITL_HOME of this test's own, which the processes it starts inherit."""
    with temporary_home() as home:
        monkeypatch.setenv("HITL_HOME", str(home))
        monkeypatch.delenv("HITL_DATABASE_URL", raising=False)
        yield home
