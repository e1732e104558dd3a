"""What goes wrong with the stock API when several decide at once, and that it cannot happen through our surface."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Desk, Reject, open_checkpointer
from hitl_graph.errors import DecisionConflict
from tests.acceptance.starting import start
from tests.support.graphs import lines, mail_graph, thread, two_gates_graph

SPAWN = multiprocessing.get_context("spawn")


async def astart(graph: Any, sink: Path, name: str = "t1") -> None:
    """Run a thread to its first pause."""
    await graph.ainvoke({"ticket": "Where is my card?", "sink": str(sink)}, thread(name))


async def test_eight_resumes_at_once_send_once(db_url: str, sink: Path) -> None:
    """Eight runs of one decided thread at the same time make one send."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await astart(graph, sink)
        [case] = await desk.pending()
        await desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        await asyncio.gather(*(desk.resume(graph) for _ in range(8)))

        assert len(lines(sink)) == 1


async def test_eight_reviewers_at_once_decide_once(db_url: str, sink: Path) -> None:
    """Of eight who decide at the same time one wins, and seven are told who."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        await astart(mail_graph().compile(checkpointer=checkpointer), sink)
        [case] = await desk.pending()

        tries = [desk.decide(case.id, Approve(), by=f"r{n}", digest=case.digest) for n in range(8)]
        done = await asyncio.gather(*tries, return_exceptions=True)

        winner = (await desk.show(case.id)).by
        conflicts = [one for one in done if isinstance(one, DecisionConflict)]
        assert len(conflicts) == 7
        assert {one.by for one in conflicts} == {winner}


def _decide_and_resume(url: str, verdict: str, barrier: Any) -> None:
    with open_checkpointer(url) as checkpointer, Desk(url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        [case] = desk.pending()
        barrier.wait()
        with contextlib.suppress(DecisionConflict):
            desk.decide(
                case.id, Approve() if verdict == "approve" else Reject(), by=verdict, digest=case.digest
            )
        desk.resume(graph)


def test_one_process_approves_and_one_rejects(db_url: str, sink: Path) -> None:
    """Two processes with opposite decisions: one outcome, never both."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()
        barrier = SPAWN.Barrier(2)
        processes = [
            SPAWN.Process(target=_decide_and_resume, args=(db_url, verdict, barrier))
            for verdict in ("approve", "reject")
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)

        assert [process.exitcode for process in processes] == [0, 0]
        decided = desk.show(case.id)
        assert len(lines(sink)) == (1 if decided.decision_type == "approve" else 0)
        outcomes = [record["decision"] for record in graph.get_state(thread("t1")).values["reviews"]]
        assert outcomes == [decided.decision_type]


def test_approve_then_reject_on_the_same_checkpoint(db_url: str, sink: Path) -> None:
    """The second decision about the same pause is refused, and nothing is sent again."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        with pytest.raises(DecisionConflict, match="approve by ana"):
            desk.decide(case.id, Reject(), by="bob", digest=case.digest)
        desk.resume(graph)

        assert len(lines(sink)) == 1


def test_double_click_does_not_approve_the_next_gate(db_url: str, sink: Path) -> None:
    """A second click on a decided case is a conflict; the next gate's case stays pending."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        [first] = desk.pending()
        desk.decide(first.id, Reject(reason="tone"), by="ana", digest=first.digest)
        desk.resume(graph)  # drafts again and pauses at the next review

        with pytest.raises(DecisionConflict):
            desk.decide(first.id, Reject(reason="tone"), by="ana", digest=first.digest)
        desk.resume(graph)

        [second] = desk.pending()
        assert second.id != first.id
        assert lines(sink) == []


def _answer_gate(url: str, gate: str, barrier: Any) -> None:
    with open_checkpointer(url) as checkpointer, Desk(url) as desk:
        graph = two_gates_graph().compile(checkpointer=checkpointer)
        [case] = desk.pending(gate=gate)
        barrier.wait()
        desk.decide(case.id, Approve(), by=gate, digest=case.digest)
        desk.resume(graph)


def test_two_reviewers_on_two_gates_from_two_processes(db_url: str, sink: Path) -> None:
    """Both answers are applied and the join runs, whoever resumes first."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = two_gates_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        barrier = SPAWN.Barrier(2)
        processes = [
            SPAWN.Process(target=_answer_gate, args=(db_url, gate, barrier))
            for gate in ("reply", "refund_review")
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)

        assert [process.exitcode for process in processes] == [0, 0]
        state = graph.get_state(thread("t1"))
        assert state.next == ()
        assert state.values["ticket"].endswith("(done)")
        assert len(lines(sink)) == 2
        assert len(desk.pending()) == 0
