"""A decision at the desk and its thread, in every mode: after each step both say the same."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from langgraph.graph import END

from hitl_graph import Approve, Choose, Desk, Edit, Reject, Respond
from hitl_graph.decisions import Decision
from hitl_graph.desk.in_process import Resumed
from hitl_graph.errors import ReviewClosed

from .conftest import Start
from .driver import MODES, Mode, Run
from .graphs import BY_NAME, RAISES, Shape, add_gate, chain, compiled, draft, gate, says

pytestmark = pytest.mark.asyncio(loop_scope="session")
in_every_mode = pytest.mark.parametrize("mode", MODES, ids=str)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(shared_url: str) -> AsyncIterator[Desk]:
    """One desk for all."""
    async with Desk(shared_url) as desk:
        yield desk


async def decide(desk: Desk, run: Run, review_id: str, decision: Decision, by: str = "ana") -> None:
    """Decide on a case as it stands, then compare."""
    case = await desk.show(review_id, thread_id=run.thread_id)
    await desk.decide(case.id, decision, by=by, digest=case.digest, thread_id=run.thread_id)
    await run.check()


async def resume(desk: Desk, run: Run) -> list[Resumed]:
    """Let the thread go on in its mode, then compare."""
    durability = {"configurable": {"__pregel_durability": run.mode.durability}}
    found = await desk.resume(run.graph, thread_ids=[run.thread_id], config=durability)
    await run.check()
    return found


@in_every_mode
@pytest.mark.parametrize(
    ("shape", "decision"),
    [
        ("single-gate", Approve()),
        ("confidence-gate", Edit({"body": "better"})),
        ("subgraph-gate", Approve()),
        ("subgraph-twice", Approve()),
        ("error-gate", Choose("skip")),
        ("single", Respond("yes")),
        ("tool", Respond("yes")),
        ("error", Respond("retry")),
        ("functional", Respond("yes")),
    ],
)
async def test_decided_and_applied(
    new_run: Start, desk: Desk, mode: Mode, shape: str, decision: Decision
) -> None:
    """pending → decided → applied, for our gates and for interrupts of other origin."""
    run = new_run(BY_NAME[shape], mode)

    await run.start()
    asked = list(run.open())
    for one in asked:
        await decide(desk, run, one, decision)
    assert set(run.statuses()) == {"decided"}
    [resumed] = await resume(desk, run)

    assert sorted(resumed.applied) == sorted(asked)
    assert set(run.statuses()) == {"applied"}
    assert run.ledger.events(run.thread_id)[-1] == "applied"
    assert {(row["decision_type"], row["by"], row["via"]) for row in run.ledger.reviews(run.thread_id)} == {
        (decision.type, "ana", "desk")
    }


@in_every_mode
async def test_a_rejection_is_asked_again(new_run: Start, desk: Desk, mode: Mode) -> None:
    """Rejected, redrafted, approved: two reviews, each with its decision."""
    run = new_run(BY_NAME["loop-gate"], mode)

    await run.start()
    await decide(desk, run, run.first()[0], Reject(reason="tone"))
    await resume(desk, run)
    await decide(desk, run, run.first()[0], Approve())
    await resume(desk, run)

    assert [row["decision_type"] for row in run.ledger.reviews(run.thread_id)] == ["reject", "approve"]
    assert run.statuses() == ["applied", "applied"]


@in_every_mode
async def test_decided_then_superseded(new_run: Start, desk: Desk, mode: Mode) -> None:
    """New input after the decision: nothing is resumed, and the desk takes no other decision on it."""
    run = new_run(BY_NAME["single-gate"], mode)

    await run.start()
    [first] = run.first()
    await decide(desk, run, first, Approve())
    await run.start(text="second")

    assert await resume(desk, run) == []
    assert run.statuses() == ["superseded", "pending"]
    with pytest.raises(ReviewClosed):
        await decide(desk, run, first, Approve(), by="bob")
    assert "sent" not in (await run.state()).values.get("log", [])


@in_every_mode
@pytest.mark.parametrize("shape", ["parallel-gates", "fan-out-gates", "subgraph-parallel"])
async def test_two_reviewers_and_one_resume(
    new_run: Start, desk: Desk, shared_url: str, mode: Mode, shape: str
) -> None:
    """Decided by two people at two desks: one resume hands over all the answers, and the join runs."""
    run = new_run(BY_NAME[shape], mode)
    decision = Respond("yes") if shape == "subgraph-parallel" else Approve()

    await run.start()
    asked = list(run.open())
    async with Desk(shared_url) as other:
        await decide(desk, run, asked[0], decision, by="ana")
        for one in asked[1:]:
            await decide(other, run, one, decision, by="bob")
        [resumed] = await resume(other, run)

    assert sorted(resumed.applied) == sorted(asked)
    assert (await run.state()).next == ()
    assert [row["by"] for row in run.ledger.reviews(run.thread_id)] == ["ana", *["bob"] * len(asked[1:])]


@in_every_mode
async def test_one_of_two_is_decided(new_run: Start, desk: Desk, mode: Mode) -> None:
    """One gate is answered; the other keeps waiting, and can be answered past the desk."""
    run = new_run(BY_NAME["parallel-gates"], mode)

    await run.start()
    await decide(desk, run, run.first()[0], Approve())
    await resume(desk, run)
    assert run.statuses() == ["applied", "pending"]
    await run.answer(run.first())

    assert [row["via"] for row in run.ledger.reviews(run.thread_id)] == ["desk", "resume"]


def with_consequence(consequence: str) -> Any:
    """A deploy of the gate in other words, about a mail with another schema."""
    builder = chain(("draft", draft))
    builder.add_node("send", says("sent"))
    add_gate(builder, gate(consequence=consequence, proposal="text"), approved="send", rejected=END)
    builder.add_edge("draft", "gate")
    return builder


@in_every_mode
async def test_a_refused_answer_is_open_again(new_run: Start, desk: Desk, mode: Mode) -> None:
    """A deploy proposes something else under a decided case: refused, shown anew, and answerable."""
    run = new_run(BY_NAME["single-gate"], mode)
    await run.start()
    [first] = run.first()
    await decide(desk, run, first, Approve())

    deployed = new_run(Shape("deployed", compiled(lambda: with_consequence("Sends the text."))), mode).graph
    later = Run(deployed, mode, run.ledger, run.thread_id)
    [resumed] = await resume(desk, later)

    assert resumed.refused == (first,)
    assert run.ledger.events(run.thread_id) == ["asked", "decided", "refused", "changed"]
    case = await desk.show(first)
    assert (case.status, case.proposal) == ("pending", {"value": "first"})
    await decide(desk, later, first, Approve())
    await resume(desk, later)
    assert later.statuses() == ["applied"]


@in_every_mode
async def test_a_failure_after_the_answer(new_run: Start, desk: Desk, mode: Mode) -> None:
    """The node raises on the desk's answer: failed, with the error; a retry hands over the same decision."""
    run = new_run(RAISES, mode)

    await run.start()
    [first] = run.first()
    await decide(desk, run, first, Respond("bad"))
    [resumed] = await resume(desk, run)
    assert "bad answer" in (resumed.error or "")
    assert (await desk.show(first)).error == "bad answer"
    await desk.retry(first, by="ana")
    await run.check()
    await resume(desk, run)

    assert run.statuses() == ["failed"]
    assert run.ledger.events(run.thread_id) == ["asked", "decided", "failed", "retried", "failed"]


