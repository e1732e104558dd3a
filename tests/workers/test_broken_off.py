"""A caller's own run whose process died: over where its thread has come to rest, and else shown to a person (I6)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from hitl_graph import Desk, HitlState, open_checkpointer
from hitl_graph.workers import Worker
from tests.support.graphs import lines, mail_graph, thread
from tests.workers.processes import auntil, query

ACTED = """
INSERT INTO hitl.effects (key, thread_id, action, by, status, idempotent)
VALUES ('k1', 't1', 'tag', 'policy of tag', 'done', false)
"""
QUICK: dict[str, Any] = {"poll_s": 0.05, "tick_s": 0.05}


class Steps(HitlState):
    """A folder for what the nodes write down."""

    ticket: str
    sink: str


class Boom(Exception):
    """Raised by a node, with what nobody should read in a log."""


class Died(Exception):
    """Raised in the place of a process's death."""


def node(name: str) -> Any:
    """A node that writes its name down, and that raises or asks where it is called so."""

    def run(state: Steps) -> dict[str, Any]:
        with Path(state["sink"]).open("a", encoding="utf-8") as sink:
            sink.write(f"{state['ticket']} {name}\n")
        if name == "raises":
            raise Boom("the draft of Ana")
        if name == "asks":
            interrupt({"question": "Go on?"})
        return {}

    return run


def steps(*names: str) -> StateGraph[Steps]:
    """Nodes one after another."""
    builder = StateGraph(Steps)
    builder.add_sequence([(name, node(name)) for name in names])
    builder.add_edge(START, names[0])
    return builder


async def break_off(
    url: str, sink: Path, builder: Any, *, before: str | None = None, ticket: str = "T", **metadata: str
) -> None:
    """A caller runs thread t1 under a lease up to a node, or to its end, and its process dies before it says so."""
    async with Desk(url) as desk, open_checkpointer(url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        with contextlib.suppress(Died):
            async with desk.lease("t1", wait=False) as lease:
                assert lease is not None
                config: Any = {"configurable": lease.configurable, "metadata": metadata}
                stop: Any = [before] if before else None
                await graph.ainvoke({"ticket": ticket, "sink": str(sink)}, config, interrupt_before=stop)
                raise Died


async def at_rest(desk: Desk) -> bool:
    """Nobody runs anything, and nothing is left of a run."""
    return not await desk.unfinished_runs()


@pytest.mark.parametrize("metadata", [{}, {"workflow": "steps"}], ids=["by its nodes", "by name"])
async def test_one_in_the_middle_is_left_to_a_person(
    db_url: str, tmp_path: Path, metadata: dict[str, str]
) -> None:
    """Whoever began it may be at it again: no worker runs it beside them, and a finding says how it goes on."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", "b"), before="b", **metadata)
    async with Worker({"steps": steps("a", "b"), "mail": mail_graph()}, db_url, **QUICK) as worker:
        await worker.idle()
        [finding] = await worker.desk.findings()

        assert (finding.kind.value, "--run-on" in finding.fix) == ("run_left_behind", True)
        assert lines(sink) == ["T a"]


async def test_a_run_under_way_is_left(db_url: str, tmp_path: Path) -> None:
    """Its holder lives."""
    sink = tmp_path / "sink"
    builder = steps("a", "b")
    async with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        async with desk.lease("t1", wait=False) as lease:
            assert lease is not None
            config: Any = {"configurable": lease.configurable}
            await graph.ainvoke({"ticket": "T", "sink": str(sink)}, config, interrupt_before=["b"])
            async with Worker({"steps": builder}, db_url, **QUICK) as worker:
                await worker.idle()
                await worker.desk.resume(graph, thread_ids=["t1"])

        assert lines(sink) == ["T a"]


async def test_a_thread_that_waits_for_a_person_is_not_run_again(db_url: str, tmp_path: Path) -> None:
    """It has paused before its process died: only the run is over."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", "asks"))
    async with Worker({"steps": steps("a", "asks")}, db_url, **QUICK) as worker:
        await auntil(lambda: at_rest(worker.desk), "its run is over")
        await worker.idle()

        assert lines(sink) == ["T a", "T asks"]
        assert [case.status.value for case in await worker.desk.cases()] == ["pending"]
        assert await worker.desk.findings() == []


