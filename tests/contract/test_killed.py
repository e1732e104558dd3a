"""Killed with -9 in the middle of the transaction of a pause: both halves are there, or neither is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hitl_graph import open_checkpointer

from .driver import Mode, Run
from .graphs import BY_NAME
from .ledger import Ledger

KEY = 4711
# The last statement of the transaction waits: question and review are written, and nothing is committed.
HOLD = f"""
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({KEY});
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE INSERT ON hitl.events FOR EACH ROW EXECUTE FUNCTION hold();
"""
HELD = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
PAUSE = """
import asyncio, sys
from hitl_graph import open_checkpointer
from tests.contract.graphs import BY_NAME
url, durability = sys.argv[1:]
config = {"configurable": {"thread_id": "killed"}}
async def main():
    async with open_checkpointer(url) as saver:
        await BY_NAME["single-gate"].compile(saver).ainvoke({"text": "first"}, config, durability=durability)
asyncio.run(main())
"""


@pytest.fixture
def held(db_url: str) -> Iterator[tuple[psycopg.Connection[Any], Ledger]]:
    """A database in which review events wait for a lock that this test holds."""
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(HOLD)
        conn.execute("SELECT pg_advisory_lock(%s)", (KEY,))
        yield conn, Ledger(conn)


def killed_while_it_waits(url: str, durability: str, ledger: Ledger) -> int:
    """Start a process, kill it once its transaction waits; gives the backend that worked for it."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", PAUSE, url, durability], env=env)
    try:
        while not (waiting := ledger.rows(HELD, KEY)):
            assert process.poll() is None, "the process ended before it was killed"
    finally:
        process.kill()
    assert process.wait(30) == -signal.SIGKILL
    return int(waiting[0]["pid"])


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("durability", "end"), [("sync", "rolled back"), ("exit", "let go")])
async def test_killed_in_the_middle_of_a_pause(
    db_url: str, held: tuple[psycopg.Connection[Any], Ledger], durability: Any, end: str
) -> None:
    """Whether the server loses the transaction or still ends it, the rows agree, and the thread goes on."""
    conn, ledger = held
    backend = killed_while_it_waits(db_url, durability, ledger)

    if end == "rolled back":
        conn.execute("SELECT pg_terminate_backend(%s)", (backend,))
    conn.execute("SELECT pg_advisory_unlock(%s)", (KEY,))
    while ledger.rows("SELECT FROM pg_stat_activity WHERE pid = %s", backend):
        pass

    with open_checkpointer(db_url) as saver:
        run = Run(
            BY_NAME["single-gate"].compile(saver),
            Mode(is_async=False, durability=durability),
            ledger,
            "killed",
        )
        await run.check()
        if end == "rolled back":
            assert run.statuses() == []
        await run.start()
        await run.answer(run.first())
        assert run.statuses()[-1] == "applied"
