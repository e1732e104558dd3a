"""One review as a line of steps: judge, ask, judge an edit again. Each step is kept by the checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping
from typing import Annotated, Any, Literal

from langgraph.types import interrupt

from hitl_graph.errors import AnswerError, ProposalError
from hitl_graph.functional.about import about, differs
from hitl_graph.gates import Ask, Gate
from hitl_graph.gates.case import tool_of
from hitl_graph.gates.gate import read
from hitl_graph.gates.schema import from_object
from hitl_graph.nodes.question import Asked, review_id
from hitl_graph.nodes.response import AnswerRule, answer_schema
from hitl_graph.nodes.settle import check_answer, settle, standing_edit
from hitl_graph.wire import Answer, Shape, payload_for

__all__ = ["MOVED", "Case", "Step", "ask", "course", "judge"]

Json = dict[str, Any]
Step = tuple[Literal["judge", "ask"], "Case"]

MOVED = (
    "is not what it was when this review was first reached: make it in a @task or in an earlier node, so that it is "
    "kept; of several reviews at once, call each in a @task of its own"
)

_CHANGED = (
    "is missing, and what the review sees besides the proposal is not what it was when it was first reached: "
    "look at the case again, and answer with the digest that it has now"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What a step looks at: the gate, its state, and what the judging step has kept.

    `moved`: the code before the review proposes something else now than what people were asked about.
    `changed`: its context is another one, so that an answer must say what it was given about.
    """

    gate: Gate
    state: Json
    shape: Shape
    about: Json
    kept: Json = dataclasses.field(default_factory=dict)
    moved: bool = False
    changed: bool = False


def course(
    gate: Gate, proposal: object, context: Mapping[str, Any], shape: Shape
) -> Generator[Step, Json, Json]:
    """The whole review. Yields steps, is sent what they give, and returns its end as plain JSON.

    What is judged first is what counts: a replay that proposes something else gets no answer that was given
    about the first. Nor does one that comes with another gate.

    Raises:
        ProposalError: It comes with another gate or another action. Nobody was asked.
    """
    now = about(gate, proposal, context)
    earlier = list(context.get("reviews") or ())
    case = Case(
        gate=gate, state={**context, gate.proposal: proposal, "reviews": earlier}, shape=shape, about=now
    )
    kept = yield "judge", case
    seen, records = kept["about"], []
    other = differs(seen, now)
    if other in ("gate", "action"):
        raise ProposalError(gate.where, other, MOVED)
    first = seen["proposal"]
    case = dataclasses.replace(
        case, state=_with(case, first, earlier), moved=other == "proposal", changed=other == "context"
    )
    while kept["asks"]:
        case = dataclasses.replace(case, kept=kept)
        record = yield "ask", case
        records.append(record)
        again = record["outcome"] in ("judged_again", "measured_again")
        if not again or record["final_tool"] != tool_of(case.state):
            return _end(now, kept, records, record["outcome"], record["final"], record["review"])
        case = dataclasses.replace(case, state=_with(case, record["final"], [*earlier, *records]))
        kept = yield "judge", case
    if records:  # the edit stands: nothing new speaks against it
        records[-1] = {**records[-1], "outcome": "approved"}
        return _end(now, kept, records, "approved", records[-1]["final"], records[-1]["review"])
    return _end(seen, kept, records, "passed", first, kept["judgement"]["id"])


def judge(case: Case, signals: Json) -> Json:
    """The verdict on what was measured, and what it is about, as it is kept: no replay can flip it."""
    verdict = case.gate.judge(case.state, signals)
    judgement = dataclasses.replace(verdict.judgement, id=review_id())
    return {
        "about": case.about,
        "signals": signals,
        "asks": isinstance(verdict, Ask) and not standing_edit(case.gate, case.state, verdict),
        "judgement": judgement.to_json(),
    }


def ask(case: Case, shown: Asked) -> Json:
    """Pause once, and give the record of the answer. Everything before the interrupt is pure."""
    gate, state = case.gate, case.state
    verdict = gate.judge(state, case.kept["signals"], asked=True)
    assert isinstance(verdict, Ask)
    request = verdict.request
    like = read(state, gate.proposal)

    def check(answer: object) -> Answer:
        shown.check(gate.where, answer)
        if case.moved:
            raise AnswerError(f"review of gate {gate.name!r}", gate.proposal, MOVED)
        given = check_answer(gate, request, answer, like, shown)
        if case.changed and (given.digest or shown.digest) != request.digest:
            raise AnswerError(f"review of gate {gate.name!r}", "digest", _CHANGED)
        return given

    rule: Any = Annotated[Any, AnswerRule(check, answer_schema(request))]
    shown.forget_if_changed(request)
    answer = interrupt(payload_for(request, case.shape), response_schema=rule)
    settled = settle(gate, request, answer, state, review=review_id(), shown=shown.digest)
    return settled.record.to_json()


def _with(case: Case, proposal: Json, reviews: list[Json]) -> Json:
    """The state with another proposal, in the type of the one that stands there."""
    key = case.gate.proposal
    return {**case.state, key: from_object(proposal, like=case.state[key]), "reviews": reviews}


def _end(about: Json, kept: Json, records: list[Json], outcome: str, final: Any, key: str) -> Json:
    return {
        "about": about,
        "approved": outcome in ("approved", "passed"),
        "passed": outcome == "passed",
        "outcome": outcome,
        "final": final,
        "key": key,
        "records": records,
        "judgement": kept["judgement"],
    }
