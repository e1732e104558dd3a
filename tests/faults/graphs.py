"""Graphs of letters: each gate reviews one letter, each approved letter goes to the counting sink."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import ActionClass, Evidence, HitlState, Owner, ReviewBeforeSend, Sla, add_gate, effect
from hitl_graph.failpoints import failpoint
from hitl_graph.reviews import proposal_digest

from .sink import Sink

__all__ = ["Letter", "action", "letters", "request", "thread"]


class Letter(BaseModel):
    """What is proposed."""

    to: str
    body: str


class Letters(HitlState):
    """Up to three letters, the sink that they go to, and what the end of the thread leaves."""

    sink: str
    number: int
    letter_0: dict[str, Any]
    letter_1: dict[str, Any]
    letter_2: dict[str, Any]
    ended: Annotated[list[str], operator.add]


def action(number: int) -> ActionClass:
    """The class of the act of one letter."""
    return ActionClass(f"post_{number}", reversible=False, audience="customer", touches={"trust"})


def letters(
    gates: int = 1,
    *,
    idempotent: bool = True,
    sla: Sla | None = None,
    again: bool = False,
    may_take_over: bool = False,
    fields: dict[str, Any] | None = None,
) -> StateGraph[Letters]:
    """draft → `gates` parallel gates → one act each → end.

    Args:
        gates: 1 to 3, side by side.
        idempotent: Whether the target takes the key.
        sla: Of every gate.
        again: A rejection leads to a new draft instead of the end; only with one gate.
        may_take_over: A person may take the thread over at a gate, and it ends there.
        fields: More fields of the gates.
    """
    builder = StateGraph(Letters)
    numbers = range(gates)
    builder.add_node("draft", _draft)
    builder.add_node("end", lambda _: {"ended": ["end"]})
    builder.add_edge(START, "draft")
    for number in numbers:
        post, name = f"post_{number}", f"gate_{number}"
        builder.add_node(
            post, effect(_post(number, idempotent), action=action(number), idempotent=idempotent)
        )
        gate = ReviewBeforeSend(
            name=name,
            action=action(number),
            proposal=f"letter_{number}",
            identity=("to",),
            question="May this letter go?",
            evidence=lambda s: [Evidence("Case", f"Number {s['number']}")],
            consequence="Posts a letter to {to}.",
            owner=Owner("post-office"),
            **{"schema": Letter, **({} if sla is None else {"sla": sla}), **(fields or {})},
        )
        rejected = "draft" if again else f"left_{number}"
        ways = {"taken_over": END} if may_take_over else {}
        add_gate(builder, gate, approved=post, rejected=rejected, **ways)
        builder.add_edge("draft", name)
        if not again:
            builder.add_node(rejected, lambda _: {})
            builder.add_edge(rejected, "end" if gates == 1 else END)
        builder.add_edge(post, "end")
    builder.add_edge("end", END)
    return builder


def thread(name: str) -> dict[str, Any]:
    """The config of a thread."""
    return {"configurable": {"thread_id": name}}


def request(sink: Path, number: int = 0) -> dict[str, Any]:
    """The input of a thread."""
    return {"sink": str(sink), "number": number}


def _draft(state: Letters) -> dict[str, Any]:
    """The letters, in words that tell the threads and the rounds apart."""
    turn = len(state.get("reviews") or [])
    if turn:
        failpoint("test.redraft")
    text = f"Case {state['number']}, draft {turn}"
    return {f"letter_{number}": {"to": f"a{number}@example.com", "body": text} for number in range(3)}


def _post(number: int, idempotent: bool) -> Any:
    def post(state: Letters, key: str, config: dict[str, Any]) -> None:
        letter = state[f"letter_{number}"]  # type: ignore[literal-required]  # one of the state's own
        digest = proposal_digest(action(number).name, letter)
        where = config["configurable"]["thread_id"]
        Sink(Path(state["sink"]), idempotent).request(key, digest, thread=where, letter=letter)

    return post
