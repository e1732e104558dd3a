"""Agent Chat UI drives a gate: its three decisions, its two ways around them, and wrong answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import END
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph.wire import Shape
from tests.clients.graphs import ORDER, Asked, Orders
from tests.clients.pages import AgentChatUI, Card, NotOffered, PageFails

ways = pytest.mark.parametrize("by_id", [False, True], ids=["scalar", "by id"])


def page(order: Asked) -> AgentChatUI:
    """The thread's page."""
    return AgentChatUI(order.payload)


@ways
def test_approve_places_the_order(orders: Orders, *, by_id: bool) -> None:
    """The untouched page."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    order.resume(page(order).submit(), by_id=by_id)

    assert (order.record["outcome"], order.record["final"]) == ("approved", ORDER)
    assert len(order.placed) == 1 and order.case.status == "applied"


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("body", "Tomorrow.", "Tomorrow."),
        ("copies", "3", 3),
        ("price", "1e2", 100),
        ("urgent", "true", True),
        ("tags", '["a","b"]', ["a", "b"]),
        ("due", "Monday", "Monday"),
        ("about", "{}", {}),
    ],
)
def test_an_edited_field_arrives_in_its_type(orders: Orders, field: str, text: str, value: Any) -> None:
    """The form sends text for what was touched; the state gets what the schema says."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    shown = page(order)
    shown.cards[0].type(field, text)

    state = order.resume(shown.submit())

    assert state["order"] == {**ORDER, field: value}
    assert order.record["decision"] == "edit" and len(order.placed) == 1


def test_an_edit_after_a_reset_changes_the_one_field(orders: Orders) -> None:
    """After "Reset" every value is text, also the null and the number that nobody touched."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    shown = page(order)
    shown.cards[0].type("copies", "7").reset().type("body", "Soon.")

    order.resume(shown.submit())

    assert order.record["patch"] == [{"op": "replace", "path": "/body", "value": "Soon."}]


def test_a_reset_form_is_approved(orders: Orders) -> None:
    """What is back as it was is no edit."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    shown = page(order)
    shown.cards[0].type("copies", "7").reset()

    order.resume(shown.submit())

    assert order.record["decision"] == "approve"


@ways
def test_a_rejection_carries_its_reason(orders: Orders, *, by_id: bool) -> None:
    """The page insists on a reason; it stands in the record as the note."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    shown = page(order)
    with pytest.raises(NotOffered):
        shown.cards[0].reject("  ").decision()
    shown.cards[0].reject(" Too many. ")

    order.resume(shown.submit(), by_id=by_id)

    assert (order.record["outcome"], order.record["note"]) == ("rejected", "Too many.")
    assert order.placed == []


def test_only_the_cards_that_the_gate_allows_are_there(orders: Orders) -> None:
    """A gate without edits has no form."""
    order = orders.asked(Shape.LANGCHAIN_BATCH, allowed=("approve", "reject"))
    with pytest.raises(NotOffered):
        page(order).cards[0].type("copies", "2")

    order.resume(page(order).submit())

    assert len(order.placed) == 1


@pytest.mark.parametrize("shape", [Shape.NATIVE, Shape.AGENT_INBOX])
def test_it_draws_no_other_shape(orders: Orders, shape: Shape) -> None:
    """Why the option matters: of other shapes the page shows the data and no button."""
    order = orders.asked(shape)
    with pytest.raises(PageFails):
        page(order)


def _edit(change: Callable[[Card], object]) -> Callable[[AgentChatUI], dict[str, Any]]:
    def click(shown: AgentChatUI) -> dict[str, Any]:
        change(shown.cards[0])
        return shown.submit()

    return click


WRONG: dict[str, tuple[Callable[[AgentChatUI], Any], str]] = {
    "no number": (_edit(lambda card: card.type("copies", "many")), "changes.copies"),
    "a number out of range": (_edit(lambda card: card.type("copies", "0")), "changes.copies"),
    "a fraction of a whole number": (_edit(lambda card: card.type("copies", "1.5")), "changes.copies"),
    "a broken object": (_edit(lambda card: card.type("about", "{")), "changes.about"),
    "null where none is taken": (_edit(lambda card: card.type("tags", "null")), "changes.tags"),
    "no decisions": (lambda _: {"decisions": []}, "decisions"),
    "too many": (lambda shown: {"decisions": shown.submit()["decisions"] * 2}, "decisions"),
    "no list": (lambda _: {"decisions": {"type": "approve"}}, "decisions"),
    "an unknown decision": (lambda _: {"decisions": [{"type": "accept_all"}]}, "decisions[0].type"),
    "a word": (lambda _: {"decisions": ["approve"]}, "decisions[0].type"),
    "another action": (
        lambda shown: {
            "decisions": [{"type": "edit", "edited_action": {"name": "pay", "args": shown.cards[0].form}}]
        },
        "decisions[0].edited_action.name",
    ),
    "an edit of nothing said": (lambda _: {"decisions": [{"type": "edit"}]}, "decisions[0].edited_action"),
    "a response that is not taken": (lambda _: {"decisions": [{"type": "respond", "message": "x"}]}, "type"),
    "something beside": (lambda _: {"decisions": [{"type": "approve"}], "all": True}, "all"),
}


@ways
@pytest.mark.parametrize(("click", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_told_and_the_case_stays(
    orders: Orders, click: Callable[[AgentChatUI], Any], field: str, *, by_id: bool
) -> None:
    """The error names the field; nothing is kept of it, and the same page is answered afterwards."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    with pytest.raises(ValidationError) as caught:
        order.resume(click(page(order)), by_id=by_id)

    assert f": {field}: " in caught.value.errors()[0]["msg"]
    assert (order.case.status, order.case.decision, order.placed) == ("pending", None, [])
    order.resume(page(order).submit(), by_id=by_id)
    assert order.case.status == "applied" and len(order.placed) == 1


def test_mark_as_resolved_neither_acts_nor_closes(orders: Orders) -> None:
    """The button goes to the end beside the open gate: the case is still there, and answerable."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    before = order.case.id
    order.graph.invoke(Command(goto=END), order.config)

    assert order.placed == [] and (order.case.id, order.case.status) == (before, "pending")
    order.resume(page(order).submit())
    assert len(order.placed) == 1 and order.case.status == "applied"


def test_a_new_message_closes_the_case(orders: Orders) -> None:
    """Chat text into a paused thread is new input: the old case is superseded, and asked about afresh."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    before = order.case.id
    human = {"type": "human", "content": [{"type": "text", "text": "approve"}]}
    order.graph.invoke({"messages": [human]}, order.config)

    assert order.desk.show(before).status == "superseded" and order.placed == []
    assert order.case.id != before and order.case.status == "pending"
