"""What a review takes for an answer, and what comes of it: the same at the desk and inside the graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import rfc8785

from hitl_graph.coercion import coerce
from hitl_graph.decisions import Cause, Choose, Decision, Edit, decision_from_json
from hitl_graph.errors import AnswerError, PlainJsonError
from hitl_graph.plain import JSON, plain_json, printable
from hitl_graph.reviews import Outcome, ReviewRequest
from hitl_graph.schemas import BROKEN, Schema, branches, fault, inferred_schema, join, members, undeclared

__all__ = [
    "MAX_ANSWER_BYTES",
    "MAX_ANSWER_DEPTH",
    "Applied",
    "apply_decision",
    "check_decision",
    "coerced_changes",
    "json_patch",
    "plain_answer",
    "plain_decision",
    "refused",
    "same_json",
]

MAX_ANSWER_BYTES = 1_000_000
"""The size of a whole decision in canonical JSON."""

MAX_ANSWER_DEPTH = 64
"""How deep objects and lists may nest in an answer; deeper ones break the readers that come after us."""

_OUTCOMES: dict[str, Outcome] = {
    "approve": "approved",
    "edit": "approved",
    "choose": "approved",
    "reject": "rejected",
    "respond": "responded",
    "ask_info": "asked",
    "take_over": "taken_over",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of a decision: the final version, or None where nothing is to be done.

    `patch` is the RFC 6902 JSON Patch from what was proposed to `final`.
    """

    outcome: Outcome
    final: dict[str, JSON] | None
    patch: tuple[dict[str, JSON], ...] = ()


def check_decision(request: ReviewRequest, decision: Decision, *, any_cause: bool = False) -> Decision:
    """The decision as this review takes it: plain JSON, text coerced to the type that each edited field has.

    Guarantees that the kind is allowed, that an option exists, and that the proposal with the edits in it
    satisfies the gate's schema (or, where the gate has none, keeps its fields and their JSON types).

    Args:
        request: The review, as it was shown.
        decision: What the person decided.
        any_cause: Whether the cause may be a code of the desk's, which the desk checks itself.

    Raises:
        AnswerError: The review cannot take it; `field` names the part, such as `changes.lines[2].amount`.
            Nothing was saved, and the case can be answered again.
    """
    where = f"review of gate {request.gate!r}"
    decision = plain_decision(decision, where, any_cause=any_cause)
    if decision.type not in request.allowed:
        raise refused(
            where, "type", f"{decision.type} is not allowed here: decide {_listed(request.allowed)}"
        )
    if isinstance(decision, Choose):
        values = [option.value for option in request.options]
        if decision.option not in values:
            raise refused(where, "option", f"is none of the options: choose {_listed(values)}")
    if isinstance(decision, Edit) and decision.tool not in (None, request.act):
        return _other_tool(request, decision, where)
    if isinstance(decision, Edit):
        if decision.tool is not None and request.tool_call is None:
            raise refused(where, "tool", "is of no use: this case is about no tool call")
        if not decision.changes:
            raise refused(where, "changes", "is empty: name a field and its new value")
        changes = coerced_changes(request, decision.changes)
        _check_changes(request, changes, where)
        return dataclasses.replace(decision, changes=changes, tool=None)
    return decision


def _other_tool(request: ReviewRequest, decision: Edit, where: str) -> Edit:
    """An edit that calls another tool: its changes are that tool's arguments, all of them."""
    schema = request.other_tools.get(str(decision.tool))
    if request.tool_call is None:
        raise refused(where, "tool", "is of no use: this case is about no tool call")
    if schema is None:
        known = _listed((request.act, *request.other_tools))
        raise refused(where, "tool", f"{decision.tool!r} may not be called instead: name {known}")
    changes = plain_answer(coerce(decision.changes, schema), "changes", where)
    if extra := undeclared(changes, schema, {}):
        raise refused(where, join("changes", extra), f"is no argument of {decision.tool}")
    if found := fault(changes, schema):
        raise refused(where, join("changes", found[0]), found[1])
    return dataclasses.replace(decision, changes=changes)


