"""The log as JSON Lines: verified by whoever has the lines, with no database."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from hitl_graph import Desk
from hitl_graph.desk.audit import Anchor, Wrong, verify_export
from hitl_graph.desk.audit.chain import Event, event_digest
from hitl_graph.errors import AuditError

from .log import tamper, write

Lines = list[str]
DATA = (
    {"by": "ana"},
    '{"n":\n 12345678901234567890, "x": 1e400, "y": 0.1}',
    '{"text": "Gr\\u00fc\\u00dfe \\ud800", "\U0001f600": "\uffff"}',
    '{"a": 1, "a": 2}',
    None,
)


@pytest.fixture
def exported(db_url: str) -> Lines:
    """Five events of odd data of the thread t1, each followed by one of another thread."""
    for one in DATA:
        write(db_url, one)
        write(db_url, {"secret": "of another"}, thread_id="t2")
    with Desk(db_url) as desk:
        desk.audit.seal()
        return list(desk.audit.export())


def changed(lines: Lines, number: int, change: Callable[[dict[str, Any]], Any]) -> Lines:
    """The lines with one of them changed."""
    told = json.loads(lines[number])
    change(told)
    return [*lines[:number], json.dumps(told), *lines[number + 1 :]]


def hidden(lines: Lines, number: int) -> Lines:
    """The lines with one that shows its seal alone, as an export of one thread does with others' events."""
    told = json.loads(lines[number])
    event = Event(**told["event"], salt=None, data=None)
    told["event_digest"] = event_digest(event, bytes.fromhex(told["data_digest"]))
    bare = {name: told[name] for name in ("seq", "prev", "hash", "event_digest")}
    return [*lines[:number], json.dumps(bare), *lines[number + 1 :]]


def test_an_export_verifies_by_itself(exported: Lines) -> None:
    """Every event is checked, whatever its data: long and infinite numbers, surrogates, keys that stand twice."""
    report = verify_export(exported)

    assert (report.ok, report.checked, report.linked, len(exported)) == (True, 10, 0, 11)


def test_a_sync_and_an_async_export_are_the_same(db_url: str, exported: Lines) -> None:
    """A part of it may be read, and the rest left."""
    with Desk(db_url) as desk:
        first = list(itertools.islice(desk.audit.export(), 3))

    assert first[1:] == exported[1:3]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda lines: changed(lines, 1, lambda told: told.update(data='{"by": "bo"}')), Wrong.ALTERED),
        (lambda lines: changed(lines, 1, lambda told: told["event"].update(type="asked")), Wrong.ALTERED),
        (lambda lines: changed(lines, 1, lambda told: told["event"].update(at="2020-01-01")), Wrong.ALTERED),
        (lambda lines: changed(lines, 1, lambda told: told.update(data=None, salt=None)), Wrong.EMPTIED),
        (lambda lines: [*lines[:2], *lines[3:]], Wrong.MISSING),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], Wrong.MISSING),
        (lambda lines: lines[:-1], Wrong.TRUNCATED),
        (lambda lines: changed(lines, 0, lambda told: told["head"].update(hash="0" * 64)), Wrong.TRUNCATED),
        (lambda lines: changed(lines, 0, lambda told: told.update(tenant="acme")), Wrong.ALTERED),
        (lambda lines: hidden(lines, 1), Wrong.GONE),
        (
            lambda lines: changed(
                lines, 1, lambda told: told.update(data=told["data"].replace('"by"', '"by": "ben", "by"'))
            ),
            Wrong.ALTERED,
        ),
        (lambda lines: changed(lines, 1, lambda told: told.update(data=told["data"] + " ")), Wrong.ALTERED),
    ],
    ids=[
        "data",
        "type",
        "time",
        "emptied",
        "missing",
        "order",
        "cut off",
        "another head",
        "another tenant",
        "hidden",
        "a second name",
        "a blank",
    ],
)
def test_what_was_changed_is_found(exported: Lines, change: Callable[[Lines], Lines], wrong: Wrong) -> None:
    """In the lines alone."""
    report = verify_export(change(exported))

    assert report.broken is not None and report.broken.wrong is wrong


def test_data_does_not_pass_for_salt(exported: Lines) -> None:
    """Their digest is over both together: what is cut off the data's beginning and put to the salt is found."""

    def shifted(told: dict[str, Any]) -> None:
        told.update(salt=told["salt"] + told["data"][:5].encode().hex(), data=told["data"][5:])

    with pytest.raises(AuditError, match="line 2: .*its salt is not 16 bytes long"):
        verify_export(changed(exported, 1, shifted))


