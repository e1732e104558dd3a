"""A decision about an interrupt of other origin, in the shape that its asker wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl_graph.answers import plain_answer, plain_decision, refused
from hitl_graph.coercion import coerce
from hitl_graph.decisions import Approve, Decision, Edit, Reject, Respond, decision_to_json
from hitl_graph.errors import AnswerError
from hitl_graph.plain import JSON
from hitl_graph.schemas import BROKEN, fault, inferred_schema, join, undeclared
from hitl_graph.wire.foreign import ForeignCase, read_foreign
from hitl_graph.wire.shapes import Shape

__all__ = ["answer_foreign"]


def answer_foreign(
    case: object, decision: Decision | Sequence[Decision], *, response_schema: dict[str, Any] | None = None
) -> JSON:
    """A decision in the shape that the asker of a foreign interrupt wants: what to resume it with.

    Args:
        case: What `read_foreign` returned, or the interrupt's value.
        decision: One decision; or one for each act, where several are asked about at once.
        response_schema: The JSON Schema of the answer, if the case does not carry one.

    Raises:
        AnswerError: The asker does not take it, or it breaks the asker's schema; `field` names the part.
            Nothing was saved, and the case can be answered again.
    """
    if not isinstance(case, ForeignCase):
        case = read_foreign(case, response_schema=response_schema)
    schema = case.response_schema if response_schema is None else response_schema
    where = f"interrupt of node {case.node!r}" if case.node else "interrupt"
    decisions = list(decision) if isinstance(decision, (list, tuple)) else [decision]
    wanted = max(1, len(case.proposals))
    if len(decisions) != wanted:
        raise refused(
            where, "decisions", f"has {len(decisions)}, and this asks about {wanted} acts: decide on each"
        )
    try:
        answers = []
        for i, one in enumerate(decisions):
            answers.append(_answered(case, i, plain_decision(one, where, any_cause=True), schema, where))
    except AnswerError as error:
        if wanted == 1:
            raise
        part = "" if error.field == "answer" else f".{error.field}"
        raise refused(where, f"decisions[{len(answers)}]{part}", error.problem) from None
    batch = {Shape.AGENT_INBOX: answers, Shape.LANGCHAIN_BATCH: {"decisions": answers}}
    answer: JSON = batch.get(case.shape, answers[0])
    if schema is not None and (found := fault(answer, schema)):
        raise refused(where, join("answer", found[0]), found[1])
    return plain_answer(answer, "answer", where)


def _answered(case: ForeignCase, i: int, one: Decision, schema: dict[str, Any] | None, where: str) -> JSON:
    """The answer about the act at `i`, or about the whole where no act is named."""
    act = case.proposals[i] if case.proposals else {}
    allowed = act.get("allowed", case.allowed)
    if one.type not in allowed:
        problem = f"{one.type} is not allowed here: decide {' or '.join(allowed) or 'nothing'}"
        raise refused(where, "type", problem)
    if isinstance(one, Edit) and one.tool is not None:
        raise refused(where, "tool", "cannot be changed here: edit the arguments, or reject the call")
    if case.shape is Shape.NATIVE:
        return decision_to_json(one)
    if case.shape is Shape.RAW:
        return _raw(one, schema)
    if case.shape is Shape.AGENT_INBOX:
        return _human_response(one, act, where, exact=case.exact)
    return _langchain(one, act, case.args_key, where)


def _raw(decision: Decision, schema: dict[str, Any] | None) -> JSON:
    if not isinstance(decision, (Respond, Edit)):
        return isinstance(decision, Approve)
    value: JSON = decision.message if isinstance(decision, Respond) else decision.changes
    return value if schema is None else coerce(value, schema)


def _human_response(decision: Decision, act: dict[str, JSON], where: str, *, exact: bool) -> dict[str, JSON]:
    if isinstance(decision, Respond):
        return {"type": "response", "args": decision.message}
    if isinstance(decision, Reject):
        return {"type": "ignore", "args": None}
    if not exact:
        return {"type": "accept", "args": None}
    kind = "edit" if isinstance(decision, Edit) else "accept"
    return {"type": kind, "args": {"action": act["name"], "args": _edited(decision, act, where)}}


def _langchain(decision: Decision, act: dict[str, JSON], args_key: str, where: str) -> dict[str, JSON]:
    if isinstance(decision, Edit):
        return {
            "type": "edit",
            "edited_action": {"name": act["name"], args_key: _edited(decision, act, where)},
        }
    if isinstance(decision, Respond):
        return {"type": "respond", "message": decision.message}
    why = decision.note or decision.reason
    return (
        {"type": "reject", "message": why}
        if isinstance(decision, Reject) and why
        else {"type": decision.type}
    )


def _edited(decision: Decision, act: dict[str, JSON], where: str) -> dict[str, JSON]:
    """The full set of arguments, checked against the act's own schema where the asker gave one.

    Text becomes what the schema wants, or without one what stands there now.
    """
    schema, changes = act.get("schema", True), decision.changes if isinstance(decision, Edit) else {}
    told = schema if "schema" in act else inferred_schema(act["args"])
    args: dict[str, JSON] = {**act["args"], **coerce(changes, told)}
    if changes and "schema" in act and (extra := _undeclared(args, act)):
        raise refused(where, join("changes", extra), f"is no argument of {act['name']}")
    if changes and (found := fault(args, schema)):
        raise refused(where, join("changes", found[0]), found[1])
    return args


def _undeclared(args: dict[str, JSON], act: dict[str, JSON]) -> tuple[str | int, ...] | None:
    try:
        return undeclared(args, act["schema"], act["args"])
    except BROKEN:
        return None  # said by fault(), which reads the whole schema
