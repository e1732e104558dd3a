"""By which way an act came: its door says so, it is sealed with the act, and nobody can claim it."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import psycopg
import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import ValidationError
from starlette.testclient import TestClient

from hitl_graph import Approve, Case, Desk, open_checkpointer
from hitl_graph.inbox.tokens import make_token
from hitl_graph.notebook import review_card
from hitl_graph.notices import make_link
from hitl_graph.storage.ways import coming_through
from tests.inbox.persons import Somebody, office, staff
from tests.inbox.serving import client, paused
from tests.notebook.clicking import click
from tests.notices.receivers import query
from tests.support.commands import Command as Hg
from tests.support.graphs import mail_graph, thread
from tests.web.serving import KEY, signed

API = "/api/v1"
LIES = {"way": "inbox", "via": "inbox", "through": {"way": "inbox"}}
"""What somebody could say of themselves."""


@pytest.fixture
def http(db_url: str) -> Iterator[TestClient]:
    """Ana's inbox with one case."""
    paused(db_url, "t1")
    with client(db_url) as made:
        yield made


class Said(TypedDict, total=False):
    """What was answered."""

    said: Any


def the_case(db_url: str) -> Case:
    with Desk(db_url) as desk:
        return desk.cases()[0]


def through(db_url: str, kind: str = "decided") -> list[Any]:
    """How the acts of a kind came, as it stands in their events."""
    rows = query(db_url, "SELECT data FROM hitl.events WHERE type = %s ORDER BY id", kind)
    return [(row["data"] or {}).get("through") for row in rows]


def token(db_url: str, person: str = "ana", label: str = "nightly") -> tuple[dict[str, str], str]:
    """The header of a new token, and its id."""

    async def make() -> tuple[str, str]:
        async with Desk(db_url) as desk:
            text, made = await make_token(desk, person, label=label)
            return text, made.id

    text, token_id = asyncio.run(make())
    return {"authorization": f"Bearer {text}"}, token_id


def test_a_decision_on_a_page_came_by_the_inbox(http: TestClient, db_url: str) -> None:
    case = the_case(db_url)
    form = {"digest": case.digest, "decision": "approve", "key": "k", "thread": case.thread_id}
    answer = http.post(f"/cases/{case.id}/decide", params={"thread": "t1"}, data=form)
    assert answer.status_code < 400, answer.text
    assert through(db_url) == [{"way": "inbox"}]


def test_a_decision_by_a_token_names_the_token(http: TestClient, db_url: str) -> None:
    """By its id and its label, whatever the program says of itself in headers."""
    case = the_case(db_url)
    header, token_id = token(db_url)
    body = {"decision": {"type": "approve"}, "digest": case.digest}
    http.cookies.clear()
    lies = {"x-hitl-way": "inbox", "hx-request": "true", "via": "inbox", **header}
    answer = http.post(f"{API}/cases/{case.id}/decide", json=body, headers=lies)
    assert answer.status_code == 200, answer.text
    assert through(db_url) == [{"way": "api", "token": token_id, "label": "nightly"}]


def test_a_page_of_ones_own_that_uses_the_api_is_no_page_of_the_inbox(http: TestClient, db_url: str) -> None:
    """A session and no token: the API all the same."""
    case = the_case(db_url)
    body = {"decision": {"type": "approve"}, "digest": case.digest}
    assert http.post(f"{API}/cases/{case.id}/decide", json=body).status_code == 200
    assert through(db_url) == [{"way": "api"}]


@pytest.mark.parametrize("field", sorted(LIES))
def test_a_request_cannot_say_how_it_came(http: TestClient, db_url: str, field: str) -> None:
    """In the body, in the decision, or in the address."""
    case = the_case(db_url)
    header, _ = token(db_url)
    http.cookies.clear()
    body: dict[str, Any] = {"decision": {"type": "approve"}, "digest": case.digest}
    more = {**body, field: LIES[field]}
    within = {**body, "decision": {**body["decision"], field: LIES[field]}}
    for one in (more, within):
        assert http.post(f"{API}/cases/{case.id}/decide", json=one, headers=header).status_code == 422
    answer = http.post(f"{API}/cases/{case.id}/decide", params={field: "inbox"}, json=body, headers=header)
    assert answer.status_code in (200, 422)
    assert {one["way"] for one in through(db_url)} <= {"api"}


