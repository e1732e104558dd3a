"""One saver and one desk for the tests of a module; each test has threads of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_graph import Desk, open_checkpointer
from hitl_graph.testing.databases import Databases
from tests.clients.graphs import Orders


@pytest.fixture(scope="module")
def orders(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orders]:
    """Where orders are paused."""
    folder: Path = tmp_path_factory.mktemp("orders")
    with (
        databases.fresh_database() as url,
        open_checkpointer(url) as checkpointer,
        Desk(url) as desk,
    ):
        yield Orders(checkpointer, desk, folder)
