"""What several of these files run on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph import open_checkpointer
from tests.upstream.running import Run


@pytest_asyncio.fixture(params=["memory-sync", "memory-async", "postgres-sync", "postgres-async"])
async def run(request: pytest.FixtureRequest) -> AsyncIterator[Run]:
    """A thread on each saver."""
    where, mode = request.param.split("-")
    if where == "memory":
        yield Run(InMemorySaver(), mode == "async")
    elif mode == "async":
        async with open_checkpointer(request.getfixturevalue("db_url")) as saver:
            yield Run(saver, is_async=True)
    else:
        with open_checkpointer(request.getfixturevalue("db_url")) as saver:
            yield Run(saver, is_async=False)
