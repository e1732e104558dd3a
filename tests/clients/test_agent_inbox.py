"""Agent Inbox drives a gate: what its buttons send leads to the right outcome, and a wrong answer loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.graph import END
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import Option, ReviewKind
from hitl_graph.wire import Shape
from tests.clients.graphs import ORDER, Orders
from tests.clients.pages import AgentInbox, NotOffered, PageFails

ALL = ("approve", "edit", "reject", "respond")
SHAPES = (Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH)
"""The two that its page can read."""
in_both_shapes = pytest.mark.parametrize("shape", SHAPES)

Clicks = Callable[[AgentInbox], list[dict[str, Any]]]

EDITS: dict[str, tuple[str, str, Any]] = {
    "a text": ("body", "Tomorrow.", "Tomorrow."),
    "a text to nothing": ("body", "", ""),
    "a text that looks like JSON": ("body", '{"a": 1}', '{"a": 1}'),
    "a text that looks like a number": ("body", "007", "007"),
    "a number": ("copies", "3", 3),
    "a number with a blank": ("copies", " 3\n", 3),
    "a fraction": ("price", "10.25", 10.25),
    "a whole fraction": ("price", "10", 10),
    "true": ("urgent", "true", True),
    "True, as a person writes it": ("urgent", "True", True),
    "a list": ("tags", '["card", "fast"]', ["card", "fast"]),
    "an empty list": ("tags", "[]", []),
    "an object": ("about", '{"team": "south"}', {"team": "south"}),
    "what was null": ("due", "2026-01-31", "2026-01-31"),
}


@in_both_shapes
def test_accept_places_the_order(orders: Orders, shape: Shape) -> None:
    """The untouched page sends `accept` with the arguments that it shows."""
    order = orders.asked(shape)
    order.resume(AgentInbox(order.payload).submit())

    assert order.placed == ["1 It is on its way."]
    assert (order.record["decision"], order.record["outcome"]) == ("approve", "approved")
    assert order.record["final"] == order.record["proposed"] == ORDER
    assert (order.case.status, order.case.decision_type) == ("applied", "elsewhere")


@pytest.mark.parametrize(("field", "text", "value"), EDITS.values(), ids=EDITS.keys())
def test_an_edited_field_arrives_in_its_type(orders: Orders, field: str, text: str, value: Any) -> None:
    """The form sends text for what was touched; the state gets what the schema says."""
    order = orders.asked(Shape.AGENT_INBOX)
    state = order.resume(AgentInbox(order.payload).type(field, text).submit())

    assert state["order"] == {**ORDER, field: value}
    assert type(state["order"][field]) is type(value)
    assert order.record["decision"] == "edit" and [p["path"].split("/")[1] for p in order.record["patch"]]
    assert order.case.status == "applied" and len(order.placed) == 1


@in_both_shapes
def test_an_edit_after_a_reset_changes_the_one_field(orders: Orders, shape: Shape) -> None:
    """After "Reset" every value is text; only what was typed afterwards is a change."""
    order = orders.asked(shape)
    page = AgentInbox(order.payload).type("copies", "7").reset().type("copies", "2")
    sent = page.submit()
    assert {type(value) for value in page.form.values()} == {str}

    order.resume(sent)

    assert order.record["patch"] == [{"op": "replace", "path": "/copies", "value": 2}]


@in_both_shapes
def test_a_reset_form_is_accepted(orders: Orders, shape: Shape) -> None:
    """An acceptance whose arguments are all text, null among them, is the proposal."""
    order = orders.asked(shape)
    sent = AgentInbox(order.payload).type("body", "x").reset().submit()
    assert sent[0]["type"] == "accept" and sent[0]["args"]["args"]["due"] == "null"

    order.resume(sent)

    assert order.record["decision"] == "approve" and order.record["final"] == ORDER


def test_an_edit_of_nothing_is_an_approval(orders: Orders) -> None:
    """Where nothing may be accepted unseen, its Submit sends the form as it is."""
    order = orders.asked(Shape.AGENT_INBOX)
    form = AgentInbox(order.payload).form

    order.resume([{"type": "edit", "args": {"action": "place_order", "args": form}}])

    assert order.record["decision"] == "approve" and len(order.placed) == 1


def test_a_changed_recipient_is_asked_about_again(orders: Orders) -> None:
    """I12: the edited order is another act; nothing is placed before the second look."""
    order = orders.asked(Shape.AGENT_INBOX)
    first = order.case.id
    order.resume(AgentInbox(order.payload).type("to", "eve@example.com").submit())

    assert order.placed == [] and order.record["outcome"] == "judged_again"
    assert order.case.id != first and order.case.status == "pending"
    assert AgentInbox(order.payload).form["to"] == "eve@example.com"
    order.resume(AgentInbox(order.payload).submit())
    assert len(order.placed) == 1


def test_ignore_rejects(orders: Orders) -> None:
    """Its Ignore button."""
    order = orders.asked(Shape.AGENT_INBOX)
    order.resume(AgentInbox(order.payload).ignore())

    assert (order.record["decision"], order.record["outcome"]) == ("reject", "rejected")
    assert order.placed == [] and order.case.status == "applied"


@pytest.mark.parametrize("word", ["Call her first.", "approve", "yes, send it", '{"type": "approve"}'])
def test_a_response_is_words(orders: Orders, word: str) -> None:
    """What is typed into its box is never taken for an approval."""
    order = orders.asked(Shape.AGENT_INBOX, allowed=ALL)
    order.resume(AgentInbox(order.payload).write(word).submit())

    assert (order.record["decision"], order.record["answer"]["message"]) == ("respond", word)
    assert order.placed == []


def test_of_an_edit_and_a_response_the_last_one_counts(orders: Orders) -> None:
    """The page sends one of the two, as if the other had not been typed."""
    order = orders.asked(Shape.AGENT_INBOX, allowed=ALL)
    order.resume(AgentInbox(order.payload).write("Hm.").type("copies", "2").submit())

    assert order.record["decision"] == "edit" and order.placed == ["2 It is on its way."]


def test_the_box_of_a_batch_rejects_with_a_reason(orders: Orders) -> None:
    """Of LangChain's shape its page offers "respond" where a rejection is allowed, and means that."""
    order = orders.asked(Shape.LANGCHAIN_BATCH)
    order.resume(AgentInbox(order.payload).write("Too many.").submit())

    assert (order.record["decision"], order.record["note"]) == ("reject", "Too many.")
    assert order.placed == []


