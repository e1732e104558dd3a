"""What people reported of LangGraph's interrupts, each by its number in langchain-ai/langgraph, and what ours does."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic import ValidationError

from hitl_graph import Desk, add_gate, ask_on_failure, effect, open_checkpointer
from hitl_graph.decisions import Approve, Choose, Edit, Reject
from hitl_graph.errors import ReviewNotFound
from hitl_graph.functional import areview, review
from hitl_graph.nodes.onward import Onward
from tests.functional.flows import TICKET, Flow
from tests.unit.factories import (
    EMAIL,
    Counter,
    Mode,
    Outbox,
    State,
    Thread,
    failure_gate,
    in_both_modes,
    mail_graph,
    measured,
    plain,
    review_gate,
)
from tests.upstream.running import CONFIG

START_STATE = {"ticket": "Where is my card?", "email": dict(EMAIL)}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_langgraph_8834_the_way_on_survives_a_failure_after_the_answer(db_url: str, durability: Any) -> None:
    """Reported: a router that raises after its node is never asked again, and the rest of the graph is lost.

    A gate chooses the way inside its own node, so a run meets no router. What fails on the way runs again.
    """
    tries: list[str] = []

    def book(state: State) -> None:
        tries.append("book")
        if len(tries) == 1:
            raise ConnectionError("the ledger is away")

    builder = StateGraph(State)
    builder.add_node("book", book)
    builder.add_node("thank", lambda state: tries.append("thank"))
    add_gate(builder, review_gate(), approved="book", rejected=END)
    builder.add_edge(START, "reply").add_edge("book", "thank")
    assert all(isinstance(way, Onward) for ways in builder.branches.values() for way in ways.values())

    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(START_STATE, CONFIG, durability=durability)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [failed] = desk.resume(graph, durability=durability)
        assert (failed.failed, tries) == ((case.id,), ["book"])

        desk.retry(case.id, by="ana")
        [done] = desk.resume(graph, durability=durability)

        assert done.applied == (case.id,)
        assert tries == ["book", "book", "thank"]


def test_langgraph_8834_a_router_of_ones_own_is_not_asked_again(db_url: str) -> None:
    """Reported, and so it is still: with a router after the act the rest of the graph is lost once it has raised.

    The desk says that the case has failed, and why; a retry does not act again, and LangGraph finds nothing to run.
    """
    acts: list[str] = []
    tries: list[str] = []

    def router(state: State) -> str:
        tries.append("router")
        raise ConnectionError("the directory is away")

    builder = StateGraph(State)
    builder.add_node("send", effect(lambda state: acts.append("send"), action=review_gate().action))
    builder.add_node("thank", lambda state: tries.append("thank"))
    add_gate(builder, review_gate(), approved="send", rejected=END)
    builder.add_edge(START, "reply").add_conditional_edges("send", router, ["thank"])

    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke(START_STATE, CONFIG)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [failed] = desk.resume(graph)
        told = desk.show(case.id)
        desk.retry(case.id, by="ana")
        desk.resume(graph)

        assert (failed.failed, told.status, "the directory is away" in (told.error or "")) == (
            (case.id,),
            "failed",
            True,
        )
        assert (acts, tries, graph.get_state(CONFIG).next) == (["send"], ["router"], ())


async def test_langgraph_8836_an_answer_to_no_question_is_refused(db_url: str) -> None:
    """Reported: a resume map with an id that nobody asks under is dropped without a word. The desk says so."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke(START_STATE, CONFIG)
        ticket_id = uuid.uuid4().hex
        [case] = await desk.pending()
        with pytest.raises(ReviewNotFound, match=ticket_id):
            await desk.decide(ticket_id, Approve(), by="ana", digest=case.digest)
        assert [one.id for one in await desk.pending()] == [case.id] and await desk.resume(graph) == []


@in_both_modes
def test_langgraph_8836_such_an_id_approves_nothing(mode: Mode) -> None:
    """Reported: the run looks resumed. Past the desk LangGraph drops it still; the case stays, nothing is done."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    [question] = thread.open
    thread.run(Command(resume={uuid.uuid4().hex: plain(Approve())}))
    assert outbox == [] and [one.id for one in thread.open] == [question.id]


def two_questions(state: Any) -> dict[str, Any]:
    """The reporter's node: two interrupts of its own."""
    return {"log": [interrupt("first"), interrupt("second")]}


