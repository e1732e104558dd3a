"""The act on the outside world: only what was approved, only as it was approved, and once."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from langgraph.config import get_config
from langgraph.types import Command

from hitl_graph.errors import DefinitionError, EffectHeld, EffectNotApproved
from hitl_graph.gates.schema import as_object
from hitl_graph.nodes.clock import now
from hitl_graph.nodes.gate_node import go_on
from hitl_graph.nodes.marks import EffectMark, set_mark
from hitl_graph.nodes.question import review_id
from hitl_graph.plain import plain_json
from hitl_graph.reviews import Owner, proposal_digest
from hitl_graph.risk import ActionClass

__all__ = ["effect"]

Check = Callable[[Any], str | None]
"""Looks at the state just before the act; a sentence holds the act, None lets it happen."""


@dataclasses.dataclass(frozen=True)
class Grant:
    """What lets an act happen: its key, and who answers for it."""

    key: str
    by: str
    review: str | None


def effect(
    function: Callable[..., Any],
    *,
    action: ActionClass,
    checks: Sequence[Check] = (),
    held: str | None = None,
    owner: Owner | None = None,
    proposal: str | None = None,
) -> Callable[..., Any]:
    """Make a node of a function that acts: it runs only on an approval of exactly what stands in the state.

    Before it acts it looks for the latest decision about this action and this content; a rejection or a
    changed proposal stops it. What cannot be undone needs a decision, or a gate whose author said why it may
    pass unattended. The state keeps who answered for the act, and one approval does not act
    again as the thread goes on; a replay from an older checkpoint brings the same key.

    Args:
        function: Takes the state, and `key` (the review's id, for targets that take an idempotency key) or
            `config` when it names them. Sync or async. Returns a state update or None.
        action: The act's class, the same as the gate's.
        checks: Looked at just before the act (R75): do-not-contact lists, timing, changed context.
        held: The node that a held act goes to; without it, `EffectHeld` is raised.
        owner: Who answers for a reversible act that no gate stands before (R79).
        proposal: The state key of what is done; needed only where gates judge several proposals for this
            action.

    Returns:
        The node's function.

    Raises:
        DefinitionError: `function` or `action` is none, or `function` demands what an effect is not given.
    """
    if not callable(function):
        raise DefinitionError("effect", "function", f"{function!r} cannot be called")
    if not isinstance(action, ActionClass):
        raise DefinitionError("effect", "action", "is missing: the ActionClass that the gate before it names")
    takes = _extra_parameters(function, action)
    node = _Effect(function, action, tuple(checks), held, owner, proposal, takes)
    called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
    act: Callable[..., Any] = node.acts_async if is_async else node.acts
    node_function = _plain_function(act, function, held)
    set_mark(node_function, EffectMark(action, str(owner) if owner else None, held))
    return node_function


def _extra_parameters(function: Callable[..., Any], action: ActionClass) -> frozenset[str]:
    """Which of `key` and `config` the function takes besides the state.

    Raises:
        DefinitionError: It demands something else: that would only fail after the approval.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise DefinitionError(
            f"effect {action.name!r}", "function", "takes nothing: its first argument is the state"
        )
    for parameter in parameters[1:]:
        demanded = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if demanded and parameter.name not in ("key", "config"):
            problem = f"demands {parameter.name!r}: an effect is given the state, and key or config where it names them"
            raise DefinitionError(f"effect {action.name!r}", "function", problem)
    return frozenset(parameter.name for parameter in parameters[1:]) & {"key", "config"}


@dataclasses.dataclass(frozen=True)
class _Effect:
    """One act with its checks. Before and after are the same for both kinds of function."""

    function: Callable[..., Any]
    action: ActionClass
    checks: tuple[Check, ...]
    held: str | None
    owner: Owner | None
    proposal: str | None
    takes: frozenset[str]

    def acts(self, state: Any) -> Any:
        grant = self._before(state)
        return (
            self._after(grant, self.function(state, **self._extra(grant)))
            if isinstance(grant, Grant)
            else grant
        )

    async def acts_async(self, state: Any) -> Any:
        grant = self._before(state)
        if not isinstance(grant, Grant):
            return grant
        return self._after(grant, await self.function(state, **self._extra(grant)))

    def _before(self, state: Any) -> Grant | Any:
        """The grant to act on, or the update to return instead of acting."""
        grant = _grant(state, self.action, self.owner, self.proposal)
        if any(
            done.get("key") == grant.key and not done.get("held") for done in _get(state, "effects") or ()
        ):
            return {}
        for check in self.checks:
            if reason := check(state):
                if self.held is None:
                    raise EffectHeld(f"{self.action.name} was held: {reason}")
                entry = {**self._entry(grant), "held": reason}
                return go_on(state, self.held, {"effects": [entry]})
        return grant

    def _after(self, grant: Grant, result: Any) -> Any:
        entry = self._entry(grant)
        if isinstance(result, Command):
            update = dict(result._update_as_tuples())  # noqa: SLF001  # as LangGraph itself reads any kind of update
            return dataclasses.replace(result, update={**update, "effects": [entry]})
        if result is not None and not isinstance(result, Mapping):
            raise DefinitionError(
                "effect",
                self.action.name,
                f"returned a {type(result).__name__}, not a state update; it was done",
            )
        return {**(result or {}), "effects": [entry]}

    def _entry(self, grant: Grant) -> dict[str, Any]:
        return {
            "key": grant.key,
            "action": self.action.name,
            "by": grant.by,
            "review": grant.review,
            "at": now().isoformat(),
        }

    def _extra(self, grant: Grant) -> dict[str, Any]:
        """The arguments besides the state that the function names."""
        extra = {"key": grant.key} if "key" in self.takes else {}
        return {**extra, "config": get_config()} if "config" in self.takes else extra


def _plain_function(
    act: Callable[..., Any], function: Callable[..., Any], held: str | None
) -> Callable[..., Any]:
    """`act` as a function of its own: LangGraph reads a node's name and destinations off a function."""

    def sync_node(state: Any) -> Any:
        return act(state)

    async def async_node(state: Any) -> Any:
        return await act(state)

    node: Callable[..., Any] = async_node if inspect.iscoroutinefunction(act) else sync_node
    node.__name__ = getattr(function, "__name__", "effect")
    node.__doc__ = function.__doc__
    node.__annotations__ = {"return": Command[Literal[held]]} if held else {}  # type: ignore[valid-type]
    return node


def _grant(state: Any, action: ActionClass, owner: Owner | None, proposal: str | None) -> Grant:
    """What lets this act happen now.

    Raises:
        EffectNotApproved: Nothing does. Nothing was done.
    """
    records = [
        r for r in _get(state, "reviews") or () if r["action"] == action.name and r["outcome"] != "routed"
    ]
    passed = [j for j in (_get(state, "judgements") or {}).values() if j["action"] == action.name]
    keys = {entry["proposal_key"] for entry in (*records, *passed)}
    if proposal is None and len(keys) > 1:
        raise EffectNotApproved(
            f"{action.name}: gates judged {', '.join(sorted(keys))}; nothing was done: say effect(…, proposal=…)"
        )
    for record in reversed(records):
        if proposal not in (None, record["proposal_key"]):
            continue
        current = _digest(state, action, record["proposal_key"])
        if record["outcome"] == "approved" and record["final_digest"] == current:
            return Grant(record["review"], record["by"], record["review"])
        if current in (record["final_digest"], proposal_digest(action.name, record["proposed"])):
            raise EffectNotApproved(
                f"{action.name}: just this was {record['outcome'].replace('_', ' ')} by {record['by']} "
                f"(review {record['review']}); it is not done"
            )
    for kept in passed:
        let_through = kept["outcome"] == "proceed" and proposal in (None, kept["proposal_key"])
        may_pass = let_through and (action.reversible or kept["unattended"])
        if may_pass and kept["proposal_digest"] == _digest(state, action, kept["proposal_key"]):
            return Grant(kept["id"], f"policy of {kept['owner']}", None)
    if action.reversible and owner is not None:
        return Grant(review_id(), f"policy of {owner}", None)
    fix = (
        "put a gate before it" if not action.reversible else "put a gate before it, or give effect() an owner"
    )
    raise EffectNotApproved(f"{action.name}: nobody approved exactly this content; nothing was done: {fix}")


def _digest(state: Any, action: ActionClass, key: str) -> str:
    return proposal_digest(action.name, as_object(plain_json(_get(state, key), key)))


def _get(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
