"""What is forgotten in time: idempotency keys of closed cases, and used links that have expired."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.errors import DecisionConflict, LinkRefused
from hitl_graph.notices import make_link
from hitl_graph.notices.links import use_link
from hitl_graph.testing import FakeClock
from tests.reconcile.stuck import begin
from tests.support.graphs import mail_graph


def count(url: str, table: str) -> int:
    """How many rows a table of ours has."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(psycopg.sql.SQL("SELECT FROM hitl.{}").format(psycopg.sql.Identifier(table)))
        return len(rows.fetchall())


def test_a_key_is_known_until_thirty_days_after_its_case_was_closed(db_url: str, tmp_path: Path) -> None:
    """Counted from the close, by the database's clock; later the same request meets a closed case."""
    with FakeClock(db_url) as clock, Desk(db_url) as desk, open_checkpointer(db_url) as checkpointer:
        begin(db_url, tmp_path / "sink", mail_graph())
        [case] = desk.pending()
        for _ in range(2):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest, idempotency_key="k1")
        clock.advance(hours=24 * 40)
        desk.reconcile()
        while_open = count(db_url, "requests")
        desk.resume(mail_graph().compile(checkpointer=checkpointer))
        clock.advance(hours=24 * 30)
        desk.reconcile()
        again = desk.decide(case.id, Approve(), by="ana", digest=case.digest, idempotency_key="k1")
        clock.advance(seconds=1)
        desk.reconcile()

        assert (while_open, again.status.value, count(db_url, "requests")) == (1, "applied", 0)
        with pytest.raises(DecisionConflict):
            desk.decide(case.id, Approve(), by="ana", digest=case.digest, idempotency_key="k1")


def test_a_used_link_is_known_until_it_has_expired(db_url: str, tmp_path: Path) -> None:
    """Before that it was used, and afterwards it has expired: it decides nothing."""
    with FakeClock(db_url) as clock, Desk(db_url) as desk:
        begin(db_url, tmp_path / "sink", mail_graph())
        [case] = desk.pending()
        token = desk.run(make_link(desk.desk, case, person="ana", action="reject", hours=72))
        desk.run(use_link(desk.desk, token))
        clock.advance(hours=71)
        desk.reconcile()
        before = count(db_url, "used_links")
        clock.advance(hours=1)
        desk.reconcile()

        assert (before, count(db_url, "used_links")) == (1, 0)
        with pytest.raises(LinkRefused) as refused:
            desk.run(use_link(desk.desk, token))
        assert refused.value.why == "it has expired"
