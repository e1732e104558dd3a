"""Every answer that a client may send, read into one form."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

from hitl_graph.answers import (
    MAX_ANSWER_BYTES,
    check_decision,
    coerced_changes,
    plain_answer,
    refused,
    same_json,
)
from hitl_graph.coercion import is_printed, parse_json
from hitl_graph.decisions import DECISIONS, VIA_DESK, Decision, decision_from_json, decision_to_json
from hitl_graph.errors import AnswerError
from hitl_graph.plain import JSON
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire.shapes import Shape

__all__ = ["ENVELOPE", "Answer", "read_answer"]

_GROUNDS = ("reason", "cause", "recurrence", "note")
ENVELOPE = ("by", "via", "at", "asked_at", "waited_s", "digest", "proposal_digest")
"""What an answer in our own form says about itself, beside its decision."""
_INBOX = ("accept", "edit", "response", "ignore")
_WORDS = {"approve": "approve", "accept": "approve", "reject": "reject", "ignore": "reject"}
_LOOKS_LIKE_JSON = re.compile(r'\s*(\{|\[\s*["{\[])')
_MOST_FIELDS = 64
_OWN: dict[str, tuple[str, ...]] = {
    "approve": (),
    "edit": ("changes", "tool"),
    "reject": (),
    "choose": ("option",),
    "respond": ("message",),
    "ask_info": ("question",),
    "take_over": (),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, read: the decision as the review takes it, and what the answer said about itself.

    Whether `digest` is the one of the case as it stands now is for the reader to check. `waited_s` is in
    seconds.
    """

    decision: Decision
    shape: Shape
    by: str | None = None
    via: str | None = None
    at: str | None = None
    asked_at: str | None = None
    waited_s: float | None = None
    digest: str | None = None
    proposal_digest: str | None = None

    def to_json(self) -> dict[str, JSON]:
        """The native form, which `read_answer` reads back; what is empty is left out."""
        envelope = {name: value for name in ENVELOPE if (value := getattr(self, name)) is not None}
        return {**decision_to_json(self.decision), **envelope}


def read_answer(value: object, request: ReviewRequest) -> Answer:
    """An answer in any of the shapes that clients send, as the one decision that it means.

    Guarantees that what comes back is a decision that `check_decision` lets through. Takes a `Decision`; our
    own `{"type": ...}`; Agent Inbox's `[{"type": "accept", "args": ...}]` or the object alone; LangChain's
    `{"decisions": [one]}` or the one decision alone; the words approve, accept, reject and ignore; the value
    of an option; any other text as a response; and each of these as JSON text.

    Args:
        value: What the graph was resumed with, or what a client sent.
        request: The review, as it was shown.

    Raises:
        AnswerError: It is none of these, or this review cannot take it; `field` names the part. Nothing was
            saved, and the case can be answered again.
    """
    return _Reader(request).read(value)


