"""The audit log: a chain of hashes over what happened, and what can be asked of it."""

from hitl_graph.desk.audit.audit import Audit, SyncAudit
from hitl_graph.desk.audit.chain import Anchor
from hitl_graph.desk.audit.export import verify_export
from hitl_graph.desk.audit.walk import AuditReport, Break, Wrong

__all__ = ["Anchor", "Audit", "AuditReport", "Break", "SyncAudit", "Wrong", "verify_export"]
