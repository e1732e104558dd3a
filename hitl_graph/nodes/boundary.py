"""Proof, on a graph's structure, that nothing irreversible happens without a gate before it."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langgraph.graph import START

from hitl_graph.errors import BoundaryError
from hitl_graph.nodes.flow import Edge, Flow, read_flow

__all__ = ["Problem", "Walk", "check_boundary", "find_problems", "walk"]


def check_boundary(graph: Any, *, strict: bool = False) -> None:
    """Check that no irreversible effect can be reached from START without passing a gate for its action.

    Every way counts: conditional edges, `Command`s, `Send`s, joins, parallel branches, subgraphs, error
    handlers and loops. An approval serves one act, and ends on every way out of a gate but those to the nodes
    it approves. A gate that may let an act pass by itself counts only with a reason (`unattended`).
    `interrupt_before` and `interrupt_after` are no gates. What is declared is believed; code that is seen to
    go on undeclared is taken to go anywhere.

    This is about the graph as it is built. An act that is reached in another way, such as `Command(goto=)`
    from outside, is stopped by `effect` when it runs.

    Args:
        graph: A compiled graph, or a `StateGraph`.
        strict: Reversible effects need a gate as well, and every gate asks about everything (R73).

    Raises:
        BoundaryError: There are such ways; `paths` names each one. Nothing was run.
        DefinitionError: `graph` is no graph.
    """
    problems = find_problems(read_flow(graph), strict=strict)
    if len(problems) == 1:
        raise BoundaryError(problems[0].text, (problems[0].path,))
    if problems:
        lines = "\n".join(f"- {problem.text}" for problem in problems)
        paths = tuple(problem.path for problem in problems)
        raise BoundaryError(f"{len(problems)} problems:\n{lines}", paths)


@dataclasses.dataclass(frozen=True)
class Problem:
    """One way that must not be: in words, and the nodes on it from START."""

    text: str
    path: tuple[str, ...]


State = tuple[str, bool]
"""A node, and whether the act that is looked at stands approved there."""


@dataclasses.dataclass(frozen=True)
class Walk:
    """All that can be reached from START, each state with the edge by which it was first reached."""

    came: Mapping[State, tuple[State, Edge] | None]
    bare: Sequence[tuple[State, Edge]]
    """The edges into an effect of this action, taken without an approval."""

    def edges_to(self, state: State) -> list[Edge]:
        """The edges of the shortest way from START."""
        edges: list[Edge] = []
        while step := self.came[state]:
            state, edge = step
            edges.append(edge)
        return edges[::-1]


def walk(flow: Flow, action: str, acting: frozenset[str] = frozenset(), *, strict: bool = False) -> Walk:
    """Walk the flow for one action class, breadth first.

    Approvals of different action classes do not touch each other, so that each class is walked by itself: two
    states for each node, however many classes there are.

    Args:
        flow: The graph.
        action: The action class.
        acting: The ids of the nodes that must not be reached without an approval of it.
        strict: A gate that may let pass by itself approves; it is a problem of its own.
    """
    start: State = (START, False)
    came: dict[State, tuple[State, Edge] | None] = {start: None}
    bare: list[tuple[State, Edge]] = []
    queue = deque([start])
    while queue:
        state = node, approved = queue.popleft()
        for edge in flow.edges.get(node, ()):
            now = approved and action not in edge.drops
            now = now or (edge.grants == action and (strict or not edge.weak))
            if edge.target in acting and not now:
                bare.append((state, edge))
            following = (edge.target, now)
            if following not in came:
                came[following] = (state, edge)
                queue.append(following)
    return Walk(came, bare)


def find_problems(flow: Flow, *, strict: bool = False) -> list[Problem]:
    """Every way around a gate in a flow; empty when there is none."""
    acting: dict[str, set[str]] = {}
    for node in flow.nodes.values():
        for mark in node.effects:
            if strict or not mark.action.reversible:
                acting.setdefault(mark.action.name, set()).add(node.id)
    problems = [*_gates_that_let_pass(flow)] if strict else []
    for action, nodes in sorted(acting.items()):
        problems += _ways_around(flow, action, walk(flow, action, frozenset(nodes), strict=strict))
        problems += _acts_at_once(flow, action, frozenset(nodes))
    return [*_two_of_one_name(flow), *problems]


def _two_of_one_name(flow: Flow) -> Iterator[Problem]:
    """Gates and effects that say the same name of different acts: an approval of one would count for the other."""
    sheets: dict[str, list[tuple[str, dict[str, object]]]] = {}
    for node in flow.nodes.values():
        marks = [mark.action for mark in node.effects] + ([node.gate.gate.action] if node.gate else [])
        for action in marks:
            sheets.setdefault(action.name, []).append((node.name, action.sheet()))
    for name, found in sorted(sheets.items()):
        other = next((node for node, sheet in found if sheet != found[0][1]), None)
        if other is not None:
            text = f"{name} is declared in two ways, at {found[0][0]!r} and at {other!r}: use one ActionClass for both"
            yield Problem(text, (found[0][0], other))


def _acts_at_once(flow: Flow, action: str, acting: frozenset[str]) -> Iterator[Problem]:
    """Ways on which one approval leads to several acts in the same step, where none sees the other."""
    told: set[str] = set()
    approved = [edge.target for edges in flow.edges.values() for edge in edges if edge.grants == action]
    for place in sorted(_reached(flow, action, approved, acting)):
        if place in told or place in acting or flow.nodes[place].gate:  # a gate takes one of its ways
            continue
        ways = [edge for edge in flow.edges.get(place, ()) if action not in edge.drops]
        many = any(edge.how == "sends nothing" for edge in ways)  # a router that sends may send several
        starts = [[edge.target] for edge in ways if not edge.how]
        routed = [edge.target for edge in ways if edge.how == "conditional edge"]
        starts += [routed] * (2 if many else 1)
        if sum(bool(_reached(flow, action, start, acting, joins=False) & acting) for start in starts) > 1:
            told.add(place)
            name = flow.nodes[place].name
            text = (
                f"{action}: one approval leads to several acts at once from {name!r}; "
                "put a gate before each, or give each an action class of its own"
            )
            yield Problem(text, ("START", name))


def _reached(
    flow: Flow, action: str, places: Sequence[str], acting: frozenset[str], *, joins: bool = True
) -> set[str]:
    """All that an approval at `places` reaches before it is used up; what only a join reaches runs once."""
    seen = set(places)
    queue = deque(places)
    while queue:
        place = queue.popleft()
        if place in acting:
            continue
        for edge in flow.edges.get(place, ()):
            passes = action not in edge.drops and edge.grants != action and (joins or edge.how != "join")
            if passes and edge.target not in seen:
                seen.add(edge.target)
                queue.append(edge.target)
    return seen


def _ways_around(flow: Flow, action: str, found: Walk) -> Iterator[Problem]:
    seen: set[tuple[str, ...]] = set()
    undeclared: set[str] = set()
    for state, last in found.bare:
        edges = [*found.edges_to(state), last]
        guesses = {edge.source for edge in edges if edge.advice}
        where = (last.source, last.target, last.how)
        # What may go anywhere goes to the effect itself: its ways over other nodes say nothing more.
        if where in seen or (guesses and guesses <= undeclared and not last.advice):
            continue
        seen.add(where)
        undeclared |= guesses
        names, words = _describe(flow, edges)
        weak = next((e for e in reversed(edges) if e.weak and e.grants == action), None)
        passes = f"pass {flow.nodes[weak.source].name!r} without a person" if weak else ""
        text = (
            f"{action} can {passes or 'be reached without a gate'}: {words}: {_advice(flow, action, edges)}"
        )
        yield Problem(text, names)


def _gates_that_let_pass(flow: Flow) -> Iterator[Problem]:
    found = walk(flow, "")
    named: set[str] = set()
    for node in flow.nodes.values():
        gate = node.gate.gate if node.gate else None
        if gate is None or gate.always_asks or gate.name in named:
            continue
        named.add(gate.name)
        state = (node.id, False)
        names, words = _describe(flow, found.edges_to(state)) if state in found.came else ((), "no way yet")
        yield Problem(
            f"{gate.action.name} can pass {node.name!r} without a person: {words}: "
            "strict mode asks about everything; give add_gate(..., strict=True)",
            names,
        )


def _describe(flow: Flow, edges: Sequence[Edge]) -> tuple[tuple[str, ...], str]:
    """The names on a way, and the way in words, with the kind of each edge that is no plain one."""
    names, words, hows = ["START"], ["START"], []
    for edge in edges:
        hows += [edge.how] if edge.how else []
        node = flow.nodes[edge.target]
        if not node.hidden:
            names.append(node.name)
            words.append(f"{node.name} ({', '.join(hows)})" if hows else node.name)
            hows = []
    return tuple(names), " -> ".join(words)


def _advice(flow: Flow, action: str, edges: Sequence[Edge]) -> str:
    """What to do about a way: looking back from the effect, the first thing that could have stopped it."""
    for edge in reversed(edges):
        node = flow.nodes[edge.source]
        if edge.advice:
            return edge.advice
        if edge.weak and edge.grants == action:
            return (
                f"the gate {node.name!r} may let it pass by itself; compose it with a ReviewBeforeSend by "
                'any_of, or say why it may, with unattended="..."'
            )
        if node.gate and node.gate.gate.action.name == action:
            way = f"along {edge.how!r}" if edge.how else "along this edge"
            return f"the gate {node.name!r} approves nothing {way}; only its approved way leads to an act"
        if action in node.acts and edge.how != "error":
            return f"{node.name!r} has used the approval up; lead the way back through the gate"
        if edge.grants and edge.grants != action:
            return f"the gate {node.name!r} is about {edge.grants}; put a gate for {action} before it"
    return f"put a gate for {action} on this way, with add_gate"
