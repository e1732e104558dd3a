# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. A first gate in five minutes
#
# A program drafts a reply to a customer. Before it is sent, a person reads it. That is all this notebook builds:
# a graph that stops at the right moment, a case that a person can judge in seconds, one decision, and an email that is
# exactly what was approved.
#
# Nothing has to be set up. The library starts a Postgres of its own the first time it needs one, and everything that
# waits for a person is kept there: close the notebook while a case is open, and it is still open tomorrow.

# %%
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from hitl_graph import (
    ActionClass,
    Desk,
    Edit,
    Evidence,
    HitlState,
    Owner,
    Record,
    ReviewBeforeSend,
    add_gate,
    check_boundary,
    effect,
    open_checkpointer,
)
from hitl_graph.errors import DecisionConflict
from hitl_graph.notebook import review_card

# %% [markdown]
# ## What kind of act is it?
#
# Sending an email cannot be taken back, and the customer sees it. The library draws a conclusion from that: an act like
# this needs a person's yes.

# %%
send_email = ActionClass("send_email", reversible=False, audience="customer", touches={"reputation", "trust"})
print("risk of a wrong email:", send_email.risk.value)

# %% [markdown]
# ## What is the person asked?
#
# A gate says who decides what, on which grounds, and what happens after a yes. Leave one of these out and the gate is
# refused when it is built, not in production.


# %%
class Email(BaseModel):
    """What is sent. The person's edits are checked against it."""

    to: str
    subject: str
    body: str


review = ReviewBeforeSend(
    name="reply",
    action=send_email,
    proposal="email",
    schema=Email,
    question="Is this reply safe to send to the customer?",
    why="Everything that leaves under our name is read by a person first.",
    evidence=lambda state: [Evidence("Customer message", state["ticket"], source="ticket")],
    consequence="Sends an email to {to}. It cannot be taken back.",
    owner=Owner("support-leads"),
)

# %% [markdown]
# ## The graph
#
# Two ordinary nodes, `draft` and `send`, with the gate between them. `effect` marks the node that acts on the outside
# world: it runs only on an approval of exactly what stands in the state. The outbox is a list here; it would be your
# mail service.


# %%
class State(HitlState):
    """One ticket."""

    ticket: str
    email: dict[str, Any]


def draft(state: State) -> dict[str, Any]:
    """A model would write this."""
    body = "Hello,\n\nyour card will come.\n\nCustomer support"
    return {"email": {"to": "sam@example.com", "subject": "Your card", "body": body}}


outbox: list[dict[str, Any]] = []


def send(state: State) -> None:
    """Your mail service would stand here."""
    outbox.append(state["email"])


builder = StateGraph(State)
builder.add_node("draft", draft)
builder.add_node("send", effect(send, action=send_email))
add_gate(builder, review, approved="send", rejected="draft")
builder.add_edge(START, "draft")
builder.add_edge("draft", "reply")
builder.add_edge("send", END)

check_boundary(builder)  # raises, with the way around, if `send` could be reached without the gate
print("no way leads to `send` around the gate")

# %% [markdown]
# ## It pauses
#
# `open_checkpointer()` is where threads live, and `Desk()` is where their cases wait. Both find the same database by
# themselves. The graph drafts, reaches the gate, and stops.

# %%
session = ExitStack()
checkpointer = session.enter_context(open_checkpointer())
desk = session.enter_context(Desk())

graph = builder.compile(checkpointer=checkpointer, name="first-gate")
thread = f"ticket-{uuid4()}"
config: Any = {"configurable": {"thread_id": thread}}

given: Any = {"ticket": "I ordered a card three weeks ago. Where is it?"}
graph.invoke(given, config)

print("waits before:", *graph.get_state(config).next)
print("sent so far:", len(outbox))

# %% [markdown]
# ## The case
#
# This is what the person sees. No knowledge of the graph is needed: the decision, why it was stopped, the customer's
# own words beside the proposed reply, and what a yes will do. In JupyterLab and marimo the card is alive: edit the
# reply in it, approve it, and the graph goes on.

# %%
card = review_card(graph, thread, by="ana", desk=desk)
card

# %% [markdown]
# ## The decision
#
# If you have decided in the card, the next cell changes nothing. If nobody has, it does in code what a click does: the
# reply is true and useless, so it is edited, with a reason to count by. The decision carries the digest of what was
# shown; had the case changed in the meantime, it would be refused.

# %%
better = "Hello,\n\nyour card was posted on Monday. It takes five working days.\n\nCustomer support"
[case] = desk.cases(thread_id=thread)
if case.status == "pending":
    card.decide(Edit({"body": better}, reason="vague"))

print("sent:", len(outbox))
print()
print(*(email["body"] for email in outbox))

# %% [markdown]
# Only one decision counts. Whoever comes second is told who was first:

# %%
try:
    desk.decide(case.id, Edit({"body": "Never mind."}), by="ben", digest=case.digest)
except DecisionConflict as error:
    print(f"refused: {error.by} has decided already ({error.decision})")

# %% [markdown]
# The card is one way to decide. The same case can be decided at the desk, by any process that reaches the database
# (`desk.decide(case.id, Approve(), by="ana", digest=case.digest)`), or in a terminal (`hitl-graph list`); whoever has
# the graph then lets the thread go on with `desk.resume(graph)`.
#
# ## What is kept
#
# Both versions, the difference, who, when and why. It stands in the graph's own state, and the desk has the history of
# the case.

# %%
record = Record.from_json(graph.get_state(config).values["reviews"][-1])
record

# %%
print(" > ".join(event["type"] for event in desk.history(case.id)))

# %%
session.close()

# %% [markdown]
# That was it. The next notebook puts three kinds of gate into one graph and lets real messages through:
# [2. The three patterns in one graph](02_three_patterns.ipynb).
