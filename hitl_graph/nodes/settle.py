"""From an answer to a record: what was proposed, what comes of it, who said so. Pure but for the clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from langgraph.config import get_config
from pydantic import ValidationError

from hitl_graph.answers import apply_decision
from hitl_graph.decisions import Choose, Edit, decision_to_json
from hitl_graph.errors import AnswerError
from hitl_graph.gates import Ask, Gate, Proceed
from hitl_graph.gates.case import evidence_digest, last_record
from hitl_graph.gates.gate import read
from hitl_graph.gates.schema import from_object
from hitl_graph.nodes.clock import now
from hitl_graph.nodes.question import Asked
from hitl_graph.nodes.response import check_who
from hitl_graph.plain import key_of
from hitl_graph.reviews import Outcome, Record, ReviewRequest, proposal_digest
from hitl_graph.wire import Answer, read_answer

__all__ = ["Settled", "check_answer", "edit_into_this", "settle", "standing_edit"]


@dataclasses.dataclass(frozen=True)
class Settled:
    """A record, the state keys that it changes, and the option that was chosen."""

    record: Record
    changed: dict[str, Any]
    option: str | None = None

    @property
    def again(self) -> bool:
        """Whether the gate must look at the edited proposal before it goes anywhere."""
        return self.record.outcome in ("judged_again", "measured_again")


def check_answer(gate: Gate, request: ReviewRequest, answer: object, like: object, shown: Asked) -> Answer:
    """Read an answer in any of the known shapes and check it against the case.

    `like` is what stands in the state: an edited proposal goes back there in the same type.

    Raises:
        AnswerError: It is none, it does not fit the case, the edited proposal breaks the gate's schema, it was given
            about something else than what stands here now, or by somebody who may not. Nothing was saved.
    """
    shown.check(gate.where, answer)
    read_in = read_answer(answer, request)
    where = f"review of gate {request.gate!r}"
    if not shown.by_desk:  # which has looked who decides
        if not shown.kept:  # else whoever runs the thread on has not answered
            _check_signed_in(where, read_in.by)
        check_who(request, read_in, read_in.by or _told_by())
    if read_in.proposal_digest and read_in.proposal_digest != request.proposal_digest:
        raise AnswerError(
            where, "proposal_digest", "is not that of the proposal as it stands: look at it again"
        )
    if not read_in.proposal_digest and read_in.digest and read_in.digest != request.digest:
        raise AnswerError(where, "digest", "is not that of the case as it stands: look at it again")
    if isinstance(read_in.decision, (Edit, Choose)):
        final = apply_decision(request, read_in.decision).final
        moved = isinstance(read_in.decision, Edit) and read_in.decision.tool is not None
        if moved:
            return read_in  # checked against the other tool's schema, which the case carries
        if final is not None and (problem := gate.proposal_schema.problem(final)):
            raise AnswerError(where, f"changes.{problem[0]}", problem[1])
        if final is not None and final != request.proposal:
            _check_type(where, final, like)
    return read_in


def _check_type(where: str, final: dict[str, Any], like: object) -> None:
    try:
        from_object(final, like)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise AnswerError(where, f"changes.{field}", first["msg"][:1].lower() + first["msg"][1:]) from None


def settle(
    gate: Gate,
    request: ReviewRequest,
    answer: Answer,
    state: Any,
    *,
    review: str,
    elsewhere: Collection[str] = (),
    shown: str | None = None,
) -> Settled:
    """The record of an answer that `check_answer` has let through.

    An edit is judged again: when it changes what the act is (`gate.identity`), or the policy now has reasons
    that the person was not shown, the outcome is `judged_again` and the edited proposal gets a review of its
    own (I12). `elsewhere` are the options that lead elsewhere than an approved proposal; they approve
    nothing. `shown` is the digest of what was shown, where the answer does not say it and it is known.
    """
    decision = answer.decision
    applied = apply_decision(request, decision)
    outcome: Outcome = applied.outcome
    final = applied.final
    changed: dict[str, Any] = {}
    if final is not None and final != request.proposal:
        changed[gate.proposal] = from_object(final, like=read(state, gate.proposal))
    edited = bool(changed) and isinstance(decision, Edit)
    tool = request.tool_call.name if request.tool_call else None
    if isinstance(decision, Edit) and decision.tool is not None:
        tool = decision.tool
    option = decision.option if isinstance(decision, Choose) else None
    if outcome == "approved" and (not gate.approves or option in elsewhere):
        outcome = "routed"
    elif isinstance(decision, Edit) and decision.tool is not None:
        outcome = "judged_again"  # by the gate of that tool
    elif edited and (gate.four_eyes or _another_act(gate, request, final or {}, _with(state, changed))):
        outcome = "judged_again"
    elif edited and gate.collects:
        outcome = "measured_again"
    record = Record(
        review=review,
        gate=gate.name,
        action=gate.action.name,
        proposal_key=gate.proposal,
        kind=request.kind,
        decision=decision.type,
        proposed=request.proposal,
        final=final,
        patch=applied.patch,
        answer=decision_to_json(decision),
        why=request.why,
        by=answer.by or _told_by() or "unknown",
        via=answer.via or "resume",
        at=answer.at or now().isoformat(),
        waited_s=answer.waited_s,
        reason=decision.reason,
        cause=decision.cause,
        recurrence=decision.recurrence,
        note=decision.note,
        outcome=outcome,
        digest=answer.digest or shown or request.digest,
        final_digest=None if final is None else proposal_digest(gate.action.name, final, tool),
        evidence_digest=evidence_digest(request),
        versions=request.versions,
        tool_call=request.tool_call,
        final_tool=None if final is None else tool,
    )
    return Settled(
        record,
        changed,
        option=option,
    )


def edit_into_this(gate: Gate, state: Any, verdict: Proceed | Ask) -> dict[str, Any] | None:
    """The record of the person who edited the proposal into just what is measured now."""
    last = last_record(gate.name, state)
    if last is None or last["outcome"] != "measured_again":
        return None
    return last if last["final_digest"] == verdict.judgement.proposal_digest else None


def standing_edit(gate: Gate, state: Any, verdict: Ask) -> dict[str, Any] | None:
    """That record, if nothing speaks against the edit that its author was not shown."""
    last = edit_into_this(gate, state, verdict)
    if last is None or verdict.judgement.speaks_anew((r["gate"], r["code"]) for r in last["why"]):
        return None
    return last


def _told_by() -> str | None:
    """Who answers: whom an Agent Server has signed in, or else whom the run's caller names."""
    return _signed_in() or get_config()["metadata"].get("hitl_by") or None


