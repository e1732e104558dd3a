"""An edit of a thread's state, made as a gate's node, goes on: to where the gate's word led, or to the gate again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel, Field

from hitl_graph.decisions import Approve, Edit, Reject
from hitl_graph.errors import ProposalError
from hitl_graph.nodes import add_detached_gate, add_gate, boundary_map, effect
from hitl_graph.nodes.flow import read_flow
from hitl_graph.nodes.state import keep_each, merge
from hitl_graph.reviews import Evidence
from tests.unit.factories import (
    EDITED,
    EMAIL,
    SEND,
    Counter,
    Mode,
    Outbox,
    Thread,
    fan_out,
    in_both_modes,
    mail_graph,
    measured,
    review_gate,
)

Change = Callable[[Thread], Any]
UNSURE, SURE = 0.1, 0.99


def edit(thread: Thread, values: Any, **as_node: str | None) -> tuple[str, ...]:
    """Edit the thread's state; where it goes on."""
    thread.graph.update_state(thread.config, values, **as_node)
    following: tuple[str, ...] = thread.graph.get_state(thread.config).next
    return following


def two_gates(first: Any, outbox: Outbox | None = None) -> StateGraph[Any, Any, Any, Any]:
    """draft → the first gate → a second, which always asks → send."""
    builder = mail_graph(review_gate(name="second"), outbox=outbox)
    builder.edges.discard(("draft", "second"))
    add_gate(builder, first, approved="second", rejected=END)
    return builder.add_edge("draft", first.name)


def without(builder: Any) -> Any:
    """The same graph without its ways after edits."""
    builder.branches.clear()
    return builder


# After an edit


@in_both_modes
def test_the_gate_that_waits_asks_about_the_same_proposal(mode: Mode) -> None:
    """Nothing that was measured is measured again."""
    scores = Counter(UNSURE)
    thread = Thread(mail_graph(measured(scores)), mode).start(segment="any")

    assert edit(thread, {"ticket": "More was said."}) == ("triage.review",)
    thread.run(None)

    assert thread.case["proposal"] == EMAIL and scores.calls == 1


@in_both_modes
def test_another_proposal_is_measured(mode: Mode) -> None:
    """And asked about, under an id of its own."""
    thread = Thread(mail_graph(measured(lambda state: UNSURE)), mode).start(segment="any")
    [old] = thread.open

    assert edit(thread, {"email": EDITED}) == ("triage",)
    thread.run(None)

    assert thread.case["proposal"] == EDITED and thread.open[0].id != old.id


def test_another_proposal_may_pass_that_gate() -> None:
    """What it measures now is what counts."""
    outbox = Outbox()
    gate = measured(lambda state: SURE if state["email"] == EDITED else UNSURE, unattended="Calibrated.")
    thread = Thread(mail_graph(gate, outbox=outbox)).start(segment="any")

    edit(thread, {"email": EDITED})
    thread.run(None)

    assert [mail for _, mail in outbox] == [EDITED]


def test_what_passed_the_gate_before_goes_on_behind_it() -> None:
    """The first gate let the same proposal pass."""
    thread = Thread(two_gates(measured(lambda state: SURE, unattended="Calibrated."))).start(segment="any")

    assert edit(thread, {"ticket": "More was said."}) == ("second",)


def test_what_was_approved_before_goes_on_behind_it() -> None:
    """With the edit that was approved there."""
    thread = Thread(two_gates(review_gate(name="first"))).start()
    thread.answer(Edit({"body": "Better."}))
    assert thread.case["gate"] == "second"

    assert edit(thread, {"ticket": "More was said."}) == ("second",)


def test_what_was_not_approved_before_goes_to_the_first_gate() -> None:
    """Two gates in a row: the second would otherwise be the only one to see it."""
    outbox = Outbox()
    thread = Thread(two_gates(review_gate(name="first"), outbox)).start()
    thread.answer(Approve())

    assert edit(thread, {"email": EDITED}) == ("first",)
    thread.run(None)
    for gate in ("first", "second"):
        assert thread.case["gate"] == gate and thread.case["proposal"] == EDITED
        thread.answer(Approve())

    assert [mail for _, mail in outbox] == [EDITED]


