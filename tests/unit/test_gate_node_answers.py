"""Answers that a gate cannot take: a clear error, nothing saved, the case answerable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.errors import is_invalid_resume
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel, ValidationError, field_validator

from hitl_graph.decisions import Approve, Choose, Edit, Reject
from hitl_graph.gates import Ask, AuditSample, Gate, Proceed, RuleDetector, Thresholds
from hitl_graph.reviews import Evidence
from tests.unit.factories import (
    CHOICES,
    EMAIL,
    SEND,
    Email,
    Mode,
    Outbox,
    State,
    Thread,
    confidence_gate,
    escalation_gate,
    fan_out,
    in_both_modes,
    mail_graph,
    plain,
    review_gate,
    routed,
)

# Answers that cannot be taken


BAD: list[tuple[str, Any]] = [
    ("none", None),
    ("an empty object", {}),
    ("an empty list", []),
    ("a list of two", [{"type": "accept"}, {"type": "accept"}]),
    ("a bare text", "sounds good"),
    ("a number", 7),
    ("true", True),
    ("an unknown type", {"type": "ok"}),
    ("a kind that is not allowed", {"type": "take_over"}),
    ("an option where nobody chooses", {"type": "choose", "option": "refund"}),
    ("an extra key", {"type": "approve", "force": True}),
    ("an edit of nothing", {"type": "edit", "changes": {}}),
    ("an edit of an unknown field", {"type": "edit", "changes": {"cc": "b@x"}}),
    ("an edit of the wrong type", {"type": "edit", "changes": {"body": ["x"]}}),
    ("an edit to nothing", {"type": "edit", "changes": {"body": None}}),
    ("a NUL", {"type": "edit", "changes": {"body": "a\x00"}}),
    ("a lone surrogate", {"type": "edit", "changes": {"body": "a\ud800"}}),
    ("NaN", {"type": "reject", "waited_s": float("nan")}),
    ("too large", {"type": "edit", "changes": {"body": "x" * 2_000_000}}),
    ("broken JSON", '{"type": "approve"'),
    ("another digest", {"type": "approve", "digest": "sha256:0"}),
    ("another proposal's digest", {"type": "approve", "proposal_digest": "sha256:0"}),
]


def at_root() -> StateGraph[Any, Any, Any, Any]:
    return mail_graph()


def in_subgraph() -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(State)
    builder.add_node("sub", mail_graph().compile())
    builder.add_edge(START, "sub")
    return builder


def by_send() -> StateGraph[Any, Any, Any, Any]:
    return fan_out(1)


PLACES = [at_root, in_subgraph]


@in_both_modes
@pytest.mark.parametrize("place", [at_root, in_subgraph, by_send], ids=lambda p: p.__name__)
@pytest.mark.parametrize(("what", "answer"), BAD, ids=[b[0] for b in BAD])
def test_a_bad_answer_is_refused_and_the_case_stays(
    mode: Mode, place: Callable[[], Any], what: str, answer: Any
) -> None:
    """A clear error, nothing saved, the same question open, and answerable afterwards."""
    thread = Thread(place(), mode).start()
    [before] = thread.open
    with pytest.raises(ValidationError) as caught:
        thread.answer(answer)
    assert is_invalid_resume(caught.value) and "reply" in str(caught.value)
    [after] = thread.open
    assert (after.id, after.value) == (before.id, before.value) and not thread.values.get("reviews")
    thread.answer(Approve())
    assert thread.next == ()


def test_a_bad_answer_leaves_no_answer_in_the_checkpoint() -> None:
    """I1: nothing that a later run could read back as a decision."""
    thread = Thread(mail_graph()).start()
    with pytest.raises(ValidationError):
        thread.answer({"type": "nope"})
    saved = thread.graph.checkpointer.get_tuple(thread.config)
    assert "__resume__" not in [channel for _, channel, _ in saved.pending_writes]


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"type": "edit", "changes": {"body": 7.5, "subject": ["x"]}}, "subject"),
        ({"type": "edit", "changes": {"to": None}}, "to"),
        ({"type": "edit", "changes": {"bodyy": "x"}}, "bodyy"),
        ({"type": "edit"}, "changes"),
        ({"type": "reject", "cause": "weather"}, "cause"),
        ({"typ": "approve"}, "type"),
    ],
)
def test_the_error_names_the_field(answer: Any, field: str) -> None:
    """What is wrong stands in the message."""
    thread = Thread(mail_graph()).start()
    with pytest.raises(ValidationError, match=field):
        thread.answer(answer)


@in_both_modes
def test_an_answer_about_the_case_as_it_was_is_refused(mode: Mode) -> None:
    """I4: the state was edited between showing and deciding, and the digest tells."""
    thread = Thread(mail_graph(), mode).start()
    shown = thread.case["digest"]
    thread.run(Command(update={"ticket": "Something else entirely"}))
    with pytest.raises(ValidationError, match="digest"):
        thread.answer({"type": "approve", "digest": shown})


@in_both_modes
def test_an_answer_with_the_digest_that_is_shown_is_taken(mode: Mode) -> None:
    """I4: the usual way of the desk."""
    thread = Thread(mail_graph(), mode).start()
    thread.answer(
        {
            "type": "approve",
            "digest": thread.case["digest"],
            "proposal_digest": thread.case["proposal_digest"],
        }
    )
    assert thread.next == ()


def test_of_two_answers_in_one_map_the_good_one_counts() -> None:
    """I1: one reviewer's slip does not undo the other's decision."""
    outbox = Outbox()
    thread = Thread(fan_out(2, outbox=outbox)).start()
    good, bad = thread.open
    with pytest.raises(ValidationError):
        thread.run(Command(resume={good.id: plain(Approve()), bad.id: {"type": "nope"}}))
    assert [q.id for q in thread.open] == [bad.id]
    thread.answer(Approve())
    assert [mail["to"] for _, mail in outbox] == ["0@x", "1@x"]


CHOOSING = [
    ("an unknown option", {"type": "choose", "option": "escalate"}),
    ("no option", {"type": "choose"}),
    ("another case", {"type": "choose", "option": "Refund"}),
    ("a label", {"type": "choose", "option": "Card"}),
    ("an approval of nothing chosen", {"type": "approve"}),
    ("a text that is no option", "escalate"),
]


@in_both_modes
@pytest.mark.parametrize(("what", "answer"), CHOOSING, ids=[c[0] for c in CHOOSING])
def test_what_is_no_choice_is_refused(mode: Mode, what: str, answer: Any) -> None:
    """R13: the value of one of the options and nothing near it."""
    thread = Thread(
        routed(
            review_gate(kind="choose", options=CHOICES, option_field="body"), rejected=None, responded=None
        ),
        mode,
    ).start()
    with pytest.raises(ValidationError):
        thread.answer(answer)
    thread.answer(Choose("refund"))
    assert thread.values["log"] == ["yes"]


class Careful(BaseModel):
    """A schema with a rule that JSON Schema cannot say."""

    body: str

    @field_validator("body")
    @classmethod
    def promises_nothing(cls, body: str) -> str:
        if "guarantee" in body:
            raise ValueError("promises what we cannot keep")
        return body


@in_both_modes
def test_a_rule_of_the_model_holds_for_edits(mode: Mode) -> None:
    """I12: an edit is validated as the draft was, in the model's own words."""
    gate = review_gate(schema=Careful, consequence="Sends it.")
    thread = Thread(mail_graph(gate), mode).start(email={"body": "Hello."})
    with pytest.raises(ValidationError, match=r"changes\.body.*promises what we cannot keep"):
        thread.answer({"type": "edit", "changes": {"body": "We guarantee it."}})
    thread.answer({"type": "edit", "changes": {"body": "We try."}})
    assert thread.values["email"] == {"body": "We try."}


