"""The connection breaks around the commit, and in the middle of a message: nothing is half, and a retry settles it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk, Reject, open_checkpointer
from hitl_graph.errors import DecisionConflict, HitlError, IdempotencyConflict

from .checker import check
from .evidence import Evidence, gather
from .graphs import letters, request, thread
from .history import History
from .proxy import Proxy
from .sink import Sink

Finish = Callable[..., Evidence]


@pytest.fixture
def proxy(db_url: str) -> Iterator[Proxy]:
    """A proxy before the test's database."""
    with Proxy(db_url) as proxy:
        yield proxy


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_decision_whose_commit_is_in_doubt(
    db_url: str, sink: Sink, proxy: Proxy, paused: Any, arrived: bool
) -> None:
    """Sent again with its key it gives the same answer, whether the first one arrived or not (I1)."""
    paused(sink)
    history = History()
    async with Desk(proxy.url) as desk:
        [case] = await desk.pending()
        given = {"by": "ana", "digest": case.digest, "idempotency_key": "click-1"}
        op = {"thread": case.thread_id, "review": case.id, "key": "click-1"}
        proxy.cut_at_commit(b"SELECT 'decided', thread_id", arrived=arrived)
        with history.op("ana", "decide", **op):
            await desk.decide(case.id, Approve(), **given)
        proxy.wait_cut()
        assert [one["outcome"] for one in history.done] == ["unknown"]
        assert len(gather(db_url).decisions) == int(arrived)

        with history.op("ana", "decide", **op):
            again = await desk.decide(case.id, Approve(), **given)
        with pytest.raises(IdempotencyConflict):
            await desk.decide(case.id, Reject(), **given)
        with pytest.raises(DecisionConflict, match="ana"):
            await desk.decide(case.id, Reject(), by="bob", digest=case.digest, idempotency_key="k2")

    found = gather(db_url, history=history, finished=False)
    assert (again.status, again.by) == ("decided", "ana")
    assert check(found) == []
    assert len(found.decisions) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_pause_whose_commit_is_in_doubt(
    db_url: str, sink: Sink, proxy: Proxy, finished: Finish, arrived: bool
) -> None:
    """The pause and its review are both there or both not; run again, the thread asks once (I5)."""
    with open_checkpointer(proxy.url, max_size=2) as saver:
        graph = letters().compile(checkpointer=saver)
        proxy.cut_at_commit(b".reviews AS r (", arrived=arrived)
        with pytest.raises(psycopg.Error):
            graph.invoke(request(sink.path), thread("t0"), durability="sync")
        proxy.wait_cut()
    assert check(gather(db_url)) == []

    with open_checkpointer(db_url, max_size=2) as saver:
        graph = letters().compile(checkpointer=saver)
        begun = graph.get_state(thread("t0")).next
        graph.invoke(None if begun else request(sink.path), thread("t0"))
    found = finished(sink)

    assert check(found) == []
    assert len(sink.acts()) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_an_act_whose_result_may_not_be_stored(
    db_url: str, plain_sink: Sink, proxy: Proxy, paused: Any, finished: Finish, arrived: bool
) -> None:
    """Done, and known as done: where the commit did not arrive it is written on another connection (I2)."""
    paused(plain_sink)
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        with open_checkpointer(proxy.url, max_size=2) as saver:
            graph = letters(idempotent=False).compile(checkpointer=saver)
            proxy.cut_at_commit(b"'effect_done'", arrived=arrived)
            with contextlib.suppress(psycopg.Error, HitlError):
                desk.resume(graph)
            proxy.wait_cut()
        for failed in desk.cases(status="failed"):
            desk.retry(failed.id, by="ana")

    found = finished(plain_sink)

    assert check(found) == []
    assert len(plain_sink.acts()) == 1
    assert [row["status"] for row in found.effects] == ["done"]


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("after", [2_000, 12_000, 30_000])
def test_cut_in_the_middle_of_a_run(
    db_url: str, sink: Sink, proxy: Proxy, paused: Any, finished: Finish, direction: str, after: int
) -> None:
    """Wherever the bytes end, a later run goes on from there and acts once (I2, I6)."""
    paused(sink)
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        with open_checkpointer(proxy.url, max_size=2) as saver:
            graph = letters().compile(checkpointer=saver)
            proxy.cut_after(after, direction)
            with contextlib.suppress(psycopg.Error, HitlError):  # told, where the database was away
                desk.resume(graph)
        for failed in desk.cases(status="failed"):
            desk.retry(failed.id, by="ana")

    found = finished(sink)

    assert check(found) == []
    assert len(sink.acts()) == 1


async def test_a_refusing_server_lets_nothing_through(
    db_url: str, sink: Sink, proxy: Proxy, paused: Any
) -> None:
    """No decision is made while the database refuses; afterwards the same desk takes it."""
    paused(sink)
    async with Desk(proxy.url) as desk:
        [case] = await desk.pending()
        proxy.set("refuse")
        desk.pool.timeout = 1
        with pytest.raises(psycopg.Error):
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        assert gather(db_url).decisions == []
        proxy.set("pass")
        desk.pool.timeout = 20

        decided = await desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    assert decided.status == "decided"
