"""LangChain's tests of what each decision does to one call, for ours: in our words, and in both of theirs."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, tool
from langgraph.prebuilt import ToolRuntime
from pydantic import AfterValidator, ValidationError

from hitl_graph import Approve, AskInfo, Edit, Reject, Respond, TakeOver
from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import ProposalError
from tests.support.agent_threads import AgentThread, Mode, agent_gate
from tests.support.fake_model import call

PROPOSED = {"name": "send_email", "args": {"to": "ana", "body": "Hi"}, "id": "c1"}

Wrap = Callable[[dict[str, Any]], Any]
in_both_modes = pytest.mark.parametrize("mode", ["sync", "async"])
in_each_of_langchains_modes = pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: {"decisions": [one]}], ids=["per_call", "batched"]
)


def paused(mode: Mode = "sync", **changes: Any) -> AgentThread:
    """One call of `send_email` that waits for a person."""
    gate = GateMiddleware({"send_email": agent_gate(**changes)})
    return AgentThread(gate, call("send_email", to="ana", body="Hi"), "Ended.", mode=mode).start()


@in_both_modes
def test_an_approved_call_runs_as_the_model_wrote_it(mode: Mode) -> None:
    """Once, and its result reaches the model as it is."""
    thread = paused(mode)

    thread.answer(Approve())

    assert thread.ran == ["send_email(ana, Hi)"]
    assert (thread.told().content, thread.proposals) == ("done: send_email(ana, Hi)", [PROPOSED])
    assert (thread.open, thread.messages[-1].content) == ([], "Ended.")


@in_both_modes
def test_an_edited_call_runs_as_edited_and_the_models_message_stays(mode: Mode) -> None:
    """The call keeps its id, and its own arguments in the history."""
    thread = paused(mode)

    thread.answer(Edit({"body": "Dear Ana"}))

    assert thread.ran == ["send_email(ana, Dear Ana)"]
    assert thread.proposals == [PROPOSED]
    assert (thread.record["proposed"], thread.record["final"]) == (
        PROPOSED["args"],
        {"to": "ana", "body": "Dear Ana"},
    )


@in_both_modes
def test_a_rejected_call_does_not_run_and_the_model_goes_on(mode: Mode) -> None:
    """Its answer stands beside the call that it answers: the scripted model refuses a history in which it does not."""
    thread = paused(mode)

    thread.answer(Reject())

    assert thread.ran == []
    assert len(thread.model.sent) == 2
    assert (thread.open, thread.messages[-1].content) == ([], "Ended.")


def test_a_rejection_reaches_the_model_with_its_reason() -> None:
    """Framed as a person's rejection, under the call's own id and name."""
    thread = paused()

    thread.answer(Reject(reason="tone", note="Far too short."))

    told = thread.told()
    assert all(words in str(told.content) for words in ("rejected", "send_email", "tone", "Far too short."))
    assert (told.name, told.tool_call_id, told.status) == ("send_email", "c1", "error")


def test_a_bare_rejection_asks_the_model_not_to_try_again() -> None:
    """It says that nothing ran, and that the same call is not to be proposed."""
    thread = paused()

    thread.answer(Reject())

    told = thread.told()
    assert "It was not run." in str(told.content) and "Do not propose the same call again" in str(
        told.content
    )
    assert (told.name, told.tool_call_id, told.status) == ("send_email", "c1", "error")


def test_an_answer_in_words_takes_the_place_of_the_tools_result() -> None:
    """Word for word, as a success; the tool does not run."""
    gate = GateMiddleware({"ask_user": agent_gate(allowed=("respond",))})
    thread = AgentThread(gate, call("ask_user", what="favourite colour?"), "Ended.").start()

    thread.answer(Respond("blue"))

    told = thread.told()
    assert (told.content, told.status, told.name, thread.ran) == ("blue", "success", "ask_user", [])
    assert [one["id"] for one in thread.proposals] == ["c1"]


def test_a_question_back_is_told_to_the_model_and_nothing_runs() -> None:
    """LangChain has no such decision."""
    thread = paused()

    thread.answer(AskInfo("Which account is it?"))

    assert "Which account is it?" in str(thread.told().content)
    assert thread.ran == []


def test_a_person_may_take_over() -> None:
    """LangChain has no such decision: the agent falls silent, and its model is not asked again."""
    thread = paused()

    thread.answer(TakeOver())

    assert (thread.ran, len(thread.model.sent), thread.open) == ([], 1, [])


@in_each_of_langchains_modes
@pytest.mark.parametrize(
    ("answer", "ran", "status", "ends"),
    [
        ({"type": "approve"}, ["send_email(ana, Hi)"], "success", "done: send_email(ana, Hi)"),
        (
            {"type": "edit", "edited_action": {"name": "send_email", "args": {"to": "ana", "body": "Dear"}}},
            ["send_email(ana, Dear)"],
            "success",
            "done: send_email(ana, Dear)",
        ),
        ({"type": "reject", "message": "not now"}, [], "error", "not now"),
        ({"type": "respond", "message": "already sent"}, [], "success", "already sent"),
    ],
    ids=["approve", "edit", "reject", "respond"],
)
def test_the_answers_of_langchains_clients_do_what_they_say(
    wrap: Wrap, answer: dict[str, Any], ran: list[str], status: str, ends: str
) -> None:
    """Both modes' answers, to the one question; only an edit is told of as such."""
    thread = paused()

    thread.answer(wrap(answer))

    told = thread.told()
    assert (thread.ran, told.status) == (ran, status)
    assert ends in str(told.content)
    assert ("changed this call" in str(told.content)) == (answer["type"] == "edit")