# An answer that was asked for is taken, whatever the policy says by then


@dataclasses.dataclass
class World:
    """What policies should not read while a case waits, and do: a clock, a database."""

    moved_on: bool = False


def late(world: World) -> Gate:
    """A rule that reads the clock."""
    rule = RuleDetector("late", lambda state: None if world.moved_on else "it is late")
    return escalation_gate(detectors=[rule], unattended="By day.")


def moving(world: World) -> Gate:
    """A segment that is easier by now."""
    bars = Thresholds({SEND.name: {"hard": 0.99, "easy": 0.1}})
    return scored(segment=lambda state: "easy" if world.moved_on else "hard", thresholds=bars)


def sampled(world: World) -> Gate:
    """An audit sample of cases whose evidence is live: picked at first, and not picked by now."""
    for n in range(1000):
        gate = scored(
            audit=AuditSample(0.5),
            evidence=lambda state, n=n: [Evidence("Balance", f"{n}, {world.moved_on}")],
        )
        verdicts = []
        for world.moved_on in (True, False):
            verdicts.append(type(gate.judge({"email": EMAIL, "score": 0.9, "segment": "easy"})))
        if verdicts == [Proceed, Ask]:
            return gate
    raise AssertionError("none of a thousand cases is such a one")


def scored(**changes: Any) -> Gate:
    """A confidence gate on the email, whose score stands in the state."""
    own = {
        "action": SEND,
        "proposal": "email",
        "schema": Email,
        "consequence": "Sends to {to}.",
        "unattended": "Sure.",
    }
    return confidence_gate(**{**own, **changes})


@in_both_modes
@pytest.mark.parametrize("decision", [Reject(), Edit({"body": "Better."})], ids=lambda d: d.type)
@pytest.mark.parametrize("make", [late, moving, sampled], ids=lambda make: make.__name__)
def test_an_answer_is_not_dropped_when_the_policy_changed_its_mind(
    mode: Mode, make: Callable[[World], Gate], decision: Any
) -> None:
    """I7: the person was asked, so what they said counts, also when nobody would be asked any more."""
    world = World()
    thread = Thread(routed(make(world)), mode).start(score=0.9, segment="easy")
    world.moved_on = True
    thread.answer(decision)
    assert [record["decision"] for record in thread.values.get("reviews", [])] == [decision.type]
    assert thread.values["log"] == ["yes" if decision.type == "edit" else "no"]


@in_both_modes
@pytest.mark.parametrize("make", [late, moving, sampled], ids=lambda make: make.__name__)
def test_a_question_is_not_withdrawn_when_another_one_is_answered(
    mode: Mode, make: Callable[[World], Gate]
) -> None:
    """I4, I5: LangGraph judges the other item again then; what a person was asked stays asked."""
    world = World()
    item = {"email": EMAIL, "score": 0.9, "segment": "easy"}
    thread = Thread(fan_out(2, make(world), item=lambda n: item), mode).start()
    first, second = thread.open
    world.moved_on = True
    thread.answer(Approve(), to=first.id)
    assert [question.id for question in thread.open] == [second.id]


@in_both_modes
@pytest.mark.parametrize("make", [late, moving, sampled], ids=lambda make: make.__name__)
def test_a_question_is_not_withdrawn_by_running_again(mode: Mode, make: Callable[[World], Gate]) -> None:
    """I4, I5: a replay does not flip a judgement that was made."""
    world = World()
    thread = Thread(routed(make(world)), mode).start(score=0.9, segment="easy")
    [question] = thread.open
    world.moved_on = True
    thread.run(None)
    assert [open_now.id for open_now in thread.open] == [question.id]
