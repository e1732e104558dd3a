"""A thread that failed on an answer which did not come from the desk can be tried again from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from hitl_graph import Desk, open_checkpointer
from tests.support.graphs import thread


class State(TypedDict, total=False):
    """Two answers."""

    one: Any
    two: Any


def two_questions(works: Path) -> StateGraph[State]:
    """Two bare questions side by side; the first one's node fails until a file is there."""

    def one(_: State) -> dict[str, Any]:
        answer = interrupt("First?")
        if not works.exists():
            raise OSError("the network is down")
        return {"one": answer}

    builder = StateGraph(State)
    builder.add_node("one", one)
    builder.add_node("two", lambda _: {"two": interrupt("Second?")})
    builder.add_edge(START, "one")
    builder.add_edge(START, "two")
    return builder


@pytest.mark.parametrize("answer", ["yes", ["a", 1], 7, {"type": "odd"}, None], ids=str)
def test_a_failed_answer_from_elsewhere_is_given_again_as_it_came(
    db_url: str, tmp_path: Path, answer: Any
) -> None:
    """A bare resume failed in its node; after `retry` the node is given the very same answer."""
    works = tmp_path / "works"
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = two_questions(works).compile(checkpointer=checkpointer)
        graph.invoke({}, thread("t1"))
        [first] = [case for case in desk.pending() if case.payload == "First?"]
        with pytest.raises(OSError, match="network"):
            graph.invoke(Command(resume={first.id: answer}), thread("t1"))
        assert desk.show(first.id).status == "failed"

        works.touch()
        desk.retry(first.id, by="ana")
        [done] = desk.resume(graph)

        assert done.error is None
        assert graph.get_state(thread("t1")).values.get("one") == answer
        assert [case.payload for case in desk.pending()] == ["Second?"]
