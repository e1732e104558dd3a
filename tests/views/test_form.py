"""The edit form: from a gate's schema to fields, and from what was typed to an edit."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from hitl_graph.errors import AnswerError
from hitl_graph.views.form import form_fields, read_form
from tests.notebook.making import a_request

LETTER = "Dear Ana,\n\nit comes tomorrow."


class Letter(BaseModel):
    """A proposal with a field of every kind."""

    to: str
    body: str
    copies: int = Field(1, ge=0, le=3, description="How many go to the archive")
    price: float | None = None
    urgent: bool = False
    tone: Literal["warm", "plain"] = "plain"
    sent_on: dt.date | None = None
    tags: list[str] = []


PROPOSAL: dict[str, Any] = {
    "to": "a@example.com",
    "body": LETTER,
    "copies": 1,
    "price": None,
    "urgent": False,
    "tone": "plain",
    "sent_on": "2026-03-01",
    "tags": ["card"],
}


def letter() -> Any:
    return a_request(proposal=PROPOSAL, edit_schema=Letter.model_json_schema(), allowed=("approve", "edit"))


def test_each_type_gets_its_own_input() -> None:
    """Text, long text, numbers, a switch, choices, dates; lists and objects as JSON."""
    kinds = {field.name: field.kind for field in form_fields(letter())}

    assert kinds == {
        "to": "text",
        "body": "long",
        "copies": "number",
        "price": "number",
        "urgent": "boolean",
        "tone": "choice",
        "sent_on": "date",
        "tags": "json",
    }


def test_without_a_schema_the_present_values_say_what_they_are() -> None:
    """A gate without a schema has a form too."""
    request = a_request(proposal={"n": 1, "flag": True, "text": "x", "rows": [1]}, allowed=("edit",))

    assert [field.kind for field in form_fields(request)] == ["number", "boolean", "text", "json"]


@pytest.mark.parametrize(
    ("typed", "changes"),
    [
        ({"body": "Hello"}, {"body": "Hello"}),
        ({"body": LETTER}, {}),
        ({"copies": "2"}, {"copies": "2"}),
        ({"copies": "1"}, {}),
        ({"price": ""}, {}),
        ({"urgent": "true"}, {"urgent": True}),
        ({"tone": '"warm"'}, {"tone": "warm"}),
        ({"tags": '["card", "late"]'}, {"tags": ["card", "late"]}),
        ({"tags": '[ "card" ]'}, {}),
    ],
)
def test_only_what_differs_is_a_change(typed: dict[str, str], changes: dict[str, Any]) -> None:
    """A field that was touched and put back is none."""
    assert read_form(form_fields(letter()), typed, "review") == changes


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"tags": "[card"}, "changes.tags"),
        ({"tags": f"[{'9' * 30}]"}, "changes.tags[0]"),
        ({"nope": "x"}, "changes.nope"),
        ({"urgent": "perhaps"}, "changes.urgent"),
        ({"tone": "warm"}, "changes.tone"),
    ],
)
def test_what_cannot_be_read_names_its_field(typed: dict[str, str], field: str) -> None:
    """And nothing of the rest is lost: the form stays as it is."""
    with pytest.raises(AnswerError) as caught:
        read_form(form_fields(letter()), typed, "review")

    assert caught.value.field == field


def test_the_line_ends_of_a_mail_survive_a_browser() -> None:
    """A text area knows bare newlines only; a mail's are put back."""
    request = a_request(proposal={"body": "a\r\nb"}, allowed=("edit",))

    assert read_form(form_fields(request), {"body": "a\nb"}, "review") == {}
    assert read_form(form_fields(request), {"body": "a\nc"}, "review") == {"body": "a\r\nc"}


def test_a_schema_that_names_itself_still_gives_a_form() -> None:
    """What cannot be drawn is edited as JSON."""
    schema = {"properties": {"tree": {"$ref": "#"}}, "$ref": "#"}
    request = a_request(proposal={"tree": {"a": 1}}, edit_schema=schema, allowed=("edit",))

    assert [field.kind for field in form_fields(request)] == ["json"]


def test_no_two_fields_look_alike() -> None:
    """A model may call two fields nearly the same, or one nothing at all; hidden characters are written out."""
    names = ("body_text", "a b", "a_b", "__proto__", "", "subject\u200b")
    request = a_request(proposal=dict.fromkeys(names, "x"), allowed=("edit",))

    labels = [field.to_json()["label"] for field in form_fields(request)]

    assert labels == ["Body text", "a b", "A b", "__proto__", "(no name)", "subject⟨U+200B⟩"]
