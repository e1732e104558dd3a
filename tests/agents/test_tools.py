"""Every kind of tool that an agent may have, behind a gate."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain.agents import AgentState, create_agent
from langchain.agents.middleware.types import AgentMiddleware, ModelRequest, ToolCallRequest
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import InjectedState
from langgraph.prebuilt.tool_node import ToolRuntime
from langgraph.types import Command
from pydantic import BaseModel

from hitl_graph import boundary_map, check_boundary
from hitl_graph.agents import GateMiddleware
from tests.agents.mailing import ASK, MAIL, THREAD, Mailing, mail_gate, pay_gate
from tests.support.fake_model import ScriptedModel, call, calls

ACTS = mail_gate(name="act", consequence="Acts.")


def test_injected_arguments_reach_the_tool_and_no_reviewer() -> None:
    """State, call id and runtime are not shown, cannot be forged or edited, and work."""
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

    mailing = Mailing(
        call("note", "n1", text="a", call_id="forged"), "Noted.", tools=[note], gates={"note": ACTS}
    )
    mailing.ask()
    shown = mailing.open()["n1"].value

    with pytest.raises(ValueError, match="call_id"):
        mailing.answer(n1={"type": "edit", "changes": {"call_id": "other"}})
    mailing.answer(n1={"type": "edit", "changes": {"text": "b"}})

    assert (shown["proposal"], set(shown["edit_schema"]["properties"])) == ({"text": "a"}, {"text"})
    assert seen == [("b", 2, "n1", "n1")]


def test_a_tool_that_returns_a_command_keeps_its_update() -> None:
    """Its own state update, the notice of the edit and the record of the act all arrive."""

    class Noting(AgentState[Any]):
        note: str

    @tool
    def remember(text: str, call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Remember something."""
        return Command(update={"note": text, "messages": [ToolMessage("kept", tool_call_id=call_id)]})

    said = call("remember", "r1", text="a")
    mailing = Mailing(said, "Kept.", tools=[remember], gates={"remember": ACTS}, state_schema=Noting)
    mailing.ask()

    out = mailing.answer(r1={"type": "edit", "changes": {"text": "b"}})

    assert (out["note"], len(out["effects"])) == ("b", 1)
    assert "changed this call" in str(mailing.told("r1").content)


def test_a_return_direct_tool_ends_the_agent_after_the_approval() -> None:
    """Approved, its result is the agent's answer."""

    @tool(return_direct=True)
    def answer(text: str) -> str:
        """Answer the user."""
        return text

    mailing = Mailing(call("answer", "a1", text="42"), tools=[answer], gates={"answer": ACTS})
    mailing.ask()

    out = mailing.answer(a1="approve")

    assert out["messages"][-1].content == "42"


def test_a_rejected_return_direct_tool_goes_back_to_the_model() -> None:
    """A refusal is for the model, not for the user."""

    @tool(return_direct=True)
    def answer(text: str) -> str:
        """Answer the user."""
        return text

    mailing = Mailing(
        call("answer", "a1", text="42"), "I may not say.", tools=[answer], gates={"answer": ACTS}
    )
    mailing.ask()

    out = mailing.answer(a1="reject")

    assert out["messages"][-1].content == "I may not say."


def test_a_tool_with_a_json_schema_is_checked_by_it() -> None:
    """Tools that come with plain JSON Schema, such as those of an MCP server, are shown and checked as well."""
    ran: list[Any] = []
    schema = {
        "type": "object",
        "properties": {"level": {"type": "integer", "maximum": 5}},
        "required": ["level"],
    }

    def dimmed(**args: Any) -> str:
        ran.append(args)
        return "dimmed"

    dim = StructuredTool(name="dim", description="Dim.", args_schema=schema, func=dimmed)
    mailing = Mailing(call("dim", "d1", level=3), "Dimmed.", tools=[dim], gates={"dim": ACTS})
    mailing.ask()

    with pytest.raises(ValueError, match="level"):
        mailing.answer(d1={"type": "edit", "changes": {"level": 9}})
    mailing.answer(d1={"type": "edit", "changes": {"level": 1}})

    assert ran == [{"level": 1}]


class Adds(AgentMiddleware[Any, Any, Any]):
    """Adds a tool while the agent runs."""

    def __init__(self, added: Any) -> None:
        super().__init__()
        self.added = added

    def wrap_model_call(self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Any]) -> Any:
        return handler(request.override(tools=[*request.tools, self.added]))

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Any]) -> Any:
        known = request.tool_call["name"] == self.added.name
        return handler(request.override(tool=self.added) if known else request)