def apply_decision(request: ReviewRequest, decision: Decision) -> Applied:
    """What comes of a decision that `check_decision` returned.

    Approval leaves the proposal as it is; an edit replaces whole fields of it, or all of it where it calls
    another tool; a choice is written into the field that the judgement names as `option_field`, if the
    proposal has it. Everything else has no final version.
    """
    outcome = _OUTCOMES[decision.type]
    if outcome != "approved":
        return Applied(outcome=outcome, final=None)
    changes: dict[str, JSON] = {}
    final: dict[str, JSON]
    if isinstance(decision, Edit) and decision.tool is not None:
        final = plain_json(dict(decision.changes), request.proposal_key)
        return Applied(outcome=outcome, final=final, patch=json_patch(request.proposal, final))
    if isinstance(decision, Edit):
        changes = decision.changes
    elif isinstance(decision, Choose):
        field = request.judgement.get("option_field")
        if isinstance(field, str) and field in request.proposal:
            changes = coerced_changes(request, {field: decision.option})
    final = plain_json({**request.proposal, **changes}, request.proposal_key)
    return Applied(outcome=outcome, final=final, patch=json_patch(request.proposal, final))


def coerced_changes(request: ReviewRequest, changes: Mapping[str, JSON]) -> dict[str, JSON]:
    """These fields with text turned into the types that the review's proposal has; the rest as it came."""
    inferred = inferred_schema(request.proposal)
    out: dict[str, JSON] = dict(changes)
    if request.edit_schema is not None:
        out = coerce(out, request.edit_schema)
    loose = _loose(request, out)
    return {**out, **coerce({key: out[key] for key in loose}, inferred)}


def plain_decision(decision: object, where: str, *, any_cause: bool = False) -> Decision:
    """A decision of which every part is plain JSON, within the limits of depth and size.

    Raises:
        AnswerError: NaN, an infinity, an integer beyond ±2^53, a lone surrogate, a NUL, a blank text, too
            deep or too large, or no decision at all; `field` names the part.
    """
    if not isinstance(decision, Decision):
        raise refused(where, "answer", f"is no decision but a {type(decision).__name__}")
    fields = {f.name: getattr(decision, f.name) for f in dataclasses.fields(decision)}
    body = {k: plain_answer(v, k, where) for k, v in fields.items() if v is not None}
    for name in ("option", "message", "question"):
        if not body.get(name, "-").strip():
            raise refused(where, name, "is blank")
    sizes = {name: len(rfc8785.dumps(value)) for name, value in body.items()}
    if sum(sizes.values()) > MAX_ANSWER_BYTES:
        raise _too_large(where, max(sizes, key=lambda name: sizes[name]))
    try:
        plain = decision_from_json(body)
    except AnswerError as error:
        raise refused(where, error.field, error.problem) from None
    if not any_cause and not isinstance(plain.cause, Cause | None):
        raise refused(where, "cause", f"is {plain.cause!r}, and should be one of {', '.join(Cause)}")
    return plain


def plain_answer(value: object, field: str, where: str) -> JSON:
    """Any part of an answer in plain JSON, within the limits of depth and size.

    Raises:
        AnswerError: It is not; `field` names the part.
    """
    _measure(value, field, where)
    try:
        plain = plain_json(value, field)
        _measure(plain, field, where)
        rfc8785.dumps(plain)
    except PlainJsonError as error:
        raise refused(where, error.field, error.problem) from None
    except (ValueError, RecursionError) as error:
        raise refused(where, field, f"cannot be kept as JSON: {error}") from None
    return plain


def same_json(one: JSON, other: JSON) -> bool:
    """Whether two values are the same JSON: 1 and 1.0 are, 1 and true are not, whatever the order of keys."""
    return bool(rfc8785.dumps(one) == rfc8785.dumps(other))


