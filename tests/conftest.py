"""The fixtures that users get, under the names that the tests here call them by."""

import pytest

from hitl_graph.testing.databases import Databases

pytest_plugins = ["hitl_graph.testing.fixtures"]


@pytest.fixture(scope="session")
def databases(hitl_databases: Databases) -> Databases:
    """The server of this run, shared by its workers, with a migrated template."""
    return hitl_databases


@pytest.fixture
def db_url(hitl_db_url: str) -> str:
    """The URL of a fresh, migrated database."""
    return hitl_db_url
