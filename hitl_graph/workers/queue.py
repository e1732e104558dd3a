"""The queue as one worker sees it: what the database does not answer is asked again, and no job is lost."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from procrastinate import exceptions
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from hitl_graph.storage.statements import load_statements

__all__ = ["Queue", "pause_s"]

SQL = load_statements("hitl_graph.workers", "jobs.sql")
_FIRST_S, _LONGEST_S = 0.1, 2.0
_RANDOM = random.SystemRandom()  # a program's own seed stays as the program left it


def pause_s(failures: int, *, first: float = _FIRST_S, longest: float = _LONGEST_S) -> float:
    """How long to wait after so many failures in a row: twice as long each time, and never just as long as others."""
    return min(first * 2.0 ** min(failures, 16), longest) * _RANDOM.uniform(0.5, 1.0)


class Queue(JobManager):
    """procrastinate's own, for one registered worker, with what an outage would break.

    Without it a database that is away for a moment ends the worker, or leaves a job that was done, or was fetched and
    never arrived, standing as under way for ever.

    Args:
        connector: Its connections. tell: Takes a sentence about what happened.
        give_up_s: Seconds for which the end of a job is tried to be stored.
    """

    def __init__(self, connector: BaseConnector, *, tell: Callable[[str], None], give_up_s: float) -> None:
        super().__init__(connector)
        self._tell = tell
        self.give_up_s = give_up_s
        self._worker_id: int | None = None
        self._known: set[int] = set()
        self._suspect = False
        self._failures = 0
        self._failed_at = -math.inf
        self._fetching = asyncio.Lock()

    async def register_worker(self) -> int:
        """Its number from here on."""
        self._worker_id = await super().register_worker()
        return self._worker_id

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job; None also while the database does not answer.

        Raises:
            ConnectorException: This worker was taken for dead, and must register again.
        """
        async with self._fetching:
            try:
                job = await super().fetch_job(queues, worker_id)
            except exceptions.UniqueViolation:  # another worker took a job of this thread in the same moment
                return None
            except exceptions.ConnectorException as error:
                if isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation):
                    raise
                self._suspect = True  # it may have been given a job without hearing of it
                await self._wait(error)
                return None
            if self._failures:
                self._failures = 0
                self._tell("the database answers again")
            if job is not None and job.id is not None:
                self._known.add(job.id)
            return job

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001  # its signature
        """Store that a job has ended, when the database answers again; what was put back meanwhile is another's."""
        assert job.id is not None
        try:
            async with asyncio.timeout(self.give_up_s):
                for failures in range(1_000_000):
                    try:
                        return await super().finish_job(job, status, delete_job)
                    except exceptions.ConnectorException as error:
                        if isinstance(
                            error.__cause__, psycopg.errors.RaiseException
                        ):  # there is no such job now
                            return None
                    await asyncio.sleep(pause_s(failures))
        except TimeoutError:
            self._suspect = True
        finally:
            self._known.discard(job.id)

    async def update_heartbeat(self, worker_id: int) -> None:
        """A sign of life; one that does not arrive is followed by the next."""
        try:
            await super().update_heartbeat(worker_id)
        except exceptions.ConnectorException:
            return

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Hear of new jobs at once; while that is not possible they are found by asking."""
        for failures in range(1_000_000_000):
            try:
                await super().listen_for_jobs(on_notification=on_notification, queues=queues)
            except (exceptions.ConnectorException, OSError):
                await asyncio.sleep(pause_s(min(failures, 5)))

    async def recover(self, stalled_s: float) -> int:
        """Put back the jobs of workers that gave no sign of life for so many seconds, and lost ones of its own.

        Returns:
            How many wait again.
        """
        if self._worker_id is not None:
            await self.update_heartbeat(self._worker_id)
        if (
            time.monotonic() - self._failed_at > stalled_s
        ):  # after an outage everybody's last sign of life is old
            await self.prune_stalled_workers(stalled_s)
        async with self._fetching:
            mine = self._worker_id if self._suspect else None
            params: dict[str, Any] = {"worker_id": mine, "known": list(self._known)}
            found = await self.connector.execute_query_all_async(SQL["put_back"], **params)
            if mine is not None:
                self._suspect = False
        for job in found:
            self._tell(f"thread {job['thread_id']}: its worker is gone, and {job['task_name']} waits again")
        return len(found)

    async def waiting(self, queues: list[str]) -> int:
        """How many jobs of these queues wait or run."""
        found = await self.connector.execute_query_one_async(SQL["count_waiting"], queues=queues)
        return int(found["jobs"])

    async def _wait(self, error: BaseException) -> None:
        if not self._failures:
            self._tell(f"the database does not answer: {error.__cause__ or error}")
        self._failures += 1
        self._failed_at = time.monotonic()
        await asyncio.sleep(pause_s(self._failures))
