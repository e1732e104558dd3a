"""The graphs of `langgraph.json`: each is served, drawn with labels, and pauses with a case at the desk."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hitl_graph.desk.sync_desk import SyncDesk
from tests.server.conftest import Begin
from tests.server.dev_server import ROOT, DevServer

pytestmark = pytest.mark.xdist_group("langgraph-dev")

INPUTS: dict[str, Any] = {
    "review_before_send": {"ticket": {"from": "a@example.com", "body": "Where is my card?"}},
    "confidence_gate": {"text": "I want my money back."},
    "exception_escalation": {"text": "This is unacceptable. My lawyer will write to you.", "amount": 900.0},
    "ask_on_failure": {"message": "I am K-100.", "lookup": {"number": "K-100"}},
    "combination": {"sender": "a@example.com", "text": "This is ridiculous: I cannot sign in."},
    "support-desk": {
        "ticket": {"number": 1, "text": "My card has not come.", "customer": "a@example.com", "columns": {}},
        "settings": {"maildir": "maildir", "model": None},
    },
}
"""What makes each graph pause."""


def served() -> list[str]:
    """The graphs of `langgraph.json` that have gates as nodes: all but the agent."""
    graphs = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]
    return [name for name in graphs if name != "agent"]


@pytest.mark.parametrize("graph", served())
def test_a_served_graph_pauses(begin: Begin, desk: SyncDesk, graph: str) -> None:
    """Its case waits at the desk, and the thread is interrupted at the server."""
    thread = begin.new(graph)

    thread.run(INPUTS[graph])

    assert thread.statuses == ["pending"]
    assert thread.case.workflow == graph
    assert thread.status == "interrupted"


@pytest.mark.parametrize("graph", [*served(), "agent"])
def test_a_client_can_draw_the_form_of_the_input(server: DevServer, graph: str) -> None:
    """Studio asks for an input by the schema of the graph's state."""
    [assistant] = server.client.assistants.search(graph_id=graph)

    schemas = server.client.assistants.get_schemas(assistant["assistant_id"])

    assert schemas["input_schema"] is not None and schemas["input_schema"]["properties"]
    assert schemas["output_schema"] is not None and schemas["output_schema"]["properties"]


def test_the_served_agent_asks_about_each_call(begin: Begin, desk: SyncDesk) -> None:
    """Two calls of one turn are two cases; answered by one map, the agent goes on to its end."""
    thread = begin.new("agent")
    thread.run({"messages": [{"role": "user", "content": "Ann's cup came broken. Make it right."}]})
    # The two calls pause side by side, so either may be stored first.
    assert {(case.request.act, case.status) for case in thread.cases if case.request} == {
        ("send_email", "pending"),
        ("refund", "pending"),
    }

    thread.resume({case.id: {"type": "approve"} for case in thread.cases})

    assert {case.status for case in thread.cases} == {"applied"}


@pytest.mark.parametrize(
    ("graph", "typed", "decision"),
    [
        ("confidence_gate", "refund", "choose"),
        ("exception_escalation", "I have called the customer.", "respond"),
        ("combination", '{"type": "choose", "option": "account"}', "choose"),
    ],
)
def test_what_is_typed_fits_the_kind_of_case(begin: Begin, graph: str, typed: str, decision: str) -> None:
    """An option by its bare value, a person's own words as they are, or any decision as JSON."""
    thread = begin.new(graph)
    thread.run(INPUTS[graph])

    thread.resume(typed)

    assert thread.record["decision"] == decision
    assert thread.cases[0].status == "applied"


@pytest.mark.parametrize("graph", ["confidence_gate", "exception_escalation"])
def test_an_edit_that_names_no_node_leads_on(begin: Begin, graph: str) -> None:
    """The first of the gate's two nodes ran last, so that the edit is made as that one: Continue asks again."""
    thread = begin.new(graph)
    thread.run(INPUTS[graph])
    key = thread.case.request.proposal_key

    thread.server.client.threads.update_state(thread.id, {key: thread.state["values"][key]})
    assert thread.state["next"] and thread.statuses == ["superseded"]
    thread.run()

    assert (thread.status, thread.statuses) == ("interrupted", ["superseded", "pending"])


@pytest.mark.parametrize("graph", served())
def test_every_way_out_of_a_gate_is_labelled(server: DevServer, graph: str) -> None:
    """The endpoint that Studio draws from names what each edge out of a gate means."""
    drawn = server.client.assistants.get_graph(graph)

    conditional = [edge for edge in drawn["edges"] if edge.get("conditional")]

    assert all(edge.get("data") for edge in conditional)
    assert conditional or graph == "ask_on_failure"  # an error handler has no edges in LangGraph's drawing


def test_the_drawing_says_what_a_decision_leads_to(server: DevServer) -> None:
    """approved, rejected, judged again: in the words of the wiring."""
    drawn = server.client.assistants.get_graph("review_before_send")

    labels = {(edge["source"], edge["target"]): edge.get("data") for edge in drawn["edges"]}

    assert labels["reply", "send"] == "approved"
    assert labels["reply", "draft"] == "rejected"
    assert labels["reply", "reply"] == "judged again"


def test_the_server_finds_all_that_it_asks_of_a_saver(begin: Begin, server: DevServer) -> None:
    """It logs what a custom checkpointer lacks, and calls that would block its loop: neither is there."""
    begin("mail").resume("approve")

    assert "Using custom checkpointer: AsyncReviewSaver" in server.log
    assert "Custom checkpointer missing" not in server.log
    assert "Blocking call" not in server.log
