"""LangChain's tests of what a reviewer is shown, for ours: our own case, and the payload that its clients draw."""

from typing import Any

from hitl_graph import Evidence
from hitl_graph.agents import GateMiddleware
from hitl_graph.wire import Shape
from tests.support.agent_threads import AgentThread, agent_gate
from tests.support.fake_model import call, calls


def shown(shape: Shape = Shape.NATIVE, **changes: Any) -> Any:
    """The value of the one question about a call of `send_email`."""
    gate = GateMiddleware({"send_email": agent_gate(**changes)}, shape=shape)
    [question] = AgentThread(gate, call("send_email", to="ana", body="Hi")).start("Where is my card?").open
    return question.value


def forms(gate: GateMiddleware, tool: str, **args: str) -> list[dict[str, Any]]:
    """The branches of the form that is published for the answer."""
    [question] = AgentThread(gate, call(tool, **args)).start().open
    schema = question.response_schema
    assert isinstance(schema, dict)
    out: list[dict[str, Any]] = schema["oneOf"]
    return out


def test_the_case_holds_the_call_and_all_that_the_gate_says_of_it() -> None:
    """Tool, id and arguments; question, evidence, consequence, owner and the decisions that it takes."""
    case = shown(consequence="Sends an email to {to}.", allowed=("approve", "edit", "reject"))

    assert case["tool_call"] == {"id": "c1", "name": "send_email"}
    assert case["proposal"] == {"to": "ana", "body": "Hi"}
    assert case["consequence"] == "Sends an email to ana."
    assert [item["content"] for item in case["evidence"]] == ["Where is my card?"]
    assert case["allowed"] == ["approve", "edit", "reject"]


def test_in_langchains_shape_its_clients_find_what_they_draw() -> None:
    """One action with name and arguments, and its decisions; our own case stands inside."""
    value = shown(Shape.LANGCHAIN_BATCH, allowed=("approve", "edit", "reject"))

    [action], [config] = value["action_requests"], value["review_configs"]
    assert (action["name"], action["args"]) == ("send_email", {"to": "ana", "body": "Hi"})
    assert "May this be done for the customer?" in action["description"]
    assert (config["action_name"], config["allowed_decisions"]) == (
        "send_email",
        ["approve", "edit", "reject"],
    )
    assert value["hitl"]["tool_call"]["id"] == "c1"


def test_in_langchains_shape_each_call_is_still_a_question_of_its_own() -> None:
    """Its clients take a list of one: no answer can land on another call by its position."""
    gate = GateMiddleware({"send_email": agent_gate()}, shape=Shape.LANGCHAIN_BATCH)
    both = calls(call("send_email", to="ana"), call("send_email", "c2", to="bob"))
    thread = AgentThread(gate, both, "Ended.").start()

    assert [len(question.value["action_requests"]) for question in thread.open] == [1, 1]
    thread.answer({"decisions": [{"type": "approve"}]}, to="c2")
    thread.answer({"decisions": [{"type": "reject"}]}, to="c1")
    assert thread.ran == ["send_email(bob, )"]


def test_the_words_of_a_case_may_be_made_from_the_call_and_the_state() -> None:
    """What LangChain's `description` takes a function for, a gate takes one for in each of its parts."""

    def evidence(state: Any) -> list[Evidence]:
        call_id = state["hitl_tool_call"]["id"]
        return [
            Evidence(
                "What is sent", f"{call_id} to {state['args']['to']}, after {len(state['messages'])} messages"
            )
        ]

    case = shown(evidence=evidence, consequence=lambda proposal: f"Writes to {proposal['to']}.")

    assert case["evidence"][0]["content"] == "c1 to ana, after 2 messages"
    assert case["consequence"] == "Writes to ana."


def test_two_tools_have_words_of_their_own() -> None:
    """Fixed for one, made for the other."""
    gates: dict[Any, Any] = {
        "send_email": agent_gate("mail", consequence=lambda proposal: f"Made for {proposal['to']}."),
        "delete_file": agent_gate("files", consequence="Fixed."),
    }
    both = calls(call("send_email", to="ana"), call("delete_file", "c2", path="x"))

    cases = AgentThread(GateMiddleware(gates), both).start().cases

    assert {id_: case["consequence"] for id_, case in cases.items()} == {
        "c1": "Made for ana.",
        "c2": "Fixed.",
    }


def test_the_form_of_an_answer_offers_one_branch_for_each_decision() -> None:
    """As JSON Schema beside the question, told apart by `type`; an edit holds the tool's own arguments."""
    gate = GateMiddleware({"send_email": agent_gate(allowed=("approve", "edit", "reject", "respond"))})

    by_type = {form["properties"]["type"]["const"]: form for form in forms(gate, "send_email", to="ana")}
    assert list(by_type) == ["approve", "edit", "reject", "respond"]
    assert by_type["approve"]["required"] == ["type"]
    assert by_type["reject"]["required"] == ["type"]
    assert by_type["respond"]["required"] == ["type", "message"]
    assert set(by_type["edit"]["properties"]["changes"]["properties"]) == {"to", "body"}


def test_the_form_of_a_gate_with_one_decision_has_one_branch() -> None:
    """And a tool whose only answer is a person's words asks for just these."""
    gate = GateMiddleware({"ask_user": agent_gate(allowed=("respond",))})

    [form] = forms(gate, "ask_user", what="colour?")
    assert (form["properties"]["type"]["const"], form["required"]) == ("respond", ["type", "message"])
