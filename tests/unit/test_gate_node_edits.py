"""Edits: written back as state, in the type that the state has (R12)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
from typing import Annotated, Any, Literal

import pytest
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypedDict

from hitl_graph.decisions import Choose, Edit
from hitl_graph.nodes import add_gate
from hitl_graph.nodes.state import keep_each, merge
from tests.unit.factories import (
    CHOICES,
    EDITED,
    EMAIL,
    Email,
    Mode,
    Outbox,
    State,
    Thread,
    in_both_modes,
    mail_graph,
    review_gate,
    routed,
)


class PydanticState(BaseModel):
    """A state as a model."""

    ticket: str = ""
    email: Any = None
    reviews: Annotated[list[dict[str, Any]], keep_each] = Field(default_factory=list)
    judgements: Annotated[dict[str, Any], merge] = Field(default_factory=dict)
    effects: Annotated[list[dict[str, Any]], keep_each] = Field(default_factory=list)


@dataclasses.dataclass
class DataclassState:
    """A state as a dataclass."""

    ticket: str = ""
    email: Any = None
    reviews: Annotated[list[dict[str, Any]], keep_each] = dataclasses.field(default_factory=list)
    judgements: Annotated[dict[str, Any], merge] = dataclasses.field(default_factory=dict)
    effects: Annotated[list[dict[str, Any]], keep_each] = dataclasses.field(default_factory=list)


class ModelKeyState(State, total=False):
    """A state whose proposal is a model."""

    email: Email


@dataclasses.dataclass
class Letter:
    """A proposal as a dataclass."""

    to: str
    subject: str
    body: str


class Label(enum.Enum):
    """A proposal as an enum."""

    CARD = "card"
    REFUND = "refund"


BOXES: list[tuple[str, type, Any, Any, Any]] = [
    ("a dict", State, EMAIL, Edit({"body": "Better."}), EDITED),
    ("a text", State, "refund", Edit({"value": "card"}), "card"),
    ("a number", State, 10, Edit({"value": 12}), 12),
    ("an enum", State, Label.CARD, Edit({"value": "refund"}), Label.REFUND),
    ("a decimal", State, decimal.Decimal("1.50"), Edit({"value": "2.50"}), decimal.Decimal("2.50")),
    ("a date", State, dt.date(2026, 1, 1), Edit({"value": "2026-02-01"}), dt.date(2026, 2, 1)),
    ("a list", State, ["a"], Edit({"value": ["a", "b"]}), ["a", "b"]),
    ("a model", ModelKeyState, Email(**EMAIL), Edit({"body": "Better."}), Email(**EDITED)),
    ("a dataclass", State, Letter(**EMAIL), Edit({"body": "Better."}), Letter(**EDITED)),
    ("a dict in a pydantic state", PydanticState, EMAIL, Edit({"body": "Better."}), EDITED),
    (
        "a model in a pydantic state",
        PydanticState,
        Email(**EMAIL),
        Edit({"body": "Better."}),
        Email(**EDITED),
    ),
    ("a text in a pydantic state", PydanticState, "refund", Edit({"value": "card"}), "card"),
    ("a dict in a dataclass state", DataclassState, EMAIL, Edit({"body": "Better."}), EDITED),
    (
        "a model in a dataclass state",
        DataclassState,
        Email(**EMAIL),
        Edit({"body": "Better."}),
        Email(**EDITED),
    ),
]


@in_both_modes
@pytest.mark.parametrize(("what", "state", "proposal", "edit", "kept"), BOXES, ids=[b[0] for b in BOXES])
def test_an_edit_becomes_state(
    mode: Mode, what: str, state: type, proposal: Any, edit: Any, kept: Any
) -> None:
    """R12: under the proposal's own key, in the type that stood there."""
    seen: list[Any] = []
    gate = review_gate(schema=None, consequence="Sends it.")
    builder = StateGraph(state)
    builder.add_node("after", lambda s: seen.append(s["email"] if isinstance(s, dict) else s.email))
    add_gate(builder, gate, approved="after", rejected=END)
    builder.add_edge(START, "reply")
    thread = Thread(builder, mode).start(email=proposal)
    thread.answer(edit)
    assert seen == [kept] and type(seen[0]) is type(kept)


class Categorised(BaseModel):
    """A schema with an enum, a choice of words and a field that may be missing."""

    label: Label
    tone: Literal["warm", "plain"] = "plain"
    order: int | None = None


class Order(BaseModel):
    """A schema with a list of models."""

    lines: list[Categorised]


class Tree(BaseModel):
    """A schema that holds itself."""

    name: str
    inner: Tree | None = None


class Typed(TypedDict):
    """A schema as a TypedDict."""

    name: str


