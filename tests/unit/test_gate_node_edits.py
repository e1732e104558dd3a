"""Edits: written back as state, judged again, measured again (R12, I4, I12)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
from typing import Annotated, Any, Literal

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypedDict

from hitl_graph.decisions import Approve, Choose, Edit, Reject
from hitl_graph.errors import DefinitionError
from hitl_graph.gates import ModelDetector, Thresholds, any_of, complaint, high_value
from hitl_graph.nodes import add_gate
from hitl_graph.nodes.state import keep_each, merge
from tests.unit.factories import (
    CHOICES,
    EMAIL,
    SEND,
    Counter,
    Email,
    FakeModel,
    Mode,
    Outbox,
    State,
    Thread,
    confidence_gate,
    drafts,
    escalation_gate,
    in_both_modes,
    mail_graph,
    measured,
    review_gate,
    routed,
)

EDITED = {**EMAIL, "body": "Better."}


# An edit is written back


class PydanticState(BaseModel):
    """A state as a model."""

    ticket: str = ""
    email: Any = None
    reviews: Annotated[list[dict[str, Any]], keep_each] = Field(default_factory=list)
    judgements: Annotated[dict[str, Any], merge] = Field(default_factory=dict)
    effects: Annotated[list[dict[str, Any]], keep_each] = Field(default_factory=list)


@dataclasses.dataclass
class DataclassState:
    """A state as a dataclass."""

    ticket: str = ""
    email: Any = None
    reviews: Annotated[list[dict[str, Any]], keep_each] = dataclasses.field(default_factory=list)
    judgements: Annotated[dict[str, Any], merge] = dataclasses.field(default_factory=dict)
    effects: Annotated[list[dict[str, Any]], keep_each] = dataclasses.field(default_factory=list)


class ModelKeyState(State, total=False):
    """A state whose proposal is a model."""

    email: Email  # type: ignore[misc]


@dataclasses.dataclass
class Letter:
    """A proposal as a dataclass."""

    to: str
    subject: str
    body: str


class Label(enum.Enum):
    """A proposal as an enum."""

    CARD = "card"
    REFUND = "refund"


BOXES: list[tuple[str, type, Any, Any, Any]] = [
    ("a dict", State, EMAIL, Edit({"body": "Better."}), EDITED),
    ("a text", State, "refund", Edit({"value": "card"}), "card"),
    ("a number", State, 10, Edit({"value": 12}), 12),
    ("an enum", State, Label.CARD, Edit({"value": "refund"}), Label.REFUND),
    ("a decimal", State, decimal.Decimal("1.50"), Edit({"value": "2.50"}), decimal.Decimal("2.50")),
    ("a date", State, dt.date(2026, 1, 1), Edit({"value": "2026-02-01"}), dt.date(2026, 2, 1)),
    ("a list", State, ["a"], Edit({"value": ["a", "b"]}), ["a", "b"]),
    ("a model", ModelKeyState, Email(**EMAIL), Edit({"body": "Better."}), Email(**EDITED)),
    ("a dataclass", State, Letter(**EMAIL), Edit({"body": "Better."}), Letter(**EDITED)),
    ("a dict in a pydantic state", PydanticState, EMAIL, Edit({"body": "Better."}), EDITED),
    (
        "a model in a pydantic state",
        PydanticState,
        Email(**EMAIL),
        Edit({"body": "Better."}),
        Email(**EDITED),
    ),
    ("a text in a pydantic state", PydanticState, "refund", Edit({"value": "card"}), "card"),
    ("a dict in a dataclass state", DataclassState, EMAIL, Edit({"body": "Better."}), EDITED),
    (
        "a model in a dataclass state",
        DataclassState,
        Email(**EMAIL),
        Edit({"body": "Better."}),
        Email(**EDITED),
    ),
]


@in_both_modes
@pytest.mark.parametrize(("what", "state", "proposal", "edit", "kept"), BOXES, ids=[b[0] for b in BOXES])
def test_an_edit_becomes_state(
    mode: Mode, what: str, state: type, proposal: Any, edit: Any, kept: Any
) -> None:
    """R12: under the proposal's own key, in the type that stood there."""
    seen: list[Any] = []
    gate = review_gate(schema=None, consequence="Sends it.")
    builder = StateGraph(state)
    builder.add_node("after", lambda s: seen.append(s["email"] if isinstance(s, dict) else s.email))
    add_gate(builder, gate, approved="after", rejected=END)
    builder.add_edge(START, "reply")
    thread = Thread(builder, mode).start(email=proposal)
    thread.answer(edit)
    assert seen == [kept] and type(seen[0]) is type(kept)


