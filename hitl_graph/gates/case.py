"""A gate's fields and a state, made into the complete case that a person sees."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hitl_graph.decisions import APPROVING
from hitl_graph.errors import DefinitionError, PlainJsonError, ProposalError
from hitl_graph.gates.judgement import Judgement
from hitl_graph.plain import digest, hidden_characters, plain_json, printable
from hitl_graph.reviews import (
    Evidence,
    Priority,
    ReviewRequest,
    ToolCall,
    Turn,
    Versions,
    proposal_digest,
)

if TYPE_CHECKING:
    from hitl_graph.gates.gate import Gate

__all__ = [
    "NO_EVIDENCE",
    "TOOL_CALL",
    "build_request",
    "case_key",
    "evidence_digest",
    "excluded",
    "last_record",
    "offered",
    "previous",
    "resolve",
    "tool_of",
]


TOOL_CALL = "hitl_tool_call"
"""Where a state tells of the agent's tool call that is judged: its `id`, its `name`, and `others`, the tools that an
edit may name instead, each with its JSON Schema."""

NO_EVIDENCE = "No evidence was found for this case, so it cannot be approved."


def build_request(gate: Gate, state: Any, proposal: dict[str, Any], judgement: Judgement) -> ReviewRequest:
    """The sealed request for one proposal. Pure: the same state gives the same digest.

    Without evidence, approval is not offered (R57): the case can then only be rejected, asked about or taken
    over.

    Raises:
        ProposalError: There is no evidence, and the gate allows nothing else than letting the act through.
        DefinitionError: The evidence function gave something else than Evidence.
    """
    evidence = (*gate.own_evidence(judgement), *_evidence(gate, state))
    transcript = _transcript(gate, state)
    warnings = _hidden(proposal, gate.proposal)
    for item in evidence:
        warnings += _hidden(item.content, item.title)
    for number, turn in enumerate(transcript):
        warnings += _hidden(turn.content, f"transcript[{number}]")
    allowed = offered(gate, evidence)
    call = _tool_call(state)
    if not evidence:
        warnings.append(NO_EVIDENCE)
    warnings += _held_before(gate.name, state)
    facts = dict(judgement.facts)
    if gate.option_field:
        facts["option_field"] = gate.option_field
    return ReviewRequest(
        gate=gate.name,
        kind=gate.kind,
        question=gate.question,
        why=judgement.reasons,
        action=gate.action.sheet(),
        proposal=proposal,
        proposal_key=gate.proposal,
        consequence=_consequence(gate, proposal),
        evidence=evidence,
        allowed=allowed,
        owner=gate.owner,
        continuation=dict(gate.continuation),
        uncertainty=tuple(_visible(item) for item in gate.resolved("uncertainty", state)),
        options=tuple(gate.options),
        sla=gate.sla,
        priority=Priority(gate.resolved("priority", state)),
        blocks=tuple(_visible(item) for item in gate.resolved("blocks", state)),
        transcript=transcript,
        edit_schema=gate.proposal_schema.json,
        judgement=facts,
        versions=gate.resolved("versions", state) or Versions(),
        previous=previous(gate.name, state),
        warnings=tuple(warnings),
        tool_call=ToolCall(call["id"], call["name"]) if call else None,
        other_tools=dict(call.get("others", {})) if call else {},
        approvals=gate.approvals,
        excluded=excluded(gate, state, proposal),
    ).sealed()


def evidence_digest(request: ReviewRequest) -> str:
    """The digest of what a case was decided on: its evidence alone."""
    return digest(plain_json(request.evidence, "evidence"))


def _held_before(name: str, state: Any) -> list[str]:
    """What held the act that this gate's last decision approved, where the case comes back for it."""
    last = last_record(name, state)
    acts = (state.get("effects") if isinstance(state, Mapping) else getattr(state, "effects", None)) or ()
    held = [act["held"] for act in acts if last and act.get("held") and act.get("review") == last["review"]]
    return [
        _visible(f"Approved by {last['by']} before, and held at the act: {why}") for why in held[-1:] if last
    ]


def tool_of(state: Any) -> str | None:
    """The tool whose call is judged in `state`, or None where nothing like that is judged."""
    return (_tool_call(state) or {}).get("name")


def _tool_call(state: Any) -> Mapping[str, Any] | None:
    return state.get(TOOL_CALL) if isinstance(state, Mapping) else None


def resolve(value: Any, state: Any) -> Any:
    """`value`, or what it gives for `state` when it is a function."""
    return value(state) if callable(value) else value


def _evidence(gate: Gate, state: Any) -> tuple[Evidence, ...]:
    found = resolve(gate.evidence, state)
    out = []
    for number, item in enumerate(found or ()):
        if not isinstance(item, Evidence):
            raise DefinitionError(
                gate.where, f"evidence[{number}]", f"is a {type(item).__name__}, not an Evidence"
            )
        content = shown(item.content)
        if content not in (None, "", [], {}):
            source, url = (None if text is None else _visible(text) for text in (item.source, item.url))
            out.append(Evidence(_visible(item.title), content, source=source, url=url))
    return tuple(out)


