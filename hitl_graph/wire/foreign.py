"""Interrupts that this library did not raise: read for listing, answered as their asker wants it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.answers import MAX_ANSWER_DEPTH, plain_answer, plain_decision, refused
from hitl_graph.coercion import accepts, coerce
from hitl_graph.decisions import Approve, Decision, Edit, Reject, Respond, decision_to_json
from hitl_graph.errors import AnswerError
from hitl_graph.plain import JSON, plain_json, printable
from hitl_graph.schemas import BROKEN, branches, fault, join, members
from hitl_graph.wire.shapes import Shape, foreign_payload, recognise

__all__ = ["ForeignCase", "answer_foreign", "read_foreign"]

_ALL = ("approve", "edit", "reject", "respond")
_FLAGS = {
    "allow_accept": "approve",
    "allow_edit": "edit",
    "allow_ignore": "reject",
    "allow_respond": "respond",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ForeignCase:
    """An interrupt of other origin, as far as it can be read.

    `proposals` holds `{"name", "args", "allowed"}` for each act that is asked about; a raw value has none.
    `allowed` names the decisions that every one of them takes. `args_key` is the word that the asker uses for
    arguments. `exact` is False where some of the arguments are no plain JSON and are shown as Python prints
    them; such an act can be decided, but not edited.
    """

    shape: Shape
    node: str
    title: str
    description: str
    proposals: tuple[dict[str, JSON], ...]
    allowed: tuple[str, ...]
    response_schema: dict[str, Any] | None = None
    args_key: str = "args"
    exact: bool = True


def read_foreign(
    payload: object, node: str = "", response_schema: dict[str, Any] | None = None
) -> ForeignCase:
    """What an interrupt of any origin asks. Never raises: what is no JSON is shown as Python prints it.

    Args:
        payload: The interrupt's value.
        node: The node that raised it.
        response_schema: The JSON Schema that the interrupt published for its answer, or None.
    """
    value = foreign_payload(payload)
    shown = _readable(value)
    shape, exact = recognise(shown), _is_plain(value)
    acts, text = _acts(shape, shown, response_schema), _text(shown)
    if not exact:
        acts = [{**act, "allowed": [word for word in act["allowed"] if word != "edit"]} for act in acts]
    first: dict[str, JSON] = shown["action_requests"][0] if shape is Shape.LANGCHAIN_BATCH else {"args": {}}
    return ForeignCase(
        shape=shape,
        node=node,
        title=", ".join(act["name"] for act in acts) or text.strip().split("\n")[0][:200] or node,
        description=text,
        proposals=tuple(acts),
        allowed=_common(acts) if acts else _raw_kinds(response_schema),
        response_schema=response_schema,
        args_key="args" if "args" in first else "arguments",
        exact=exact,
    )


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
    plain = [plain_decision(one, where) for one in decisions]
    for i, one in enumerate(plain):
        allowed = case.proposals[i]["allowed"] if case.proposals else case.allowed
        if one.type not in allowed:
            field = "type" if wanted == 1 else f"decisions[{i}].type"
            raise refused(
                where, field, f"{one.type} is not allowed here: decide {' or '.join(allowed) or 'nothing'}"
            )
    answer = _encoded(case, plain, schema, where)
    if schema is not None and (found := fault(answer, schema)):
        raise refused(where, join("answer", found[0]), found[1])
    return plain_answer(answer, "answer", where)


def _encoded(case: ForeignCase, decisions: list[Decision], schema: dict[str, Any] | None, where: str) -> JSON:
    if case.shape is Shape.NATIVE:
        return decision_to_json(decisions[0])
    if case.shape is Shape.RAW:
        return _raw(decisions[0], schema)
    acts = list(zip(decisions, case.proposals, strict=True))
    if case.shape is Shape.AGENT_INBOX:
        return [_human_response(one, act, where, exact=case.exact) for one, act in acts]
    answers = [_langchain(one, act, case.args_key, where) for one, act in acts]
    return answers[0] if case.shape is Shape.LANGCHAIN_CALL else {"decisions": answers}


def _raw(decision: Decision, schema: dict[str, Any] | None) -> JSON:
    if isinstance(decision, Respond):
        return decision.message if schema is None else coerce(decision.message, schema)
    return decision.changes if isinstance(decision, Edit) else isinstance(decision, Approve)


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
    """The full set of arguments, checked against the act's own schema where the asker gave one."""
    schema, changes = act.get("schema", True), decision.changes if isinstance(decision, Edit) else {}
    args: dict[str, JSON] = {**act["args"], **coerce(changes, schema)}
    if changes and (found := fault(args, schema)):
        raise refused(where, join("changes", found[0]), found[1])
    return args