@pytest.mark.parametrize(("where", "asks"), [("before", True), ("middleware", False)])
def test_a_tool_that_is_added_while_the_agent_runs_never_runs_unasked(where: str, asks: bool) -> None:
    """Added before this middleware it is asked about; added after it, it does not run."""
    ran: list[str] = []

    @tool
    def send_fax(text: str) -> str:
        """Send a fax."""
        ran.append(text)
        return "sent"

    mailing = Mailing(
        call("send_fax", "f1", text="a"), "Well.", gates={"send_*": ACTS}, **{where: [Adds(send_fax)]}
    )

    out = mailing.ask()
    if asks:
        mailing.answer(f1="approve")

    assert ("__interrupt__" in out) is asks
    assert ran == (["a"] if asks else [])


def test_structured_output_is_no_case_of_a_glob() -> None:
    """The agent's own answer in a schema is not asked about, though a `*` would match it."""

    class Result(BaseModel):
        """The end."""

        total: int

    model = ScriptedModel(call("Result", "r1", total=3))
    agent: Any = create_agent(
        model,
        [],
        middleware=[GateMiddleware({"*": ACTS})],
        response_format=ToolStrategy(Result),
        checkpointer=InMemorySaver(),
    )

    out = agent.invoke(ASK, THREAD)

    assert out["structured_response"] == Result(total=3)


def test_malformed_calls_of_the_model_are_left_to_langchain() -> None:
    """What the model wrote as no call at all is no case, and does not break the turn."""
    broken: Any = {"name": "pay", "args": "{", "id": "b1", "error": "no JSON", "type": "invalid_tool_call"}
    said = AIMessage("", tool_calls=MAIL.tool_calls, invalid_tool_calls=[broken])
    mailing = Mailing(said, "Sent.")
    mailing.model.checks = False  # LangChain answers the malformed one itself
    mailing.ask()

    mailing.answer(m1="approve")

    assert len(mailing.done) == 1


def test_a_tool_that_fails_after_its_approval_is_not_asked_about_again() -> None:
    """The run fails; run again, the tool is tried under the same approval."""
    tries: list[int] = []

    @tool
    def flaky() -> str:
        """Fail once."""
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not now")
        return "worked"

    mailing = Mailing(call("flaky", "f1"), "Done.", tools=[flaky], gates={"flaky": ACTS})
    mailing.ask()
    with pytest.raises(OSError, match="not now"):
        mailing.answer(f1="approve")

    out = mailing.ask(None)

    assert "__interrupt__" not in out
    assert (len(tries), len(out["reviews"])) == (2, 1)


def test_calls_put_into_the_history_by_hand_are_asked_about() -> None:
    """A message written by `update_state` as the model's own is a turn like any other."""
    mailing = Mailing("Hello.", "Sent.")
    mailing.agent.update_state(THREAD, {**ASK, "messages": [("user", "x"), MAIL]}, as_node="model")

    out = mailing.ask(None)

    assert [one.value["tool_call"]["id"] for one in out["__interrupt__"]] == ["m1"]
    assert mailing.done == []


def test_arguments_that_cannot_be_kept_are_refused_and_the_others_go_on() -> None:
    """NaN or NUL cannot be shown unchanged: that call goes back to the model, its neighbour is asked about."""

    @tool
    def weigh(grams: float) -> str:
        """Weigh something."""
        return "weighed"

    bad = call("weigh", "w1", grams=float("nan"))
    mailing = Mailing(calls(bad, MAIL), "Sent.", tools=[weigh], gates={"*": ACTS})
    mailing.ask()

    assert list(mailing.open()) == ["m1"]
    mailing.answer(m1="approve")
    assert mailing.told("w1").status == "error"


def test_the_boundary_shows_the_agents_gates() -> None:
    """The map names each gate, its owner, and the tools that it stands before."""
    agent = Mailing(gates={"send_*": mail_gate(), "pay": pay_gate()}).agent

    found = boundary_map(agent)

    check_boundary(agent)
    gates = {(node.action, node.owner, node.asks) for node in found.nodes if node.role == "gate"}
    assert gates == {
        ("send_email", "support", "always, before send_*"),
        ("pay", "finance", "always, before pay"),
    }
