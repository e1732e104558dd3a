"""`delete_for_runs`: what an Agent Server asks for when a run is rolled back, in every mode.

After each step the driver compares our open rows with LangGraph's own pending set.
"""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Approve, Desk

from .conftest import Start
from .driver import MODES, Mode, Run
from .graphs import BY_NAME, RAISES, SHAPES, Shape, answer_for
from .ledger import Ledger

pytestmark = pytest.mark.asyncio(loop_scope="session")
in_every_mode = pytest.mark.parametrize("mode", MODES, ids=str)
ASKED_ANEW = {"subgraph-in-a-row", "subgraph-parallel", "tools-in-one-task"}
"""Here one root task asks several times, and LangGraph keeps only what it asked last."""
UNREFERENCED = """
SELECT FROM checkpoint_blobs b WHERE b.thread_id = %s AND NOT EXISTS (
    SELECT FROM checkpoints c WHERE c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns
    AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version)
"""


def new_id() -> str:
    """The id of a run; one database serves many tests."""
    return str(uuid.uuid4())


async def begin(run: Run, text: str = "first", **metadata: str) -> None:
    """New input, with what a server says of its run."""
    await run.invoke({"text": text}, **metadata)


async def roll_back(run: Run, *run_ids: str) -> None:
    """Delete these runs, then compare."""
    await run.on_saver("delete_for_runs", list(run_ids))


def because(ledger: Ledger, thread_id: str) -> list[str]:
    """Why reviews were closed or opened again."""
    found = ledger.rows(
        "SELECT data ->> 'because' AS why FROM hitl.events WHERE thread_id = %s ORDER BY id", thread_id
    )
    return [row["why"] for row in found if row["why"]]


@in_every_mode
@pytest.mark.parametrize("shape", [one for one in SHAPES if one.name not in ASKED_ANEW], ids=str)
async def test_an_answer_is_taken_back_with_its_run(new_run: Start, shape: Shape, mode: Mode) -> None:
    """One answer, and the run that took it is rolled back: paused as before, and answered anew to the end."""
    run, answers = new_run(shape, mode), new_id()
    await begin(run, run_id=new_id())
    before, head = run.open(), run.head()

    await run.answer(run.first(), run_id=answers)
    await roll_back(run, answers)

    assert (run.open(), run.head()) == (before, head)
    assert {run.status_of()[one] for one in before} == {"pending"}
    assert set(run.decisions()) == {(None,) * 4}
    await run.finish(answer_for)
    assert not run.open()


@in_every_mode
@pytest.mark.parametrize("shape", ["parallel-gates", "fan-out-gates", "subgraph-parallel", "functional"])
async def test_all_answers_are_taken_back(new_run: Start, shape: str, mode: Mode) -> None:
    """Several questions of one step, answered by one run: all of them are open again."""
    run, answers = new_run(BY_NAME[shape], mode), new_id()
    await begin(run)
    before = run.open()

    await run.answer(list(before), run_id=answers)
    await roll_back(run, answers)

    assert run.open() == before
    await run.finish(answer_for)


@in_every_mode
@pytest.mark.parametrize("shape", sorted(ASKED_ANEW))
async def test_a_task_that_has_asked_something_else_keeps_its_answer(
    new_run: Start, shape: str, mode: Mode
) -> None:
    """Where the older question cannot be put again its answer stays, and the thread goes on to the end."""
    run, answers = new_run(BY_NAME[shape], mode), new_id()
    await begin(run)
    first = run.first()

    await run.answer(first, run_id=answers)
    await roll_back(run, answers)

    assert run.status_of()[first[0]] == "applied"
    await run.finish(answer_for)
    assert not run.open()


@in_every_mode
async def test_what_a_run_asked_goes_with_it(new_run: Start, mode: Mode) -> None:
    """The run that paused is rolled back: its review is superseded, and nothing of it is left."""
    run, asks = new_run(BY_NAME["subgraph-gate"], mode), new_id()
    await begin(run, run_id=asks)

    await roll_back(run, asks)

    assert run.statuses() == ["superseded"]
    assert because(run.ledger, run.thread_id) == ["the run was rolled back"]
    for table in ("checkpoints", "checkpoint_writes", "checkpoint_blobs"):
        assert not run.ledger.rows(f"SELECT FROM {table} WHERE thread_id = %s", run.thread_id)


@in_every_mode
async def test_new_input_is_taken_back(new_run: Start, mode: Mode) -> None:
    """New input superseded a case, and its run is rolled back: the case is open again, and the new one closed."""
    run, replaces = new_run(BY_NAME["single-gate"], mode), new_id()
    await begin(run)
    [first] = run.first()

    await begin(run, "second", run_id=replaces)
    await roll_back(run, replaces)

    assert run.status_of()[first] == "pending"
    assert sorted(run.statuses()) == ["pending", "superseded"]
    await run.finish(answer_for)