def _signed_in() -> str | None:
    user = get_config()["configurable"].get("langgraph_auth_user_id")
    return str(user) if user else None


def _check_signed_in(where: str, by: str | None) -> None:
    """Refuse an answer that names another person than the one who has signed in to the server."""
    user = _signed_in()
    for named in (by, get_config()["metadata"].get("hitl_by")):
        if user and named and key_of(str(named)) != key_of(user):
            raise AnswerError(where, "by", f"is not who is signed in, which is {user!r}: leave it out")


def _another_act(gate: Gate, request: ReviewRequest, final: dict[str, Any], state: Any) -> bool:
    """Whether the edit changed what the act is, or gives the policy a reason that the person was not shown.

    A gate that has to measure again first is only asked about the former here; its own node judges the rest.
    """
    if any(request.proposal.get(field) != final.get(field) for field in gate.identity):
        return True
    if gate.collects:
        return False
    verdict = gate.judge(state)
    return isinstance(verdict, Ask) and verdict.judgement.speaks_anew((r.gate, r.code) for r in request.why)


def _with(state: Any, changed: dict[str, Any]) -> Any:
    """The state as it will be, for judging; the state itself stays as it is."""
    if isinstance(state, dict):
        return {**state, **changed}
    if hasattr(state, "model_copy"):
        return state.model_copy(update=changed)
    return dataclasses.replace(state, **changed)
