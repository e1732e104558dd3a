"""LangGraph stores writes and checkpoints from a pool, in any order: each order comes to the same."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from hitl_graph import Approve, Desk
from hitl_graph.checkpointers import ReviewSaver

from .conftest import Start
from .driver import Mode, Run
from .graphs import BY_NAME
from .ledger import Ledger

pytestmark = pytest.mark.asyncio(loop_scope="session")
SYNC = Mode(is_async=False, durability="sync")


class LateAnswers(ReviewSaver):
    """Stores an answer only after the next checkpoint, as LangGraph's pool of writers may."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.held: list[tuple[Any, ...]] = []
        self.newest = ""
        self.mutex = threading.Lock()

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        answered = any(channel == "__resume__" for channel, _ in writes)
        with self.mutex:
            if answered and config["configurable"]["checkpoint_id"] == self.newest:
                self.held.append((config, writes, task_id, task_path))
                return
        super().put_writes(config, writes, task_id, task_path)

    def put(self, *args: Any) -> RunnableConfig:
        config = super().put(*args)
        with self.mutex:
            self.newest = config["configurable"]["checkpoint_id"]
            held, self.held = self.held, []
        for one in held:
            super().put_writes(*one)
        return config


class EarlyQuestions(ReviewSaver):
    """Stores a checkpoint only after what is asked at it, as LangGraph's pool of writers may."""

    def __init__(self, *args: Any, how_many: int) -> None:
        super().__init__(*args)
        self.how_many = how_many
        self.asked = threading.Semaphore(0)
        self.waited = False

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> RunnableConfig:
        if metadata["source"] == "loop" and "gate" in str(checkpoint["updated_channels"]):
            for _ in range(self.how_many):
                self.waited = self.asked.acquire(timeout=30)
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        super().put_writes(config, writes, task_id, task_path)
        if writes[0][0] == "__interrupt__":
            self.asked.release()


class CallersFirst(ReviewSaver):
    """Stores what an entrypoint asks before what its tasks ask, as LangGraph's pool of writers may."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.held: list[tuple[Any, ...]] = []

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        asks = writes[0][0] == "__interrupt__"
        if asks and task_path.startswith("~__pregel_push"):
            self.held.append((config, writes, task_id, task_path))
            return
        super().put_writes(config, writes, task_id, task_path)
        while asks and self.held:
            super().put_writes(*self.held.pop())


class AllEarly(ReviewSaver):
    """Stores what an entrypoint's tasks ask, then what it asks itself, and only then its first checkpoint."""

    def __init__(self, *args: Any, tasks: int) -> None:
        super().__init__(*args)
        self.tasks = tasks
        self.asked, self.repeated = threading.Semaphore(0), threading.Semaphore(0)
        self.waited: list[bool] = []

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> RunnableConfig:
        if metadata["source"] == "input" and not self.waited:
            self.waited.append(self.repeated.acquire(timeout=30))
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        asks, of_task = writes[0][0] == "__interrupt__", task_path.startswith("~__pregel_push")
        if asks and not of_task and len(self.waited) < 1 + self.tasks:
            self.waited += [self.asked.acquire(timeout=30) for _ in range(self.tasks)]
        super().put_writes(config, writes, task_id, task_path)
        if asks:
            (self.asked if of_task else self.repeated).release()


async def test_the_question_may_come_before_the_checkpoint(sync_saver: Any, ledger: Ledger) -> None:
    """Stored before the checkpoint that it is asked at, a question is open once that is there."""
    saver = EarlyQuestions(sync_saver.conn, how_many=2)
    run = Run(BY_NAME["parallel"].compile(saver), Mode(is_async=False, durability="async"), ledger)

    await run.start()

    assert saver.waited
    assert run.statuses() == ["pending", "pending"]
    assert ledger.events(run.thread_id) == ["asked", "asked"]


