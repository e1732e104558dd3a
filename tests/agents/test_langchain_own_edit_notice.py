"""LangChain's tests of what the model is told after an edit, and of edits that call another tool, for ours."""

from typing import Annotated, Any

import pytest
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import Approve, Edit
from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, Mode, agent_gate
from tests.support.fake_model import call

NOTICE = (
    'changed this call before it ran, on purpose. What ran is write with {"path": "a", "content": "person"}.'
)


def writing(gives: Any, mode: Mode = "sync", *more: AgentMiddleware[Any, Any, Any]) -> AgentThread:
    """A gated tool that gives what it is told to, and a call of it that a person has edited."""

    @tool
    def write(path: str, content: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Any:
        """Write a file."""
        return gives(tool_call_id) if callable(gives) else gives

    script = (call("write", path="a", content="model"), "Ended.")
    gate = GateMiddleware({"write": agent_gate()})
    thread = AgentThread([*more, gate], *script, tools=[write], mode=mode).start()
    thread.answer(Edit({"content": "person"}))
    return thread


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_result_of_an_edited_call_says_so_first(mode: Mode) -> None:
    """What ran stands there; the model's own arguments are not repeated."""
    content = str(writing("written", mode).told().content)

    assert NOTICE in content
    assert content.endswith("\n\nwritten")
    assert "model" not in content


def test_the_result_of_an_approved_call_is_left_alone() -> None:
    """It was the model's own call."""
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), call("send_email", to="ana"), "Ended.")
    thread.start()

    thread.answer(Approve())

    assert thread.told().content == "done: send_email(ana, )"


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "text", "text": "written"}],
        [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,x"}}],
        [],
    ],
    ids=["text block", "mixed blocks", "empty"],
)
def test_a_result_in_blocks_keeps_its_blocks(blocks: list[Any]) -> None:
    """The notice comes before them, as one text block more."""
    thread = writing(lambda id_: ToolMessage(content=blocks, tool_call_id=id_, name="write"))

    content = thread.told().content
    assert isinstance(content, list)
    first, *rest = content
    assert isinstance(first, dict) and NOTICE in first["text"]
    assert rest == blocks


def test_a_result_as_a_command_is_told_of_too() -> None:
    """Only the answer to this call; what else the command changes stays."""

    def command(id_: str) -> Command[Any]:
        return Command(update={"messages": [ToolMessage("written", tool_call_id=id_, name="write")]})

    content = str(writing(command).told().content)

    assert NOTICE in content and content.endswith("written")


@pytest.mark.parametrize("outside", [True, False], ids=["retry listed before", "retry listed after"])
def test_a_tool_that_is_tried_again_is_told_of_once(outside: bool) -> None:
    """Retry middleware may come by several times."""
    attempts: list[str] = []

    def failing_once(id_: str) -> str:
        attempts.append(id_)
        if len(attempts) == 1:
            raise ConnectionError("the disk is away")
        return "written"

    retry: AgentMiddleware[Any, Any, Any] = ToolRetryMiddleware(initial_delay=0)
    thread = writing(failing_once, "sync", retry) if outside else after_the_gate(failing_once, retry)

    content = str(thread.told().content)
    assert (content.count("changed this call"), len(attempts)) == (1, 2)
    assert content.endswith("written")


def after_the_gate(gives: Any, other: AgentMiddleware[Any, Any, Any]) -> AgentThread:
    """As `writing`, with the other middleware listed after the gate."""

    @tool
    def write(path: str, content: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Any:
        """Write a file."""
        return gives(tool_call_id)

    order = [GateMiddleware({"write": agent_gate()}), other]
    thread = AgentThread(order, call("write", path="a", content="model"), "Ended.", tools=[write]).start()
    thread.answer(Edit({"content": "person"}))
    return thread


def test_an_edit_may_call_a_tool_that_it_was_allowed_to() -> None:
    """`edit_to` names them. What ran is told to the model, and its own call stays in the history."""
    gate = GateMiddleware({"send_email": agent_gate()}, edit_to={"send_email": ["save_draft"]})
    thread = AgentThread(gate, call("send_email", to="ana"), "Ended.").start()
    answer = {"type": "edit", "edited_action": {"name": "save_draft", "args": {"to": "ana"}}}

    thread.answer({"decisions": [answer]})

    assert thread.ran == ["save_draft(ana, )"]
    assert thread.proposals == [{"name": "send_email", "args": {"to": "ana"}, "id": "c1"}]
    assert "save_draft" in str(thread.told().content)
    assert thread.record["final_tool"] == "save_draft"


@pytest.mark.filterwarnings("ignore:GateMiddleware. the model is shown no tool:UserWarning")
def test_a_tool_that_the_agent_does_not_have_cannot_be_named() -> None:
    """Whoever answers is told with which tools to try again. LangChain fails in the run, after the answer is kept."""
    gate = GateMiddleware({"send_email": agent_gate()}, edit_to={"send_email": ["save_draft", "nope"]})
    thread = AgentThread(gate, call("send_email", to="ana"), "Ended.").start()

    with pytest.raises(ValidationError, match="send_email or save_draft"):
        thread.answer(Edit({"to": "ana"}, tool="nope"))

    thread.answer(Approve())
    assert thread.ran == ["send_email(ana, )"]


@pytest.mark.parametrize(
    ("asked_for", "ran_instead", "turns"),
    [("direct", "normal", 1), ("normal", "direct", 0)],
    ids=["direct to normal", "normal to direct"],
)
def test_the_agent_goes_on_as_the_tool_that_ran_wants(asked_for: str, ran_instead: str, turns: int) -> None:
    """A tool that returns to the user directly ends the agent, whichever tool the model had called."""

    @tool(return_direct=True)
    def direct(what: str) -> str:
        """Return directly."""
        return f"direct {what}"

    @tool
    def normal(what: str) -> str:
        """Do not return directly."""
        return f"normal {what}"

    both: list[BaseTool] = [direct, normal]
    gate = GateMiddleware({asked_for: agent_gate()}, edit_to={asked_for: [ran_instead]})
    thread = AgentThread(gate, call(asked_for, what="1"), "Ended.", tools=both).start()

    thread.answer(Edit({"what": "1"}, tool=ran_instead))

    last = max(n for n, m in enumerate(thread.messages) if isinstance(m, ToolMessage))
    assert sum(isinstance(m, AIMessage) for m in thread.messages[last + 1 :]) == turns
    assert str(thread.told().content).endswith(f"{ran_instead} 1")


def test_a_kept_decision_outlives_a_stricter_gate() -> None:
    """The person said what to do while they were allowed to; the call that they declined is the one not to run."""
    saver = InMemorySaver()
    script = call("send_email", to="ana", body="model")
    thread = AgentThread(
        GateMiddleware({"send_email": agent_gate()}), script, checkpointer=saver, interrupt_before=["tools"]
    ).start()
    thread.answer(Edit({"body": "person"}))
    assert thread.ran == []

    stricter = AgentThread(
        GateMiddleware({"send_email": agent_gate(allowed=("approve", "reject"))}),
        "Ended.",
        checkpointer=saver,
    )
    stricter.run(None)

    assert stricter.ran == ["send_email(ana, person)"]