@in_both_modes
@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"type": "unknown"}, "type"),
        ({"type": "respond", "message": "synthetic"}, "type"),
        ({"type": "edit", "changes": {"body": "x"}}, "type"),
        ({"decisions": [{"type": "unknown"}]}, "type"),
        (
            {"decisions": [{"type": "edit", "edited_action": {"name": "send_email", "args": {}}}]},
            "edited_action",
        ),
        ({"decisions": []}, "decisions"),
        ({"decisions": [{"type": "approve"}, {"type": "approve"}]}, "decisions"),
        ({}, "type"),
        (True, "answer"),
    ],
    ids=["unknown", "respond", "edit", "batched", "batched edit", "too few", "too many", "empty", "a bool"],
)
def test_an_answer_that_is_not_offered_is_refused_and_nothing_is_lost(
    answer: Any, field: str, mode: Mode
) -> None:
    """The error names the field. LangChain saves such an answer first: then every later one fails as well."""
    thread = paused(mode, allowed=("approve", "reject"))

    with pytest.raises(ValidationError, match=field):
        thread.answer(answer)

    assert (thread.ran, list(thread.cases)) == ([], ["c1"])
    thread.answer(Approve())
    assert thread.ran == ["send_email(ana, Hi)"]


@pytest.mark.parametrize(
    ("edited", "field"),
    [
        (None, "changes|edited_action"),  # a bare edit is one of ours
        ({"name": "send_email", "args": {}}, r"args\.to"),
        ({"name": "delete_file", "args": {"to": "b", "body": "Hi"}}, "name"),
        ({"name": "send_email", "args": {"to": "b", "body": "Hi", "ccc": 1}}, "ccc"),
        ({"name": "send_email", "args": {"to": "b", "body": "Hi"}, "nmae": 1}, "nmae"),
        ({"name": "send_email", "args": {"to": {"x": 1}, "body": "Hi"}}, "to"),
    ],
    ids=["no action", "argument missing", "other tool", "unknown argument", "unknown field", "wrong type"],
)
@in_each_of_langchains_modes
def test_a_bad_edit_is_refused_with_the_place_of_the_mistake(wrap: Wrap, edited: Any, field: str) -> None:
    """One error at the field, the case stays open. LangChain's batched mode hands such arguments to the tool."""
    thread = paused()
    answer = {"type": "edit"} if edited is None else {"type": "edit", "edited_action": edited}

    with pytest.raises(ValidationError, match=field):
        thread.answer(wrap(answer))

    assert (thread.ran, list(thread.cases)) == ([], ["c1"])


def test_an_unknown_decision_is_refused_with_the_ones_that_there_are() -> None:
    """So that whoever sent it can mend it."""
    thread = paused()

    with pytest.raises(ValidationError, match="approve, edit, reject, respond"):
        thread.answer({"type": "nope"})


