"""What a scripted reviewer answers to which case. Pure: a case in, a decision out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl_graph.decisions import Decision
from hitl_graph.desk.case import Case

__all__ = ["Rule", "Script", "ScriptError"]

Rule = Decision | Sequence[Decision] | Callable[[Case], Decision | None]
"""One decision for every case, decisions to take in turn, or a function of the case."""


class ScriptError(AssertionError):
    """A script has no answer for a case, or answers that nobody asked for: the test has failed."""


class Script:
    """Finds the decision for a case.

    Args:
        rules: One rule for all cases, or a mapping from what a case is called to its rule: the gate, else the tool or
            the action, else the node; `"*"` is for all others.

    Raises:
        TypeError: A rule is none.
    """

    def __init__(self, rules: Rule | Mapping[str, Rule]) -> None:
        named = dict(rules) if isinstance(rules, Mapping) else {"*": rules}
        for name, rule in named.items():
            _check(name, rule)
        self._rules: dict[str, Rule] = named
        self._used: dict[str, int] = dict.fromkeys(named, 0)

    def decide(self, case: Case) -> Decision:
        """The decision for this case.

        Raises:
            ScriptError: There is none; it names the case and what would be an answer.
        """
        name = next((name for name in (*_names(case), "*") if name in self._rules), None)
        if name is None:
            raise ScriptError(
                f"{described(case)}\nThe script has answers for: {', '.join(self._rules) or 'nothing'}."
            )
        rule = self._rules[name]
        number = self._used[name]
        self._used[name] += 1
        if isinstance(rule, Decision):
            return rule
        if callable(rule):
            decision = rule(case)
            if decision is None:
                raise ScriptError(f"{described(case)}\nThe script's function for {name!r} gave None.")
            if not isinstance(decision, Decision):
                raise TypeError(
                    f"script {name!r}: the function gave a {type(decision).__name__}, no decision"
                )
            return decision
        if number >= len(rule):
            raise ScriptError(
                f"{described(case)}\nThe script's {len(rule)} answers for {name!r} are used up."
            )
        return rule[number]

    @property
    def unused(self) -> tuple[str, ...]:
        """What the script would still say, in words: rules that no case came to, and the rest of each sequence."""
        found = []
        for name, rule in self._rules.items():
            used = self._used[name]
            if isinstance(rule, Sequence):
                found += [f"{name}, answer {number + 1}: {rule[number]}" for number in range(used, len(rule))]
            elif not used:
                found.append(f"{name}: {rule}")
        return tuple(found)


def described(case: Case) -> str:
    """A case in the words of a failed test."""
    lines = [
        f"No answer for {_names(case)[0]!r} in thread {case.thread_id!r}.",
        f"It asks: {case.question}",
        f"About: {case.proposal or case.payload}",
        f"It takes: {', '.join(case.allowed)}",
    ]
    return "\n".join(lines)


def _names(case: Case) -> list[str]:
    """What a case is called, the most telling name first."""
    request = case.request
    names = [case.gate, request.act if request else None, case.action, case.node]
    return [name for name in names if name] or ["(no name)"]


def _check(name: str, rule: Any) -> None:
    if isinstance(rule, Decision) or callable(rule):
        return
    if (
        isinstance(rule, Sequence)
        and not isinstance(rule, str)
        and all(isinstance(one, Decision) for one in rule)
    ):
        return
    raise TypeError(
        f"script {name!r}: is {rule!r}, and should be a decision such as Approve(), a list of them, or a function"
    )
