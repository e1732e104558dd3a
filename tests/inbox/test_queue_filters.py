"""Saved filters: a person's own, by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.inbox.serving import client, csrf_of


def save(http: TestClient, name: str, look: str = "/") -> Any:
    return http.post("/queue/filters", data={"name": name, "look": look})


def names(http: TestClient) -> list[str]:
    return [one["text"] for one in http.get("/palette").json()["filters"]]


def test_a_view_is_kept_under_a_name_with_its_address(db_url: str) -> None:
    """Without the place in the queue, which will be another one."""
    with client(db_url) as http:
        answer = save(http, "Late ones of finance", "/?owner=finance&late=1&after=5")
        assert answer.status_code == 303 and answer.headers["location"] == "/?owner=finance&late=1"
        [kept] = http.get("/palette").json()["filters"]
        assert kept == {"text": "Late ones of finance", "address": "/?owner=finance&late=1"}


def test_a_name_that_is_used_again_means_the_new_view(db_url: str) -> None:
    """One view for a name."""
    with client(db_url) as http:
        save(http, "mine", "/?who=mine")
        save(http, "mine", "/?who=mine&sort=due")
        [kept] = http.get("/palette").json()["filters"]
        assert kept["address"] == "/?who=mine&sort=due"


def test_a_filter_is_removed(db_url: str) -> None:
    """Twice is as once."""
    with client(db_url) as http:
        save(http, "mine")
        for _ in range(2):
            assert http.post("/queue/filters/remove", data={"name": "mine"}).status_code == 303
        assert names(http) == []


def test_filters_are_a_persons_own(db_url: str) -> None:
    """Ben does not see Ana's."""
    with client(db_url) as ana, client(db_url, person="ben") as ben:
        save(ana, "mine")
        ben.post("/queue/filters/remove", data={"name": "mine"})
        assert names(ana) == ["mine"] and names(ben) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "a\u202eb"])
def test_a_name_that_is_none_is_refused(db_url: str, name: str) -> None:
    """In words."""
    with client(db_url) as http:
        assert save(http, name).status_code == 422
        assert names(http) == []


def test_nobody_keeps_more_than_fifty(db_url: str) -> None:
    """One that is there can still be changed."""
    with client(db_url) as http:
        for number in range(50):
            save(http, f"filter {number}")
        assert save(http, "one more").status_code == 409
        assert save(http, "filter 7", "/?who=mine").status_code == 303


def test_a_saved_name_is_text_on_the_page(db_url: str) -> None:
    """Markup runs nowhere."""
    with client(db_url) as http:
        save(http, "<script>alert(1)</script>")
        assert "<script>alert" not in http.get("/").text


def test_an_address_that_leads_elsewhere_is_the_queues(db_url: str) -> None:
    """No open redirect."""
    with client(db_url) as http:
        answer = save(http, "evil", "https://evil.example/?who=mine")
        assert answer.headers["location"] == "/?who=mine"


def test_chips_take_off_one_filter_each(db_url: str) -> None:
    """And leave the others."""
    with client(db_url) as http:
        text = http.get("/?gate=reply&owner=finance&q=parcel").text
        found = re.findall(r'class="chip">.*?href="([^"]*)"', text)
    assert found == [
        "/?owner=finance&amp;q=parcel",
        "/?gate=reply&amp;q=parcel",
        "/?gate=reply&amp;owner=finance",
    ]


def test_without_the_mark_of_the_session_nothing_is_kept(db_url: str) -> None:
    """CSRF."""
    with client(db_url) as http:
        right = csrf_of(http)
        http.headers["x-csrf-token"] = "wrong"
        assert save(http, "mine").status_code == 403
        http.headers["x-csrf-token"] = right
        assert names(http) == []
