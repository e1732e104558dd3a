"""Many threads, racing reviewers, two worker processes: one is killed, then the server goes away, and nobody helps.

`HITL_FULL=1` runs the whole of it: 200 threads of three gates, and an outage of 60 s.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.errors import DecisionConflict
from tests.workers.processes import WorkerProcess

from .checker import check
from .evidence import gather
from .graphs import letters, request, thread
from .history import History
from .server import PrivateServer, private_server
from .sink import Sink

FULL = bool(os.environ.get("HITL_FULL"))
THREADS = 200 if FULL else 10
AWAY_S = 60.0 if FULL else 3.0
LONGEST_S = 900.0 if FULL else 90.0
WORKER = "three=tests.faults.served:three"


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with private_server() as server:
        yield server


async def start(url: str, sink: Sink) -> list[str]:
    """Threads that wait at three gates each."""
    names = [f"t{number}" for number in range(THREADS)]
    slots = asyncio.Semaphore(8)
    async with open_checkpointer(url, max_size=8) as saver:
        graph = letters(3).compile(checkpointer=saver, name="three")

        async def one(number: int, name: str) -> None:
            async with slots:
                where = {**thread(name), "metadata": {"workflow": "three"}}
                await graph.ainvoke(request(sink.path, number), where, durability="exit")

        await asyncio.gather(*(one(number, name) for number, name in enumerate(names)))
    return names


async def answer(url: str, history: History, when: Callable[[int], Any]) -> list[Any]:
    """Two reviewers answer every case at the same time; `when` is told how many have been answered."""
    async with Desk(url, max_size=6) as ana, Desk(url, max_size=6) as ben:
        cases = [case for page in [await ana.pending(limit=1000)] for case in page]
        slots, answered = asyncio.Semaphore(12), [0]

        async def one(desk: Desk, by: str, case: Any) -> Any:
            async with slots:
                while True:
                    key = f"{by} {case.thread_id} {case.id}"
                    with history.op(by, "decide", thread=case.thread_id, review=case.id, key=key) as told:
                        await desk.decide(
                            case.id,
                            Approve(),
                            by=by,
                            digest=case.digest,
                            thread_id=case.thread_id,
                            idempotency_key=key,
                        )
                    if (
                        told["outcome"] != "unknown"
                    ):  # a person whose page shows an error presses the button again
                        answered[0] += 1
                        await when(answered[0])
                        return told
                    await asyncio.sleep(0.2)

        return await asyncio.gather(*(one(d, by, c) for c in cases for d, by in ((ana, "ana"), (ben, "ben"))))


def settled(url: str, sink: Sink, names: list[str]) -> None:
    """Wait until every thread has come to its end, and look at everything."""
    end = time.monotonic() + LONGEST_S
    with open_checkpointer(url, max_size=2) as saver:
        graph = letters(3).compile(checkpointer=saver, name="three")
        left = list(names)
        while left:
            assert time.monotonic() < end, f"not finished: {left[:5]} of {len(left)}"
            left = [name for name in left if graph.get_state(thread(name)).values.get("ended") != ["end"]]
            time.sleep(0.1)
    while any(row["holder"] for row in gather(url).runs):
        assert time.monotonic() < end, "a run is not finished"
        time.sleep(0.05)


@pytest.mark.timeout(LONGEST_S + AWAY_S + 120)
async def test_racing_reviewers_and_a_killed_worker(db_url: str, tmp_path: Path) -> None:
    """Three gates each, answered twice: half accepted, half refused, each effect once, all finished (I1, I2, I6)."""
    sink, history = Sink(tmp_path / "sink"), History()
    names = await start(db_url, sink)
    with (
        WorkerProcess(db_url, WORKER, options=("--stalled", "2")).ready() as first,
        WorkerProcess(db_url, WORKER, options=("--stalled", "2")).ready(),
    ):

        async def kill_in_the_middle(answered: int) -> None:
            if answered == 3 * THREADS:
                first.send(signal.SIGKILL)

        told = await answer(db_url, history, kill_in_the_middle)
        await asyncio.to_thread(settled, db_url, sink, names)

    accepted = [one for one in told if one["outcome"] == "ok"]
    refused = [one for one in told if one["error"] == DecisionConflict.__name__]
    assert (len(accepted), len(refused)) == (3 * THREADS, 3 * THREADS)
    assert set(sink.counts().values()) == {1}
    assert len(sink.acts()) == 3 * THREADS
    assert check(gather(db_url, sink, history)) == []


@pytest.mark.timeout(LONGEST_S + AWAY_S + 120)
async def test_an_outage_under_load(server: PrivateServer, tmp_path: Path) -> None:
    """The server goes away in the middle and comes back: reviewers press again, and no worker needs a person (I6)."""
    sink, history = Sink(tmp_path / "sink"), History()
    names = await start(server.url, sink)
    with (
        WorkerProcess(server.url, WORKER).ready() as first,
        WorkerProcess(server.url, WORKER).ready() as second,
    ):

        async def outage_in_the_middle(answered: int) -> None:
            if answered == 3 * THREADS:
                await asyncio.to_thread(server.stop, how="fast")
                await asyncio.sleep(AWAY_S)
                await asyncio.to_thread(server.start)

        await answer(server.url, history, outage_in_the_middle)
        await asyncio.to_thread(settled, server.url, sink, names)
        assert (first.process.poll(), second.process.poll()) == (None, None)

    assert set(sink.counts().values()) == {1}
    assert len(sink.acts()) == 3 * THREADS
    assert check(gather(server.url, sink, history)) == []
