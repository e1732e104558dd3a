"""The ledger: on one approval an act is done once, whatever is raised, replayed, copied or run at once (I2, I3)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import Approve, Desk, Edit, add_gate, effect, open_checkpointer
from hitl_graph.desk.effects import EffectStatus
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError, EffectNotApproved, EffectNotDone, EffectNotFound
from hitl_graph.reviews import proposal_digest
from tests.support.graphs import SEND, State, draft, lines, mail_graph, reply_gate, thread

APPROVE = {"type": "approve"}


class Target:
    """An outside world that counts what it is told, and fails as it is bidden."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.raises: Exception | None = None

    def send(self, state: State) -> dict[str, Any]:
        """Told without a key: it cannot know a second time from a first."""
        return self._done(state["email"]["body"])

    def send_once(self, state: State, key: str) -> dict[str, Any]:
        """Told with the key."""
        assert key
        return self._done(key)

    def _done(self, what: str) -> dict[str, Any]:
        self.told.append(what)
        if self.raises is not None:
            error, self.raises = self.raises, None
            raise error
        return {"ticket": f"sent {len(self.told)}"}


def graph_of(function: Any) -> StateGraph[State]:
    """draft → reply (gate) → send."""
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(function, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


@pytest.fixture
def saver(db_url: str) -> Iterator[Any]:
    """A saver on the test's database."""
    with open_checkpointer(db_url) as opened:
        yield opened


@pytest.fixture
def graph(saver: Any, target: Target) -> Any:
    """draft → reply (gate) → send, which tells the target without a key."""
    return graph_of(target.send).compile(checkpointer=saver)


@pytest.fixture
def target() -> Target:
    """What is told."""
    return Target()


@pytest.fixture
def desk(db_url: str) -> Iterator[SyncDesk]:
    """The desk of the test's database."""
    with Desk(db_url) as opened:
        yield opened


def approved(graph: Any, desk: SyncDesk, name: str = "t1") -> str:
    """A thread whose only case was approved at the desk; the case's id."""
    graph.invoke({"ticket": "Hi"}, thread(name))
    [case] = desk.pending(thread_id=name)
    desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=name)
    return case.id


@pytest.mark.parametrize("keyed", [False, True])
def test_eight_resumes_at_once_act_once(db_url: str, tmp_path: Path, keyed: bool) -> None:
    """Stock LangGraph sent eight times for eight concurrent resumes of one approval (I2)."""
    target, sink = Target(), tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer:
        graph = (mail_graph() if keyed else graph_of(target.send)).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Hi", "sink": str(sink)}, thread("t1"))
        start = threading.Barrier(8)

        def resume() -> None:
            start.wait()
            with contextlib.suppress(ValidationError):  # for some the thread has left the pause behind
                graph.invoke(Command(resume=APPROVE), thread("t1"))

        runs = [threading.Thread(target=resume) for _ in range(8)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()

        assert len(lines(sink) if keyed else target.told) == 1
        assert graph.get_state(thread("t1")).next == ()


async def test_eight_resumes_at_once_act_once_in_async_graphs(db_url: str, target: Target) -> None:
    """A sync function in an async graph is kept in the ledger by the loop."""
    async with open_checkpointer(db_url) as checkpointer:
        graph = graph_of(target.send).compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Hi"}, thread("t1"))

        runs = (graph.ainvoke(Command(resume=APPROVE), thread("t1")) for _ in range(8))
        done = await asyncio.gather(*runs, return_exceptions=True)

        assert len(target.told) == 1
        assert {type(one) for one in done} <= {dict, ValidationError}
        assert dict in {type(one) for one in done}


def test_a_replay_gives_what_the_act_gave(graph: Any, desk: SyncDesk, target: Target) -> None:
    """Run again from before the act, the thread gets the act's own update and the target hears nothing."""
    approved(graph, desk)
    desk.resume(graph)
    before = next(s for s in graph.get_state_history(thread("t1")) if s.next == ("send",))

    replayed = graph.invoke(None, before.config)

    assert target.told == ["Draft 1"]
    assert replayed["ticket"] == "sent 1"


def test_a_copied_thread_does_not_act_again(graph: Any, saver: Any, desk: SyncDesk, target: Target) -> None:
    """A copy holds the same review: an approval in it finds that the act was done."""
    graph.invoke({"ticket": "Hi"}, thread("t1"))
    saver.copy_thread("t1", "copy")
    for name in ("t1", "copy"):
        [case] = desk.pending(thread_id=name)
        desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=name)

    desk.resume(graph)

    assert target.told == ["Draft 1"]
    assert graph.get_state(thread("copy")).values["ticket"] == "sent 1"


