"""Which gate stands before which tool call: by the tool's name, by a glob, or by a predicate."""

from __future__ import annotations

import dataclasses
import fnmatch
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hitl_graph.errors import DefinitionError
from hitl_graph.gates import Gate
from hitl_graph.gates import strict as strict_gate

__all__ = ["Gates", "Matcher", "Policy", "check_passes"]

Matcher = str | Callable[[Mapping[str, Any], Any], bool]
"""A tool's name, a glob such as `"send_*"`, or a function of the call (`name`, `args`, `id`) and the agent's state."""

Gates = (
    Mapping[str, Gate]
    | Mapping[Callable[[Mapping[str, Any], Any], bool], Gate]
    | Mapping[Matcher, Gate]
    | Sequence[tuple[Matcher, Gate]]
)
"""Matchers and their gates, in order: the first that matches a call decides."""

_WHERE = "GateMiddleware"


@dataclasses.dataclass(frozen=True)
class Policy:
    """All gates of an agent.

    Args:
        rules: Matcher and gate, the first match wins.
    """

    rules: tuple[tuple[Matcher, Gate], ...]

    @classmethod
    def of(cls, gates: Gates, *, strict: bool = False) -> Policy:
        """Read what the author gave.

        Raises:
            DefinitionError: A matcher or a gate is none, two gates share a name, or a gate may let an act pass that
                cannot be undone and does not say why.
        """
        pairs: list[Any] = list(gates.items()) if isinstance(gates, Mapping) else list(gates)
        if not pairs:
            raise DefinitionError(_WHERE, "gates", "is empty: give a gate for each tool that needs one")
        rules = []
        for pair in pairs:
            matcher, gate = pair if isinstance(pair, tuple) and len(pair) == 2 else (pair, None)
            if not (callable(matcher) or (isinstance(matcher, str) and matcher)):
                problem = f"{matcher!r} is no tool's name, glob or predicate of (tool_call, state)"
                raise DefinitionError(_WHERE, "gates", problem)
            if inspect.iscoroutinefunction(matcher) or inspect.iscoroutinefunction(
                getattr(matcher, "__call__", None)  # noqa: B004  # the method is what is looked at
            ):
                problem = f"{matcher!r} is async, and its coroutine would match every call: make it a plain function"
                raise DefinitionError(_WHERE, "gates", problem)
            if not isinstance(gate, Gate):
                problem = f"has a {type(gate).__name__} for {matcher!r}, not a gate such as ReviewBeforeSend"
                raise DefinitionError(_WHERE, "gates", problem)
            rules.append((matcher, strict_gate(gate) if strict else gate))
        for gate in _each_once(gate for _, gate in rules):
            check_passes(gate)
        return cls(tuple(rules))

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Each gate once."""
        return _each_once(gate for _, gate in self.rules)

    @property
    def names(self) -> frozenset[str]:
        """The tools that are named in full."""
        return frozenset(m for m, _ in self.rules if isinstance(m, str) and not set(m) & set("*?["))

    @property
    def has_predicates(self) -> bool:
        """Whether the state has a say in it."""
        return any(callable(matcher) for matcher, _ in self.rules)

    def may_match(self, name: str) -> bool:
        """Whether a call of this tool may need a gate."""
        return any(callable(matcher) or fnmatch.fnmatchcase(name, matcher) for matcher, _ in self.rules)

    def gate_for(self, call: Mapping[str, Any], state: Any) -> Gate | None:
        """The gate before a call, or None where it needs none."""
        for matcher, gate in self.rules:
            if matcher(call, state) if callable(matcher) else fnmatch.fnmatchcase(call["name"], matcher):
                return gate
        return None

    def named(self, name: str) -> Gate:
        """The gate of this name."""
        return next(gate for gate in self.gates if gate.name == name)

    def matchers(self, gate: Gate) -> list[str]:
        """What leads to a gate, in words."""
        return [
            f"by {getattr(matcher, '__name__', 'a predicate')}" if callable(matcher) else matcher
            for matcher, one in self.rules
            if one is gate
        ]


def check_passes(gate: Gate) -> None:
    """A tool that cannot be undone must not pass its gate without a reason.

    Raises:
        DefinitionError: The gate may let one pass by itself, and says no reason.
    """
    if not gate.action.reversible and not gate.always_asks and not gate.unattended:
        problem = (
            f"is missing: {gate.action.name} cannot be undone and this gate may let it pass without a person; "
            "say why it may, or compose it with a ReviewBeforeSend by any_of"
        )
        raise DefinitionError(gate.where, "unattended", problem)


def _each_once(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    found: dict[str, Gate] = {}
    for gate in gates:
        if found.setdefault(gate.name, gate) is not gate:
            raise DefinitionError(gate.where, "name", "is the name of two gates: give each its own")
    return tuple(found.values())
