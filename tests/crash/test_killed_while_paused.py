"""A process is killed with -9 while its threads are paused; another process finishes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from hitl_graph import Desk
from tests.support.graphs import lines

THREADS = 50
ROOT = Path(__file__).parents[2]

PAUSE = """
import asyncio, sys
from hitl_graph import open_checkpointer
from tests.support.graphs import mail_graph, thread
url, sink, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
async def main():
    async with open_checkpointer(url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        async def one(number):
            await graph.ainvoke({"ticket": f"Message {number}", "sink": sink}, thread(f"t{number}"))
            print("paused", flush=True)
        await asyncio.gather(*(one(number) for number in range(count)))
        print("all", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""

FINISH = """
import sys
from hitl_graph import Approve, Desk, open_checkpointer
from tests.support.graphs import mail_graph
url = sys.argv[1]
with open_checkpointer(url) as checkpointer, Desk(url) as desk:
    graph = mail_graph().compile(checkpointer=checkpointer)
    for case in desk.pending(limit=1000):
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    print(sum(len(done.applied) for done in desk.resume(graph)))
"""


def run(code: str, *args: str) -> subprocess.Popen[str]:
    """A process of its own on some code."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True, env=env)


def killed_after(lines_seen: int, *args: str) -> None:
    """Start the pausing process, and kill it with -9 once it has said so many lines."""
    process = run(PAUSE, *args)
    assert process.stdout is not None
    for _ in range(lines_seen):
        assert process.stdout.readline(), "the process ended before it was killed"
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    process.stdout.close()


def test_another_process_finishes_what_a_killed_one_left(db_url: str, tmp_path: Path) -> None:
    """Fifty paused threads outlive their process: listed, decided and finished elsewhere, each asked and sent once."""
    sink = tmp_path / "sink"
    killed_after(THREADS + 1, db_url, str(sink), str(THREADS))
    with Desk(db_url) as desk:
        waiting = desk.pending(limit=1000)
    assert len({case.thread_id for case in waiting}) == len(waiting) == THREADS

    finisher = run(FINISH, db_url)
    told, _ = finisher.communicate(timeout=60)

    assert (finisher.returncode, told.strip()) == (0, str(THREADS))
    sent = lines(sink)
    assert sorted(line.split()[0] for line in sent) == sorted(case.id for case in waiting)
    with psycopg.connect(db_url) as conn:
        assert conn.execute("SELECT status, count(*) FROM hitl.reviews GROUP BY status").fetchall() == [
            ("applied", THREADS)
        ]
        assert conn.execute("SELECT count(*) FROM hitl.events WHERE type = 'asked'").fetchone() == (THREADS,)


@pytest.mark.parametrize("after", [1, 7, 23])
def test_killed_in_the_middle_every_pause_has_its_review(db_url: str, tmp_path: Path, after: int) -> None:
    """Killed while threads are still pausing: each has its pause and its review, or neither.

    LangGraph may store a question before the checkpoint that it is asked at; without that checkpoint the thread is
    not paused, and nobody is asked.
    """
    killed_after(after, db_url, str(tmp_path / "sink"), str(THREADS))

    with psycopg.connect(db_url) as conn:
        # One snapshot: the server may still be finishing what the killed process had sent.
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        paused = conn.execute(
            "SELECT thread_id FROM checkpoint_writes JOIN checkpoints USING (thread_id, checkpoint_ns, checkpoint_id)"
            " WHERE channel = '__interrupt__'"
        ).fetchall()
        cases = conn.execute("SELECT thread_id FROM hitl.reviews WHERE status = 'pending'").fetchall()
    assert sorted(paused) == sorted(cases)
    assert len(paused) >= after
