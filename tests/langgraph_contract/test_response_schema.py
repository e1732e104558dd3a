"""interrupt(response_schema=…): what is checked, what is shown, what an invalid answer leaves behind."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from langgraph.errors import is_invalid_resume
from langgraph.types import Command, interrupt
from pydantic import BaseModel, ValidationError
from pydantic_core import core_schema

from .graphs import (
    Durability,
    answers,
    asks,
    chain,
    in_every_durability,
    nested_gate,
    questions,
    thread,
)
from .recording import Recorder

SHOWN = {"type": "object", "properties": {"type": {"enum": ["approve", "reject"]}}, "required": ["type"]}
GOOD = {"type": "approve"}
BAD = {"type": "maybe"}


class Checked:
    """A schema object of our own: it shows SHOWN and checks by plain Python."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return SHOWN

    def check(self, value: Any) -> Any:
        if value == "explode":
            raise RuntimeError("not a ValueError")
        if not isinstance(value, dict) or value.get("type") not in ("approve", "reject"):
            raise ValueError("type: approve or reject")
        return value


CHECKED: Any = Annotated[Any, Checked()]


def gate(state: Any) -> dict[str, Any]:
    return {"log": [interrupt("ok?", response_schema=CHECKED)]}


def single() -> Any:
    return chain(("gate", gate))


def nested() -> Any:
    return nested_gate(("gate", gate))


def run(graph: Any, step: Any, config: Any, durability: Durability, asynchronous: bool) -> Any:
    if asynchronous:
        return asyncio.run(graph.ainvoke(step, config, durability=durability))
    return graph.invoke(step, config, durability=durability)


def test_the_schema_reaches_clients_as_the_object_gives_it() -> None:
    """Interrupt.response_schema is exactly the JSON Schema of the annotated object."""
    result = single().compile(checkpointer=Recorder()).invoke({}, thread())
    assert result["__interrupt__"][0].response_schema == SHOWN


@in_every_durability
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("b", [single, nested])
@pytest.mark.parametrize("bad", [BAD, None, [], "text"])
def test_an_invalid_answer_by_map_leaves_the_same_question_open(
    b: Any, bad: Any, asynchronous: bool, durability: Durability
) -> None:
    """It raises a marked ValidationError, the id stays, and a good answer works afterwards."""
    graph, config = b().compile(checkpointer=Recorder()), thread()
    run(graph, {}, config, durability, asynchronous)
    before = questions(graph, config)
    with pytest.raises(ValidationError) as refused:
        run(graph, answers(graph, config, {"ok?": bad}), config, durability, asynchronous)
    assert is_invalid_resume(refused.value)
    assert questions(graph, config) == before
    run(graph, answers(graph, config, {"ok?": GOOD}), config, durability, asynchronous)
    assert graph.get_state(config).values["log"][0] == GOOD


@in_every_durability
def test_an_invalid_answer_stores_an_error_row_and_no_answer(durability: Durability) -> None:
    """Not quite nothing: __error__ is stored under the task, with the bad value in its text."""
    saver = Recorder()
    graph, config = single().compile(checkpointer=saver), thread()
    graph.invoke({}, config, durability=durability)
    saver.forget()
    with pytest.raises(ValidationError):
        graph.invoke(answers(graph, config, {"ok?": BAD}), config, durability=durability)
    assert [call.channels for call in saver.put_writes_calls()] == [("__error__",)]
    assert "maybe" in graph.get_state(config).tasks[0].error


def test_another_exception_in_the_check_is_not_marked_and_as_harmless() -> None:
    """The answer is stored only after the check, whatever the check raises."""
    graph, config = single().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(RuntimeError, match="not a ValueError") as refused:
        graph.invoke(answers(graph, config, {"ok?": "explode"}), config)
    assert not is_invalid_resume(refused.value)
    graph.invoke(answers(graph, config, {"ok?": GOOD}), config)
    assert graph.get_state(config).values["log"] == [GOOD]


@in_every_durability
def test_of_two_answers_in_one_map_the_valid_one_is_kept(durability: Durability) -> None:
    """The exception does not mean that nothing was applied."""
    b = chain(("a", lambda state: {"log": [interrupt("a?", response_schema=CHECKED)]}))
    b.add_node("b", lambda state: {"log": [interrupt("b?", response_schema=CHECKED)]})
    b.add_edge("__start__", "b")
    graph, config = b.compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config, durability=durability)
    with pytest.raises(ValidationError):
        graph.invoke(answers(graph, config, {"a?": GOOD, "b?": BAD}), config, durability=durability)
    assert questions(graph, config).keys() == {"b?"}
    assert graph.get_state(config).values["log"] == [GOOD]


def test_a_dict_schema_is_shown_and_not_enforced() -> None:
    """Only classes and annotated types check anything."""
    graph = chain(("gate", lambda state: {"log": [interrupt("ok?", response_schema=SHOWN)]})).compile(
        checkpointer=Recorder()
    )
    config = thread()
    assert graph.invoke({}, config)["__interrupt__"][0].response_schema == SHOWN
    assert graph.invoke(answers(graph, config, {"ok?": BAD}), config)["log"] == [BAD]


def test_a_model_schema_returns_the_validated_object() -> None:
    """interrupt() returns what the schema made of the answer; what is stored is the raw answer."""

    class Answer(BaseModel):
        amount: int

    saver = Recorder()
    b = chain(("gate", lambda state: {"log": [interrupt("ok?", response_schema=Answer).amount]}))
    graph, config = b.compile(checkpointer=saver), thread()
    graph.invoke({}, config)
    saver.forget()
    assert graph.invoke(answers(graph, config, {"ok?": {"amount": "7"}}), config)["log"] == [7]
    assert saver.put_writes_calls()[0].value("__resume__") == [{"amount": "7"}]


def test_an_invalid_scalar_answer_leaves_itself_behind() -> None:
    """Stock fault: the early write makes the thread fail again without any new answer."""
    graph, config = single().compile(checkpointer=Recorder()), thread()
    graph.invoke({}, config)
    with pytest.raises(ValidationError):
        graph.invoke(Command(resume=BAD), config)
    with pytest.raises(ValidationError):
        graph.invoke(None, config)


def test_an_invalid_scalar_answer_is_taken_by_the_next_gate_of_the_subgraph() -> None:
    """Stock fault: refused by gate one, then silently accepted by gate two, whose question nobody saw."""
    graph, config = (
        nested_gate(("one", gate), ("two", asks("two?"))).compile(checkpointer=Recorder()),
        thread(),
    )
    graph.invoke({}, config)
    with pytest.raises(ValidationError):
        graph.invoke(Command(resume=BAD), config)
    graph.invoke(answers(graph, config, {"ok?": GOOD}), config)
    assert graph.get_state(config).values["log"] == [GOOD, ["two?", BAD], "end"]
