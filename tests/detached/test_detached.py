"""Detached gates: the graph goes on while a case is pending, and waits only where it needs the result (R37)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langgraph.types import Command

from hitl_graph import Approve, Desk, Edit, ExceptionEscalation, Reject, open_checkpointer
from hitl_graph.desk import Case
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.gates import complaint
from tests.detached.flows import begin, detached_graph
from tests.intervention.acting import running
from tests.support.graphs import lines, reply_gate, thread


class Flow(NamedTuple):
    """A graph with a detached gate, its desk and its sink."""

    graph: Any
    desk: SyncDesk
    sink: Path
    checkpointer: Any

    def start(self, name: str = "t") -> dict[str, Any]:
        """A thread, run until it waits."""
        out: dict[str, Any] = self.graph.invoke(begin(self.sink), thread(name))
        return out

    def decide(self, decision: Any) -> Case:
        """Decide the only open case."""
        [case] = self.desk.pending()
        return self.desk.decide(case.id, decision, by="ana", digest=case.digest)

    def state(self, name: str = "t") -> Any:
        """The thread as it stands."""
        return self.graph.get_state(thread(name))


@pytest.fixture
def flow(db_url: str, tmp_path: Path) -> Iterator[Flow]:
    """draft → ask → research → join → send, on a real database."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        yield Flow(detached_graph().compile(checkpointer=checkpointer), desk, tmp_path / "sink", checkpointer)


def test_the_graph_goes_on_while_its_case_is_pending(flow: Flow) -> None:
    """R37: what needs no result is done; the case stands in a thread of its own."""
    flow.start()

    [case] = flow.desk.pending()
    assert lines(Path(f"{flow.sink}.work")) == ["researched"]
    assert case.thread_id.startswith("t/reply/")
    assert case.gate == "reply"


def test_where_the_graph_waits_nobody_is_asked(flow: Flow) -> None:
    """The pause at the join is no case: there is no review of the graph's own thread."""
    out = flow.start()

    [wait] = out["__interrupt__"]
    assert wait.value["type"] == "hitl_wait"
    assert flow.state().next == ("reply.join",)
    assert list(flow.desk.cases(thread_id="t")) == []


def test_a_waiting_thread_is_not_run_before_its_case_is_decided(flow: Flow) -> None:
    """There is nothing to do for it."""
    flow.start()

    assert flow.desk.resume(flow.graph) == []


def test_the_graph_goes_on_by_itself_with_the_edits_as_state(flow: Flow) -> None:
    """R12: one resume tells the case's thread, and then the graph's: edited, sent once, on record."""
    flow.start()
    case = flow.decide(Edit({"body": "Tomorrow."}))

    done = flow.desk.resume(flow.graph)

    assert [one.thread_id for one in done] == [case.thread_id, "t"]
    values = flow.state().values
    assert values["email"]["body"] == "Tomorrow."
    assert values["ticket"].endswith("(researched)")
    [record] = values["reviews"]
    assert (record["review"], record["outcome"], record["route"], record["by"]) == (
        case.id,
        "approved",
        "send",
        "ana",
    )
    assert lines(flow.sink) == [f"{case.id} Tomorrow."]
    assert flow.desk.resume(flow.graph) == []


def test_a_rejection_leads_where_the_join_says(flow: Flow) -> None:
    """Back to the draft, which opens a case of its own."""
    flow.start()
    first = flow.decide(Reject(reason="tone"))

    flow.desk.resume(flow.graph)

    [second] = flow.desk.pending()
    assert second.id != first.id
    assert second.proposal["body"] == "Draft 2"
    assert flow.state().values["reviews"][-1]["outcome"] == "rejected"
    assert lines(flow.sink) == []


def test_an_edit_that_makes_another_act_of_it_is_asked_again_before_the_graph_goes_on(flow: Flow) -> None:
    """I12: another recipient is another case, in the same thread as the first; the join waits for both."""
    flow.start()
    first = flow.decide(Edit({"to": "ben@example.com"}))
    flow.desk.resume(flow.graph)
    [second] = flow.desk.pending()
    assert flow.state().next == ("reply.join",)

    flow.decide(Approve())
    flow.desk.resume(flow.graph)

    assert second.thread_id == first.thread_id
    assert [record["outcome"] for record in flow.state().values["reviews"]] == ["judged_again", "approved"]
    assert flow.state().values["email"]["to"] == "ben@example.com"
    assert len(lines(flow.sink)) == 1


def test_a_case_that_is_decided_early_costs_no_pause(db_url: str, tmp_path: Path) -> None:
    """R37: decided while the graph still works, it is there when the join looks."""
    works, goes_on = threading.Event(), threading.Event()

    def slow(state: Any) -> dict[str, Any]:
        works.set()
        assert goes_on.wait(30)
        return {}

    builder = detached_graph(meanwhile=slow)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        flow = Flow(builder.compile(checkpointer=checkpointer), desk, tmp_path / "sink", checkpointer)
        with running(flow.start) as run:
            assert works.wait(30)
            case = flow.decide(Approve())
            desk.resume(flow.graph, thread_ids=[case.thread_id])
            goes_on.set()
            out = run.result(30)

        assert "__interrupt__" not in out
        assert len(lines(flow.sink)) == 1


def test_what_the_policy_lets_pass_asks_nobody(db_url: str, tmp_path: Path) -> None:
    """A gate that finds no reason to ask lets the graph through without a pause."""
    base = reply_gate()
    gate = ExceptionEscalation(
        name="reply",
        action=base.action,
        proposal="email",
        question=base.question,
        evidence=base.evidence,
        consequence=base.consequence,
        owner=base.owner,
        detectors=[complaint("ticket")],
        unattended="Nothing speaks against it.",
    )
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = detached_graph(gate).compile(checkpointer=checkpointer)
        flow = Flow(graph, desk, tmp_path / "sink", checkpointer)

        out = flow.start()

        assert "__interrupt__" not in out
        assert list(desk.cases()) == []
        assert len(lines(flow.sink)) == 1


def test_two_threads_wait_for_their_own_cases(flow: Flow) -> None:
    """Deciding one lets only its own thread go on."""
    flow.start("a")
    flow.start("b")
    case = next(case for case in flow.desk.pending() if case.thread_id.startswith("a/"))
    flow.desk.decide(case.id, Approve(), by="ana", digest=case.digest)

    flow.desk.resume(flow.graph)

    assert flow.state("a").next == ()
    assert flow.state("b").next == ("reply.join",)
    assert len(lines(flow.sink)) == 1


def test_telling_the_case_alone_lets_its_graph_go_on(flow: Flow) -> None:
    """As `decide --graph` does: the thread of the case is named, and the one that waits for it goes on too."""
    flow.start()
    case = flow.decide(Approve())

    done = flow.desk.resume(flow.graph, thread_ids=[case.thread_id])

    assert [one.thread_id for one in done] == [case.thread_id, "t"]
    assert len(lines(flow.sink)) == 1


def test_an_answer_to_the_pause_itself_decides_nothing(flow: Flow) -> None:
    """Fail closed: whoever answers the wait is not heard; the case is looked at, and the graph waits again."""
    out = flow.start()
    [wait] = out["__interrupt__"]

    for _ in range(2):
        out = flow.graph.invoke(Command(resume={wait.id: {"type": "approve", "by": "mallory"}}), thread("t"))
        [wait] = out["__interrupt__"]

    assert wait.value["type"] == "hitl_wait"
    assert lines(flow.sink) == []
    assert len(flow.desk.pending()) == 1
