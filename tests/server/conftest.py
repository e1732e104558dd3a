"""One `langgraph dev` server for all tests of this folder; each has a thread of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.testing.databases import Databases
from tests.server.dev_server import DevServer, Thread

Begin = Callable[..., Thread]
"""`begin("mail")`: a new thread of a served graph, run until it pauses."""


@pytest.fixture(scope="session")
def server_url(databases: Databases) -> Iterator[str]:
    """The database of the server."""
    with databases.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def server(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """The server, running."""
    server = DevServer(tmp_path_factory.mktemp("langgraph-dev"), server_url)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def desk(server_url: str) -> Iterator[SyncDesk]:
    """A desk in another process than the server."""
    with Desk(server_url) as desk:
        yield desk


@pytest.fixture(scope="session")
def begin(server: DevServer, desk: SyncDesk, tmp_path_factory: pytest.TempPathFactory) -> Begin:
    """Begins threads."""
    folder, numbers = tmp_path_factory.mktemp("sinks"), itertools.count()

    def begin(graph: str = "mail", given: Any = None) -> Thread:
        return Thread(server, desk, Path(folder, str(next(numbers))), graph, given)

    return begin