def test_where_a_rejection_led_it_goes_again() -> None:
    """The proposal that was rejected is not asked about once more."""
    thread = Thread(mail_graph(), interrupt_before=["draft"])
    thread.start()
    thread.run(None)
    thread.answer(Reject())
    assert thread.graph.get_state(thread.config).next == ("draft",)

    assert edit(thread, {"ticket": "More was said."}) == ("draft",)


@pytest.mark.parametrize("values", [{"ticket": "More was said."}, {"email": EDITED}], ids=["same", "another"])
def test_a_thread_that_a_gate_ended_stays_ended(values: dict[str, Any]) -> None:
    """An edit of what is over sets nothing going."""
    thread = Thread(mail_graph(rejected=END)).start()
    thread.answer(Reject())

    assert edit(thread, values) == ()


def test_a_proposal_that_is_none_is_said() -> None:
    """The gate says it, and nothing passes."""
    thread = Thread(two_gates(review_gate(name="first"))).start()
    thread.answer(Approve())

    assert edit(thread, {"email": None}) == ("first",)
    with pytest.raises(ProposalError, match="email"):
        thread.run(None)


def test_an_edit_as_a_gate_that_waits_asks_there() -> None:
    """Naming the gate is no way past it."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox)).start()

    assert edit(thread, {"email": EDITED}, as_node="reply") == ("reply",)
    thread.run(None)

    assert thread.case["proposal"] == EDITED and not outbox


def test_an_edit_as_a_gate_does_not_act_twice() -> None:
    """The way leads to the act, which knows that it was done."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox)).start()
    thread.answer(Approve())

    assert edit(thread, {"ticket": "More was said."}, as_node="reply") == ("send",)
    thread.run(None)

    assert len(outbox) == 1 and thread.graph.get_state(thread.config).next == ()


def test_a_command_goes_where_it_says() -> None:
    """Who gives one with the edit says the way."""
    thread = Thread(mail_graph()).start()

    assert edit(thread, Command(goto="draft"), as_node="reply") == ("draft",)


def detached(gate: Any) -> StateGraph[Any, Any, Any, Any]:
    """A detached gate that is joined at once, another gate, and the act."""
    builder = mail_graph(review_gate(name="second"))
    builder.edges.discard(("draft", "second"))
    add_detached_gate(builder, gate, then=f"{gate.name}.join", approved="second", rejected=END)
    return builder.add_edge("draft", f"{gate.name}.ask")


def test_the_case_of_a_detached_gate_is_asked_again() -> None:
    """In its own thread, where every decision leads to the end."""
    thread = Thread(detached(measured(lambda state: UNSURE))).start(segment="any")
    case = Thread(thread.graph, thread_id=thread.case["thread_id"])

    assert edit(case, {"ticket": "More was said."}) == ("triage.review",)
    assert edit(case, {"email": EDITED}) == ("triage",)


@pytest.mark.parametrize("as_node", [None, "first.ask", "first.join"])
def test_a_join_goes_on_waiting(as_node: str | None) -> None:
    """An edit of the graph's thread does not change the case, which is about what was asked."""
    thread = Thread(detached(review_gate(name="first"))).start()

    assert edit(thread, {"ticket": "More was said."}, as_node=as_node) == ("first.join",)


def test_behind_a_join_it_goes_on_as_behind_any_gate() -> None:
    """Another proposal is a new case."""
    thread = Thread(detached(review_gate(name="first"))).start()
    Thread(thread.graph, thread_id=thread.case["thread_id"]).answer(Approve())
    thread.run(None)
    assert thread.case["gate"] == "second"

    assert edit(thread, {"ticket": "More was said."}) == ("second",)
    assert edit(thread, {"email": EDITED}) == ("first.ask",)