def test_an_anchor_tells_an_export_that_was_written_anew(exported: Lines) -> None:
    """It holds in itself, and is not the log that the anchor was taken of."""
    anchor = Anchor.from_json(json.loads(exported[0])["head"])
    forged = Anchor(tenant="default", seq=anchor.seq, hash="0" * 64)
    longer = Anchor(tenant="default", seq=anchor.seq + 1, hash="0" * 64)

    assert verify_export(exported, anchor).ok
    assert verify_export(exported, forged).broken.wrong is Wrong.REWRITTEN
    assert verify_export(exported, longer).broken.wrong is Wrong.TRUNCATED


def test_an_export_of_one_thread_tells_nothing_of_others(db_url: str, exported: Lines) -> None:
    """It verifies against the whole log's anchor all the same."""
    with Desk(db_url) as desk:
        anchor = desk.audit.anchor()
        lines = list(desk.audit.export(thread_id="t1"))
    report = verify_export(lines, anchor)

    assert (report.ok, report.checked, report.linked, report.thread_id) == (True, 5, 5, "t1")
    assert "secret" not in "".join(lines) and "t2" not in "".join(lines)


def test_an_export_of_one_thread_does_not_pass_for_the_whole(db_url: str, exported: Lines) -> None:
    """Whoever made it may have left something out: the report says of which thread it is."""
    with Desk(db_url) as desk:
        lines = list(desk.audit.export(thread_id="t1"))

    assert verify_export(hidden(lines, 1)).thread_id == "t1"
    claimed = verify_export(changed(lines, 0, lambda told: told.update(thread_id=None)))
    assert claimed.broken is not None and claimed.broken.wrong is Wrong.GONE


def test_an_export_of_a_thread_that_is_not_there_is_refused(db_url: str, exported: Lines) -> None:
    """A slip in its name would give an auditor an empty proof."""
    with Desk(db_url) as desk, pytest.raises(AuditError, match="no sealed event of a thread 't9'"):
        next(desk.audit.export(thread_id="t9"))


def test_an_export_since_a_time_begins_there(db_url: str, exported: Lines) -> None:
    """It hangs on the seal before, and ends where the log ends."""
    with Desk(db_url) as desk:
        cut = dt.datetime.fromisoformat(json.loads(exported[7])["event"]["at"])
        later = list(desk.audit.export(since=cut))
        none = list(desk.audit.export(since=cut + dt.timedelta(days=1)))

    assert (later[1:], verify_export(later).ok) == (exported[7:], True)
    assert (len(none), verify_export(none).ok) == (1, True)


def test_a_time_without_a_zone_is_refused(db_url: str) -> None:
    """Nobody should get less than they asked for."""
    with Desk(db_url) as desk, pytest.raises(ValueError, match="since: has no zone"):
        next(desk.audit.export(since=dt.datetime(2026, 1, 5)))  # noqa: DTZ001  # without a zone, on purpose


def test_an_event_that_is_gone_is_shown_as_gone(db_url: str, exported: Lines) -> None:
    """The export does not hide what is missing."""
    tamper(db_url, "DELETE FROM hitl.events WHERE id = 2")
    with Desk(db_url) as desk:
        report = verify_export(list(desk.audit.export()))

    assert report.broken is not None and (report.broken.wrong, report.broken.seq) == (Wrong.GONE, 2)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "is empty"),
        (["{}"], "line 1"),
        (["nonsense"], "line 1"),
        (["[]"], "line 1"),
        (['{"hitl_audit": 99}'], "line 1: is no head"),
        (
            ['{"hitl_audit": 1, "tenant": "default", "thread_id": null, "head": null}'],
            "line 1.*its head is none",
        ),
        (["[" * 100_000], "line 1"),
    ],
)
def test_what_is_no_export_is_refused_by_its_line(lines: Lines, problem: str) -> None:
    """A file that is something else is not taken for a short log."""
    with pytest.raises(AuditError, match=f"export: .*{problem}|export: {problem}"):
        verify_export(lines)


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "{}",
        "[]",
        '{"seq": 1}',
        '{"seq": 1, "prev": "xy", "hash": "00"}',
        '{"seq": 1, "seq": 2, "prev": "00", "hash": "00", "event_digest": "00"}',
    ],
)
def test_a_line_that_cannot_be_read_is_named(exported: Lines, line: str) -> None:
    """By its number in the file."""
    with pytest.raises(AuditError, match="export: line 3: cannot be read"):
        verify_export([*exported[:2], line, *exported[2:]])


def test_an_anchor_from_before_the_export_is_refused(db_url: str, exported: Lines) -> None:
    """It could prove nothing about these lines."""
    with Desk(db_url) as desk:
        cut = dt.datetime.fromisoformat(json.loads(exported[7])["event"]["at"])
        later = list(desk.audit.export(since=cut))

    with pytest.raises(AuditError, match="starts after seal 6"):
        verify_export(later, Anchor(tenant="default", seq=1, hash="0" * 64))
