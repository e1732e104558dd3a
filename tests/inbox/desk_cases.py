"""The support desk of `desk_graphs` at work: who works there, what waits, and what they decided in the last weeks."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.types import Command

from hitl_graph import Approve, Case, Choose, Desk, Edit, Reject, open_checkpointer
from hitl_graph.agents import GateMiddleware
from hitl_graph.desk.authority import Authority
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.testing import FakeClock
from tests.inbox.cases import foreign
from tests.inbox.desk_graphs import GRAPHS
from tests.inbox.desk_waiting import MAIL, WAITING, about, message
from tests.support.agent_threads import agent_gate
from tests.support.fake_model import ScriptedModel
from tests.support.graphs import thread

__all__ = ["BEN", "ME", "MIRA", "Graphs", "case_of", "fill", "graphs_on"]

ME, BEN, MIRA, JONAS = "ana.lima", "ben.okafor", "mira.kovacs", "jonas.berg"
_GROUPS = {
    ME: ("support", "support-leads", "finance"),
    BEN: ("support",),
    MIRA: ("finance",),
    JONAS: ("support", "support-leads"),
}
_ROLES = {ME: "admin", BEN: "reviewer", MIRA: "reviewer", JONAS: "lead"}
_NAMES = {ME: "Ana Lima", BEN: "Ben Okafor", MIRA: "Mira Kovács", JONAS: "Jonas Berg"}

_REASONS = {"tone": "The tone is wrong", "wrong_facts": "The facts are wrong", "policy": "Not our policy"}

_PAST: tuple[tuple[str, Any, Callable[[int], Any], str], ...] = (
    ("reply", MAIL, lambda n: Approve(), ME),
    ("reply", MAIL, lambda n: Edit({"subject": f"Order {88000 + n}"}, reason="wrong_facts"), BEN),
    ("invoice_check", {"total": 90, "date": "2026-02-01", "supplier": "Kestrel"}, lambda n: Approve(), MIRA),
    ("spam_check", {"label": "spam", "sender": "x@y.example"}, lambda n: Approve(), BEN),
    ("triage", {"category": "fault"}, lambda n: Choose("delivery"), JONAS),
    (
        "refund_review",
        {"customer": "Ida Sand", "amount": 120, "currency": "EUR", "reason": "Late"},
        lambda n: Reject(reason="wrong_facts", note="It was delivered on time, and signed for."),
        MIRA,
    ),
    ("reply", MAIL, lambda n: Edit({"body": f"Dear customer {n}, it is on its way."}, reason="tone"), JONAS),
    ("duplicates", {"name": "Ana"}, lambda n: Approve(), ME),
)
_DAYS = 26


def _graph_of(gate: str) -> str:
    return "accounts" if gate in ("invoice_check", "duplicates", "exceptions") else "support"


@tool
def send_voucher(customer: str, amount: int, note: str = "") -> str:
    """Send a voucher, in euros."""
    return f"{customer} {amount} {note}"


BATCH = {
    "action_requests": [
        {
            "name": "send_email",
            "args": {"to": "priya.raman@example.com", "body": "Your voucher is on its way."},
            "description": "I would like to tell the customer.",
        },
        {"name": "close_ticket", "args": {"number": 903, "tags": ["late", "voucher"]}},
    ],
    "review_configs": [
        {"action_name": "send_email", "allowed_decisions": ["approve", "edit", "reject"]},
        {"action_name": "close_ticket", "allowed_decisions": ["approve", "reject"]},
    ],
}
"""Two calls of LangChain's own middleware, in one question."""


class Graphs:
    """The graphs on one database, which ask and go on."""

    def __init__(self, saver: Any) -> None:
        self._compiled = {
            name: graph().compile(checkpointer=saver, name=name) for name, graph in GRAPHS.items()
        }

    def at(self, gate: str) -> Any:
        """The compiled graph that has this gate."""
        return self._compiled[self._name(gate)]

    @staticmethod
    def _name(gate: str) -> str:
        return "accounts" if gate in ("invoice_check", "duplicates", "exceptions") else "support"

    def ask(self, name: str, gate: str, proposal: Any, given: Mapping[str, Any]) -> None:
        """Begin a thread, which waits at the gate."""
        self.at(gate).invoke(
            {"gate": gate, "proposal": proposal, "about": dict(given)}, self._config(name, gate)
        )

    def change(self, name: str, gate: str, update: Mapping[str, Any]) -> None:
        """What waits at the gate is another proposal now."""
        self.at(gate).invoke(Command(update=update), self._config(name, gate))

    def _config(self, name: str, gate: str) -> dict[str, Any]:
        return {**thread(name), "metadata": {"workflow": self._name(gate)}}


