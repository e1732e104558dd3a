"""The shapes in which clients and graphs put a question, and how to tell them apart."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from hitl_graph.coercion import parse_json
from hitl_graph.plain import JSON

__all__ = ["Shape", "foreign_payload", "native_request", "recognise"]


class Shape(enum.StrEnum):
    """How a question or an answer is put."""

    NATIVE = "native"
    """Our own: a `ReviewRequest`, answered by a decision with its `type`."""
    AGENT_INBOX = "agent_inbox"
    """`HumanInterrupt`, as an object or a list of them, answered by a list of as many `HumanResponse`s."""
    LANGCHAIN_BATCH = "langchain_batch"
    """`HITLRequest` of LangChain's middleware, answered by `{"decisions": [...]}` of the same length."""
    LANGCHAIN_CALL = "langchain_call"
    """One `tool_approval` of LangChain's middleware, answered by one decision."""
    RAW = "raw"
    """Any other value, as in `interrupt("How old are you?")`, answered by a value."""


def recognise(payload: object) -> Shape:
    """The shape of an interrupt's value. Never raises; what is none of the known shapes is `RAW`.

    `NATIVE` only if it is a request of this library itself, not one inside another client's shape.
    """
    if _is_native(payload):
        return Shape.NATIVE
    value = foreign_payload(payload)
    if isinstance(value, Mapping):
        if isinstance(value.get("action_requests"), (list, tuple)) and value["action_requests"]:
            named = all(
                isinstance(a, Mapping) and isinstance(a.get("name"), str) for a in value["action_requests"]
            )
            return Shape.LANGCHAIN_BATCH if named else Shape.RAW
        if value.get("type") == "tool_approval" and isinstance(value.get("name"), str):
            return Shape.LANGCHAIN_CALL
        return Shape.AGENT_INBOX if _is_human_interrupt(value) else Shape.RAW
    if isinstance(value, (list, tuple)) and value and all(_is_human_interrupt(item) for item in value):
        return Shape.AGENT_INBOX
    return Shape.RAW


def native_request(payload: object) -> dict[str, JSON] | None:
    """Our own request in an interrupt's value, or None.

    It is the value itself, or stands under `hitl` in another client's shape.
    The checkpointer and the gate find a case by this, whatever shape the gate was told to ask in.
    """
    if isinstance(payload, (list, tuple)) and len(payload) == 1:
        payload = payload[0]
    for candidate in (payload, payload.get("hitl") if isinstance(payload, Mapping) else None):
        if isinstance(candidate, Mapping) and _is_native(candidate):
            return dict(candidate)
    return None


def foreign_payload(payload: object) -> Any:
    """The value itself; or, where it is JSON text of an object or a list, what that says."""
    if isinstance(payload, str) and payload.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(payload)
        except ValueError:
            return payload
    return payload


def _is_native(value: object) -> bool:
    """Whether it is a request of ours: version, and every part that is relied on; a look-alike is any value."""
    if not isinstance(value, dict) or value.get("v") != 1:
        return False
    texts = ("gate", "kind", "question", "consequence", "digest", "proposal_digest", "proposal_key")
    objects = ("action", "proposal", "owner")
    return (
        all(isinstance(value.get(key), str) for key in texts)
        and all(isinstance(value.get(key), dict) for key in objects)
        and all(isinstance(value.get(key), (list, tuple)) for key in ("why", "evidence", "allowed"))
    )


def _is_human_interrupt(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    action, config = value.get("action_request"), value.get("config")
    return (
        isinstance(action, Mapping) and isinstance(action.get("action"), str) and isinstance(config, Mapping)
    )
