"""Graphs for workers of other processes: each node writes down that it begins and ends, and may wait to be let go."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph

from hitl_graph import HitlState, add_gate, effect
from tests.support.graphs import SEND, mail_graph, reply_gate, two_gates_graph

__all__ = ["Steps", "log", "mail", "read_log", "runs", "slow", "steps", "two"]

WAIT_S = 60.0


class Steps(HitlState):
    """A folder for what the nodes write down, and a sink."""

    ticket: str
    email: dict[str, Any]
    folder: str
    sink: str


def log(folder: str, *words: object) -> None:
    """One line, whole also when several processes write."""
    handle = os.open(Path(folder, "log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(handle)


def read_log(folder: Path) -> list[list[str]]:
    """What was written, in order."""
    file = folder / "log"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def _waits(folder: str, name: str) -> None:
    """Until the test makes a file of this name; at once where it made one named `free`."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if Path(folder, name).exists() or Path(folder, "free").exists():
            return
        time.sleep(0.005)


def first(state: Steps) -> dict[str, Any]:
    """Says that it ran."""
    log(state["folder"], "first", os.getpid())
    return {"ticket": state["ticket"] + " 1"}


def second(state: Steps) -> dict[str, Any]:
    """Says that it began, waits to be let go, and says that it ended."""
    log(state["folder"], "begin", os.getpid())
    _waits(state["folder"], "go")
    log(state["folder"], "end", os.getpid())
    return {"ticket": state["ticket"] + " 2"}


def third(state: Steps) -> dict[str, Any]:
    """Says that it ran."""
    log(state["folder"], "third", os.getpid())
    return {"ticket": state["ticket"] + " 3"}


def stuck(state: Steps) -> None:
    """Does not end while the test runs."""
    log(state["folder"], "stuck", os.getpid())
    _waits(state["folder"], "never")


def steps() -> StateGraph[Steps]:
    """first → second (waits) → third."""
    builder = StateGraph(Steps)
    builder.add_sequence([("first", first), ("second", second), ("third", third)])
    builder.add_edge(START, "first")
    return builder


def stuck_graph() -> StateGraph[Steps]:
    """A node that does not end."""
    builder = StateGraph(Steps)
    builder.add_sequence([("stuck", stuck)])
    builder.add_edge(START, "stuck")
    return builder


def act(state: Steps, key: str) -> None:
    """One line in the sink for each act."""
    with Path(state["sink"]).open("a", encoding="utf-8") as sink:
        sink.write(f"{key}\n")


def slow() -> StateGraph[Steps]:
    """draft → reply (gate) → second (waits) → act → third."""
    builder = StateGraph(Steps)
    builder.add_node("draft", lambda _: {"email": {"to": "ana@example.com", "body": "Hi"}})
    builder.add_node("second", second)
    builder.add_node("third", third)
    builder.add_node("act", effect(act, action=SEND))
    add_gate(builder, reply_gate(), approved="second", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("second", "act")
    builder.add_edge("act", "third")
    builder.add_edge("third", END)
    return builder


def run_marked(state: Steps) -> dict[str, Any]:
    """A piece of work that says when it began and ended, by thread."""
    name = state["ticket"]
    log(state["folder"], "begin", name, os.getpid())
    time.sleep(0.01)  # long enough for another run of the thread to fall into it
    log(state["folder"], "end", name, os.getpid())
    return {"email": {"to": "ana@example.com", "body": name}}


def marked() -> StateGraph[Steps]:
    """work → reply (gate) → work again → act: each run of a thread is seen at work."""
    builder = StateGraph(Steps)
    builder.add_node("draft", run_marked)
    builder.add_node("after", run_marked)
    builder.add_node("act", effect(act, action=SEND))
    add_gate(builder, reply_gate(), approved="after", rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    builder.add_edge("after", "act")
    builder.add_edge("act", END)
    return builder


def runs(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """What `marked` wrote down, by thread: (begin or end, process)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, name, pid in read_log(folder):
        found.setdefault(name, []).append((kind, pid))
    return found


mail, two = mail_graph, two_gates_graph
