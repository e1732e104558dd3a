"""Many reviews at once in a sync graph: threads for all of them, and nothing that they gave is lost."""

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.pregel._loop import SyncPregelLoop
from langgraph.types import Command

from hitl_graph.functional import gather, review
from tests.unit.factories import EMAIL, review_gate

CONFIG: Any = {"configurable": {"thread_id": "t"}}
MANY = (os.cpu_count() or 1) + 12
"""More tasks than a sync graph has threads, which are four more than cores."""


def approve_all(out: Any) -> Command[Any]:
    return Command(resume={one.id: {"type": "approve"} for one in out["__interrupt__"]})


def mails(sent: list[str]) -> Any:
    """An entrypoint that drafts, reviews and sends a mail to each recipient, each step a task inside a task."""

    @task
    def draft(recipient: str) -> dict[str, Any]:
        return {**EMAIL, "to": recipient}

    @task
    def send(recipient: str) -> None:
        sent.append(recipient)

    @task
    def one(recipient: str) -> str:
        reviewed = review(review_gate(), draft(recipient).result(), context={"ticket": "Where is it?"})
        if reviewed.approved:
            send(reviewed.final["to"]).result()
        return reviewed.outcome

    @entrypoint(checkpointer=InMemorySaver())
    def flow(recipients: list[str]) -> list[str]:
        return gather([one(recipient) for recipient in recipients])

    return flow


@pytest.mark.timeout(60)
def test_tasks_that_wait_for_tasks_of_their_own_do_not_take_all_threads() -> None:
    """More tasks than threads, each waiting for an inner one before and after its review, all come through."""
    sent: list[str] = []
    flow = mails(sent)
    recipients = [f"{number}@example.com" for number in range(MANY)]

    out = flow.invoke(recipients, CONFIG)
    assert len(out["__interrupt__"]) == MANY

    assert flow.invoke(approve_all(out), CONFIG) == ["approved"] * MANY
    assert sorted(sent) == sorted(recipients)


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_threads")
def test_tasks_at_once_note_one_after_another_what_they_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangGraph's list of it is copied and replaced without a lock: two threads in it at once would lose one of two."""
    own, inside, most, lock = SyncPregelLoop.put_writes, [0], [0], threading.Lock()

    def counted(self: SyncPregelLoop, *args: Any, **kwargs: Any) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        own(self, *args, **kwargs)
        for _ in range(2000):
            pass
        with lock:
            inside[0] -= 1

    monkeypatch.setattr(SyncPregelLoop, "put_writes", counted)

    @task
    def one(
        recipient: str,
    ) -> str:  # whose first task is a review: what ends before that, LangGraph notes as ever
        return review(review_gate(), {**EMAIL, "to": recipient}, context={"ticket": "Where is it?"}).outcome

    @entrypoint(checkpointer=InMemorySaver())
    def flow(recipients: list[str]) -> list[str]:
        return gather([one(recipient) for recipient in recipients])

    out = flow.invoke([f"{number}@example.com" for number in range(MANY)], CONFIG, durability="exit")
    flow.invoke(approve_all(out), CONFIG, durability="exit")

    assert most == [1]


def test_what_is_being_noted_when_a_review_begins_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft that ended before notes took turns is noted to the end first: neither it nor the review's is lost."""
    own, drafted, another = SyncPregelLoop.put_writes, threading.Event(), threading.Event()
    met: list[bool] = []

    def slow(self: SyncPregelLoop, task_id: str, writes: Any) -> None:
        if not drafted.is_set():
            drafted.set()
            met.append(another.wait(0.3))
        else:
            another.set()
        own(self, task_id, writes)

    @task
    def draft(recipient: str) -> dict[str, Any]:
        return {**EMAIL, "to": recipient}

    @entrypoint(checkpointer=InMemorySaver())
    def flow(recipient: str) -> str:
        began = draft(recipient)
        assert drafted.wait(30)
        outcome = review(review_gate(), dict(EMAIL), context={"ticket": "Where is it?"}).outcome
        return f"{outcome}: {began.result()['to']}"

    monkeypatch.setattr(SyncPregelLoop, "put_writes", slow)

    out = flow.invoke("ana@example.com", CONFIG, durability="exit")

    assert (len(out["__interrupt__"]), another.is_set(), met) == (1, True, [False])
