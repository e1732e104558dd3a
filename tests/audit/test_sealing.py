"""The sealer: each committed event once, in the order in which it could be seen, whoever seals."""

from __future__ import annotations

import asyncio

import psycopg

from hitl_graph import Desk

from .log import rows, write

INSERT = "INSERT INTO hitl.events (type, data) VALUES (%s, '{}') RETURNING id"


def test_events_wait_for_the_sealer_and_are_sealed_once(db_url: str) -> None:
    """What is written is committed at once and sealed soon after; a second pass finds nothing."""
    write(db_url, 1, 2, 3)
    with Desk(db_url) as desk:
        before = desk.audit.verify()
        sealed = (desk.audit.seal(), desk.audit.seal())
        after = desk.audit.verify()

    assert (before.checked, before.unsealed, sealed) == (0, 3, (3, 0))
    assert (after.ok, after.checked, after.unsealed) == (True, 3, 0)


def test_an_event_that_commits_late_is_sealed_late(db_url: str) -> None:
    """The chain is in the order of sealing, not of ids: nobody waits for an open transaction."""
    with Desk(db_url) as desk, psycopg.connect(db_url) as slow:
        [late] = slow.execute(INSERT, ["late"]).fetchone() or ()
        [early] = write(db_url, {"by": "ana"})
        first = desk.audit.seal()
        slow.commit()
        second = desk.audit.seal()
        order = rows(db_url, "SELECT event_id FROM hitl.chain ORDER BY seq")
        report = desk.audit.verify()

    assert late < early
    assert (first, second, order, report.ok) == (1, 1, [(early,), (late,)], True)


def test_what_is_rolled_back_leaves_no_gap(db_url: str) -> None:
    """Ids may have gaps, the chain has none."""
    with psycopg.connect(db_url) as conn:
        conn.execute(INSERT, ["undone"])
        conn.rollback()
    write(db_url, 1, 2)
    with Desk(db_url) as desk:
        sealed, report = desk.audit.seal(), desk.audit.verify()

    assert (sealed, report.ok, report.head.seq, report.unsealed) == (2, True, 2, 0)


async def test_many_sealers_seal_each_event_once(db_url: str) -> None:
    """Workers on many machines tick at the same time: one seals, the others find nothing to do (I8)."""
    write(db_url, *range(40))
    async with Desk(db_url) as one, Desk(db_url) as other:
        counts = await asyncio.gather(*(desk.audit.seal() for desk in (one, other) * 4))
        report = await one.audit.verify()

    assert sum(counts) == 40
    assert (report.ok, report.checked) == (True, 40)


async def test_a_sealer_that_finds_another_at_work_leaves_it_to_that_one(db_url: str) -> None:
    """It neither waits nor seals."""
    write(db_url, 1)
    async with Desk(db_url) as desk:
        async with desk.transaction() as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('hitl-seal:default', 0))")
            meanwhile = await desk.audit.seal()
        afterwards = await desk.audit.seal()

    assert (meanwhile, afterwards) == (0, 1)


def test_more_events_than_one_batch_are_one_chain(db_url: str) -> None:
    """Batches follow each other without a break."""
    with psycopg.connect(db_url) as conn:
        conn.execute("INSERT INTO hitl.events (type, data) SELECT 'x', '{}' FROM generate_series(1, 2500)")
    with Desk(db_url) as desk:
        sealed, report = desk.audit.seal(), desk.audit.verify()

    assert (sealed, report.ok, report.checked) == (2500, True, 2500)


def test_a_refused_attempt_is_an_event_that_outlives_what_was_refused(db_url: str) -> None:
    """Who tried what, and why it was refused; whatever characters they sent."""
    with Desk(db_url) as desk:
        desk.refused(
            by="mallory\x00", what="decide", why="no \ud800 authority", thread_id="t1", review_id="r1"
        )
        found = rows(db_url, "SELECT type, thread_id, review_id, data FROM hitl.events")

    data = {
        "by": "mallory⟨U+0000⟩",
        "what": "decide",
        "why": "no ⟨U+D800⟩ authority",
        "through": {"way": "code"},
    }
    assert found == [("refused_attempt", "t1", "r1", data)]
