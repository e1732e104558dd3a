"""The audit log: how fast events are sealed and a whole chain is verified, at three sizes.

`python -m benchmarks.audit` prints the figures; `--events N` sets the largest size. The control is the same number of
events read from the database and only hashed, which no verifying can do without.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import time

import psycopg

from hitl_graph.desk import Desk
from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import Databases

FILL = """
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'decided', 'thread-' || n %% 10000, md5(n::text), json_build_object(
    'by', 'ana', 'digest', 'sha256:' || md5(n::text), 'n', n,
    'decision', json_build_object('type', 'edit', 'changes', json_build_object('body', 'Grüße, it comes on Monday.')))
FROM generate_series(1, %s) AS n
"""


async def measure(url: str, events: int) -> None:
    """Fill, seal, verify, and print one line."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(FILL, [events])
        conn.execute("ANALYZE")
    async with Desk(url) as desk:
        began = time.perf_counter()
        sealed = await desk.audit.seal()
        seal_s = time.perf_counter() - began
        assert sealed == events, f"{sealed} of {events} were sealed"

        began = time.perf_counter()
        report = await desk.audit.verify()
        verify_s = time.perf_counter() - began
        assert report.ok and report.checked == events, report  # noqa: PT018
    began = time.perf_counter()
    _control(url)
    control_s = time.perf_counter() - began
    print(
        f"{events:>9} events   sealed {events / seal_s:>8.0f}/s   verified in {verify_s:>6.2f} s"
        f" ({verify_s / events * 1e6:.1f} us each, {verify_s / control_s:.1f}x of read and hash)",
        flush=True,
    )


def _control(url: str) -> None:
    digest = hashlib.sha256()
    with psycopg.connect(url) as conn, conn.cursor(name="control") as cursor:
        cursor.itersize = 10_000
        cursor.execute("SELECT e.salt, e.data::text FROM hitl.events e ORDER BY id", binary=True)
        for salt, data in cursor:
            digest.update(salt + data.encode())


def main() -> None:
    """Three sizes, each in a database of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="the largest size")
    largest = parser.parse_args().events
    with Databases(prepare=migrate) as databases:
        for events in (largest // 100, largest // 10, largest):
            with databases.fresh_database() as url:
                asyncio.run(measure(url, events))


if __name__ == "__main__":
    main()
