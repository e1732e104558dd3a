"""The desk: lists cases, shows them, and takes each decision once. It knows no graph but the one it is handed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from hitl_graph.desk.acknowledging import Acknowledging
from hitl_graph.desk.audit import Audit
from hitl_graph.desk.authority import Authorities
from hitl_graph.desk.codes import Codes
from hitl_graph.desk.deadlines import Deadlines
from hitl_graph.desk.deciding import Deciding
from hitl_graph.desk.drafts import Drafts
from hitl_graph.desk.effects import Effects
from hitl_graph.desk.holds import Holds
from hitl_graph.desk.in_process import Resumed, Run, resume_threads
from hitl_graph.desk.notices import Notices
from hitl_graph.desk.ownership import Ownership
from hitl_graph.desk.people import People
from hitl_graph.desk.reconcile import Reconciling
from hitl_graph.desk.repairs import Repairing
from hitl_graph.desk.runs import Runs
from hitl_graph.desk.starts import Start, Starts
from hitl_graph.desk.takeover import Takeover
from hitl_graph.desk.undo import Undoing
from hitl_graph.storage.embedded import database_url
from hitl_graph.storage.migrate import migrate
from hitl_graph.storage.pools import async_pool
from hitl_graph.storage.tenants import TenantsPools

if TYPE_CHECKING:
    from hitl_graph.desk.sync_desk import SyncDesk

__all__ = ["Desk"]


class Desk(Deciding, Undoing, Ownership, Acknowledging, Repairing, Runs, Takeover, Reconciling):
    """The reviewer's side. `async with Desk() as desk:` for async code, `with Desk() as desk:` for a plain script.

    Args:
        url: A Postgres connection string; None: `HITL_DATABASE_URL`, else the embedded Postgres.
        max_size: Connections held at most.
        tenant: Whose cases these are; nothing of another tenant can be seen or changed here. None:
            `HITL_TENANT`, else `"default"`.

    Raises:
        EmbeddedPostgresError: The embedded server could not be started.
        MigrationError: The tables are newer than this library.
        TenantError: The tenant's name is none, or this database user cannot be bound to a tenant.
    """

    def __init__(self, url: str | None = None, *, max_size: int = 8, tenant: str | None = None) -> None:
        self._url = url
        self._bound = TenantsPools(tenant)
        self._max_size = max_size
        self._pool: AsyncConnectionPool[Any] | None = None
        self._sync: SyncDesk | None = None
        self.people = People(self)
        self.authority = Authorities(self)
        self.codes = Codes(self)
        self.drafts = Drafts(self)
        self.notices = Notices(self)
        self.deadlines = Deadlines(self)
        self.holds = Holds(self)
        self.audit = Audit(self)
        self.effects = Effects(self)
        self.starts = Starts(self)

    async def resume(
        self,
        graph: Any,
        *,
        thread_ids: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        durability: Literal["sync", "async", "exit"] | None = None,
        control: Any = None,
        concurrency: int = 8,
        limit: int = 10_000,
    ) -> list[Resumed]:
        """Let decided threads of `graph` go on, in this process: one run per thread, all its answers as one map.

        A thread that another process is resuming is waited for. An answer that the gate refuses is taken
        back: the case is pending again, with the reason in `case.error`. A thread that raises is reported,
        not raised.

        Args:
            graph: The compiled graph, with the checkpointer that the threads are in. For the threads of an Agent
                Server a `RemoteGraph(name, url=...)`: the server runs them, and is asked by the name it gave them.
            thread_ids: Only these threads; also those of them whose run broke off with nothing to be told.
            config: Merged into each thread's config, such as `{"configurable": {...}}`.
            durability: LangGraph's; None is its default.
            control: LangGraph's `RunControl`: when it is asked to drain, the runs end at their next checkpoint with
                `GraphDrained`, and the next `resume` goes on with them.
            concurrency: Threads that run at once.
            limit: Threads at most.

        Returns:
            One entry for each thread that was resumed here.

        Raises:
            psycopg.OperationalError: The database went away. EffectUnderWay: Another process is doing an act of one of
                the threads. Runs that were under way are taken up by the next resume.
        """
        run = Run(graph, config or {}, durability, control)
        return await resume_threads(self, run, thread_ids=thread_ids, concurrency=concurrency, limit=limit)

    async def start(
        self,
        workflow: str,
        input: Any,  # noqa: A002  # LangGraph's word for it
        *,
        thread_id: str | None = None,
        by: str | None = None,
        config: Mapping[str, Any] | None = None,
        when_busy: Literal["refuse", "queue"] = "refuse",
    ) -> Start:
        """Let a worker run a graph on a thread, once; see `Starts.put`."""
        given: dict[str, Any] = {"thread_id": thread_id, "by": by, "config": config, "when_busy": when_busy}
        return await self.starts.put(workflow, input, **given)

    @property
    def tenant(self) -> str:
        """Whose cases these are."""
        return self._bound.tenant

    async def __aenter__(self) -> Self:
        url = await asyncio.to_thread(database_url, self._url)
        await asyncio.to_thread(migrate, url)
        kwargs = {"autocommit": True, "row_factory": dict_row}
        self._pool = async_pool(url, max_size=self._max_size, bound=self._bound, kwargs=kwargs, lent=True)
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def __enter__(self) -> SyncDesk:
        from hitl_graph.desk.sync_desk import SyncDesk  # imports this module

        self._sync = SyncDesk(self)
        return self._sync.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sync is not None:
            self._sync.close()
            self._sync = None
