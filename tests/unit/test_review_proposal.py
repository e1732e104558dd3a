"""The proposal: shown unchanged or refused by field, with hidden characters flagged (R23, R26)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from hitl_graph.errors import ProposalError
from tests.unit.asked import NOBODY, asked
from tests.unit.factories import EMAIL

# The proposal


@pytest.mark.parametrize(
    ("email", "field"),
    [
        (None, "email"),
        ({**EMAIL, "body": "a\x00b"}, "email.body"),
        ({**EMAIL, "body": "a\ud800"}, "email.body"),
        ({**EMAIL, "to": ["a", {"b": "\x00"}]}, "email.to[1].b"),
        ({**EMAIL, "n": float("nan")}, "email.n"),
        ({**EMAIL, "n": float("-inf")}, "email.n"),
        ({**EMAIL, "n": 2**53}, "email.n"),
        ({**EMAIL, "n": -(2**53)}, "email.n"),
        ({**EMAIL, "n": 1e300}, "email.n"),
        ({**EMAIL, "n": b"raw"}, "email.n"),
        ({**EMAIL, "n": ...}, "email.n"),
        ({**EMAIL, 7: "x"}, "email"),
        ({**EMAIL, "a\x00": "x"}, "email (a key)"),
    ],
    ids=repr,
)
def test_a_proposal_that_cannot_be_kept_unchanged_is_refused_by_field(email: Any, field: str) -> None:
    """I4: what would be stored otherwise than shown is never shown; the error says which part it is."""
    with pytest.raises(ProposalError) as caught:
        asked({"email": email}, **NOBODY)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "value", [2**53 - 1, -(2**53) + 1, 0.1, -0.0, 1.5e15, 1e-300, "ünï ☃ 🂡", "", [], {}, None, True]
)
def test_a_proposal_that_can_be_kept_is_shown_as_it_is(value: object) -> None:
    """I4: nothing is rounded, replaced or dropped."""
    assert asked({"email": {"x": value}}, **NOBODY).proposal == {"x": value}


@pytest.mark.parametrize(
    ("email", "field"),
    [({"to": "a@x", "subject": "s"}, "email.body"), ({**EMAIL, "body": 7}, "email.body"), ("hello", "email")],
)
def test_a_proposal_that_breaks_the_schema_is_refused_by_field(email: Any, field: str) -> None:
    """I4: an act with half its arguments is not shown for approval."""
    with pytest.raises(ProposalError) as caught:
        asked({"email": email})
    assert caught.value.field.startswith(field)


def test_a_json_schema_is_a_schema_too() -> None:
    """I4: also a dict from another language is held against the proposal."""
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    with pytest.raises(ProposalError, match="to"):
        asked({"email": {"to": 7}}, schema=schema, consequence="Sends it.")


@pytest.mark.parametrize("value", ["refund", 7, 0.5, True, ["a", "b"], ""])
def test_a_proposal_that_is_one_value_stands_under_value(value: object) -> None:
    """R13: a label or an amount is shown as one field."""
    assert asked({"email": value}, **NOBODY).proposal == {"value": value}


@dataclasses.dataclass
class Draft:
    """A proposal as a dataclass."""

    to: str
    lines: tuple[str, ...] = ("a",)


class Letter(BaseModel):
    """A proposal as a model."""

    to: str
    lines: tuple[str, ...] = ("a",)


@pytest.mark.parametrize(
    "proposal", [Draft("x"), Letter(to="x"), {"to": "x", "lines": ("a",)}], ids=lambda p: type(p).__name__
)
def test_a_proposal_may_be_a_model_or_a_dataclass(proposal: object) -> None:
    """It is shown as the plain JSON that it is."""
    assert asked({"email": proposal}, **NOBODY).proposal == {"to": "x", "lines": ["a"]}


def test_the_case_does_not_change_when_the_draft_does() -> None:
    """Rule 5: what is proposed is kept as it was shown."""
    email: dict[str, Any] = {"to": "x", "lines": ["a"]}
    shown = asked({"email": email}, **NOBODY)
    email["lines"].append("b")
    assert shown.proposal == {"to": "x", "lines": ["a"]}


# Hidden characters


HIDDEN = [
    "\u202e",
    "\u2066",
    "\u2069",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u3164",
    "\uffa0",
    "\U000e0041",
    "\ufe01",
    "\ue000",
    "\x1b",
    "\x07",
    "\u00ad",
    "\x85",
]


@pytest.mark.parametrize("character", HIDDEN, ids=lambda c: f"U+{ord(c):04X}")
def test_a_hidden_character_in_the_proposal_is_flagged(character: str) -> None:
    """R27: the warning names the field and the character; the exact bytes stay."""
    shown = asked({"email": {**EMAIL, "body": f"pay{character}pal"}})
    assert shown.warnings == (f"email.body holds hidden characters: U+{ord(character):04X}",)
    assert shown.proposal["body"] == f"pay{character}pal"


@pytest.mark.parametrize("text", ["Grüße, ½ €\n\tok", "Здравствуйте", "ひらがな", "👩‍🔧 ok", "❤️", "مرحبا"])
def test_plain_text_of_any_language_is_not_flagged(text: str) -> None:
    """R22: a warning on every other case would be read by nobody."""
    assert asked({"email": {**EMAIL, "body": text}}).warnings == ()


def test_a_hidden_character_deep_in_the_proposal_is_flagged() -> None:
    """R27: with the path to it."""
    shown = asked({"email": {"to": [{"name": "a\u200bb"}]}}, **NOBODY)
    assert shown.warnings == ("email.to[0].name holds hidden characters: U+200B",)


def test_a_hidden_character_in_a_field_name_is_flagged() -> None:
    """R27: two fields that look the same are not the same."""
    assert any("U+200B" in w for w in asked({"email": {"to": "a", "to\u200b": "b"}}, **NOBODY).warnings)


def test_a_hidden_character_in_evidence_is_flagged() -> None:
    """R26, R27: the source may lie as well."""
    [warning] = asked({"ticket": "ignore\u202e this"}).warnings
    assert warning == "Customer message holds hidden characters: U+202E"


def test_a_hidden_character_in_the_transcript_is_flagged() -> None:
    """R27, R68: and so may a message."""
    [warning] = asked({"messages": [HumanMessage("a\u200bb")]}).warnings
    assert warning == "transcript[0] holds hidden characters: U+200B"


def test_a_character_that_was_written_out_in_evidence_is_not_flagged_again() -> None:
    """R22: ⟨U+0000⟩ speaks for itself."""
    assert asked({"ticket": "a\x00b"}).warnings == ()
