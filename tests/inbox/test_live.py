"""What pages hear: every commit that they show, whatever the order of its numbers, and nothing of other tenants."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import pytest

from hitl_graph.desk import Desk
from hitl_graph.inbox.live import Live
from hitl_graph.inbox.pages import live as live_page
from tests.inbox.serving import inbox

EVENT = "INSERT INTO hitl.events (type, thread_id, review_id) VALUES ('asked', 't', 'r')"
HERE = """
INSERT INTO hitl.presence (thread_id, review_id, person, by, doing) VALUES ('t', 'r', 'ben', 'Ben', %s)
ON CONFLICT (tenant, thread_id, review_id, person) DO UPDATE SET doing = excluded.doing"""


@contextlib.asynccontextmanager
async def listening(db_url: str) -> AsyncIterator[asyncio.Queue[str]]:
    """What a page hears, after the two messages with which it begins."""
    messages: asyncio.Queue[str] = asyncio.Queue()

    async def hear(live: Live) -> None:
        async for message in live.messages():
            messages.put_nowait(message)

    async with Desk(db_url) as desk, Live(desk) as live:
        hearing = asyncio.create_task(hear(live))
        assert "connected" in await messages.get()
        assert "changed" in await messages.get()
        yield messages
        hearing.cancel()
        await asyncio.wait([hearing])


async def heard(messages: asyncio.Queue[str], within_s: float = 5.0) -> bool:
    with contextlib.suppress(TimeoutError):
        return "changed" in await asyncio.wait_for(messages.get(), within_s)
    return False


async def test_a_commit_is_heard_after_one_with_a_higher_number(db_url: str) -> None:
    async with (
        listening(db_url) as messages,
        await psycopg.AsyncConnection.connect(db_url) as early,
        await psycopg.AsyncConnection.connect(db_url) as late,
    ):
        await early.execute(EVENT)
        await late.execute(EVENT)
        await late.commit()
        assert await heard(messages)
        await early.commit()
        assert await heard(messages)


async def test_after_so_many_events_that_only_the_latest_count_each_is_heard(db_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(db_url, autocommit=True) as conn:
        await conn.execute(
            "INSERT INTO hitl.events (type, thread_id, review_id)"
            " SELECT 'asked', 't', 'r' FROM generate_series(1, 1000)"
        )
        async with listening(db_url) as messages:
            for _ in range(3):
                await conn.execute(EVENT)
                assert await heard(messages)


@pytest.mark.parametrize("doing", ["viewing", "editing"])
async def test_who_comes_to_a_case_is_heard(db_url: str, doing: str) -> None:
    async with (
        listening(db_url) as messages,
        await psycopg.AsyncConnection.connect(db_url, autocommit=True) as conn,
    ):
        await conn.execute(HERE, (doing,))
        assert await heard(messages)


async def test_another_tenants_events_are_not_heard(db_url: str) -> None:
    async with (
        listening(db_url) as messages,
        await psycopg.AsyncConnection.connect(db_url, autocommit=True) as conn,
    ):
        await conn.execute("SELECT set_config('hitl.tenant', 'another', false)")
        await conn.execute(EVENT)
        assert not await heard(messages, within_s=0.5)


async def test_nobody_looks_where_nobody_watches(db_url: str) -> None:
    """The connection goes back to the pool."""
    async with Desk(db_url) as desk, Live(desk) as live:

        async def until_lent(number: int) -> None:
            for _ in range(1000):
                has = desk.pool.get_stats()
                if has["pool_size"] - has["pool_available"] == number:
                    return
                await asyncio.sleep(0.01)
            pytest.fail(f"not {number} lent: {has}")

        messages = live.messages()
        await anext(messages)
        await anext(messages)
        await until_lent(1)
        await messages.aclose()
        await until_lent(0)


def test_a_server_that_stops_ends_the_streams_of_open_pages_without_a_word(
    db_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A Ctrl-C while a page is open is no error."""
    with httpx.Client(trust_env=False) as http:
        with inbox(db_url) as served:
            assert http.get(served.entry()).status_code == 303
            stream = http.send(http.build_request("GET", f"{served.address}/live"), stream=True)
            lines = stream.iter_lines()
            assert next(lines) == "retry: 500"
        assert "event: changed" in list(lines)
    assert [said for said in caplog.records if said.name.startswith("uvicorn")] == []


def test_one_person_has_so_many_streams_and_no_more(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds a connection that others need; one that ends makes room."""
    monkeypatch.setattr(live_page, "MOST_STREAMS", 2)
    with inbox(db_url) as served, httpx.Client(trust_env=False) as http:
        assert http.get(served.entry()).status_code == 303

        lines: list[Iterator[str]] = []

        def opened() -> httpx.Response:
            stream = http.send(http.build_request("GET", f"{served.address}/live"), stream=True)
            if stream.status_code == 200:
                lines.append(stream.iter_lines())  # one that nobody holds closes its stream
                next(lines[-1])
            return stream

        first, second, third = opened(), opened(), opened()
        assert [one.status_code for one in (first, second, third)] == [200, 200, 429]
        first.close()
        for _ in range(100):
            if (again := opened()).status_code == 200:
                break
            time.sleep(0.05)
        assert again.status_code == 200
        second.close()
        again.close()
