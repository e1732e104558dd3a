"""A scripted reviewer takes paused threads to their end, through the desk or by map."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START
from langgraph.types import interrupt

from hitl_graph import Approve, Case, Desk, Edit, Reject, Respond, open_checkpointer
from hitl_graph.errors import AnswerError
from hitl_graph.testing import ScriptedReviewer, ScriptError

from .graphs import State, alone, drafts, mail, reply, two_gates

CONFIG: Any = {"configurable": {"thread_id": "t"}}


@pytest.fixture(params=["desk", "memory"])
def saver(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A saver of ours, whose cases stand at the desk, and one that has no desk."""
    if request.param == "desk":
        yield request.getfixturevalue("hitl_checkpointer")
    else:
        yield InMemorySaver()


@pytest.fixture
def started(saver: Any) -> Callable[[Any], Any]:
    """Compiles a graph and runs its thread `t` to the first pause."""

    def start(builder: Any) -> Any:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"ticket": "Where is my card?"}, CONFIG)
        return graph

    return start


def test_an_edit_by_rule_becomes_the_state(started: Any) -> None:
    """The named gate gets the named decision, and `review` gives the final state."""
    graph = started(mail())

    values = ScriptedReviewer({"reply": Edit({"body": "On Monday."})}).review(graph, "t")

    assert values["email"]["body"] == "On Monday."
    assert [entry["action"] for entry in values["effects"]] == ["send_email"]


def test_the_record_names_the_reviewer(started: Any) -> None:
    """As it would name a person."""
    values = ScriptedReviewer(Approve(), by="ana").review(started(mail()), "t")

    assert [record["by"] for record in values["reviews"]] == ["ana"]


def test_decisions_are_taken_in_turn(started: Any) -> None:
    """A list answers the first case, then the next."""
    values = ScriptedReviewer([Reject(reason="tone"), Approve()]).review(started(mail()), "t")

    assert [record["decision"] for record in values["reviews"]] == ["reject", "approve"]
    assert values["email"]["body"] == "Draft 2"


def test_a_function_sees_the_case(started: Any) -> None:
    """What it is about decides."""

    def decide(case: Case) -> Any:
        return Approve() if case.proposal["body"] == "Draft 3" else Reject()

    values = ScriptedReviewer(decide).review(started(mail()), "t")

    assert values["email"]["body"] == "Draft 3"


def test_what_was_asked_is_kept_for_asserts(started: Any) -> None:
    """Cases and decisions, in order."""
    reviewer = ScriptedReviewer([Reject(), Approve()])

    reviewer.review(started(mail()), "t")

    assert [case.proposal["body"] for case in reviewer.seen] == ["Draft 1", "Draft 2"]
    assert reviewer.seen[0].allowed == ("approve", "edit", "reject")
    assert reviewer.decided == [Reject(), Approve()]


def test_gates_side_by_side_are_matched_by_name(started: Any) -> None:
    """Whatever order they come in."""
    values = ScriptedReviewer({"first": Reject(), "second": Approve()}).review(started(two_gates()), "t")

    assert {r["gate"]: r["decision"] for r in values["reviews"]} == {"first": "reject", "second": "approve"}


def test_a_rule_may_name_the_action_or_stand_for_the_rest(started: Any) -> None:
    """The gate's name comes first, then the action's, then `*`."""
    values = ScriptedReviewer({"first": Reject(), "send_email": Approve(), "*": Reject()}).review(
        started(two_gates()), "t"
    )

    assert {r["gate"]: r["decision"] for r in values["reviews"]} == {"first": "reject", "second": "approve"}


def test_a_plain_interrupt_is_answered_in_its_own_shape(started: Any) -> None:
    """Under the name of its node."""
    graph = started(alone(lambda state: {"ticket": interrupt("What is it about?")}))

    assert ScriptedReviewer({"ask": Respond("A card")}).review(graph, "t")["ticket"] == "A card"


def test_a_gate_in_a_subgraph_is_found(started: Any) -> None:
    """Its case stands under the gate's name."""
    outer = alone(mail().compile())

    assert ScriptedReviewer({"reply": Approve()}).review(started(outer), "t")["email"]["body"] == "Draft 1"


