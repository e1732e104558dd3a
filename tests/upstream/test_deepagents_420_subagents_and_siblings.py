"""deepagents 420: a pause in a subagent must not make its neighbours run again.

The reporter feared that the resume runs the whole tools node once more: plain tools of the same message, and every
other subagent.
"""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import BaseMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from hitl_graph import Approve, Desk, Reject, open_checkpointer
from hitl_graph.agents import GateMiddleware, each_call
from tests.support.agent_threads import agent_gate, answered, tools_for
from tests.support.deep_agents import DeepThread, delegate
from tests.support.fake_model import ScriptedModel, call, calls


def looks_then_sends(messages: list[BaseMessage]) -> Any:
    """A subagent's model: it looks something up, proposes an email to the one it was told of, and ends."""
    who = str(messages[-1 if messages[-1].type == "human" else 1].content)
    answers = sum(message.type == "tool" for message in messages)
    steps = [call("look_up", f"look-{who}", what=who), call("send_email", f"mail-{who}", to=who)]
    return steps[answers] if answers < len(steps) else f"Told {who}."


def beside_a_tool() -> DeepThread:
    """One message with a delegation and a plain tool call."""
    both = calls(delegate("t1", "ana"), call("look_up", "plain", what="card"))
    return DeepThread([both, "All done."], [call("send_email", to="ana"), "Told Ana."])


def two_at_once(**more: Any) -> DeepThread:
    """One message with two delegations; each subagent looks up, then wants to send."""
    both = calls(delegate("t1", "ana"), delegate("t2", "bob"))
    return DeepThread([both, "All done."], [looks_then_sends] * 6, **more)


def test_deepagents_420_a_plain_tool_beside_a_paused_subagent_runs_once() -> None:
    """Before the pause, and not again after it."""
    thread = beside_a_tool().start()
    assert thread.ran == ["look_up(card)"]

    thread.answer(Approve())

    assert thread.ran == ["look_up(card)", "send_email(ana, )"]


def test_deepagents_420_two_paused_subagents_are_two_questions() -> None:
    """Both are open at once, each with an id of its own."""
    thread = two_at_once().start()

    assert set(thread.cases) == {"mail-ana", "mail-bob"}
    assert len({question.id for question in thread.open}) == 2


def test_deepagents_420_one_subagent_goes_on_while_the_other_waits() -> None:
    """And what either has done already is not done again."""
    thread = two_at_once().start()

    thread.answer(Approve(), to="mail-bob")

    assert set(thread.cases) == {"mail-ana"}
    assert sorted(thread.ran) == ["look_up(ana)", "look_up(bob)", "send_email(bob, )"]


def test_deepagents_420_at_the_end_everything_has_run_once() -> None:
    """The tools, and the models: three questions to each subagent's."""
    thread = two_at_once().start()

    thread.answer(Approve(), to="mail-bob")
    thread.answer(Reject(), to="mail-ana")

    assert sorted(thread.ran) == ["look_up(ana)", "look_up(bob)", "send_email(bob, )"]
    assert len(thread.subagent.sent) == 6
    assert thread.messages[-1].content == "All done."


def test_deepagents_420_both_answers_in_one_run() -> None:
    """As the desk gives them: by id, whatever their order."""
    thread = two_at_once().start()

    thread.answer_all({"mail-bob": Reject(), "mail-ana": Approve()})

    assert sorted(thread.ran) == ["look_up(ana)", "look_up(bob)", "send_email(ana, )"]
    assert len(thread.subagent.sent) == 6


def test_deepagents_420_the_desk_takes_each_subagents_case_by_itself(db_url: str) -> None:
    """Two rows in Postgres; the one that is decided goes on, the other keeps waiting."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        thread = two_at_once(checkpointer=checkpointer).start()
        cases = {case.request.proposal["to"]: case for case in desk.pending() if case.request}
        assert set(cases) == {"ana", "bob"}

        for who in ("bob", "ana"):
            desk.decide(cases[who].id, Approve(), by="carol", digest=cases[who].digest)
            desk.resume(thread.agent)

        assert sorted(thread.ran) == [
            "look_up(ana)",
            "look_up(bob)",
            "send_email(ana, )",
            "send_email(bob, )",
        ]
        assert [desk.show(case.id).status for case in cases.values()] == ["applied", "applied"]


@pytest.mark.parametrize("decision", [Approve(), Reject()], ids=["approve", "reject"])
def test_deepagents_420_a_tools_node_of_ones_own_runs_each_call_as_a_task(decision: Any) -> None:
    """The reporter's own framework: a subagent wrapped as a tool, beside a plain tool. `each_call` keeps them apart."""
    ran: list[str] = []
    tools = tools_for(ran)
    model = ScriptedModel(call("send_email", to="ana"), "Told Ana.")
    subagent: Any = create_agent(model, tools, middleware=[GateMiddleware({"send_email": agent_gate()})])

    @tool
    def writer(what: str) -> str:
        """Write to a customer."""
        return str(subagent.invoke({"messages": [("user", what)]})["messages"][-1].content)

    both = calls(call("writer", "t1", what="ana"), call("look_up", "plain", what="card"))
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda _: {"messages": [both]})
    builder.add_node("tools", ToolNode([writer, *tools]))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", each_call("tools"), ["tools"])
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}

    [question] = graph.invoke({"messages": [("user", "Write to Ana.")]}, config)["__interrupt__"]
    assert ran == ["look_up(card)"]
    graph.invoke(Command(resume=answered({question.id: decision})), config)

    assert ran == ["look_up(card)", *(["send_email(ana, )"] if decision == Approve() else [])]
    assert len(model.sent) == 2