def test_a_choice_is_typed_into_the_box(orders: Orders) -> None:
    """A client without options chooses in words, and the description says which."""
    choose = {
        "kind": ReviewKind.CHOOSE,
        "options": [Option("north"), Option("south")],
        "option_field": "body",
        "allowed": ("choose", "reject"),
    }
    order = orders.asked(Shape.AGENT_INBOX, **choose)
    page = AgentInbox(order.payload)
    assert page.description is not None and "south" in page.description
    with pytest.raises(ValidationError, match=r"type: respond is not allowed here: decide choose"):
        order.resume(page.write("soth").submit())

    order.resume(page.write("south").submit())

    assert (order.record["decision"], order.record["final"]["body"]) == ("choose", "south")
    assert order.placed == ["1 south"]


def test_only_the_buttons_that_the_gate_allows_are_there(orders: Orders) -> None:
    """A gate without edits and answers shows neither."""
    page = AgentInbox(orders.asked(Shape.AGENT_INBOX, allowed=("approve", "reject")).payload)

    with pytest.raises(NotOffered):
        page.type("body", "x")
    with pytest.raises(NotOffered):
        page.write("x")
    assert page.ignore()[0]["type"] == "ignore" and page.submit()[0]["type"] == "accept"


@in_both_shapes
@pytest.mark.parametrize("allowed", [ALL, ("approve", "reject"), ("edit", "reject"), ("respond",)], ids=str)
def test_its_page_can_be_drawn(orders: Orders, shape: Shape, allowed: tuple[str, ...]) -> None:
    """Its form cannot hold null and its plain view no number: such values are there as text."""
    order = orders.asked(shape, allowed=allowed)
    page = AgentInbox(order.payload)
    assert set(page.form) == set(ORDER)