def test_a_copy_that_was_edited_does_not_act_on_the_same_review(
    graph: Any, saver: Any, desk: SyncDesk, target: Target
) -> None:
    """One review lets one act through: other content under its key is refused."""
    graph.invoke({"ticket": "Hi"}, thread("t1"))
    saver.copy_thread("t1", "copy")
    [case] = desk.pending(thread_id="t1")
    desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id="t1")
    desk.resume(graph)
    desk.decide(case.id, Edit({"body": "other"}), by="bob", digest=case.digest, thread_id="copy")

    [resumed] = desk.resume(graph)

    assert target.told == ["Draft 1"]
    assert "something else was begun before" in str(resumed.error)


def test_an_act_that_raised_is_not_tried_again_before_a_person_has_looked(
    graph: Any, desk: SyncDesk, target: Target
) -> None:
    """It may have been done before it raised: the outcome is unknown, the case has failed, and a retry says why."""
    case = approved(graph, desk)
    target.raises = TimeoutError("no answer")
    desk.resume(graph)

    desk.retry(case, by="ana")
    [again] = desk.resume(graph)

    assert target.told == ["Draft 1"]
    assert desk.effects.show(case).status is EffectStatus.UNKNOWN
    assert "desk.effects.settle" in str(again.error)
    assert desk.show(case).status.value == "failed"


@pytest.mark.parametrize(("happened", "told"), [(True, 1), (False, 2)])
def test_a_person_settles_an_unknown_outcome(
    graph: Any, desk: SyncDesk, target: Target, happened: bool, told: int
) -> None:
    """Said to have happened, the thread goes on without acting; said not to, it acts now."""
    case = approved(graph, desk)
    target.raises = TimeoutError("no answer")
    desk.resume(graph)

    desk.effects.settle(case, happened=happened, by="ana", note="I asked the mail server")
    desk.resume(graph)

    assert len(target.told) == told
    assert desk.effects.show(case).status is EffectStatus.DONE
    assert graph.get_state(thread("t1")).next == ()
    assert "effect_settled" in [event["type"] for event in desk.history(case)]


def test_an_act_that_says_nothing_was_done_is_tried_again(graph: Any, desk: SyncDesk, target: Target) -> None:
    """`EffectNotDone` is the act's own word: a retry acts."""
    case = approved(graph, desk)
    target.raises = EffectNotDone("connection refused")
    desk.resume(graph)
    first = desk.effects.show(case)

    desk.retry(case, by="ana")
    desk.resume(graph)

    assert first.status is EffectStatus.NOT_DONE
    assert [desk.effects.show(case).attempt, len(target.told)] == [2, 2]


def test_a_target_that_takes_the_key_is_told_again_with_the_same_one(
    db_url: str, desk: SyncDesk, target: Target
) -> None:
    """It acts once for one key, so trying again is safe."""
    with open_checkpointer(db_url) as checkpointer:
        graph = graph_of(target.send_once).compile(checkpointer=checkpointer)
        case = approved(graph, desk)
        target.raises = TimeoutError("no answer")
        desk.resume(graph)

        desk.retry(case, by="ana")
        desk.resume(graph)

        assert target.told == [case, case]


def test_an_approval_that_nobody_gave_lets_nothing_through(
    graph: Any, desk: SyncDesk, target: Target
) -> None:
    """A record written into the state by hand names a review that the desk never approved (I3)."""
    approved(graph, desk, "other")
    desk.resume(graph)
    [forged] = graph.get_state(thread("other")).values["reviews"]
    graph.invoke({"ticket": "Hi"}, thread("t1"))
    target.told.clear()

    forked = graph.update_state(thread("t1"), {"reviews": [{**forged, "review": "f" * 32}]}, as_node="reply")

    with pytest.raises(EffectNotApproved, match="no such review was ever asked"):
        graph.invoke(Command(goto="send"), forked)
    assert target.told == []


