"""One graph whose gate is asked in any shape, on a proposal with every JSON type in it."""

from __future__ import annotations

import copy
import dataclasses
import uuid
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel, Field

from hitl_graph import ActionClass, Case, Evidence, HitlState, Owner, ReviewBeforeSend, add_gate, effect
from hitl_graph.wire import Shape
from tests.support.graphs import lines, thread

__all__ = ["ORDER", "Asked", "Order", "Orders", "order_graph"]

ORDER: dict[str, Any] = {
    "to": "ana@example.com",
    "body": "It is on its way.",
    "copies": 1,
    "price": 9.5,
    "urgent": False,
    "tags": ["card"],
    "due": None,
    "about": {"team": "north"},
}
PLACE = ActionClass("place_order", reversible=False, audience="customer", touches={"money"})


class Order(BaseModel):
    """What is proposed."""

    to: str
    body: str
    copies: int = Field(ge=1, le=9)
    price: float
    urgent: bool
    tags: list[str]
    due: str | None
    about: dict[str, str]


class State(HitlState, total=False):
    """An order, and the file that counts those that were placed."""

    order: dict[str, Any]
    messages: list[Any]
    sink: str


def place(state: State, key: str) -> None:
    """One line for each order."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write(f"{key} {state['order']['copies']} {state['order']['body']}\n")


def order_graph(shape: Shape, **changes: Any) -> StateGraph[State]:
    """propose → order (gate) → place."""
    fields: dict[str, Any] = {
        "name": "order",
        "action": PLACE,
        "proposal": "order",
        "schema": Order,
        "question": "Should this order be placed for the customer?",
        "evidence": [Evidence("Customer message", "One card, please.")],
        "consequence": "Places {copies} of it.",
        "owner": Owner("sales"),
    }
    builder = StateGraph(State)
    builder.add_node("propose", lambda _: {"order": copy.deepcopy(ORDER)})
    builder.add_node("place", effect(place, action=PLACE))
    builder.add_node("again", lambda _: {})
    gate = ReviewBeforeSend(**{**fields, **changes})
    ways: dict[str, Any] = {"rejected": "again"} if "reject" in gate.decisions else {}
    ways |= {"responded": "again"} if "respond" in gate.decisions else {}
    add_gate(builder, gate, approved="place", shape=shape, **ways)
    builder.add_edge(START, "propose")
    builder.add_edge("propose", "order")
    builder.add_edge("place", END)
    return builder


@dataclasses.dataclass
class Asked:
    """A paused thread: the payload as clients see it, and the ways to answer it."""

    graph: Any
    desk: Any
    sink: Path
    thread_id: str

    @property
    def config(self) -> dict[str, Any]:
        """The thread's."""
        return thread(self.thread_id)

    @property
    def interrupts(self) -> list[Any]:
        """What is open."""
        return list(self.graph.get_state(self.config).interrupts)

    @property
    def payload(self) -> Any:
        """What the client is asked with."""
        [one] = self.interrupts
        return one.value

    def resume(self, answer: Any, *, by_id: bool = False) -> dict[str, Any]:
        """Answer as a client does: alone, or by the interrupt's id. Returns the state."""
        given = {self.interrupts[0].id: answer} if by_id else answer
        out: dict[str, Any] = self.graph.invoke(Command(resume=given), self.config)
        return out

    @property
    def record(self) -> dict[str, Any]:
        """The last record in the state."""
        found: dict[str, Any] = self.graph.get_state(self.config).values["reviews"][-1]
        return found

    @property
    def case(self) -> Case:
        """The desk's row of the newest review."""
        found: Case = self.desk.cases(thread_id=self.thread_id)[-1]
        return found

    @property
    def placed(self) -> list[str]:
        """Orders that were placed, without their keys."""
        return [line.partition(" ")[2] for line in lines(self.sink)]


@dataclasses.dataclass
class Orders:
    """Where threads are paused: one saver and one desk for all tests of a module."""

    checkpointer: Any
    desk: Any
    folder: Path

    def asked(self, shape: Shape, **changes: Any) -> Asked:
        """A new thread of the graph, paused at its gate."""
        graph: Any = order_graph(shape, **changes).compile(checkpointer=self.checkpointer, name="orders")
        name = str(uuid.uuid4())
        order = Asked(graph, self.desk, self.folder / name, name)
        graph.invoke({"sink": str(order.sink)}, order.config)
        return order