def json_patch(before: JSON, after: JSON, path: str = "") -> tuple[dict[str, JSON], ...]:
    """The changes from one JSON value to another, as `add`, `remove` and `replace` by sorted path.

    Always the same for the same two values, whatever the order of their keys: there is no search for moved
    parts.

    Source: RFC 6902 (JSON Patch), RFC 6901 (JSON Pointer).
    """
    if same_json(before, after):
        return ()
    out: list[dict[str, JSON]] = []
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in after:
                out.append({"op": "remove", "path": here})
            elif key not in before:
                out.append({"op": "add", "path": here, "value": after[key]})
            else:
                out.extend(json_patch(before[key], after[key], here))
    elif isinstance(before, list) and isinstance(after, list):
        common = min(len(before), len(after))
        for i in range(common):
            out.extend(json_patch(before[i], after[i], f"{path}/{i}"))
        out.extend({"op": "remove", "path": f"{path}/{i}"} for i in reversed(range(common, len(before))))
        out.extend({"op": "add", "path": f"{path}/{i}", "value": after[i]} for i in range(common, len(after)))
    else:
        out.append({"op": "replace", "path": path, "value": after})
    return tuple(out)


def refused(where: str, field: str, problem: str) -> AnswerError:
    """The error for an answer that cannot be taken, with what came from outside made short and printable."""
    field, problem = printable(field), printable(problem)
    return AnswerError(where, field if len(field) <= 120 else f"{field[:119]}…", problem)


def _loose(request: ReviewRequest, fields: Iterable[str]) -> list[str]:
    """The fields of which the gate's schema says nothing: their present value is all there is to go by."""
    if request.edit_schema is None:
        return list(fields)
    try:
        here = list(branches(request.edit_schema))
        return [key for key in fields if not members(here, key)]
    except BROKEN:
        return []  # said by fault(), which reads the whole schema


def _check_changes(request: ReviewRequest, changes: dict[str, JSON], where: str) -> None:
    inferred = inferred_schema(request.proposal)
    schema: Schema = inferred if request.edit_schema is None else request.edit_schema
    # Coercion may have made numbers of text, and what is fine as text may be beyond what JSON keeps.
    plain_answer(changes, "changes", where)
    try:
        extra = undeclared(changes, schema, request.proposal)
    except BROKEN:
        extra = None
    if extra:
        raise refused(
            where, join("changes", extra), "is no field of what is proposed, so it cannot be changed"
        )
    # A schema may describe the editable fields alone: the others are none of its business while they stay.
    loose = _loose(request, {**request.proposal, **changes})
    merged = {**{k: v for k, v in request.proposal.items() if k not in loose}, **changes}
    found = fault(merged, schema) or fault({k: v for k, v in changes.items() if k in loose}, inferred)
    if found:
        path, problem = found
        untouched = " (not changed by this edit)" if path and path[0] not in changes else ""
        raise refused(where, join("changes", path), problem + untouched)


def _measure(value: object, field: str, where: str) -> None:
    """Depth and rough size without recursion, so that a value made to break the reader cannot."""
    left: list[tuple[object, int]] = [(value, 0)]
    size = 0
    while left:
        part, depth = left.pop()
        if depth > MAX_ANSWER_DEPTH:
            raise refused(where, field, f"nests deeper than {MAX_ANSWER_DEPTH} levels")
        size += 1 + (len(part) if isinstance(part, (str, bytes, bytearray)) else 0)
        if size > MAX_ANSWER_BYTES:
            raise _too_large(where, field)
        if isinstance(part, Mapping):
            left.extend((inner, depth + 1) for pair in part.items() for inner in pair)
        elif isinstance(part, (list, tuple, set, frozenset)):
            left.extend((inner, depth + 1) for inner in part)


def _too_large(where: str, field: str) -> AnswerError:
    return refused(where, field, f"is too large: an answer may hold {MAX_ANSWER_BYTES:,} bytes of JSON")


def _listed(names: Any) -> str:
    quoted = [str(name) for name in names]
    return " or ".join(quoted[:20]) + (" …" if len(quoted) > 20 else "") if quoted else "nothing"
