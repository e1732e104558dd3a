"""A scripted model says its turns in order, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from hitl_graph.testing import ScriptedModel


def test_a_text_is_said() -> None:
    """The first turn of a conversation."""
    assert ScriptedModel(["Hello."]).invoke("Hi").text == "Hello."


def test_a_mapping_calls_tools() -> None:
    """Each with its arguments and an id of its own."""
    message = ScriptedModel([{"look_up": {"id": 1}, "send": {"to": "a"}}]).invoke("Hi")

    assert [(call["name"], call["args"], call["id"]) for call in message.tool_calls] == [
        ("look_up", {"id": 1}, "call-1-1"),
        ("send", {"to": "a"}, "call-1-2"),
    ]


def test_a_list_of_mappings_calls_one_tool_twice() -> None:
    """In one turn."""
    message = ScriptedModel([[{"send": {"to": "a"}}, {"send": {"to": "b"}}]]).invoke("Hi")

    assert [call["args"]["to"] for call in message.tool_calls] == ["a", "b"]


def test_a_message_is_given_as_it_is() -> None:
    """With whatever a provider puts there."""
    turn = AIMessage("Hello.", response_metadata={"logprobs": None})

    assert ScriptedModel([turn]).invoke("Hi").response_metadata == {"logprobs": None}


def test_a_function_answers_what_it_reads() -> None:
    """It is given the messages."""
    model = ScriptedModel([lambda messages: f"You said {messages[-1].text}."])

    assert model.invoke("hi").text == "You said hi."


def test_the_conversation_tells_where_the_script_stands() -> None:
    """So a second model object, as in a restarted process, goes on where the first was."""
    turns = [{"send": {"to": "a"}}, "Sent."]
    first = ScriptedModel(turns).invoke("Hi")

    second = ScriptedModel(turns).invoke(
        [HumanMessage("Hi"), first, ToolMessage("ok", tool_call_id="call-1-1")]
    )

    assert second.text == "Sent."


def test_more_turns_than_scripted_is_an_error() -> None:
    """It says after what."""
    with pytest.raises(IndexError, match="has 1 turns, and the model is asked for more, after: again"):
        ScriptedModel(["Hello."]).invoke([HumanMessage("Hi"), AIMessage("Hello."), HumanMessage("again")])


def test_what_was_asked_is_kept() -> None:
    """For asserts on prompts."""
    model = ScriptedModel(["Hello."])

    model.invoke("Hi")

    assert [[message.text for message in request] for request in model.asked] == [["Hi"]]


def test_bound_tools_change_nothing() -> None:
    """The script says which are called."""
    model = ScriptedModel(["Hello."])

    assert model.bind_tools([]).invoke("Hi").text == "Hello."


async def test_it_answers_async_and_streams() -> None:
    """As any chat model."""
    model = ScriptedModel(["Hello."])

    assert (await model.ainvoke("Hi")).text == "Hello."
    assert "".join([chunk.text async for chunk in model.astream("Hi")]) == "Hello."


def test_structured_output_is_a_tool_call() -> None:
    """Of the schema's name."""

    class Label(BaseModel):
        """A label."""

        name: str

    found: Any = ScriptedModel([{"Label": {"name": "refund"}}]).with_structured_output(Label).invoke("Hi")

    assert found == Label(name="refund")
