"""What goes wrong with the stock API, row by row, and that it cannot happen through our surface.

The rows are those that `tests/langgraph_contract` shows of LangGraph itself. What the ledger of a later step
has to do (an effect whose process dies before its result is stored) is said where it stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from pathlib import Path
from typing import Any

import ormsgpack
import psycopg
import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import Approve, Desk, Edit, Reject, add_gate, effect, open_checkpointer
from hitl_graph.errors import DecisionConflict, DefinitionError, ProposalError, ReviewClosed, ReviewNotFound
from tests.support.graphs import SEND, State, lines, mail_graph, reply_gate, send, thread, two_gates_graph

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    """A file that counts the sends of every process."""
    return tmp_path / "sink"


def start(graph: Any, sink: Path, name: str = "t1") -> dict[str, Any]:
    """Run a thread to its first pause."""
    return dict(graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread(name)))


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


def test_update_state_while_paused(db_url: str, sink: Path) -> None:
    """An edited state supersedes the case, and a stale approval executes nothing."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()

        graph.update_state(thread("t1"), {"email": {"to": "eve@example.com", "body": "unseen"}})

        with pytest.raises(ReviewClosed):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        graph.invoke(None, thread("t1"))
        [fresh] = desk.pending()
        assert fresh.proposal["body"] == "unseen"
        assert lines(sink) == []


def test_unknown_and_stale_ids(db_url: str, sink: Path) -> None:
    """An id that nobody asks with is an error, not silence."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        start(mail_graph().compile(checkpointer=checkpointer), sink)

        with pytest.raises(ReviewNotFound):
            desk.decide("0" * 32, Approve(), by="ana", digest="sha256:0")


BAD_RESUMES = {
    "a dict key that is no interrupt id": {"not-an-id": {"type": "approve"}},
    "empty": {},
    "a bare word": "sure",
    "a number": 7,
    "True": True,
}


@pytest.mark.parametrize("answer", BAD_RESUMES.values(), ids=BAD_RESUMES.keys())
def test_bad_resume_leaves_the_case_answerable(db_url: str, sink: Path, answer: object) -> None:
    """What is no answer is refused by the gate, and the same case can then be decided."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()

        if answer == {}:
            graph.invoke(Command(resume=answer), thread("t1"))  # LangGraph takes it for no answer at all
        else:
            with pytest.raises(ValidationError):
                graph.invoke(Command(resume=answer), thread("t1"))

        assert graph.invoke(None, thread("t1"))["__interrupt__"][0].id == case.id  # nothing replays
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)
        assert len(lines(sink)) == 1


def test_resume_on_a_thread_that_never_ran(db_url: str, sink: Path) -> None:
    """The desk resumes threads that have a decision, and starts none."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)

        assert desk.resume(graph, thread_ids=["never"]) == []
        assert graph.get_state(thread("never")).values == {}


def test_node_that_raises_after_the_answer_is_not_poisoned(db_url: str, sink: Path) -> None:
    """The answer counts once the gate has taken it; the failing node after it can be run again."""
    broken = [True]

    def flaky(state: State, key: str) -> None:
        if broken:
            raise RuntimeError("smtp is down")
        send(state, key)

    builder = StateGraph(State)
    builder.add_node("draft", lambda _: {"email": {"to": "a@example.com", "body": "Hi"}})
    builder.add_node("send", effect(flaky, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        [resumed] = desk.resume(graph)
        broken.clear()
        graph.invoke(None, thread("t1"))

        assert resumed.error is not None and "smtp is down" in resumed.error
        assert desk.show(case.id).status == "applied"
        assert len(lines(sink)) == 1


def test_different_second_answer_after_a_failure(db_url: str, sink: Path) -> None:
    """A second answer is not dropped in silence: it is refused, and the one that stands is named."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink / "is" / "no" / "file")  # the send fails
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [resumed] = desk.resume(graph)

        assert resumed.error is not None
        with pytest.raises(DecisionConflict, match="approve by ana"):
            desk.decide(case.id, Reject(), by="bob", digest=case.digest)


