"""Each decision, the node that it leads to, and the outcome that is kept."""

from __future__ import annotations

from hitl_graph.decisions import Approve, AskInfo, Choose, Edit, Reject, Respond, TakeOver

ROUTES = [
    (Approve(), "yes", "approved"),
    (Edit({"body": "Better."}), "yes", "approved"),
    (Reject(), "no", "rejected"),
    (Choose("refund"), "yes", "approved"),
    (Respond("Please send the receipt."), "said", "responded"),
    (AskInfo("Which order?"), "info", "asked"),
    (TakeOver(), "taken", "taken_over"),
]
