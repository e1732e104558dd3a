"""Gates for LangGraph: pause where judgement is needed, decide once, keep the edits and the evidence.

A gate judges what a graph proposes to do and either lets it pass or asks a person. The graph pauses in
Postgres, the review row is written in the same transaction, the desk takes one decision, and the graph goes
on with the edits as state.
"""

import importlib
import typing

from hitl_graph.decisions import (
    Approve,
    AskInfo,
    Cause,
    Choose,
    Decision,
    Edit,
    Recurrence,
    Reject,
    Respond,
    TakeOver,
)
from hitl_graph.errors import EffectNotDone, HitlError
from hitl_graph.gates import (
    AuditSample,
    ConfidenceGate,
    ExceptionEscalation,
    FailureEscalation,
    ReviewBeforeSend,
    Thresholds,
    all_of,
    any_of,
)
from hitl_graph.nodes import (
    HitlState,
    add_detached_gate,
    add_gate,
    ahanded_back,
    ask_on_failure,
    boundary_map,
    check_boundary,
    effect,
    evidence_unchanged,
    handed_back,
    not_listed,
    within,
)
from hitl_graph.reviews import (
    BusinessHours,
    Evidence,
    Level,
    Option,
    Owner,
    Priority,
    Record,
    ReviewKind,
    ReviewRequest,
    Sla,
    Turn,
    Versions,
)
from hitl_graph.risk import ActionClass

if typing.TYPE_CHECKING:
    from hitl_graph.agents import GateMiddleware, gated
    from hitl_graph.checkpointers import open_checkpointer
    from hitl_graph.desk import Case, Desk
    from hitl_graph.functional import Reviewed, areview, review

__all__ = [
    "ActionClass",
    "Approve",
    "AskInfo",
    "AuditSample",
    "BusinessHours",
    "Case",
    "Cause",
    "Choose",
    "ConfidenceGate",
    "Decision",
    "Desk",
    "Edit",
    "EffectNotDone",
    "Evidence",
    "ExceptionEscalation",
    "FailureEscalation",
    "GateMiddleware",
    "HitlError",
    "HitlState",
    "Level",
    "Option",
    "Owner",
    "Priority",
    "Record",
    "Recurrence",
    "Reject",
    "Respond",
    "ReviewBeforeSend",
    "ReviewKind",
    "ReviewRequest",
    "Reviewed",
    "Sla",
    "TakeOver",
    "Thresholds",
    "Turn",
    "Versions",
    "add_detached_gate",
    "add_gate",
    "ahanded_back",
    "all_of",
    "any_of",
    "areview",
    "ask_on_failure",
    "boundary_map",
    "check_boundary",
    "effect",
    "evidence_unchanged",
    "gated",
    "handed_back",
    "not_listed",
    "open_checkpointer",
    "review",
    "within",
]

_LATER = {
    "Case": "desk",
    "Desk": "desk",
    "GateMiddleware": "agents",
    "Reviewed": "functional",
    "areview": "functional",
    "gated": "agents",
    "open_checkpointer": "checkpointers",
    "review": "functional",
}
"""Names that bring a database driver or LangChain along: imported when they are first used (docs/decisions/0012)."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_LATER]
