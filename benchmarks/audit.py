"""The audit log: how fast events are sealed and a whole chain is verified.

`make bench` has the figures of one size; `python -m benchmarks.audit` prints those of three, and `--events N` sets the
largest. The control is the same number of events read from the database and only hashed, which no verifying can do
without.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import time
from collections.abc import Iterator

import psycopg

from benchmarks.measure import Figure
from hitl_graph.desk import Desk
from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import Databases

SEALED_PER_S = 1000
VERIFIED_US = 5.0  # a million in five seconds
FILL = """
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'decided', 'thread-' || n %% 10000, md5(n::text), json_build_object(
    'by', 'ana', 'digest', 'sha256:' || md5(n::text), 'n', n,
    'decision', json_build_object('type', 'edit', 'changes', json_build_object('body', 'Grüße, it comes on Monday.')))
FROM generate_series(1, %s) AS n
"""


def sealed_and_verified(events: int) -> Iterator[Figure]:
    """Two figures of a log of so many events, in a database of its own."""
    with Databases(prepare=migrate) as databases, databases.fresh_database() as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(FILL, [events])
            conn.execute("ANALYZE")
        seal_s, verify_s = asyncio.run(_seal_and_verify(url, events))
        began = time.perf_counter()
        _control(url)
        control_s = time.perf_counter() - began
    yield Figure(
        measure=f"audit, {events:,} events: sealed",
        unit="1/s",
        ours=events / seal_s,
        control=events / control_s,
        p99=None,
        ratio=control_s / seal_s,
        target=f"at least {SEALED_PER_S:,}/s",
        met=events / seal_s >= SEALED_PER_S,
        n=events,
    )
    yield Figure(
        measure=f"audit, {events:,} events: each verified",
        unit="us",
        ours=verify_s / events * 1e6,
        control=control_s / events * 1e6,
        p99=None,
        ratio=verify_s / control_s,
        target=f"at most {VERIFIED_US:g} us",
        met=verify_s / events * 1e6 <= VERIFIED_US,
        n=events,
    )


async def _seal_and_verify(url: str, events: int) -> tuple[float, float]:
    async with Desk(url) as desk:
        began = time.perf_counter()
        sealed = await desk.audit.seal()
        seal_s = time.perf_counter() - began
        assert sealed == events, f"{sealed} of {events} were sealed"

        began = time.perf_counter()
        report = await desk.audit.verify()
        verify_s = time.perf_counter() - began
        assert report.ok, report
        assert report.checked == events, report
    return seal_s, verify_s


def _control(url: str) -> None:
    digest = hashlib.sha256()
    with psycopg.connect(url) as conn, conn.cursor(name="control") as cursor:
        cursor.itersize = 10_000
        cursor.execute("SELECT e.salt, e.data::text FROM hitl.events e ORDER BY id", binary=True)
        for salt, data in cursor:
            digest.update(salt + data.encode())


def main() -> None:
    """Three sizes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="the largest size")
    largest = parser.parse_args().events
    for events in (largest // 100, largest // 10, largest):
        for figure in sealed_and_verified(events):
            print(
                f"{figure.measure:<40} {figure.ours:>9.1f} {figure.unit:<3}   {figure.ratio:.1f}x of read and hash   "
                f"to reach: {figure.target}{'' if figure.met else '  missed'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
