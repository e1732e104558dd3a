"""The check that an answer passes before LangGraph saves anything of it, and the form that clients draw for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hitl_graph.decisions import AGENT, APPROVING, SYSTEM, VIA_DESK
from hitl_graph.errors import AnswerError
from hitl_graph.plain import key_of
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire import Answer

__all__ = ["AnswerRule", "answer_schema", "check_who"]


MAX_REFERENCES = 60
"""Of a form; deeper parts of it are left open, and checked all the same."""


class AnswerRule:
    """A pydantic annotation: validates an answer with `check` and publishes `schema`.

    As `Annotated[Any, AnswerRule(...)]` it is the `response_schema` of a gate's interrupt. An answer that
    `check` refuses raises before anything is saved, and the interrupt stays open.
    """

    def __init__(self, check: Callable[[object], Any], schema: dict[str, Any]) -> None:
        self._check = check
        self._schema = schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._checked)

    def _checked(self, answer: object) -> Any:
        try:
            return self._check(answer)
        except AnswerError as error:  # not in the frame that pydantic would put around it
            raise PydanticCustomError("refused_answer", "{problem}", {"problem": str(error)}) from error

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self._schema


def check_who(request: ReviewRequest, answer: Answer, by: str | None) -> None:
    """Refuse an answer that came past the desk where only the desk can tell who has said yes.

    Raises:
        AnswerError: It poses as the desk's, or is from no person; or several people must approve, and this is one
            answer; or it is from somebody who has a part in what is proposed, or from nobody known.
    """
    where = f"review of gate {request.gate!r}"
    if answer.via in VIA_DESK:
        problem = "says that the desk has decided this, and it has not: leave it out, or decide at the desk"
        raise AnswerError(where, "via", problem)
    if key_of(by or "").startswith((SYSTEM, AGENT)):
        raise AnswerError(where, "by", "names a part of the system or an agent: say which person decides")
    if request.approvals > 1 and answer.decision.type in APPROVING:
        problem = f"must be that of the desk: {request.approvals} people approve there, each for themselves"
        raise AnswerError(where, "via", problem)
    excluded = {key_of(name) for name in request.excluded}
    if excluded and key_of(by or "") in {*excluded, "", "unknown"}:
        raise AnswerError(
            where, "by", "must name somebody who has no part in what is proposed: decide at the desk"
        )


def answer_schema(request: ReviewRequest) -> dict[str, Any]:
    """JSON Schema of the answers that a case takes: one object, told apart by `type`."""
    text = {"type": "string", "minLength": 1}
    grounds = {
        "reason": {"type": "string", "description": "A short code, such as tone"},
        "cause": {"enum": ["model", "instructions", "source_data"]},
        "recurrence": {"enum": ["edge", "recurring"]},
        "note": {"type": "string"},
        "by": {"type": "string", "description": "Who decides"},
    }
    own: dict[str, dict[str, Any]] = {
        "choose": {"option": {"enum": [option.value for option in request.options]}},
        "respond": {"message": text},
        "ask_info": {"question": text},
        "edit": {"changes": _changes(request)},
    }
    tools = {
        "enum": [request.act, *request.other_tools],
        "description": "Another tool takes all its arguments",
    }
    optional = {"edit": {"tool": tools}} if request.other_tools else {}
    forms = [
        {
            "type": "object",
            "title": word.replace("_", " "),
            "properties": {"type": {"const": word}, **own.get(word, {}), **grounds, **optional.get(word, {})},
            "required": ["type", *own.get(word, {})],
        }
        for word in request.allowed
    ]
    return {"title": request.question, "oneOf": forms}


def _changes(request: ReviewRequest) -> dict[str, Any]:
    """The edit form: the proposal's own schema with nothing required.

    References are written out: pydantic, which publishes the form, would take them for its own. A schema that names
    itself is cut off where it repeats.
    """
    schema = request.edit_schema or {"type": "object", "properties": {key: {} for key in request.proposal}}
    form = _written_out(schema, schema.get("$defs", {}), (), [MAX_REFERENCES])
    return {**{k: v for k, v in form.items() if k not in ("required", "$defs")}, "minProperties": 1}


def _written_out(schema: Any, defs: Mapping[str, Any], inside: tuple[str, ...], left: list[int]) -> Any:
    """`left` holds how many references may still be written out: models that all name each other would never end."""
    if isinstance(schema, list):
        return [_written_out(one, defs, inside, left) for one in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        name = reference.rsplit("/", 1)[-1]
        left[0] -= 1
        known = {} if name in inside or left[0] < 0 else defs.get(name, {})
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {
            **_written_out(known, defs, (*inside, name), left),
            **_written_out(beside, defs, inside, left),
        }
    return {key: _written_out(value, defs, inside, left) for key, value in schema.items() if key != "$defs"}
