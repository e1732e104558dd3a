"""What a case's own time limit decides when nobody has. Pure: a request in, the decision or why there is none out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hitl_graph.answers import apply_decision, check_decision
from hitl_graph.decisions import Approve, Choose, Decision, Reject
from hitl_graph.errors import HitlError
from hitl_graph.plain import digest
from hitl_graph.reviews import ReviewRequest, proposal_digest
from hitl_graph.wire import native_request

__all__ = ["Expired", "NoDecision", "decided_by_expiry", "read_request"]


class NoDecision(HitlError):
    """Expiry may not decide this case, in words; it keeps waiting, and an alarm says so."""


@dataclasses.dataclass(frozen=True)
class Expired:
    """What expiry decides, and the digest of the act that it lets through; None where it lets none."""

    decision: Decision
    final_digest: str | None


def read_request(row: Mapping[str, Any]) -> ReviewRequest:
    """The request that stands in a row of `hitl.reviews`, as it was asked.

    Raises:
        NoDecision: It is none of ours, cannot be read, or is not what its digest was made of.
    """
    try:
        found = None if row["shape"] == "raw" else native_request(row["payload"])
        if found is None:
            raise NoDecision("its question is not one of a gate")
        asked = digest({key: value for key, value in found.items() if key != "digest"})
        if not asked == found["digest"] == row["digest"]:
            raise NoDecision("its request is not what was asked: it was changed in the database")
        return ReviewRequest.from_json(found)
    except (ValidationError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise NoDecision(f"its request cannot be read: {type(error).__name__}") from error


def decided_by_expiry(request: ReviewRequest) -> Expired:
    """The decision that the request's own limit takes.

    What cannot be undone is never let through, whatever the request says; neither is what a person could not decide.

    Raises:
        NoDecision: It names none that may be taken.
    """
    sla = request.sla
    told = None if sla is None else sla.decides({option.value for option in request.options})
    if told is None:
        raise NoDecision("it names no decision for its expiry")
    acts = told.acts(request.continuation)
    sheet = request.action
    if acts and not (sheet.get("reversible") is True and sheet.get("regulated", False) is False):
        raise NoDecision(f"{told.word} would let {request.act} happen, which cannot be undone")
    if acts and request.approvals > 1:
        raise NoDecision(
            f"{told.word} would let {request.act} happen, which {request.approvals} people must approve"
        )
    if acts and request.excluded:
        raise NoDecision(
            f"{told.word} would let {request.act} happen, which somebody else than "
            f"{', '.join(request.excluded)} must have looked at"
        )
    note = "Nobody decided in time."
    decision: Decision = Approve(note=note) if told.word == "approve" else Reject(note=note)
    if told.option is not None:
        decision = Choose(told.option, note=note)
    try:
        decision = check_decision(request, decision)
        final = apply_decision(request, decision).final
    except HitlError as error:
        raise NoDecision(str(error)) from error
    tool = request.tool_call.name if request.tool_call else None
    done = None if final is None or not acts else proposal_digest(request.action["name"], final, tool)
    return Expired(decision, done)
