"""Interrupts that this library did not raise, read for listing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from hitl_graph.answers import MAX_ANSWER_DEPTH, plain_answer
from hitl_graph.coercion import accepts
from hitl_graph.decisions import DECISIONS
from hitl_graph.errors import AnswerError
from hitl_graph.plain import JSON, plain_json, printable
from hitl_graph.schemas import BROKEN, Schema, any_of, branches, fault, members
from hitl_graph.wire.shapes import Shape, foreign_payload, recognise

__all__ = ["ForeignCase", "read_foreign"]

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


def _acts(shape: Shape, value: Any, schema: dict[str, Any] | None) -> list[dict[str, JSON]]:
    """What is asked about, one by one: name, arguments and the decisions that are taken."""
    if shape is Shape.NATIVE:
        allowed = [str(word) for word in _listed(value.get("allowed")) if word in DECISIONS]
        name = _object(value.get("action")).get("name")
        return [{"name": str(name), "args": _object(value.get("proposal")), "allowed": allowed}]
    if shape is Shape.LANGCHAIN_CALL:
        call = {"name": value["name"], "args": _object(value.get("args")), "allowed": _kinds_in(schema)}
        told = _args_schema(schema)
        return [call if told is None else {**call, "schema": told}]
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


def _args_schema(schema: dict[str, Any] | None) -> Schema | None:
    """What a schema for one LangChain decision says about the arguments of an edit, if it does."""
    told: Schema | None = schema
    try:
        for key in ("edited_action", "args"):
            found = [] if told is None else members(list(branches(told)), key)
            told = any_of(found) if found else None
    except BROKEN:
        return None
    return told


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
