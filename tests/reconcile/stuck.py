"""Threads as stock LangGraph, a crash or a hand in the database leaves them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from psycopg.rows import dict_row

from hitl_graph import add_gate, effect, open_checkpointer
from hitl_graph.desk.findings import Finding
from hitl_graph.desk.sync_desk import SyncDesk
from tests.support.graphs import SEND, State, draft, mail_graph, reply_gate, thread


@contextlib.contextmanager
def stock_saver(url: str) -> Iterator[PostgresSaver]:
    """LangGraph's own saver on the same database: it knows nothing of reviews."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row) as conn:
        yield PostgresSaver(conn)


def plain_graph() -> StateGraph[State]:
    """gate → act, with a plain interrupt that raises on "bad" after the answer; `act` writes one line."""

    def gate(_: State) -> dict[str, Any]:
        answer = interrupt("Send it?")
        if "bad" in str(answer):
            raise ValueError("no such answer")
        return {"ticket": str(answer)}

    builder = StateGraph(State)
    builder.add_node("gate", gate)
    builder.add_node("act", act)
    builder.add_edge(START, "gate")
    builder.add_edge("gate", "act")
    builder.add_edge("act", END)
    return builder


def nested_graph() -> StateGraph[State]:
    """The same with its gate two subgraphs deep."""

    def gate(_: State) -> dict[str, Any]:
        answer = interrupt("Send it?")
        if "bad" in str(answer):
            raise ValueError("no such answer")
        return {"ticket": str(answer)}

    inner: Any = gate
    for name in ("gate", "sub"):
        builder = StateGraph(State)
        builder.add_node(name, inner)
        builder.add_edge(START, name)
        inner = builder.compile()
    outer = StateGraph(State)
    outer.add_node("outer", inner)
    outer.add_node("act", act)
    outer.add_edge(START, "outer")
    outer.add_edge("outer", "act")
    outer.add_edge("act", END)
    return outer


def act(state: State) -> None:
    """One line for each act."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write("acted\n")


def meeting_graph(parties: int = 2) -> StateGraph[State]:
    """Gates a and b, whose answered runs wait for one another, and then one act."""
    meeting = threading.Barrier(parties, timeout=30)

    def gate(name: str) -> Any:
        def node(_: State) -> dict[str, Any]:
            interrupt(f"{name}?")
            meeting.wait()
            return {}

        return node

    builder = StateGraph(State)
    for name in ("a", "b"):
        builder.add_node(name, gate(name))
        builder.add_edge(START, name)
    builder.add_node("act", act)
    builder.add_edge(["a", "b"], "act")
    builder.add_edge("act", END)
    return builder


def meeting_graph_alone() -> StateGraph[State]:
    """The same where one run answers alone."""
    return meeting_graph(parties=1)


def unkeyed_graph() -> StateGraph[State]:
    """draft → reply (gate) → send, whose target takes no key: it cannot know a second time from a first."""

    def send_once(state: State) -> None:
        act(state)

    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(send_once, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("send", END)
    return builder


def begin(url: str, sink: Path, builder: StateGraph[State], name: str = "t1", *, stock: bool = False) -> None:
    """Run a thread to its pause, under our saver or LangGraph's own."""
    with stock_saver(url) if stock else open_checkpointer(url) as saver:
        builder.compile(checkpointer=saver).invoke({"ticket": "Hi", "sink": str(sink)}, thread(name))


def stall(url: str, sink: Path, name: str = "t1") -> None:
    """Two runs that have both read the paused thread answer one of its gates each, as two reviewers do."""
    with stock_saver(url) as one, stock_saver(url) as other:
        builder = meeting_graph()
        graphs = [builder.compile(checkpointer=saver) for saver in (one, other)]
        graphs[0].invoke({"ticket": "Hi", "sink": str(sink)}, thread(name))
        asked = [found.id for found in graphs[0].get_state(thread(name)).interrupts]
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(graph.invoke, Command(resume={id_: "yes"}), thread(name))
                for graph, id_ in zip(graphs, asked, strict=True)
            ]
            for run in runs:
                run.result(timeout=60)


def poison(url: str, name: str = "t1") -> None:
    """A word that is no answer, given as LangGraph's own saver keeps it before anything has looked at it."""
    with stock_saver(url) as saver, pytest.raises(Exception, match="answer"):
        mail_graph().compile(checkpointer=saver).invoke(Command(resume="sure"), thread(name))


def kinds(desk: SyncDesk, name: str | None = None) -> list[str]:
    """The kinds of what is found, without waiting for anything."""
    return [finding.kind.value for finding in found(desk, name)]


def found(desk: SyncDesk, name: str | None = None) -> list[Finding]:
    """What is found, without waiting for anything."""
    return desk.findings(thread_id=name, patience_s=0)


def execute(url: str, sql: str, *params: object) -> None:
    """A hand in the database."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql, params)


def events(url: str, kind: str) -> list[Any]:
    """What the events of one type say, in order."""
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT data FROM hitl.events WHERE type = %s ORDER BY id", [kind]).fetchall()
    return [row[0] for row in rows]
