"""One case from the proposal to the act: what an auditor asks first (R45, R46)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hitl_graph.answers import apply_decision
from hitl_graph.desk.case import Case
from hitl_graph.errors import AnswerError
from hitl_graph.plain import digest, plain_json
from hitl_graph.storage.statements import load_statements
from hitl_graph.wire import Shape, decisions_from_json, native_request

if TYPE_CHECKING:
    from hitl_graph.desk.connected import Connected

__all__ = ["tell_story"]

SQL = load_statements("hitl_graph.desk.audit", "audit.sql")
DIVERGED = ("diverged_decision", "diverged_effect")
ABOUT = (
    *(
        "id",
        "thread_id",
        "workflow",
        "node",
        "shape",
        "gate",
        "kind",
        "action",
        "question",
        "status",
        "owner",
    ),
    *("person", "priority", "asked_at", "due_at", "closed_at", "error"),
)


async def tell_story(desk: Connected, review_id: str, thread_id: str | None) -> dict[str, Any]:
    """See `Audit.story`."""
    case = await _case(desk, review_id, thread_id)
    named = {"thread_id": case.thread_id, "id": case.id}
    decisions = await desk.rows(SQL["story_decision"], named)
    request = case.request
    erased = await desk.rows(SQL["story_erased"], {"thread_id": case.thread_id})
    shown = case.digest.startswith("erased:") if erased else _shown_digest(case) == case.digest
    told = {
        "review": {name: getattr(case, name) for name in ABOUT},
        "proposed": {"action": case.action, "arguments": case.proposal, "digest": _proposal_digest(case)},
        "seen": {"payload": case.payload, "schema": case.response_schema, "digest": case.digest},
        "decided": _decided(case, decisions[0]) if decisions else None,
        "informed": bool(decisions) and shown and decisions[0]["digest"] == case.digest,
        "consistent": (shown or bool(erased))
        and not any([await desk.rows(SQL[name], named) for name in DIVERGED]),
        "erased": erased[0] if erased else None,
        "effects": await desk.rows(SQL["story_effects"], named),
        "versions": None if request is None else request.versions,
        "events": await desk.rows(SQL["story_events"], named),
    }
    out: dict[str, Any] = plain_json(told, "story")
    return out


async def _case(desk: Connected, review_id: str, thread_id: str | None) -> Case:
    from hitl_graph.desk.cases import Cases  # which every desk is

    assert isinstance(desk, Cases)
    return await desk.show(review_id, thread_id=thread_id)


def _shown_digest(case: Case) -> str:
    """The digest of what stands in the table now, computed anew."""
    native = None if case.shape is Shape.RAW else native_request(case.payload)
    if native is None:
        return digest(case.payload)
    return digest({name: value for name, value in native.items() if name != "digest"})


def _proposal_digest(case: Case) -> str | None:
    return None if case.request is None else case.request.proposal_digest


def _decided(case: Case, kept: dict[str, Any]) -> dict[str, Any]:
    """The decision, and what it changed."""
    final, patch = _applied(case, kept["decision"])
    waited = (kept["decided_at"] - case.asked_at).total_seconds()
    edited = None if patch is None else bool(patch)
    return {**kept, "waited_s": waited, "edited": edited, "patch": patch, "final": final}


def _applied(case: Case, decision: Any) -> tuple[Any, Any]:
    """The final version and the patch; None for both where the decision is in another's shape, or was erased."""
    request = case.request
    if request is None or not isinstance(decision, dict):
        return None, None
    try:
        applied = apply_decision(request, decisions_from_json(decision))  # type: ignore[arg-type]  # one for ours
    except (AnswerError, AttributeError, KeyError, TypeError):  # an answer from elsewhere, in its own words
        return None, None
    return applied.final, list(applied.patch)
