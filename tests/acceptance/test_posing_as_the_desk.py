"""An answer past the desk that says it is the desk's, or from no person: refused by name, and the case stays open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import ActionClass, Approve, Desk, Edit, Reject, add_gate, effect, open_checkpointer
from hitl_graph.agents import GateMiddleware
from hitl_graph.functional import review
from tests.support.agent_threads import AgentThread, agent_gate
from tests.support.fake_model import call
from tests.support.graphs import State, draft, lines, mail_graph, reply_gate, send, thread

APPROVE = {"type": "approve", "by": "ana"}
DESKS = pytest.mark.parametrize("via", ["desk", "system", "webhook"])
GATES = pytest.mark.parametrize(
    "gate", [{}, {"approvals": 2}, {"not_by": ["ana"]}, {"four_eyes": True}], ids=lambda gate: str(*gate)
)
NOT_PEOPLE = pytest.mark.parametrize("by", ["system:sla", "SYSTEM:sla", " system:sla", "agent:writer"])


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    return tmp_path / "sink"


def given(sink: Path) -> dict[str, Any]:
    return {"ticket": "Where is my card?", "sink": str(sink)}


def refused(run: Callable[[], object], problem: str) -> None:
    """The run ends with this sentence."""
    with pytest.raises(ValidationError, match=problem):
        run()


@GATES
@DESKS
def test_nobody_poses_as_the_desk(db_url: str, sink: Path, gate: dict[str, Any], via: str) -> None:
    """I1: with our saver the desk's own row has to say the same; there is none."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph(**gate).compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()

        refused(
            lambda: graph.invoke(Command(resume={case.id: {**APPROVE, "via": via}}), thread("t")), "via: says"
        )

        assert ([one.id for one in desk.pending()], lines(sink)) == ([case.id], [])


async def test_nobody_poses_as_the_desk_in_an_async_graph(db_url: str, sink: Path) -> None:
    """The same, by the async saver."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph(approvals=2).compile(checkpointer=checkpointer)
        await graph.ainvoke(given(sink), thread("t"))
        [case] = await desk.pending()

        with pytest.raises(ValidationError, match="via: says that the desk has decided this"):
            await graph.ainvoke(Command(resume={case.id: {**APPROVE, "via": "desk"}}), thread("t"))

        assert ((await desk.show(case.id)).status, lines(sink)) == ("pending", [])


@GATES
def test_nor_with_a_saver_that_knows_of_no_desk(sink: Path, gate: dict[str, Any]) -> None:
    """Where nobody vouches for the answer it is not believed."""
    graph = mail_graph(**gate).compile(checkpointer=InMemorySaver())
    [asked] = graph.invoke(given(sink), thread("t"))["__interrupt__"]

    refused(
        lambda: graph.invoke(Command(resume={asked.id: {**APPROVE, "via": "desk"}}), thread("t")), "via: says"
    )

    assert lines(sink) == []


def test_nor_as_text(db_url: str, sink: Path) -> None:
    """What is typed into Studio's box is text that says the same."""
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph(approvals=2).compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))

        refused(
            lambda: graph.invoke(Command(resume=json.dumps({**APPROVE, "via": "desk"})), thread("t")),
            "via: says",
        )


def test_nor_where_people_are_listed(db_url: str, sink: Path) -> None:
    """The answer is refused before anything is saved: the case does not fail at its act."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        desk.people.put("ana", groups=["support-leads"], by="root")
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()

        refused(
            lambda: graph.invoke(Command(resume={case.id: {**APPROVE, "via": "desk"}}), thread("t")),
            "via: says",
        )

        assert desk.show(case.id).status == "pending"


def test_nor_beside_another_decision_of_the_desk(db_url: str, sink: Path) -> None:
    """The desk's edit, with a field more than the desk has said, is not the desk's."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Edit({"body": "On Monday."}), by="ana", digest=case.digest)
        posed = {
            "type": "edit",
            "changes": {"body": "On Monday."},
            "note": "Mine",
            "by": "ana",
            "via": "desk",
        }

        refused(
            lambda: graph.invoke(Command(resume={case.id: posed}), thread("t")),
            "has decided already: edit by ana",
        )

        assert lines(sink) == []


def test_nor_to_a_review_in_plain_code() -> None:
    """`review` compares as a gate's node does."""

    @entrypoint(checkpointer=InMemorySaver())
    def flow(ticket: str) -> str:
        return review(
            reply_gate(), {"to": "ana@example.com", "body": "Hi"}, context={"ticket": ticket}
        ).outcome

    [asked] = flow.invoke("Where is it?", thread("t"))["__interrupt__"]

    refused(
        lambda: flow.invoke(Command(resume={asked.id: {**APPROVE, "via": "desk"}}), thread("t")), "via: says"
    )