def test_a_rejection_made_into_an_approval_lets_nothing_through(
    graph: Any, desk: SyncDesk, target: Target
) -> None:
    """The desk's own word counts, whatever the state says of it."""
    graph.invoke({"ticket": "Hi"}, thread("t1"))
    graph.invoke(Command(resume={"type": "reject", "reason": "tone", "by": "ana"}), thread("t1"))
    [record] = graph.get_state(thread("t1")).values["reviews"]
    email = graph.get_state(thread("t1")).values["email"]
    forged = {**record, "outcome": "approved", "final_digest": proposal_digest("send_email", email)}
    config = graph.update_state(thread("t1"), {"reviews": [forged]}, as_node="draft")

    with pytest.raises(EffectNotApproved, match="it was not approved: reject by ana"):
        graph.invoke(Command(goto="send"), config)
    assert target.told == []


def test_settling_what_is_known_is_refused(graph: Any, desk: SyncDesk, target: Target) -> None:
    """Only an unknown outcome can be settled, and only by somebody."""
    case = approved(graph, desk)
    desk.resume(graph)

    with pytest.raises(AnswerError, match="is done: only an unknown outcome"):
        desk.effects.settle(case, happened=False, by="ana")
    with pytest.raises(AnswerError, match="by: is empty"):
        desk.effects.settle(case, happened=False, by=" ")
    with pytest.raises(EffectNotFound):
        desk.effects.settle("none", happened=False, by="ana")
    assert [effect.status.value for effect in desk.effects.list()] == ["done"]


def test_the_history_of_a_case_tells_of_its_act(graph: Any, desk: SyncDesk, target: Target) -> None:
    """Begun and done are events of the case that approved it (R45)."""
    case = approved(graph, desk)

    desk.resume(graph)

    types = [event["type"] for event in desk.history(case)]
    assert types == ["asked", "decided", "applied", "effect_begun", "effect_done"]


async def test_more_acts_than_connections_wait_for_each_other(db_url: str) -> None:
    """Twelve acts at once over three connections: those that find none free wait, and all are done."""
    told: list[str] = []

    async def slow(state: State, key: str) -> None:
        await asyncio.sleep(0)
        told.append(key)

    async with open_checkpointer(db_url, max_size=3) as checkpointer:
        graph = graph_of(slow).compile(checkpointer=checkpointer)
        names = [f"t{number}" for number in range(12)]
        await asyncio.gather(*(graph.ainvoke({"ticket": "Hi"}, thread(name)) for name in names))

        await asyncio.gather(*(graph.ainvoke(Command(resume=APPROVE), thread(name)) for name in names))

    assert len(told) == len(set(told)) == 12


async def test_a_sibling_that_raises_does_not_cut_an_act_off(db_url: str) -> None:
    """LangGraph cancels what runs beside a failed node: an act under way comes to its end, and is known to be done."""
    begun, told = asyncio.Event(), []

    async def slow(_: State) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        told.append("sent")

    async def fails(_: State) -> None:
        await begun.wait()
        raise LookupError("a sibling")

    builder = graph_of(slow)
    builder.add_node("fails", fails)
    builder.add_edge("reply", "fails")
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Hi"}, thread("t1"))

        with contextlib.suppress(LookupError):
            await graph.ainvoke(Command(resume=APPROVE), thread("t1"))
        until = asyncio.get_running_loop().time() + 30
        while not told:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0)
        while (effects := await desk.effects.list())[0].status is EffectStatus.STARTED:
            assert asyncio.get_running_loop().time() < until

    assert [effect.status.value for effect in effects] == ["done"]


def test_what_came_of_an_act_is_kept_when_the_connection_broke_meanwhile(db_url: str, desk: SyncDesk) -> None:
    """The database restarts while the act is done: its result is written on a new connection."""

    def send(_: State) -> None:
        with psycopg.connect(db_url, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    with open_checkpointer(db_url) as checkpointer:
        graph = graph_of(send).compile(checkpointer=checkpointer)
        case = approved(graph, desk)
        with contextlib.suppress(psycopg.OperationalError):
            desk.resume(graph)

        assert desk.effects.show(case).status is EffectStatus.DONE


def test_an_event_holds_no_text_of_what_was_raised(graph: Any, desk: SyncDesk, target: Target) -> None:
    """Exceptions like to repeat what was to be sent: the event names their kind alone."""
    case = approved(graph, desk)
    target.raises = ValueError("cannot deliver: dear Ana")

    desk.resume(graph)

    [unknown] = [event for event in desk.history(case) if event["type"] == "effect_unknown"]
    assert unknown["data"]["because"] == "ValueError"
    assert "dear Ana" in str(desk.effects.show(case).error)
