"""The graphs that a worker has, each on a checkpointer, and which of them a thread belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from hitl_graph.errors import DefinitionError

__all__ = ["Graphs"]

_UNNAMED = ("", "LangGraph")


class Graphs:
    """Graphs by the name of their workflow.

    A thread whose reviews name a workflow goes to the graph of that name, and to no other. One whose reviews name none
    goes to the only graph that has all the nodes that wait for an answer.

    Args:
        given: Name to a compiled graph, a `StateGraph`, or a function that takes the checkpointer and returns one.
        saver: The checkpointer of those that bring none.

    Raises:
        DefinitionError: One is no graph, or its checkpointer cannot be used here.
    """

    def __init__(self, given: Mapping[str, Any], saver: BaseCheckpointSaver[Any]) -> None:
        if not given:
            raise DefinitionError("worker", "graphs", "is empty: give at least one, as {name: graph}")
        self._by_name: dict[str, Any] = {}
        self._graphs: dict[str, Any] = {}
        for name, graph in given.items():
            own, ready = _ready(name, graph, saver)
            self._graphs[name] = self._by_name[name] = ready
            if own not in _UNNAMED and own not in given:
                self._by_name[own] = _renamed(ready, own)

    @property
    def names(self) -> list[str]:
        """The workflows whose threads are run here."""
        return list(self._by_name)

    @property
    def nodes(self) -> list[str]:
        """All nodes of the graphs that tell them."""
        return sorted({node for graph in self._graphs.values() for node in getattr(graph, "nodes", ())})

    def named(self, workflow: str) -> Any:
        """The graph of this name; None where there is none."""
        return self._by_name.get(workflow)

    def find(self, workflow: str | None, nodes: Sequence[str]) -> Any:
        """The graph that a thread belongs to; None where it is not to be told.

        Args:
            workflow: What the thread's reviews name. nodes: The nodes that wait for an answer; '' for an unknown one.
        """
        if workflow is not None:
            return self.named(workflow)
        fits = [g for g in self._graphs.values() if all(not n or n in getattr(g, "nodes", ()) for n in nodes)]
        return fits[0] if len(fits) == 1 else None


def _ready(name: str, graph: Any, saver: BaseCheckpointSaver[Any]) -> tuple[str, Any]:
    """The graph's own name, and the graph under the name of its workflow, on a checkpointer."""
    if (
        callable(graph)
        and not isinstance(graph, (Pregel, StateGraph, type))
        and not hasattr(graph, "ainvoke")
    ):
        graph = graph(saver)
    if isinstance(graph, StateGraph):
        return "", graph.compile(checkpointer=saver, name=name or None)
    if not isinstance(graph, Pregel):
        if hasattr(graph, "ainvoke") and hasattr(graph, "assistant_id"):  # of an Agent Server, which runs it
            return "", graph
        raise DefinitionError(
            "worker", f"graph {name!r}", f"is a {type(graph).__name__}: give a compiled graph or a StateGraph"
        )
    own = str(getattr(graph, "name", "") or "")
    kept = graph.checkpointer
    if not isinstance(kept, BaseCheckpointSaver):
        graph = graph.copy(update={"checkpointer": saver})
    elif isinstance(kept, AsyncPostgresSaver) and kept.loop is not asyncio.get_running_loop():
        problem = "its async checkpointer lives on another loop: compile it without one, and the worker brings its own"
        raise DefinitionError("worker", f"graph {name!r}", problem)
    return own, _renamed(graph, name)


def _renamed(graph: Any, name: str) -> Any:
    return graph.copy(update={"name": name}) if name and isinstance(graph, Pregel) else graph
