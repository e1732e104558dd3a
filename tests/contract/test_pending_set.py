"""After every step of every shape in every mode, our open rows are LangGraph's own pending set.

`Run` compares after each step: ids, digests and payloads, that each history is whole, and that what is open
stands at the newest checkpoint.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import pytest
from langgraph.types import Command
from pydantic import ValidationError

from .conftest import Start
from .driver import MODES, Mode, Run
from .graphs import BY_NAME, SHAPES, Shape, answer_for

pytestmark = pytest.mark.asyncio(loop_scope="session")
in_every_mode = pytest.mark.parametrize("mode", MODES, ids=str)
of_core_shapes = pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.core], ids=str)
ORDERS: dict[str, Callable[[Sequence[str]], Sequence[str]]] = {
    "all-at-once": lambda ids: ids,
    "oldest-first": lambda ids: ids[:1],
    "newest-first": lambda ids: ids[-1:],
}
ANSWERED = [
    pytest.param(shape, order, id=f"{shape}-{name}")
    for shape in SHAPES
    for name, order in ORDERS.items()
    if shape.asks > 1 or name == "all-at-once"
]
OLDER = [
    pytest.param(shape, how_many, id=f"{shape}-{how_many}-of-{shape.asks}")
    for shape in SHAPES
    for how_many in {1, shape.asks}
    if shape.core
]


@in_every_mode
@pytest.mark.parametrize(("shape", "order"), ANSWERED)
async def test_answers_by_map(
    new_run: Start, shape: Shape, order: Callable[[Sequence[str]], Sequence[str]], mode: Mode
) -> None:
    """Answered by id, one after the other in either order or all at once, until the thread ends."""
    run = new_run(shape, mode)

    await run.start()
    asked = len(run.open())
    await run.finish(answer_for, order)

    assert asked == shape.asks
    assert (await run.state()).next == ()
    assert set(run.statuses()) == {"applied"}


@in_every_mode
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.asks == 1], ids=str)
async def test_answers_by_scalar(new_run: Start, shape: Shape, mode: Mode) -> None:
    """Answered without an id, where one question is open at a time."""
    run = new_run(shape, mode)

    await run.start()
    await run.finish(answer_for, by_map=False)

    assert (await run.state()).next == ()
    assert set(run.statuses()) == {"applied"}


@in_every_mode
@of_core_shapes
async def test_runs_without_an_answer(new_run: Start, shape: Shape, mode: Mode) -> None:
    """invoke(None) on a paused thread changes nothing, before and after a partial answer."""
    run = new_run(shape, mode)

    await run.start()
    first = run.open()
    await run.invoke(None)
    assert run.open() == first
    await run.answer(run.first())
    second = run.open()
    await run.invoke(None)
    assert run.open() == second


@in_every_mode
@of_core_shapes
async def test_new_input_while_paused(new_run: Start, shape: Shape, mode: Mode) -> None:
    """New input supersedes what was open, also what a partial answer has left open."""
    run = new_run(shape, mode)

    await run.start()
    untouched = list(run.open())
    await run.start(text="second")
    answered, *left = run.open()
    await run.answer([answered])
    left = [one for one in left if one in run.open()]
    await run.start(text="third")

    statuses = run.status_of()
    assert {statuses[one] for one in (*untouched, *left)} == {"superseded"}
    assert statuses[answered] == "applied"


@in_every_mode
@of_core_shapes
async def test_edits_of_the_state(new_run: Start, shape: Shape, mode: Mode) -> None:
    """update_state as nobody, another node, the paused one, input: nobody answered, all is superseded."""
    run = new_run(shape, mode)

    await run.start()
    for as_node in (None, "draft", "__start__", "__input__", "__copy__", shape.node, "__end__"):
        asked = list(run.open())
        await run.update(
            None if as_node in ("__copy__", "__end__") else {"text": f"as {as_node}"}, as_node=as_node
        )
        assert not run.open()
        assert {run.status_of()[one] for one in asked} == {"superseded"}
        await run.invoke(None)
        if not run.open():
            await run.start()

    assert run.open()


@in_every_mode
@of_core_shapes
async def test_edits_by_command(new_run: Start, shape: Shape, mode: Mode) -> None:
    """Command(update=…) on a paused thread asks the same questions anew, in the words of the new state."""
    run = new_run(shape, mode)

    await run.start()
    before = list(run.open())
    await run.invoke(Command(update={"text": "edited", "email": {"to": "eva@example.com", "body": "edited"}}))

    assert list(run.open()) == before


@in_every_mode
@of_core_shapes
async def test_time_travel(new_run: Start, shape: Shape, mode: Mode) -> None:
    """A fork asks anew and supersedes; forks of forks, and an older checkpoint edited by hand, do as well."""
    run = new_run(shape, mode)

    await run.start()
    asked, old = list(run.open()), run.head()
    await run.invoke(None, at=old)
    assert {run.status_of()[one] for one in asked} == {"superseded"}
    await run.answer(run.first())
    await run.invoke(None, at=old)
    await run.update({"text": "edited"}, at=old)
    await run.invoke(None)
    await run.finish(answer_for)

    assert set(run.statuses()) == {"applied", "superseded"}


@in_every_mode
@pytest.mark.parametrize(("shape", "how_many"), OLDER)
async def test_answers_to_an_older_checkpoint(
    new_run: Start, shape: Shape, mode: Mode, how_many: int
) -> None:
    """Answers to an older checkpoint open nothing there; the head's questions stay unless the head moves."""
    run = new_run(shape, mode)

    await run.start()
    old, answers = run.head(), {one: answer_for(asked) for one, asked in list(run.open().items())[:how_many]}
    await run.start(text="second")
    waiting, head = list(run.open()), run.head()
    refused = contextlib.suppress(ValidationError)  # by gates; a bare interrupt takes what LangGraph hands it
    with refused:
        await run.resume(answers, at=old)
    if run.head() == head:
        assert list(run.open()) == waiting
    else:
        assert {run.status_of()[one] for one in waiting} == {"superseded"}
    await run.finish(answer_for)
    with refused:
        await run.resume(answers, at=old)


