"""Insights over HTTP."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk, Edit, Reject
from hitl_graph.inbox.pages import insights as module
from tests.inbox.persons import ROLES, Somebody, office, staff
from tests.inbox.serving import client, paused


def _decided(db_url: str) -> None:
    """One approved, one edited, one rejected, one that waits."""
    paused(db_url, "t1", "t2", "t3", "t4")
    with Desk(db_url) as desk:
        decisions = (Approve(), Edit({"body": "It comes on Tuesday."}), Reject(reason="tone"))
        for case, decision in zip(desk.pending(), decisions, strict=False):
            desk.decide(case.id, decision, digest=case.digest, by="ana", thread_id=case.thread_id)


def test_how_cases_end_is_counted_at_each_gate(db_url: str) -> None:
    """R29, R78."""
    _decided(db_url)
    with client(db_url) as http:
        page = http.get("/insights").text
    assert page.count("1 of 3") >= 3
    assert "n = 3" in page


def test_what_was_edited_is_counted_by_field(db_url: str) -> None:
    _decided(db_url)
    with client(db_url) as http:
        assert '<th scope="row">Body</th><td>Reply</td>' in http.get("/insights").text


def test_of_few_no_share_is_said_in_percent(db_url: str) -> None:
    _decided(db_url)
    with client(db_url) as http:
        page = http.get("/insights").text
    assert " %" not in page.split("<main", 1)[1]


def test_what_is_older_than_the_time_does_not_count(db_url: str) -> None:
    _decided(db_url)
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("UPDATE hitl.decisions SET decided_at = now() - interval '20 days'")
    with client(db_url) as http:
        assert "n = 3" not in http.get("/insights", params={"days": "7"}).text
        assert "n = 3" in http.get("/insights", params={"days": "30"}).text


def test_nothing_yet_is_no_error(db_url: str) -> None:
    with client(db_url) as http:
        pages = [
            http.get("/insights", params={"days": days})
            for days in ("7", "30", "90", "365", "x", "-1", "9" * 99)
        ]
    assert {page.status_code for page in pages} == {200}
    assert "Nothing was decided" in pages[0].text


def test_who_decides_how_is_for_those_who_lead(db_url: str) -> None:
    """R29, R74."""
    staff(db_url)
    with office(db_url) as http:
        pages = {role: Somebody(http, role).get("/insights") for role in ROLES}
    assert {role: (page.status_code, "Who decides" in page.text) for role, page in pages.items()} == {
        "reviewer": (200, False),
        "lead": (200, True),
        "admin": (200, True),
        "auditor": (200, True),
    }


def test_nothing_of_another_tenant_counts(db_url: str) -> None:
    """I13."""
    _decided(db_url)
    with client(db_url, tenant="other") as http:
        assert "Nothing was decided" in http.get("/insights").text


def test_those_who_look_at_once_are_told_one_count(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted when all of them have asked, once; and anew for whoever asks afterwards."""
    asked, counted, count, numbers = [], [], module._counted, module._numbers
    many, everybody = 5, asyncio.Event()

    async def asks(*args: Any, **how: Any) -> Any:
        asked.append(1)
        if len(asked) == many:
            everybody.set()
        return await numbers(*args, **how)

    async def counts(*args: Any, **how: Any) -> Any:
        counted.append(1)
        await everybody.wait()
        return await count(*args, **how)

    monkeypatch.setattr(module, "_numbers", asks)
    monkeypatch.setattr(module, "_counted", counts)
    with client(db_url) as http:
        with concurrent.futures.ThreadPoolExecutor(many) as pool:
            statuses = list(pool.map(lambda _: http.get("/insights").status_code, range(many)))
        assert (statuses, len(counted)) == ([200] * many, 1)
        assert (http.get("/insights").status_code, len(counted)) == (200, 2)


def test_a_count_that_failed_is_begun_anew(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told the failure of somebody else's."""
    with client(db_url) as http:
        with monkeypatch.context() as patch:
            patch.setitem(module.SQL, "decided", "SELECT pg_sleep(60), %(days)s, %(people)s")
            patch.setattr(module, "_LIMITS", "SET LOCAL statement_timeout = 50")
            assert http.get("/insights").status_code == 503
        assert http.get("/insights").status_code == 200