async def test_langgraph_8837_a_used_answer_answers_nothing_else(db_url: str) -> None:
    """Reported: `invoke(None)` gives the second question the first one's answer. With our saver it stays open."""
    builder = StateGraph(State)
    builder.add_node("node", two_questions)
    builder.add_edge(START, "node")
    async with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        await graph.ainvoke({}, CONFIG)
        await graph.ainvoke(Command(resume="one"), CONFIG)
        for _ in range(2):
            out = await graph.ainvoke(None, CONFIG)
            assert [one.value for one in out["__interrupt__"]] == ["second"]
        assert (await graph.ainvoke(Command(resume="two"), CONFIG))["log"] == ["one", "two"]


def test_langgraph_8837_in_a_sync_graph_too(db_url: str) -> None:
    """Reported: the same. And our own two reviews in a row never share an answer."""
    with open_checkpointer(db_url) as checkpointer:

        @entrypoint(checkpointer=checkpointer)
        def flow(context: dict[str, Any]) -> list[str]:
            gates = (review_gate(name="one"), review_gate(name="two"))
            return [review(gate, dict(EMAIL), context=context).outcome for gate in gates]

        flow.invoke(TICKET, CONFIG)
        flow.invoke(Command(resume=plain(Approve())), CONFIG)
        for _ in range(2):
            [question] = flow.invoke(None, CONFIG)["__interrupt__"]
            assert question.value["gate"] == "two"


@in_both_modes
def test_langgraph_7780_each_round_of_a_loop_takes_one_answer(mode: Mode) -> None:
    """Reported: an interrupt in a loop replays the node for each answer. A rejected draft is a new review here."""
    drafts: list[str] = []

    def draft(state: Any) -> dict[str, Any]:
        drafts.append(f"draft {len(state.get('reviews') or ())}")
        return {"email": {**EMAIL, "body": drafts[-1]}}

    outbox = Outbox()
    thread = Thread(mail_graph(draft=draft, outbox=outbox), mode).start()
    ids = []
    for n in range(3):
        assert thread.case["proposal"]["body"] == f"draft {n}"
        ids.append(thread.open[0].id)
        thread.answer(Reject() if n < 2 else Approve())
    assert drafts == ["draft 0", "draft 1", "draft 2"] and len(set(ids)) == 3
    assert [key for key, _ in outbox] == [ids[-1]] and thread.next == ()


@in_both_modes
def test_langgraph_7780_in_a_while_loop_too(mode: Mode) -> None:
    """Reported: n answers make n replays of all that went before. Each draft is made once, each answer used once."""
    made: list[int] = []

    @task
    def draft(n: int) -> dict[str, str]:
        made.append(n)
        return {**EMAIL, "body": f"draft {n}"}

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> list[str]:
        outcomes: list[str] = []
        while "approved" not in outcomes:
            reviewed = review(review_gate(), draft(len(outcomes)).result(), context=context)
            outcomes.append(reviewed.outcome)
        return outcomes

    thread = Flow(flow, mode)
    thread.run(TICKET)
    for n in range(3):
        assert thread.case["proposal"]["body"] == f"draft {n}"
        end = thread.answer(Reject() if n < 2 else Approve())
    assert end == ["rejected", "rejected", "approved"] and made == [0, 1, 2]


# Several questions at once


async def test_langgraph_4028_all_questions_are_answered_in_one_run(db_url: str) -> None:
    """Reported: parallel subgraphs that ask must be resumed one after the other. The desk's one run answers all."""
    outbox = Outbox()
    builder = StateGraph(State)
    child = mail_graph(outbox=outbox).compile()

    async def ask(state: Any) -> dict[str, Any]:
        return {"reviews": (await child.ainvoke(state))["reviews"]}

    builder.add_node("child", ask)
    builder.add_node("cleanup", lambda state: {"log": ["cleaned"]}, defer=True)
    builder.add_conditional_edges(
        START,
        lambda state: [Send("child", {"ticket": "x", "email": {**EMAIL, "to": f"{n}@x"}}) for n in range(3)],
        ["child"],
    )
    builder.add_edge("child", "cleanup")
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "x"}, CONFIG)
        for case in await desk.pending():
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [resumed] = await desk.resume(graph)
        assert len(resumed.applied) == 3 and sorted(mail["to"] for _, mail in outbox) == ["0@x", "1@x", "2@x"]
        assert (await graph.aget_state(CONFIG)).next == ()