def test_what_an_error_handler_asks_is_found(saver: Any) -> None:
    """`get_state` does not list it."""

    def handle(state: State, error: Any) -> Any:
        return {"ticket": interrupt("It failed: what is the ticket?")}

    def fails(state: Any) -> Any:
        raise RuntimeError("no connection")

    from langgraph.errors import NodeError
    from langgraph.graph import StateGraph

    handle.__annotations__["error"] = NodeError
    builder = StateGraph(State)
    builder.add_node("work", fails, error_handler=handle)
    builder.add_edge(START, "work")
    graph = builder.compile(checkpointer=saver)
    graph.invoke({}, CONFIG)
    reviewer = ScriptedReviewer(Respond("A card"))

    reviewer.review(graph, "t")

    assert [case.question for case in reviewer.seen] == ["It failed: what is the ticket?"]
    assert graph.get_state(CONFIG).values["ticket"] == "A card"


def test_what_a_task_asks_is_asked_once(saver: Any) -> None:
    """LangGraph stores the question of a `@task` twice."""

    @task
    def ask(text: str) -> Any:
        return interrupt(text)

    @entrypoint(checkpointer=saver)
    def flow(text: str) -> Any:
        return ask(text).result()

    cast(Any, flow).invoke("Who is it?", CONFIG)
    reviewer = ScriptedReviewer(Respond("Ana"))

    assert reviewer.review(flow, "t") == "Ana"
    assert len(reviewer.seen) == 1


def test_a_thread_that_asks_nothing_stays_as_it_is(started: Any) -> None:
    """Its state is given."""
    graph = started(alone(drafts))

    assert ScriptedReviewer({}).review(graph, "t")["email"]["body"] == "Draft 1"


def test_a_case_without_an_answer_fails_by_name(started: Any) -> None:
    """The message says what is asked, what it takes, and what the script knows."""
    with pytest.raises(ScriptError) as caught:
        ScriptedReviewer({"refund": Approve()}).review(started(mail()), "t")

    assert str(caught.value).splitlines() == [
        "No answer for 'reply' in thread 't'.",
        "It asks: Is this reply safe to send to the customer?",
        "About: {'to': 'ann@example.com', 'body': 'Draft 1'}",
        "It takes: approve, edit, reject",
        "The script has answers for: refund.",
    ]


def test_nothing_is_decided_when_one_of_several_has_no_answer(started: Any) -> None:
    """All answers are found before the first is given."""
    graph = started(two_gates())

    with pytest.raises(ScriptError, match="No answer for 'second'"):
        ScriptedReviewer({"first": Approve()}).review(graph, "t")

    assert len(graph.get_state(CONFIG).interrupts) == 2


def test_a_list_that_is_used_up_fails(started: Any) -> None:
    """It says how many there were."""
    with pytest.raises(ScriptError, match="The script's 1 answers for 'reply' are used up"):
        ScriptedReviewer({"reply": [Reject()]}).review(started(mail()), "t")


def test_a_function_that_gives_none_has_no_answer(started: Any) -> None:
    """It may name only the cases it knows."""
    with pytest.raises(ScriptError, match="function for '\\*' gave None"):
        ScriptedReviewer(lambda case: None).review(started(mail()), "t")


def test_a_graph_that_asks_for_ever_is_stopped(started: Any) -> None:
    """After `limit` cases."""
    reviewer = ScriptedReviewer(Reject(), limit=3)

    with pytest.raises(ScriptError, match="3 cases were to be decided at most, .* still asks: reply"):
        reviewer.review(started(mail()), "t")

    assert len(reviewer.seen) == 3


def test_a_decision_that_the_case_does_not_take_is_told_with_the_case(started: Any) -> None:
    """The gate's own error, with a note."""
    with pytest.raises(AnswerError, match="respond is not allowed here") as caught:
        ScriptedReviewer(Respond("Hello")).review(started(mail()), "t")

    assert caught.value.__notes__ == ["scripted answer to reply"]


def test_a_thread_that_was_never_run_is_said(saver: Any) -> None:
    """A wrong thread id is no success."""
    with pytest.raises(ScriptError, match="thread 't' was never run"):
        ScriptedReviewer(Approve()).review(mail().compile(checkpointer=saver), "t")


def test_a_graph_that_raises_after_the_answer_fails_the_review(started: Any) -> None:
    """The node's error is told."""

    def fails(state: Any) -> Any:
        interrupt("Go on?")
        raise RuntimeError("no connection")

    graph = started(alone(fails))

    with pytest.raises((ScriptError, RuntimeError), match="no connection"):
        ScriptedReviewer(Approve()).review(graph, "t")


def test_answers_that_nobody_asked_for_are_reported() -> None:
    """By name, and by number where they come in turn."""
    reviewer = ScriptedReviewer({"reply": [Approve(), Reject(reason="tone")], "refund": Approve()})

    with pytest.raises(ScriptError) as caught:
        reviewer.done()

    told = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in told[1:]] == [
        "- reply, answer 1",
        "- reply, answer 2",
        "- refund",
    ]


