"""The proxy does what it says: without that, the tests that use it show nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from .proxy import Proxy


@pytest.fixture
def proxy(db_url: str) -> Iterator[Proxy]:
    """A proxy before the test's database, with a table to write to."""
    with psycopg.connect(db_url) as conn:
        conn.execute("CREATE TABLE t (n int)")
    with Proxy(db_url) as proxy:
        yield proxy


def count(url: str) -> int:
    with psycopg.connect(url) as conn:
        return len(conn.execute("SELECT FROM t").fetchall())


def test_what_passes_is_unchanged(proxy: Proxy) -> None:
    """A megabyte goes up and comes back."""
    with psycopg.connect(proxy.url) as conn:
        assert conn.execute("SELECT %s", ["x" * 1_000_000]).fetchone() == ("x" * 1_000_000,)


def test_refused(proxy: Proxy) -> None:
    """A refusing proxy lets nobody in, and cuts who is in."""
    with psycopg.connect(proxy.url) as conn:
        proxy.set("refuse")
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(proxy.url)
        proxy.set("pass")
        assert count(proxy.url) == 0


def test_stopped_and_started(proxy: Proxy) -> None:
    """A host that was down is up again at the same address."""
    proxy.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(proxy.url)
    proxy.start()
    assert count(proxy.url) == 0


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("way", ["block", "single", "pipeline", "prepared"])
def test_cut_at_the_commit(proxy: Proxy, db_url: str, way: str, arrived: bool) -> None:
    """The client hears nothing of its commit; it is done, or not, as was asked for."""
    with contextlib.closing(psycopg.connect(proxy.url, autocommit=True)) as conn:
        if way == "prepared":
            conn.execute("INSERT INTO t VALUES (%s)", [1], prepare=True)
            conn.execute("DELETE FROM t")
        proxy.cut_at_commit(b"INSERT INTO t", arrived=arrived)
        with pytest.raises(psycopg.OperationalError):  # noqa: PT012  # each way of committing
            if way == "pipeline":
                with conn.pipeline():
                    conn.execute("SELECT 1")
                    conn.execute("INSERT INTO t VALUES (%s)", [1])
            elif way == "block":
                with conn.transaction():
                    conn.execute("INSERT INTO t VALUES (%s)", [1])
                    conn.execute("SELECT 1")
            else:
                conn.execute("INSERT INTO t VALUES (%s)", [1], prepare=way == "prepared")
    proxy.wait_cut()
    assert count(db_url) == int(arrived)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_cut_after_some_bytes(proxy: Proxy, direction: str) -> None:
    """The connection breaks in the middle of a message."""
    with contextlib.closing(psycopg.connect(proxy.url, autocommit=True)) as conn:
        proxy.cut_after(1000, direction)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT %s", ["x" * 5000])


async def test_blackhole_and_back(proxy: Proxy, db_url: str) -> None:
    """Bytes are kept, and arrive when the hole is mended."""
    async with await psycopg.AsyncConnection.connect(proxy.url, autocommit=True) as conn:
        proxy.set("blackhole")
        written = asyncio.create_task(conn.execute("INSERT INTO t VALUES (1)"))
        assert (await asyncio.wait([written], timeout=0.05))[0] == set()
        assert count(db_url) == 0
        proxy.set("pass")
        await written
    assert count(db_url) == 1
