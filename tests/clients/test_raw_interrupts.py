"""A plain `interrupt()` of any payload: listed, answered with what its asker gets, and refused by its own schema."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from hitl_graph import Approve, Choose, Edit, Reject, Respond, TakeOver
from hitl_graph.errors import AnswerError
from tests.clients.graphs import Orders
from tests.support.graphs import thread


class Answer(BaseModel):
    """What one asker wants."""

    name: str
    age: int


def paused(orders: Orders, payload: Any, schema: Any = None) -> tuple[Any, Any]:
    """A thread that asks, and its case."""
    builder: Any = StateGraph(dict)
    builder.add_node("ask", lambda _: {"answer": interrupt(payload, response_schema=schema)})
    builder.add_edge(START, "ask")
    graph: Any = builder.compile(checkpointer=orders.checkpointer)
    name = str(uuid.uuid4())
    graph.invoke({}, thread(name))
    [case] = orders.desk.pending(thread_id=name)
    return graph, case


PAYLOADS: dict[str, tuple[Any, str]] = {
    "a question": ("Which card?", "Which card?"),
    "a long question": ("Which card?\nThe blue or the red one?", "Which card?"),
    "an object with a question": ({"question": "Which card?", "cards": [1, 2]}, "Which card?"),
    "an object": ({"amount": 3}, '{"amount": 3}'),
    "a list": (["blue", "red"], '["blue", "red"]'),
    "a list of objects": ([{"title": "Blue"}, {"title": "Red"}], "Blue"),
    "a number": (42, "42"),
    "a truth": (True, "true"),
    "nothing": (None, "null"),
    "no words": ("", "ask"),
}


@pytest.mark.parametrize(("payload", "title"), PAYLOADS.values(), ids=PAYLOADS.keys())
def test_any_payload_is_a_case_that_can_be_answered(orders: Orders, payload: Any, title: str) -> None:
    """It has a title, keeps its payload, and takes words."""
    graph, case = paused(orders, payload)
    assert (case.question, case.payload, case.node, case.gate) == (title, payload, "ask", None)

    orders.desk.decide(case.id, Respond("the blue one"), by="ana", digest=case.digest)
    [done] = orders.desk.resume(graph, thread_ids=[case.thread_id])

    assert done.values["answer"] == "the blue one"
    assert orders.desk.show(case.id).status == "applied"


ANSWERED: dict[str, tuple[Any, Any, Any]] = {
    "yes": (None, Approve(), True),
    "no": (None, Reject(), False),
    "fields": (None, Edit({"to": "ana", "n": "2"}), {"to": "ana", "n": "2"}),
    "a number in words": (int, Respond(" 41 "), 41),
    "a truth by approval": (bool, Approve(), True),
    "a list in words": (list[int], Respond("[1, 2]"), [1, 2]),
    "an object in words": (Answer, Respond('{"name": "Ana", "age": 30}'), Answer(name="Ana", age=30)),
    "an object by fields": (Answer, Edit({"name": "Ana", "age": 30}), Answer(name="Ana", age=30)),
    "an object by fields as text": (Answer, Edit({"name": "Ana", "age": "30"}), Answer(name="Ana", age=30)),
}


@pytest.mark.parametrize(("schema", "decision", "answer"), ANSWERED.values(), ids=ANSWERED.keys())
def test_the_asker_gets_what_it_wants(orders: Orders, schema: Any, decision: Any, answer: Any) -> None:
    """A decision becomes the value that fits; with a schema, in its types."""
    graph, case = paused(orders, "Tell me.", schema)

    orders.desk.decide(case.id, decision, by="ana", digest=case.digest)
    [done] = orders.desk.resume(graph, thread_ids=[case.thread_id])

    got = done.values["answer"]
    assert (got.model_dump() if isinstance(got, BaseModel) else got) == (
        answer.model_dump() if isinstance(answer, BaseModel) else answer
    )


WRONG: dict[str, tuple[Any, Any, str]] = {
    "words for a number": (int, Respond("forty"), "answer"),
    "yes for a number": (int, Approve(), "type"),
    "a field too few": (Answer, Edit({"name": "Ana"}), "answer.age"),
    "a field of another type": (Answer, Edit({"name": "Ana", "age": "old"}), "answer.age"),
    "a choice": (None, Choose("a"), "type"),
    "a takeover": (None, TakeOver(), "type"),
    "two answers": (None, [Approve(), Approve()], "decisions"),
    "nothing": (None, None, "answer"),
}


@pytest.mark.parametrize(("schema", "decision", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_refused_by_the_askers_schema(
    orders: Orders, schema: Any, decision: Any, field: str
) -> None:
    """The error names the field, and the case can be answered again."""
    _, case = paused(orders, "Tell me.", schema)
    with pytest.raises(AnswerError) as caught:
        orders.desk.decide(case.id, decision, by="ana", digest=case.digest)

    assert caught.value.field == field
    assert orders.desk.show(case.id).status == "pending"
