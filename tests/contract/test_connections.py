"""Threads of one saver do not wait for each other, and do not disturb each other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hitl_graph import open_checkpointer
from hitl_graph.checkpointers import AsyncReviewSaver, ReviewSaver

from .driver import MODES, Mode, Run
from .graphs import BY_NAME, answer_for
from .ledger import Ledger

KEY = 4712
# Every pause waits inside its transaction for a lock that the test holds.
HOLD = f"""
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared({KEY});
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT ON hitl.reviews FOR EACH ROW EXECUTE FUNCTION hold();
"""
WAITING = """
SELECT count(DISTINCT pid) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def ledger(db_url: str) -> Iterator[Ledger]:
    """What a fresh database holds."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        yield Ledger(conn)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("mode", [Mode(False, "exit"), Mode(True, "exit")], ids=str)
async def test_writes_at_the_same_time(db_url: str, ledger: Ledger, mode: Mode) -> None:
    """Six pauses are under way on six connections at once; behind one lock there would be one."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(HOLD)
        conn.execute("SELECT pg_advisory_lock(%s)", (KEY,))
        async with Opened(db_url, mode) as saver:
            graph = BY_NAME["single"].compile(saver)
            runs = [Run(graph, mode, ledger) for _ in range(6)]
            started = asyncio.gather(
                *(run.call(graph, "invoke", {}, run.config(), durability="exit") for run in runs)
            )
            while ledger.rows(WAITING, KEY)[0]["n"] < len(runs):
                assert not started.done()
                await asyncio.sleep(0)
            conn.execute("SELECT pg_advisory_unlock(%s)", (KEY,))
            await started

    assert [run.statuses() for run in runs] == [["pending"]] * len(runs)


@pytest.mark.parametrize(
    ("mode", "max_size"),
    [*((mode, 16) for mode in MODES), (Mode(False, "async"), 2), (Mode(True, "async"), 2)],
    ids=str,
)
async def test_sixteen_threads_at_once(db_url: str, ledger: Ledger, mode: Mode, max_size: int) -> None:
    """Sixteen threads pause, are answered and end on one saver at once, also when connections are few."""
    async with Opened(db_url, mode, max_size=max_size) as saver:
        graph = BY_NAME["parallel-gates"].compile(saver)
        runs = [Run(graph, mode, ledger) for _ in range(16)]

        await asyncio.gather(*(run.start() for run in runs))
        assert {len(run.open()) for run in runs} == {2}
        await asyncio.gather(*(run.answer(run.first()) for run in runs))
        await asyncio.gather(*(run.finish(answer_for) for run in runs))

    assert [run.statuses() for run in runs] == [["applied", "applied"]] * 16


@pytest.mark.parametrize("saver", [ReviewSaver, AsyncReviewSaver])
async def test_a_single_connection_is_refused(db_url: str, saver: Any) -> None:
    """Without its lock a saver on one connection would mix the transactions of two threads."""
    with psycopg.connect(db_url) as conn, pytest.raises(TypeError, match="open_checkpointer"):
        saver(conn)


class Opened:
    """A saver in a mode, opened either way by `async with`."""

    def __init__(self, url: str, mode: Mode, **options: Any) -> None:
        self._opened = open_checkpointer(url, **options)
        self._mode = mode

    async def __aenter__(self) -> Any:
        return await self._opened.__aenter__() if self._mode.is_async else self._opened.__enter__()

    async def __aexit__(self, *error: object) -> None:
        if self._mode.is_async:
            await self._opened.__aexit__(*error)
        else:
            self._opened.__exit__(*error)
