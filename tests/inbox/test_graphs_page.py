"""Graphs and threads over HTTP: what is drawn, what waits, and holding."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph

from hitl_graph import Desk, effect, open_checkpointer
from tests.inbox.persons import ROLES, Somebody, office, staff
from tests.inbox.serving import client, paused
from tests.support.graphs import SEND, State, mail_graph

HOLD = {"scope": "thread", "value": "t1", "act": "pause", "reason": "It writes nonsense."}


def _named(db_url: str, *threads: str) -> None:
    """Threads of a graph that says its name, as workers and servers run them."""
    with open_checkpointer(db_url) as saver:
        graph = mail_graph().compile(checkpointer=saver)
        for name in threads:
            config = {"configurable": {"thread_id": name, "workflow": "mail"}}
            graph.invoke({"ticket": "Where is it?", "sink": "/dev/null"}, config)


def _bare() -> Any:
    """A graph that sends without a gate."""
    builder = StateGraph(State)
    builder.add_node("send", effect(lambda _: None, action=SEND))
    return builder.add_edge(START, "send").add_edge("send", END).compile(name="bare")


def test_a_graph_is_drawn_with_what_waits_at_its_gate(db_url: str) -> None:
    """R38."""
    _named(db_url, "t1", "t2")
    with client(db_url, graphs={"mail": mail_graph().compile(name="mail")}) as http:
        page = http.get("/graphs").text
    assert "<svg" in page
    assert "cannot be undone" in page
    assert 'aria-label="2 wait at Reply"' in page
    assert 'href="/?gate=reply&amp;workflow=mail"' in page


def test_a_thread_that_does_not_say_its_graph_counts_where_its_gate_is(db_url: str) -> None:
    paused(db_url, "t1")
    with client(db_url, graphs={"mail": mail_graph().compile(name="mail")}) as http:
        page = http.get("/graphs").text
    assert 'aria-label="1 wait at Reply"' in page
    assert 'href="/?gate=reply"' in page
    assert "hold them one by one" in page


def test_a_way_around_a_gate_is_named(db_url: str) -> None:
    """I8."""
    with client(db_url, graphs={"bare": _bare()}) as http:
        page = http.get("/graphs").text
    assert "1 way around a gate" in page
    assert "can be reached without a gate" in page


def test_without_graphs_gates_and_numbers_come_from_the_rows(db_url: str) -> None:
    paused(db_url, "t1")
    with client(db_url) as http:
        page = http.get("/graphs").text
    assert "<svg" not in page
    assert "reply" in page
    assert "was not given the graph" in page


def test_what_is_no_graph_does_no_harm(db_url: str) -> None:
    with client(db_url, graphs={"odd": object()}) as http:
        assert http.get("/graphs").status_code == 200


def test_nothing_yet_says_what_to_do(db_url: str) -> None:
    with client(db_url) as http:
        assert "No graph has asked anything yet" in http.get("/graphs").text


def test_the_threads_of_a_graph_go_on_where_the_page_ended(
    db_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hitl_graph.inbox.pages.graphs.PAGE", 2)
    _named(db_url, "t1", "t2", "t3")
    with client(db_url) as http:
        first = http.get("/graphs/threads", params={"graph": "mail"}).text
        following = next(
            part for part in first.split('"') if part.startswith("/graphs/threads?") and "after" in part
        )
        second = http.get(following.replace("&amp;", "&")).text
    assert ("thread=t1" in first, "thread=t3" in first) == (True, False)
    assert ("thread=t1" in second, "thread=t3" in second) == (False, True)


def test_a_thread_shows_where_it_stands_and_its_state(db_url: str) -> None:
    paused(db_url, "t1", state={"ticket": "Where is <my> parcel?\u202e"})
    with client(db_url) as http:
        page = http.get("/graphs/thread", params={"thread": "t1"}).text
    assert "Waits at <strong>Reply</strong>" in page
    assert "Where is &lt;my&gt; parcel?" in page
    assert "U+202E" in page
    assert "ana@example.com" in page


def test_a_thread_that_is_not_there_and_one_of_another_tenant_are_the_same(db_url: str) -> None:
    """I13."""
    paused(db_url, "t1")
    with client(db_url, tenant="other") as http:
        answers = [http.get("/graphs/thread", params={"thread": one}) for one in ("t1", "t9", "", "\x00")]
    assert {answer.status_code for answer in answers} == {404}


def test_a_thread_is_paused_and_released(db_url: str) -> None:
    """I7."""
    paused(db_url, "t1")
    with client(db_url) as http, Desk(db_url) as desk:
        assert http.post("/graphs/hold", data=HOLD).status_code == 303
        [hold] = desk.holds.list()
        assert (hold.kind, hold.reason, hold.by) == ("pause", "It writes nonsense.", "ana")
        assert "It writes nonsense." in http.get("/graphs/thread", params={"thread": "t1"}).text
        http.post("/graphs/hold", data=HOLD | {"act": "release", "hold": str(hold.id)})
        assert desk.holds.list() == []


def test_a_thread_is_taken_over_and_handed_back(db_url: str) -> None:
    """R71."""
    paused(db_url, "t1")
    with client(db_url) as http, Desk(db_url) as desk:
        http.post("/graphs/hold", data=HOLD | {"act": "take_over"})
        assert [one.kind for one in desk.holds.list()] == ["takeover"]
        http.post("/graphs/hold", data=HOLD | {"act": "hand_back", "reason": "Called them."})
        assert desk.holds.list() == []
        [hold] = desk.holds.list(standing=False)
        assert hold.note == "Called them."


def test_a_graph_is_stopped(db_url: str) -> None:
    _named(db_url, "t1")
    with client(db_url) as http, Desk(db_url) as desk:
        http.post("/graphs/hold", data=HOLD | {"scope": "workflow", "value": "mail", "act": "stop"})
        assert [(one.scope, one.kind) for one in desk.holds.list()] == [("workflow", "stop")]
        assert "held" in http.get("/graphs").text


def test_nothing_is_held_without_a_reason(db_url: str) -> None:
    paused(db_url, "t1")
    with client(db_url) as http, Desk(db_url) as desk:
        answers = [
            http.post("/graphs/hold", data=HOLD | {"act": act, "reason": " "})
            for act in ("pause", "stop", "take_over")
        ]
        assert [(one.status_code, 'id="hold-error"' in one.text) for one in answers] == [(422, True)] * 3
        assert desk.holds.list() == []


def test_a_form_that_means_nothing_holds_nothing(db_url: str) -> None:
    paused(db_url, "t1")
    wrong = [{"act": "erase"}, {"scope": "tenant"}, {"value": ""}, {"act": "release", "hold": "x"}]
    wrong += [{"scope": "workflow", "value": "mail", "act": "take_over"}]
    with client(db_url) as http, Desk(db_url) as desk:
        assert {http.post("/graphs/hold", data=HOLD | one).status_code for one in wrong} == {422}
        assert desk.holds.list(standing=False) == []


def test_a_name_that_nothing_goes_by_is_warned_of(db_url: str) -> None:
    with client(db_url) as http:
        answer = http.post("/graphs/hold", data=HOLD | {"scope": "workflow", "value": "no such graph"})
    assert "Nothing goes by the name of graph “no such graph” so far" in answer.text


def test_only_who_leads_holds(db_url: str) -> None:
    staff(db_url)
    paused(db_url, "t1")
    found = {}
    with office(db_url) as http:
        for role in ROLES:
            one = Somebody(http, role)
            seen = one.get("/graphs/thread", params={"thread": "t1"})
            found[role] = (
                seen.status_code,
                "Hold this thread" in seen.text,
                one.post("/graphs/hold", data=HOLD).status_code,
            )
    may, may_not = (200, True, 303), (200, False, 404)
    assert found == {"reviewer": may_not, "lead": may, "admin": may, "auditor": may_not}
