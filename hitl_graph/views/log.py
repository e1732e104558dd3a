"""The audit log in words: each event as one line that can be read without its case. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from hitl_graph.views.code_words import code_words, failure_words
from hitl_graph.views.history import Line, history_lines
from hitl_graph.views.inputs import label_of
from hitl_graph.views.nested import Node
from hitl_graph.views.request import span
from hitl_graph.views.ways import way_words

__all__ = ["GROUPS", "asked_words", "event_line", "in_words", "type_words", "types_of"]

GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "decisions": (
        "Decisions",
        ("decided", "voted", "undone", "refused", "decided_elsewhere", "answer_known"),
    ),
    "refused": ("Refused attempts", ("refused_attempt",)),
    "cases": (
        "Cases",
        (
            "asked",
            "changed",
            "reopened",
            "row_opened",
            "applied",
            "superseded",
            "failed",
            "retried",
            "claimed",
            "claim_renewed",
            "claim_released",
            "claim_taken_over",
            "reassigned",
            "rerouted",
            "snoozed",
            "woken",
            "evidence_opened",
            "acknowledged",
        ),
    ),
    "time": ("Time limits", ("reminded", "escalated", "repeated", "expired", "alarm")),
    "acts": (
        "Acts",
        ("effect_begun", "effect_done", "effect_not_done", "effect_unknown", "effect_held", "effect_settled"),
    ),
    "holds": ("Holds", ("paused", "stopped", "taken_over", "released", "handed_back")),
    "runs": (
        "Runs",
        (
            "start_asked",
            "start_begun",
            "start_taken_up",
            "start_done",
            "start_failed",
            "start_retried",
            "stood_still",
            "run_on",
            "run_dropped",
        ),
    ),
    "rules": (
        "People and rules",
        (
            "person_put",
            "person_removed",
            "authority_put",
            "authority_removed",
            "code_put",
            "code_removed",
            "target_put",
            "target_removed",
            "sender_put",
            "sender_removed",
            "notice_retried",
            "notices_pruned",
        ),
    ),
    "access": ("Signing in", ("signed_in", "signed_out", "token_made", "token_revoked")),
    "log": ("The log itself", ("exported", "erased")),
}
"""What can be asked for at once: a name in addresses, words for it, and its types."""

_WORDS = {
    "claim_renewed": "is still at it",
    "start_asked": "asked for a run",
    "start_begun": "The run began.",
    "start_taken_up": "The run was taken up again.",
    "start_done": "The run came to its end.",
    "start_failed": "The run raised an error.",
    "start_retried": "asked for the run once more",
    "stood_still": "The thread raised an error and stands still.",
    "run_on": "let the thread run on",
    "run_dropped": "A run that had done nothing was let go.",
    "signed_in": "signed in",
    "signed_out": "signed out",
    "notices_pruned": "cleared old notices",
    "notice_retried": "had a notice sent again",
    "exported": "exported the log",
    "erased": "erased the thread",
}
_LENGTH = re.compile("([a-z][a-z_]*)_(s|h)")
"""Names of lengths of time, in seconds and in hours."""

_CHANGED = {"put": "set", "removed": "removed"}
_HOLDS = {
    "paused": "paused",
    "stopped": "stopped",
    "taken_over": "took over",
    "released": "released",
    "handed_back": "handed back",
}
_SCOPES = {"thread": "thread", "workflow": "graph", "action": "act", "tenant": "everything"}


def types_of(asked: str) -> tuple[str, ...]:
    """The types that a group's name or a type stands for; none for what is neither."""
    if asked in GROUPS:
        return GROUPS[asked][1]
    return (asked,) if any(asked in types for _, types in GROUPS.values()) else ()


def type_words(kind: str) -> str:
    """A type as people read it."""
    return kind.replace("_", " ").replace("effect", "act").capitalize()


def asked_words(asked: str) -> str:
    """A group or a type of events, as the filter offers it."""
    return GROUPS[asked][0] if asked in GROUPS else type_words(asked)


