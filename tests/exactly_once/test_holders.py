"""Who is at an act: named where another process has waited for it in vain, so that an operator can go there."""

from __future__ import annotations

import os
import platform
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from hitl_graph import Approve, Desk, add_gate, effect, open_checkpointer
from hitl_graph.errors import EffectUnderWay
from tests.support.graphs import SEND, State, draft, reply_gate, thread

ME = f"{platform.node()}:{os.getpid()}"


class Hanging:
    """A target that answers when it is let go, as in a process that was stopped in the middle of an act."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def send(self, _: State) -> None:
        self.begun.set()
        assert self.go_on.wait(30)


def graph_of(target: Hanging) -> StateGraph[State]:
    builder = StateGraph(State)
    builder.add_node("draft", draft)
    builder.add_node("send", effect(target.send, action=SEND))
    add_gate(builder, reply_gate(), approved="send", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    return builder


def test_who_hangs_in_an_act_is_named(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By host and process, in the error and in the ledger."""
    monkeypatch.setattr("hitl_graph.checkpointers.ledger.WAIT_S", 0.2)
    target = Hanging()
    answer: Command[Any] = Command(resume={"type": "approve"})
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk, ThreadPoolExecutor(1) as pool:
        graph = graph_of(target).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?"}, thread("t"))
        first = pool.submit(graph.invoke, answer, thread("t"))
        try:
            assert target.begun.wait(30)
            with pytest.raises(EffectUnderWay) as waited:
                graph.invoke(None, thread("t"))
            [act] = desk.effects.list()
        finally:
            target.go_on.set()
        first.result(30)

    assert f"another process ({ME})" in str(waited.value)
    assert (act.under_way, act.holder) == (True, ME)


def test_a_run_that_was_left_behind_says_who_is_still_at_its_act(db_url: str) -> None:
    """A stopped process keeps its connection, and so its act; its run's lease has lapsed."""
    target = Hanging()
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk, ThreadPoolExecutor(1) as pool:
        graph = graph_of(target).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?"}, thread("t"))
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        first = pool.submit(desk.resume, graph)
        try:
            assert target.begun.wait(30)
            with psycopg.connect(db_url, autocommit=True) as conn:
                conn.execute("UPDATE hitl.runs SET lease_until = now() - interval '1 second'")
            with Desk(db_url) as other:
                found = other.findings(thread_id="t")
        finally:
            target.go_on.set()
        first.result(30)

    [left] = [one for one in found if one.kind == "run_left_behind"]
    assert f"still at an act of it: {ME} (send_email)" in left.what
