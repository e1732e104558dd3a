"""What LangGraph's JavaScript client puts on the wire when an app answers with `respond` and `respondAll`."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph.wire import Shape
from tests.clients.graphs import ORDER, Orders

SHAPES = (Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH)
CHANGED = {"name": "place_order", "args": {**ORDER, "copies": 2}}


def for_server(response: Any) -> Any:
    """What the client makes of a response: an edit among `decisions` gets its action under both spellings."""
    if not isinstance(response, dict) or not isinstance(response.get("decisions"), list):
        return response
    decisions = []
    for one in response["decisions"]:
        action = one.get("editedAction", one.get("edited_action")) if one.get("type") == "edit" else None
        decisions.append(one if action is None else {**one, "editedAction": action, "edited_action": action})
    return {**response, "decisions": decisions}


ANSWERS: dict[str, tuple[Any, str]] = {
    "ours": ({"type": "edit", "changes": {"copies": 2}}, "edit"),
    "ours, signed": ({"type": "approve", "by": "ana", "note": "fine"}, "approve"),
    "LangChain's, as Python spells it": (
        {"decisions": [{"type": "edit", "edited_action": CHANGED}]},
        "edit",
    ),
    "LangChain's, as JavaScript spells it": (
        {"decisions": [{"type": "edit", "editedAction": CHANGED}]},
        "edit",
    ),
    "one decision, as JavaScript spells it": ({"type": "edit", "editedAction": CHANGED}, "edit"),
    "Agent Inbox's": ([{"type": "ignore", "args": None}], "reject"),
    "a word": ("reject", "reject"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("response", "decision"), ANSWERS.values(), ids=ANSWERS.keys())
def test_any_answer_shape_is_taken_whatever_the_question_looks_like(
    orders: Orders, shape: Shape, response: Any, decision: str
) -> None:
    """`respond(response, {interruptId})`: the shape of the question does not bind the answer."""
    order = orders.asked(shape)

    order.resume(for_server(response), by_id=True)

    assert order.record["decision"] == decision
    assert (
        order.record["final"] == {"edit": {**ORDER, "copies": 2}, "approve": ORDER, "reject": None}[decision]
    )
    assert order.case.status == "applied"


def test_who_answered_is_kept(orders: Orders) -> None:
    """An app that knows its user says so in `by`; the row and the record name them."""
    order = orders.asked(Shape.NATIVE)

    order.resume({"type": "approve", "by": "ana"}, by_id=True)

    assert order.record["by"] == order.case.by == "ana"


def test_two_spellings_that_differ_are_refused(orders: Orders) -> None:
    """It cannot be known which of the two was meant."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    other = {**CHANGED, "args": ORDER}
    with pytest.raises(ValidationError, match=r"decisions\[0\]\.editedAction: differs"):
        order.resume({"decisions": [{"type": "edit", "editedAction": CHANGED, "edited_action": other}]})

    assert order.case.status == "pending"


def test_an_approval_of_an_older_proposal_is_refused(orders: Orders) -> None:
    """`respond(…, {update})` changes the state under the question; with the digest shown, that is found out."""
    order = orders.asked(Shape.NATIVE)
    shown = order.payload["digest"]
    command: Command[Any] = Command(
        resume={order.interrupts[0].id: {"type": "approve", "digest": shown}},
        update={"order": {**ORDER, "copies": 9}},
    )
    with pytest.raises(ValidationError, match="digest: is not that of the case as it stands"):
        order.graph.invoke(command, order.config)

    assert order.placed == [] and order.case.status == "pending"