def test_nor_to_a_tool_calls_gate() -> None:
    """Nor to an agent's."""
    agent = AgentThread(
        GateMiddleware({"send_email": agent_gate()}), call("send_email", to="ana"), "Done."
    ).start()

    refused(lambda: agent.answer({**APPROVE, "via": "desk"}), "via: says")

    assert agent.ran == []


@NOT_PEOPLE
@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_only_a_person_answers_past_the_desk(db_url: str, sink: Path, by: str, decision: str) -> None:
    """Refused by the field's name; the case stays open, and a person's answer is taken."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()

        refused(
            lambda: graph.invoke(Command(resume={case.id: {"type": decision, "by": by}}), thread("t")),
            "by: names a part of the system or an agent",
        )

        assert desk.show(case.id).status == "pending"
        graph.invoke(Command(resume={case.id: APPROVE}), thread("t"))
        assert len(lines(sink)) == 1


def test_nor_may_the_runs_caller_be_none(sink: Path) -> None:
    """Who answers may stand in the run's metadata, and no part of the system may stand there either."""
    graph = mail_graph().compile(checkpointer=InMemorySaver())
    [asked] = graph.invoke(given(sink), thread("t"))["__interrupt__"]
    config: Any = {**thread("t"), "metadata": {"hitl_by": "system:sla"}}

    refused(
        lambda: graph.invoke(Command(resume={asked.id: "approve"}), config), "by: names a part of the system"
    )


def test_not_even_where_the_act_can_be_undone(sink: Path) -> None:
    """What the clock may let through it lets through by the desk; a bare answer never speaks for it."""
    tag = ActionClass("tag", reversible=True, audience="internal")
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send, action=tag))
    add_gate(builder, reply_gate(action=tag, consequence="Tags it."), approved="send", rejected=END)
    builder.add_edge(START, "draft").add_edge("draft", "reply")
    graph = builder.compile(checkpointer=InMemorySaver())
    [asked] = graph.invoke(given(sink), thread("t"))["__interrupt__"]
    answer = {"type": "approve", "by": "system:sla"}

    refused(
        lambda: graph.invoke(Command(resume={asked.id: answer}), thread("t")),
        "by: names a part of the system",
    )

    assert lines(sink) == []


# What the desk has really decided


def test_the_desks_own_answer_is_taken_in_a_sync_part_of_an_async_graph(db_url: str, sink: Path) -> None:
    """A node that calls a graph without await asks the async saver all the same."""
    child = mail_graph().compile(checkpointer=None)
    builder = StateGraph(State)
    builder.add_node("child", lambda state: {"reviews": child.invoke(state)["reviews"]})
    builder.add_edge(START, "child")

    async def run() -> Any:
        async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
            graph = builder.compile(checkpointer=checkpointer)
            await graph.ainvoke(given(sink), thread("t"))
            [case] = await desk.pending()
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            [resumed] = await desk.resume(graph)
            return resumed

    resumed = asyncio.run(run())

    assert (resumed.error, len(lines(sink))) == (None, 1)


def test_two_peoples_votes_are_taken(db_url: str, sink: Path) -> None:
    """R58: the desk has counted them, and vouches for the answer."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph(approvals=2, not_by=["dana"]).compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()
        for by in ("ana", "ben"):
            desk.decide(case.id, Approve(), by=by, digest=case.digest)

        [resumed] = desk.resume(graph)

        assert (resumed.applied, len(lines(sink))) == ((case.id,), 1)


def test_the_desks_answer_is_taken_again_after_the_thread_has_failed(db_url: str, sink: Path) -> None:
    """What an earlier run has kept is replayed, and the desk's row still says it."""
    tries: list[int] = []

    def fails_once(_: State) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("away")

    builder = mail_graph(approvals=2)
    builder.add_node("after", fails_once)
    builder.add_edge("send", "after")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()
        for by in ("ana", "ben"):
            desk.decide(case.id, Approve(), by=by, digest=case.digest)
        desk.resume(graph)

        desk.retry(case.id, by="ana")
        [resumed] = desk.resume(graph)

        assert (resumed.applied, len(lines(sink)), len(tries)) == ((case.id,), 1, 2)


def test_a_refusal_of_the_desks_is_taken(db_url: str, sink: Path) -> None:
    """A no by the desk, of a gate that takes no yes past it."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph(approvals=2).compile(checkpointer=checkpointer)
        graph.invoke(given(sink), thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Reject(note="No."), by="ana", digest=case.digest)

        [resumed] = desk.resume(graph)

        assert resumed.applied == (case.id,)
        assert graph.get_state(thread("t")).values["reviews"][-1]["via"] == "desk"
