"""A graph with one gate before every refund, paused and at the desk."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    ActionClass,
    Approve,
    Case,
    Evidence,
    HitlState,
    Owner,
    ReviewBeforeSend,
    add_gate,
    effect,
    open_checkpointer,
)
from hitl_graph.desk import Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.gates import Ask, Gate
from hitl_graph.reviews import ReviewRequest

PAY = ActionClass("refund", reversible=False, audience="customer", touches={"money"}, amount="amount")


class State(HitlState, total=False):
    """A ticket, who wrote the draft, the refund, and a file that counts the payments."""

    ticket: str
    author: str
    refund: dict[str, Any]
    sink: str


def refund_gate(**changes: Any) -> ReviewBeforeSend:
    """A gate before every refund."""
    fields: dict[str, Any] = {
        "name": "refund_review",
        "action": PAY,
        "proposal": "refund",
        "question": "Should this refund be paid to the customer?",
        "evidence": lambda s: [Evidence("Customer message", s["ticket"])],
        "consequence": "Pays {amount} to {to}.",
        "owner": Owner("support"),
        "allowed": ("approve", "edit", "reject", "ask_info", "take_over"),
        "identity": ("to",),
    }
    return ReviewBeforeSend(**{**fields, **changes})


def asked(gate: Gate, state: Any) -> ReviewRequest:
    """The case that a gate makes of a state."""
    verdict = gate.judge(state)
    assert isinstance(verdict, Ask)
    return verdict.request


def pay(state: State, key: str) -> None:
    """One line for each payment."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write(f"{state['refund']['amount']}\n")


def refund_graph(**changes: Any) -> StateGraph[State]:
    """refund_review (gate), then pay."""
    builder = StateGraph(State)
    builder.add_node("pay", effect(pay, action=PAY))
    add_gate(builder, refund_gate(**changes), approved="pay", rejected=END, asked=END, taken_over=END)
    builder.add_edge(START, "refund_review")
    builder.add_edge("pay", END)
    return builder


@dataclasses.dataclass
class Opened:
    """One refund of 50 that waits at the desk."""

    desk: SyncDesk
    graph: Any
    id: str
    sink: Path

    @property
    def case(self) -> Case:
        """As it stands now."""
        return self.desk.show(self.id)

    @property
    def events(self) -> list[str]:
        """The types of what happened to it."""
        return [event["type"] for event in self.desk.history(self.id)]

    def event(self, kind: str) -> dict[str, Any]:
        """What the last event of a type says."""
        data: dict[str, Any] = [e["data"] for e in self.desk.history(self.id) if e["type"] == kind][-1]
        return data

    def decide(self, decision: Any = None, *, by: str = "ana", **how: Any) -> Case:
        """Decide on what stands there now."""
        digest = how.pop("digest", None) or self.case.digest
        return self.desk.decide(self.id, decision or Approve(), by=by, digest=digest, **how)

    def resume(self) -> Any:
        """Let the thread go on."""
        return self.desk.resume(self.graph)

    @property
    def paid(self) -> list[str]:
        """The payments."""
        return self.sink.read_text(encoding="utf-8").split() if self.sink.exists() else []


def wait_for_a_lock(db_url: str) -> None:
    """Until somebody waits for a row of this database."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 30
    with psycopg.connect(db_url, autocommit=True) as conn:
        while conn.execute(waiting).fetchone() is None:
            assert time.monotonic() < deadline, "nobody waited"


@contextlib.contextmanager
def opened(
    db_url: str, sink: Path, *, thread: str = "t1", author: str = "drafter", **changes: Any
) -> Iterator[Opened]:
    """The thread paused, and a desk."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = refund_graph(**changes).compile(checkpointer=checkpointer)
        refund = {"to": "customer", "amount": 50}
        given = {"ticket": "Broken on arrival.", "author": author, "refund": refund, "sink": str(sink)}
        graph.invoke(given, {"configurable": {"thread_id": thread}})
        [case] = desk.pending(thread_id=thread)
        yield Opened(desk, graph, case.id, sink)