@pytest.mark.parametrize("name", ["single", "parallel", "functional"])
async def test_the_answer_may_come_after_the_checkpoint(sync_saver: Any, ledger: Ledger, name: str) -> None:
    """Stored after the checkpoint that it led to, an answer is still the answer, and given once."""
    run = Run(BY_NAME[name].compile(LateAnswers(sync_saver.conn)), SYNC, ledger)

    await run.start()
    await run.resume({one: f"to {one}" for one in run.open()})

    for row in ledger.reviews(run.thread_id):
        assert (row["status"], row["decision"]) == ("applied", f"to {row['id']}")


async def test_an_entrypoint_may_ask_before_its_task(sync_saver: Any, ledger: Ledger) -> None:
    """The question that both ask is the task's, whoever was stored first: its answer is kept."""
    run = Run(BY_NAME["functional"].compile(CallersFirst(sync_saver.conn)), SYNC, ledger)

    await run.start()
    first, second = run.open()
    await run.resume({first: "to the first"})
    await run.resume({second: "to the second"})

    assert [decision for _, decision, _, _ in run.decisions()] == ["to the first", "to the second"]


async def test_all_may_be_asked_before_the_checkpoint(sync_saver: Any, ledger: Ledger) -> None:
    """What an entrypoint repeats of its tasks' questions does not take these from them: their answers are kept."""
    saver = AllEarly(sync_saver.conn, tasks=2)
    run = Run(BY_NAME["functional"].compile(saver), SYNC, ledger)

    await run.start()
    await run.resume({one: f"to {one}" for one in run.open()})

    assert saver.waited == [True, True, True]
    for row in ledger.reviews(run.thread_id):
        assert (row["status"], row["decision"]) == ("applied", f"to {row['id']}")


async def test_the_desks_answer_may_come_after_the_checkpoint(
    sync_saver: Any, ledger: Ledger, shared_url: str
) -> None:
    """The same for an answer from the desk: it stays the desk's."""
    run = Run(BY_NAME["single-gate"].compile(LateAnswers(sync_saver.conn)), SYNC, ledger)

    await run.start()
    async with Desk(shared_url) as desk:
        [case] = await desk.pending(thread_id=run.thread_id)
        await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        await desk.resume(run.graph, thread_ids=[run.thread_id])
    await run.check()

    assert run.decisions() == [("approve", {"type": "approve"}, "ana", "desk")]
    assert ledger.events(run.thread_id) == ["asked", "decided", "applied"]


async def test_an_answer_that_meets_a_decision_half_made(
    new_run: Start, ledger: Ledger, shared_url: str
) -> None:
    """A decision commits while the thread takes another answer: the one that took effect is kept."""
    run = new_run(BY_NAME["single-gate"], SYNC)
    await run.start()
    [first] = run.first()
    row = ledger.reviews(run.thread_id)[0]
    decide = """
        WITH decided AS (
            UPDATE hitl.reviews SET status = 'decided' WHERE thread_id = %(t)s RETURNING thread_id, id
        ), told AS (
            INSERT INTO hitl.events (type, thread_id, review_id) SELECT 'decided', thread_id, id FROM decided
        )
        INSERT INTO hitl.decisions (thread_id, review_id, type, decision, by, via, digest)
        SELECT thread_id, id, 'reject', '{"type": "reject"}', 'ana', 'desk', %(d)s FROM decided
    """

    with psycopg.connect(shared_url) as reviewer:
        reviewer.execute(decide, {"t": run.thread_id, "d": row["digest"]})
        answer: Command[Any] = Command(resume={first: {"type": "approve", "by": "bob"}})
        going_on = threading.Thread(target=lambda: run.graph.invoke(answer, run.config(), durability="sync"))
        going_on.start()
        while not ledger.rows(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            pass
        reviewer.commit()
        going_on.join()
    await run.check()

    assert run.decisions() == [("elsewhere", {"type": "approve", "by": "bob"}, "bob", "resume")]
    assert ledger.events(run.thread_id)[-1] == "decided_elsewhere"
