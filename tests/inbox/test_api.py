"""The JSON API: what can be asked and done, by a session or by a token of one's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from hitl_graph import Approve, Desk
from hitl_graph.desk.audit.export import verify_export
from hitl_graph.inbox.tokens import make_token
from tests.inbox.persons import Somebody, office, staff
from tests.inbox.serving import client, paused
from tests.notices.receivers import query

API = "/api/v1"


@pytest.fixture
def http(db_url: str) -> Iterator[TestClient]:
    """Ana's inbox with one case."""
    paused(db_url, "t1")
    with client(db_url) as made:
        yield made


@pytest.fixture
def case(http: TestClient) -> dict[str, Any]:
    [found] = http.get(f"{API}/cases").json()["cases"]
    whole: dict[str, Any] = http.get(f"{API}/cases/{found['id']}").json()
    return whole


def act(http: TestClient, case: dict[str, Any], what: str, **body: Any) -> Any:
    return http.post(f"{API}/cases/{case['id']}/{what}", json=body)


def token_of(db_url: str, person: str) -> dict[str, str]:
    async def make() -> str:
        async with Desk(db_url) as desk:
            return (await make_token(desk, person, label="a test"))[0]

    return {"authorization": f"Bearer {asyncio.run(make())}"}


def test_cases_come_in_pages(http: TestClient, db_url: str) -> None:
    """Each page goes on where the last ended."""
    paused(db_url, "t2", "t3")
    seen, after = [], 0
    while after is not None:
        page = http.get(f"{API}/cases", params={"limit": 2, "after": after}).json()
        seen.append([one["thread_id"] for one in page["cases"]])
        after = page["next"]
    assert seen == [["t1", "t2"], ["t3"]]


def test_a_case_says_all_that_a_screen_needs(case: dict[str, Any]) -> None:
    """What is asked, what may be answered, and the digest that an answer must carry."""
    assert case["payload"]["proposal"] == {"to": "ana@example.com", "body": "Draft 1"}
    assert "approve" in case["allowed"]
    assert case["digest"].startswith("sha256:")


def test_a_decision_is_taken_and_can_be_undone(http: TestClient, case: dict[str, Any]) -> None:
    """R22: it goes out after `undo_s`, in the name of who is signed in."""
    decided = act(http, case, "decide", decision={"type": "approve"}, digest=case["digest"], undo_s=30).json()
    undone = act(http, case, "undo").json()
    assert (decided["status"], decided["by"], decided["via"]) == ("decided", "ana", "desk")
    assert undone["status"] == "pending"


def test_an_edit_is_kept_as_it_was_said(http: TestClient, case: dict[str, Any]) -> None:
    """The changes, and not the whole."""
    decision = {"type": "edit", "changes": {"body": "Thank you."}, "reason": "tone"}
    decided = act(http, case, "decide", decision=decision, digest=case["digest"]).json()
    assert decided["decision"] == decision