def _transcript(gate: Gate, state: Any) -> tuple[Turn, ...]:
    """The turns given, or the messages under a state key (`messages` when there is one)."""
    if callable(gate.transcript):
        turns: Sequence[Any] = gate.transcript(state)
    else:
        key = gate.transcript or "messages"
        turns = state.get(key) or () if isinstance(state, Mapping) else getattr(state, key, None) or ()
    return tuple(_turn(turn) for turn in turns)


def _turn(turn: Any) -> Turn:
    if isinstance(turn, Turn):
        role, content, at = turn.role, turn.content, turn.at
    elif isinstance(turn, Mapping):
        role, content, at = (
            str(turn.get("role") or turn.get("type") or "unknown"),
            turn.get("content", ""),
            None,
        )
    else:  # a LangChain message
        role, content, at = str(getattr(turn, "type", "unknown")), getattr(turn, "content", str(turn)), None
    text = shown(content)
    text = text if isinstance(text, str) else str(text)
    calls = turn.get("tool_calls") if isinstance(turn, Mapping) else getattr(turn, "tool_calls", None)
    for call in calls or ():
        named = (
            f"calls {call.get('name')}({shown(call.get('args'))})" if isinstance(call, Mapping) else str(call)
        )
        text = f"{text}\n{named}".strip()
    return Turn(role, text, at)


def case_key(gate: Gate, state: Any, proposal: Mapping[str, Any]) -> str:
    """What tells this case from another with the same proposal: two tickets may get the same label."""
    seen = [item.content for item in _evidence(gate, state)] + [
        turn.content for turn in _transcript(gate, state)
    ]
    return digest({"action": gate.action.name, "proposal": dict(proposal), "seen": seen})


def offered(gate: Gate, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """The decisions that a case offers: without evidence, none that lets the act through (R57).

    Raises:
        ProposalError: Then none is left.
    """
    allowed = tuple(word for word in gate.decisions if evidence or word not in APPROVING)
    if not allowed:
        problem = (
            "is empty for this case, and without it the gate offers no decision: allow one such as reject"
        )
        raise ProposalError(gate.where, "evidence", problem)
    return allowed


def shown(value: object) -> Any:
    """Plain JSON of source data. What cannot be stored is written out visibly: the case must not be lost."""
    if isinstance(value, str):
        return _visible(value)
    try:
        return plain_json(value, "evidence")
    except PlainJsonError:
        if isinstance(value, Mapping):
            return {_visible(str(key)): shown(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [shown(inner) for inner in value]
        return _visible(str(value))


def _visible(text: str) -> str:
    """The text itself, or with its hidden characters written out where it holds one that cannot be stored."""
    unstorable = "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text)
    return printable(text) if unstorable else text


def _hidden(value: object, field: str) -> list[str]:
    """One warning for each text below `value` that holds hidden or acting characters."""
    if isinstance(value, str):
        found = hidden_characters(value)
        return [f"{field} holds hidden characters: {', '.join(found)}"] if found else []
    if isinstance(value, Mapping):
        keys = [w for key in value for w in _hidden(str(key), f"a key of {field}")]
        return keys + [
            w for key, inner in value.items() for w in _hidden(inner, f"{field}.{printable(str(key))}")
        ]
    if isinstance(value, (list, tuple)):
        return [w for number, inner in enumerate(value) for w in _hidden(inner, f"{field}[{number}]")]
    return []


def _consequence(gate: Gate, proposal: dict[str, Any]) -> str:
    """What happens next, from the typed arguments and in our words."""
    if callable(gate.consequence):
        return gate.consequence(proposal)
    fields = {name for _, name, _, _ in string.Formatter().parse(gate.consequence) if name}
    if missing := sorted(fields - set(proposal)):
        raise ProposalError(
            gate.where, f"{gate.proposal}.{missing[0]}", "is missing, and the consequence names it"
        )
    return gate.consequence.format_map({name: printable(str(proposal[name])) for name in fields})


def excluded(gate: Gate, state: Any, proposal: Mapping[str, Any]) -> tuple[str, ...]:
    """Who may not decide: those that the gate names, and with four eyes whoever edited the proposal into this one.

    Raises:
        DefinitionError: The gate's function gives something else than names.
    """
    found = resolve(gate.not_by, state) or ()
    names = [found] if isinstance(found, str) or not isinstance(found, Iterable) else list(found)
    if any(not isinstance(name, str) or not name.strip() for name in names):
        raise DefinitionError(gate.where, "not_by", "gave something else than names of people")
    last = last_record(gate.name, state) if gate.four_eyes else None
    if last is not None and last["outcome"] in ("judged_again", "measured_again"):
        current = proposal_digest(gate.action.name, proposal, tool_of(state))
        names += [last["by"]] if last["final_digest"] == current else []
    return tuple(sorted({_visible(" ".join(name.split())) for name in names}))


def previous(gate: str, state: Any) -> dict[str, Any] | None:
    """What the same gate was shown before in this thread and what came of it, when it was not let through."""
    record = last_record(gate, state)
    if record is None or record.get("outcome") == "approved":
        return None
    return {key: record.get(key) for key in ("proposed", "decision", "reason", "note", "by", "review")}


def last_record(gate: str, state: Any) -> dict[str, Any] | None:
    """The last record of a gate in this thread."""
    reviews = state.get("reviews") if isinstance(state, Mapping) else getattr(state, "reviews", None)
    return next((record for record in reversed(reviews or ()) if record.get("gate") == gate), None)
