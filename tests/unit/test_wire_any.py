"""Whatever comes in is read or refused, and nothing else happens: properties over damaged samples."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hitl_graph.decisions import (
    DECISIONS,
    Approve,
    Choose,
    Decision,
    Edit,
    Reject,
    Respond,
    TakeOver,
    decision_to_json,
)
from hitl_graph.errors import AnswerError
from hitl_graph.wire import ForeignCase, Shape, answer_foreign, payload_for, read_answer, read_foreign
from tests.unit.wire_samples import BATCH, CALL, HUMAN, READ, SCHEMA, TWO, review

JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=2)
    | st.sampled_from(["approve", "accept", "ignore", "refund", "41", "\ud800", "\x00", "{", "[1]", 2**53])
    | st.lists(st.integers(), max_size=2) | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
)  # fmt: skip
NAMES = st.sampled_from(
    ["type", "args", "arguments", "changes", "message", "note", "by", "digest", "hitl", "x", 1, None]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def damaged(draw: st.DrawFn, samples: list[Any]) -> Any:
    """A good sample with up to two parts replaced, removed or added, perhaps as JSON text."""
    box = [copy.deepcopy(draw(st.sampled_from(samples)))]
    for _ in range(draw(st.integers(0, 2))):
        place = [0, *draw(st.sampled_from(places(box[0])))]
        last, parent = place[-1], box
        for key in place[:-1]:
            parent = parent[key]
        how = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if how == "remove" and parent is not box:
            del parent[last]
        elif how == "add" and isinstance(parent[last], dict):
            parent[last][draw(NAMES)] = draw(JUNK)
        else:
            parent[last] = draw(JUNK)
    return json.dumps(box[0], default=str, skipkeys=True) if draw(st.booleans()) else box[0]


ANSWERS = damaged([value for value, _, _ in READ.values() if isinstance(value, (str, dict, list))])
PAYLOADS = damaged(
    [BATCH, TWO, CALL, HUMAN, [HUMAN], "Age?", *(payload_for(review(), s) for s in list(Shape)[:3])]
)
ANY = settings(max_examples=300, deadline=None)


@ANY
@given(
    value=ANSWERS | JUNK,
    allowed=st.lists(st.sampled_from(DECISIONS), min_size=1, unique=True),
    schema=st.booleans(),
)
def test_any_value_is_an_allowed_decision_or_an_answer_error(
    value: Any, allowed: list[str], schema: bool
) -> None:
    """Whatever a graph is resumed with is read as an allowed decision or refused; nothing else happens."""
    request = review(allowed=tuple(allowed), edit_schema=SCHEMA if schema else None)
    try:
        answer = read_answer(value, request)
    except AnswerError:
        return
    assert answer.decision.type in allowed
    assert read_answer(answer.to_json(), request).decision == answer.decision


@ANY
@given(
    payload=PAYLOADS | JUNK,
    schema=st.none() | st.dictionaries(st.sampled_from(["type", "anyOf", "$ref"]), JUNK),
)
def test_any_interrupt_can_be_read_and_shown(payload: Any, schema: Any) -> None:
    """A case can be made of anything that a graph interrupts with, and it is JSON."""
    case = read_foreign(payload, "ask", schema)
    assert isinstance(case, ForeignCase) and set(case.allowed) <= set(DECISIONS)
    json.dumps([case.title, case.description, case.proposals], ensure_ascii=False, allow_nan=False).encode()


@ANY
@given(
    payload=PAYLOADS | JUNK,
    decision=st.sampled_from([Approve(), Edit({"x": 1}), Reject(), Respond("41"), Choose("a"), TakeOver()]),
)
def test_any_interrupt_is_answered_or_refused(payload: Any, decision: Decision) -> None:
    """An answer to anything is JSON, or an AnswerError."""
    try:
        answer = answer_foreign(payload, decision)
    except AnswerError:
        return
    json.dumps(answer, allow_nan=False).encode()


@ANY
@given(
    decision=st.builds(Approve, note=st.none() | st.text(max_size=5))
    | st.builds(Reject, reason=st.none() | st.sampled_from(["tone", "wrong"]))
    | st.builds(Respond, st.sampled_from(["Hi.", "approve", "[1]", '{"type": "approve"}']))
    | st.builds(Edit, st.dictionaries(st.sampled_from(["to", "body"]), st.text(max_size=5), min_size=1))
)
def test_a_decision_sent_natively_arrives(decision: Decision) -> None:
    """What one side writes is what the other reads, or what neither takes."""
    try:
        sent = read_answer(decision, review()).decision
    except AnswerError:
        return
    assert read_answer(json.dumps(decision_to_json(sent)), review()).decision == sent
