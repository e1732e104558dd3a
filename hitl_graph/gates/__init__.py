"""When to pause and what to ask: pure policies, without LangGraph and without a database."""

from hitl_graph.gates.compose import CompositeGate, all_of, any_of, strict
from hitl_graph.gates.confidence import ConfidenceGate
from hitl_graph.gates.detectors import (
    Detector,
    ModelDetector,
    PatternDetector,
    RuleDetector,
    Signal,
    ambiguous_data,
    complaint,
    high_value,
    sensitive_policy,
    urgency,
)
from hitl_graph.gates.escalation import ExceptionEscalation
from hitl_graph.gates.failure import FailureEscalation
from hitl_graph.gates.gate import Gate
from hitl_graph.gates.judgement import Ask, Judgement, Proceed, Verdict
from hitl_graph.gates.review_before_send import ReviewBeforeSend
from hitl_graph.gates.sampling import AuditSample
from hitl_graph.gates.scores import Agreement, TokenLogprobs
from hitl_graph.gates.thresholds import Thresholds

__all__ = [
    "Agreement",
    "Ask",
    "AuditSample",
    "CompositeGate",
    "ConfidenceGate",
    "Detector",
    "ExceptionEscalation",
    "FailureEscalation",
    "Gate",
    "Judgement",
    "ModelDetector",
    "PatternDetector",
    "Proceed",
    "ReviewBeforeSend",
    "RuleDetector",
    "Signal",
    "Thresholds",
    "TokenLogprobs",
    "Verdict",
    "all_of",
    "ambiguous_data",
    "any_of",
    "complaint",
    "high_value",
    "sensitive_policy",
    "strict",
    "urgency",
]
