"""Putting a gate into a graph: nodes, labelled edges, and a continuation for every decision."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from langchain_core.runnables import RunnableLambda
from langgraph.graph import StateGraph
from langgraph.types import CachePolicy

from hitl_graph.decisions import APPROVING
from hitl_graph.errors import DefinitionError
from hitl_graph.gates import Gate
from hitl_graph.gates import strict as strict_gate
from hitl_graph.nodes.gate_node import GateNode, Routes
from hitl_graph.nodes.marks import GateMark, set_mark
from hitl_graph.nodes.onward import AfterEdit, go_on_after_edits
from hitl_graph.nodes.two_ways import asking_node
from hitl_graph.wire import Shape

__all__ = ["CONTINUES", "add_gate", "add_gate_nodes", "checked_gate", "labels_of", "with_continuations"]

Builder = TypeVar("Builder", bound="StateGraph[Any, Any, Any, Any]")

_NEVER: CachePolicy[Any] = CachePolicy(key_func=lambda *_, **__: uuid.uuid4().hex)
"""A measurement belongs to one thread: a graph-wide cache must not hand it to another."""

_SHAPES = (Shape.NATIVE, Shape.AGENT_INBOX, Shape.LANGCHAIN_BATCH)

CONTINUES = {
    "approve": "approved",
    "edit": "approved",
    "choose": "approved",
    "reject": "rejected",
    "respond": "responded",
    "ask_info": "asked",
    "take_over": "taken_over",
}
"""Which continuation each decision needs."""


def add_gate(
    builder: Builder,
    gate: Gate,
    *,
    approved: str,
    rejected: str | None = None,
    responded: str | None = None,
    asked: str | None = None,
    taken_over: str | None = None,
    options: Mapping[str, str] | None = None,
    strict: bool = False,
    shape: Shape = Shape.NATIVE,
) -> Builder:
    """Add the gate's node under the gate's name. It routes by itself; draw edges to it, none from it.

    Args:
        builder: The graph; its state extends `HitlState`.
        gate: What to ask, and when.
        approved: The node (or `END`) that a proposal goes to when it passes, is approved, edited or chosen.
        rejected: Where a rejection leads, such as back to the draft.
        responded: Where an answer in words leads. `asked`: where a question for more information leads.
        taken_over: Where a takeover leads; often `END`.
        options: Where single options lead, instead of `approved`; such a choice approves nothing.
        strict: Ask about every proposal, whatever the policy says (R73).
        shape: The payload that an older client renders; the native case stands inside it.

    Returns:
        The builder.

    Raises:
        DefinitionError: The state lacks `HitlState`, a decision that the gate allows has no continuation, or
            an option is unknown. Nothing was added.
    """
    if shape not in _SHAPES:
        raise DefinitionError(
            gate.where, "shape", f"is one of {', '.join(_SHAPES)}: other clients only answer"
        )
    targets = {
        "approved": approved,
        "rejected": rejected,
        "responded": responded,
        "asked": asked,
        "taken_over": taken_over,
    }
    gate, routes = checked_gate(builder, gate, targets, options or {}, strict=strict)
    add_gate_nodes(builder, GateNode(gate, routes, shape), labels_of(gate, routes), approved)
    return builder


def checked_gate(
    builder: Any, gate: Gate, targets: Mapping[str, str | None], options: Mapping[str, str], *, strict: bool
) -> tuple[Gate, Routes]:
    """The gate with its final decisions, and where each of them leads.

    Raises:
        DefinitionError: As `add_gate`. Nothing was added.
    """
    gate = strict_gate(gate) if strict else gate
    _check_state(builder, gate)
    gate = with_continuations(gate, targets, options)
    return gate, Routes(**targets, options=dict(options))  # type: ignore[arg-type]  # the callers name every way


def add_gate_nodes(
    builder: Any, node: GateNode, labels: Mapping[str, str], passes: str, *, approves: bool = True
) -> None:
    """Add the node that asks, and before it the one that measures, where the gate has one.

    Args:
        builder: The graph. node: The gate's node. labels: Where it leads, and how.
        passes: Where it goes without asking. approves: Whether that way lets an act happen.
    """
    gate = node.gate
    lets = frozenset([passes] if approves else [])
    review = set_mark(asking_node(node.review, node.review_node), GateMark(gate, lets, labels, asks=True))
    after = AfterEdit(gate, node.routes, asks=node.review_node, again=gate.name, alone=not approves)
    if gate.judged_first:
        entry = {passes: "passes", node.review_node: "asks"}
        mark = GateMark(gate, lets, entry, asks=False)
        measure: Any = _function(node.measure, mark)
        if gate.collects:  # it may await, in an async graph
            measure = set_mark(RunnableLambda(node.measure, node.ameasure, name=gate.name), mark)
        builder.add_node(gate.name, measure, destinations=entry, cache_policy=_NEVER)
        go_on_after_edits(builder, gate.name, after.measured)
    builder.add_node(node.review_node, review, destinations=dict(labels))
    go_on_after_edits(builder, node.review_node, after.asked)
    # A graph-wide error handler would take a refused answer for a failure of this node, and the question
    # would be lost.
    builder.nodes[node.review_node].is_error_handler = True


def _function(bound: Any, mark: GateMark) -> Any:
    """A plain function around a bound method: LangGraph reads a node's name and marks off functions."""

    def node(state: Any) -> Any:
        return bound(state)

    return set_mark(node, mark)