async def test_a_thread_at_its_end_is_not_run_again(db_url: str, tmp_path: Path) -> None:
    """It was done before its process died: only the run is over, and its checkpoints are as before."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", "b"))
    before = query(db_url, "SELECT count(*) FROM checkpoints")
    async with Worker({"steps": steps("a", "b")}, db_url, **QUICK) as worker:
        await auntil(lambda: at_rest(worker.desk), "its run is over")
        await worker.idle()

        assert lines(sink) == ["T a", "T b"]
        assert query(db_url, "SELECT count(*) FROM checkpoints") == before
        assert await worker.desk.findings() == []


@pytest.mark.parametrize("last", ["b", "asks"])
async def test_without_a_worker_the_way_that_is_shown_works(db_url: str, tmp_path: Path, last: str) -> None:
    """At its end or at a question: what the finding says leaves none."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", last))
    async with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        [finding] = await desk.findings()
        if "--run-on" in finding.fix:
            await desk.run_on(steps("a", last).compile(checkpointer=checkpointer), "t1", by="ana")
        else:
            async with Worker({"steps": steps("a", last)}, db_url, **QUICK) as worker:
                await auntil(lambda: at_rest(worker.desk), "its run is over")

        assert await desk.findings() == []
        assert lines(sink) == ["T a", f"T {last}"]


async def test_one_that_no_graph_fits_is_a_finding(db_url: str, tmp_path: Path) -> None:
    """Two graphs could have it: it is not guessed, and a person is told the command."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", "b"), before="b")
    async with Worker({"one": steps("a", "b"), "two": steps("a", "b")}, db_url, **QUICK) as worker:
        await auntil(lambda: told(db_url, "no_graph"), "it says that no graph fits")
        [finding] = await worker.desk.findings()

        assert (finding.kind.value, finding.needs_person) == ("run_left_behind", True)
        assert "--run-on" in finding.fix
        assert lines(sink) == ["T a"]


async def test_one_that_had_stored_nothing_is_let_go(db_url: str) -> None:
    """There is nothing to go on with: an event says so, and nothing is left to be found."""
    async with Desk(db_url) as desk:
        with contextlib.suppress(Died):
            async with desk.lease("t1", wait=False):
                raise Died
        before = [one.kind.value for one in await desk.findings()]
        done = await desk.reconcile()

        assert (before, done) == (["run_left_behind"], 1)
        assert await desk.findings() == []
        assert await told(db_url, "run_dropped")


async def test_one_that_had_acted_is_not_let_go(db_url: str) -> None:
    """Nothing is stored of it, and the ledger knows of an act: begun anew, it would be done twice."""
    async with Desk(db_url) as desk:
        with contextlib.suppress(Died):
            async with desk.lease("t1", wait=False):
                query(db_url, ACTED)
                raise Died
        await desk.reconcile()

        assert [one.kind.value for one in await desk.findings()] == ["run_left_behind"]


async def told(url: str, kind: str) -> bool:
    return bool(query(url, "SELECT id FROM hitl.events WHERE type = %s AND thread_id = 't1'", kind))


async def test_without_a_worker_the_desk_runs_it_on(db_url: str, tmp_path: Path) -> None:
    """`resume` of the thread by its id, once."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", "b"), before="b")
    async with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        graph = steps("a", "b").compile(checkpointer=checkpointer)
        for _ in range(2):
            await desk.resume(graph, thread_ids=["t1"])
        state = await graph.aget_state(thread("t1"))

    assert (lines(sink), state.next) == (["T a", "T b"], ())


async def test_one_that_raises_is_shown_and_not_tried_again(db_url: str, tmp_path: Path) -> None:
    """A finding says what it raised, until the thread goes on; the log keeps no more than the class."""
    sink = tmp_path / "sink"
    await break_off(db_url, sink, steps("a", "raises"), before="raises")
    async with Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        graph = steps("a", "raises").compile(checkpointer=checkpointer)
        for _ in range(2):
            await desk.resume(graph, thread_ids=["t1"])
        [finding] = await desk.findings()

        assert lines(sink) == ["T a", "T raises"]
        assert (finding.kind.value, "the draft of Ana" in finding.what) == ("standing_still", True)
        assert "--run-on" in finding.fix
        [event] = query(db_url, "SELECT data FROM hitl.events WHERE type = 'stood_still'")
        assert event["data"] == {"error": "Boom"}
        await desk.audit.erase("t1", by="dpo", reason="asked")
        assert query(db_url, "SELECT error FROM hitl.runs") == [{"error": None}]
