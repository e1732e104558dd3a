"""A TCP proxy before Postgres that delays, swallows, refuses and cuts, also just where a COMMIT is under way.

It runs on a loop in a thread of its own, so that tests with and without `await` use it alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal, Self

import psycopg

from .commits import CommitWatch

__all__ = ["Proxy"]

Mode = Literal["pass", "blackhole", "refuse"]
Direction = Literal["up", "down"]


class Proxy:
    """`with Proxy(url) as proxy:` connect to `proxy.url`, and say what shall go wrong.

    Args:
        url: A libpq URL of the real server, by socket folder or by host.
    """

    def __init__(self, url: str) -> None:
        known = psycopg.conninfo.conninfo_to_dict(url)
        self._host, self._server_port = str(known["host"]), int(known.get("port") or 5432)
        self._user, self._database = known.get("user", "postgres"), known.get("dbname", "postgres")
        self.port = 0
        self.cuts = 0
        """Connections that were cut."""
        self._mode: Mode = "pass"
        self._delay_s = 0.0
        self._limits: dict[Direction, int | None] = {"up": None, "down": None}
        self._watched: tuple[bytes, bool] | None = None
        self._links: set[_Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """The way through the proxy; unencrypted, so that it can read what passes."""
        way = f"postgresql://{self._user}@127.0.0.1:{self.port}/{self._database}"
        return f"{way}?sslmode=disable&gssencmode=disable&connect_timeout=5"

    def set(self, mode: Mode = "pass", *, delay_s: float = 0.0) -> None:
        """What becomes of every byte from now on: passed (after a delay), or kept for ever. "refuse" cuts all."""
        self._mode, self._delay_s = mode, delay_s
        if mode == "refuse":
            self.cut()
        self._do(self._wake)

    def cut(self) -> None:
        """Cut every connection that stands, both ways, as a broken cable does."""
        self._do(self._close_links)

    def cut_after(self, number: int, direction: Direction) -> None:
        """Cut whichever connection is the first to have carried so many bytes more in one direction."""
        self._limits[direction] = number

    def cut_at_commit(self, marker: bytes, *, arrived: bool) -> None:
        """Cut the connection that commits a statement which holds `marker`, once.

        Args:
            marker: Part of the SQL of any statement in the transaction.
            arrived: True: the server has committed and its reply is lost; False: it never hears of the commit.
        """
        self._watched = (marker, arrived)

    def wait_cut(self, number: int = 1, timeout_s: float = 20) -> None:
        """Wait until so many connections have been cut."""
        deadline = time.monotonic() + timeout_s
        while self.cuts < number:
            assert time.monotonic() < deadline, (
                f"{self.cuts} of {number} connections were cut in {timeout_s} s"
            )
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def stop(self) -> None:
        """Nobody listens any more, and every connection is cut: a host that is down."""
        self._run(self._close())

    def start(self) -> None:
        """Listen again, at the same port."""
        self._run(self._listen())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def _do(self, what: Callable[[], object]) -> None:
        async def act() -> None:
            what()

        self._run(act())

    def _close_links(self) -> None:
        for link in list(self._links):
            link.close()

    def _wake(self) -> None:
        for link in self._links:
            link.woken.set()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        links = list(self._links)
        for link in links:
            link.close()
        await asyncio.gather(*(link.done.wait() for link in links))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "refuse":
            writer.transport.abort()
            return
        link = _Link(self, writer)
        self._links.add(link)
        try:
            await link.carry(reader, self._host, self._server_port)
        except OSError:
            pass  # the server is down, or somebody hung up: so do we
        finally:
            link.close()
            self._links.discard(link)
            link.done.set()


class _Link:
    """One client's connection through the proxy."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = [client]
        self._watch = CommitWatch()
        self._closed = False
        self.woken = asyncio.Event()
        self.done = asyncio.Event()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._proxy.cuts += 1
        for writer in self._writers:
            writer.transport.abort()
        self.woken.set()

    async def carry(self, from_client: asyncio.StreamReader, host: str, port: int) -> None:
        if host.startswith("/"):
            from_server, to_server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            from_server, to_server = await asyncio.open_connection(host, port)
        self._writers.append(to_server)
        if self._closed:  # in the meantime
            to_server.transport.abort()
            return
        ways = [
            asyncio.create_task(self._pump(from_client, to_server, "up")),
            asyncio.create_task(self._pump(from_server, self._writers[0], "down")),
        ]
        _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in rest:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._closed = True  # the client or the server ended it: no cut of ours

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Direction) -> None:
        proxy = self._proxy
        while data := await source.read(65536):
            while proxy._mode == "blackhole" and not self._closed:
                self.woken.clear()
                await self.woken.wait()
            if proxy._delay_s:
                await asyncio.sleep(proxy._delay_s)
            if (left := proxy._limits[way]) is not None:
                proxy._limits[way] = left - len(data) if left > len(data) else None
                if left <= len(data):
                    sink.write(data[:left])
                    with contextlib.suppress(OSError):
                        await sink.drain()
                    self.close()
                    return
            if self._cuts_commit(data, way):
                self.close()
                return
            sink.write(data)
            await sink.drain()

    def _cuts_commit(self, data: bytes, way: Direction) -> bool:
        if way == "down":
            return self._watch.seen_down(data)
        committing = self._watch.seen_up(data, self._proxy._watched)
        if committing is None:
            return False
        self._proxy._watched = None
        return not committing.arrived
