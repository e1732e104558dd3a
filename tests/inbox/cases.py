"""Cases of every kind for the tests of the case page, and the forms that its page would send."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from playwright.sync_api import Browser, Page, expect
from starlette.testclient import TestClient

from hitl_graph import (
    ActionClass,
    Case,
    Desk,
    Evidence,
    HitlState,
    Option,
    Owner,
    ReviewBeforeSend,
    add_gate,
    effect,
    open_checkpointer,
)
from hitl_graph.reviews import ReviewKind, Turn
from tests.inbox.serving import Served, paused, visit

__all__ = ["KINDS", "Form", "address", "ask", "at", "change", "foreign", "form_of", "gate_graph", "the_case"]

TAG = ActionClass("tag_ticket", reversible=True)
PAY = ActionClass("refund", reversible=False, audience="customer", touches={"money"}, amount="amount")
CRM = ActionClass("change_record", reversible=True)

INVOICE = "Invoice 4711 of 3 March 2026\nFreight: 50.00\nTotal due: 1,250.00 EUR\n"
KINDS: dict[str, dict[str, Any]] = {
    "safe_to_send": {
        "proposal": {"to": "kim@example.com", "body": "It comes on Monday."},
        "evidence": [Evidence("Customer message", "Where is my order?", source="ticket 7")],
    },
    "choose": {
        "kind": ReviewKind.CHOOSE,
        "proposal": {"category": "refund"},
        "option_field": "category",
        "options": [
            Option("refund", "A refund", "The letter is about money."),
            Option("delivery", "A delivery", "The letter is about the parcel."),
        ],
        "evidence": [Evidence("Customer message", "Where is my money?")],
    },
    "verify_value": {
        "kind": ReviewKind.VERIFY,
        "proposal": {"total": 1250, "date": "2026-03-03", "payee": "Nobody Ltd"},
        "evidence": [Evidence("Invoice", INVOICE)],
    },
    "merge": {
        "kind": ReviewKind.MERGE,
        "proposal": {"name": "Ana Lima", "email": "ana@example.com"},
        "evidence": [
            Evidence("Record 1", {"name": "Ana Lima", "email": "ana@example.com", "phone": "1"}),
            Evidence("Record 2", {"name": "A. Lima", "email": "ana@example.com", "phone": "2"}),
        ],
    },
    "rule": {
        "kind": ReviewKind.RULE,
        "proposal": {"when": "the parcel is late by 7 days", "then": "refund the postage"},
        "evidence": [Evidence("The case", "Nine days late, and the customer was right.")],
    },
    "respond": {
        "kind": ReviewKind.RESPOND,
        "proposal": {"channel": "email"},
        "evidence": [Evidence("Customer message", "I want a person.")],
        "transcript": [Turn("customer", "I want a person."), Turn("assistant", "I am one!")],
    },
}


class State(HitlState, total=False):
    """What is proposed."""

    ticket: str
    sink: str
    email: dict[str, Any]
    answer: Any


def ask(db_url: str, *, thread: str = "t1", **gate: Any) -> Case:
    """A case at a gate of its own, with whatever is given about it."""
    paused(db_url, thread, graph=gate_graph(**gate))
    return the_case(db_url, thread)


def change(db_url: str, proposal: dict[str, Any], *, thread: str = "t1", **gate: Any) -> Case:
    """The same case, asked with another proposal."""
    with open_checkpointer(db_url) as saver:
        graph = gate_graph(**gate).compile(checkpointer=saver, name="mail")
        graph.invoke(Command(update={"email": proposal}), {"configurable": {"thread_id": thread}})
    return the_case(db_url, thread)


def gate_graph(*, action: ActionClass = TAG, **gate: Any) -> StateGraph[State]:
    """draft → gate → act."""
    proposal = gate.pop("proposal", {"label": "spam"})
    evidence = gate.pop("evidence", [Evidence("Message", "Buy now!")])
    fields: dict[str, Any] = {
        "name": "gate",
        "action": action,
        "proposal": "email",
        "question": "Should this happen as it is proposed?",
        "evidence": lambda _: evidence,
        "consequence": "It happens.",
        "owner": Owner("support"),
        **gate,
    }
    if "transcript" in fields:
        turns = fields.pop("transcript")
        fields["transcript"] = lambda _: turns
    made = ReviewBeforeSend(**fields)
    builder = StateGraph(State)
    builder.add_node("draft", lambda _: {"email": proposal})
    builder.add_node("act", effect(lambda _: None, action=action))
    ways = {"approved": "act", "rejected": END, "asked": END, "responded": END, "taken_over": END}
    taken = set(made.decisions)
    needs = {"rejected": "reject", "asked": "ask_info", "responded": "respond", "taken_over": "take_over"}
    given = {way: to for way, to in ways.items() if way == "approved" or needs[way] in taken}
    add_gate(builder, made, **given)
    return builder.add_edge(START, "draft").add_edge("draft", "gate").add_edge("act", END)


def foreign(db_url: str, payload: Any, *, thread: str = "t1", response_schema: Any = None) -> Case:
    """A case that another program's `interrupt` makes."""
    builder = StateGraph(State)
    how = {} if response_schema is None else {"response_schema": response_schema}
    builder.add_node("asks", lambda _: {"answer": interrupt(payload, **how)})
    builder.add_edge(START, "asks")
    paused(db_url, thread, graph=builder)
    return the_case(db_url, thread)


def the_case(db_url: str, thread: str = "t1") -> Case:
    """The thread's case as it stands."""
    with Desk(db_url) as desk:
        return desk.cases(thread_id=thread)[-1]


def address(case: Case, what: str = "") -> str:
    """Where its page is."""
    return f"/cases/{quote(case.id)}{what}?thread={quote(case.thread_id)}"


@contextlib.contextmanager
def at(browser: Browser, served: Served, case: Case, **context: Any) -> Iterator[Page]:
    """The case's page in a browser, when its keys work."""
    with visit(browser, served, address(case), **context) as page:
        expect(page.locator("#case")).to_be_visible()
        yield page


class Form:
    """What a form of the page would send: its hidden fields as they stand there, and what is typed."""

    def __init__(self, http: TestClient, case: Case, page: str | None = None) -> None:
        self.http, self.case = http, case
        self.page = http.get(address(case)).text if page is None else page

    def hidden(self, name: str) -> str:
        """The first hidden field of a name."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        return found[1] if found else ""

    def send(self, decision: str, what: str = "decide", **fields: Any) -> Any:
        """Press a button of it."""
        kept = {name: self.hidden(name) for name in ("thread", "digest", "key")}
        values = {name.replace("__", "."): value for name, value in fields.items()}
        if decision:
            values["decision"] = decision
        return self.http.post(f"/cases/{self.case.id}/{what}", data={**kept, **values})

    def diffed(self, **fields: Any) -> str:
        """What the page carries once it has shown these changes."""
        self.page = self.send("", "draft", **fields).text
        shown = self.hidden("diffed")
        self.page = self.http.get(address(self.case)).text
        return shown


def form_of(http: TestClient, case: Case) -> Form:
    """The page's form, freshly loaded."""
    return Form(http, case)
