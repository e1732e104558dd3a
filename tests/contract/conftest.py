"""Savers, graphs and a ledger on one database for each worker: threads are told apart by their names."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from hitl_graph import open_checkpointer
from hitl_graph.checkpointers import AsyncReviewSaver, ReviewSaver
from hitl_graph.testing.databases import Databases

pytest.register_assert_rewrite("tests.contract.driver", "tests.contract.ledger")

from .driver import Mode, Run  # noqa: E402  # after the line that makes their asserts tell what they saw
from .graphs import Shape  # noqa: E402  # the same
from .ledger import Ledger  # noqa: E402  # the same


@pytest.fixture(scope="session")
def shared_url(databases: Databases) -> Iterator[str]:
    """A database that the tests of this worker share."""
    with databases.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def ledger(shared_url: str) -> Iterator[Ledger]:
    """What the shared database holds."""
    with psycopg.connect(shared_url, autocommit=True) as conn:
        yield Ledger(conn)


@pytest.fixture(scope="session")
def sync_saver(shared_url: str) -> Iterator[ReviewSaver]:
    """One sync saver on the shared database."""
    with open_checkpointer(shared_url) as saver:
        yield saver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def async_saver(shared_url: str) -> AsyncIterator[AsyncReviewSaver]:
    """One async saver on the shared database; it lives on the session's loop."""
    async with open_checkpointer(shared_url) as saver:
        yield saver


Start = Callable[[Shape, Mode], Run]


@pytest.fixture(scope="session")
def new_run(sync_saver: ReviewSaver, async_saver: AsyncReviewSaver, ledger: Ledger) -> Start:
    """Gives a new thread of a shape in a mode; a shape is compiled once for each saver."""

    @functools.cache
    def compiled(shape: Shape, is_async: bool) -> Any:
        return shape.compile(async_saver if is_async else sync_saver)

    return lambda shape, mode: Run(compiled(shape, mode.is_async), mode, ledger)
