"""Processes to be killed, and people who finish what they left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Desk, open_checkpointer

from .children import Children
from .evidence import Evidence, gather
from .graphs import letters, request, thread
from .sink import Sink


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    """A process that forks those that are killed."""
    found = Children()
    yield found
    found.close()


@pytest.fixture
def sink(tmp_path: Path) -> Sink:
    """A target that counts, and honours keys."""
    return Sink(tmp_path / "sink")


@pytest.fixture
def plain_sink(tmp_path: Path) -> Sink:
    """A target that counts, and acts as often as it is asked."""
    return Sink(tmp_path / "sink", idempotent=False)


@pytest.fixture
def paused(db_url: str) -> Callable[..., None]:
    """Starts threads to their pauses."""

    def start(sink: Sink, *names: str, **graph: Any) -> None:
        with open_checkpointer(db_url, max_size=4) as saver:
            built = letters(idempotent=sink.idempotent, **graph).compile(checkpointer=saver)
            for number, name in enumerate(names or ("t0",)):
                built.invoke(request(sink.path, number), thread(name), durability="exit")

    return start


@pytest.fixture
def finished(db_url: str) -> Callable[..., Evidence]:
    """Lets another process finish everything: approves what waits, resumes, and reads what came of these threads."""

    def finish(sink: Sink, *threads: str, url: str = db_url, **graph: Any) -> Evidence:
        with open_checkpointer(url, max_size=4) as saver, Desk(url, max_size=4) as desk:
            built = letters(idempotent=sink.idempotent, **graph).compile(checkpointer=saver)
            for case in desk.pending():
                desk.decide(case.id, Approve(), by="bob", digest=case.digest, thread_id=case.thread_id)
            desk.resume(built)
        return gather(url, sink, threads=threads or None)

    return finish