def in_words(node: Node) -> Node:
    """All that an event holds, with its names as labels and its lengths of time as people read them.

    What is within it is somebody's own, whatever its fields are called.
    """
    return dataclasses.replace(node, items=tuple(_item(name, one) for name, one in node.items))


def _labelled(node: Node) -> Node:
    items = tuple((label_of(name), _labelled(one)) for name, one in node.items)
    return dataclasses.replace(node, items=items)


def _item(name: str, node: Node) -> tuple[str, Node]:
    found = _LENGTH.fullmatch(name)
    if found and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]+)?", node.text):
        seconds = float(node.text) * (3600 if found[2] == "h" else 1)
        return label_of(found[1]), dataclasses.replace(node, text=span(seconds))
    return label_of(name), _labelled(node)


def event_line(event: Mapping[str, Any]) -> Line:
    """One event: who did what, and what they said. `data` is None once it was erased.

    Args:
        event: at, type, data.
    """
    kind, data = str(event["type"]), event["data"]
    if data is None:
        return Line(at=event["at"], by="", text=f"{type_words(kind)}: what it said was erased.", kind=kind)
    by = str(data.get("by") or "")
    if kind == "claim_renewed" or kind in _WORDS:
        text, said = _WORDS[kind], _said(data)
    elif kind in _HOLDS:
        text, said = f"{_HOLDS[kind]} {_scope(data)}", _said(data)
    elif told := _changed(kind, data):
        text, said = told
    else:
        [line] = history_lines([event])
        return line if line.said else dataclasses.replace(line, said=_said(data))
    by = "" if text.endswith(".") else by
    way = "" if kind in ("signed_in", "signed_out") else way_words(data)  # where else
    return Line(at=event["at"], by=by, text=text, said=said, kind=kind, way=way)


def _said(data: Mapping[str, Any]) -> str:
    for name in ("reason", "note", "because"):
        if data.get(name):
            return str(data[name])
    if data.get("error"):
        return failure_words(str(data["error"]))
    return code_words(str(data.get("action") or ""))


def _scope(data: Mapping[str, Any]) -> str:
    scope = str(data.get("scope") or "thread")
    return f"{_SCOPES.get(scope, scope)} {data.get('value') or ''}".strip()


def _changed(kind: str, data: Mapping[str, Any]) -> tuple[str, str] | None:
    """What was set or removed of people, authority, codes, targets, senders and tokens."""
    noun, _, how = kind.rpartition("_")
    if noun == "token":
        return (
            f"{'made' if how == 'made' else 'revoked'} the token “{data.get('label')}” of {data.get('person')}",
            "",
        )
    if how not in _CHANGED or noun not in ("person", "authority", "code", "target", "sender"):
        return None
    did = _CHANGED[how]
    if noun == "person":
        facts = [
            *_listed("groups", data.get("groups")),
            *_listed("roles", data.get("roles")),
            *(["not active"] if data.get("active") is False else []),
        ]
        return f"{did} {data.get('person')} in the directory", " · ".join(facts)
    if noun == "authority":
        most, act = data.get("max_amount"), code_words(str(data.get("action")))
        limit = "" if how == "removed" else "any amount" if most is None else f"up to {most}"
        return (
            f"{did} the authority of {data.get('holder_kind')} {data.get('holder')} for {act}",
            limit,
        )
    if noun == "code":
        gate = f" of gate {code_words(str(data['gate']))}" if data.get("gate") else ""
        return f"{did} the {data.get('kind')} {code_words(str(data.get('code')))}{gate}", str(
            data.get("label") or ""
        )
    facts = [*_listed("events", data.get("events")), *_listed("people", data.get("people"))]
    words = "notices to" if noun == "target" else "the sender"
    return f"{did} {words} {data.get(noun)}", " · ".join(facts)


def _listed(name: str, values: Any) -> list[str]:
    return [f"{name}: {', '.join(map(str, values))}"] if isinstance(values, list) and values else []
