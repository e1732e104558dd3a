"""Bad answers, by every way in: a clear error that names the field, nothing saved, the case answerable afterwards."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.types import Command
from pydantic import ValidationError

from hitl_graph import AskInfo, Choose, Desk, Edit, Reject, Respond, open_checkpointer
from hitl_graph.errors import AnswerError, HitlError, ReviewNotFound, StaleReview
from tests.support.graphs import lines, mail_graph, thread

RAW: dict[str, tuple[object, str]] = {
    "none": (None, "answer"),
    "an empty list": ([], "answer"),
    "a bare string": ("looks fine to me", "answer"),
    "a number": (3.5, "answer"),
    "a bool": (True, "answer"),
    "an unknown type": ({"type": "aprove"}, "type"),
    "a wrong kind for the gate": ({"type": "choose", "option": "a"}, "type"),
    "an edit of nothing": ({"type": "edit", "changes": {}}, "changes"),
    "an edit of an unknown field": ({"type": "edit", "changes": {"bcc": "eve@example.com"}}, "changes.bcc"),
    "an edit against the schema": ({"type": "edit", "changes": {"body": {"html": 1}}}, "changes.body"),
    "an extra key": ({"type": "approve", "approved_by_boss": True}, "approved_by_boss"),
    "two answers": ([{"type": "accept"}, {"type": "accept"}], "answer"),
    "too many decisions": ({"decisions": [{"type": "approve"}, {"type": "approve"}]}, "decisions"),
    "another action": (
        {"type": "edit", "edited_action": {"name": "wire_money", "args": {}}},
        "edited_action.name",
    ),
    "an old digest": ({"type": "approve", "digest": "sha256:" + "0" * 64}, "digest"),
    "ten megabytes": ({"type": "edit", "changes": {"body": "x" * 10_000_000}}, "changes"),
    "NaN": ({"type": "edit", "changes": {"body": math.nan}}, "changes.body"),
    "an integer beyond 2^53": ({"type": "edit", "changes": {"body": 2**60}}, "changes.body"),
    "a lone surrogate": ({"type": "edit", "changes": {"body": "hi \ud83d"}}, "changes.body"),
    "a NUL": ({"type": "reject", "note": "no\x00"}, "note"),
}

TYPED: dict[str, tuple[Any, str]] = {
    "none": (None, "answer"),
    "a dict": ({"type": "approve"}, "answer"),
    "a wrong kind for the gate": (Choose("a"), "type"),
    "a question where none is taken": (AskInfo("which card?"), "type"),
    "an answer in words where none is taken": (Respond("hello"), "type"),
    "an edit of an unknown field": (Edit({"bcc": "eve@example.com"}), "changes.bcc"),
    "an edit against the schema": (Edit({"to": 5}), "changes.to"),
    "ten megabytes": (Edit({"body": "x" * 10_000_000}), "changes"),
    "NaN": (Edit({"body": math.nan}), "changes.body"),
    "an integer beyond 2^53": (Edit({"body": 2**60}), "changes.body"),
    "a lone surrogate": (Edit({"body": "hi \ud83d"}), "changes.body"),
    "a NUL": (Reject(note="no\x00"), "note"),
}


def saved(url: str) -> tuple[int, int, int]:
    """Decisions, answers in checkpoints, and events after the first: what a refused answer must not add to."""
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT (SELECT count(*) FROM hitl.decisions),"
            " (SELECT count(*) FROM checkpoint_writes WHERE channel = '__resume__'),"
            " (SELECT count(*) FROM hitl.events WHERE type NOT IN ('asked', 'refused_attempt'))"
        ).fetchone()
    assert found is not None
    return found


# A scalar None never reaches a gate: LangGraph itself refuses it.
WAYS = [(way, name) for name in RAW for way in ("by map", "scalar") if (way, name) != ("scalar", "none")]


@pytest.mark.parametrize(("way", "name"), WAYS, ids=[f"{name}, {way}" for way, name in WAYS])
def test_a_bad_answer_to_the_graph(db_url: str, sink: Path, way: str, name: str) -> None:
    """LangGraph's own resume, as Studio and the SDK use it."""
    answer, field = RAW[name]
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()

        with pytest.raises(ValidationError, match=re.escape(field)):
            graph.invoke(Command(resume={case.id: answer} if way == "by map" else answer), thread("t1"))

        assert saved(db_url) == (0, 0, 0)
        graph.invoke(Command(resume={case.id: {"type": "approve", "by": "ana"}}), thread("t1"))
        assert len(lines(sink)) == 1
        assert desk.show(case.id).by == "ana"


@pytest.mark.parametrize(("decision", "field"), TYPED.values(), ids=TYPED.keys())
def test_a_bad_decision_at_the_desk(db_url: str, sink: Path, decision: Any, field: str) -> None:
    """The desk refuses it before anything is written."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()

        with pytest.raises(AnswerError) as refused:
            desk.decide(case.id, decision, by="ana", digest=case.digest)

        assert refused.value.field == field
        assert saved(db_url) == (0, 0, 0)
        desk.decide(case.id, Edit({"body": "Better"}), by="ana", digest=case.digest)
        desk.resume(graph)
        assert lines(sink)[0].endswith("Better")


@pytest.mark.parametrize(
    ("review", "digest", "by", "error"),
    [
        ("f" * 32, "shown", "ana", ReviewNotFound),
        ("shown", "sha256:" + "0" * 64, "ana", StaleReview),
        ("shown", "", "ana", StaleReview),
        ("shown", "shown", "", AnswerError),
        ("shown", "shown", "a\x00b", AnswerError),
    ],
    ids=["an id that is not pending", "an old digest", "no digest", "nobody", "a name with NUL"],
)
def test_a_decision_about_something_else(
    db_url: str, sink: Path, review: str, digest: str, by: str, error: type[HitlError]
) -> None:
    """Unknown ids, old digests and nameless deciders are refused."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()

        with pytest.raises(error):
            desk.decide(
                case.id if review == "shown" else review,
                Edit({"body": "x"}),
                by=by,
                digest=case.digest if digest == "shown" else digest,
            )

        assert saved(db_url) == (0, 0, 0)
        assert desk.show(case.id).status == "pending"


def test_an_edit_that_only_the_gates_own_model_refuses(db_url: str, sink: Path) -> None:
    """A rule that JSON Schema cannot say is found at the resume: the decision is taken back, with the reason shown."""
    from pydantic import BaseModel, field_validator

    class Careful(BaseModel):
        to: str
        body: str

        @field_validator("body")
        @classmethod
        def no_promises(cls, value: str) -> str:
            if "promise" in value:
                raise ValueError("makes a promise")
            return value

    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph(schema=Careful).compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "Where is my card?", "sink": str(sink)}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Edit({"body": "We promise"}), by="ana", digest=case.digest)

        [resumed] = desk.resume(graph)

        again = desk.show(case.id)
        assert resumed.refused == (case.id,)
        assert (again.status, again.decision) == ("pending", None)
        assert again.error is not None and "changes.body" in again.error and "promise" in again.error
        desk.decide(case.id, Edit({"body": "We try"}), by="ana", digest=again.digest)
        desk.resume(graph)
        assert lines(sink)[0].endswith("We try")
