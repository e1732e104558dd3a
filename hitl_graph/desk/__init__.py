"""The reviewer's side: cases, decisions, and what came of them."""

from hitl_graph.desk.case import Case, Page, Status
from hitl_graph.desk.desk import Desk
from hitl_graph.desk.holds import Hold
from hitl_graph.desk.in_process import Resumed

__all__ = ["Case", "Desk", "Hold", "Page", "Resumed", "Status"]
