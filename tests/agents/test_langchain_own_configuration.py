"""LangChain's tests of how its middleware is set up and when it pauses, for ours."""

from typing import Any

import pytest
from langchain.agents import AgentState
from pydantic import ValidationError

from hitl_graph import ActionClass, ExceptionEscalation, Respond
from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import DefinitionError
from hitl_graph.gates import RuleDetector
from hitl_graph.wire import Shape
from tests.support.agent_threads import AgentThread, Says, agent_gate
from tests.support.fake_model import call, calls


def with_gate(*script: Says, **changes: Any) -> AgentThread:
    return AgentThread(GateMiddleware({"send_email": agent_gate(**changes)}), *script).start()


def test_the_gate_as_it_was_given_asks() -> None:
    """What the author wrote stands in the case: question, owner, decisions."""
    question = "May this go out to the customer?"
    thread = with_gate(call("send_email", to="ana"), question=question, allowed=("approve", "reject"))

    case = thread.cases["c1"]
    assert (case["question"], case["owner"]["group"], case["allowed"]) == (
        question,
        "support-leads",
        ["approve", "reject"],
    )


def test_a_gate_without_any_decision_is_refused() -> None:
    """It could never be answered; it must not fall silent either."""
    with pytest.raises(DefinitionError, match="allowed"):
        agent_gate(allowed=())


def test_a_gate_that_names_no_decisions_offers_all_that_an_agent_can_follow() -> None:
    """There is no way to leave them out by mistake."""
    thread = with_gate(call("send_email", to="ana"))

    assert thread.cases["c1"]["allowed"] == ["approve", "edit", "reject", "respond", "ask_info", "take_over"]


def test_a_misspelled_setting_is_refused() -> None:
    """It is no setting that nobody reads."""
    with pytest.raises(TypeError, match="alowed"):
        agent_gate(alowed=("approve",))


def test_an_unknown_decision_is_refused() -> None:
    """The error names the decisions that there are."""
    with pytest.raises(DefinitionError, match="approve"):
        agent_gate(allowed=("aprove",))


@pytest.mark.parametrize("config", [True, False, None, {"allowed_decisions": ["approve"]}])
def test_a_configuration_of_langchains_is_refused(config: Any) -> None:
    """A gate says what to ask; a bool or a dict does not. The error says what to give."""
    with pytest.raises(DefinitionError, match="ReviewBeforeSend"):
        GateMiddleware({"send_email": config})


def test_the_shape_is_checked_when_the_middleware_is_made() -> None:
    """A shape in which nothing can be asked is refused with the ones that can."""
    with pytest.raises(DefinitionError, match="native"):
        GateMiddleware({"send_email": agent_gate()}, shape=Shape.LANGCHAIN_CALL)


@pytest.mark.parametrize(
    ("script", "ran"),
    [
        (["Nothing to do."], []),
        ([call("look_up", what="card"), "Found it."], ["look_up(card)"]),
        (
            [call("look_up", what="a"), call("look_up", "c2", what="b"), "Found both."],
            ["look_up(a)", "look_up(b)"],
        ),
    ],
    ids=["no call", "another tool", "another tool twice"],
)
def test_nobody_is_asked_where_no_gate_matches(script: list[Says], ran: list[str]) -> None:
    """The agent runs to its end, and nothing is left in its state of a gate that never asked."""
    thread = with_gate(*script)

    assert (thread.open, thread.ran) == ([], ran)
    assert not thread.values.get("reviews")


def test_without_any_message_nothing_happens() -> None:
    """A state that some other middleware has emptied is no reason to fail."""
    middleware = GateMiddleware({"send_email": agent_gate()})
    state: AgentState[Any] = {"messages": []}

    assert middleware.after_model(state, None) is None


def risky(tool_call: Any, state: Any) -> bool:
    return bool(tool_call["args"].get("to") == "everybody")


@pytest.mark.parametrize(("to", "asks"), [("everybody", True), ("ana", False)])
def test_a_predicate_says_whether_to_ask(to: str, asks: bool) -> None:
    """What it does not hold back runs at once."""
    thread = AgentThread(GateMiddleware({risky: agent_gate()}), call("send_email", to=to), "Ended.").start()

    assert bool(thread.open) is asks
    assert thread.ran == ([] if asks else [f"send_email({to}, )"])


def test_two_calls_of_one_tool_are_looked_at_one_by_one() -> None:
    """One pauses, one passes, and the model's message keeps both in its order."""
    both = calls(call("send_email", to="everybody"), call("send_email", "c2", to="ana"))
    thread = AgentThread(GateMiddleware({risky: agent_gate()}), both, "Ended.").start()

    assert list(thread.cases) == ["c1"]
    thread.answer({"type": "approve"})
    assert sorted(thread.ran) == ["send_email(ana, )", "send_email(everybody, )"]
    assert [one["id"] for one in thread.proposals] == ["c1", "c2"]


def test_a_predicate_is_not_asked_again_when_the_answer_comes() -> None:
    """LangChain's runs again on resume and may flip: then a rejected call runs. Here the first answer stands."""
    says = iter([True])

    def once(tool_call: Any, state: Any) -> bool:
        return next(says, False)

    thread = AgentThread(GateMiddleware({once: agent_gate()}), call("send_email", to="ana"), "Ended.").start()
    assert list(thread.cases) == ["c1"]

    thread.answer({"type": "reject"})

    assert thread.ran == []
    assert "rejected" in str(thread.told().content)


def test_a_gates_policy_may_let_a_call_pass() -> None:
    """The same gates as in any graph: this one asks where a detector finds something."""
    fields = {
        name: getattr(agent_gate(), name)
        for name in ("proposal", "question", "evidence", "consequence", "owner")
    }
    gate = ExceptionEscalation(
        name="odd",
        action=ActionClass("look_up", reversible=True),
        detectors=[RuleDetector("secret", lambda s: "a secret" if "secret" in s["args"]["what"] else None)],
        **fields,
    )
    both = calls(call("look_up", what="card"), call("look_up", "c2", what="secret"))
    thread = AgentThread(GateMiddleware({"look_up": gate}), both, "Ended.").start()

    assert list(thread.cases) == ["c2"]
    assert [why["code"] for why in thread.cases["c2"]["why"]] == ["secret"]


def test_a_predicate_gets_the_call_with_its_id_and_the_agents_state() -> None:
    """Name, arguments and id of the call; messages and everything else of the state."""
    seen: list[Any] = []

    def look(tool_call: Any, state: Any) -> bool:
        seen.append(({key: tool_call[key] for key in ("name", "args", "id")}, state["messages"][0].content))
        return False

    AgentThread(GateMiddleware({look: agent_gate()}), call("look_up", what="card"), "Ended.").start("Hello")

    assert seen[0] == ({"name": "look_up", "args": {"what": "card"}, "id": "c1"}, "Hello")


def test_an_answer_in_words_must_be_offered() -> None:
    """A gate that offers no respond takes none."""
    thread = with_gate(call("send_email", to="ana"), allowed=("approve", "reject"))

    with pytest.raises(ValidationError, match="respond is not allowed"):
        thread.answer(Respond("It is done already."))
