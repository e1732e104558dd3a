"""`gated(tool, gate)`: in a `ToolNode` by edge and by Send, in an agent, and called in a node."""

import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.prebuilt.tool_node import ToolRuntime
from langgraph.types import Command

from hitl_graph import Evidence, HitlState, boundary_map, check_boundary
from hitl_graph.agents import each_call, gated
from tests.agents.mailing import MAIL, THREAD, Tools, mail_gate, pay_gate
from tests.support.fake_model import ScriptedModel, call, calls

WRITE = {"messages": [("user", "Write to Ann.")]}


class State(HitlState):
    """Messages, and what gates keep."""

    messages: Annotated[list[AnyMessage], add_messages]


class Bare(TypedDict):
    """Messages only."""

    messages: Annotated[list[AnyMessage], add_messages]


class Plain:
    """A model and a `ToolNode`, joined by an edge or by Sends."""

    def __init__(self, *script: Any, by: str = "edge", state: Any = State, tools: Any = None) -> None:
        self.tools = Tools()
        model = ScriptedModel(*script)
        builder: Any = StateGraph(state)
        builder.add_node("model", lambda s: {"messages": [model.invoke(s["messages"])]})
        own = [gated(self.tools.send_email, mail_gate()), gated(self.tools.pay, pay_gate()), self.tools.look]
        builder.add_node("tools", ToolNode(tools or own))
        builder.add_edge(START, "model")
        route = each_call("tools") if by == "send" else _to_tools
        builder.add_conditional_edges("model", route, ["tools", END])
        builder.add_edge("tools", "model")
        self.graph = builder.compile(checkpointer=InMemorySaver())

    @property
    def done(self) -> list[tuple[Any, ...]]:
        return self.tools.done

    def ask(self, given: Any = WRITE) -> dict[str, Any]:
        out: dict[str, Any] = self.graph.invoke(given, THREAD)
        return out

    def open(self) -> dict[str, Any]:
        found = self.graph.get_state(THREAD).interrupts
        return {one.value["tool_call"]["id"]: one for one in found}

    def answer(self, **by_call: Any) -> dict[str, Any]:
        now = self.open()
        return self.ask(Command(resume={now[id_].id: answer for id_, answer in by_call.items()}))


def _to_tools(state: Any) -> str:
    return "tools" if state["messages"][-1].tool_calls else END


def told(out: Any, call_id: str) -> ToolMessage:
    [message] = [m for m in out["messages"] if isinstance(m, ToolMessage) and m.tool_call_id == call_id]
    return message


def test_it_looks_like_the_tool_that_it_wraps() -> None:
    """Name, description and what the model is shown are the tool's own."""
    own = Tools().send_email

    made = gated(own, mail_gate())

    assert (made.name, made.description) == (own.name, own.description)
    assert made.tool_call_schema.model_json_schema() == own.tool_call_schema.model_json_schema()


@pytest.mark.parametrize("by", ["edge", "send"])
def test_it_asks_before_it_runs(by: str) -> None:
    """The pause comes before the act, and approval runs it once."""
    plain = Plain(MAIL, "Sent.", by=by)
    plain.ask()
    before = list(plain.done)

    out = plain.answer(m1={"type": "approve", "by": "ana"})

    assert before == []
    assert plain.done == [("send_email", "ann@example.com", "Hello")]
    assert (out["reviews"][0]["by"], out["effects"][0]["review"]) == ("ana", out["reviews"][0]["review"])


@pytest.mark.parametrize("by", ["edge", "send"])
def test_all_calls_of_a_message_are_open_at_once(by: str) -> None:
    """Also where they share one task, every call has a question of its own."""
    more = [call("pay", f"p{n}", amount=n) for n in range(5)]
    plain = Plain(calls(MAIL, *more), by=by)

    plain.ask()

    assert set(plain.open()) == {"m1", "p0", "p1", "p2", "p3", "p4"}
    assert len({one.id for one in plain.open().values()}) == 6


@pytest.mark.parametrize("by", ["edge", "send"])
def test_every_answer_lands_on_its_own_call(by: str) -> None:
    """Answered one by one in another order, each call runs with its own edit."""
    plain = Plain(calls(*(call("pay", f"p{n}", amount=n) for n in range(4))), "Done.", by=by)
    plain.ask()

    for n in (2, 0, 3, 1):
        plain.answer(**{f"p{n}": {"type": "edit", "changes": {"amount": 100 + n}}})

    assert sorted(plain.done) == [("pay", 100 + n) for n in range(4)]