@in_every_mode
@of_core_shapes
async def test_copies_and_pruning(new_run: Start, shape: Shape, mode: Mode) -> None:
    """A copy is paused where its source is, and goes its own way; pruning and deleting keep to a thread."""
    run, copy = new_run(shape, mode), new_run(shape, mode)

    await run.start(text="older")
    await run.start()
    await run.on_saver("prune", [run.thread_id])
    asked = run.open()
    assert len(asked) == shape.asks
    await run.on_saver("copy_thread", run.thread_id, copy.thread_id)
    assert list(copy.open().items()) == list(asked.items())
    await copy.answer(copy.first())
    assert run.open() == asked
    await copy.on_saver("prune", [copy.thread_id])
    await copy.finish(answer_for)
    await copy.on_saver("prune", [copy.thread_id], strategy="delete")
    await run.check()
    await run.on_saver("delete_thread", run.thread_id)

    assert set(run.statuses()) == {"superseded"}
    await run.start()
    assert len(run.open()) == shape.asks


@in_every_mode
async def test_a_node_runs_beside_an_open_gate(new_run: Start, mode: Mode) -> None:
    """Command(goto=…) runs another node while the question stays open."""
    run = new_run(BY_NAME["single"], mode)

    await run.start()
    asked = run.open()
    await run.invoke(Command(goto="send"))

    assert run.open() == asked
    await run.finish(answer_for)


@in_every_mode
async def test_a_copy_over_a_thread_that_went_on(new_run: Start, mode: Mode) -> None:
    """Copied over a thread with questions of its own: only what stands at the newest checkpoint is open."""
    source, target = new_run(BY_NAME["parallel"], mode), new_run(BY_NAME["parallel"], mode)

    await source.start()
    await target.start()
    await target.on_saver("copy_thread", source.thread_id, target.thread_id)
    await source.start(text="second")
    await target.on_saver("copy_thread", source.thread_id, target.thread_id)

    assert target.open() == source.open()


@in_every_mode
async def test_a_breakpoint_asks_nobody(new_run: Start, mode: Mode) -> None:
    """interrupt_before pauses without a question: there is no review."""
    base = new_run(BY_NAME["single"], mode)
    run = Run(
        base.graph.builder.compile(checkpointer=base.saver, interrupt_before=["gate"]), mode, base.ledger
    )

    await run.start()

    assert (await run.state()).next == ("gate",)
    assert run.statuses() == []