@in_every_mode
async def test_a_failed_answer_is_taken_back(new_run: Start, mode: Mode) -> None:
    """The node raised after a bad answer; with the run goes the answer, and a good one works."""
    run, fails = new_run(RAISES, mode), new_id()
    await begin(run)
    [first] = run.first()
    with contextlib.suppress(RuntimeError):
        await run.resume({first: "bad"}, run_id=fails)
    assert run.statuses() == ["failed"]

    await roll_back(run, fails)
    await run.resume({first: "good"})

    assert (await run.state()).values["log"][-2:] == ["good", "sent"]


@in_every_mode
async def test_a_decision_of_the_desk_outlives_the_run(new_run: Start, shared_url: str, mode: Mode) -> None:
    """What a person decided at the desk stands, and is handed over by the next resume."""
    run = new_run(BY_NAME["single-gate"], mode)
    await begin(run)
    async with Desk(shared_url) as desk:
        [case] = await desk.pending(thread_id=run.thread_id)
        await desk.decide(case.id, Approve(), by="ana", digest=case.digest, thread_id=run.thread_id)
        taken, how = new_id(), {"configurable": {"__pregel_durability": mode.durability}}
        await desk.resume(
            run.graph, thread_ids=[run.thread_id], config={**how, "metadata": {"run_id": taken}}
        )

        await roll_back(run, taken)

        assert run.statuses() == ["decided"]
        [resumed] = await desk.resume(run.graph, thread_ids=[run.thread_id], config=how)
    await run.check()
    assert resumed.applied == (case.id,)
    assert run.decisions() == [("approve", {"type": "approve"}, "ana", "desk")]


@in_every_mode
async def test_a_run_in_the_middle(new_run: Start, mode: Mode) -> None:
    """An older run is deleted: what the newer one asks stays open, and its state is whole."""
    run, older = new_run(BY_NAME["single-gate"], mode), new_id()
    await begin(run)
    await begin(run, "second", run_id=older)
    await begin(run, "third", run_id=new_id())
    before, values = run.open(), (await run.state()).values

    await roll_back(run, older)

    assert run.open() == before
    assert (await run.state()).values == values
    assert not run.ledger.rows(UNREFERENCED, run.thread_id)
    await run.finish(answer_for)


@in_every_mode
async def test_other_runs_and_threads_are_left_alone(new_run: Start, mode: Mode) -> None:
    """No id, an unknown one, and one of another thread: nothing changes here."""
    run, other, elsewhere = (
        new_run(BY_NAME["single-gate"], mode),
        new_run(BY_NAME["single-gate"], mode),
        new_id(),
    )
    await begin(run, run_id=new_id())
    await begin(other, run_id=elsewhere)
    before = run.ledger.rows("SELECT * FROM hitl.reviews WHERE thread_id = %s", run.thread_id)

    await roll_back(run)
    await roll_back(run, new_id(), elsewhere)

    assert run.ledger.rows("SELECT * FROM hitl.reviews WHERE thread_id = %s", run.thread_id) == before
    assert other.statuses() == ["superseded"]


async def test_one_text_is_no_list_of_ids(new_run: Start) -> None:
    """A single id that is not in a list is refused: its letters are no ids."""
    run = new_run(BY_NAME["single-gate"], MODES[0])
    await begin(run, run_id="abc")

    with pytest.raises(TypeError, match="run_ids: give a list"):
        await run.on_saver("delete_for_runs", "abc")

    assert run.statuses() == ["pending"]


@in_every_mode
async def test_the_review_says_which_graph_of_a_server_asks(new_run: Start, mode: Mode) -> None:
    """The server's name of the graph fills the workflow column; a caller's own word goes before it."""
    served, named = new_run(BY_NAME["single"], mode), new_run(BY_NAME["single"], mode)

    await begin(served, graph_id="support")
    await begin(named, graph_id="support", workflow="mine")

    [[one], [two]] = (run.ledger.reviews(run.thread_id) for run in (served, named))
    assert (one["workflow"], two["workflow"]) == ("support", "mine")


@in_every_mode
async def test_who_is_signed_in_at_a_server_answers(new_run: Start, mode: Mode) -> None:
    """An answer that names nobody is that of the user whom the server has signed in."""
    run = new_run(BY_NAME["single"], mode)
    await begin(run)

    await run.answer(run.first(), langgraph_auth_user_id="ana@example.com")

    assert [by for _, _, by, _ in run.decisions()] == ["ana@example.com"]


@in_every_mode
async def test_a_copy_names_its_own_thread(new_run: Start, mode: Mode) -> None:
    """What a server says in the metadata of a checkpoint is true of the copy."""
    run = new_run(BY_NAME["single-gate"], mode)
    await begin(run)
    run.ledger.run(  # as a server puts it
        "UPDATE checkpoints SET metadata = metadata || jsonb_build_object('thread_id', thread_id)"
    )
    copy = Run(run.graph, mode, run.ledger)

    await run.on_saver("copy_thread", run.thread_id, copy.thread_id)

    await copy.check()
    found: Any = run.ledger.rows("SELECT metadata FROM checkpoints WHERE thread_id = %s", copy.thread_id)
    assert {row["metadata"]["thread_id"] for row in found} == {copy.thread_id}
    await copy.invoke(Command(resume={copy.first()[0]: {"type": "approve"}}))
    assert run.statuses() == ["pending"]
