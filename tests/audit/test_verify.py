"""Verifying: whatever was changed, taken away or put in another order is found, and named (I8)."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RaiseException

from hitl_graph import Desk
from hitl_graph.desk.audit import Anchor, Wrong
from hitl_graph.errors import AuditError

from .log import tamper, write

CUT_OFF = ("DELETE FROM hitl.chain WHERE seq > 3", "DELETE FROM hitl.events WHERE id > 3")


@pytest.fixture
def log_url(db_url: str) -> str:
    """Five sealed events, whose ids are their places in the chain."""
    write(db_url, *({"by": "ana", "amount": number} for number in range(1, 6)))
    with Desk(db_url) as desk:
        assert desk.audit.seal() == 5
    return db_url


@pytest.mark.parametrize(
    ("statement", "wrong", "seq"),
    [
        ('UPDATE hitl.events SET data = \'{"by": "ana", "amount": 9}\' WHERE id = 2', Wrong.ALTERED, 2),
        ("UPDATE hitl.events SET type = 'asked' WHERE id = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.events SET at = at + interval '1 microsecond' WHERE id = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.events SET thread_id = 't9' WHERE id = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.events SET review_id = 'r9' WHERE id = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.events SET salt = 'other' WHERE id = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.chain SET hash = sha256('x') WHERE seq = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.chain SET data_digest = sha256('x') WHERE seq = 2", Wrong.ALTERED, 2),
        ("UPDATE hitl.chain SET prev = sha256('x') WHERE seq = 2", Wrong.REORDERED, 2),
        (
            "UPDATE hitl.chain SET seq = CASE seq WHEN 2 THEN 30 ELSE 2 END WHERE seq IN (2, 3)",
            Wrong.REORDERED,
            2,
        ),
        ("UPDATE hitl.chain SET event_id = 7 - event_id + 2 WHERE seq = 2", Wrong.GONE, 2),
        ("DELETE FROM hitl.events WHERE id = 2", Wrong.GONE, 2),
        ("DELETE FROM hitl.chain WHERE seq = 2", Wrong.MISSING, 2),
        ("DELETE FROM hitl.chain WHERE seq = 1", Wrong.MISSING, 1),
        ("UPDATE hitl.events SET data = NULL, salt = NULL WHERE id = 2", Wrong.EMPTIED, 2),
        ("UPDATE hitl.events SET salt = NULL WHERE id = 2", Wrong.ALTERED, 2),
        (
            'UPDATE hitl.events SET data = \'{"by": "ben", "by": "ana", "amount": 2}\' WHERE id = 2',
            Wrong.ALTERED,
            2,
        ),
        ("DELETE FROM hitl.chain WHERE seq = 5", Wrong.HELD_BACK, 5),
    ],
)
def test_the_first_wrong_place_is_named(log_url: str, statement: str, wrong: Wrong, seq: int) -> None:
    """By its place in the chain and by what is wrong there."""
    tamper(log_url, statement)
    with Desk(log_url) as desk:
        report = desk.audit.verify()

    assert report.broken is not None and not report.ok
    assert (report.broken.wrong, report.broken.seq) == (wrong, seq)


def test_an_untouched_log_holds(log_url: str) -> None:
    """Everything is checked, with or without an anchor."""
    with Desk(log_url) as desk:
        anchor = desk.audit.anchor()
        write(log_url, {"by": "bo"})
        desk.audit.seal()
        report = desk.audit.verify(anchor)

    assert (report.ok, report.checked, report.head.seq, anchor.seq) == (True, 6, 6, 5)


def test_a_log_that_was_cut_off_is_found_by_its_anchor(log_url: str) -> None:
    """The rest holds in itself: only the anchor tells that there was more (I8)."""
    with Desk(log_url) as desk:
        anchor = desk.audit.anchor()
        tamper(log_url, *CUT_OFF)
        alone, anchored = desk.audit.verify(), desk.audit.verify(anchor)

    assert alone.ok
    assert anchored.broken is not None and anchored.broken.wrong is Wrong.TRUNCATED


def test_a_log_that_was_set_back_and_went_on_is_found_by_its_anchor(log_url: str) -> None:
    """Restored from a backup, or rolled back, and written further: another chain than the anchor's."""
    with Desk(log_url) as desk:
        anchor = desk.audit.anchor()
        tamper(log_url, *CUT_OFF)
        write(log_url, {"by": "bo"}, {"by": "bo"}, {"by": "bo"})
        desk.audit.seal()
        alone, anchored = desk.audit.verify(), desk.audit.verify(anchor)

    assert alone.ok
    assert anchored.broken is not None
    assert (anchored.broken.wrong, anchored.broken.seq) == (Wrong.REWRITTEN, 5)


