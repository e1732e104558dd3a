"""Checks at the moment of the act: who is listed, when one may act, and whether the evidence still stands (R75)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph import HitlState, add_gate, effect, evidence_unchanged, not_listed, within
from hitl_graph.calendars import BusinessHours
from hitl_graph.nodes.clock import replaced_clock
from tests.support.graphs import SEND, reply_gate, thread

GATE = reply_gate()


class State(HitlState):
    """A ticket and a mail."""

    ticket: str
    email: dict[str, Any]
    sent: bool


def graph_with(check: Any) -> Any:
    """draft → reply (gate) → send, which goes back to the gate when it is held; `news` changes the ticket before it."""
    builder = StateGraph(State)
    builder.add_node("draft", lambda _: {"email": {"to": "ana@example.com", "body": "Hi"}})
    builder.add_node("news", lambda state: {"ticket": state["ticket"].replace("later: ", "")})
    builder.add_node("send", effect(lambda _: {"sent": True}, action=SEND, checks=[check], held="reply"))
    add_gate(builder, GATE, approved="news", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("news", "send")
    builder.add_edge("send", END)
    return builder.compile(checkpointer=InMemorySaver())


def approve(graph: Any, ticket: str) -> dict[str, Any]:
    """The state after one approval."""
    graph.invoke({"ticket": ticket}, thread("t1"))
    done: dict[str, Any] = graph.invoke(Command(resume={"type": "approve", "by": "ana"}), thread("t1"))
    return done


def asked(state: dict[str, Any]) -> dict[str, Any]:
    """What the thread asks now."""
    [one] = state["__interrupt__"]
    found: dict[str, Any] = one.value
    return found


@pytest.mark.parametrize(
    "listed", [{"ana@example.com"}, ["ana@example.com"], lambda address: address.startswith("ana")]
)
def test_nobody_who_is_listed_is_written_to(listed: Any) -> None:
    """The list is looked at when the act is done, and the case comes back with the reason."""
    done = approve(graph_with(not_listed(lambda state: state["email"]["to"], listed)), "Hi")

    assert "sent" not in done
    assert any("ana@example.com is listed" in warning for warning in asked(done)["warnings"])


def test_one_of_several_recipients_is_enough() -> None:
    """Each of a list is looked at."""
    check = not_listed(lambda state: state["to"], {"bob"})

    assert check({"to": ["ana", "bob"]}) == "bob is listed as not to be contacted"
    assert check({"to": ["ana"]}) is None


@pytest.mark.parametrize(("hour", "sent"), [(10, True), (3, None)])
def test_an_act_waits_for_working_time(hour: int, sent: bool | None) -> None:
    """Approved at night, it is held and asked about once more."""
    at = dt.datetime(2026, 1, 5, hour, 0, tzinfo=dt.UTC)
    with replaced_clock(lambda: at):
        done = approve(graph_with(within(BusinessHours(zone="UTC"))), "Hi")

    assert done.get("sent") is sent


def test_an_act_whose_evidence_changed_comes_back() -> None:
    """What the person saw is no longer what stands there: they are asked once more, and told who approved what."""
    done = approve(graph_with(evidence_unchanged(GATE)), "later: cancel it")

    assert "sent" not in done
    assert asked(done)["evidence"][0]["content"] == "cancel it"
    assert any("the evidence has changed since ana decided" in warning for warning in asked(done)["warnings"])


def test_an_act_whose_evidence_stands_is_done() -> None:
    """The same evidence lets it happen."""
    assert approve(graph_with(evidence_unchanged(GATE)), "Hi")["sent"] is True


def test_a_second_approval_is_acted_on() -> None:
    """Approved on the new evidence, it is done."""
    graph = graph_with(evidence_unchanged(GATE))
    approve(graph, "later: cancel it")

    done = graph.invoke(Command(resume={"type": "approve", "by": "bob"}), thread("t1"))

    assert done["sent"] is True