class Categorised(BaseModel):
    """A schema with an enum, a choice of words and a field that may be missing."""

    label: Label
    tone: Literal["warm", "plain"] = "plain"
    order: int | None = None


class Order(BaseModel):
    """A schema with a list of models."""

    lines: list[Categorised]


class Tree(BaseModel):
    """A schema that holds itself."""

    name: str
    inner: Tree | None = None


class Typed(TypedDict):
    """A schema as a TypedDict."""

    name: str


LINE = {"label": "card"}
BY_REFERENCE = {
    "$defs": {"T": {"type": "object", "properties": {"name": {"type": "string"}}}},
    "$ref": "#/$defs/T",
}
SCHEMAS: list[tuple[str, Any, Any, dict[str, Any], Any]] = [
    ("a model with an enum", Categorised, LINE, {"label": "refund"}, {"label": "refund"}),
    ("a model with models", Order, {"lines": [LINE]}, {"lines": []}, {"lines": []}),
    (
        "a model of itself",
        Tree,
        {"name": "a", "inner": {"name": "b"}},
        {"name": "c"},
        {"name": "c", "inner": {"name": "b"}},
    ),
    ("a TypedDict", Typed, {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("a dataclass", Letter, EMAIL, {"body": "Better."}, EDITED),
    ("two models", Categorised | Tree, {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("any dict", dict[str, Any], {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("a list of models", list[Categorised], [LINE], {"value": []}, []),
    ("a list of texts", list[str], ["a"], {"value": ["b"]}, ["b"]),
    ("an enum", Label, "card", {"value": "refund"}, "refund"),
    ("a choice of words", Literal["a", "b"], "a", {"value": "b"}, "b"),
    ("a text or nothing", str | None, "a", {"value": "b"}, "b"),
    (
        "a JSON Schema",
        {"type": "object", "properties": {"name": {}}},
        {"name": "a"},
        {"name": "b"},
        {"name": "b"},
    ),
    ("a JSON Schema by reference", BY_REFERENCE, {"name": "a"}, {"name": "b"}, {"name": "b"}),
    ("none", None, {"name": "a"}, {"name": "b"}, {"name": "b"}),
]


@in_both_modes
@pytest.mark.parametrize(
    ("what", "schema", "proposal", "changes", "kept"), SCHEMAS, ids=[s[0] for s in SCHEMAS]
)
def test_a_proposal_of_any_schema_is_shown_and_edited(
    mode: Mode, what: str, schema: Any, proposal: Any, changes: dict[str, Any], kept: Any
) -> None:
    """R12: whatever describes it, the case pauses, its form is published, and the edit is taken."""
    thread = Thread(routed(review_gate(schema=schema, consequence="Does it.")), mode).start(email=proposal)
    thread.answer(Edit(changes))
    assert thread.values["email"] == kept


class Bounded(BaseModel):
    """A proposal whose own type refuses large amounts."""

    amount: int = Field(le=100)


@in_both_modes
def test_an_edit_that_the_states_own_type_refuses_is_refused_in_time(mode: Mode) -> None:
    """R2: before anything is saved, also where the gate itself was given no schema."""
    thread = Thread(routed(review_gate(schema=None, consequence="Pays it.")), mode).start(
        email=Bounded(amount=10)
    )
    with pytest.raises(ValidationError, match="amount"):
        thread.answer(Edit({"amount": 500}))
    thread.answer(Edit({"amount": 50}))
    assert thread.values["email"] == Bounded(amount=50)


@in_both_modes
def test_an_edit_acts_in_its_edited_form(mode: Mode) -> None:
    """I4, R51: what is sent is what was approved."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    thread.answer(Edit({"subject": "Re: Your card", "body": "Better."}))
    assert [mail for _, mail in outbox] == [{**EDITED, "subject": "Re: Your card"}]


def test_text_in_an_edit_takes_the_fields_type() -> None:
    """A form sends text: the schema makes a number of it."""

    class Refund(BaseModel):
        amount: float

    thread = Thread(routed(review_gate(schema=Refund, consequence="Pays {amount}."))).start(
        email={"amount": 10.0}
    )
    thread.answer(Edit({"amount": "12.5"}))
    assert thread.values["email"] == {"amount": 12.5}


def test_an_edit_that_changes_nothing_keeps_the_state() -> None:
    """R19: nothing was changed, and the record says so."""
    thread = Thread(mail_graph()).start()
    thread.answer(Edit({"body": EMAIL["body"]}))
    assert thread.values["email"] == EMAIL and thread.record["patch"] == []


@pytest.mark.parametrize(
    ("proposal", "field", "kept"),
    [
        ({"category": "other", "n": 1}, "category", {"category": "refund", "n": 1}),
        ("other", "value", "refund"),
    ],
)
def test_a_choice_is_written_into_its_field(proposal: Any, field: str, kept: Any) -> None:
    """R13: choosing a category is an edit of one field."""
    gate = review_gate(
        kind="choose", options=CHOICES, option_field=field, schema=None, consequence="Tags it."
    )
    thread = Thread(routed(gate)).start(email=proposal)
    thread.answer(Choose("refund"))
    assert thread.values["email"] == kept


# An edit is judged again (I12)


@in_both_modes
@pytest.mark.parametrize("field", ["to", "cc", "bcc", "recipient", "recipients", "tool"])
def test_a_changed_recipient_is_a_new_review(mode: Mode, field: str) -> None:
    """I12: another act, asked about under another id; nothing is sent before."""
    outbox = Outbox()
    graph = mail_graph(review_gate(schema=None, consequence="Sends it."), outbox=outbox)
    thread = Thread(graph, mode).start(email={**EMAIL, field: "a@x"})
    [first] = thread.open
    thread.answer(Edit({field: "b@x"}))
    [second] = thread.open
    assert outbox == [] and thread.record["outcome"] == "judged_again" and second.id != first.id
    assert second.value["proposal"][field] == "b@x"


@in_both_modes
def test_the_new_review_shows_the_edit_and_sends_when_approved(mode: Mode) -> None:
    """I12, R25: with what was said before, and the second record's id as the key of the act."""
    outbox = Outbox()
    thread = Thread(mail_graph(outbox=outbox), mode).start()
    thread.answer(Edit({"to": "b@example.com"}, note="Typo in the address."))
    [second] = thread.open
    assert second.value["previous"]["note"] == "Typo in the address."
    thread.answer(Approve())
    assert outbox == [(second.id, {**EMAIL, "to": "b@example.com"})]


@in_both_modes
def test_a_gate_names_its_own_identity(mode: Mode) -> None:
    """I12: such as an account number; then a recipient is just a field."""
    thread = Thread(mail_graph(review_gate(identity=["subject"])), mode).start()
    thread.answer(Edit({"to": "b@x"}))
    assert thread.next == ()


@in_both_modes
def test_an_edit_of_other_fields_is_not_asked_twice(mode: Mode) -> None:
    """I12, R51: approve in one click, also with better words."""
    thread = Thread(mail_graph(), mode).start()
    thread.answer(Edit({"body": "Better."}))
    assert thread.next == () and len(thread.values["reviews"]) == 1


@in_both_modes
def test_an_edit_that_brings_a_new_reason_is_a_new_review(mode: Mode) -> None:
    """I12: the person wrote something that the policy asks about, and was not shown that reason."""
    gate = any_of(review_gate(), escalation_gate(detectors=[complaint("email.body")]))
    thread = Thread(mail_graph(gate), mode).start()
    thread.answer(Edit({"body": "Your request is ridiculous."}))
    assert [reason["code"] for reason in thread.case["why"]] == ["always", "complaint"]


@in_both_modes
def test_the_same_kind_of_reason_from_another_gate_is_a_new_review(mode: Mode) -> None:
    """I12: they were shown the customer's complaint, and not that the reply itself reads like one."""
    about_ticket = escalation_gate(name="ticket_words")
    about_reply = escalation_gate(name="reply_words", detectors=[complaint("email.body")])
    thread = Thread(mail_graph(any_of(about_ticket, about_reply)), mode).start(ticket="ridiculous")
    thread.answer(Edit({"body": "Your request is ridiculous."}))
    asking = [(reason["gate"], reason["code"]) for reason in thread.case["why"] if reason["asks"]]
    assert asking == [("ticket_words", "complaint"), ("reply_words", "complaint")]


@in_both_modes
def test_an_edit_that_removes_the_reason_is_not_asked_twice(mode: Mode) -> None:
    """I12: a reason to let pass is no new reason to ask."""
    gate = any_of(review_gate(), escalation_gate(detectors=[complaint("email.body")]))
    thread = Thread(mail_graph(gate), mode).start(email={**EMAIL, "body": "ridiculous"})
    thread.answer(Edit({"body": "Fine."}))
    assert thread.next == () and thread.record["outcome"] == "approved"


@in_both_modes
def test_an_edit_with_the_reason_that_was_shown_is_not_asked_twice(mode: Mode) -> None:
    """I12: they have seen that it is a high amount."""
    gate = escalation_gate(detectors=[high_value("email.amount", 100)], schema=None, consequence="Pays.")
    thread = Thread(mail_graph(gate), mode).start(email={"amount": 500, "body": "x"})
    thread.answer(Edit({"amount": 600}))
    assert thread.next == () and thread.values["email"]["amount"] == 600


# Gates that measure


@in_both_modes
def test_an_unsure_score_is_measured_once(mode: Mode) -> None:
    """I4: pausing, running again and answering do not measure again."""
    score = Counter(0.1, 0.99)
    thread = Thread(mail_graph(measured(score)), mode).start(segment="card")
    thread.run(None)
    assert thread.case["judgement"]["score"] == 0.1
    thread.answer(Approve())
    assert score.calls == 1 and thread.next == ()


def test_an_async_score_is_measured_once() -> None:
    """R52: awaited in its own node, and kept."""
    score = Counter(0.1, 0.99)

    async def measure(state: Any) -> Any:
        return score(state)

    thread = Thread(mail_graph(measured(measure)), "async").start(segment="card")
    thread.answer(Approve())
    assert score.calls == 1 and thread.next == ()


def test_an_async_score_in_a_sync_run_stops_it() -> None:
    """R2: it is not taken for a score, and nothing passes."""

    async def measure(state: Any) -> float:
        return 1.0

    with pytest.raises(DefinitionError, match="ainvoke"):
        Thread(mail_graph(measured(measure)), "sync").start(segment="card")


@in_both_modes
def test_a_model_is_asked_once(mode: Mode) -> None:
    """I4: a second, different answer of the model never flips the judgement."""
    model = FakeModel('{"legal": "my lawyer"}', "{}")
    gate = escalation_gate(detectors=[ModelDetector("judge", model, "ticket", {"legal": "law"})])
    thread = Thread(mail_graph(gate), mode).start()
    thread.run(None)
    thread.answer(Approve())
    assert len(model.prompts) == 1 and thread.next == ()


@in_both_modes
def test_the_measurement_is_kept_in_the_state(mode: Mode) -> None:
    """I4, R43: signals, verdict and what it was about."""
    thread = Thread(mail_graph(measured(Counter(0.1))), mode).start(segment="card")
    kept = thread.values["judgements"]["triage"]
    assert kept["signals"] == {"score": 0.1} and kept["outcome"] == "ask"


@in_both_modes
def test_what_passes_is_measured_once(mode: Mode) -> None:
    """I4: the pass is kept as well."""
    score = Counter(0.99, 0.1)
    thread = Thread(mail_graph(measured(score, unattended="Tried."), approved="taken"), mode).start(
        segment="card"
    )
    assert score.calls == 1 and thread.values["judgements"]["triage"]["outcome"] == "proceed"


@in_both_modes
def test_replaying_the_pause_does_not_flip_it(mode: Mode) -> None:
    """I4: time travel to the pause asks again, though the function would now say otherwise."""
    score = Counter(0.1, 0.99)
    thread = Thread(mail_graph(measured(score), rejected="taken"), mode).start(segment="card")
    paused = thread.graph.get_state(thread.config).config
    thread.answer(Reject())
    thread.run(None, paused)
    assert [q.value["judgement"]["score"] for q in thread.open] == [0.1]


@in_both_modes
def test_an_edited_proposal_is_measured_again(mode: Mode) -> None:
    """I12: once for each proposal; the person's words are held against the same bar."""
    model = FakeModel('{"legal": "a"}', '{"complaint": "b"}')
    gate = escalation_gate(
        detectors=[ModelDetector("judge", model, "email.body", {"legal": "l", "complaint": "c"})]
    )
    thread = Thread(mail_graph(gate), mode).start()
    thread.answer(Edit({"body": "New."}))
    assert len(model.prompts) == 2 and [reason["code"] for reason in thread.case["why"]] == ["complaint"]


@in_both_modes
@pytest.mark.parametrize("second", ["{}", '{"legal": "a"}'], ids=["nothing", "the same reason"])
def test_an_edit_that_measures_no_worse_goes_on(mode: Mode, second: str) -> None:
    """I12: the record becomes an approval, and the act happens once."""
    outbox = Outbox()
    model = FakeModel('{"legal": "a"}', second)
    gate = escalation_gate(detectors=[ModelDetector("judge", model, "email.body", {"legal": "l"})])
    thread = Thread(mail_graph(gate, outbox=outbox), mode).start()
    [question] = thread.open
    thread.answer(Edit({"body": "Better."}))
    assert outbox == [(question.id, EDITED)] and [r["outcome"] for r in thread.values["reviews"]] == [
        "approved"
    ]


@in_both_modes
def test_an_edit_that_is_measured_again_approves_nothing_yet(mode: Mode) -> None:
    """I12, I3: while the second question is open, the first answer lets nothing through."""
    model = FakeModel('{"legal": "a"}', '{"complaint": "b"}')
    gate = escalation_gate(
        detectors=[ModelDetector("judge", model, "email.body", {"legal": "l", "complaint": "c"})]
    )
    thread = Thread(mail_graph(gate), mode).start()
    thread.answer(Edit({"body": "New."}))
    assert [r["outcome"] for r in thread.values["reviews"]] == ["measured_again"]


@in_both_modes
def test_what_was_changed_after_the_edit_is_asked_about(mode: Mode) -> None:
    """I12: the edit was about other content than what is measured now, though the reason is the same."""
    outbox = Outbox()
    graph = mail_graph(measured(Counter(0.1)), outbox=outbox)
    thread = Thread(graph, mode, interrupt_before=["triage"]).start(segment="card")
    thread.run(None)
    thread.answer(Edit({"body": "Better."}))
    thread.run(Command(update={"email": {**EMAIL, "body": "Changed since."}}))
    assert outbox == [] and thread.case["proposal"]["body"] == "Changed since."


@in_both_modes
def test_being_sampled_again_is_no_new_reason(mode: Mode) -> None:
    """R61: they have just looked."""
    gate = measured(Counter(0.1, 0.99), audit=dataclasses.replace(confidence_gate().audit, rate=1))
    thread = Thread(mail_graph(gate), mode).start(segment="card")
    thread.answer(Edit({"body": "Better."}))
    assert thread.next == ()


@in_both_modes
def test_a_changed_recipient_is_a_new_review_at_a_measuring_gate(mode: Mode) -> None:
    """I12: also where the new measurement alone would let it pass."""
    outbox = Outbox()
    thread = Thread(mail_graph(measured(Counter(0.1, 0.99)), outbox=outbox), mode).start(segment="card")
    thread.answer(Edit({"to": "b@x"}))
    assert outbox == [] and thread.case["proposal"]["to"] == "b@x"


@in_both_modes
def test_a_changed_recipient_is_a_new_review_where_the_exception_is_gone(mode: Mode) -> None:
    """I12: the edit cured what was asked about and made another act of it."""
    outbox = Outbox()
    graph = mail_graph(
        escalation_gate(detectors=[complaint("email.body")], unattended="Fine."), outbox=outbox
    )
    thread = Thread(graph, mode).start(email={**EMAIL, "body": "ridiculous"})
    thread.answer(Edit({"to": "b@x", "body": "Fine."}))
    assert outbox == [] and thread.case["proposal"]["to"] == "b@x"
    thread.answer(Approve())
    assert [mail["to"] for _, mail in outbox] == ["b@x"]


@in_both_modes
def test_what_was_measured_about_another_proposal_does_not_count(mode: Mode) -> None:
    """I12: the proposal was changed from outside while it waited; its score belongs to the old one."""
    score = Counter(0.9, 0.1)
    bars = Thresholds({SEND.name: {"hard": 0.95, "easy": 0.5}})
    thread = Thread(mail_graph(measured(score, thresholds=bars)), mode).start(segment="hard")
    thread.run(Command(update={"email": {**EMAIL, "body": "Other."}, "segment": "easy"}))
    assert score.calls == 2 and thread.case["judgement"]["score"] == 0.1


@in_both_modes
def test_a_redraft_is_measured_by_itself(mode: Mode) -> None:
    """I4: reject, redraft, measure again: once for each draft."""
    score = Counter(0.1, 0.2)
    thread = Thread(mail_graph(measured(score), draft=drafts()), mode).start(segment="card")
    thread.answer(Reject())
    assert score.calls == 2 and thread.case["judgement"]["score"] == 0.2