LINE = {"label": "card"}


BY_REFERENCE = {
    "$defs": {"T": {"type": "object", "properties": {"name": {"type": "string"}}}},
    "$ref": "#/$defs/T",
}


SCHEMAS: list[tuple[str, Any, Any, dict[str, Any], Any]] = [
    ("a model with an enum", Categorised, LINE, {"label": "refund"}, {"label": "refund"}),
    ("a model with models", Order, {"lines": [LINE]}, {"lines": []}, {"lines": []}),
    (
        "a model of itself",
        Tree,
        {"name": "a", "inner": {"name": "b"}},
        {"name": "c"},
        {"name": "c", "inner": {"name": "b"}},
    ),
    ("a TypedDict", Typed, {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("a dataclass", Letter, EMAIL, {"body": "Better."}, EDITED),
    ("two models", Categorised | Tree, {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("any dict", dict[str, Any], {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("a list of models", list[Categorised], [LINE], {"value": []}, []),
    ("a list of texts", list[str], ["a"], {"value": ["b"]}, ["b"]),
    ("an enum", Label, "card", {"value": "refund"}, "refund"),
    ("a choice of words", Literal["a", "b"], "a", {"value": "b"}, "b"),
    ("a text or nothing", str | None, "a", {"value": "b"}, "b"),
    (
        "a JSON Schema",
        {"type": "object", "properties": {"name": {}}},
        {"name": "a"},
        {"name": "b"},
        {"name": "b"},
    ),
    ("a JSON Schema by reference", BY_REFERENCE, {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("none", None, {"name": "a"}, {"name": "b"}, {"name": "b"}),
]


@in_both_modes
@pytest.mark.parametrize(
    ("what", "schema", "proposal", "changes", "kept"), SCHEMAS, ids=[s[0] for s in SCHEMAS]
)
def test_a_proposal_of_any_schema_is_shown_and_edited(
    mode: Mode, what: str, schema: Any, proposal: Any, changes: dict[str, Any], kept: Any
) -> None:
    """R12: whatever describes it, the case pauses, its form is published, and the edit is taken."""
    thread = Thread(routed(review_gate(schema=schema, consequence="Does it.")), mode).start(email=proposal)
    thread.answer(Edit(changes))
    assert thread.values["email"] == kept


class Bounded(BaseModel):
    """A proposal whose own type refuses large amounts."""

    amount: int = Field(le=100)


@in_both_modes
def test_an_edit_that_the_states_own_type_refuses_is_refused_in_time(mode: Mode) -> None:
    """R2: before anything is saved, also where the gate itself was given no schema."""
    thread = Thread(routed(review_gate(schema=None, consequence="Pays it.")), mode).start(
        email=Bounded(amount=10)
    )
    with pytest.raises(ValidationError, match="amount"):
        thread.answer(Edit({"amount": 500}))
    thread.answer(Edit({"amount": 50}))
    assert thread.values["email"] == Bounded(amount=50)


@in_both_modes
def test_an_edit_acts_in_its_edited_form(mode: Mode) -> None:
    """I4, R51: what is sent is what was approved."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    thread.answer(Edit({"subject": "Re: Your card", "body": "Better."}))
    assert [mail for _, mail in outbox] == [{**EDITED, "subject": "Re: Your card"}]


def test_text_in_an_edit_takes_the_fields_type() -> None:
    """A form sends text: the schema makes a number of it."""

    class Refund(BaseModel):
        amount: float

    thread = Thread(routed(review_gate(schema=Refund, consequence="Pays {amount}."))).start(
        email={"amount": 10.0}
    )
    thread.answer(Edit({"amount": "12.5"}))
    assert thread.values["email"] == {"amount": 12.5}


def test_an_edit_that_changes_nothing_keeps_the_state() -> None:
    """R19: nothing was changed, and the record says so."""
    thread = Thread(mail_graph()).start()
    thread.answer(Edit({"body": EMAIL["body"]}))
    assert thread.values["email"] == EMAIL and thread.record["patch"] == []


@pytest.mark.parametrize(
    ("proposal", "field", "kept"),
    [
        ({"category": "other", "n": 1}, "category", {"category": "refund", "n": 1}),
        ("other", "value", "refund"),
    ],
)
def test_a_choice_is_written_into_its_field(proposal: Any, field: str, kept: Any) -> None:
    """R13: choosing a category is an edit of one field."""
    gate = review_gate(
        kind="choose", options=CHOICES, option_field=field, schema=None, consequence="Tags it."
    )
    thread = Thread(routed(gate)).start(email=proposal)
    thread.answer(Choose("refund"))
    assert thread.values["email"] == kept