def test_model_runs_once_for_what_is_approved(db_url: str, sink: Path) -> None:
    """The draft is made in its own node: what was approved is what is sent, and it was drafted once."""
    drafted: list[str] = []

    def once(state: State) -> dict[str, Any]:
        drafted.append(f"draft {len(drafted) + 1}")
        return {"email": {"to": "a@example.com", "body": drafted[-1]}}

    builder = StateGraph(State)
    builder.add_node("draft", once)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        assert drafted == ["draft 1"]
        assert lines(sink)[0].endswith("draft 1")


def test_invoke_none_does_not_answer_the_next_review(db_url: str, sink: Path) -> None:
    """A gate asks once per node; running on without an answer answers nothing."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        graph.invoke(Command(resume={"type": "reject"}), thread("t1"))  # scalar, as Studio sends it

        graph.invoke(None, thread("t1"))

        [second] = desk.pending()
        assert second.proposal["body"] == "Draft 2"
        assert lines(sink) == []


def test_routing_that_cannot_lose_the_graph(db_url: str, sink: Path) -> None:
    """The gate routes inside its own node: there is no router of the user's that could raise after the answer."""
    graph = mail_graph().compile()

    assert graph.builder.branches["reply"] == {}


def test_compiled_without_a_checkpointer(sink: Path) -> None:
    """A gate that would pause without saving anything says so instead."""
    graph = mail_graph().compile()

    with pytest.raises(DefinitionError, match="checkpointer"):
        graph.invoke({"ticket": "x", "sink": str(sink)})


def test_effect_that_ran_before_a_crash_is_deduplicated_by_its_key(db_url: str, sink: Path) -> None:
    """A node that runs again after a crash brings the same key, so that a target which takes one acts once.

    A ledger for targets that take none is left to step 3.
    """
    keys: list[str] = []

    def crashing(state: State, key: str) -> None:
        keys.append(key)
        if len(keys) == 1:
            raise KeyboardInterrupt  # what a dying process leaves: acted, and nothing stored

    builder = StateGraph(State)
    builder.add_node("draft", lambda _: {"email": {"to": "a@example.com", "body": "Hi"}})
    builder.add_node("send", effect(crashing, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected="draft")
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        start(graph, sink)
        with pytest.raises(KeyboardInterrupt):
            graph.invoke(Command(resume={"type": "approve"}), thread("t1"))
        graph.invoke(None, thread("t1"))

        assert len(keys) == 2
        assert len(set(keys)) == 1


def test_tampered_checkpoint_row_executes_nothing(db_url: str, sink: Path, tmp_path: Path) -> None:
    """A row that names a function loads as data."""
    proof = tmp_path / "executed"
    call = ormsgpack.packb(("os", "mknod", str(proof)))
    evil = ormsgpack.packb(ormsgpack.Ext(0, call))  # LangGraph's extension 0: call this with one argument
    JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(("msgpack", evil))
    assert proof.exists(), "the row is not evil enough to show anything"
    proof.unlink()
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        with psycopg.connect(db_url, autocommit=True) as conn:
            changed = conn.execute("UPDATE checkpoint_blobs SET blob = %s WHERE channel = 'email'", (evil,))
            assert changed.rowcount > 0

        graph.get_state(thread("t1"))

        assert not proof.exists()


def test_lone_surrogate_in_a_draft(db_url: str, sink: Path) -> None:
    """What cannot be stored as it is shown is refused before anybody is asked, naming the field."""
    builder = StateGraph(State)
    add_gate(builder, reply_gate(), approved=END, rejected=END)
    builder.add_edge(START, "reply")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)

        with pytest.raises(ProposalError, match=r"email\.body.*U\+D83D"):
            graph.invoke({"ticket": "x", "email": {"to": "a@example.com", "body": "hi \ud83d"}}, thread("t1"))
        assert len(desk.pending()) == 0


def test_an_edit_is_kept_with_both_versions(db_url: str, sink: Path) -> None:
    """Proposed and final stand side by side in the state, and the edit is what is sent."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        start(graph, sink)
        [case] = desk.pending()
        desk.decide(case.id, Edit({"body": "Better"}, reason="tone"), by="ana", digest=case.digest)
        desk.resume(graph)

        record = graph.get_state(thread("t1")).values["reviews"][-1]
        assert (record["proposed"]["body"], record["final"]["body"]) == ("Draft 1", "Better")
        assert lines(sink)[0].endswith("Better")
