"""A small program as a typed user writes it; mypy reads it and nobody runs it."""

from typing import Any, assert_type

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    Approve,
    Case,
    Choose,
    Decision,
    Desk,
    Edit,
    Evidence,
    HitlState,
    Owner,
    Reject,
    ReviewBeforeSend,
    ReviewRequest,
    Sla,
    add_gate,
    effect,
    open_checkpointer,
)
from hitl_graph.checkpointers import AsyncReviewSaver, ReviewSaver
from hitl_graph.decisions import Cause
from hitl_graph.desk import Page, Resumed, Status
from hitl_graph.gates import Ask, Proceed


class Email(BaseModel):
    to: str
    body: str


class State(HitlState, total=False):
    ticket: str
    email: dict[str, Any]


def draft(state: State) -> dict[str, Any]:
    return {"email": {"to": "a@example.com", "body": state["ticket"]}}


def send(state: State, key: str) -> None:
    assert_type(state["email"], dict[str, Any])


send_email = ActionClass("send_email", reversible=False, audience="customer", touches={"trust"})
review = ReviewBeforeSend(
    name="reply",
    action=send_email,
    proposal="email",
    schema=Email,
    question="Is this reply safe to send to the customer?",
    evidence=lambda state: [Evidence("Customer message", state["ticket"])],
    consequence="Sends an email to {to}.",
    owner=Owner("support-leads"),
    sla=Sla(4, on_expiry="escalate", escalate_to="managers"),
)
builder = StateGraph(State)
builder.add_node("draft", draft)
builder.add_node("send", effect(send, action=send_email))
assert_type(
    add_gate(builder, review, approved="send", rejected="draft"), StateGraph[State, None, State, State]
)
builder.add_edge(START, "draft")
builder.add_edge("draft", "reply")
builder.add_edge("send", END)
assert_type(review.judge({"ticket": "?"}), Proceed | Ask)


def plain() -> None:
    with open_checkpointer() as checkpointer, Desk() as desk:
        assert_type(checkpointer, ReviewSaver)
        graph = builder.compile(checkpointer=checkpointer, name="support")
        graph.invoke({"ticket": "Where is my card?"}, {"configurable": {"thread_id": "t1"}})
        page = desk.pending(owner="support-leads")
        assert_type(page, Page)
        for case in page:
            assert_type(case, Case)
            assert_type(case.request, ReviewRequest | None)
            assert_type(case.status, Status)
            assert_type(decide(case), Decision)
            assert_type(desk.decide(case.id, decide(case), by="ana", digest=case.digest), Case)
        assert_type(desk.show("x"), Case)
        assert_type(desk.find("x"), str)
        assert_type(desk.retry("x", by="ana"), Case)
        assert_type(desk.history("x"), list[dict[str, Any]])
        assert_type(desk.resume(graph), list[Resumed])


async def in_async_code() -> None:
    async with open_checkpointer() as checkpointer, Desk() as desk:
        assert_type(checkpointer, AsyncReviewSaver)
        graph = builder.compile(checkpointer=checkpointer, name="support")
        [case] = await desk.pending()
        assert_type(case, Case)
        assert_type(await desk.decide(case.id, Approve(), by="ana", digest=case.digest), Case)
        assert_type(await desk.resume(graph), list[Resumed])


def decide(case: Case) -> Decision:
    if case.kind == "choose":
        return Choose("refund")
    if case.owner is None:
        return Reject(reason="nobody", cause=Cause.SOURCE_DATA)
    return Edit({"body": "…"}, reason="tone")


def wrong(case: Case) -> None:
    Edit("no dict")  # type: ignore[arg-type]  # changes are a dict
    Choose()  # type: ignore[call-arg]  # what?
    ActionClass("x", reversible=True, audience="everybody")  # type: ignore[arg-type]  # no such audience
    Sla(4, on_expiry="explode")  # type: ignore[arg-type]  # no such end
    Owner(group=3)  # type: ignore[arg-type]  # a group has a name
    with Desk() as desk:
        desk.decide(case.id, "approve", by="ana", digest=case.digest)  # type: ignore[arg-type]  # a word is no decision
        desk.decide(case.id, Approve(), by="ana")  # type: ignore[call-arg]  # of what?
        desk.cases(status=Status.PENDING, limit="all")  # type: ignore[arg-type]  # a limit is a number
