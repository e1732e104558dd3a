"""The card on our own checkpointer: decisions go through the desk, once, whoever else decides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from hitl_graph import Approve, Desk, HitlState, Reject, open_checkpointer
from hitl_graph.desk import Status
from hitl_graph.errors import DefinitionError
from hitl_graph.notebook import ReviewCard, aread_thread, read_thread, review_card
from tests.notebook.clicking import answer, click, edit, problem, settled, shown
from tests.support.graphs import lines, mail_graph, thread, two_gates_graph

T1 = thread("t1")


@pytest.fixture
def graph(db_url: str, sink: Path) -> Iterator[Any]:
    """A paused thread on the sync checkpointer."""
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is it?", "sink": str(sink)}, T1)
        yield graph


def test_a_click_is_a_decision_of_the_desk(graph: Any, db_url: str, sink: Path) -> None:
    """The row is applied, with who and how; the record in the state says the same."""
    card = review_card(graph, "t1", by="ana")
    assert card.view["desk"]

    edit(card, {"body": "On Monday"}, grounds={"reason": "vague"})

    [record] = card.view["records"]
    assert (record["by"], record["via"], record["reason"]) == ("ana", "desk", "vague")
    with Desk(db_url) as desk:
        [case] = desk.cases(thread_id="t1")
        assert (case.status, case.by, case.decision_type) == (Status.APPLIED, "ana", "edit")
    assert [line.split(" ", 1)[1] for line in lines(sink)] == ["On Monday"]


def test_somebody_at_the_desk_was_faster(graph: Any, db_url: str, sink: Path) -> None:
    """Decided there and not resumed yet: the card says by whom, and lets it go on when asked."""
    card = review_card(graph, "t1", by="ana")
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Reject(reason="tone"), by="ben", digest=case.digest)

    click(card, {"type": "approve"})

    assert "reject by ben" in card.view["notice"]["text"]
    assert card.view["notice"]["go_on"]
    assert lines(sink) == []

    card._handle_custom_msg({"type": "go_on"}, [])

    assert card.view["records"][0]["by"] == "ben"
    assert len(card.view["cases"]) == 1  # the next draft


def test_a_graph_that_raises_is_a_failed_case_and_can_be_tried_again(db_url: str, sink: Path) -> None:
    """The same as at the desk: failed, retried, applied."""
    missing = sink.parent / "not yet" / "sink"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is it?", "sink": str(missing)}, T1)
        card = review_card(graph, "t1", by="ana")

        click(card, {"type": "approve"})
        assert "FileNotFoundError" in card.view["thread"]["error"]
        assert desk.cases(thread_id="t1")[0].status is Status.FAILED

        missing.parent.mkdir()
        card._handle_custom_msg({"type": "go_on"}, [])

        assert card.view["thread"]["standing"] == "finished"
        assert desk.cases(thread_id="t1")[0].status is Status.APPLIED
        assert len(lines(missing)) == 1


def test_a_desk_can_be_handed_over(graph: Any, db_url: str) -> None:
    """A blocking one, as a plain script holds it."""
    with Desk(db_url) as desk:
        card = review_card(graph, "t1", by="ana", desk=desk)

        click(card, {"type": "approve"})

        assert desk.cases(thread_id="t1")[0].by == "ana"


class Asked(HitlState):
    """An answer to a question of other origin."""

    label: str


def ask(state: Asked) -> dict[str, Any]:
    return {"label": str(interrupt("How old are you?"))}


@pytest.mark.parametrize(("way", "label"), [("words", "thirty"), ("json", "[30]")])
def test_a_question_of_other_origin_is_answered_and_its_row_is_closed(
    db_url: str, way: str, label: str
) -> None:
    """Words go through the desk; any other JSON goes to the thread, and the row says who gave it."""
    builder = StateGraph(Asked)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({"label": ""}, T1)
        card = review_card(graph, "t1", by="ana")

        if way == "words":
            click(card, {"type": "respond", "message": "thirty"})
        else:
            answer(card, "[30]")

        assert graph.get_state(T1).values["label"] == label
        [case] = desk.cases(thread_id="t1")
        assert (case.status, case.by) == (Status.APPLIED, "ana")


def test_both_gates_of_a_thread_are_answered(db_url: str, sink: Path) -> None:
    """One by one, by their own ids."""
    with open_checkpointer(db_url) as checkpointer:
        graph = two_gates_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is it?", "sink": str(sink)}, T1)
        card = review_card(graph, "t1", by="ana")

        click(card, {"type": "approve"}, item=shown(card, "reply"))
        click(card, {"type": "approve"}, item=shown(card, "refund_review"), confirmed="5")

        assert card.view["thread"]["standing"] == "finished"
        assert len(lines(sink)) == 2


async def test_an_async_checkpointer_works_on_the_notebooks_loop(db_url: str, sink: Path) -> None:
    """The card is drawn as soon as the loop is free, and decides without blocking it."""
    async with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Where is it?", "sink": str(sink)}, T1)
        card = review_card(graph, "t1", by="ana")
        assert card.view["phase"] == "reading"
        await settled(card)

        click(card, {"type": "reject"})
        await settled(card)
        assert problem(card)[0] == "reason"
        click(card, {"type": "reject", "reason": "tone"})
        await settled(card)
        await card.adecide(Approve())

        assert [one["decision"] for one in card.view["records"]] == ["reject", "approve"]
        assert len(lines(sink)) == 1


async def test_code_can_decide_before_the_card_was_read(db_url: str, sink: Path) -> None:
    """With an async checkpointer a new card is read when the loop is free: `adecide` in the same cell reads it."""
    async with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Where is it?", "sink": str(sink)}, T1)

        thread = await review_card(graph, "t1", by="ana").adecide(Approve())

        assert (thread.standing, len(lines(sink))) == ("finished", 1)


async def test_a_card_that_cannot_be_read_says_so(db_url: str) -> None:
    """The first reading fails on the loop, where nobody waits for it: the card shows what was raised."""
    async with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)

    card = review_card(graph, "t1", by="ana")
    await settled(card)

    assert "It could not be done" in card.view["notice"]["text"]


async def test_an_async_checkpointer_says_which_calls_it_needs(db_url: str) -> None:
    """A blocking call would wait for its own loop for ever: it is refused with what to write instead."""
    async with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        card = await review_card(graph, "t1", by="ana").arefresh()

        with pytest.raises(DefinitionError, match="await card.adecide"):
            card.decide(Approve())
        with pytest.raises(DefinitionError, match="await aread_thread"):
            read_thread(graph, "t1")

        assert (await aread_thread(graph, "t1")).standing == "empty"


async def test_a_thread_without_a_loop_can_use_a_card_of_another_ones_loop(db_url: str, sink: Path) -> None:
    """A worker thread decides on a graph whose checkpointer lives on the main loop."""
    async with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        await graph.ainvoke({"ticket": "Where is it?", "sink": str(sink)}, T1)

        def work() -> ReviewCard:
            card = review_card(graph, "t1", by="ana")
            card.decide(Approve())
            return card

        card = await asyncio.to_thread(work)

        assert card.view["records"][0]["by"] == "ana"
