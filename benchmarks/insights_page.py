"""The inbox's insights over 100,000 decisions, for somebody who leads: its page over HTTP, against fifty decisions."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator

import httpx
import psycopg

from benchmarks.measure import Figure, latency, p50
from benchmarks.queue_page import FEW, MANY, crowd, new_database, signed_in
from hitl_graph.desk import Desk

MOST_MS = 1000.0
AT_ONCE = 10

_DECIDE = """
WITH done AS (
    UPDATE hitl.reviews SET status = 'applied',
        asked_at = now() - make_interval(secs => 2400000.0 * seq / %(cases)s + 3600)
    RETURNING thread_id, id, digest, seq, asked_at
)
INSERT INTO hitl.decisions (thread_id, review_id, type, decision, by, via, digest, identity, decided_at, dispatched_at)
SELECT thread_id, id, kind, json_build_object('type', kind, 'changes', CASE kind WHEN 'edit' THEN
           json_build_object('body', repeat('Soon, and better. ', 40)) END),
       who, 'desk', digest, json_build_object('id', who, 'name', who, 'kind', 'human', 'groups', '{}'::text[]), at, at
FROM (SELECT *, CASE seq %% 10 WHEN 0 THEN 'reject' WHEN 1 THEN 'edit' WHEN 2 THEN 'edit' ELSE 'approve' END AS kind,
             'person-' || seq %% 40 AS who, asked_at + make_interval(secs => 30 + seq %% 3000) AS at FROM done) AS d
"""


async def pages(requests: int) -> AsyncIterator[Figure]:
    """The page of the last thirty days, by one person and by ten at once, in turns with the control."""
    async with _served(MANY) as many, _served(FEW) as few:
        for people in (1, AT_ONCE):
            times: dict[bool, list[float]] = {True: [], False: []}
            for number in range(requests + 2):
                for side, http in ((True, many), (False, few)):
                    took = await asyncio.gather(*(_looked(http) for _ in range(people)))
                    if number >= 2:  # connections and templates are warm
                        times[side] += took
            told = "" if people == 1 else f", {people} at once"
            figure = latency(f"insights over {MANY:,} decisions{told}", times[True], times[False], at_most=1)
            took_ms = p50(times[True]) * 1000
            yield dataclasses.replace(figure, target=f"p50 at most {MOST_MS:g} ms", met=took_ms <= MOST_MS)


async def _looked(http: httpx.AsyncClient) -> float:
    start = time.perf_counter()
    answer = await http.get("/insights")
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return time.perf_counter() - start


@contextlib.asynccontextmanager
async def _served(cases: int) -> AsyncIterator[httpx.AsyncClient]:
    """The application over so many decisions, and a client of it that may see how people decide."""
    url = new_database()
    async with Desk(url) as desk:  # migrates
        await desk.people.put("ana", roles=["lead"])
    await asyncio.to_thread(decided, url, cases)
    async with signed_in(url) as http:
        yield http


def decided(url: str, cases: int) -> None:
    """So many cases that forty people have decided in the last four weeks."""
    crowd(url, cases)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(_DECIDE, {"cases": cases})
        conn.execute("VACUUM FULL hitl.reviews")
        conn.execute("VACUUM ANALYZE hitl.reviews")
        conn.execute("VACUUM ANALYZE hitl.decisions")