def test_by_an_edge_nothing_acts_before_all_are_decided() -> None:
    """The calls of one task wait for each other, so that a replay cannot run one twice."""
    plain = Plain(calls(MAIL, call("pay", "p1", amount=3)), "Done.")
    plain.ask()

    plain.answer(m1="approve")
    between = list(plain.done)
    plain.answer(p1="approve")

    assert between == []
    assert sorted(plain.done) == [("pay", 3), ("send_email", "ann@example.com", "Hello")]


def test_by_send_a_decided_call_does_not_wait_and_nothing_runs_twice() -> None:
    """Each call is a task of its own: what needs no gate runs at once, and once."""
    plain = Plain(
        calls(MAIL, call("pay", "p1", amount=3), call("look", "l1", question="who")), "Done.", by="send"
    )
    plain.ask()
    plain.answer(m1="approve")
    between = sorted(plain.done)
    plain.answer(p1="approve")

    assert between == [("look", "who"), ("send_email", "ann@example.com", "Hello")]
    assert plain.done.count(("look", "who")) == 1


@pytest.mark.parametrize("by", ["edge", "send"])
def test_a_rejected_call_does_not_run(by: str) -> None:
    """The model reads who said no, and the record is kept."""
    plain = Plain(MAIL, "Then not.", by=by)
    plain.ask()

    out = plain.answer(m1={"type": "reject", "note": "Too short.", "by": "ana"})

    assert plain.done == []
    assert "ana rejected" in str(told(out, "m1").content)
    assert out["reviews"][0]["outcome"] == "rejected"


def test_the_message_carries_the_decision() -> None:
    """Also where the state keeps no reviews, the tool's message says which review it was."""
    plain = Plain(MAIL, "Sent.", state=Bare)
    plain.ask()
    [review] = [one.id for one in plain.open().values()]

    out = plain.answer(m1={"type": "approve", "by": "ana"})

    kept = told(out, "m1").additional_kwargs["hitl"]
    assert (kept["outcome"], kept["by"]) == ("approved", "ana")
    assert len(kept["reviews"]) == 1
    assert review


def test_an_edit_is_told_to_the_model() -> None:
    """The result begins with what a person changed."""
    plain = Plain(MAIL, "Sent.")
    plain.ask()

    out = plain.answer(m1={"type": "edit", "changes": {"body": "Dear Ann"}})

    assert plain.done == [("send_email", "ann@example.com", "Dear Ann")]
    assert "changed this call" in str(told(out, "m1").content)


def test_a_wrong_edit_is_refused_and_the_case_stays_open() -> None:
    """The tool's schema holds for edits."""
    plain = Plain(call("pay", "p1", amount=3), "Paid.")
    plain.ask()

    with pytest.raises(ValueError, match="amount"):
        plain.answer(p1={"type": "edit", "changes": {"amount": "much"}})
    plain.answer(p1="approve")

    assert plain.done == [("pay", 3)]


def test_the_same_call_again_after_a_rejection_is_not_asked_about() -> None:
    """What was rejected is refused when the model repeats it."""
    plain = Plain(MAIL, call("send_email", "m2", to="ann@example.com", body="Hello"), "Then not.")
    plain.ask()

    out = plain.answer(m1="reject")

    assert "before" in str(told(out, "m2").content)
    assert plain.done == []


def test_bad_arguments_are_no_case() -> None:
    """A call that cannot run goes back to the model."""
    plain = Plain(call("pay", "p1", amount="much"), "Sorry.")

    out = plain.ask()

    assert told(out, "p1").status == "error"
    assert "__interrupt__" not in out


@pytest.mark.parametrize("by", ["edge", "send"])
def test_arguments_that_the_program_adds_reach_the_tool_and_no_reviewer(by: str) -> None:
    """Injected state, call id and runtime are not shown, cannot be forged, and work."""
    seen: list[Any] = []

    @tool
    def note(
        text: str,
        state: Annotated[dict[str, Any], InjectedState],
        call_id: Annotated[str, InjectedToolCallId],
        runtime: ToolRuntime[Any, Any],
    ) -> str:
        """Note something."""
        seen.append((text, len(state["messages"]), call_id, runtime.tool_call_id))
        return "noted"

    forged = call("note", "n1", text="a", call_id="other")
    plain = Plain(forged, "Noted.", by=by, tools=[gated(note, mail_gate(consequence="Notes it."))])
    plain.ask()

    shown = plain.open()["n1"].value
    plain.answer(n1="approve")

    assert shown["proposal"] == {"text": "a"}
    assert set(shown["edit_schema"]["properties"]) == {"text"}
    assert seen == [("a", 2, "n1", "n1")]


