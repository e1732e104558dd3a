"""An agent whose tools ask: two calls of one message are two cases, edited and rejected by their owners."""

import uuid
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langgraph.graph.state import CompiledStateGraph

from hitl_graph import (
    ActionClass,
    Desk,
    Edit,
    Evidence,
    GateMiddleware,
    Owner,
    Reject,
    ReviewBeforeSend,
    open_checkpointer,
)
from hitl_graph.testing import ScriptedModel


def send_email(to: str, body: str) -> str:
    """Send an email to a customer."""
    print(f"sent to {to}: {body}")
    return f"The email to {to} is sent."


def refund(order: str, amount: float) -> str:
    """Pay money back."""
    print(f"paid {amount} back for {order}")
    return "The money is on its way."


def find_order(customer: str) -> str:
    """Look up a customer's last order. It changes nothing, so it needs no gate."""
    return f"K-1007 of {customer}: a cup for 12.50, delivered broken."


def asked_for(state: Any) -> list[Evidence]:
    """What the reviewer needs: what the user wanted, and what the agent has found."""
    found = [m.text for m in state["messages"] if isinstance(m, ToolMessage)]
    return [Evidence("The user's request", state["messages"][0].text), Evidence("Found by the agent", found)]


mail_gate = ReviewBeforeSend(
    name="mail",
    action=ActionClass("send_email", reversible=False, audience="customer", touches={"reputation", "trust"}),
    proposal="args",
    question="Is this email safe to send to the customer?",
    evidence=asked_for,
    consequence="Sends an email to {to}. It cannot be taken back.",
    owner=Owner("support-leads"),
)
refund_gate = ReviewBeforeSend(
    name="refunds",
    action=ActionClass("refund", reversible=False, audience="customer", touches={"money"}),
    proposal="args",
    question="Should this sum be paid back?",
    evidence=asked_for,
    consequence="Pays {amount} back for order {order}.",
    owner=Owner("finance"),
)

# A model that says what it is told to; any LangChain chat model stands in its place.
model = ScriptedModel(
    [
        {"find_order": {"customer": "ann@example.com"}},
        {
            "send_email": {"to": "ann@example.com", "body": "Sorry!"},
            "refund": {"order": "K-1007", "amount": 125.0},
        },
        "Ann has been told; the refund was not paid.",
    ]
)


def graph(checkpointer: Any = None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The agent: two of its three tools ask."""
    gates = GateMiddleware({"send_*": mail_gate, "refund": refund_gate})
    return create_agent(
        model, [send_email, refund, find_order], middleware=[gates], checkpointer=checkpointer, name="agent"
    )


agent = graph()
"""For `langgraph dev`, which brings a saver of its own."""


def main() -> None:
    """One request: the email is edited and sent, the refund is rejected and not paid."""
    thread = str(uuid.uuid4())
    request: Any = {"messages": [("user", "Ann's cup came broken. Make it right.")]}
    with open_checkpointer() as checkpointer, Desk() as desk:
        mailer = graph(checkpointer)
        mailer.invoke(request, {"configurable": {"thread_id": thread}})

        [mail] = desk.pending(thread_id=thread, owner="support-leads")
        [money] = desk.pending(thread_id=thread, owner="finance")
        print(f"{mail.question} {mail.proposal}")
        print(f"{money.question} {money.proposal}")
        desk.decide(mail.id, Edit({"body": "A new cup is on its way."}), by="ana", digest=mail.digest)
        desk.decide(money.id, Reject(note="The cup cost 12.50."), by="bob", digest=money.digest)

        [done] = desk.resume(mailer, thread_ids=[thread])
        for message in done.values["messages"][-3:]:
            print(f"{message.type}: {message.text.splitlines()[0]}")


if __name__ == "__main__":
    main()
