"""The reviewer's side: cases, decisions, and what came of them."""

from hitl_graph.desk.authority import Authority, Grant
from hitl_graph.desk.case import Case, Page, Status
from hitl_graph.desk.codes import Code
from hitl_graph.desk.desk import Desk
from hitl_graph.desk.drafts import Draft
from hitl_graph.desk.findings import Finding, FindingKind
from hitl_graph.desk.holds import Hold
from hitl_graph.desk.in_process import Resumed
from hitl_graph.desk.people import Person

__all__ = [
    "Authority",
    "Case",
    "Code",
    "Desk",
    "Draft",
    "Finding",
    "FindingKind",
    "Grant",
    "Hold",
    "Page",
    "Person",
    "Resumed",
    "Status",
]
