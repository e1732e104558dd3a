"""The log over HTTP."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import psycopg
import pytest

from hitl_graph import Approve, Desk
from hitl_graph.desk.audit import verify_export
from tests.inbox.persons import ROLES, Somebody, office, staff
from tests.inbox.serving import client, paused


def _decided(db_url: str) -> str:
    paused(db_url, "t1")
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), digest=case.digest, by="ana")
        return case.id


def test_the_log_tells_who_decided_what(db_url: str) -> None:
    """R45."""
    _decided(db_url)
    with client(db_url) as http:
        page = http.get("/audit").text
    assert "approved it" in page
    assert "Is this reply safe to send" in page


FILTERS = (
    ({"type": "decisions"}, "approved it", "paused and asked"),
    ({"type": "asked"}, "paused and asked", "approved it"),
    ({"who": "ANA", "type": "decided"}, "approved it", "paused and asked"),
    ({"who": "bo"}, "Nothing in the log is like this", "approved it"),
    ({"thread": "t2"}, "Nothing in the log is like this", "approved it"),
    ({"case": "c2"}, "Nothing in the log is like this", "approved it"),
    ({"day": "2001-01-01"}, "Nothing in the log is like this", "approved it"),
)


def test_a_filter_leaves_out_the_rest(db_url: str) -> None:
    _decided(db_url)
    with client(db_url) as http:
        pages = [(http.get("/audit", params=query).text, stays, goes) for query, stays, goes in FILTERS]
    assert [(stays in page, goes in page) for page, stays, goes in pages] == [(True, False)] * len(FILTERS)


def test_a_filter_that_means_nothing_is_no_error(db_url: str) -> None:
    values = ("x\x00y", "\ud800", "9" * 400, "2026-99-99", "0001-01-01", "9999-12-31", "-1", "' OR 1=1")
    with client(db_url) as http:
        asked = [
            {name: value.encode("utf-8", "surrogatepass")}
            for name in ("type", "who", "thread", "case", "day", "before")
            for value in values
        ]
        assert {http.get("/audit", params=one).status_code for one in asked} == {200}


def test_a_page_goes_on_where_the_one_before_ended(db_url: str) -> None:
    with Desk(db_url) as desk:
        for number in range(60):
            desk.codes.put(kind="reason", code=f"code-{number:02}", by="ana")
    with client(db_url) as http:
        first = http.get("/audit", params={"type": "rules"}).text
        [following] = [
            part.split('"')[0] for part in first.split('href="')[1:] if "before=" in part.split('"')[0]
        ]
        second = http.get(following.replace("&amp;", "&")).text
    assert "code-10" in first
    assert "code-09" not in first
    assert "code-09" in second


def test_refused_attempts_can_be_seen(db_url: str) -> None:
    """I11."""
    paused(db_url, "t1")
    with Desk(db_url) as desk:
        desk.people.put("eve", groups=["others"])
        [case] = desk.pending()
        with pytest.raises(Exception, match="support-leads"):
            desk.decide(case.id, Approve(), digest=case.digest, by="eve")
        desk.people.remove("eve")
    with client(db_url) as http:
        page = http.get("/audit").text
        assert "1 refused attempt in the last seven days" in page
        assert "tried to decide it, and was refused" in http.get("/audit", params={"type": "refused"}).text


def test_a_whole_log_holds(db_url: str) -> None:
    """I9."""
    _decided(db_url)
    with client(db_url) as http:
        assert "The log holds" in http.post("/audit/verify").text


def test_a_changed_event_is_found_and_named(db_url: str) -> None:
    """I9."""
    _decided(db_url)
    with client(db_url) as http:
        http.post("/audit/verify")
        with psycopg.connect(db_url, autocommit=True) as conn:
            conn.execute("ALTER TABLE hitl.events DISABLE TRIGGER USER")
            conn.execute("UPDATE hitl.events SET data = '{\"by\": \"bo\"}' WHERE type = 'decided'")
            conn.execute("ALTER TABLE hitl.events ENABLE TRIGGER USER")
        page = http.post("/audit/verify").text
    assert "The log does not hold" in page
    assert "is not what was sealed" in page


def test_a_log_that_was_cut_off_is_found_with_its_anchor(db_url: str) -> None:
    _decided(db_url)
    with client(db_url) as http:
        with Desk(db_url) as desk:
            desk.audit.seal()
            anchor = desk.audit.anchor().to_json()
        anchor["seq"] += 10
        assert "does not hold" in http.post("/audit/verify", data={"anchor": json.dumps(anchor)}).text


def test_an_anchor_that_is_none_is_told_beside_its_field(db_url: str) -> None:
    others = json.dumps({"tenant": "other", "seq": 1, "hash": "0" * 64})
    with client(db_url) as http:
        answers = [
            http.post("/audit/verify", data={"anchor": one}) for one in ("{", "[]", others, "[" * 9000)
        ]
    assert [(one.status_code, 'id="anchor-error"' in one.text) for one in answers] == [(422, True)] * 4


def test_an_export_proves_itself(db_url: str) -> None:
    _decided(db_url)
    with client(db_url) as http:
        answer = http.post("/audit/export", data={"format": "jsonl"})
    assert "attachment" in answer.headers["content-disposition"]
    assert verify_export(answer.text.splitlines()).ok


def test_a_table_holds_what_is_looked_at(db_url: str) -> None:
    _decided(db_url)
    with client(db_url) as http:
        answer = http.post("/audit/export", data={"format": "csv", "type": "decided"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["type"], row["by"]) for row in rows] == [("decided", "ana")]


def test_no_cell_of_a_table_is_a_formula(db_url: str) -> None:
    texts = ['=HYPERLINK("x")', "+1", "-1", "@x", "  =1", "\uff1d1"]
    with Desk(db_url) as desk:
        for number, text in enumerate(texts):
            desk.holds.pause("thread", f"t{number}", by="ana", reason=text, wait_s=0)
    with client(db_url) as http:
        answer = http.post("/audit/export", data={"format": "csv", "type": "paused"})
    said = [row["said"] for row in csv.DictReader(io.StringIO(answer.text))]
    assert sorted(said) == sorted(f"'{text}" for text in texts)


def test_that_it_was_exported_is_kept(db_url: str) -> None:
    with client(db_url) as http:
        http.post("/audit/export", data={"format": "csv"})
        assert "exported the log" in http.get("/audit", params={"type": "exported"}).text


def test_no_thread_of_this_name_is_refused_before_the_file(db_url: str) -> None:
    with client(db_url) as http:
        answer = http.post("/audit/export", data={"format": "jsonl", "thread": "none"})
    assert answer.status_code == 409
    assert "content-disposition" not in answer.headers


def test_only_admins_and_auditors_see_it(db_url: str) -> None:
    staff(db_url)
    found = {}
    with office(db_url) as http:
        for role in ROLES:
            one = Somebody(http, role)
            export = one.post("/audit/export", data={"format": "csv"})
            found[role] = {
                one.get("/audit").status_code,
                one.post("/audit/verify").status_code,
                export.status_code,
            }
    assert found == {"reviewer": {404}, "lead": {404}, "admin": {200}, "auditor": {200}}


def test_nothing_of_another_tenant_is_seen(db_url: str) -> None:
    """I13."""
    _decided(db_url)
    with client(db_url, tenant="other") as http:
        assert "approved it" not in http.get("/audit").text


def test_what_others_wrote_is_text(db_url: str) -> None:
    said: Any = "<script>alert(1)</script>\u202e"
    with Desk(db_url) as desk:
        desk.holds.pause("thread", "t9", by="ana", reason=said, wait_s=0)
    with client(db_url) as http:
        page = http.get("/audit").text
    assert "<script>alert" not in page
    assert "U+202E" in page