def test_a_log_that_was_emptied_is_found_by_its_anchor(log_url: str) -> None:
    """Nothing at all stands there any more."""
    with Desk(log_url) as desk:
        anchor = desk.audit.anchor()
        tamper(log_url, "TRUNCATE hitl.chain, hitl.events")
        report = desk.audit.verify(anchor)

    assert report.broken is not None and report.broken.wrong is Wrong.TRUNCATED


def test_an_event_that_was_taken_away_before_its_seal_is_found(log_url: str) -> None:
    """It waits for its seal in a list of its own."""
    write(log_url, {"by": "bo"})
    tamper(log_url, "DELETE FROM hitl.events WHERE id = 6")
    with Desk(log_url) as desk:
        report = desk.audit.verify()

    assert report.broken is not None and (report.broken.wrong, report.broken.event_id) == (Wrong.GONE, 6)


def test_an_event_that_is_kept_from_the_sealer_is_found(log_url: str) -> None:
    """Neither sealed nor waiting: it could be changed at leisure."""
    write(log_url, {"by": "bo"})
    tamper(log_url, "DELETE FROM hitl.unsealed")
    with Desk(log_url) as desk:
        sealed, report = desk.audit.seal(), desk.audit.verify()

    assert sealed == 0 and report.broken is not None
    assert (report.broken.wrong, report.broken.event_id) == (Wrong.HELD_BACK, 6)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM hitl.unsealed",
        "INSERT INTO hitl.unsealed VALUES (9)",
        "UPDATE hitl.unsealed SET event_id = 9",
    ],
)
def test_a_connection_of_ours_keeps_nothing_from_the_sealer(log_url: str, statement: str) -> None:
    """The list of what waits is written by the database alone; and what has no seal stays on it."""
    [waiting] = write(log_url, {"by": "bo"})
    with psycopg.connect(log_url, autocommit=True) as conn:
        conn.execute("SELECT hitl.enter('default')")
        with pytest.raises(InsufficientPrivilege):
            conn.execute(statement)
        conn.execute("SELECT hitl.wait_no_longer(%s)", [[waiting]])
    with Desk(log_url) as desk:
        assert desk.audit.seal() == 1


def test_events_that_wait_too_long_are_counted(log_url: str) -> None:
    """No worker seals: whoever looks is told."""
    write(log_url, {"by": "bo"}, {"by": "bo"})
    tamper(log_url, "UPDATE hitl.events SET at = at - interval '2 minutes' WHERE id = 7")
    with Desk(log_url) as desk:
        report = desk.audit.verify()

    assert (report.ok, report.unsealed, report.late) == (True, 2, 1)


def test_another_tenants_anchor_is_refused(log_url: str) -> None:
    """It would say nothing about this chain."""
    with Desk(log_url) as desk, pytest.raises(AuditError, match="tenant 'acme'"):
        desk.audit.verify(Anchor(tenant="acme", seq=1, hash="0" * 64))


@pytest.mark.parametrize("table", ["events", "chain", "erasures"])
@pytest.mark.parametrize("change", ["UPDATE {} SET tenant = tenant", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_logged_can_only_be_added_to(log_url: str, table: str, change: str) -> None:
    """Not even the owner of the tables changes it in passing."""
    with psycopg.connect(log_url) as conn:
        conn.execute("INSERT INTO hitl.erasures (thread_id, by, reason) VALUES ('t', 'b', 'r')")
        with pytest.raises(RaiseException, match=f"hitl.{table} is append-only"):
            conn.execute(change.format(f"hitl.{table}"))


@pytest.mark.parametrize(
    "change", ["DELETE FROM hitl.events", "DELETE FROM hitl.chain", "DELETE FROM hitl.erasures"]
)
def test_the_desks_own_connections_may_not_change_the_log(log_url: str, change: str) -> None:
    """They have no such right, whatever statement slips in."""
    with psycopg.connect(log_url) as conn:
        conn.execute("SELECT hitl.enter('default')")
        with pytest.raises(InsufficientPrivilege):
            conn.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE hitl.events SET type = 'asked' WHERE id = 2",
        "UPDATE hitl.events SET data = '{}' WHERE id = 2",
        "UPDATE hitl.events SET data = NULL, salt = NULL, thread_id = 't2' WHERE id = 2",
    ],
)
def test_an_erasure_can_do_nothing_but_empty(log_url: str, change: str) -> None:
    """Even where somebody pretends to erase, an event cannot be changed into another."""
    with psycopg.connect(log_url) as conn:
        conn.execute("SET hitl.erasing = 'on'")
        with pytest.raises(RaiseException, match="append-only"):
            conn.execute(change)
