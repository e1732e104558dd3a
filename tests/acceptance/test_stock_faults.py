"""What goes wrong with the stock API, row by row, and that it cannot happen through our surface.

The rows are those that `tests/langgraph_contract` shows of LangGraph itself. What the ledger of a later step
has to do (an effect whose process dies before its result is stored) is said where it stands.
"""

from __future__ import annotations

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
from hitl_graph.nodes.onward import Onward
from tests.acceptance.starting import start
from tests.support.graphs import SEND, State, lines, mail_graph, reply_gate, send, thread


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
    """The gate routes inside its own node: there is no router of the user's that could raise after the answer.

    The only way beside it is for edits of the state, which no run takes.
    """
    graph = mail_graph().compile()

    assert all(isinstance(way, Onward) for way in graph.builder.branches["reply"].values())


def test_compiled_without_a_checkpointer(sink: Path) -> None:
    """A gate that would pause without saving anything says so instead."""
    graph = mail_graph().compile()

    with pytest.raises(DefinitionError, match="checkpointer"):
        graph.invoke({"ticket": "x", "sink": str(sink)})


def test_effect_that_ran_before_a_crash_is_deduplicated_by_its_key(db_url: str, sink: Path) -> None:
    """A node that runs again after a crash brings the same key, so that a target which takes one acts once."""
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
