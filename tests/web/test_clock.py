"""I10: what is too old is said by the database's clock, whatever this machine's says."""

from __future__ import annotations

import datetime as dt

from hitl_graph import Desk, open_checkpointer
from hitl_graph.notices import make_link
from hitl_graph.testing import FakeClock
from tests.notices.receivers import pause, secret_graph
from tests.web.serving import KEY, client, signed


def test_a_signatures_age_is_told_by_the_database(db_url: str) -> None:
    """A request of this machine's time is old where the database's is an hour later."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with FakeClock(db_url, start=later) as clock, Desk(db_url) as desk, client(db_url) as web:
        desk.notices.put_sender("crm", people=["ana"], secret=KEY, by="ops")

        mine = web.post("/webhooks/decide", **signed({}))
        theirs = web.post("/webhooks/decide", **signed({}, at=clock.now()))

    assert (mine.status_code, theirs.status_code) == (401, 400)


def test_a_link_expires_by_the_databases_clock(db_url: str) -> None:
    """Three days there."""
    with (
        FakeClock(db_url) as clock,
        open_checkpointer(db_url) as checkpointer,
        Desk(db_url) as desk,
        client(db_url) as web,
    ):
        pause(secret_graph().compile(checkpointer=checkpointer, name="support"))
        [case] = desk.pending()
        token = desk.run(make_link(desk.desk, case, person="ana", action="approve"))

        clock.advance(hours=71.9)
        before = web.get(f"/links/{token}")
        clock.advance(hours=0.2)
        after = web.post(f"/links/{token}")

    assert (before.status_code, after.status_code) == (200, 403)
