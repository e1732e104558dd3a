"""Ask on failure: a node that failed for good asks a person to retry, edit and retry, skip or abort."""

import uuid
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import (
    ActionClass,
    Desk,
    Edit,
    Evidence,
    FailureEscalation,
    HitlState,
    Owner,
    ask_on_failure,
    open_checkpointer,
)
from hitl_graph.decisions import Cause

look_up = ActionClass("look_up_customer", reversible=True)


class State(HitlState, total=False):
    """The number that a customer gave, and what the records hold for it."""

    message: str
    lookup: dict[str, Any]
    customer: str


failed = FailureEscalation(
    name="lookup_failed",
    action=look_up,
    proposal="lookup",
    question="The customer could not be looked up. What should happen with this case?",
    evidence=lambda state: [Evidence("Customer message", state["message"])],
    consequence="Looks up the customer {number} again.",
    owner=Owner("support-agents"),
)


def find(state: State) -> dict[str, Any]:
    """Fails on a number that the records do not know."""
    known = {"K-1007": "Ana Lopes"}
    return {"customer": known[state["lookup"]["number"]]}


def greet(state: State) -> None:
    """Goes on with the customer, or without."""
    print(f"customer: {state.get('customer', 'unknown')}")


def graph() -> StateGraph[State, None, State, State]:
    """`find` → `greet`, with a person behind `find`."""
    builder = StateGraph(State)
    builder.add_node("find", find, error_handler=ask_on_failure(failed, node="find", skip="greet"))
    builder.add_node("greet", greet)
    builder.add_edge(START, "find")
    builder.add_edge("find", "greet")
    builder.add_edge("greet", END)
    return builder


def main() -> None:
    """The number was misread; a person puts it right, and the node runs again."""
    thread = str(uuid.uuid4())
    given: State = {"message": "My number is K-1007.", "lookup": {"number": "K-1O07"}}
    with open_checkpointer() as checkpointer, Desk() as desk:
        lookup = graph().compile(checkpointer=checkpointer, name="lookup")
        lookup.invoke(given, {"configurable": {"thread_id": thread}})

        [case] = desk.pending(thread_id=thread)
        [why] = case.payload["why"]
        print(f"asked: {why['text']}")
        right = Edit({"number": "K-1007"}, cause=Cause.SOURCE_DATA, reason="misread")
        desk.decide(case.id, right, by="ben", digest=case.digest)
        desk.resume(lookup, thread_ids=[thread])


if __name__ == "__main__":
    main()
