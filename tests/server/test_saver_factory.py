"""`hitl_graph.checkpointers.server.checkpointer`, entered as a server enters it: once for each loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Desk
from hitl_graph.checkpointers import AsyncReviewSaver
from hitl_graph.checkpointers.server import checkpointer
from tests.support.graphs import mail_graph, thread


async def pause(name: str, sink: str) -> str:
    """A thread of its own, on the saver of this loop."""
    async with checkpointer() as saver:
        graph: Any = mail_graph().compile(checkpointer=saver)
        await graph.ainvoke({"ticket": "Where is my card?", "sink": sink}, thread(name))
        return type(saver).__name__


def test_each_loop_has_a_pool_of_its_own(
    db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four loops in four threads at once, all in the database that the environment names."""
    monkeypatch.setenv("HITL_DATABASE_URL", db_url)
    names = [f"t{number}" for number in range(4)]

    with concurrent.futures.ThreadPoolExecutor(4) as loops:
        kinds = list(loops.map(lambda name: asyncio.run(pause(name, str(tmp_path / name))), names))

    assert kinds == [AsyncReviewSaver.__name__] * 4
    with Desk(db_url) as desk:
        assert sorted(case.thread_id for case in desk.pending()) == names
