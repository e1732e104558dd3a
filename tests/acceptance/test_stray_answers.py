"""An answer without an id is for the question that was asked. Where none was asked, it lets nothing through."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import ValidationError

from hitl_graph import Approve, Desk, Evidence, HitlState, add_gate, open_checkpointer
from tests.support.graphs import lines, mail_graph, reply_gate, thread

UNSEEN = {"email": {"to": "mallory@example.com", "body": "Never seen by anybody"}}


def start(sink: Path) -> dict[str, Any]:
    return {"ticket": "Where is my card?", "sink": str(sink)}


@pytest.mark.parametrize(
    "answer", ["approve", {"type": "approve"}, [{"type": "accept", "args": None}]], ids=str
)
def test_a_bare_yes_does_not_approve_what_was_put_there_since(
    db_url: str, tmp_path: Path, answer: Any
) -> None:
    """The state was edited while the thread was paused: the edited mail is asked about, and not sent."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"))
        graph.update_state(thread("t1"), UNSEEN, as_node="draft")
        assert list(desk.pending()) == []

        graph.invoke(Command(resume=answer), thread("t1"))

        [case] = desk.pending()
        assert case.proposal == UNSEEN["email"]
        assert lines(sink) == []


def test_the_same_in_an_async_graph(db_url: str, tmp_path: Path) -> None:
    """The saver is asked from the thread that the node runs in."""
    sink = tmp_path / "sink"

    async def run() -> int:
        async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
            graph = mail_graph().compile(checkpointer=checkpointer)
            await graph.ainvoke(start(sink), thread("t1"))
            await graph.aupdate_state(thread("t1"), UNSEEN, as_node="draft")
            await graph.ainvoke(Command(resume="approve"), thread("t1"))
            return len(await desk.pending())

    assert asyncio.run(run()) == 1
    assert lines(sink) == []


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_bare_yes_to_the_question_that_stands_is_taken(
    db_url: str, tmp_path: Path, durability: Any
) -> None:
    """Nothing changed since: it is the answer, as ever."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"), durability=durability)

        graph.invoke(Command(resume="approve"), thread("t1"), durability=durability)

    assert len(lines(sink)) == 1


def test_it_holds_with_a_saver_that_is_not_ours(tmp_path: Path) -> None:
    """A stock saver keeps the bare answer: it is not taken then, and not by the next run either."""
    sink = tmp_path / "sink"
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    graph.invoke(start(sink), thread("t1"))
    graph.update_state(thread("t1"), UNSEEN, as_node="draft")

    graph.invoke(Command(resume="approve"), thread("t1"))
    graph.invoke(None, thread("t1"))

    [asked] = graph.get_state(thread("t1")).interrupts
    assert asked.value["proposal"] == UNSEEN["email"]
    assert lines(sink) == []
    graph.invoke(Command(resume={asked.id: {"type": "reject"}}), thread("t1"))
    assert lines(sink) == []


@pytest.mark.parametrize("by_id", [False, True], ids=["bare", "by id"])
@pytest.mark.parametrize("ours", [True, False], ids=["our saver", "memory"])
def test_an_answer_that_brings_other_content_is_not_an_approval_of_it(
    db_url: str, tmp_path: Path, *, by_id: bool, ours: bool
) -> None:
    """`Command(resume=, update=)` puts another mail under the same question: it is asked about again."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as postgres:
        graph = mail_graph().compile(checkpointer=postgres if ours else InMemorySaver())
        graph.invoke(start(sink), thread("t1"))
        [asked] = graph.get_state(thread("t1")).interrupts
        answer: Any = {asked.id: {"type": "approve"}} if by_id else "approve"

        graph.invoke(Command(resume=answer, update=UNSEEN), thread("t1"))

        assert lines(sink) == []
        [again] = graph.get_state(thread("t1")).interrupts
        assert again.value["proposal"] == UNSEEN["email"]
        graph.invoke(Command(resume={again.id: {"type": "approve"}}), thread("t1"))
        assert len(lines(sink)) == 1


def test_the_record_names_what_was_shown_and_not_what_the_code_would_show_now(
    db_url: str, tmp_path: Path
) -> None:
    """I4: evidence from outside has changed since. The proposal is the same; the digest is that of the case."""
    sink, evidence = tmp_path / "sink", ["1 EUR"]
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        builder = mail_graph(evidence=lambda _: [Evidence("Balance", evidence[0])])
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"))
        [case] = desk.pending()

        evidence[0] = "1,000,000 EUR"
        graph.invoke(Command(resume="approve"), thread("t1"))

        [record] = graph.get_state(thread("t1")).values["reviews"]
        assert record["digest"] == case.digest


class TwoWays(HitlState, total=False):
    """A mail, and a bare question beside it."""

    ticket: str
    email: dict[str, Any]
    said: str


def test_a_gate_that_has_not_asked_yet_leaves_another_questions_answer_alone(db_url: str) -> None:
    """Two nodes side by side; the gate failed before it asked, so that one question is open. Its answer arrives."""
    broken = [True]

    def evidence(_: Any) -> list[Evidence]:
        if broken[0]:
            raise OSError("the archive is away")
        return [Evidence("Customer message", "Where is my card?")]

    builder = StateGraph(TwoWays)
    builder.add_node("ask", lambda _: {"said": interrupt("Which day?")})
    builder.add_node("send", lambda _: {})
    add_gate(builder, reply_gate(evidence=evidence), approved="send", rejected=END)
    builder.add_edge(START, "ask")
    builder.add_edge(START, "reply")
    with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        with pytest.raises(OSError, match="archive"):
            graph.invoke({"ticket": "x", "email": {"to": "a@example.com", "body": "b"}}, thread("t1"))
        if not graph.get_state(thread("t1")).interrupts:  # the failure was faster: the question is asked now
            with pytest.raises(OSError, match="archive"):
                graph.invoke(None, thread("t1"))

        broken[0] = False
        graph.invoke(Command(resume="Monday"), thread("t1"))

        [left] = graph.get_state(thread("t1")).interrupts
        assert left.value["gate"] == "reply"


