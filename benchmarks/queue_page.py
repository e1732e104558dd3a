"""The inbox's queue with 100,000 cases that wait: its pages over HTTP, against the same pages with fifty."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import os
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import uvicorn
from psycopg import sql

from benchmarks.measure import Figure, latency
from hitl_graph.desk import Desk
from hitl_graph.inbox import Settings, create_app
from hitl_graph.inbox.serving import PagesServer
from hitl_graph.inbox.sign_in import ProxyHeader
from hitl_graph.reviews import Evidence, Owner, Reason, ReviewKind, ReviewRequest
from hitl_graph.risk import ActionClass
from hitl_graph.storage.embedded import embedded_url

MANY, FEW = 100_000, 50
MOST_MS = 100.0
_numbers = itertools.count()

_ACTS = (
    ActionClass("tag_ticket", reversible=True),
    ActionClass("send_email", reversible=False, audience="customer", touches={"trust"}),
    ActionClass("refund", reversible=False, audience="customer", touches={"money"}),
)
_LETTER = "My parcel has not come, and I have asked twice already. " * 20

PAGES = {
    "first page": "/",
    "a page in the middle": "/?after={middle}",
    "my team's": "/?who=team",
    "one gate": "/?gate=refund_review",
    "soonest due": "/?sort=due",
    "urgent ones": "/?priority=urgent",
    "a word that many hold": "/?q=order",
}
"""What is asked for, by its name."""

_FILL = """
INSERT INTO hitl.reviews (
    thread_id, id, checkpoint_id, task_id, node, workflow, shape, gate, kind, action, question, owner, priority,
    payload, digest, asked_at, timed_from, due_at, level
)
SELECT 'thread-' || i, md5(i::text), 'c', 't', gate, 'support', 'native', gate, 'safe_to_send', action,
       'Is this right for order ' || i || '?', 'team-' || i %% 20,
       CASE i %% 50 WHEN 0 THEN 'urgent' WHEN 1 THEN 'high' WHEN 2 THEN 'low' ELSE 'normal' END,
       payload::json, 'digest-' || i, now() - make_interval(secs => %(cases)s - i),
       now() - make_interval(secs => %(cases)s - i),
       CASE WHEN i %% 2 = 0 THEN now() + make_interval(secs => i - %(cases)s + 40000) END,
       CASE WHEN i %% 200 = 0 THEN 1 ELSE 0 END
FROM generate_series(1, %(cases)s::int) AS i
JOIN (SELECT row_number() OVER () - 1 AS place, u.*
      FROM unnest(%(gates)s::text[], %(actions)s::text[], %(payloads)s::text[]) AS u (gate, action, payload)) AS p
  ON p.place = CASE WHEN i %% 1000 = 0 THEN 2 WHEN i %% 3 = 0 THEN 1 ELSE 0 END
ORDER BY i
"""


def crowd(url: str, cases: int) -> None:
    """So many cases that wait, in a migrated database: rows as the checkpointer writes them, without their threads."""
    asked = [_request(act).to_json() for act in _ACTS]
    params = {
        "cases": cases,
        "gates": [one["gate"] for one in asked],
        "actions": [one["action"]["name"] for one in asked],
        "payloads": [json.dumps(one) for one in asked],
    }
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(_FILL, params)
        conn.execute("VACUUM ANALYZE hitl.reviews")


async def pages(requests: int) -> AsyncIterator[Figure]:
    """Each page, in turns with the control: the same page where few cases wait."""
    async with _served(MANY) as many, _served(FEW) as few:
        for name, address in PAGES.items():
            times: dict[bool, list[float]] = {True: [], False: []}
            for number in range(requests + 5):
                for side, http, cases in ((True, many, MANY), (False, few, FEW)):
                    start = time.perf_counter()
                    answer = await http.get(address.format(middle=cases // 2))
                    took = time.perf_counter() - start
                    assert answer.status_code == 200, (answer.status_code, answer.text)
                    if number >= 5:  # connections and templates are warm
                        times[side].append(took)
            figure = latency(f"queue of {MANY:,}: {name}", times[True], times[False], at_most=1)
            slow = sorted(times[True])[round(0.95 * (len(times[True]) - 1))] * 1000
            target = f"p95 at most {MOST_MS:g} ms, is {slow:.3g}"
            yield dataclasses.replace(figure, target=target, met=slow <= MOST_MS)


@contextlib.asynccontextmanager
async def _served(cases: int) -> AsyncIterator[httpx.AsyncClient]:
    """The application on a database of its own, served on loopback, and a client of it that is signed in."""
    url = new_database()
    async with Desk(url) as desk:  # migrates
        await desk.people.put("ana", groups=["team-7"])
    await asyncio.to_thread(crowd, url, cases)
    async with signed_in(url) as http:
        yield http


@contextlib.asynccontextmanager
async def signed_in(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the inbox over a database, with ana's session."""
    with server(url) as address:
        named = {"x-forwarded-user": "ana"}
        async with httpx.AsyncClient(base_url=address, headers=named, trust_env=False, timeout=60) as http:
            answer = await http.get("/sign-in")
            assert answer.status_code == 303, answer.text
            yield http


@contextlib.contextmanager
def server(url: str) -> Iterator[str]:
    """The inbox of a database on loopback, for whom the header `x-forwarded-user` names: its address."""
    app = create_app(Settings(sign_in=ProxyHeader()), url=url)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="error", timeout_graceful_shutdown=1, ws="none", proxy_headers=False
    )
    serving = PagesServer(config)
    running = threading.Thread(target=serving.run, kwargs={"sockets": [listening]}, daemon=True)
    running.start()
    while not serving.started:
        assert running.is_alive(), "the inbox did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        serving.should_exit = True
        running.join(20)


def new_database() -> str:
    """The URL of an empty database on the embedded server."""
    url = embedded_url()
    name = f"bench_queue_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return re.sub(r"/hitl\?", f"/{name}?", url)


def _request(act: ActionClass) -> ReviewRequest:
    return ReviewRequest(
        gate=f"{act.name}_review",
        kind=ReviewKind.SAFE_TO_SEND,
        question="Is this right?",
        why=(Reason("always", "Everything that leaves under the brand is read first."),),
        action=act.sheet(),
        proposal={"to": "ana@example.com", "body": _LETTER},
        proposal_key="email",
        consequence="It cannot be taken back." if not act.reversible else "It can be taken back.",
        evidence=(Evidence("Customer message", _LETTER),),
        allowed=("approve", "edit", "reject"),
        owner=Owner("team"),
        blocks=("the customer's answer",) if act.name == "refund" else (),
    ).sealed()
