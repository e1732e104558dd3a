"""Our case in the shapes that other clients render."""

from __future__ import annotations

import json
import re

import rfc8785

from hitl_graph.plain import JSON, printable
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire.shapes import Shape

__all__ = ["as_markdown", "payload_for"]

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@])")


def payload_for(request: ReviewRequest, shape: Shape) -> JSON:
    """The case in the shape that a client of another kind renders, the native request whole under `hitl`.

    Args:
        request: The review.
        shape: `NATIVE`, `AGENT_INBOX` or `LANGCHAIN_BATCH`.

    Raises:
        ValueError: Any other shape: a case cannot be put in it.
    """
    native = request.to_json()
    if shape is Shape.NATIVE:
        return native
    name, args, allowed = request.act, native["proposal"], request.allowed
    # A choice is answered in words by clients that know no options.
    speaks = "respond" in allowed or "choose" in allowed
    if shape is Shape.AGENT_INBOX:
        config = {
            "allow_accept": "approve" in allowed,
            "allow_edit": "edit" in allowed,
            "allow_respond": speaks,
            "allow_ignore": "reject" in allowed,
        }
        action = {"action": name, "args": _for_agent_inbox(args, editable="edit" in allowed)}
        return [
            {"action_request": action, "config": config, "description": as_markdown(request), "hitl": native}
        ]
    if shape is Shape.LANGCHAIN_BATCH:
        words = [word for word in ("approve", "edit", "reject") if word in allowed] + ["respond"] * speaks
        review: dict[str, JSON] = {"action_name": name, "allowed_decisions": words}
        if request.edit_schema is not None:
            review["args_schema"] = native["edit_schema"]
        # Agent Inbox reads `arguments` of this shape where the middleware and Agent Chat UI say `args`.
        shown = _for_agent_inbox(args, editable="edit" in allowed)
        ask = {"name": name, "args": args, "arguments": shown, "description": as_markdown(request)}
        return {"action_requests": [ask], "review_configs": [review], "hitl": native}
    raise ValueError(
        f"a case cannot be put in the shape {shape!s}: use native, agent_inbox or langchain_batch"
    )


def _for_agent_inbox(args: dict[str, JSON], *, editable: bool) -> dict[str, JSON]:
    """The arguments as Agent Inbox can draw them: its form cannot hold null, its plain view no number.

    Such a value is written as text, and read back as what it stands for.
    """
    return {
        key: rfc8785.dumps(value).decode() if _breaks_agent_inbox(value, editable=editable) else value
        for key, value in args.items()
    }


def _breaks_agent_inbox(value: JSON, *, editable: bool) -> bool:
    if editable:
        return value is None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_markdown(request: ReviewRequest) -> str:
    """The case as text for clients that render markdown: question, consequence, reasons, options, evidence.

    Nothing in it acts: what did not come from the gate's author stands in code blocks, markup is escaped, and
    hidden characters are written out.
    """
    parts = [f"**{_escaped(request.question)}**", _escaped(request.consequence)]
    parts += ["Why this is asked:", "\n".join(f"- {_escaped(reason.text)}" for reason in request.why)]
    if request.uncertainty:
        parts += ["Not certain:", "\n".join(f"- {_escaped(text)}" for text in request.uncertainty)]
    if request.warnings:
        parts += ["Warnings:", "\n".join(f"- {_escaped(text)}" for text in request.warnings)]
    if request.options and "choose" in request.allowed:
        lines = [
            f"{_block(option.value)}\n\n{_escaped(option.label or option.value)}"
            for option in request.options
        ]
        parts += ["Respond with exactly one of:", *lines]
    for evidence in request.evidence:
        content = evidence.content
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2)
        parts += [f"{_escaped(evidence.title)}:", _block(text)]
    return "\n\n".join(part for part in parts if part)


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(printable(text).split()))


def _block(text: str) -> str:
    # Indented, for a fence could be closed from inside.
    return "\n".join(f"    {line}" for line in printable(text).split("\n"))