def test_a_stock_payload_with_null_breaks_its_page() -> None:
    """Why the payload says "null": the same arguments as they are cannot be drawn."""
    config = {"allow_accept": True, "allow_edit": True, "allow_respond": False, "allow_ignore": True}
    with pytest.raises(PageFails, match="due"):
        AgentInbox([{"action_request": {"action": "place_order", "args": ORDER}, "config": config}])


WRONG: dict[str, tuple[Clicks, str]] = {
    "no number": (lambda page: page.type("copies", "many").submit(), "changes.copies"),
    "a number out of range": (lambda page: page.type("copies", "10").submit(), "changes.copies"),
    "a number left out": (lambda page: page.type("copies", "").submit(), "changes.copies"),
    "no truth": (lambda page: page.type("urgent", "maybe").submit(), "changes.urgent"),
    "a broken list": (lambda page: page.type("tags", '["card",').submit(), "changes.tags"),
    "a list of numbers": (lambda page: page.type("tags", "[1]").submit(), "changes.tags[0]"),
    "an object as text": (lambda page: page.type("about", "north").submit(), "changes.about"),
    "a blank response": (lambda _: [{"type": "response", "args": " "}], "message"),
    "no type": (lambda _: [{"args": None}], "type"),
    "an unknown type": (lambda _: [{"type": "approve_all", "args": None}], "type"),
    "two answers": (lambda page: page.submit() * 2, "answer"),
    "no answer": (lambda _: [], "answer"),
    "another action": (
        lambda page: [{"type": "edit", "args": {"action": "wire_money", "args": page.form}}],
        "args.action",
    ),
    "half a form": (
        lambda _: [{"type": "edit", "args": {"action": "place_order", "args": {"copies": "2"}}}],
        "args.args.to",
    ),
    "an unknown field": (
        lambda page: [{"type": "edit", "args": {"action": "place_order", "args": {**page.form, "bcc": "x"}}}],
        "changes.bcc",
    ),
    "an acceptance that changes": (
        lambda page: [
            {"type": "accept", "args": {"action": "place_order", "args": {**page.form, "copies": 9}}}
        ],
        "args",
    ),
}


@pytest.mark.parametrize("by_id", [False, True], ids=["scalar", "by id"])
@pytest.mark.parametrize(("clicks", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_answer_is_told_and_the_case_stays(
    orders: Orders, clicks: Clicks, field: str, *, by_id: bool
) -> None:
    """The error names the field; nothing is kept of it, and the same page is answered afterwards."""
    order = orders.asked(Shape.AGENT_INBOX)
    page = AgentInbox(order.payload)
    with pytest.raises(ValidationError) as caught:
        order.resume(clicks(page), by_id=by_id)

    assert f": {field}: " in caught.value.errors()[0]["msg"]
    assert (order.case.status, order.case.decision, order.placed) == ("pending", None, [])
    order.resume(AgentInbox(order.payload).submit(), by_id=by_id)
    assert order.case.status == "applied" and len(order.placed) == 1


def test_ignore_thread_rejects_where_the_page_reads_nothing(orders: Orders) -> None:
    """A gate that asks natively is "invalid" to the page, which then offers to ignore it alone."""
    order = orders.asked(Shape.NATIVE)
    with pytest.raises(PageFails):
        AgentInbox(order.payload)

    order.resume(list(AgentInbox.IGNORE_UNREADABLE))

    assert order.record["outcome"] == "rejected" and order.placed == []


def test_mark_as_resolved_closes_the_case_without_the_act(orders: Orders) -> None:
    """The button writes the state as the end node: nobody decided, nothing is placed, the row says so."""
    order = orders.asked(Shape.AGENT_INBOX)
    order.graph.update_state(order.config, None, as_node=END)

    assert (order.case.status, order.case.decision) == ("superseded", None)
    assert order.graph.get_state(order.config).next == () and order.placed == []


def test_an_answer_after_mark_as_resolved_does_nothing(orders: Orders) -> None:
    """A second tab that was still open cannot place the order any more."""
    order = orders.asked(Shape.AGENT_INBOX)
    sent = AgentInbox(order.payload).submit()
    order.graph.update_state(order.config, None, as_node=END)

    order.graph.invoke(Command(resume=sent), order.config)

    assert order.placed == [] and order.case.status == "superseded"
