"""Fixtures for tests of graphs with gates: `pytest_plugins = ["hitl_graph.testing.fixtures"]` in the top conftest.py.

| fixture | gives |
|---|---|
| `hitl_db_url` | the URL of a fresh, migrated database, thrown away after the test |
| `hitl_checkpointer`, `hitl_async_checkpointer` | a saver on it |
| `hitl_desk`, `hitl_async_desk` | a desk on it |
| `hitl_clock` | a `FakeClock` on it, which stands still until the test moves it |
| `hitl_default_database` | the same URL, as what `open_checkpointer()` and `Desk()` use when nobody names one |
| `hitl_home` | a folder of the test's own as HITL_HOME, for tests that start processes |
| `hitl_databases` | the server of the whole run, shared by the workers of pytest-xdist |

Async fixtures run with pytest-asyncio, or with anyio's plugin where that is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hitl_graph.checkpointers import AsyncReviewSaver, ReviewSaver, open_checkpointer
from hitl_graph.desk import Desk
from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.clock import FakeClock
from hitl_graph.testing.databases import Databases, temporary_home

if TYPE_CHECKING:
    from pytest_asyncio import fixture as async_fixture

    from hitl_graph.desk.sync_desk import SyncDesk
else:
    try:
        from pytest_asyncio import fixture as async_fixture
    except ImportError:
        async_fixture = pytest.fixture

__all__ = [
    "hitl_async_checkpointer",
    "hitl_async_desk",
    "hitl_checkpointer",
    "hitl_clock",
    "hitl_databases",
    "hitl_db_url",
    "hitl_default_database",
    "hitl_desk",
    "hitl_home",
]


@pytest.fixture(scope="session")
def hitl_databases() -> Iterator[Databases]:
    """The server of this run, with a migrated template; started by the first test that needs a database."""
    with Databases(prepare=migrate) as databases:
        yield databases


@pytest.fixture
def hitl_db_url(hitl_databases: Databases) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with hitl_databases.fresh_database() as url:
        yield url


@pytest.fixture
def hitl_default_database(hitl_db_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the test's database, in HITL_DATABASE_URL: also for code and processes that name no database."""
    monkeypatch.setenv("HITL_DATABASE_URL", hitl_db_url)
    return hitl_db_url


@pytest.fixture
def hitl_clock(hitl_db_url: str) -> Iterator[FakeClock]:
    """A clock that stands still, for graphs in this process and for the test's database."""
    with FakeClock(hitl_db_url) as clock:
        yield clock


@pytest.fixture
def hitl_checkpointer(hitl_db_url: str, request: pytest.FixtureRequest) -> Iterator[ReviewSaver]:
    """A saver for `invoke`, on the test's database."""
    _clock_first(request)
    with open_checkpointer(hitl_db_url) as checkpointer:
        yield checkpointer


@async_fixture
async def hitl_async_checkpointer(
    hitl_db_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[AsyncReviewSaver]:
    """A saver for `ainvoke`, on the test's database."""
    _clock_first(request)
    async with open_checkpointer(hitl_db_url) as checkpointer:
        yield checkpointer


@pytest.fixture
def hitl_desk(hitl_db_url: str, request: pytest.FixtureRequest) -> Iterator[SyncDesk]:
    """A desk on the test's database."""
    _clock_first(request)
    with Desk(hitl_db_url) as desk:
        yield desk


@async_fixture
async def hitl_async_desk(hitl_db_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk on the test's database, for `await`."""
    _clock_first(request)
    async with Desk(hitl_db_url) as desk:
        yield desk


@pytest.fixture
def hitl_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A HITL_HOME of the test's own, which the processes that it starts inherit; no HITL_DATABASE_URL."""
    with temporary_home() as home:
        monkeypatch.setenv("HITL_HOME", str(home))
        monkeypatch.delenv("HITL_DATABASE_URL", raising=False)
        yield home


def _clock_first(request: pytest.FixtureRequest) -> None:
    """A connection that was opened before the clock would go on with the real time."""
    if "hitl_clock" in request.fixturenames:
        request.getfixturevalue("hitl_clock")