def test_the_same_key_again_decides_nothing_more(http: TestClient, case: dict[str, Any], db_url: str) -> None:
    """A reply that was lost is asked for again."""
    body = {"decision": {"type": "approve"}, "digest": case["digest"], "idempotency_key": "k1"}
    answers = [act(http, case, "decide", **body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert query(db_url, "SELECT count(*) AS n FROM hitl.events WHERE type = 'decided'") == [{"n": 1}]


def test_the_second_to_decide_is_told_who_was_first(
    http: TestClient, case: dict[str, Any], db_url: str
) -> None:
    """I1."""
    with Desk(db_url) as desk:
        desk.decide(case["id"], Approve(), by="ben", digest=case["digest"])
    answer = act(http, case, "decide", decision={"type": "approve"}, digest=case["digest"])
    assert answer.status_code == 409
    assert "approve by ben" in answer.json()["error"]["problem"]


def test_a_decision_on_something_else_is_refused(http: TestClient, case: dict[str, Any]) -> None:
    """An old digest (I4)."""
    answer = act(http, case, "decide", decision={"type": "approve"}, digest="sha256:old")
    assert answer.status_code == 409
    assert act(http, case, "claim").status_code == 200


def test_a_claim_is_taken_renewed_and_let_go(http: TestClient, case: dict[str, Any]) -> None:
    """A lease, in minutes."""
    assert act(http, case, "heartbeat").status_code == 409
    assert act(http, case, "claim", minutes=5).json()["claimed_by"] == "ana"
    assert act(http, case, "heartbeat").status_code == 200
    assert act(http, case, "release").json()["claimed_by"] is None


def test_somebody_elses_claim_is_taken_over_with_a_reason(
    http: TestClient, case: dict[str, Any], db_url: str
) -> None:
    """And not without."""
    with Desk(db_url) as desk:
        desk.claim(case["id"], by="ben")
    assert act(http, case, "claim").status_code == 409
    assert act(http, case, "take-over").json()["error"]["field"] == "reason"
    assert act(http, case, "take-over", reason="ben is at lunch").json()["claimed_by"] == "ana"


def test_a_case_is_given_to_others_and_put_off(http: TestClient, case: dict[str, Any]) -> None:
    """Reassigned, rerouted, snoozed."""
    assert act(http, case, "reassign", to="ben", reason="knows them").json()["person"] == "ben"
    assert act(http, case, "reroute", to="finance", reason="about money").json()["owner"] == "finance"
    assert act(http, case, "snooze", hours=2).json()["snoozed_until"]
    assert http.get(f"{API}/cases").json()["cases"] == []
    assert len(http.get(f"{API}/cases", params={"snoozed": True}).json()["cases"]) == 1


def test_a_history_says_what_happened(http: TestClient, case: dict[str, Any]) -> None:
    """In order."""
    act(http, case, "claim")
    events = http.get(f"{API}/cases/{case['id']}/history").json()["events"]
    assert [one["type"] for one in events][-1] == "claimed"


def test_a_draft_is_its_authors(http: TestClient, case: dict[str, Any], db_url: str) -> None:
    """Kept, read, thrown away; nobody else's is shown."""
    where = f"{API}/cases/{case['id']}/draft"
    with Desk(db_url) as desk:
        desk.drafts.save(case["id"], {"body": "ben's"}, by="ben")
    assert http.get(where).status_code == 404
    assert http.put(where, json={"body": {"body": "Thank y"}}).json()["body"] == {"body": "Thank y"}
    assert [one["body"] for one in http.get(f"{API}/drafts").json()["drafts"]] == [{"body": "Thank y"}]
    assert [http.delete(where).status_code for _ in range(2)] == [204, 404]


def test_people_codes_and_holds_are_kept(http: TestClient) -> None:
    """Each by who is signed in, as an event."""
    put = http.put(
        f"{API}/people/ana",
        json={"groups": ["support-leads"], "roles": ["admin"], "authority": [{"action": "refund"}]},
    )
    assert put.json()["roles"] == ["admin"]
    assert http.post(f"{API}/codes", json={"kind": "reason", "code": "tone"}).json()["code"] == "tone"
    assert http.delete(f"{API}/codes", params={"kind": "reason", "code": "tone"}).status_code == 204
    hold = http.post(f"{API}/holds", json={"scope": "tenant", "reason": "looking"}).json()
    assert http.get(f"{API}/holds").json()["holds"][0]["by"] == "ana"
    assert http.post(f"{API}/holds/{hold['id']}/release", json={}).json()["standing"] is False
    assert http.post(f"{API}/holds/999/release", json={}).status_code == 404


def test_the_last_admin_stays(http: TestClient) -> None:
    """Nobody locks everybody out, or opens the directory, by mistake."""
    http.put(f"{API}/people/ana", json={"roles": ["admin"]})
    http.put(f"{API}/people/ben", json={})
    answer = http.put(f"{API}/people/ana", json={"roles": ["reviewer"]})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "roles")
    assert http.delete(f"{API}/people/ana").status_code == 422


def test_the_log_is_exported_as_it_can_be_verified(http: TestClient, db_url: str) -> None:
    """And that somebody took it is kept."""
    answer = http.get(f"{API}/audit/export")
    assert answer.headers["content-type"].startswith("application/jsonl")
    assert verify_export(answer.text.splitlines()).ok
    assert http.get(f"{API}/audit/verify").json()["ok"] is True
    [kept] = query(db_url, "SELECT data FROM hitl.events WHERE type = 'exported'")
    assert kept["data"] == {"by": "ana", "format": "jsonl", "asked": {}, "through": {"way": "api"}}


def test_every_error_has_one_shape(http: TestClient, case: dict[str, Any]) -> None:
    """Ours, FastAPI's and those of what is not there."""
    asked = [
        http.get(f"{API}/nothing"),
        http.get(f"{API}/cases/nothing"),
        http.get(f"{API}/cases", params={"limit": 0}),
        http.post(
            f"{API}/cases/{case['id']}/decide", content=b"{", headers={"content-type": "application/json"}
        ),
        act(http, case, "decide", decision={"type": "shred"}, digest=case["digest"]),
        act(http, case, "decide", decision={"type": "approve"}, digest=case["digest"], extra=1),
        act(http, case, "decide", decision={"type": "approve"}, digest=case["digest"], undo_s=1e9),
        http.patch(f"{API}/cases"),
    ]
    told = [(answer.status_code, answer.json()["error"]) for answer in asked]
    assert all(
        set(error) == {"status", "field", "problem"} and error["status"] == status for status, error in told
    )
    assert [(status, error["field"]) for status, error in told] == [
        (404, ""),
        (404, ""),
        (422, "limit"),
        (422, "body"),
        (422, "decision.type"),
        (422, "extra"),
        (422, "undo_s"),
        (404, ""),
    ]


def test_the_description_is_for_those_who_are_signed_in(http: TestClient) -> None:
    """OpenAPI, with an example of each body."""
    whole = http.get(f"{API}/openapi.json").json()
    paths = [path for path in whole["paths"] if not path.startswith(API)]
    assert whole["openapi"].startswith("3.1")
    assert not paths
    assert whole["components"]["schemas"]["Decide"]["examples"]
    http.cookies.clear()
    assert http.get(f"{API}/openapi.json").status_code == 401


def test_a_program_acts_with_a_token_of_its_person(http: TestClient, case: dict[str, Any]) -> None:
    """Without a cookie and without the mark of a session; from anywhere."""
    made = http.post(f"{API}/tokens", json={"label": "nightly report"}).json()
    http.cookies.clear()
    del http.headers["x-csrf-token"]
    bearer = {"authorization": f"Bearer {made['token']}"}
    decided = http.post(
        f"{API}/cases/{case['id']}/decide",
        json={"decision": {"type": "approve"}, "digest": case["digest"]},
        headers=bearer,
    )
    assert decided.json()["by"] == "ana"
    assert http.get("/", headers=bearer).status_code == 303


def test_a_token_is_kept_as_its_digest_and_shown_once(http: TestClient, db_url: str) -> None:
    """Who reads the database or the list cannot use it."""
    made = http.post(f"{API}/tokens", json={"label": "x"}).json()
    assert made["token"] not in str(query(db_url, "SELECT * FROM hitl.api_tokens"))
    assert made["token"] not in str(query(db_url, "SELECT data FROM hitl.events"))
    assert made["token"] not in http.get(f"{API}/tokens").text


def test_a_token_makes_no_tokens(http: TestClient) -> None:
    """What was stolen does not outlive its end."""
    made = http.post(f"{API}/tokens", json={"label": "x"}).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert http.post(f"{API}/tokens", json={"label": "y"}, headers=bearer).status_code == 403


@pytest.mark.parametrize(
    "value", ["Bearer hitl_wrong", "Bearer", "Basic YW5hOng=", "hitl_x", "Bearer x\u00e9"]
)
def test_a_token_that_is_none_is_not_helped_by_a_cookie(http: TestClient, value: str) -> None:
    """Whoever sends one means it."""
    answer = http.get(f"{API}/me", headers={"authorization": value.encode("latin-1")})  # type: ignore[dict-item]  # raw bytes, as a proxy sends them
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_opens_nothing(http: TestClient) -> None:
    """At once, and as an event."""
    made = http.post(f"{API}/tokens", json={"label": "x"}).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    before = http.get(f"{API}/me", headers=bearer).status_code
    gone = http.delete(f"{API}/tokens/{made['id']}").status_code
    after = http.get(f"{API}/me", headers=bearer).status_code
    assert (before, gone, after) == (200, 204, 401)


def test_a_token_ends_with_its_person(db_url: str) -> None:
    """Who is made inactive is out with all their programs, and they stay out."""
    staff(db_url)
    bearer = token_of(db_url, "reviewer")
    with office(db_url) as http, Desk(db_url) as desk:
        first = http.get(f"{API}/me", headers=bearer).status_code
        desk.people.put("reviewer", active=False, by="admin")
        away = http.get(f"{API}/me", headers=bearer).status_code
        desk.people.put("reviewer", active=True, by="admin")
        back = http.get(f"{API}/me", headers=bearer).status_code
    assert (first, away, back) == (200, 401, 401)


def test_nobody_revokes_anothers_token_but_an_admin(db_url: str) -> None:
    """For the others it is not there."""
    staff(db_url)
    bearer = token_of(db_url, "reviewer")
    with office(db_url) as http:
        token_id = http.get(f"{API}/tokens", headers=bearer).json()["tokens"][0]["id"]
        tried = {
            name: Somebody(http, name).send("DELETE", f"{API}/tokens/{token_id}").status_code
            for name in ("lead", "auditor", "admin")
        }
    assert tried == {"lead": 404, "auditor": 404, "admin": 204}


def test_an_auditor_reads_everything_and_decides_nothing(db_url: str) -> None:
    """Not by the API, and not by a token; and the desk says the same."""
    paused(db_url, "t1")
    staff(db_url)
    bearer = token_of(db_url, "auditor")
    with office(db_url) as http:
        auditor = Somebody(http, "auditor")
        [case] = auditor.get(f"{API}/cases").json()["cases"]
        body = {"decision": {"type": "approve"}, "digest": case["digest"]}
        tried = [
            auditor.post(f"{API}/cases/{case['id']}/decide", json=body).status_code,
            http.post(f"{API}/cases/{case['id']}/decide", json=body, headers=bearer).status_code,
        ]
        read = auditor.get(f"{API}/audit/export").status_code
    assert tried == [404, 404]
    assert read == 200


def test_a_bad_value_never_breaks_the_answer(http: TestClient, case: dict[str, Any]) -> None:
    """What cannot be written in UTF-8 is written out."""
    body = json.dumps({"decision": {"type": "\ud800\u202e"}, "digest": case["digest"]})
    answer = http.post(
        f"{API}/cases/{case['id']}/decide", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert "\u202e" not in answer.text