@in_every_mode
async def test_a_failure_that_was_mended(new_run: Start, desk: Desk, mode: Mode) -> None:
    """Applied by a retry after the node was mended: the decision is the desk's all the way."""
    run = new_run(RAISES, mode)
    await run.start()
    [first] = run.first()
    await decide(desk, run, first, Respond("bad"))
    await resume(desk, run)

    mended = Run(new_run(BY_NAME["single"], mode).graph, mode, run.ledger, run.thread_id)
    await desk.retry(first, by="ana")
    await resume(desk, mended)

    assert run.statuses() == ["applied"]
    assert run.ledger.events(run.thread_id) == ["asked", "decided", "failed", "retried", "applied"]


@in_every_mode
async def test_a_failure_that_mends_itself(new_run: Start, desk: Desk, mode: Mode) -> None:
    """The same without a retry, by running the thread again: it was still the desk's decision."""
    run = new_run(RAISES, mode)
    await run.start()
    await decide(desk, run, run.first()[0], Respond("bad"))
    await resume(desk, run)

    mended = Run(new_run(BY_NAME["single"], mode).graph, mode, run.ledger, run.thread_id)
    await mended.invoke(None)

    assert run.ledger.events(run.thread_id) == ["asked", "decided", "failed", "applied"]


@in_every_mode
async def test_a_failure_after_the_gate(new_run: Start, desk: Desk, mode: Mode) -> None:
    """The gate has its answer and the work after it failed: it is not open any more, and a copy does not ask again."""
    run, copy = new_run(BY_NAME["parallel-gates"], mode), new_run(BY_NAME["parallel-gates"], mode)

    await run.start()
    first, second = run.open()
    await decide(desk, run, first, Approve())
    await resume(desk, run)
    named = {"thread_id": run.thread_id, "ids": [first]}
    await desk._all("fail", {**named, "error": "no connection", "raised": "OperationalError"})
    await run.check()
    await run.on_saver("copy_thread", run.thread_id, copy.thread_id)

    assert run.status_of() == {first: "failed", second: "pending"}
    await copy.check()
    assert list(copy.open()) == [second]


@in_every_mode
async def test_a_copy_is_undecided(new_run: Start, desk: Desk, mode: Mode) -> None:
    """Copied while it was decided: in the copy nobody has decided, and each goes its own way."""
    run, copy = new_run(BY_NAME["single-gate"], mode), new_run(BY_NAME["single-gate"], mode)

    await run.start()
    [first] = run.first()
    await decide(desk, run, first, Approve())
    await run.on_saver("copy_thread", run.thread_id, copy.thread_id)
    await copy.check()
    assert copy.statuses() == ["pending"]
    await decide(desk, copy, first, Reject(reason="tone"))
    await resume(desk, copy)
    await resume(desk, run)

    assert run.statuses() == ["applied"]
    assert [row["decision_type"] for row in copy.ledger.reviews(copy.thread_id)][:1] == ["reject"]


@in_every_mode
async def test_deleted_while_decided(new_run: Start, desk: Desk, mode: Mode) -> None:
    """A thread deleted after the decision is not resumed; the decision stays in the record."""
    run = new_run(BY_NAME["single-gate"], mode)

    await run.start()
    await decide(desk, run, run.first()[0], Approve())
    await run.on_saver("delete_thread", run.thread_id)

    assert await resume(desk, run) == []
    [row] = run.ledger.reviews(run.thread_id)
    assert (row["status"], row["decision_type"]) == ("superseded", "approve")
    with contextlib.suppress(ReviewClosed):
        await decide(desk, run, row["id"], Reject(reason="late"))
        pytest.fail("a decision on a deleted thread")