class _Reader:
    """Reads answers to one review."""

    def __init__(self, request: ReviewRequest) -> None:
        self.request = request
        self.where = f"review of gate {request.gate!r}"

    def read(self, value: object) -> Answer:
        if isinstance(value, Decision):
            return Answer(decision=check_decision(self.request, value), shape=Shape.NATIVE)
        if isinstance(value, str):
            value = self._parsed(value)
            if isinstance(value, str):
                return self._answer(self._of_text(plain_answer(value, "answer", self.where)), Shape.RAW)
        if isinstance(value, Mapping):
            return self._of_object(self._plain(value))
        if isinstance(value, (list, tuple)):
            return self._of_list(value)
        kinds = ", ".join(self.request.allowed)
        got = "nothing" if value is None else f"of the type {type(value).__name__}"
        raise self._no("answer", f"is {got}: answer with an object that has a type, one of {kinds}")

    def _of_list(self, value: list[Any] | tuple[Any, ...]) -> Answer:
        if len(value) != 1:
            raise self._no("answer", f"is a list of {len(value)}, and this review takes exactly one answer")
        body = self._plain(value[0]) if isinstance(value[0], Mapping) else {}
        if body.get("type") not in _INBOX:
            raise self._no("type", f"of an answer in a list should be one of {', '.join(_INBOX)}")
        return self._answer(self._of_inbox(body, "args"), Shape.AGENT_INBOX)

    def _of_object(self, body: dict[str, JSON]) -> Answer:
        body = self._in_snake_case(body, "")
        envelope = {name: body.pop(name) for name in ENVELOPE if name in body}
        if "decisions" in body:
            return self._answer(self._of_batch(body), Shape.LANGCHAIN_BATCH, envelope)
        kind, kinds = body.get("type"), ", ".join(self.request.allowed)
        if not isinstance(kind, str):
            raise self._no("type", f"is missing or no text: it should be one of {kinds}")
        inbox = kind in _INBOX and kind not in DECISIONS
        if inbox or (kind == "edit" and ("args" in body or "arguments" in body)):
            return self._answer(self._of_inbox(body, "args"), Shape.AGENT_INBOX, envelope)
        if kind not in DECISIONS:
            raise self._no("type", f"is {kind[:40]!r}, and should be one of {kinds}")
        if "edited_action" in body or (kind == "reject" and "message" in body):
            return self._answer(self._of_langchain(body, ""), Shape.LANGCHAIN_CALL, envelope)
        self._only(body, *_OWN[kind])
        return self._answer(body, Shape.NATIVE, envelope)

    def _of_batch(self, body: dict[str, JSON]) -> dict[str, JSON]:
        decisions = body.pop("decisions")
        if body:
            raise self._no(next(iter(body)), "is unknown beside decisions")
        if not isinstance(decisions, list) or len(decisions) != 1:
            got = f"has {len(decisions)} entries" if isinstance(decisions, list) else "is no list"
            raise self._no("decisions", f"{got}, and this review takes exactly one")
        one = self._in_snake_case(decisions[0], "decisions[0].")
        kind = one.get("type") if isinstance(one, dict) else None
        words = ("approve", "edit", "reject", "respond", "ignore")
        if kind not in words:
            raise self._no("decisions[0].type", f"should be one of {', '.join(words[:4])}")
        # Agent Inbox puts its own `args` into a batch.
        if kind == "ignore" or "args" in one or "arguments" in one:
            inbox = {"approve": "accept", "respond": "response", "reject": "ignore"}.get(kind, kind)
            return self._of_inbox({**one, "type": inbox}, "decisions[0].args")
        return self._of_langchain(one, "decisions[0].")

    def _of_langchain(self, body: dict[str, JSON], path: str) -> dict[str, JSON]:
        kind, message = body["type"], body.get("message")
        self._only(body, *{"edit": ("edited_action",), "approve": ()}.get(kind, ("message",)), path=path)
        grounds = {k: body[k] for k in _GROUNDS if k in body}
        if kind == "edit":
            return self._edited(body.get("edited_action"), "name", f"{path}edited_action", grounds)
        if kind == "respond":
            return {**self._spoken(message, f"{path}message"), **grounds}
        return {
            "type": kind,
            **(grounds if message is None else self._noted(grounds, message, f"{path}message")),
        }

    def _of_inbox(self, body: dict[str, JSON], path: str) -> dict[str, JSON]:
        if "args" in body and "arguments" in body:
            raise self._no(path, "stands beside arguments: send one of the two")
        self._only(body, "args", "arguments", path=path.removesuffix("args"))
        kind, args = body["type"], body.get("args", body.get("arguments"))
        grounds = {k: body[k] for k in _GROUNDS if k in body}
        if kind == "edit":
            return self._edited(args, "action", path, grounds)
        if kind == "accept":
            if args is not None and self._changes(args, "action", path, whole=False):
                raise self._no(path, "differs from the proposal: an answer that changes it is an edit")
            return {"type": "approve", **grounds}
        # Of a batch Agent Inbox offers its box for a response where a rejection is allowed, and only there.
        refusal = "reject" in self.request.allowed and not {"respond", "choose"} & {*self.request.allowed}
        if kind == "ignore" or (refusal and isinstance(args, str) and args.strip()):
            return {"type": "reject", **(grounds if args is None else self._noted(grounds, args, path))}
        return {**self._spoken(args, path), **grounds}

    def _in_snake_case(self, body: Any, path: str) -> Any:
        """LangGraph's JavaScript client says `editedAction`, alone or beside the same `edited_action`."""
        if not isinstance(body, dict) or "editedAction" not in body:
            return body
        action = body["editedAction"]
        if not same_json(body.get("edited_action", action), action):
            raise self._no(f"{path}editedAction", "differs from edited_action beside it: send one of the two")
        return {**{k: v for k, v in body.items() if k != "editedAction"}, "edited_action": action}

    def _edited(self, action: JSON, name: str, path: str, grounds: dict[str, JSON]) -> dict[str, JSON]:
        tool = action.get(name) if isinstance(action, dict) else None
        if isinstance(action, dict) and isinstance(tool, str) and tool in self.request.other_tools:
            args = action.get("args", action.get("arguments"))
            if not isinstance(args, dict):
                raise self._no(f"{path}.args", "should be an object")
            return {"type": "edit", "tool": tool, "changes": args, **grounds}
        if changes := self._changes(action, name, path, whole=True):
            return {"type": "edit", "changes": changes, **grounds}
        if "approve" not in self.request.allowed:
            raise self._no(path, "changes nothing, and approve is not allowed here")
        return {"type": "approve", **grounds}

    def _changes(self, action: JSON, name: str, path: str, *, whole: bool) -> dict[str, JSON]:
        """The fields of a full set of arguments that differ from the proposal, in the proposal's types."""
        if not isinstance(action, dict):
            raise self._no(path, f"should be an object with {name} and args")
        if extra := next((key for key in action if key not in (name, "args", "arguments")), None):
            raise self._no(f"{path}.{extra}", "is unknown")
        if action.get(name) != self.request.act:
            known = " or ".join(repr(act) for act in (self.request.act, *self.request.other_tools))
            raise self._no(f"{path}.{name}", f"should be {known}: no other act")
        if ("args" in action) == ("arguments" in action):
            raise self._no(f"{path}.args", "should be there, once")
        args = action.get("args", action.get("arguments"))
        if not isinstance(args, dict):
            raise self._no(f"{path}.args", "should be an object")
        proposal = self.request.proposal
        if whole and (missing := next((key for key in proposal if key not in args), None)):
            raise self._no(f"{path}.args.{missing}", "is missing: an edit holds all arguments")
        args = {k: v for k, v in args.items() if k not in proposal or not is_printed(v, proposal[k])}
        args = plain_answer(coerced_changes(self.request, args), f"{path}.args", self.where)
        return {k: v for k, v in args.items() if k not in proposal or not same_json(v, proposal[k])}

    def _of_text(self, text: str) -> dict[str, JSON]:
        """A bare text: the value of an option, one of four words, or else a response."""
        allowed = self.request.allowed
        bare = text.strip()
        if len(bare) > 1 and bare[0] == bare[-1] == '"' and self._is_known(bare[1:-1]):
            text = bare[1:-1]  # a text box may hand on what was typed with its quotation marks
        word = _WORDS.get(text.strip().casefold())
        chosen = self._is_option(text)
        if chosen and word in allowed:
            raise self._no("answer", f"is both an option and the word for {word}: send an object with a type")
        if chosen:
            return {"type": "choose", "option": text}
        if word:
            return {"type": word}
        if "respond" not in allowed:
            raise self._no("answer", f"is text, which is no answer here: decide {' or '.join(allowed)}")
        return {"type": "respond", "message": text}

    def _spoken(self, message: JSON, path: str) -> dict[str, JSON]:
        """A response; or a choice, from a client that has no other way to make one. Never a bare word."""
        if not isinstance(message, str):
            raise self._no(path, "should be the text of the response")
        if "respond" not in self.request.allowed and self._is_option(message.strip()):
            return {"type": "choose", "option": message.strip()}
        return {"type": "respond", "message": message}

    def _is_known(self, text: str) -> bool:
        return text.strip().casefold() in _WORDS or self._is_option(text)

    def _is_option(self, text: str) -> bool:
        return "choose" in self.request.allowed and any(
            text == option.value for option in self.request.options
        )

    def _answer(
        self, body: dict[str, JSON], shape: Shape, envelope: Mapping[str, JSON] | None = None
    ) -> Answer:
        try:
            decision = decision_from_json(body)
        except AnswerError as error:
            raise self._no(error.field, error.problem) from None
        told = {
            name: self._told(name, value) for name, value in (envelope or {}).items() if value is not None
        }
        any_cause = told.get("via") in VIA_DESK  # the desk knows the codes for it, and has looked
        decision = check_decision(self.request, decision, any_cause=any_cause)
        return Answer(decision=decision, shape=shape, **told)

    def _told(self, name: str, value: JSON) -> Any:
        if name == "waited_s":
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise self._no(name, "should be a number of seconds, not below 0")
            return float(value)
        if not isinstance(value, str) or not value.strip():
            raise self._no(name, "should be text that is not blank")
        if name in ("at", "asked_at"):
            try:
                dt.datetime.fromisoformat(value)
            except ValueError:
                raise self._no(name, "should be a time in ISO 8601, such as 2026-01-31T09:30:00Z") from None
        return value

    def _parsed(self, text: str) -> Any:
        """What JSON text says, where it is an object or a list; other text as it is."""
        if len(text) > MAX_ANSWER_BYTES:
            raise self._no("answer", f"is too large: an answer may hold {MAX_ANSWER_BYTES:,} bytes of JSON")
        if not text.lstrip().startswith(("{", "[")):
            return text
        try:
            return parse_json(text)
        except ValueError as error:
            # "[urgent] call them first" is a sentence; a broken object is not, and must not pass for one.
            if _LOOKS_LIKE_JSON.match(text):
                raise self._no("answer", f"looks like JSON and cannot be read: {error}") from None
            return text

    def _plain(self, value: Mapping[Any, Any]) -> dict[str, JSON]:
        if len(value) > _MOST_FIELDS:
            raise self._no("answer", f"has {len(value)} fields, and no answer has that many")
        keys = [plain_answer(key, "answer", self.where) for key in value]
        if odd := [key for key in keys if not isinstance(key, str)]:
            raise self._no("answer", f"has the key {str(odd[0])[:40]}, and keys are text")
        return {
            key: plain_answer(inner, key, self.where) for key, inner in zip(keys, value.values(), strict=True)
        }

    def _noted(self, grounds: dict[str, JSON], text: JSON, path: str) -> dict[str, JSON]:
        if not isinstance(text, str):
            raise self._no(path, "should be text")
        if grounds.get("note") is not None:
            raise self._no(path, "stands beside a note: send one of the two")
        return {**grounds, "note": text} if text.strip() else grounds

    def _only(self, body: dict[str, JSON], *own: str, path: str = "") -> None:
        if extra := next((key for key in body if key not in ("type", *own, *_GROUNDS)), None):
            raise self._no(f"{path}{extra}", f"is unknown in an answer of type {body['type']}")

    def _no(self, field: str, problem: str) -> AnswerError:
        return refused(self.where, field, problem)