def test_a_with_block_reports_unused_answers_at_its_end(started: Any) -> None:
    """Unless the test has failed already."""
    graph = started(mail())

    with (
        pytest.raises(ScriptError, match="nobody asked for these answers:\n- refund"),
        ScriptedReviewer({"reply": Approve(), "refund": Approve()}) as reviewer,
    ):
        reviewer.review(graph, "t")


@pytest.mark.parametrize("rule", ["approve", [Approve(), "reject"], {"type": "approve"}, None])
def test_a_rule_that_is_none_is_refused(rule: Any) -> None:
    """When the reviewer is made."""
    with pytest.raises(TypeError, match="script '.*': is .*, and should be a decision such as Approve"):
        ScriptedReviewer({"reply": rule} if not isinstance(rule, dict) else rule)


def test_one_reviewer_serves_several_threads(started: Any) -> None:
    """A rule holds for all of them."""
    graph = started(mail())
    graph.invoke({}, {"configurable": {"thread_id": "u"}})
    reviewer = ScriptedReviewer(Approve())

    reviewer.review(graph, "t")
    reviewer.review(graph, {"configurable": {"thread_id": "u"}})

    assert [case.thread_id for case in reviewer.seen] == ["t", "u"]


def test_other_threads_are_left_alone(started: Any) -> None:
    """Only the named one is decided."""
    graph = started(mail())
    graph.invoke({}, {"configurable": {"thread_id": "u"}})

    ScriptedReviewer(Approve()).review(graph, "t")

    assert len(graph.get_state({"configurable": {"thread_id": "u"}}).interrupts) == 1


def test_decisions_stand_at_the_desk(hitl_checkpointer: Any, hitl_desk: Any) -> None:
    """With a saver of ours they went the way that a person's go."""
    graph = mail().compile(checkpointer=hitl_checkpointer)
    graph.invoke({}, CONFIG)

    ScriptedReviewer(Approve(reason="fine"), by="ana").review(graph, "t", desk=hitl_desk)

    [case] = hitl_desk.cases()
    assert (case.status, case.by, case.via, case.decision["reason"]) == ("applied", "ana", "desk", "fine")


def test_a_thread_of_another_graph_is_told(hitl_checkpointer: Any) -> None:
    """The desk does not resume it with this one."""
    mail().compile(checkpointer=hitl_checkpointer).invoke({}, CONFIG)
    other = mail(reply("other")).compile(checkpointer=hitl_checkpointer)

    with pytest.raises(ScriptError, match="thread 't' is of another graph"):
        ScriptedReviewer(Approve()).review(other, "t")


@pytest.mark.parametrize("kind", ["sync saver", "async saver", "memory"])
async def test_areview_takes_async_graphs_to_their_end(kind: str, hitl_db_url: str) -> None:
    """With any saver."""
    async with contextlib.AsyncExitStack() as stack:
        saver: Any = InMemorySaver()
        if kind == "sync saver":
            saver = stack.enter_context(open_checkpointer(hitl_db_url))
        elif kind == "async saver":
            saver = await stack.enter_async_context(open_checkpointer(hitl_db_url))
        graph = mail().compile(checkpointer=saver)
        if kind == "sync saver":
            await asyncio.to_thread(graph.invoke, {}, CONFIG)
        else:
            await graph.ainvoke({}, CONFIG)

        values = await ScriptedReviewer([Reject(), Edit({"body": "Hi"})]).areview(graph, "t")

    assert values["email"]["body"] == "Hi"


async def test_areview_decides_at_the_given_desk(hitl_async_checkpointer: Any, hitl_async_desk: Desk) -> None:
    """As `review` does."""
    graph = mail().compile(checkpointer=hitl_async_checkpointer)
    await graph.ainvoke({}, CONFIG)

    await ScriptedReviewer(Approve()).areview(graph, "t", desk=hitl_async_desk)

    assert [case.status for case in await hitl_async_desk.cases()] == ["applied"]


async def test_review_of_an_async_graph_says_what_to_call(hitl_async_checkpointer: Any) -> None:
    """Instead of blocking the loop that the saver lives on."""
    graph = mail().compile(checkpointer=hitl_async_checkpointer)

    with pytest.raises(ScriptError, match="await reviewer.areview"):
        ScriptedReviewer(Approve()).review(graph, "t")