def test_a_label_that_poses_as_another_way_stays_a_label(http: TestClient, db_url: str) -> None:
    case = the_case(db_url)
    header, token_id = token(db_url, label='in the inbox", "way": "inbox')
    body = {"decision": {"type": "approve"}, "digest": case.digest}
    http.cookies.clear()
    assert http.post(f"{API}/cases/{case.id}/decide", json=body, headers=header).status_code == 200
    assert through(db_url) == [{"way": "api", "token": token_id, "label": 'in the inbox", "way": "inbox'}]
    assert query(db_url, "SELECT way FROM hitl.events WHERE type = 'decided'") == [{"way": "api"}]


@pytest.mark.parametrize("via", ["inbox", "desk"])
def test_an_answer_to_a_gate_cannot_say_that_it_came_by_the_inbox(
    db_url: str, tmp_path: Path, via: str
) -> None:
    """As one typed into Studio: the desk's own word is not taken, and any other is the answer's and no more."""
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))
        with coming_through("inbox"), contextlib.suppress(ValidationError):  # even in a process of pages
            graph.invoke(Command(resume={"type": "approve", "by": "ana", "via": via}), thread("t1"))
    assert through(db_url) == []
    assert [one["way"] for one in through(db_url, "decided_elsewhere")] == ["resume"] * (via == "inbox")


def test_an_answer_of_any_shape_cannot_say_that_it_came_by_the_inbox(db_url: str) -> None:
    """Where whatever is said is taken: what a server adds of who runs it included."""

    def asks(state: Any) -> Any:
        return {"said": interrupt("What now?")}

    builder = StateGraph(Said)
    builder.add_node("asks", asks)
    builder.add_edge(START, "asks")
    with open_checkpointer(db_url) as checkpointer:
        graph = builder.compile(checkpointer=checkpointer)
        graph.invoke({}, thread("t1"))
        config = {**thread("t1"), "metadata": {"hitl_by": "ana", **LIES}}
        with coming_through("inbox"):
            graph.invoke(Command(resume={"by": "ana", **LIES}), config)
    rows = query(db_url, "SELECT type, way FROM hitl.events WHERE way IS NOT NULL")
    assert {row["way"] for row in rows} == {"resume"}


def test_an_answer_past_the_desk_is_told_as_one(db_url: str, tmp_path: Path) -> None:
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))
        graph.invoke(Command(resume={"type": "approve"}), thread("t1"))
    assert {"way": "resume"} in through(db_url, "decided_elsewhere")