class Typed(BaseModel):
    """State in a pydantic model."""

    ticket: str = ""
    email: dict[str, Any] = Field(default_factory=dict)
    reviews: Annotated[list[dict[str, Any]], keep_each] = Field(default_factory=list)
    judgements: Annotated[dict[str, Any], merge] = Field(default_factory=dict)
    effects: Annotated[list[dict[str, Any]], keep_each] = Field(default_factory=list)


def test_state_in_a_model() -> None:
    """It is read as the nodes read it."""
    gate = measured(
        lambda state: UNSURE, segment=lambda state: "any", evidence=[Evidence("Log", "A message.")]
    )
    builder = StateGraph(Typed)
    builder.add_node("send", effect(lambda state: None, action=SEND))
    add_gate(builder, gate, approved="send", rejected=END)
    thread = Thread(builder.add_edge(START, "triage")).start()

    assert edit(thread, {"ticket": "More was said."}) == ("triage.review",)
    assert edit(thread, {"email": EDITED}) == ("triage",)


# What it leaves alone


GRAPHS: list[Callable[[], Any]] = [
    mail_graph,
    lambda: mail_graph(measured(lambda state: UNSURE)),
    lambda: two_gates(review_gate(name="first")),
    fan_out,
    lambda: detached(review_gate(name="first")),
]


@pytest.mark.parametrize("make", GRAPHS, ids=["one", "measured", "two", "fan-out", "detached"])
def test_nothing_of_it_is_drawn(make: Callable[[], Any]) -> None:
    """By LangGraph, in the boundary's map, and in what the boundary checks."""
    with_it, bare = make(), make()
    bare.branches = {name: b for name, b in bare.branches.items() if name in ("split", START)}
    ours, plain = with_it.compile(), bare.compile()

    assert ours.get_graph().to_json(with_schemas=True) == plain.get_graph().to_json(with_schemas=True)
    assert ours.get_graph().draw_mermaid() == plain.get_graph().draw_mermaid()
    assert boundary_map(ours).to_json() == boundary_map(plain).to_json()
    assert list(read_flow(ours).all_edges()) == list(read_flow(plain).all_edges())


@in_both_modes
@pytest.mark.parametrize("make", GRAPHS[:3], ids=["one", "measured", "two"])
def test_a_run_does_what_it_did_without(make: Callable[[], Any], mode: Mode) -> None:
    """The same tasks in the same steps with the same writes."""

    def ran(builder: Any) -> list[Any]:
        thread = Thread(builder, mode).start(segment="any")
        while thread.open:
            thread.answer(Approve())
        saver: InMemorySaver = thread.graph.checkpointer
        found = []
        for saved in saver.list(thread.config):
            writes = sorted((channel, path) for (_, channel, _), path in _writes(saver, saved))
            state = thread.graph.get_state(saved.config)
            found.append((state.next, [task.name for task in state.tasks], writes))
        return found

    assert ran(make()) == ran(without(make()))


@pytest.mark.parametrize("make", GRAPHS, ids=["one", "measured", "two", "fan-out", "detached"])
def test_a_run_has_no_step_more(make: Callable[[], Any]) -> None:
    """A gate that lets pass costs what it did."""

    def steps(builder: Any) -> dict[str, int]:
        nodes = builder.compile().nodes
        return {name: len(getattr(node.node, "steps", ())) for name, node in nodes.items() if name != "split"}

    assert steps(make()) == steps(without(make()))


def _writes(saver: InMemorySaver, saved: Any) -> list[tuple[tuple[str, str, Any], str]]:
    at = saved.config["configurable"]
    kept = saver.writes[at["thread_id"], at["checkpoint_ns"], at["checkpoint_id"]]
    return [((task, channel, None), path) for task, channel, _, path in kept.values()]


def test_an_edit_while_items_wait_goes_on_as_before() -> None:
    """What was sent came from another node, and LangGraph edits as that one: all are sent, and asked, again."""
    thread = Thread(fan_out(2))
    thread.run({"ticket": "x"})

    assert edit(thread, {"ticket": "y"}) == ("reply", "reply")