def _acts(shape: Shape, value: Any, schema: dict[str, Any] | None) -> list[dict[str, JSON]]:
    """What is asked about, one by one: name, arguments and the decisions that are taken."""
    if shape is Shape.NATIVE:
        allowed = [word for word in _listed(value.get("allowed")) if isinstance(word, str)]
        name = _object(value.get("action")).get("name")
        return [{"name": str(name), "args": _object(value.get("proposal")), "allowed": allowed}]
    if shape is Shape.LANGCHAIN_CALL:
        return [{"name": value["name"], "args": _object(value.get("args")), "allowed": _kinds_in(schema)}]
    if shape is Shape.LANGCHAIN_BATCH:
        return _batch(value)
    acts = []
    for one in (value if isinstance(value, list) else [value]) if shape is Shape.AGENT_INBOX else []:
        allowed = [kind for flag, kind in _FLAGS.items() if one["config"].get(flag) is True]
        action = one["action_request"]
        acts.append({"name": action["action"], "args": _object(action.get("args")), "allowed": allowed})
    return acts


def _batch(value: dict[str, JSON]) -> list[dict[str, JSON]]:
    configs = [c for c in _listed(value.get("review_configs")) if isinstance(c, dict)]
    acts = []
    for i, asked in enumerate(value["action_requests"]):
        named = next((c for c in configs if c.get("action_name") == asked["name"]), None)
        config = named or (configs[i] if i < len(configs) else {})
        words = _listed(config.get("allowed_decisions"))
        act = {"name": asked["name"], "args": _object(asked.get("args", asked.get("arguments")))}
        act["allowed"] = [word for word in _ALL if word in words or not words]
        if schema := _object(config.get("args_schema")):
            act["schema"] = schema
        acts.append(act)
    return acts


def _kinds_in(schema: dict[str, Any] | None) -> list[str]:
    """The decisions that a schema for one LangChain decision leaves room for, by its constants of `type`."""
    if schema is None:
        return list(_ALL)
    try:
        here = list(branches(schema))
        types = [part for part in members(here, "type") if isinstance(part, dict)]
    except BROKEN:
        types = []
    return [word for word in _ALL if any(fault(word, part) is None for part in types)]


def _raw_kinds(schema: dict[str, Any] | None) -> tuple[str, ...]:
    if schema is None:
        return _ALL
    takes = {word: fault(value, schema) is None for word, value in (("approve", True), ("reject", False))}
    return tuple(word for word in _ALL if takes.get(word, word == "respond" or accepts(schema, {})))


def _common(acts: list[dict[str, JSON]]) -> tuple[str, ...]:
    return tuple(word for word in acts[0]["allowed"] if all(word in act["allowed"] for act in acts))


def _is_plain(value: object) -> bool:
    try:
        plain_answer(value, "interrupt", "")
    except AnswerError:
        return False
    return True


def _readable(value: object, depth: int = 0) -> Any:
    """The value as JSON for showing; what is none is written as Python prints it."""
    try:
        return plain_json(value, "interrupt")
    except (ValueError, RecursionError):
        pass
    if isinstance(value, Mapping) and depth < MAX_ANSWER_DEPTH:
        return {printable(str(key)): _readable(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)) and depth < MAX_ANSWER_DEPTH:
        return [_readable(inner, depth + 1) for inner in value]
    try:
        return printable(repr(value)[:2000])
    except (ValueError, RecursionError):
        return f"({type(value).__name__})"


def _object(value: object) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[JSON]:
    return value if isinstance(value, list) else []


def _text(value: JSON) -> str:
    """What is asked, in words: the question or description that the value holds, or else the value itself."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else [value, *_listed(_object(value).get("action_requests"))]
    words = ("question", "description", "message", "title")
    told = [
        next((p[w] for w in words if isinstance(p.get(w), str) and p[w]), "")
        for p in parts
        if isinstance(p, dict)
    ]
    return "\n\n".join(text for text in told if text) or json.dumps(value, ensure_ascii=False)
