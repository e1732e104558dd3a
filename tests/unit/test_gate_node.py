"""The gate as a node on any checkpointer: pause once, route each decision, come back in a loop (R8, R12)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from hitl_graph.decisions import Approve, Choose, Edit, Reject
from hitl_graph.errors import DefinitionError, ProposalError
from hitl_graph.reviews import ReviewRequest
from hitl_graph.wire import Shape
from tests.unit.factories import (
    CHOICES,
    EDITED,
    EMAIL,
    EVERY,
    Email,
    Mode,
    Outbox,
    Thread,
    drafts,
    escalation_gate,
    in_both_modes,
    mail_graph,
    plain,
    review_gate,
    routed,
)
from tests.unit.routes import ROUTES

# Pausing


@in_both_modes
def test_it_pauses_with_one_question(mode: Mode) -> None:
    """R7: the thread stands at the gate and shows the case."""
    thread = Thread(mail_graph(), mode).start()
    assert thread.next == ("reply",) and thread.case["question"] == review_gate().question


@in_both_modes
def test_what_is_shown_is_a_sealed_request(mode: Mode) -> None:
    """I4: plain JSON that reads back into the same request."""
    assert ReviewRequest.from_json(Thread(mail_graph(), mode).start().case).is_sealed()


@in_both_modes
def test_the_case_says_how_it_goes_on(mode: Mode) -> None:
    """R8, R23: for every decision that is offered, where it leads."""
    case = Thread(mail_graph(asked="asked"), mode).start().case
    assert case["continuation"] == {"approve": "send", "edit": "send", "reject": "draft", "ask_info": "asked"}


@in_both_modes
def test_nothing_is_sent_while_it_waits(mode: Mode) -> None:
    """R55: the gate fires before the act."""
    outbox = Outbox()
    Thread(mail_graph(outbox=outbox), mode).start()
    assert outbox == []


@in_both_modes
def test_an_answer_form_is_published(mode: Mode) -> None:
    """A client that knows only JSON Schema can draw the form: one alternative for each decision."""
    [question] = Thread(mail_graph(), mode).start().open
    schema = question.response_schema
    assert [form["properties"]["type"]["const"] for form in schema["oneOf"]] == ["approve", "edit", "reject"]


class Order(BaseModel):
    """A proposal with a part that has a shape of its own."""

    lines: list[Email]


class Tree(BaseModel):
    """A proposal that holds itself."""

    inner: Tree | None = None


@pytest.mark.parametrize(
    ("schema", "proposal"), [(Order, {"lines": [EMAIL]}), (Tree, {"inner": {"inner": None}})]
)
def test_a_published_form_is_complete(schema: Any, proposal: Any) -> None:
    """A client can read it: every reference in it has its definition."""
    gate = review_gate(schema=schema, consequence="Sends it.")
    [question] = Thread(mail_graph(gate)).start(email=proposal).open
    form: Any = question.response_schema
    assert set(re.findall(r"#/\$defs/(\w+)", json.dumps(form))) <= set(form.get("$defs", {}))
    Draft202012Validator.check_schema(form)
    Draft202012Validator(form).validate({"type": "edit", "changes": proposal})


def test_a_form_of_models_that_name_each_other_stays_small() -> None:
    """R65: writing out every reference of nine such models would take megabytes in each checkpoint."""
    names = [f"N{n}" for n in range(9)]
    inner = {"type": "array", "items": {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}}
    model = {"type": "object", "properties": {"name": {"type": "string"}, "inner": inner}}
    schema = {"$defs": dict.fromkeys(names, model), "$ref": "#/$defs/N0"}
    [question] = (
        Thread(mail_graph(review_gate(schema=schema, consequence="x"))).start(email={"name": "a"}).open
    )
    assert len(json.dumps(question.response_schema)) < 200_000


@in_both_modes
@pytest.mark.parametrize(
    "answer", [Approve(), Edit({"body": "Better."}), Reject(reason="tone")], ids=lambda d: d.type
)
def test_a_good_answer_fits_the_published_form(mode: Mode, answer: Any) -> None:
    """What the form lets through is what the gate takes."""
    [question] = Thread(mail_graph(), mode).start().open
    form: Any = question.response_schema
    Draft202012Validator(form).validate(plain(answer))


def test_without_a_checkpointer_it_refuses_to_pause() -> None:
    """R2: a pause that is saved nowhere would lose the case."""
    graph = mail_graph().compile()
    with pytest.raises(DefinitionError, match="checkpointer"):
        graph.invoke({"ticket": "x", "email": EMAIL})


@in_both_modes
def test_a_proposal_that_cannot_be_shown_stops_the_run(mode: Mode) -> None:
    """I4, R2: no pause with a case that cannot be stored, and the error names the field."""
    with pytest.raises(ProposalError, match=r"email\.body"):
        Thread(mail_graph(), mode).start(email={**EMAIL, "body": "a\x00"})


@in_both_modes
def test_running_again_asks_the_same_question(mode: Mode) -> None:
    """I5: another invoke on a paused thread neither doubles nor changes the case."""
    thread = Thread(mail_graph(), mode).start()
    before = [(q.id, q.value) for q in thread.open]
    thread.run(None)
    assert [(q.id, q.value) for q in thread.open] == before


# Each decision to its route


@in_both_modes
@pytest.mark.parametrize(("decision", "target", "outcome"), ROUTES, ids=[d.type for d, _, _ in ROUTES])
def test_each_decision_goes_its_way(mode: Mode, decision: Any, target: str, outcome: str) -> None:
    """R8, R12, R17, R18, R71: one continuation for each, and the record says which."""
    thread = Thread(routed(review_gate(allowed=EVERY, options=CHOICES, option_field="body")), mode).start()
    thread.answer(decision)
    assert thread.values["log"] == [target]
    assert (thread.record["outcome"], thread.record["route"]) == (outcome, target)


@in_both_modes
@pytest.mark.parametrize(("option", "target"), [("refund", "other"), ("card", "yes"), ("other", "no")])
def test_an_option_may_have_a_way_of_its_own(mode: Mode, option: str, target: str) -> None:
    """R8: options lead where they say, the others to `approved`."""
    gate = review_gate(kind="choose", options=CHOICES)
    thread = Thread(routed(gate, options={"refund": "other", "other": "no"}), mode).start()
    thread.answer(Choose(option))
    assert thread.values["log"] == [target] and thread.record["route"] == target


@pytest.mark.parametrize("decision", [d for d, _, _ in ROUTES], ids=lambda d: d.type)
def test_a_decision_object_is_an_answer_too(decision: Any) -> None:
    """A test or a notebook resumes with what it imports."""
    thread = Thread(routed(review_gate(allowed=EVERY, options=CHOICES, option_field="body"))).start()
    thread.run(Command(resume={thread.open[0].id: decision}))
    assert thread.record["decision"] == decision.type


@in_both_modes
def test_what_passes_goes_the_approved_way_and_says_why(mode: Mode) -> None:
    """R43, R79: no record of a person, but a judgement with reason and owner."""
    thread = Thread(routed(escalation_gate()), mode).start()
    kept = thread.values["judgements"]["exceptions"]
    assert thread.values["log"] == ["yes"] and not thread.values.get("reviews")
    assert (kept["outcome"], kept["owner"], kept["reasons"][0]["code"]) == (
        "proceed",
        "support-leads",
        "no_exception",
    )


# Loops


@in_both_modes
def test_a_rejection_comes_back_as_a_new_draft(mode: Mode) -> None:
    """R12, R18: reject, redraft, review again, with an id of its own, until it is right."""
    outbox = Outbox()
    thread = Thread(mail_graph(draft=drafts(), outbox=outbox), mode).start()
    ids = []
    for n in (1, 2, 3):
        ids.append(thread.open[0].id)
        assert thread.case["proposal"]["body"] == f"Draft {n}"
        thread.answer(Reject() if n < 3 else Approve())
    assert len(set(ids)) == 3 and [mail["body"] for _, mail in outbox] == ["Draft 3"]


@in_both_modes
def test_a_loop_shows_what_was_rejected(mode: Mode) -> None:
    """R25: old version, reason and note beside the new draft."""
    thread = Thread(mail_graph(draft=drafts()), mode).start()
    thread.answer(Reject(reason="tone", note="Too cold."))
    previous = thread.case["previous"]
    assert (previous["proposed"]["body"], previous["reason"], previous["note"]) == (
        "Draft 1",
        "tone",
        "Too cold.",
    )


@in_both_modes
def test_every_round_of_a_loop_is_a_record(mode: Mode) -> None:
    """R18: nothing is overwritten."""
    thread = Thread(mail_graph(draft=drafts()), mode).start()
    for decision in (Reject(), Reject(), Approve()):
        thread.answer(decision)
    assert [r["outcome"] for r in thread.values["reviews"]] == ["rejected", "rejected", "approved"]


# The shapes of older clients


@in_both_modes
@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        (Shape.AGENT_INBOX, [{"type": "edit", "args": {"action": "send_email", "args": EDITED}}]),
        (
            Shape.LANGCHAIN_BATCH,
            {"decisions": [{"type": "edit", "edited_action": {"name": "send_email", "args": EDITED}}]},
        ),
    ],
)
def test_a_gate_asks_and_is_answered_in_an_older_shape(mode: Mode, shape: Shape, answer: Any) -> None:
    """R65: a client that knows only its own words edits, and the record is the same."""
    thread = Thread(mail_graph(shape=shape), mode).start()
    thread.answer(answer)
    assert thread.record["decision"] == "edit" and thread.values["email"] == EDITED


# The saver of the graph


def test_a_thread_goes_on_in_another_process_of_the_same_graph() -> None:
    """I6: what was paused by one compiled graph is answered by another on the same checkpointer."""
    saver = InMemorySaver()
    outbox = Outbox()
    config: Any = {"configurable": {"thread_id": "t"}}
    one = mail_graph(outbox=outbox).compile(checkpointer=saver)
    [question] = one.invoke({"ticket": "x", "email": EMAIL}, config)["__interrupt__"]
    other = mail_graph(outbox=outbox).compile(checkpointer=saver)
    other.invoke(Command(resume={question.id: plain(Approve())}), config)
    assert len(outbox) == 1


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_it_works_in_every_durability(durability: Any) -> None:
    """I5: reject, redraft, edit, whatever is written when."""
    graph = mail_graph(draft=drafts()).compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    out = graph.invoke({"ticket": "x"}, config, durability=durability)
    for decision in (Reject(), Edit({"body": "Better."})):
        resume = {out["__interrupt__"][0].id: plain(decision)}
        out = graph.invoke(Command(resume=resume), config, durability=durability)
    assert [r["outcome"] for r in out["reviews"]] == ["rejected", "approved"]
