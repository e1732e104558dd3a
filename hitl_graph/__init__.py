"""Gates for LangGraph: pause where judgement is needed, decide once, keep the edits and the evidence.

A gate judges what a graph proposes to do and either lets it pass or asks a person. The graph pauses in
Postgres, the review row is written in the same transaction, the desk takes one decision, and the graph goes
on with the edits as state.
"""

from hitl_graph.checkpointers import open_checkpointer
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
from hitl_graph.desk import Case, Desk
from hitl_graph.errors import HitlError
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
from hitl_graph.nodes import HitlState, add_gate, ask_on_failure, boundary_map, check_boundary, effect
from hitl_graph.reviews import (
    Evidence,
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

__all__ = [
    "ActionClass",
    "Approve",
    "AskInfo",
    "AuditSample",
    "Case",
    "Cause",
    "Choose",
    "ConfidenceGate",
    "Decision",
    "Desk",
    "Edit",
    "Evidence",
    "ExceptionEscalation",
    "FailureEscalation",
    "HitlError",
    "HitlState",
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
    "Sla",
    "TakeOver",
    "Thresholds",
    "Turn",
    "Versions",
    "add_gate",
    "all_of",
    "any_of",
    "ask_on_failure",
    "boundary_map",
    "check_boundary",
    "effect",
    "open_checkpointer",
]
