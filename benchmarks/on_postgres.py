"""What a thread costs that pauses and goes on: our saver and gate against the stock saver and `interrupt`."""

import asyncio
import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.graphs import TICKET, gated, stock
from benchmarks.measure import Figure, latency, rate
from hitl_graph import open_checkpointer
from hitl_graph.storage.embedded import embedded_url
from hitl_graph.testing.databases import temporary_home

POOL = 16
DURABILITIES: tuple[Literal["sync", "async", "exit"], ...] = ("sync", "async", "exit")
SIZES = (1, 4, 16)

Durability = Literal["sync", "async", "exit"]
_numbers = itertools.count()


async def one_at_a_time(threads: int) -> AsyncIterator[Figure]:
    """Pause and resume, one thread after the other, in turns with the control."""
    async with _both() as (ours, control):
        for durability in DURABILITIES:
            times: dict[int, list[float]] = {0: [], 1: []}
            for number in range(threads + 5):
                for side, graph in enumerate((ours, control)):
                    took = await _pause_and_resume(graph, durability)
                    if number >= 5:  # connections and plans are warm
                        times[side].append(took)
            yield latency(f"pause and resume, {durability}", times[0], times[1], at_most=1.10)


async def many_at_once(threads: int) -> AsyncIterator[Figure]:
    """Threads paused and resumed per second, at three degrees of concurrency, with pools of the same size."""
    async with _both() as (ours, control):
        for durability in DURABILITIES:
            for size in SIZES:
                rates = {0: 0.0, 1: 0.0}
                for _ in range(2):  # the better of two, taken in turns
                    for side, graph in enumerate((ours, control)):
                        rates[side] = max(rates[side], await _per_second(graph, durability, size, threads))
                target = 1.5 if size == POOL else 0.9
                name = f"threads paused and resumed, {size} at once, {durability}"
                yield rate(name, rates[0], rates[1], at_least=target, n=threads)


@contextlib.contextmanager
def database() -> Iterator[None]:
    """An embedded server on the disk, as durable as for users; gone at the end."""
    os.environ.setdefault("TMPDIR", tempfile.gettempdir())
    with temporary_home() as home:
        os.environ["HITL_HOME"] = str(home)
        yield


@contextlib.asynccontextmanager
async def _both() -> AsyncIterator[tuple[Any, Any]]:
    """Our compiled graph and the control, each on a database of its own."""
    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: Any = AsyncConnectionPool(_new_database(), min_size=1, max_size=POOL, kwargs=kwargs, open=False)
    async with open_checkpointer(_new_database(), max_size=POOL) as ours, pool:
        control = AsyncPostgresSaver(pool)
        await control.setup()
        yield (
            gated().compile(checkpointer=ours, name="bench"),
            stock().compile(checkpointer=control, name="bench"),
        )


def _new_database() -> str:
    url = embedded_url()
    name = f"bench_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return url.replace("/hitl?", f"/{name}?")


async def _pause_and_resume(graph: Any, durability: Durability) -> float:
    config = {"configurable": {"thread_id": f"t{next(_numbers)}"}}
    start = time.perf_counter()
    paused = await graph.ainvoke({"ticket": TICKET}, config, durability=durability)
    [asked] = paused["__interrupt__"]
    answer = {"type": "approve", "by": "ana"}
    done = await graph.ainvoke(Command(resume={asked.id: answer}), config, durability=durability)
    took = time.perf_counter() - start
    assert len(done["reviews"]) == 1, done
    return took


async def _per_second(graph: Any, durability: Durability, size: int, threads: int) -> float:
    left = iter(range(threads))

    async def worker() -> None:
        for _ in left:
            await _pause_and_resume(graph, durability)

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(size)))
    return threads / (time.perf_counter() - start)
