"""The act on the outside world: only what was approved, only as it was approved, and once."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, Literal

from langchain_core.runnables.config import run_in_executor
from langgraph._internal._runnable import RunnableCallable  # what LangGraph itself makes of a node's function
from langgraph.config import get_config
from langgraph.types import Command

from hitl_graph.errors import DefinitionError, EffectHeld, EffectNotApproved
from hitl_graph.gates.schema import as_object
from hitl_graph.nodes.clock import now
from hitl_graph.nodes.gate_node import go_on
from hitl_graph.nodes.ledger import Act, aentered, entered, to_its_end
from hitl_graph.nodes.marks import EffectMark, set_mark
from hitl_graph.nodes.question import review_id
from hitl_graph.plain import plain_json
from hitl_graph.reviews import Owner, proposal_digest
from hitl_graph.risk import ActionClass

__all__ = ["effect"]

_ACTS = "__hitl_acts"
"""Where a task counts the acts that it does without a gate."""
Check = Callable[[Any], str | None]
"""Looks at the state just before the act; a sentence holds the act, None lets it happen."""


@dataclasses.dataclass(frozen=True)
class Grant:
    """What lets an act happen: its key, and who answers for it."""

    key: str
    by: str
    review: str | None
    digest: str | None = None
    judged_at: str | None = None


def effect(
    function: Callable[..., Any],
    *,
    action: ActionClass,
    checks: Sequence[Check] = (),
    held: str | None = None,
    owner: Owner | None = None,
    proposal: str | None = None,
    idempotent: bool | None = None,
) -> Any:
    """Make a node of a function that acts: it runs only on an approval of exactly what stands in the state.

    Before it acts it looks for the latest decision about this action and this content; a rejection or a
    changed proposal stops it. What cannot be undone needs a decision, or a gate whose author said why it may
    pass unattended. The state keeps who answered for the act, and one approval does not act
    again as the thread goes on.

    With a saver of ours the act stands in a ledger, in the database: a row before it, its result after it. Replayed,
    copied, restored or run by two processes at once, it gives the result that it gave, and is not done again. When
    it raised or its process died in the middle, and its target takes no key, nobody can know: it is not tried again
    before a person has said what happened (`desk.effects.settle`). Let the function raise `EffectNotDone` where it
    knows that nothing happened.

    Args:
        function: Takes the state, and `key` (the review's id, for targets that take an idempotency key) or
            `config` when it names them. Sync or async. Returns a state update or None.
        action: The act's class, the same as the gate's.
        checks: Looked at just before the act (R75): do-not-contact lists, timing, changed context.
        held: The node that a held act goes to; without it, `EffectHeld` is raised.
        owner: Who answers for a reversible act that no gate stands before (R79).
        proposal: The state key of what is done; needed only where gates judge several proposals for this
            action.
        idempotent: Whether the target acts once for one key, however often it is told; None: when `function` takes
            `key`.

    Returns:
        The node, with a sync side where the function has one and an async side.

    Raises:
        DefinitionError: `function` or `action` is none, or `function` demands what an effect is not given.
    """
    if not callable(function):
        raise DefinitionError("effect", "function", f"{function!r} cannot be called")
    if not isinstance(action, ActionClass):
        raise DefinitionError("effect", "action", "is missing: the ActionClass that the gate before it names")
    takes = _extra_parameters(function, action)
    told_once = "key" in takes if idempotent is None else idempotent
    called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004  # its code is asked for, not whether it can be called
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
    act = _Effect(function, action, tuple(checks), held, owner, proposal, takes, told_once, is_async)
    node = _node(act, held)
    set_mark(node, EffectMark(action, str(owner) if owner else None, held))
    return node


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
    idempotent: bool
    is_async: bool

    def acts(self, state: Any) -> Any:
        grant = self._before(state)
        if not isinstance(grant, Grant):
            return grant
        try:
            with entered(self._act(grant)) as entry:
                if not entry.done:
                    result = self.function(state, **self._extra(grant))
                    entry.finish(_update_or_nothing(result))
        except EffectHeld as held:
            return self._held(state, grant, str(held))
        return self._after(grant, entry.result if entry.done else result)

    async def acts_async(self, state: Any) -> Any:
        grant = self._before(state)
        if not isinstance(grant, Grant):
            return grant
        try:
            result = await to_its_end(self._entered(state, grant))
        except EffectHeld as held:
            return self._held(state, grant, str(held))
        return self._after(grant, result)

    async def _entered(self, state: Any, grant: Grant) -> Any:
        """The act between its two rows, and what came of it now or before."""
        async with aentered(self._act(grant)) as entry:
            if not entry.done:
                result = await self._called(state, grant)
                entry.finish(_update_or_nothing(result))
        return entry.result if entry.done else result

    async def _called(self, state: Any, grant: Grant) -> Any:
        """What the function gives; a sync one in a thread, as LangGraph itself runs it."""
        extra = self._extra(grant)
        if not self.is_async:
            return await run_in_executor(None, self.function, state, **extra)
        return await self.function(state, **extra)

    def _act(self, grant: Grant) -> Act:
        return Act(
            key=grant.key,
            review=grant.review,
            action=self.action.name,
            digest=grant.digest,
            by=grant.by,
            node=_this_node(),
            judged_at=grant.judged_at,
            idempotent=self.idempotent,
        )

    def _before(self, state: Any) -> Grant | Any:
        """The grant to act on, or the update to return instead of acting."""
        grant = _grant(state, self.action, self.owner, self.proposal)
        for done in _get(state, "effects") or ():
            if done.get("key") == grant.key and not done.get("held"):
                if done.get("node") in (None, _this_node()):
                    return {}
                raise EffectNotApproved(
                    f"{self.action.name}: node {done['node']!r} has acted on this approval, and one approval lets one "
                    "act happen: nothing was done; give the two acts a gate or an action class each"
                )
        for check in self.checks:
            if reason := check(state):
                return self._held(state, grant, f"{self.action.name} was held: {reason}", reason)
        return grant

    def _held(self, state: Any, grant: Grant, error: str, reason: str | None = None) -> Any:
        """Go to the node for held acts.

        Raises:
            EffectHeld: There is none. Nothing was done.
        """
        if self.held is None:
            raise EffectHeld(error)
        return go_on(state, self.held, {"effects": [{**self._entry(grant), "held": reason or error}]})

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
            "node": _this_node(),
            "at": now().isoformat(),
        }

    def _extra(self, grant: Grant) -> dict[str, Any]:
        """The arguments besides the state that the function names."""
        extra = {"key": grant.key} if "key" in self.takes else {}
        return {**extra, "config": get_config()} if "config" in self.takes else extra


class _EffectNode(RunnableCallable):
    """What LangGraph makes of a node's function, with both sides; it can be called like the function as well."""

    def __call__(self, state: Any) -> Any:
        return self.func(state) if self.func else self.afunc(state)  # type: ignore[misc]  # one of them is there


def _node(act: _Effect, held: str | None) -> _EffectNode:
    """The node of an act. An async graph keeps the ledger on its loop, whatever kind the function is."""
    acts, acts_async = act.acts, act.acts_async

    def sync_node(state: Any) -> Any:
        return acts(state)

    async def async_node(state: Any) -> Any:
        return await acts_async(state)

    def leads(_node: Any, state: Any) -> Any:
        return sync_node(state)

    node = _EffectNode(
        None if act.is_async else sync_node, async_node, name=getattr(act.function, "__name__", "effect")
    )
    if held:  # LangGraph reads where a node leads off the annotation of its `__call__`
        leads.__annotations__ = {"return": Command[Literal[held]]}  # type: ignore[valid-type]  # for LangGraph
        vars(node)["__call__"] = MethodType(leads, node)
    node.__doc__ = act.function.__doc__
    return node


def _update_or_nothing(result: Any) -> Any:
    """What the ledger keeps of a result: a value that is no update is told of once, and must not poison a replay."""
    return result if result is None or isinstance(result, (Command, Mapping)) else None


def _this_node() -> str | None:
    found = get_config()["metadata"].get("langgraph_node")
    return None if found is None else str(found)


def _grant(state: Any, action: ActionClass, owner: Owner | None, proposal: str | None) -> Grant:
    """What lets this act happen now.

    Raises:
        EffectNotApproved: Nothing does. Nothing was done.
    """
    records = [
        r for r in _get(state, "reviews") or () if r["action"] == action.name and r["outcome"] != "routed"
    ]
    judged = {g: j for g, j in (_get(state, "judgements") or {}).items() if j["action"] == action.name}
    keys = {entry["proposal_key"] for entry in (*records, *judged.values())}
    if proposal is None and len(keys) > 1:
        raise EffectNotApproved(
            f"{action.name}: gates judged {', '.join(sorted(keys))}; nothing was done: say effect(…, proposal=…)"
        )
    let_pass = {gate: kept for gate, kept in judged.items() if _passes(kept, state, action, proposal)}
    for record in reversed(records):
        if proposal not in (None, record["proposal_key"]):
            continue
        current = _digest(state, action, record["proposal_key"])
        if record["outcome"] == "approved" and record["final_digest"] == current:
            if kept := let_pass.get(record["gate"]):  # judged anew since then, and let pass by its policy
                return _by_policy(kept)
            if record["by"].startswith("system:") and (not action.reversible or action.regulated):
                raise EffectNotApproved(
                    f"{action.name}: {record['by']} approved it and no person; what cannot be undone is never let "
                    "through by silence: nothing was done"
                )
            return Grant(record["review"], record["by"], record["review"], current)
        if current in (record["final_digest"], proposal_digest(action.name, record["proposed"])):
            raise EffectNotApproved(
                f"{action.name}: just this was {record['outcome'].replace('_', ' ')} by {record['by']} "
                f"(review {record['review']}); it is not done"
            )
    for kept in let_pass.values():
        return _by_policy(kept)
    if action.reversible and owner is not None:
        return Grant(_own_key(), f"policy of {owner}", None)
    fix = (
        "put a gate before it" if not action.reversible else "put a gate before it, or give effect() an owner"
    )
    raise EffectNotApproved(f"{action.name}: nobody approved exactly this content; nothing was done: {fix}")


def _own_key() -> str:
    """What an act goes by that only its owner answers for: the task's id, and which of the task's acts it is."""
    acts = get_config()["configurable"].setdefault(_ACTS, [])
    acts.append(None)
    return review_id() if len(acts) == 1 else f"{review_id()}-{len(acts)}"


def _passes(kept: Mapping[str, Any], state: Any, action: ActionClass, proposal: str | None) -> bool:
    """Whether a kept judgement lets just this act pass without a person, by the policy alone."""
    if kept["outcome"] != "proceed" or kept.get("review") or proposal not in (None, kept["proposal_key"]):
        return False
    may_pass = action.reversible or kept["unattended"]
    return bool(may_pass) and kept["proposal_digest"] == _digest(state, action, kept["proposal_key"])


def _by_policy(kept: Mapping[str, Any]) -> Grant:
    policy = f"policy of {kept['owner']}"
    return Grant(kept["id"], policy, None, kept["proposal_digest"], kept.get("at"))


def _digest(state: Any, action: ActionClass, key: str) -> str:
    return proposal_digest(action.name, as_object(plain_json(_get(state, key), key)))


def _get(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