def _check_state(builder: Any, gate: Gate) -> None:
    missing = [key for key in ("reviews", "judgements", "effects") if key not in builder.channels]
    if missing:
        raise DefinitionError(
            gate.where, "state", f"has no {', '.join(missing)}: let the graph's state extend HitlState"
        )


def with_continuations(gate: Gate, targets: Mapping[str, str | None], options: Mapping[str, str]) -> Gate:
    """The gate with its final decisions and where each leads."""
    if not isinstance(targets["approved"], str) or not targets["approved"]:
        raise DefinitionError(
            gate.where, "approved", "is missing: name the node that an approved proposal goes to"
        )
    if targets["approved"] == gate.name:
        raise DefinitionError(gate.where, "approved", "is the gate itself: name the node that acts")
    for word in gate.decisions:
        if not targets[CONTINUES[word]]:
            raise DefinitionError(
                gate.where,
                CONTINUES[word],
                f"is missing: the gate allows {word!r}, so say which node the graph goes to then (or END)",
            )
    values = {option.value for option in gate.options}
    if unknown := sorted(set(options) - values):
        raise DefinitionError(
            gate.where, "options", f"{unknown} are no options of this gate ({', '.join(sorted(values))})"
        )
    gate.check_choice([value for value, target in options.items() if target != targets["approved"]])
    allowed = list(gate.decisions)
    if gate.allowed is None:  # what is given a way on is offered
        allowed += [w for w in ("reject", "respond", "ask_info", "take_over") if targets[CONTINUES[w]]]
    allowed = list(dict.fromkeys(allowed))
    continuation = {word: targets[CONTINUES[word]] or "" for word in allowed}
    continuation.update({f"choose:{value}": target for value, target in options.items()})
    return dataclasses.replace(gate, allowed=tuple(allowed), continuation=continuation)


def labels_of(gate: Gate, routes: Routes) -> dict[str, str]:
    """Edge labels by target: every outcome that leads there."""
    words: dict[str, list[str]] = {}
    if any(word in APPROVING for word in gate.decisions) or not gate.always_asks:
        words[routes.approved] = ["approved"]
    for outcome in ("rejected", "responded", "asked", "taken_over"):
        target = getattr(routes, outcome)
        if target and any(CONTINUES[word] == outcome for word in gate.decisions):
            words.setdefault(target, []).append(outcome.replace("_", " "))
    for value, target in routes.options.items():
        words.setdefault(target, []).append(value)
    if "edit" in gate.decisions or gate.collects:
        words.setdefault(gate.name, []).append("judged again")
    return {target: " / ".join(dict.fromkeys(labels)) for target, labels in words.items()}
