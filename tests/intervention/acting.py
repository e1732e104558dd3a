"""Graphs that act, and what the tests of holds say about them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import ActionClass, Approve, HitlState, Owner, effect
from hitl_graph.desk import Case
from hitl_graph.desk.sync_desk import SyncDesk
from tests.support.graphs import mail_graph, thread

TAG = ActionClass("tag", reversible=True, audience="internal")
DEADLINE_S = 30.0


class Steps(HitlState):
    """How many acts are left."""

    left: int
    sink: str


def tag(state: Steps, key: str) -> dict[str, Any]:
    """One line in the sink."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write(f"{key}\n")
    return {"left": state["left"] - 1}


def tagging_graph() -> StateGraph[Steps]:
    """Acts again and again without asking anybody, until none is left."""
    builder = StateGraph(Steps)
    builder.add_node("tag", effect(tag, action=TAG, owner=Owner("operations")))
    builder.add_edge(START, "tag")
    builder.add_conditional_edges("tag", lambda s: "tag" if s["left"] else END, ["tag", END])
    return builder


def named(name: str, workflow: str) -> dict[str, Any]:
    """The config of a thread whose run says which graph it is."""
    return {**thread(name), "metadata": {"workflow": workflow}, "recursion_limit": 10_000}


def paused_mail(checkpointer: Any, sink: Path, name: str = "t", workflow: str = "mail") -> Any:
    """A mail graph, paused at its gate."""
    graph = mail_graph().compile(checkpointer=checkpointer, name=workflow)
    graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, named(name, workflow))
    return graph


def approved(desk: SyncDesk, by: str = "ben") -> Case:
    """The only open case, approved."""
    [case] = desk.pending()
    return desk.decide(case.id, Approve(), by=by, digest=case.digest)


def wait_until(fact: Callable[[], bool]) -> None:
    """Until it is so; the test fails when it never is."""
    until = time.monotonic() + DEADLINE_S
    while not fact():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.005)


def events(desk: SyncDesk, *types: str) -> list[dict[str, Any]]:
    """The audit events of these types, in order."""
    sql = "SELECT type, thread_id, review_id, data FROM hitl.events WHERE type = ANY (%(types)s) ORDER BY id"
    return desk.run(desk.desk.rows(sql, {"types": list(types)}))


class Gateway:
    """An act that waits in its middle until it is let go."""

    def __init__(self) -> None:
        self.acting, self.go_on, self.acts = threading.Event(), threading.Event(), 0

    def __call__(self, state: Any) -> None:
        self.acting.set()
        assert self.go_on.wait(DEADLINE_S)
        self.acts += 1


def one_act(act: Callable[..., Any]) -> StateGraph[Steps]:
    """A graph of one act that nobody is asked about."""
    builder = StateGraph(Steps)
    builder.add_node("act", effect(act, action=TAG, owner=Owner("operations")))
    builder.add_edge(START, "act")
    builder.add_edge("act", END)
    return builder


@contextlib.contextmanager
def running(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Work in a thread of its own, waited for at the end."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)