class AsyncOnly(BaseCheckpointSaver[str]):
    """A saver as some users write it: async methods, and no word about its loop."""

    def __init__(self, *, refuses: bool) -> None:
        super().__init__()
        self.inner = InMemorySaver()
        if refuses:  # the sync methods are there, to say that there are none
            vars(self)["get_tuple"] = self.refuse

    def refuse(self, config: Any) -> Any:
        raise NotImplementedError("use the async methods")

    def get_next_version(self, current: Any, channel: None) -> str:
        return self.inner.get_next_version(current, channel)

    async def aget_tuple(self, config: Any) -> Any:
        return self.inner.get_tuple(config)

    async def aput(self, *args: Any) -> Any:
        return self.inner.put(*args)

    async def aput_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        self.inner.put_writes(config, writes, task_id, task_path)


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_saver_with_async_methods_alone_is_asked_on_the_graphs_own_loop(
    tmp_path: Path, *, refuses: bool
) -> None:
    """A bare yes to the question that stands is taken; one that comes after an edit is not."""
    sink = tmp_path / "sink"
    graph = mail_graph().compile(checkpointer=AsyncOnly(refuses=refuses))

    await graph.ainvoke(start(sink), thread("t1"))
    await graph.ainvoke(Command(resume="approve"), thread("t1"))
    assert len(lines(sink)) == 1

    await graph.ainvoke(start(sink), thread("t2"))
    await graph.aupdate_state(thread("t2"), UNSEEN, as_node="draft")
    await graph.ainvoke(Command(resume="approve"), thread("t2"))
    assert len(lines(sink)) == 1


@pytest.mark.parametrize("second", ["reject", "approve", "nonsense"])
@pytest.mark.parametrize("by_id", [False, True], ids=["bare", "by id"])
@pytest.mark.parametrize("ours", [True, False], ids=["our saver", "memory"])
def test_an_answer_at_a_pause_that_was_answered_acts_no_second_time(
    db_url: str, tmp_path: Path, second: str, *, by_id: bool, ours: bool
) -> None:
    """A second person's page still names the old checkpoint. Replayed, the first answer would send once more."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as postgres:
        graph = mail_graph().compile(checkpointer=postgres if ours else InMemorySaver())
        graph.invoke(start(sink), thread("t1"))
        paused = graph.get_state(thread("t1"))
        graph.invoke(Command(resume="approve"), thread("t1"))
        assert len(lines(sink)) == 1

        answer: Any = {paused.interrupts[0].id: second} if by_id else second
        with pytest.raises(ValidationError, match="left behind"):
            graph.invoke(Command(resume=answer), paused.config)

    assert len(lines(sink)) == 1


@pytest.mark.parametrize("by_id", [False, True], ids=["bare", "by id"])
def test_an_answer_at_a_pause_that_was_superseded_sends_nothing(
    db_url: str, tmp_path: Path, *, by_id: bool
) -> None:
    """I7: the draft was corrected since. The old one is not sent, and the newer case stays open."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"))
        paused = graph.get_state(thread("t1"))
        graph.update_state(thread("t1"), UNSEEN, as_node="draft")
        graph.invoke(None, thread("t1"))
        [newer] = desk.pending()

        answer: Any = {paused.interrupts[0].id: "approve"} if by_id else "approve"
        with pytest.raises(ValidationError, match="left behind"):
            graph.invoke(Command(resume=answer), paused.config)

        assert lines(sink) == []
        assert [case.id for case in desk.pending()] == [newer.id]
        desk.decide(newer.id, Approve(), by="ana", digest=newer.digest)
        [done] = desk.resume(graph)
        assert (done.applied, len(lines(sink))) == ((newer.id,), 1)


def test_a_decision_of_the_desk_is_not_replayed_either(db_url: str, tmp_path: Path) -> None:
    """What the desk decided is kept with the old pause; an answer there does not make it act again."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(start(sink), thread("t1"))
        paused = graph.get_state(thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        desk.resume(graph)

        with pytest.raises(ValidationError, match="left behind"):
            graph.invoke(Command(resume="reject"), paused.config)

        assert len(lines(sink)) == 1
        assert desk.show(case.id).status == "applied"


@pytest.mark.parametrize("named", [7, uuid.UUID(int=7)], ids=["number", "uuid"])
@pytest.mark.parametrize("ours", [True, False], ids=["our saver", "memory"])
def test_a_bare_answer_is_taken_whatever_the_thread_is_named_by(
    db_url: str, tmp_path: Path, named: Any, *, ours: bool
) -> None:
    """LangGraph keeps ids of threads as text, and nodes see them as they were given."""
    sink = tmp_path / "sink"
    with open_checkpointer(db_url) as postgres:
        graph = mail_graph().compile(checkpointer=postgres if ours else InMemorySaver())
        graph.invoke(start(sink), thread(named))

        graph.invoke(Command(resume="approve"), thread(named))

    assert len(lines(sink)) == 1


def test_an_answer_that_only_says_that_it_comes_from_the_desk_is_looked_at(tmp_path: Path) -> None:
    """The desk always says what its decision was about; a word of a client's is no proof."""
    sink = tmp_path / "sink"
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    graph.invoke(start(sink), thread("t1"))
    [asked] = graph.get_state(thread("t1")).interrupts

    graph.invoke(Command(resume={asked.id: {"type": "approve", "via": "desk"}}, update=UNSEEN), thread("t1"))

    assert lines(sink) == []
