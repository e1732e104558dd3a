"""The worker: what is decided goes on, on one machine or many, whatever is killed when."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import psycopg
from procrastinate import App, PsycopgConnector, exceptions
from psycopg.rows import dict_row

from hitl_graph.checkpointers import AsyncReviewSaver
from hitl_graph.checkpointers.serde import strict_serde
from hitl_graph.desk import Desk
from hitl_graph.storage.embedded import database_url
from hitl_graph.storage.pools import async_pool
from hitl_graph.storage.statements import load_statements
from hitl_graph.storage.tenants import TenantsPools
from hitl_graph.workers.drain import Drain
from hitl_graph.workers.graphs import Graphs
from hitl_graph.workers.jobs import jobs_pool, lasting, prepare_jobs, use_jobs_schema
from hitl_graph.workers.queue import Queue, pause_s
from hitl_graph.workers.tasks import Tasks
from hitl_graph.workers.ticking import acts_of, tick

__all__ = ["Worker"]

R = TypeVar("R")
SQL = load_statements("hitl_graph.workers", "jobs.sql")
log = logging.getLogger("hitl_graph.worker")
_SAVER = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
_RECONNECT_S = 5.0
_STEADY_S = 10.0
_GOODBYE_S = 3.0


class Worker:
    """Runs threads on as soon as they are decided: `async with Worker({"support": graph}) as worker:`.

    Any number of workers may run on one database, on any number of machines; a thread has one run at a time among all
    of them. A worker that dies is replaced by the others within about `stalled_s`; one whose database is away waits,
    and goes on by itself. Leaving the block ends the runs under way at their next checkpoint; another worker, or the
    same one started again, goes on from there.
    A plain script says `with Worker(...)`, and the worker runs on a thread of its own.

    Args:
        graphs: Name of the workflow to a compiled graph, a `StateGraph`, or a function that takes the checkpointer and
            returns one. Those without a checkpointer get one.
        url: A Postgres connection string; None: `HITL_DATABASE_URL`, else the embedded Postgres.
        tenant: Whose threads it runs; None: `"default"`. Each tenant has workers of its own.
        concurrency: Threads that run at once.
        config: Merged into each run's config, such as `{"configurable": {...}}`.
        durability: LangGraph's; None is its default.
        allow: Classes that may stand in state, besides plain JSON and LangChain's messages.
        drain_s: Seconds that runs under way are given at the end, before they are cut off.
        poll_s: Seconds between two looks at the queue, besides being told.
        stalled_s: Seconds without a sign of life until other workers take over its jobs; four are given in that time.
        tick_s: Seconds between two rounds of deadlines, messages, sealing and repairs.
        tell: Takes a sentence about what happened; None: the log.

    Raises:
        DefinitionError: A graph cannot be used.
        MigrationError: The tables are newer than this library, or than the installed procrastinate.
        psycopg.OperationalError: The server cannot be reached when the worker starts.
    """

    def __init__(
        self,
        graphs: Mapping[str, Any],
        url: str | None = None,
        *,
        tenant: str | None = None,
        concurrency: int = 8,
        config: Mapping[str, Any] | None = None,
        durability: Literal["sync", "async", "exit"] | None = None,
        allow: Iterable[type] = (),
        drain_s: float = 30.0,
        poll_s: float = 0.5,
        stalled_s: float = 8.0,
        tick_s: float = 1.0,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency: {concurrency} is not at least 1")
        if stalled_s <= 0:
            raise ValueError(f"stalled_s: {stalled_s} is not above 0")
        self._given = dict(graphs)
        self._url = url
        self._bound = TenantsPools(tenant)
        self._concurrency = concurrency
        self._run: dict[str, Any] = {"config": config or {}, "durability": durability}
        self._serde = strict_serde(allow)
        self._drain_s = drain_s
        self._stalled_s = stalled_s
        self._tick_s = tick_s
        self._tell = tell or log.info
        self._options: dict[str, Any] = {
            "concurrency": concurrency,
            "fetch_job_polling_interval": poll_s,
            "update_heartbeat_interval": stalled_s / 4,
            "stalled_worker_timeout": stalled_s,
            "shutdown_graceful_timeout": drain_s,
            "install_signal_handlers": False,
            "delete_jobs": "always",
        }
        self._stack = contextlib.AsyncExitStack()
        self._drain = Drain()
        self._ending = False
        self._queue: Queue | None = None
        self._queues: list[str] = []
        self._work: list[asyncio.Task[None]] = []
        self._aside: _Aside | None = None
        self.cut_off = 0
        """Runs that did not end in `drain_s`, when the worker has ended."""

    @property
    def desk(self) -> Desk:
        """The worker's own desk, for `start`, `decide` and all the rest."""
        return self._desk

    async def idle(self, timeout_s: float = 60.0) -> None:
        """Wait until there is nothing left to do: each thread has ended, or waits for a person or its time.

        Raises:
            TimeoutError: There still was after so many seconds.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                # The database is away, or the job loop is just beginning again.
                with contextlib.suppress(
                    psycopg.OperationalError, exceptions.ConnectorException, exceptions.AppNotOpen
                ):
                    [swept] = await self._desk.rows(SQL["sweep"])
                    queue = self._queue
                    if not swept["put"] and queue is not None and not await queue.waiting(self._queues):
                        return
                await asyncio.sleep(0.02)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._url = lasting(await asyncio.to_thread(database_url, self._url))
            self._desk = await stack.enter_async_context(
                Desk(self._url, max_size=self._concurrency + 10, tenant=self._bound.tenant)
            )
            await asyncio.to_thread(prepare_jobs, self._url)
            size = self._concurrency + 2
            pool = async_pool(self._url, max_size=size, bound=self._bound, kwargs=_SAVER)
            await stack.enter_async_context(pool)
            graphs = Graphs(self._given, AsyncReviewSaver(pool, self._serde))
            found = await self._desk.rows(
                SQL["queues_of"], {"workflows": graphs.names, "nodes": graphs.nodes}
            )
            self._queues = [row["queue"] for row in found]
            self._tasks = Tasks(self._desk, graphs, self._drain, tell=self._tell, **self._run)
            self._stack = stack.pop_all()
        acts = {"recover": self._recover, **acts_of(self._desk)}
        self._work = [
            asyncio.create_task(self._supervise(), name="hitl-worker"),
            asyncio.create_task(tick(acts, self._tick_s, self._tell, lambda: self._ending), name="hitl-tick"),
        ]
        self._tell(f"works for {', '.join(graphs.names)}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        self._drain.request("the worker ends")
        if self._queue is not None:
            self._queue.give_up_s = _GOODBYE_S
        began = time.monotonic()
        try:
            waiting: set[asyncio.Task[None]] = set(self._work)
            for _ in range(3):  # in Python 3.11 a cancelling can be lost in `asyncio.wait_for`
                for task in waiting:
                    task.cancel()
                if waiting:
                    _, waiting = await asyncio.wait(waiting, timeout=self._drain_s + 3 * _GOODBYE_S)
        finally:
            self.cut_off = self._tasks.cut_off
            await self._stack.aclose()
        self._tell(f"ended in {time.monotonic() - began:.1f} s")

    def __enter__(self) -> Self:
        self._aside = _Aside()
        try:
            self._aside.run(self.__aenter__())
        except BaseException:
            self._aside.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._aside is not None
        try:
            self._aside.run(self.__aexit__(kind, error, trace))
        finally:
            self._aside.close()

    def wait_idle(self, timeout_s: float = 60.0) -> None:
        """`idle`, for `with Worker(...)`."""
        assert self._aside is not None
        self._aside.run(self.idle(timeout_s))

    async def _supervise(self) -> None:
        """Run procrastinate's worker, and begin again whenever it ends."""
        failures = 0
        while not self._ending:
            began = time.monotonic()
            try:
                app = self._app()
                async with app.open_async():
                    if not self._ending:
                        await app.run_worker_async(queues=self._queues, **self._options)
                self._tell("the job loop ended")
            except Exception as error:  # noqa: BLE001  # whatever it is, a worker comes back
                self._tell(f"the job loop ended: {error.__cause__ or error!r}")
            if self._ending:  # what raised while it was cancelled has taken the place of the cancelling
                return
            failures = 0 if time.monotonic() - began > _STEADY_S else failures + 1
            await asyncio.sleep(pause_s(failures, longest=5.0))

    def _app(self) -> App:
        connector = PsycopgConnector(
            conninfo=self._url,
            min_size=1,
            max_size=4,
            timeout=_RECONNECT_S,
            reconnect_timeout=_RECONNECT_S,
            configure=partial(use_jobs_schema, bound=self._bound),
            pool_factory=jobs_pool,
        )
        app = App(connector=connector)
        app.job_manager = self._queue = Queue(connector, tell=self._tell, give_up_s=self._stalled_s * 4)
        for task in (self._tasks.resume, self._tasks.start, self._tasks.wake):
            app.task(name=task.__name__)(task)
        return app

    async def _recover(self) -> None:
        if self._queue is not None:
            await self._queue.recover(self._stalled_s)


class _Aside:
    """A loop on a thread of its own, for plain scripts."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hitl-worker", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