def test_a_decision_by_a_link_came_by_a_link(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed in to the inbox or not."""
    monkeypatch.setenv("HITL_SECRET", "a random text of this installation")
    paused(db_url, "t1")

    async def made() -> str:
        async with Desk(db_url) as desk:
            [case] = await desk.pending()
            return await make_link(desk, case, person="ana", action="approve")

    with client(db_url) as http:
        assert http.post(f"/links/{asyncio.run(made())}").status_code == 200
        assert http.get("/links/none").status_code == 403
    assert through(db_url) == [{"way": "link"}]
    assert through(db_url, "refused_attempt") == [{"way": "link"}]


def test_a_decision_by_a_webhook_names_who_signed(db_url: str) -> None:
    """And one that nobody signed names nobody."""
    paused(db_url, "t1")
    with Desk(db_url) as desk:
        desk.notices.put_sender("crm", people=["ana"], secret=KEY, by="ops")
    case = the_case(db_url)
    order = {"review_id": case.id, "digest": case.digest, "by": "ana", "decision": {"type": "approve"}}
    with client(db_url) as http:
        assert http.post("/webhooks/decide", content=b"{}").status_code == 401
        assert http.post("/webhooks/decide", **signed(order)).status_code == 200
    assert through(db_url) == [{"way": "webhook", "senders": ["crm"]}]
    assert through(db_url, "refused_attempt") == [{"way": "webhook"}]


def test_a_decision_by_a_command_came_by_the_command_line(hg: Hg, db_url: str) -> None:
    paused(db_url, "t1")
    case = the_case(db_url)
    assert hg("decide", case.id, "approve", "--by", "ana")[0] == 0
    assert through(db_url) == [{"way": "command"}]
    assert "at the command line" in hg("show", case.id)[1]
    assert "at the command line" in hg("audit", "show", case.id)[1]


def test_a_decision_on_the_card_came_by_a_notebook(db_url: str, tmp_path: Path) -> None:
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is it?", "sink": str(tmp_path / "sink")}, thread("t1"))
        click(review_card(graph, "t1", by="ana"), {"type": "approve"})
    assert through(db_url) == [{"way": "notebook"}]


def test_a_program_at_the_desk_is_just_that(db_url: str) -> None:
    paused(db_url, "t1")
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), digest=case.digest, by="ana")
    assert through(db_url) == [{"way": "code"}]


async def test_nothing_of_a_way_is_left_on_a_connection(db_url: str) -> None:
    """One connection for all: a page's act, a program's, a refused one, and a program's again."""
    async with Desk(db_url, max_size=1) as desk:
        for number in range(3):
            with coming_through("inbox"):
                await desk.codes.put(kind="reason", code=f"page-{number}", by="ana")
                with contextlib.suppress(psycopg.Error):
                    await desk.rows("SELECT 1 / 0")
            await desk.codes.put(kind="reason", code=f"program-{number}", by="ana")
    assert through(db_url, "code_put") == [{"way": "inbox"}, {"way": "code"}] * 3


async def test_acts_at_the_same_time_are_not_taken_for_one_another(db_url: str) -> None:
    async with Desk(db_url, max_size=3) as desk:

        async def put(door: Any, number: int) -> None:
            with coming_through(door):
                await asyncio.sleep(0)
                await desk.codes.put(kind="reason", code=f"{door}-{number}", by="ana")

        doors = ("inbox", "api", "link", "webhook", "command", "notebook")
        await asyncio.gather(*(put(door, number) for number in range(8) for door in doors))
    rows = query(db_url, "SELECT data ->> 'code' AS code, way FROM hitl.events WHERE type = 'code_put'")
    assert len(rows) == 48
    assert [row for row in rows if row["code"].split("-")[0] != row["way"]] == []


def test_each_act_at_a_case_says_how_it_came(db_url: str) -> None:
    """Being at it, giving it away, putting it off, taking back, holding, and what is refused."""
    paused(db_url, "t1")
    staff(db_url)
    case = the_case(db_url)
    header, token_id = token(db_url, "lead")
    acts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("claim", {}),
        ("heartbeat", {}),
        ("release", {}),
        ("snooze", {"hours": 1}),
        ("snooze", {"hours": 0}),
        ("reassign", {"to": "lead", "reason": "mine"}),
        ("reroute", {"to": "support-leads", "reason": "theirs"}),
        ("take-over", {"reason": "here"}),
        ("decide", {"decision": {"type": "approve"}, "digest": case.digest, "undo_s": 60}),
        ("decide", {"decision": {"type": "reject"}, "digest": case.digest}),  # too late
        ("undo", {}),
    )
    with office(db_url) as http:
        program = Somebody(http, None)
        program.headers = header
        statuses = [
            program.post(f"{API}/cases/{case.id}/{name}", json=body).status_code for name, body in acts
        ]
        hold = program.post(
            f"{API}/holds", json={"scope": "thread", "value": "t1", "kind": "pause", "reason": "so"}
        )
        program.post(f"{API}/holds/{hold.json()['id']}/release", json={"note": "on"})
    assert statuses == [200] * 9 + [409, 200]
    rows = query(db_url, "SELECT type, data FROM hitl.events WHERE who = 'lead' ORDER BY id")
    came = {"way": "api", "token": token_id, "label": "nightly"}
    assert {row["type"] for row in rows if row["data"].get("through") == came} >= {
        *("claimed", "claim_renewed", "claim_released", "snoozed", "woken", "reassigned", "rerouted"),
        *("claim_taken_over", "decided", "refused_attempt", "undone", "paused", "released"),
    }
    assert [row["type"] for row in rows if row["data"].get("through") not in (came, {"way": "code"})] == []


