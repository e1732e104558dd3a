"""Gates and effects as LangGraph nodes."""

from hitl_graph.nodes.boundary import check_boundary
from hitl_graph.nodes.boundary_map import BoundaryMap, boundary_map
from hitl_graph.nodes.detached import add_detached_gate
from hitl_graph.nodes.effect_node import effect
from hitl_graph.nodes.execution import evidence_unchanged, not_listed, within
from hitl_graph.nodes.failures import ask_on_failure
from hitl_graph.nodes.hand_back import ahanded_back, handed_back
from hitl_graph.nodes.state import HitlState
from hitl_graph.nodes.wiring import add_gate

__all__ = [
    "BoundaryMap",
    "HitlState",
    "add_detached_gate",
    "add_gate",
    "ahanded_back",
    "ask_on_failure",
    "boundary_map",
    "check_boundary",
    "effect",
    "evidence_unchanged",
    "handed_back",
    "not_listed",
    "within",
]
