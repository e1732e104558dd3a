"""What a policy let pass without a person: a stop and a takeover end it too (R4, R71)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    AuditSample,
    ConfidenceGate,
    Desk,
    Evidence,
    Owner,
    Thresholds,
    add_gate,
    effect,
    open_checkpointer,
)
from hitl_graph.errors import EffectHeld
from tests.intervention.acting import named
from tests.support.graphs import SEND, State, lines, send


def unattended_mail() -> StateGraph[State]:
    """A mail that is sent without a person where the score is high."""
    gate = ConfidenceGate(
        name="sure",
        action=SEND,
        proposal="email",
        score=lambda _: 0.9,
        thresholds=Thresholds({"send_email": {"*": 0.5}}),
        segment=lambda _: "all",
        audit=AuditSample(0.0),
        unattended="the score is high",
        question="Is this reply safe to send to the customer?",
        consequence="Sends an email to {to}.",
        evidence=[Evidence("Customer message", "Where is my card?")],
        owner=Owner("support-leads"),
    )
    builder = StateGraph(State)
    builder.add_node("send", effect(send, action=SEND))
    add_gate(builder, gate, approved="send", rejected=END)
    builder.add_edge(START, "sure")
    builder.add_edge("send", END)
    return builder


@pytest.mark.parametrize("ended_by", ["stop", "takeover"])
def test_what_was_let_pass_before_a_stop_or_a_takeover_is_not_done_after_it(
    db_url: str, tmp_path: Path, ended_by: str
) -> None:
    """R4, R71: held before its act, stopped or taken over, and let go again: nothing goes on by itself."""
    sink = tmp_path / "sink"
    mail: dict[str, Any] = {"email": {"to": "ann@example.com", "body": "Soon."}, "sink": str(sink)}
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = unattended_mail().compile(checkpointer=checkpointer, name="mail")
        pause = desk.holds.pause("action", SEND.name, by="ana", reason="spam report")
        with pytest.raises(EffectHeld):
            graph.invoke(mail, named("t", "mail"))

        if ended_by == "stop":
            stop = desk.holds.stop("thread", "t", by="ana", reason="it is spam")
            desk.holds.release(stop.id, by="ana")
        else:
            desk.take_over("t", by="ana", reason="I call them")
            desk.hand_back("t", by="ana", note="I answered her by phone.")
        desk.holds.release(pause.id, by="ana")

        assert desk.resume(graph) == []
        assert lines(sink) == []


def test_what_was_let_pass_before_a_pause_is_done_after_it(db_url: str, tmp_path: Path) -> None:
    """R4: a pause ends nothing."""
    sink = tmp_path / "sink"
    mail: dict[str, Any] = {"email": {"to": "ann@example.com", "body": "Soon."}, "sink": str(sink)}
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = unattended_mail().compile(checkpointer=checkpointer, name="mail")
        pause = desk.holds.pause("thread", "t", by="ana", reason="let me look")
        with pytest.raises(EffectHeld):
            graph.invoke(mail, named("t", "mail"))

        desk.holds.release(pause.id, by="ana")
        desk.resume(graph)

        assert len(lines(sink)) == 1
