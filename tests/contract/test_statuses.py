"""What is kept of an answer: who, what, by which way, and what came of it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from langgraph.graph import END
from langgraph.types import Command, interrupt

from hitl_graph import Approve, Desk, Reject

from .conftest import Start
from .driver import MODES, Mode, Run
from .graphs import BY_NAME, RAISES, Shape, add_gate, chain, compiled, draft, gate, says

pytestmark = pytest.mark.asyncio(loop_scope="session")
in_every_mode = pytest.mark.parametrize("mode", MODES, ids=str)
SYNC = Mode(is_async=False, durability="sync")


@in_every_mode
async def test_an_answer_from_elsewhere_is_kept(new_run: Start, mode: Mode) -> None:
    """Answered by a bare resume: who, and what where LangGraph tells it (in "exit" it does not)."""
    run = new_run(BY_NAME["single"], mode)

    await run.start()
    await run.resume({run.first()[0]: {"so": "be it"}}, hitl_by="ana")

    told = None if mode.durability == "exit" else {"so": "be it"}
    assert run.decisions() == [("elsewhere", told, "ana", "resume")]
    assert run.statuses() == ["applied"]


@in_every_mode
async def test_an_answer_says_itself_who_gave_it(new_run: Start, mode: Mode) -> None:
    """A partial answer is stored in every mode, and its own `by` names the person."""
    run = new_run(BY_NAME["parallel-gates"], mode)

    await run.start()
    await run.resume({run.first()[0]: {"type": "approve", "by": "bob"}})

    assert run.decisions() == [("elsewhere", {"type": "approve", "by": "bob"}, "bob", "resume"), (None,) * 4]


@in_every_mode
async def test_nobody_is_named_where_nobody_is_known(new_run: Start, mode: Mode) -> None:
    """An answer in a subgraph is not in the root's rows: that it was answered is kept, by whom unknown."""
    run = new_run(BY_NAME["subgraph-gate"], mode)

    await run.start()
    await run.answer(run.first())

    assert run.decisions() == [("elsewhere", None, "unknown", "resume")]


@in_every_mode
async def test_tools_of_one_task_keep_their_own_answers(new_run: Start, mode: Mode) -> None:
    """Two questions of one task, one after the other: each answer stands with its question."""
    run = new_run(BY_NAME["tools-in-one-task"], mode)

    await run.start()
    await run.resume({run.first()[0]: "to the first"})
    await run.resume({run.first()[0]: "to the second"})

    told = None if mode.durability == "exit" else "to the second"
    assert [decision for _, decision, _, _ in run.decisions()] == ["to the first", told]


@in_every_mode
async def test_nobody_answered_what_was_superseded(new_run: Start, mode: Mode) -> None:
    """New input, an edit as the paused node, and deletion leave no decision behind."""
    run = new_run(BY_NAME["single"], mode)

    await run.start()
    await run.start()
    await run.update({"log": ["by hand"]}, as_node="gate")
    await run.start()
    await run.on_saver("delete_thread", run.thread_id)

    assert run.statuses() == ["superseded"] * 3
    assert run.decisions() == [(None,) * 4] * 3
    reasons = run.ledger.rows(
        "SELECT data ->> 'because' AS why FROM hitl.events WHERE thread_id = %s AND type = 'superseded' "
        "ORDER BY id",
        run.thread_id,
    )
    assert [row["why"] for row in reasons] == ["new input", "the state was edited", "the thread was deleted"]


@in_every_mode
async def test_a_changed_case_is_asked_anew(new_run: Start, mode: Mode) -> None:
    """Other words under the same id: the row shows them, and the history says that the case changed."""
    run = new_run(BY_NAME["single"], mode)

    await run.start()
    await run.invoke(Command(update={"text": "edited"}))

    [row] = run.ledger.reviews(run.thread_id)
    assert row["payload"]["text"] == "edited"
    assert run.ledger.events(run.thread_id) == ["asked", "changed"]


def by_urgency() -> Any:
    """A gate whose priority depends on the state, and which shows the text as its proposal."""
    builder = chain(("draft", draft))
    builder.add_node("send", says("sent"))
    urgent = gate(proposal="text", consequence="Sends it.", priority=lambda state: state["text"])
    add_gate(builder, urgent, approved="send", rejected=END)
    builder.add_edge("draft", "gate")
    return builder


@in_every_mode
async def test_a_changed_case_changes_in_every_column(new_run: Start, mode: Mode) -> None:
    """What is listed is what is shown: the priority of a changed case is that of its new words."""
    run = new_run(Shape("urgency", compiled(by_urgency)), mode)

    await run.start(text="low")
    await run.invoke(Command(update={"text": "urgent"}))

    [row] = run.ledger.reviews(run.thread_id)
    assert (row["priority"], row["payload"]["priority"]) == ("urgent", "urgent")


@in_every_mode
async def test_a_decision_about_other_words_is_void(new_run: Start, shared_url: str, mode: Mode) -> None:
    """Decided, then changed before the thread went on: it waits for a person again, nothing is approved."""
    run = new_run(BY_NAME["single-gate"], mode)

    await run.start()
    async with Desk(shared_url) as desk:
        [case] = await desk.pending(thread_id=run.thread_id)
        await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        await run.invoke(Command(update={"email": {"to": "mallory@example.com", "body": "unseen"}}))
        resumed = await desk.resume(run.graph, thread_ids=[run.thread_id])
        case = await desk.show(case.id)

    assert resumed == []
    assert (case.status, case.decision) == ("pending", None)
    assert "changed" in (case.error or "")
    assert "sent" not in (await run.state()).values.get("log", [])


