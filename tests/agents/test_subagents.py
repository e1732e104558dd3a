"""Agents in agents: every case of every agent is listed, and answered once."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph import HitlState
from hitl_graph.agents import GateMiddleware
from tests.agents.mailing import THREAD, Tools, mail_gate, pay_gate
from tests.support.fake_model import ScriptedModel, call, calls

WRITE: Any = {"messages": [("user", "Write to both.")]}


def mailer(tools: Tools, to: str, *, name: str = "mailer") -> Any:
    """An agent without a saver of its own that mails one person."""
    said = call("send_email", f"mail-{to}", to=f"{to}@example.com", body="Hello")
    model = ScriptedModel(said, f"Mailed {to}.")
    return create_agent(
        model, [tools.send_email], middleware=[GateMiddleware({"send_email": mail_gate()})], name=name
    )


def as_tool(name: str, agent: Any) -> BaseTool:
    """A tool that hands its task to an agent."""

    @tool(name)
    def delegate(task: str) -> str:
        """Let another agent do it."""
        return str(agent.invoke({"messages": [("user", task)]})["messages"][-1].content)

    return delegate


def open_cases(agent: Any) -> dict[str, str]:
    return {one.value["tool_call"]["id"]: one.id for one in agent.get_state(THREAD).interrupts}


def test_a_subagents_case_is_the_threads_case() -> None:
    """A gated call of an agent that is a tool pauses the whole thread, and the answer goes on from there."""
    tools = Tools()
    model = ScriptedModel(call("ann", "a1", task="mail her"), "Done.")
    agent: Any = create_agent(model, [as_tool("ann", mailer(tools, "ann"))], checkpointer=InMemorySaver())

    [one] = agent.invoke(WRITE, THREAD)["__interrupt__"]
    out = agent.invoke(Command(resume={one.id: "approve"}), THREAD)

    assert tools.done == [("send_email", "ann@example.com", "Hello")]
    assert out["messages"][-1].content == "Done."


def test_two_subagents_at_once_have_two_cases_and_two_answers() -> None:
    """Both pauses are listed; each is answered by its own id, and each mail goes out once."""
    tools = Tools()
    model = ScriptedModel(calls(call("ann", "a1", task="mail"), call("bob", "b1", task="mail")), "Done.")
    both = [as_tool("ann", mailer(tools, "ann")), as_tool("bob", mailer(tools, "bob"))]
    agent: Any = create_agent(model, both, checkpointer=InMemorySaver())
    agent.invoke(WRITE, THREAD)
    cases = open_cases(agent)

    agent.invoke(Command(resume={cases["mail-bob"]: "reject"}), THREAD)
    left = open_cases(agent)
    agent.invoke(Command(resume={cases["mail-ann"]: "approve"}), THREAD)

    assert set(cases) == {"mail-ann", "mail-bob"}
    assert set(left) == {"mail-ann"}
    assert tools.done == [("send_email", "ann@example.com", "Hello")]


def test_the_call_of_a_subagent_can_have_a_gate_of_its_own() -> None:
    """First the delegation is approved, then what the subagent wants to do."""
    tools = Tools()
    model = ScriptedModel(call("ann", "a1", task="mail her"), "Done.")
    gate = mail_gate(name="delegation", consequence="Lets another agent do: {task}.")
    agent: Any = create_agent(
        model,
        [as_tool("ann", mailer(tools, "ann"))],
        middleware=[GateMiddleware({"ann": gate})],
        checkpointer=InMemorySaver(),
    )
    agent.invoke(WRITE, THREAD)
    first = open_cases(agent)

    agent.invoke(Command(resume={first["a1"]: "approve"}), THREAD)
    second = open_cases(agent)
    agent.invoke(Command(resume={second["mail-ann"]: "approve"}), THREAD)

    assert (list(first), list(second)) == (["a1"], ["mail-ann"])
    assert len(tools.done) == 1


def test_an_agent_as_a_node_brings_its_reviews_to_the_parent() -> None:
    """As a subgraph node, the agent's records arrive in the parent's state."""

    class Parent(HitlState):
        messages: list[Any]

    tools = Tools()
    builder: Any = StateGraph(Parent)
    builder.add_node("mailer", mailer(tools, "ann"))
    builder.add_edge(START, "mailer")
    builder.add_edge("mailer", END)
    graph = builder.compile(checkpointer=InMemorySaver())

    [one] = graph.invoke(WRITE, THREAD)["__interrupt__"]
    out = graph.invoke(Command(resume={one.id: {"type": "approve", "by": "ana"}}), THREAD)

    assert out["reviews"][0]["by"] == "ana"
    assert len(tools.done) == 1


@pytest.mark.filterwarnings("ignore")
def test_deep_agents_and_their_subagents_take_the_middleware() -> None:
    """`create_deep_agent` with the middleware on itself and on a subagent asks for both."""
    from deepagents import create_deep_agent

    tools = Tools()
    sub: Any = {
        "name": "payer",
        "description": "Pays.",
        "system_prompt": "Pay.",
        "tools": [tools.pay],
        "model": ScriptedModel(call("pay", "p1", amount=3), "Paid."),
        "middleware": [GateMiddleware({"pay": pay_gate()})],
    }
    task = call("task", "t1", description="Pay three.", subagent_type="payer")
    mail = call("send_email", "m1", to="ann@example.com", body="Hello")
    agent: Any = create_deep_agent(
        model=ScriptedModel(calls(task, mail), "Done."),
        tools=[tools.send_email],
        subagents=[sub],
        middleware=[GateMiddleware({"send_email": mail_gate()})],
        checkpointer=InMemorySaver(),
    )
    agent.invoke(WRITE, THREAD)
    first = open_cases(agent)
    agent.invoke(Command(resume={first["m1"]: "approve"}), THREAD)
    second = open_cases(agent)
    out = agent.invoke(Command(resume={second["p1"]: "approve"}), THREAD)

    assert (list(first), list(second)) == (["m1"], ["p1"])
    assert sorted(tools.done) == [("pay", 3), ("send_email", "ann@example.com", "Hello")]
    assert isinstance(out["messages"][-1], AIMessage)