@in_both_modes
def test_langgraph_6208_an_answered_review_does_not_run_again(mode: Mode) -> None:
    """Reported: a node with two questions runs again after one answer. What was measured and decided is kept."""
    scores = {name: Counter(0.1) for name in ("one", "two")}
    acts: list[str] = []

    @task
    def act(name: str) -> None:
        acts.append(name)

    @entrypoint(checkpointer=InMemorySaver())
    def flow(context: dict[str, Any]) -> None:
        for name, score in scores.items():
            gate = measured(score, name=name, unattended="The score is calibrated.")
            if review(gate, dict(EMAIL), context=context).approved:
                act(name).result()

    thread = Flow(flow, mode)
    thread.run(TICKET)
    thread.answer(Approve())
    thread.run(None)
    thread.answer(Approve())
    assert acts == ["one", "two"] and [score.calls for score in scores.values()] == [1, 1]


@in_both_modes
def test_langgraph_6208_nor_does_a_gate_beside_it(mode: Mode) -> None:
    """Reported: the same of parallel questions. One gate, one question; the answered one is not asked again."""
    looks = {"one": 0, "two": 0}

    def looked(name: str) -> Any:
        def evidence(state: Any) -> Any:
            looks[name] += 1
            return review_gate().resolved("evidence", state)

        return evidence

    builder = StateGraph(State)
    for name in looks:
        add_gate(builder, review_gate(name=name, evidence=looked(name)), approved=END, rejected=END)
        builder.add_edge(START, name)
    thread = Thread(builder, mode).start()
    ids = {one.value["gate"]: one.id for one in thread.open}
    thread.answer(Approve(), to=ids["one"])
    seen = looks["one"]
    thread.answer(Approve(), to=ids["two"])
    assert looks["one"] == seen and [r["gate"] for r in thread.values["reviews"]] == ["one", "two"]


# Answers of a shape


@in_both_modes
@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "alone"])
def test_langgraph_6531_an_answer_of_a_wrong_shape_asks_again(mode: Mode, by_id: bool) -> None:
    """Asked for: a schema that a resume is checked against, or else the question stands. Every gate has one."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    [question] = thread.open
    assert question.response_schema and {form["title"] for form in question.response_schema["oneOf"]} == {
        "approve",
        "edit",
        "reject",
    }
    bad = {"type": "edit", "changes": {"to": 3}}
    with pytest.raises(ValidationError, match="changes.to"):
        thread.run(Command(resume={question.id: bad} if by_id else bad))
    assert outbox == [] and [one.id for one in thread.open] == [question.id]
    thread.answer(Edit({"subject": "Hello"}))
    assert [mail["subject"] for _, mail in outbox] == ["Hello"]


# Questions that a client cannot see


async def test_langgraph_6362_the_desk_lists_what_the_state_does_not(db_url: str) -> None:
    """Reported: a question is streamed, and the thread's `interrupts` are empty. The desk has a row of it."""
    builder = StateGraph(State)

    def fails(state: Any) -> None:
        raise RuntimeError("the lookup is down")

    builder.add_node("work", fails, error_handler=ask_on_failure(failure_gate(), node="work", skip="after"))
    builder.add_node("after", lambda state: {"log": ["after"]})
    builder.add_edge(START, "work")
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        await graph.ainvoke(START_STATE, CONFIG)
        assert (
            await graph.aget_state(CONFIG)
        ).interrupts == ()  # where this was seen in a graph of one process
        [case] = await desk.pending()
        await desk.decide(case.id, Choose("skip"), by="ana", digest=case.digest)
        [resumed] = await desk.resume(graph)
        assert resumed.values["log"] == ["after"]


async def test_langgraph_6362_of_parallel_tasks_too(db_url: str) -> None:
    """Reported: the same. Of tasks that ask at the same time LangGraph's state shows the first; the desk shows all."""

    @task
    async def ask(to: str) -> str:
        return (await areview(review_gate(), {**EMAIL, "to": to}, context=TICKET)).outcome

    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:

        @entrypoint(checkpointer=checkpointer)
        async def flow(people: list[str]) -> list[str]:
            return list(await asyncio.gather(*(ask(to) for to in people)))

        await flow.ainvoke(["0@x", "1@x", "2@x"], CONFIG)
        assert len((await flow.aget_state(CONFIG)).interrupts) == 1
        cases = await desk.pending()
        assert sorted(case.proposal["to"] for case in cases) == ["0@x", "1@x", "2@x"]
        for case in cases:
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [resumed] = await desk.resume(flow)
        assert resumed.values == ["approved"] * 3