def test_a_tool_with_a_json_schema_has_its_edits_checked_against_it() -> None:
    """LangChain shows such a schema and does not enforce it."""
    schema = {
        "type": "object",
        "properties": {"to": {"type": "string"}, "times": {"type": "integer", "maximum": 3}},
        "required": ["to"],
    }
    ran: list[Any] = []

    def act(**args: Any) -> str:
        ran.append(args)
        return "done"

    send: BaseTool = StructuredTool(name="send_email", description="Sends.", func=act, args_schema=schema)
    script = (call("send_email", to="ana", times=1), "Ended.")
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), *script, tools=[send]).start()

    with pytest.raises(ValidationError, match="times"):
        thread.answer(Edit({"times": 7}))
    thread.answer(Edit({"times": 2}))

    assert ran == [{"to": "ana", "times": 2}]


def test_what_the_tool_is_given_by_the_program_is_neither_shown_nor_asked_for() -> None:
    """And the tool's own validators run once, on the edited argument."""

    @tool
    def send_email(
        to: Annotated[str, AfterValidator(lambda value: f"<{value}>")],
        runtime: ToolRuntime,
        tool_call_id: Annotated[str, InjectedToolCallId],
        body: str = "",
    ) -> str:
        """Send an email."""
        return f"sent to {to} {body} for {runtime.tool_call_id} {tool_call_id}"

    script = (call("send_email", to="ana"), "Ended.")
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), *script, tools=[send_email]).start()
    assert set(thread.cases["c1"]["edit_schema"]["properties"]) == {"to", "body"}

    thread.answer(Edit({"body": "Hi"}))

    assert str(thread.told().content).endswith("sent to <ana> Hi for c1 c1")


def test_what_the_tools_own_validators_refuse_is_refused_before_the_answer_is_kept() -> None:
    """LangChain leaves them to the run: there the model hears of it, and the person never does."""

    def no_strangers(value: str) -> str:
        if "@" not in value:
            raise ValueError("is no address of ours")
        return value

    @tool
    def send_email(to: Annotated[str, AfterValidator(no_strangers)]) -> str:
        """Send an email."""
        return f"sent to {to}"

    script = (call("send_email", to="ana@x"), "Ended.")
    gate = GateMiddleware({"send_email": agent_gate(identity=())})
    thread = AgentThread(gate, *script, tools=[send_email]).start()

    with pytest.raises(ValidationError, match=r"changes\.to.*no address of ours"):
        thread.answer(Edit({"to": "bob"}))

    thread.answer(Edit({"to": "bob@x"}))
    assert str(thread.told().content).endswith("sent to bob@x")


def test_an_argument_that_langchains_edit_leaves_out_is_refused() -> None:
    """There it is gone without a word; ours name just what changes."""
    thread = paused(identity=())

    with pytest.raises(ValidationError, match=r"args\.body"):
        thread.answer({"type": "edit", "edited_action": {"name": "send_email", "args": {"to": "bob"}}})

    thread.answer(Edit({"to": "bob"}))
    assert thread.ran == ["send_email(bob, Hi)"]


@pytest.mark.parametrize("name", ["runtime", "tool_call_id"])
def test_what_the_program_gives_a_tool_cannot_be_forged_by_an_edit(name: str) -> None:
    """It is no argument of the case."""

    @tool
    def send_email(to: str, runtime: ToolRuntime, tool_call_id: Annotated[str, InjectedToolCallId]) -> str:
        """Send an email."""
        return f"sent to {to} for {tool_call_id} {runtime.tool_call_id}"

    script = (call("send_email", to="ana"), "Ended.")
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), *script, tools=[send_email]).start()

    with pytest.raises(ValidationError, match=name):
        thread.answer(Edit({name: "forged"}))


@pytest.mark.parametrize("id_", [None, ""])
def test_a_gated_call_without_an_id_is_an_error_of_the_model(id_: str | None) -> None:
    """Nobody is asked about a call whose result could never be matched to it. For LangChain an empty id is one."""
    message = AIMessage("", tool_calls=[{"name": "send_email", "args": {"to": "ana"}, "id": id_}])
    thread = AgentThread(GateMiddleware({"send_email": agent_gate()}), message)

    with pytest.raises(ProposalError, match="send_email no id"):
        thread.start()

    assert thread.ran == []


def test_the_next_turn_asks_about_nothing_that_was_answered() -> None:
    """A call with its result in the history is over."""
    thread = paused()
    thread.answer(Approve())
    thread.model.script.append("You are welcome.")

    thread.run({"messages": [("user", "Thank you.")]})

    assert (thread.open, thread.ran) == ([], ["send_email(ana, Hi)"])
