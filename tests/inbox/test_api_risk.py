"""What the risk asks of a yes holds for programs as it does on the page, and for links."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hitl_graph import Case, Desk, Evidence
from hitl_graph.errors import LinkRefused
from hitl_graph.notices import make_link, use_link
from tests.inbox.cases import PAY, TAG, ask, the_case
from tests.inbox.serving import client
from tests.notices.receivers import query


@pytest.fixture
def paying(db_url: str) -> Case:
    return ask(
        db_url, action=PAY, proposal={"amount": 900, "to": "x"}, evidence=[Evidence("Message", "Hello")]
    )


@pytest.fixture
def http(db_url: str, paying: Case) -> Iterator[TestClient]:
    with client(db_url) as made:
        yield made


def decide(http: TestClient, case: Case, decision: str | dict[str, str] = "approve", **more: Any) -> Any:
    said = decision if isinstance(decision, dict) else {"type": decision}
    body = {"decision": said, "digest": case.digest, **more}
    return http.post(f"/api/v1/cases/{case.id}/decide", json=body)


def test_evidence_that_nobody_opened_is_named(http: TestClient, paying: Case, db_url: str) -> None:
    answer = decide(http, paying, confirmed="900")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "evidence"
    assert the_case(db_url).status == "pending"


def test_what_was_not_typed_is_named(http: TestClient, paying: Case, db_url: str) -> None:
    answer = decide(http, paying, opened=[0], confirmed="90")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "confirmed"
    assert the_case(db_url).status == "pending"


def test_a_piece_that_is_not_there_is_refused(http: TestClient, paying: Case) -> None:
    answer = decide(http, paying, opened=[0, 7], confirmed="900")
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "opened"


def test_with_both_it_is_decided_and_what_was_opened_is_kept(
    http: TestClient, paying: Case, db_url: str
) -> None:
    answer = decide(http, paying, opened=[0, 0], confirmed="900")
    assert answer.status_code == 200, answer.text
    assert len(query(db_url, "SELECT * FROM hitl.events WHERE type = 'evidence_opened'")) == 1


def test_a_no_says_why_and_no_more_is_asked_of_it(http: TestClient, paying: Case) -> None:
    refused = decide(http, paying, "reject")
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "reason")
    assert decide(http, paying, {"type": "reject", "reason": "too much"}).status_code == 200


def press(db_url: str, case: Case, action: str) -> Case:
    async def pressed() -> Case:
        async with Desk(db_url) as desk:
            return await use_link(desk, await make_link(desk, case, person="ana", action=action))

    return asyncio.run(pressed())


def test_a_link_approves_nothing_of_a_high_risk(paying: Case, db_url: str) -> None:
    """Its page does not show what is proposed."""
    with pytest.raises(LinkRefused) as refused:
        press(db_url, paying, "approve")
    assert "high risk" in refused.value.why
    assert the_case(db_url).status == "pending"


def test_a_link_rejects_it_and_approves_what_is_low(paying: Case, db_url: str) -> None:
    tagging = ask(db_url, action=TAG, thread="t2")
    assert press(db_url, paying, "reject").status == "decided"
    assert press(db_url, tagging, "approve").status == "decided"