@in_every_mode
async def test_what_the_desk_has_decided_is_not_answered_past_it(
    new_run: Start, shared_url: str, mode: Mode
) -> None:
    """I1: rejected at the desk, then approved past it: refused, and the thread takes the desk's decision."""
    run = new_run(BY_NAME["parallel-gates"], mode)

    await run.start()
    [first] = run.first()
    async with Desk(shared_url) as desk:
        case = await desk.show(first)
        await desk.decide(first, Reject(reason="tone"), by="ana", digest=case.digest)
        with pytest.raises(ValueError, match="has decided already: reject by ana"):
            await run.resume({first: {"type": "approve", "by": "mallory"}})
        assert run.statuses() == ["decided", "pending"]
        await desk.resume(run.graph, thread_ids=[run.thread_id])

    assert run.decisions()[0] == ("reject", {"type": "reject", "reason": "tone"}, "ana", "desk")
    assert run.ledger.events(run.thread_id) == ["asked", "asked", "decided", "applied"]


@in_every_mode
async def test_a_node_that_raises_after_the_answer(new_run: Start, mode: Mode) -> None:
    """The case has failed, with the error and with what was answered; it stays open, as LangGraph says."""
    run = new_run(RAISES, mode)

    await run.start()
    for answer in ("bad", "good"):  # LangGraph keeps the first answer, whatever is said later
        with pytest.raises(RuntimeError, match="bad answer"):
            await run.resume({run.first()[0]: answer})

    [row] = run.ledger.reviews(run.thread_id)
    assert (row["status"], row["error"], row["decision"]) == ("failed", "bad answer", "bad")
    assert run.ledger.events(run.thread_id) == ["asked", "failed"]


@in_every_mode
async def test_a_failed_case_is_superseded_like_any(new_run: Start, mode: Mode) -> None:
    """New input after a failure: nothing is left open, and the next answer is taken."""
    run = new_run(RAISES, mode)

    await run.start()
    with contextlib.suppress(RuntimeError):
        await run.resume({run.first()[0]: "bad"})
    await run.start()
    await run.resume({run.first()[0]: "good"})

    assert run.statuses() == ["superseded", "applied"]


@in_every_mode
async def test_a_failed_case_is_applied_once_the_node_is_mended(new_run: Start, mode: Mode) -> None:
    """The stored answer is replayed by a node that no longer raises: what was decided is applied."""
    run = new_run(RAISES, mode)
    await run.start()
    with contextlib.suppress(RuntimeError):
        await run.resume({run.first()[0]: "bad"})

    mended = Shape(
        "mended",
        compiled(
            lambda: chain(
                ("draft", draft),
                ("gate", lambda state: {"log": [interrupt({"question": "ok?", "text": state.get("text")})]}),
                ("send", says("sent")),
            )
        ),
    )
    again = Run(new_run(mended, mode).graph, mode, run.ledger, run.thread_id)
    await again.invoke(None)

    assert run.statuses() == ["applied"]
    assert run.ledger.events(run.thread_id) == ["asked", "failed", "decided_elsewhere"]
    assert (await again.state()).values["log"] == ["bad", "sent"]


@in_every_mode
async def test_refused_by_the_gate_is_not_failed(new_run: Start, mode: Mode) -> None:
    """An answer that the gate refuses leaves the case as it was: pending, without a decision or an event."""
    run = new_run(BY_NAME["single-gate"], mode)

    await run.start()
    with pytest.raises(ValueError, match="type"):
        await run.resume({run.first()[0]: {"type": "launch"}})

    assert run.statuses() == ["pending"]
    assert run.ledger.events(run.thread_id) == ["asked"]
    await run.answer(run.first())


@in_every_mode
async def test_a_refused_scalar_is_not_replayed(new_run: Start, mode: Mode) -> None:
    """Refused without an id: nothing of it is stored, and the thread asks again when it is run."""
    run = new_run(BY_NAME["single-gate"], mode)

    await run.start()
    with pytest.raises(ValueError, match="type"):
        await run.invoke(Command(resume={"type": "launch"}))
    await run.invoke(None)

    assert run.ledger.events(run.thread_id) == ["asked"]
    assert not run.ledger.rows(
        "SELECT FROM checkpoint_writes WHERE thread_id = %s AND channel = '__resume__'", run.thread_id
    )


@in_every_mode
async def test_a_router_that_raises_is_not_passed_over(new_run: Start, mode: Mode) -> None:
    """LangGraph shows such a thread as finished. Our row says that it failed until somebody runs it again."""

    def router(state: Any) -> str:
        raise RuntimeError("no way on")

    def routed() -> Any:
        builder = chain(("draft", draft), ("gate", lambda state: {"log": [interrupt("ok?")]}))
        builder.add_node("send", says("sent"))
        builder.add_conditional_edges("gate", router, ["send"])
        return builder

    run = new_run(Shape("routed", compiled(routed)), mode)
    await run.start()
    answer: Command[Any] = Command(resume={run.first()[0]: "yes"})
    with pytest.raises(RuntimeError, match="no way on"):
        await run.call(run.graph, "invoke", answer, run.config(), durability=mode.durability)

    assert (await run.pending(), run.statuses()) == (set(), ["failed"])
    await run.invoke(None)
    assert run.statuses() == ["applied"]