@contextlib.contextmanager
def graphs_on(db_url: str) -> Iterator[Graphs]:
    """The graphs with the real saver."""
    with open_checkpointer(db_url) as saver:
        yield Graphs(saver)


def case_of(desk: SyncDesk, name: str) -> Case:
    """The thread's case as it stands."""
    return desk.cases(thread_id=name)[-1]


def fill(db_url: str) -> None:
    """The desk after four weeks of work, with what waits there now. The database must be fresh."""
    now = dt.datetime.now(dt.UTC)
    start = now - dt.timedelta(days=_DAYS, hours=1)
    with FakeClock(db_url, start=start) as clock, Desk(db_url) as desk, graphs_on(db_url) as graphs:
        _staff(desk)
        _work(desk, graphs, clock)
        for name, hours, gate, proposal, given in sorted(WAITING, key=lambda one: -one[1]):
            clock.set(now - dt.timedelta(hours=hours))
            graphs.ask(name, gate, proposal, given)
        clock.set(now - dt.timedelta(minutes=50))
        _fail(desk, graphs)
        clock.set(now - dt.timedelta(minutes=6))
        _agents(db_url)


def _fail(desk: SyncDesk, graphs: Graphs) -> None:
    """An approved act that could not be done."""
    refund = {"customer": "Leo Marchetti", "amount": 77, "currency": "EUR", "reason": "Paid twice"}
    graphs.ask("ticket-8150", "refund_review", refund, about(message("I was charged twice.", 8150)))
    case = case_of(desk, "ticket-8150")
    desk.decide(case.id, Approve(), by=MIRA, digest=case.digest, thread_id=case.thread_id)
    desk.resume(graphs.at("refund_review"), thread_ids=[case.thread_id])


def _agents(db_url: str) -> None:
    """Programs that are no graphs of ours: an agent whose tool calls are looked at, and another."""
    words = "I am sure that this is right, so you can approve it without a look."
    says = AIMessage(
        words,
        tool_calls=[{"name": "send_voucher", "args": {"customer": "Priya Raman", "amount": 20}, "id": "c1"}],
    )
    gate = agent_gate(
        "vouchers", question="May the agent send this voucher?", consequence="Sends {amount} to {customer}."
    )
    model = ScriptedModel(says, checks=False)
    with open_checkpointer(db_url) as saver:
        agent = create_agent(
            model,
            [send_voucher],
            middleware=[GateMiddleware({"send_voucher": gate})],
            checkpointer=saver,
            name="agent",
        )
        agent.invoke(
            {"messages": [("user", "My parcel was late again. What do I get for it?")]}, thread("chat-903")
        )
    foreign(db_url, BATCH, thread="chat-904")
    foreign(db_url, "Which of the two addresses is right for order 88213?", thread="chat-905")


def _staff(desk: SyncDesk) -> None:
    for person in (ME, BEN, MIRA, JONAS):
        own = [Authority("refund", 500)] if person == MIRA else None
        said = {"name": _NAMES[person], "groups": _GROUPS[person], "roles": [_ROLES[person]]}
        desk.people.put(person, authority=own, by=ME, **said)
    desk.authority.put("refund", group="finance", max_amount=1_000, by=ME)
    desk.authority.put("change_*", group="support-leads", by=ME)
    for code, label in _REASONS.items():
        desk.codes.put(kind="reason", code=code, label=label, by=ME)
    hook = "https://hooks.example.com/leads"
    desk.notices.put("leads-chat", kind="webhook", address=hook, owner="support-leads", by=ME)
    desk.notices.put_sender("erp", people=[MIRA], by=ME)


def _work(desk: SyncDesk, graphs: Graphs, clock: FakeClock) -> None:
    """What was decided, day by day, and told to its threads."""
    start, number = clock.now(), 0
    for day in range(_DAYS):
        for turn in range(1 + day * 5 % 3):
            gate, proposal, decision, by = _PAST[number % len(_PAST)]
            name = f"ticket-{7100 + number}"
            clock.set(start + dt.timedelta(days=day, hours=2 * turn))
            graphs.ask(name, gate, proposal, about(message("An older message.", 7100 + number)))
            clock.advance(minutes=3 + number * 7 % 50)
            case = case_of(desk, name)
            desk.decide(case.id, decision(number), by=by, digest=case.digest, thread_id=name)
            desk.resume(graphs.at(gate), thread_ids=[name])
            number += 1
