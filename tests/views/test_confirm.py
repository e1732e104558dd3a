"""What a person types before a grave act that cannot be undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph.notebook import ReviewCard, review_card
from hitl_graph.views.request import confirmation
from tests.notebook.clicking import click, edit, problem, shown
from tests.notebook.making import PAY, a_request
from tests.notebook.odd import odd_card
from tests.support.graphs import thread, two_gates_graph


@pytest.fixture
def card(sink: Path) -> ReviewCard:
    """A mail and a refund that wait."""
    graph: Any = two_gates_graph().compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "Where is it?", "sink": str(sink)}, thread("t1"))
    return review_card(graph, "t1", by="ana")


def test_what_is_grave_wants_to_be_typed(card: ReviewCard, sink: Path) -> None:
    """Money that cannot come back: its amount is typed, as it will be paid."""
    pay = shown(card, "refund_review")

    click(card, {"type": "approve"}, item=pay)
    assert problem(card) == ("confirm", "type 5 to confirm: this cannot be undone")
    edit(card, {"amount": "7"}, item=pay, confirmed="5")
    assert problem(card)[0] == "confirm"
    edit(card, {"amount": "7"}, item=pay, confirmed="7")

    assert card.view["problem"] is None
    click(card, {"type": "approve"})  # LangGraph goes on when both gates of the step are answered
    assert "pays 7" in sink.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("proposal", "typed"),
    [
        ({"to": "ann@example.com\nben@example.com"}, "ann@example.com ben@example.com"),
        ({"name": "Ann  \tSmith "}, "Ann Smith"),
        ({"name": "Ren\u0065\u0301"}, "Ren\u00e9"),
        ({"amount": 5, "to": "a@example.com"}, "5"),
        ({"to": "a@example.com, " * 9, "account": "DE12"}, "DE12"),
        ({"name": "Ann\u200bSmith"}, "refund"),
        ({"id": "x" * 1000}, "refund"),
        ({"name": " "}, "refund"),
    ],
)
def test_what_confirms_can_be_typed(proposal: dict[str, Any], typed: str) -> None:
    """An input has one line, a page folds blanks, and nobody types what is long or cannot be seen."""
    request = a_request(action=PAY.sheet(), proposal=proposal, allowed=("approve",))
    wanted = confirmation(request, proposal)

    assert wanted is not None
    assert wanted["text"] == typed


def test_what_confirms_is_compared_as_it_is_shown() -> None:
    """Blanks more or less are no other text; another text is."""
    card = odd_card("grave")
    assert shown(card)["confirm"]["text"] == "ann@example.com ben@example.com"

    click(card, {"type": "approve"}, confirmed="ann@example.comben@example.com")
    assert problem(card)[0] == "confirm"
    click(card, {"type": "approve"}, confirmed=" ann@example.com  ben@example.com")

    assert card.view["records"][0]["outcome"] == "approved"


def test_the_preview_says_what_confirms_the_edit(card: ReviewCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it will be done, not as it was proposed."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(card, "send", sent.append)
    review = shown(card, "refund_review")["id"]

    card._handle_custom_msg(
        {"type": "preview", "review": review, "number": 1, "texts": [["amount", "500"]]}, []
    )

    assert sent[0]["confirm"] == {"field": "amount", "text": "500"}
