"""A node's error handler that asks a person: retry, edit and retry, skip, or abort."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from langgraph.errors import NodeError, is_invalid_resume
from langgraph.graph import END
from langgraph.types import Command

from hitl_graph.errors import DefinitionError
from hitl_graph.gates import FailureEscalation
from hitl_graph.nodes.gate_node import GateNode, Routes
from hitl_graph.nodes.marks import FailureMark, set_mark
from hitl_graph.nodes.question import Asked
from hitl_graph.nodes.two_ways import asking_handler

__all__ = ["ask_on_failure"]


LONGEST = 2_000
"""Characters of an error that are shown; some clients put a whole page of HTML into one."""


def ask_on_failure(
    gate: FailureEscalation, *, node: str, skip: str, abort: str = END
) -> Callable[[Any, NodeError], Command[Any]]:
    """An `error_handler` for `builder.add_node(node, …, error_handler=…)`.

    LangGraph calls it when the node has failed for good (after its retry policy), never for a pause. It asks
    once; only the handler runs again on resume, not the failed node.

    Args:
        gate: What to ask.
        node: The node it handles: "retry" and "edit and retry" lead there.
        skip: Where the graph goes on without it. LangGraph does not follow the failed node's own edges.
        abort: Where an aborted case goes.

    Raises:
        DefinitionError: A target is missing, or the gate is another one or offers what has no way on.
    """
    if not isinstance(gate, FailureEscalation):
        raise DefinitionError(
            "ask_on_failure",
            "gate",
            f"is a {type(gate).__name__}: a failure is asked about with FailureEscalation",
        )
    if "choose" not in gate.decisions or set(gate.decisions) - {"choose", "edit"}:
        raise DefinitionError(
            gate.where, "allowed", "after a failure a person can choose, or choose and edit"
        )
    if {option.value for option in gate.options} != {"retry", "skip", "abort"}:
        raise DefinitionError(gate.where, "options", "after a failure are retry, skip and abort")
    for field, value in (("node", node), ("skip", skip), ("abort", abort)):
        if not isinstance(value, str) or not value:
            raise DefinitionError(gate.where, field, "is missing: name the node (or END)")
    routes = Routes(approved=node, options={"retry": node, "skip": skip, "abort": abort})
    leads = {
        **({"edit": node} if "edit" in gate.decisions else {}),
        "choose:retry": node,
        "choose:skip": skip,
        "choose:abort": abort,
    }
    handler = GateNode(dataclasses.replace(gate, continuation=leads), routes)

    def ask(state: Any, error: NodeError, shown: Asked) -> Command[Any]:
        if is_invalid_resume(error.error):  # not a failure: a refused answer to another question of that node
            return Command(goto=error.node)
        # On every later call LangGraph hands over the error's repr instead of the error itself.
        text = error.error if isinstance(error.error, str) else repr(error.error)
        cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters in all)"
        return handler.review_with(state, {"node": error.node, "error": cut}, shown)

    asking: Callable[[Any, NodeError], Command[Any]] = asking_handler(ask, gate.name)
    set_mark(asking, FailureMark(handler.gate, leads))
    return asking
