"""What a gate asks and what may be answered: bare questions and impossible decisions are refused (R8, R11)."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, StateGraph

from hitl_graph.errors import DefinitionError
from hitl_graph.nodes import add_gate
from hitl_graph.reviews import Option
from tests.unit.factories import (
    CHOICES,
    State,
    review_gate,
)
from tests.unit.refusing import refused

# The question (R11)


BARE = [
    "",
    "   ",
    "?",
    "...",
    "42",
    "OK?",
    "Please review",
    "please review.",
    "PLEASE REVIEW!",
    "Review",
    "Review?",
    "Please review this",
    "Review this item",
    "Please review the proposal",
    "Please review the following",
    "Please review this draft",
    "Please review the email",
    "Please review this message",
    "Please review the reply.",
    "Check the draft",
    "Can you review?",
    "Could you please review this?",
    "Kindly review",
    "Review needed",
    "Needs review",
    "Review required",
    "Human review required",
    "For your review",
    "Pending review",
    "Please check",
    "Please verify",
    "Please validate",
    "Please confirm",
    "Confirm?",
    "Approve?",
    "Approve this?",
    "Do you approve?",
    "Approve or reject?",
    "Please approve or reject this.",
    "Your approval is needed",
    "Approval required",
    "Input required",
    "Action required",
    "Yes or no?",
    "Proceed?",
    "Should we proceed?",
    "Is this ok?",
    "Is it okay?",
    "Is this good to go?",
    "Is this fine?",
    "Is this correct?",
    "Is this right?",
    "Looks good?",
    "LGTM?",
    "Take a look",
    "Please take a look at this",
    "Please have a look.",
    "What do you think?",
    "Thoughts?",
    "Any objections?",
    "Sign off?",
    None,
    7,
]


@pytest.mark.parametrize("question", BARE, ids=str)
def test_a_bare_please_review_is_no_question(question: object) -> None:
    """R11: a question names what is to be decided, in whatever words it fails to."""
    assert refused(review_gate, question=question) == "question"


REAL = [
    "Is this reply safe to send to the customer?",
    "Can this go out?",
    "Which category does this message belong to?",
    "Do we proceed with the refund?",
    "Is the customer entitled to a refund?",
    "Does the total match the invoice?",
    "Is it a duplicate?",
    "Are these two records the same customer?",
    "Should this exception become a rule?",
    "Approve the refund of this order?",
    "Is the tone right for an angry customer?",
    "Is this the right category?",
    "May we publish this answer under our name?",
    "How should the failed lookup go on?",
    "What should we answer the customer?",
    "Is the amount on the invoice correct?",
    "Review the refund: is the amount covered by the policy?",
    "Check the reply for promises that we cannot keep.",
    "Darf diese Antwort an den Kunden gehen?",
    "¿Se puede enviar esta respuesta al cliente?",
    "Cette réponse peut-elle partir ?",
    "Можно ли отправить этот ответ клиенту?",
    "这封回复可以发送给客户吗?",
    "この返信を送信してもよいですか?",
]


@pytest.mark.parametrize("question", REAL)
def test_a_question_that_names_the_matter_is_taken(question: str) -> None:
    """R11: the check is for what is missing, not for style or language."""
    assert review_gate(question=question).question == question


# What may be decided (R8)


@pytest.mark.parametrize("allowed", ["approve", [], (), ["approve", "ok"], ["accept"], [None]])
def test_allowed_decisions_are_words_of_the_vocabulary(allowed: object) -> None:
    """R8: an outcome that nobody can give is not offered."""
    assert refused(review_gate, allowed=allowed) == "allowed"


@pytest.mark.parametrize("options", [(), CHOICES[:1]])
def test_a_choice_has_at_least_two_options(options: Any) -> None:
    """R11, R13: one option is no choice."""
    assert refused(review_gate, kind="choose", options=options) == "options"


def test_a_gate_that_allows_choosing_has_options() -> None:
    """R11: also where the kind is another one."""
    assert refused(review_gate, allowed=["approve", "choose"]) == "options"


def test_whoever_may_say_yes_may_say_no() -> None:
    """R8: a gate that can only be agreed with is none."""
    assert refused(review_gate, allowed=["approve", "edit"]) == "allowed"


@pytest.mark.parametrize("words", ["", ".", "\u200b", "  "])
def test_a_consequence_that_says_nothing_is_refused(words: str) -> None:
    """R57: what happens next must be said."""
    assert refused(review_gate, consequence=words) == "consequence"


def test_options_are_told_apart() -> None:
    """R11: two options of one value could not be chosen between."""
    assert refused(review_gate, kind="choose", options=[Option("a"), Option("a", "Other")]) == "options"


@pytest.mark.parametrize(
    ("kind", "usual"),
    [
        ("safe_to_send", ("approve", "edit", "reject")),
        ("choose", ("choose",)),
        ("verify_value", ("approve", "edit", "reject")),
        ("merge", ("approve", "edit", "reject")),
        ("rule", ("approve", "edit", "reject")),
        ("respond", ("respond",)),
    ],
)
def test_every_kind_has_its_usual_decisions(kind: str, usual: tuple[str, ...]) -> None:
    """R13: what is offered unless the gate says otherwise."""
    assert review_gate(kind=kind, options=CHOICES).decisions == usual


CONTINUES = {
    "approve": "approved",
    "edit": "approved",
    "choose": "approved",
    "reject": "rejected",
    "respond": "responded",
    "ask_info": "asked",
    "take_over": "taken_over",
}


@pytest.mark.parametrize(("word", "target"), CONTINUES.items())
def test_an_allowed_outcome_without_a_continuation_fails_when_wired(word: str, target: str) -> None:
    """R8: each decision that is allowed leads somewhere, or the graph is not built."""
    targets = dict.fromkeys(set(CONTINUES.values()) - {target}, END)
    targets.setdefault("approved", "")
    with pytest.raises(DefinitionError) as caught:
        add_gate(StateGraph(State), review_gate(allowed=sorted({word, "reject"}), options=CHOICES), **targets)
    assert caught.value.field == target


def test_a_gate_that_fails_to_be_wired_is_not_added() -> None:
    """R8: a caught error leaves no half gate behind."""
    builder = StateGraph(State)
    with pytest.raises(DefinitionError, match="rejected"):
        add_gate(builder, review_gate(), approved=END)
    assert builder.nodes == {}
