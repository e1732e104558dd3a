"""LangGraph's own tests of failures, caches and sent items around an interrupt, said of gates.

From test_retry, test_pregel and test_large_cases; each test names those that it follows.
"""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command, Send

from hitl_graph import Evidence, add_gate, ask_on_failure, effect
from hitl_graph.decisions import Approve, Choose
from hitl_graph.functional import areview, review
from tests.unit.factories import EMAIL, SEND, failure_gate, plain, review_gate
from tests.upstream.graphs import State, beside, says
from tests.upstream.running import TICKET, Run, gates_of

pytestmark = pytest.mark.parametrize("run", ["memory-sync", "postgres-sync", "postgres-async"], indirect=True)


def failing(names: list[str], evidence: Any, tried: list[str], **compiled: Any) -> Any:
    """Nodes that fail at the same time, each with a handler that asks."""

    def fails(name: str) -> Any:
        def node(state: Any) -> None:
            tried.append(name)
            raise ConnectionError(f"{name} is away")

        return node

    builder = StateGraph(State)
    builder.add_node("skipped", says("skipped"))
    for name in names:
        gate = failure_gate(name=f"{name}_failed", evidence=evidence)
        handler = ask_on_failure(gate, node=name, skip="skipped")
        builder.add_node(name, fails(name), error_handler=handler)
        builder.add_edge(START, name)
    return builder


@pytest.mark.parametrize("names", [["lookup"], ["lookup", "other"]], ids=["one", "several"])
async def test_a_handler_that_crashes_asks_when_it_is_run_again(run: Run, names: list[str]) -> None:
    """error_handler_resumes_after_crash, …_multiple_nodes: the failed node does not run again."""
    tried: list[str] = []
    crashing = [True]

    def evidence(state: Any) -> list[Evidence]:
        if crashing[0]:
            raise RuntimeError("the handler is away too")
        return [Evidence("Log", "The service is down.")]

    run.on(failing(names, evidence, tried))
    with pytest.raises(RuntimeError, match="the handler is away too"):
        await run.invoke(TICKET)
    crashing[0] = False

    out = await run.invoke(None)
    assert sorted(one.value["gate"] for one in out["__interrupt__"]) == [f"{name}_failed" for name in names]
    answers = {one.id: plain(Choose("skip")) for one in out["__interrupt__"]}
    await run.invoke(Command(resume=answers))

    assert sorted(tried) == names
    assert (await run.call("get_state", run.config)).next == ()


async def test_the_error_is_still_known_when_the_thread_goes_on(run: Run) -> None:
    """graph_error_handler_error_context_survives_checkpoint_resume: the case says what failed, each time."""
    tried: list[str] = []
    run.on(failing(["lookup"], [Evidence("Log", "Down.")], tried))

    for value in (TICKET, None):
        [question] = (await run.invoke(value))["__interrupt__"]
        assert "lookup is away" in str(question.value)
    out = await run.invoke(Command(resume={question.id: plain(Choose("skip"))}))

    assert out["log"] == ["skipped"] and tried == ["lookup"]


async def test_a_failure_beside_a_question_leaves_it_open(run: Run) -> None:
    """pending_writes_resume: what failed runs again, the question is asked once, and nothing is lost."""
    tries: list[str] = []

    def flaky(state: Any) -> dict[str, Any]:
        tries.append("slow")
        if len(tries) == 1:
            raise ConnectionError("away")
        return {"log": ["slow"]}

    run.on(beside("gate", slow=flaky))
    with pytest.raises(ConnectionError):
        await run.invoke(TICKET)

    await run.invoke(None)
    assert await gates_of(run) == ["gate"]
    out = await run.answer(Approve())

    assert tries == ["slow", "slow"] and sorted(out["log"]) == ["gate.ok", "slow"]


async def test_cached_tasks_between_questions(run: Run) -> None:
    """multiple_interrupts_functional_cache: a cached task runs once, every question is asked each time."""
    computed: list[int] = []

    @task(cache_policy=CachePolicy())
    def double(n: int) -> int:
        computed.append(n)
        return 2 * n

    def body(context: dict[str, Any]) -> list[int]:
        out = []
        for n in (1, 1, 2):
            value = double(n).result()
            mail = {**context["email"], "body": str(value)}
            if review(review_gate(), mail, context=context).approved:
                out.append(value)
        return out

    async def abody(context: dict[str, Any]) -> list[int]:
        out = []
        for n in (1, 1, 2):
            value = await double(n)
            mail = {**context["email"], "body": str(value)}
            if (await areview(review_gate(), mail, context=context)).approved:
                out.append(value)
        return out

    run.on(entrypoint(checkpointer=run.saver, cache=InMemoryCache())(abody if run.is_async else body))
    asked = set()
    for thread in ("t", "u"):
        run.config = {"configurable": {"thread_id": thread}}
        await run.invoke(TICKET)
        for _ in range(3):
            asked |= {one.id for one in await run.open()}
            out = await run.answer(Approve())
        assert out == [2, 2, 4]

    assert computed == [1, 2] and len(asked) == 6


def sending(how: str, sent: list[str]) -> StateGraph[Any, Any, Any, Any]:
    """An agent that sends each draft to the gate: along a conditional edge, or by Command."""
    drafts = [{"ticket": "x", "email": {**EMAIL, "to": to}} for to in ("a@x", "b@x")]

    def send(state: Any, key: str) -> None:
        sent.append(state["email"]["to"])

    def items(state: Any) -> list[Send]:
        return [Send("gate", draft) for draft in drafts] if "dropped" not in state["log"] else []

    def agent(state: Any) -> Command[Any]:
        return Command(update={"log": ["agent"]}, goto=items({"log": []}))

    builder = StateGraph(State)
    if how == "edge":
        builder.add_node("agent", says("agent"))
        builder.add_conditional_edges("agent", items, ["gate"])
    else:
        builder.add_node("agent", agent, destinations=("gate",))
    builder.add_edge(START, "agent")
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, review_gate(name="gate"), approved="send", rejected=END)
    return builder


@pytest.mark.parametrize("how", ["edge", "command"])
async def test_an_edit_while_sent_items_wait_drops_them_all(run: Run, how: str) -> None:
    """send_react_interrupt, send_react_interrupt_control: interrupt, update, resume. Nothing that waited is sent."""
    sent: list[str] = []
    await run.on(sending(how, sent)).invoke({"ticket": "x"})
    old = await run.open()
    assert await gates_of(run) == ["gate", "gate"]

    await run.call("update_state", run.config, {"log": ["dropped"]})
    await run.invoke(Command(resume={one.id: plain(Approve()) for one in old}))

    state = await run.call("get_state", run.config)
    assert (sent, state.next, state.interrupts) == ([], (), ())


@pytest.mark.parametrize("how", ["edge", "command"])
async def test_sent_items_are_decided_one_by_one(run: Run, how: str) -> None:
    """send_react_interrupt, send_react_interrupt_control: interrupt, resume."""
    sent: list[str] = []
    await run.on(sending(how, sent)).invoke({"ticket": "x"})

    await run.answer(Approve())

    assert sorted(sent) == ["a@x", "b@x"] and (await run.call("get_state", run.config)).next == ()