def test_a_tool_that_returns_a_command_keeps_its_update() -> None:
    """The tool's own state update and the record of the decision both arrive."""

    class Counting(State):
        count: Annotated[int, operator.add]

    @tool
    def count(call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Count one."""
        return Command(update={"count": 1, "messages": [ToolMessage("counted", tool_call_id=call_id)]})

    counting = gated(count, mail_gate(consequence="Counts."))
    plain = Plain(call("count", "c1"), "Counted.", state=Counting, tools=[counting])
    plain.ask()

    out = plain.answer(c1="approve")

    assert (out["count"], len(out["reviews"]), len(out["effects"])) == (1, 1, 1)


async def test_it_works_in_an_async_graph() -> None:
    """An async tool in an async graph asks and runs the same way."""
    ran: list[int] = []

    @tool
    async def pay(amount: int) -> str:
        """Pay."""
        ran.append(amount)
        return "paid"

    builder: Any = StateGraph(State)
    model = ScriptedModel(calls(call("pay", "p1", amount=1), call("pay", "p2", amount=2)), "Done.")
    builder.add_node("model", lambda s: {"messages": [model.invoke(s["messages"])]})
    builder.add_node("tools", ToolNode([gated(pay, pay_gate())]))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", _to_tools, ["tools", END])
    builder.add_edge("tools", "model")
    graph = builder.compile(checkpointer=InMemorySaver())

    out = await graph.ainvoke(WRITE, THREAD)
    ids = {one.value["tool_call"]["id"]: one.id for one in out["__interrupt__"]}
    await graph.ainvoke(Command(resume={ids["p2"]: "reject"}), THREAD)
    await graph.ainvoke(Command(resume={ids["p1"]: "approve"}), THREAD)

    assert ran == [1]


def test_in_an_agent_a_retry_does_not_swallow_the_pause() -> None:
    """Inside `create_agent`, under LangChain's retry middleware, it pauses and runs once."""
    tools = Tools()
    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0.0)
    model = ScriptedModel(MAIL, "Sent.")
    agent = create_agent(
        model, [gated(tools.send_email, mail_gate())], middleware=[retry], checkpointer=InMemorySaver()
    )

    [one] = agent.invoke(WRITE, THREAD)["__interrupt__"]
    agent.invoke(Command(resume={one.id: "approve"}), THREAD)

    assert len(tools.done) == 1


def test_called_in_a_node_it_asks_and_gives_the_tools_result() -> None:
    """Plain code calls the tool with arguments and gets what the tool returns, or why it did not run."""
    tools = Tools()
    pay = gated(tools.pay, pay_gate(evidence=lambda s: [Evidence("Order", "An order")]))
    builder: Any = StateGraph(dict)
    builder.add_node("act", lambda s: {"said": pay.invoke({"amount": 3})})
    builder.add_edge(START, "act")
    graph = builder.compile(checkpointer=InMemorySaver())

    [one] = graph.invoke({"x": 1}, THREAD)["__interrupt__"]
    out = graph.invoke(Command(resume={one.id: "approve"}), THREAD)

    assert out["said"] == "paid 3"
    assert tools.done == [("pay", 3)]


def test_the_boundary_shows_gated_tools() -> None:
    """The map of a graph names the gates that stand before its tools."""
    graph = Plain(by="send").graph

    rows = {(node.name, node.action) for node in boundary_map(graph).nodes if node.role == "gate"}

    check_boundary(graph)
    assert rows == {("tools", "send_email"), ("tools", "pay")}


def test_each_call_sends_only_what_is_open() -> None:
    """Answered calls are not sent again; without calls the router leads on."""
    route = each_call("tools", otherwise="after")
    said = calls(MAIL, call("pay", "p1", amount=3))

    sends = route({"messages": [said, ToolMessage("done", tool_call_id="m1")]})

    assert [send.arg["tool_call"]["id"] for send in sends] == ["p1"]
    assert route({"messages": [AIMessage("hi")]}) == "after"
