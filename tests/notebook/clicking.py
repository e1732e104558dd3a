"""A thread that waits, and what the card's page sends to the kernel, as a page sends it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph.notebook import ReviewCard
from tests.support.graphs import mail_graph, thread

T1 = thread("t1")


def shown(card: ReviewCard, gate: str | None = None) -> dict[str, Any]:
    """The one open case that is shown, or the one of a gate."""
    [item] = [one for one in card.view["cases"] if gate in (None, one.get("gate"))]
    return dict(item)


def click(
    card: ReviewCard, decision: dict[str, Any], *, item: dict[str, Any] | None = None, **more: Any
) -> None:
    """A decision on what is shown, or on what was shown (`item`)."""
    item = item or shown(card)
    sent = {"type": "decide", "review": item["id"], "digest": item["digest"], "decision": decision, **more}
    card._handle_custom_msg(sent, [])


def edit(card: ReviewCard, texts: dict[str, str], **more: Any) -> None:
    """The form with these texts typed into it, and sent."""
    click(card, {"type": "edit", **more.pop("grounds", {})}, texts=texts, **more)


def answer(card: ReviewCard, text: str) -> None:
    """JSON text for an interrupt of other origin."""
    item = shown(card)
    card._handle_custom_msg(
        {"type": "answer", "review": item["id"], "digest": item["digest"], "text": text}, []
    )


async def settled(card: ReviewCard) -> None:
    """Until all that the page asked for is done."""
    while card._tasks:
        await asyncio.gather(*card._tasks)


def problem(card: ReviewCard) -> tuple[str, str]:
    """The field and the text of the error that is shown."""
    found = card.view["problem"]
    assert found is not None
    return found["field"], found["text"]


def paused(sink: Path, builder: Any = None) -> Any:
    """A thread that waits at its first question."""
    graph = (builder or mail_graph()).compile(checkpointer=InMemorySaver())
    graph.invoke({"ticket": "Where is it?", "sink": str(sink)}, T1)
    return graph
