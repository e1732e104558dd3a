"""A case that must come through whatever is done to it: still waiting, nothing decided, nothing run, and answerable."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.testclient import TestClient

from hitl_graph import Case
from tests.notices.receivers import query

__all__ = ["Standing"]


class Standing(NamedTuple):
    """The inbox as one person has it, and its one case."""

    url: str
    http: TestClient
    case: Case

    def unharmed(self) -> None:
        """As it was; and to prove that it can be answered it is, by the page's own API, and taken back."""
        nothing = [{"n": 0}]
        assert query(self.url, "SELECT count(*) AS n FROM hitl.decisions") == nothing
        assert query(self.url, "SELECT count(*) AS n FROM hitl.effects") == nothing
        assert query(self.url, "SELECT status, digest FROM hitl.reviews") == [
            {"status": "pending", "digest": self.case.digest}
        ]
        body = {"decision": self.yes(), "digest": self.case.digest, "undo_s": 30}
        decided = self.http.post(f"/api/v1/cases/{self.case.id}/decide", json=body)
        assert decided.json().get("status") == "decided", decided.text
        undone = self.http.post(f"/api/v1/cases/{self.case.id}/undo", json={})
        assert undone.json().get("status") == "pending", undone.text

    def yes(self) -> Any:
        """What approves it: of several acts each by itself."""
        acts = self.case.foreign.proposals if self.case.foreign is not None else ()
        return [{"type": "approve"} for _ in acts] if len(acts) > 1 else {"type": "approve"}