def test_what_nobody_did_has_no_way(http: TestClient, db_url: str) -> None:
    """The graph asked; and what the library does by itself is told as that."""
    case = the_case(db_url)
    with Desk(db_url) as desk:
        desk.decide(case.id, Approve(), digest=case.digest, by="system:sla", via="system")
    assert through(db_url, "asked") == [None]
    assert through(db_url) == [{"way": "system"}]


@pytest.fixture
def several(http: TestClient, db_url: str) -> str:
    """A code that came by the API and one by a program; the id of the token."""
    header, token_id = token(db_url)
    case = the_case(db_url)
    assert http.post(f"{API}/cases/{case.id}/claim", json={}, headers=header).status_code == 200
    with Desk(db_url) as desk:
        desk.codes.put(kind="reason", code="by-program", by="ben")
    return token_id


def test_the_log_shows_how_and_filters_by_it(http: TestClient, several: str) -> None:
    whole = http.get("/audit").text
    by_api = http.get("/audit", params={"way": "api"}).text
    by_program = http.get("/audit", params={"way": "code", "type": "rules"}).text
    of_token = [http.get("/audit", params={"token": one}).text for one in (several, "another")]
    assert f"by the API, token “nightly” ({several})" in whole
    assert ("claimed it" in by_api, "by-program" in by_api) == (True, False)
    assert ("claimed it" in by_program, "by-program" in by_program) == (False, True)
    assert ["claimed it" in page for page in of_token] == [True, False]
    assert "Nothing in the log is like this" in of_token[1]


def test_a_case_shows_how(http: TestClient, db_url: str, several: str) -> None:
    """On its page, and to programs."""
    case = the_case(db_url)
    assert f"by the API, token “nightly” ({several})" in http.get(f"/cases/{case.id}?thread=t1").text
    events = http.get(f"{API}/cases/{case.id}/history").json()["events"]
    assert events[-1]["data"]["through"]["token"] == several


def test_exports_say_how(http: TestClient, several: str) -> None:
    table = http.post("/audit/export", data={"format": "csv", "way": "api", "type": "claimed"}).text
    lines = http.post("/audit/export", data={"format": "jsonl"}).text.splitlines()
    [row] = csv.DictReader(io.StringIO(table))
    claimed = next(
        one for one in map(json.loads, lines) if (one.get("event") or one).get("type") == "claimed"
    )
    assert row["way"] == f"by the API, token “nightly” ({several})"
    assert several in json.dumps(claimed)
    assert http.get(f"{API}/audit/verify").json()["ok"]


def test_how_it_came_is_sealed(http: TestClient, several: str, db_url: str) -> None:
    """I9: whoever changes it afterwards is found out."""
    assert "The log holds" in http.post("/audit/verify").text
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("ALTER TABLE hitl.events DISABLE TRIGGER USER")
        conn.execute(
            "UPDATE hitl.events SET data = replace(data::text, %s, 'other')::json WHERE way = 'api'",
            [several],
        )
        conn.execute("ALTER TABLE hitl.events ENABLE TRIGGER USER")
    assert "The log does not hold" in http.post("/audit/verify").text
