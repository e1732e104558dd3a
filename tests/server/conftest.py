"""One `langgraph dev` server for all tests of this folder; each has a thread of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_graph import Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.testing.databases import Databases
from tests.server.dev_server import DevServer, Thread

STOCK = 10
"""Threads that are begun at once: the server looks for new runs every half second only."""


class Begin:
    """`begin("mail")`: a thread of a served graph, run until it has paused."""

    def __init__(self, server: DevServer, desk: SyncDesk, folder: Path) -> None:
        self._server = server
        self._desk = desk
        self._folder = folder
        self._numbers = itertools.count()
        self._paused: dict[str, list[Thread]] = {}

    def __call__(self, graph: str = "mail") -> Thread:
        if not self._paused.get(graph):
            threads = [self.new(graph) for _ in range(STOCK if graph == "mail" else 3)]
            for thread, run_id in [(thread, thread.start()) for thread in threads]:
                thread.wait_for(run_id)
            self._paused[graph] = threads
        return self._paused[graph].pop()

    def new(self, graph: str) -> Thread:
        """A thread that has not run."""
        return Thread(self._server, self._desk, Path(self._folder, str(next(self._numbers))), graph)

    def known(self, source: Thread, thread_id: str) -> Thread:
        """A thread that somebody has made from another."""
        return Thread(self._server, self._desk, source.sink, source.graph, thread_id)


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
    return Begin(server, desk, tmp_path_factory.mktemp("sinks"))
