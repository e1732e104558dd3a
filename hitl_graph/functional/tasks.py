"""`review` and `areview`: a gate's question in the middle of plain code, each step a LangGraph task of its own."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Mapping
from typing import Any

from langgraph.config import get_config
from langgraph.func import task

from hitl_graph.errors import DefinitionError, ProposalError
from hitl_graph.functional.about import about, differs
from hitl_graph.functional.attempts import Attempts
from hitl_graph.functional.here import call_here, waits_on_its_own_loop
from hitl_graph.functional.pause import hand_on, hold
from hitl_graph.functional.reviewed import Reviewed
from hitl_graph.functional.room import CALL
from hitl_graph.functional.steps import MOVED, Case, ask, course, judge
from hitl_graph.gates import Gate
from hitl_graph.nodes.question import aasked, asked
from hitl_graph.wire import Shape

__all__ = ["areview", "review"]

Json = dict[str, Any]


def review(
    gate: Gate, proposal: Any, *, context: Mapping[str, Any] | None = None, shape: Shape = Shape.NATIVE
) -> Reviewed:
    """Judge a proposal by a gate: let it pass, or pause until a person has decided, once.

    For `@entrypoint`, `@task` and plain nodes. What was measured is kept by the checkpoint and never measured
    twice; an edit is judged again, and one that makes another act of it is reviewed again. The code around it
    runs again from its start after the pause, as with every LangGraph interrupt: what it proposes must come out
    the same, so make it in a `@task`.

    Args:
        gate: What to ask, and when.
        proposal: What would be done: a JSON object, a pydantic model, a dataclass, or one value.
        context: What the gate's functions (evidence, transcript, detectors, …) see besides the proposal, which
            stands under `gate.proposal`; in a node, its state.
        shape: The payload that an older client renders; the native case stands inside it.

    Returns:
        What came of it. Act on `final`, in a `@task` of its own, and hand it `key`.

    Raises:
        DefinitionError: It is called outside a graph, in async code, or without a checkpointer; or the gate may
            let an irreversible act pass and does not say why. Nobody was asked.
        ProposalError: The proposal cannot be shown as it is; or it, the gate or the context is another one than at
            the first time.
    """
    context = _checked(gate, context)
    slot = Attempts.slot()
    with hold(slot):
        end = slot.recall() or _started(gate, proposal, context, shape).result()
        slot.end = end
    return _reviewed(gate, proposal, context, end)


async def areview(
    gate: Gate, proposal: Any, *, context: Mapping[str, Any] | None = None, shape: Shape = Shape.NATIVE
) -> Reviewed:
    """`review`, for async code."""
    context = _checked(gate, context)
    slot = Attempts.slot()
    with hold(slot):
        end = slot.recall() or await _ASYNC_TASKS["review"](gate, proposal, context, shape)
        slot.end = end
    return _reviewed(gate, proposal, context, end)


def _checked(gate: object, context: object) -> Mapping[str, Any]:
    """What is wrong for every proposal is said at the first one.

    Raises:
        DefinitionError: See `review`.
    """
    if not isinstance(gate, Gate):
        raise DefinitionError("review", "gate", f"is a {type(gate).__name__}, not a gate")
    if context is not None and not isinstance(context, Mapping):
        problem = f"is a {type(context).__name__}: give a dict of what the gate's functions read"
        raise DefinitionError(gate.where, "context", problem)
    if not (gate.always_asks or gate.action.reversible or gate.unattended):
        problem = f"is empty: {gate.action.name} is irreversible, so say why it may pass without a person"
        raise DefinitionError(gate.where, "unattended", problem)
    try:
        running = get_config()["configurable"]
    except RuntimeError:
        running = {}
    if CALL not in running:
        problem = "is outside of a running graph: call it in an @entrypoint, a @task or a node"
        raise DefinitionError(gate.where, "review", problem)
    if running.get("__pregel_checkpointer") is None:
        problem = "is missing: give @entrypoint or compile() one, such as open_checkpointer()"
        raise DefinitionError(gate.where, "checkpointer", problem)
    return context or {}


def _started(
    gate: Gate, proposal: Any, context: Mapping[str, Any], shape: Shape
) -> concurrent.futures.Future[Json]:
    """The review's task, under way. In an async graph it runs on the loop, and waits in no thread of the pool."""
    if waits_on_its_own_loop():
        raise DefinitionError(gate.where, "review", "is called in async code: use `await areview(...)`")
    try:
        started: Any = _ASYNC_TASKS["review"](gate, proposal, context, shape)
    except RuntimeError:  # what LangGraph says in a sync graph, before it has started anything
        started = call_here(_TASKS["review"], gate, proposal, context, shape)
    out: concurrent.futures.Future[Json] = started
    return out


def _reviewed(gate: Gate, proposal: Any, context: Mapping[str, Any], end: Json) -> Reviewed:
    """The end as it comes back, if it is about just what this gate is asked now."""
    if other := differs(end["about"], about(gate, proposal, context)):
        raise ProposalError(gate.where, gate.proposal if other == "proposal" else other, MOVED)
    return Reviewed.of(end, proposal)


# Every review is a task, and so is every step in it. So several reviews at once do not share a counter of
# interrupts, an answer finds its question whatever else was reached first, and what a step gave is kept.


def _run(gate: Gate, proposal: Any, context: Mapping[str, Any], shape: Shape) -> Json:
    steps = course(gate, proposal, context, shape)
    try:
        kind, case = next(steps)
        while True:
            with hand_on():
                sent = _TASKS[kind](case).result()
            kind, case = steps.send(sent)
    except StopIteration as stop:
        end: Json = stop.value
        return end


async def _arun(gate: Gate, proposal: Any, context: Mapping[str, Any], shape: Shape) -> Json:
    steps = course(gate, proposal, context, shape)
    try:
        kind, case = next(steps)
        while True:
            with hand_on():
                sent = await _ASYNC_TASKS[kind](case)
            kind, case = steps.send(sent)
    except StopIteration as stop:
        end: Json = stop.value
        return end


def _judge(case: Case) -> Json:
    return judge(case, case.gate.collect(case.state))


async def _ajudge(case: Case) -> Json:
    return judge(case, await case.gate.acollect(case.state))


def _ask(case: Case) -> Json:
    return ask(case, asked())


async def _aask(case: Case) -> Json:
    return ask(case, await aasked())


def _tasks(**functions: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """LangGraph tasks of these names, as they are seen in streams and traces."""
    named: Any = task
    return {name: named(name=name)(function) for name, function in functions.items()}


_TASKS = _tasks(review=_run, judge=_judge, ask=_ask)
_ASYNC_TASKS = _tasks(review=_arun, judge=_ajudge, ask=_aask)
