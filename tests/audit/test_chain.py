"""The pure part of the chain: data as it stands, and hashes that hang on one another."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from hitl_graph.desk.audit import Anchor
from hitl_graph.desk.audit.chain import (
    GENESIS,
    Event,
    chained,
    data_digest,
    event_digest,
    seal_hash,
)
from hitl_graph.errors import AuditError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
START = Anchor(tenant="acme", seq=0, hash=GENESIS.hex())


def event(number: int = 1, **changes: Any) -> Event:
    """An event as the database gives it."""
    fields: dict[str, Any] = {
        "id": number,
        "at": "2026-01-05T09:00:00.000001Z",
        "type": "decided",
        "thread_id": "t1",
        "review_id": "r1",
        "salt": b"salt",
        "data": '{"by" : "ana"}',
    }
    return Event(**{**fields, **changes})


@pytest.mark.parametrize(
    "data",
    ['{"by":"ana"}', '{"by" : "ana" }', '{"by" : "\\u0061na"}', '{"by" : "ben", "by" : "ana"}', "null", None],
)
def test_data_is_sealed_as_it_stands(data: str | None) -> None:
    """To the last blank: what reads as the same, or as something else to another reader, has another digest."""
    assert data_digest(b"salt", data) != data_digest(b"salt", event().data)


@given(TEXT, TEXT)
def test_an_events_digest_is_that_of_its_canonical_form(thread_id: str, review_id: str) -> None:
    """The envelope is RFC 8785 too, whatever characters its texts hold."""
    import hashlib

    one = event(thread_id=thread_id, review_id=review_id)
    told = {"at": one.at, "data_digest": GENESIS.hex(), "id": 1, "type": "decided"}
    told |= {"thread_id": thread_id, "review_id": review_id}

    assert event_digest(one, GENESIS) == hashlib.sha256(rfc8785.dumps(told)).hexdigest()


def test_without_its_salt_a_digest_tells_nothing() -> None:
    """The same data has another digest for each event, so that erased data cannot be guessed from it."""
    assert data_digest(b"one", '{"by": "ana"}') != data_digest(b"two", '{"by": "ana"}')


def test_each_seal_hangs_on_the_one_before() -> None:
    """prev is the hash before; the first names 32 zero bytes."""
    first, second = chained("acme", START, [event(1), event(2)])

    assert (first[3], second[3]) == (GENESIS, first[4])
    assert second[4] == seal_hash("acme", 2, first[4], event_digest(event(2), second[2]))


@pytest.mark.parametrize(
    "changes",
    [{"at": "2026-01-05T09:00:00.000002Z"}, {"type": "asked"}, {"thread_id": "t2"}, {"review_id": "r2"}],
)
def test_every_part_of_an_event_is_sealed(changes: dict[str, str]) -> None:
    """Time, type, thread and review: each changes the hash."""
    [before] = chained("acme", START, [event()])
    [after] = chained("acme", START, [event(**changes)])

    assert before[4] != after[4]


def test_the_tenant_is_sealed() -> None:
    """The same events of another tenant make another chain."""
    assert chained("acme", START, [event()])[0][4] != chained("other", START, [event()])[0][4]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"tenant": None}, "tenant"),
        ({"seq": "1"}, "seq"),
        ({"seq": True}, "seq"),
        ({"hash": "abc"}, "hash"),
        ({"hash": 5}, "hash"),
    ],
)
def test_an_anchor_that_is_none_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    """A file that was cut or edited is not taken for an anchor."""
    with pytest.raises(AuditError, match=f"anchor: {field}"):
        Anchor.from_json({**START.to_json(), **changes})


def test_an_anchor_survives_json() -> None:
    """What `to_json` wrote, `from_json` reads."""
    assert Anchor.from_json(json.loads(json.dumps(START.to_json()))) == START
