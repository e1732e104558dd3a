"""A run that has acted is rolled back: its case is open again, and what was done is not done once more (I2)."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from hitl_graph import Approve, Desk, open_checkpointer
from tests.support.graphs import lines, mail_graph

DURABILITY = pytest.mark.parametrize("durability", ["sync", "async", "exit"])


def run_of(run_id: str) -> Any:
    """The config of a run, as an Agent Server names it."""
    return {"configurable": {"thread_id": "t", "run_id": run_id}, "metadata": {"run_id": run_id}}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    return {"ticket": "Where is my card?", "sink": str(tmp_path / "sink")}


@pytest.fixture
def runs() -> list[str]:
    """The ids of three runs."""
    return [str(uuid.uuid4()) for _ in range(3)]


@DURABILITY
def test_the_case_is_open_again(db_url: str, given: dict[str, Any], runs: list[str], durability: Any) -> None:
    """An answer past the desk is void with the run that took it, though the act stands in the case's history."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        [asked] = graph.invoke(given, run_of(runs[0]))["__interrupt__"]
        graph.invoke(Command(resume={asked.id: "approve"}), run_of(runs[1]), durability=durability)

        checkpointer.delete_for_runs([runs[1]])

        assert [(case.id, case.status) for case in desk.pending()] == [(asked.id, "pending")]
        assert graph.get_state(run_of(runs[2])).next == ("reply",)


async def test_the_case_is_open_again_in_an_async_graph(
    db_url: str, given: dict[str, Any], runs: list[str]
) -> None:
    """The same, by the async saver."""
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        [asked] = (await graph.ainvoke(given, run_of(runs[0])))["__interrupt__"]
        await graph.ainvoke(Command(resume={asked.id: "approve"}), run_of(runs[1]))

        await checkpointer.adelete_for_runs([runs[1]])

        assert [case.id for case in await desk.pending()] == [asked.id]


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_what_was_done_is_not_done_again(
    db_url: str, given: dict[str, Any], runs: list[str], answer: str
) -> None:
    """Answered anew: approved, the ledger gives what came of the act; rejected, nothing is taken back."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        [asked] = graph.invoke(given, run_of(runs[0]))["__interrupt__"]
        graph.invoke(Command(resume={asked.id: "approve"}), run_of(runs[1]))
        checkpointer.delete_for_runs([runs[1]])

        graph.invoke(Command(resume={asked.id: {"type": answer, "by": "ben"}}), run_of(runs[2]))

        assert len(lines(Path(given["sink"]))) == 1
        assert [act.status for act in desk.effects.list(thread_id="t")] == ["done"]
        assert (desk.show(asked.id).status, desk.show(asked.id).by) == ("applied", "ben")


def test_a_decision_of_the_desk_waits_to_be_handed_over_again(
    db_url: str, given: dict[str, Any], runs: list[str]
) -> None:
    """It is not void: the next resume tells it once more, and the act is not done again."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        [asked] = graph.invoke(given, run_of(runs[0]))["__interrupt__"]
        desk.decide(asked.id, Approve(), by="ana", digest=desk.show(asked.id).digest)
        told = {"type": "approve", "by": "ana", "via": "desk"}  # as a server's run gets it
        graph.invoke(Command(resume={asked.id: told}), run_of(runs[1]))
        checkpointer.delete_for_runs([runs[1]])
        again = desk.show(asked.id).status

        [resumed] = desk.resume(graph)

        assert (again, resumed.applied) == ("decided", (asked.id,))
        assert len(lines(Path(given["sink"]))) == 1
