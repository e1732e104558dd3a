"""The corpus of text in everything that people and agents can name, on every page and in every file of the inbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from hitl_graph import Approve, Desk
from hitl_graph.plain import hidden_characters
from hitl_graph.testing.databases import Databases
from tests.inbox.cases import address
from tests.inbox.hostile import FORGED, MARKUP
from tests.inbox.serving import GENEROUS, client, paused
from tests.inbox.test_access_table import known
from tests.inbox.test_hostile_text import UNSEEN, Elements, hostile, plain_tags
from tests.notices.receivers import query

__all__ = ["plain_tags"]

NASTY = f"{' '.join((*MARKUP[:6], FORGED[1]))} {UNSEEN[:200]}"
THREAD = f"<b>t</b> {UNSEEN[:40]} \"'> =1+1"
OURS = re.compile(r"/(?![/\\])|#|\?|$")
SVG = set("svg g rect line path text polyline polygon circle optgroup hx-partial".split())
"""What a drawing is made of besides, the groups of a choice, and the parts of an answer."""


@pytest.fixture(scope="module")
def place(hitl_databases: Databases) -> Iterator[tuple[str, TestClient, dict[str, Any]]]:
    """An inbox in which everything that can hold such a text holds one."""
    with hitl_databases.fresh_database() as url:
        case = hostile(url, NASTY, THREAD)
        paused(url, "t2")
        with Desk(url) as desk:
            other = desk.cases(thread_id="t2")[-1]
            desk.decide(other.id, Approve(note=NASTY), by="ana", digest=other.digest, undo_s=300)
            desk.undo(other.id, by="ana")
            desk.drafts.save(
                case.id, {"texts": {"body": NASTY}, "said": {"note": NASTY}}, by="ana", thread_id=THREAD
            )
            desk.holds.pause("workflow", "<i>graph</i> =1", by="ana", reason=NASTY[:900])
            desk.holds.pause("thread", THREAD, by="ana", reason=NASTY[:900])
            desk.snooze(other.id, hours=0, by="ana")
        with psycopg.connect(
            url, autocommit=True
        ) as conn:  # what a graph that raised left, and an act of old
            conn.execute(
                "UPDATE hitl.reviews SET error = %s WHERE thread_id = 't2'", [NASTY.translate({0: None})]
            )
        with client(url, limits=GENEROUS) as http:
            http.post("/api/v1/cases/x/decide", json={"decision": {"type": NASTY}, "digest": NASTY[:150]})
            http.post(
                f"/api/v1/cases/{other.id}/decide",
                json={"decision": {"type": "approve"}, "digest": NASTY[:150]},
            )
            http.post("/queue/filters", data={"name": "<b>mine</b> =1", "look": f"/?q={MARKUP[0]}"})
            http.post("/settings/me/tokens", data={"label": "<b>token</b> =1", "days": "9"})
            http.post(
                "/settings/codes", data={"kind": "reason", "code": "<b>code</b>", "label": "=1 <script>"}
            )
            http.post(
                "/settings/authority",
                data={"action": "<b>a</b>", "holder": "<i>g</i>", "holder_kind": "group"},
            )
            http.post("/settings/notices/senders", data={"sender": "<b>s</b>", "groups": "<i>g</i>"})
            yield url, http, {"case": case, "other": other}


@pytest.fixture(scope="module")
def pages(place: tuple[str, TestClient, dict[str, Any]]) -> dict[str, str]:
    """The text of every page, asked about what is hostile, and of what is reached from them in one step."""
    _, http, there = place
    fields = {"{review_id}": there["case"].id, "{thread_id:path}": "t2", "{token}": "x"}
    asked = [
        re.sub(r"\{[^}]*\}", lambda found: fields.get(found[0], "x"), one.partition(" ")[2])
        for one in sorted(known())
        if one.startswith("GET") and not re.search(r"/api/|/live|/static|sign-in/", one)
    ]
    asked += [
        address(there["case"]),
        address(there["other"]),
        f"/?q={MARKUP[0]}&gate={MARKUP[2]}",
        "/?tab=failed",
    ]
    asked += [f"/audit?who={MARKUP[0]}&thread={MARKUP[2]}&case={UNSEEN[:60]}", f"/sign-in?to=/{MARKUP[4]}"]
    texts = {path: http.get(path).text for path in asked}
    found = {unescape(one) for text in texts.values() for one in re.findall(r'href="(/[^"]*)"', text)}
    steps = {one.partition("#")[0] for one in found} - set(texts)
    return {
        **texts,
        **{path: http.get(path).text for path in sorted(steps) if not path.startswith("/static")},
    }


def test_no_page_has_an_element_that_it_does_not_draw(pages: dict[str, str], plain_tags: set[str]) -> None:
    """No handler, no style, nothing that leads or sends elsewhere; and no hidden character outside of inputs."""
    assert len(pages) > 30
    for path, text in pages.items():
        if not text.lstrip().startswith("<"):
            continue
        elements = Elements(text)
        for tag, attrs in elements.found:
            assert tag in plain_tags | SVG, (path, tag, attrs)
            assert tag != "script" or OURS.match(attrs.get("src", "")), (path, attrs)
            bad = [name for name in attrs if name.startswith(("on", "hx-on", "data-hx")) or name == "style"]
            assert not bad, (path, tag, attrs)
            for name in ("src", "action", "formaction", "hx-get", "hx-post", "hx-sse:connect"):
                assert OURS.match(attrs.get(name, "/")), (path, tag, attrs)
            assert OURS.match(attrs.get("href", "/")) or attrs["href"].startswith(("http://", "https://")), (
                path,
                attrs,
            )
        assert hidden_characters(elements.text) == [], path


def test_no_title_and_no_label_of_a_page_hides_anything(pages: dict[str, str]) -> None:
    """What a screen reader says and what a tab shows is seen too: hidden characters stand in inputs alone."""
    for path, text in pages.items():
        for tag, attrs in Elements(text).found if text.lstrip().startswith("<") else ():
            said = [
                attrs[name]
                for name in ("aria-label", "title", "alt", "placeholder", "aria-description")
                if name in attrs
            ]
            assert not hidden_characters(" ".join(said)), (path, tag, attrs)


def test_the_palette_and_the_api_send_nothing_hidden(place: tuple[str, TestClient, dict[str, Any]]) -> None:
    """JSON in ASCII, or with hidden characters written out."""
    _, http, there = place
    found = http.get("/palette", params={"q": "Should this happen"})
    assert found.json()["cases"]
    assert hidden_characters(json.dumps(found.json(), ensure_ascii=False)) == []
    for path in ("cases", "cases?all_statuses=true", f"cases/{there['case'].id}", f"cases/{there['case'].id}/history",
                 "holds", "drafts", "codes", "people", "tokens", "audit/verify"):  # fmt: skip
        answer = http.get(f"/api/v1/{path}")
        assert answer.status_code == 200 and answer.text.isascii(), path


def test_no_cell_of_the_exported_log_is_a_formula_and_no_line_hides_anything(
    place: tuple[str, TestClient, dict[str, Any]],
) -> None:
    """As a table and as lines that prove themselves."""
    _, http, _ = place
    table = http.post("/audit/export", data={"format": "csv"}).text
    lines = http.post("/audit/export", data={"format": "jsonl"}).text
    assert hidden_characters(table) == []
    assert not re.search(r'(^|,)"?[ \t]*[=+@-][^,]*\(', table, re.MULTILINE)
    assert hidden_characters(lines) == []


def test_what_is_hidden_is_kept_as_it_was(place: tuple[str, TestClient, dict[str, Any]]) -> None:
    """The hash is over the exact bytes: only what is shown is written out."""
    url, _, there = place
    [row] = query(
        url, "SELECT payload FROM hitl.reviews WHERE id = %s AND thread_id = %s", there["case"].id, THREAD
    )
    assert row["payload"]["proposal"]["body"] == NASTY
