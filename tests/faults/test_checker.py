"""Each invariant's check is fed a broken history and complains: a checker that cannot fail shows nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hitl_graph import Approve, Desk, Reject, open_checkpointer
from hitl_graph.reviews import proposal_digest

from .checker import INVARIANTS, check
from .evidence import Evidence, Row, gather
from .graphs import letters, request, thread
from .history import History
from .sink import Sink

NOON = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)
LETTER = {"to": "a@example.com", "body": "Hi"}
DIGEST = proposal_digest("post_0", LETTER)


def event(number: int, kind: str, **data: object) -> Row:
    return {
        "id": number,
        "type": kind,
        "thread_id": "t1",
        "review_id": "r1",
        "data": data,
        "at": NOON + dt.timedelta(minutes=number),
    }


def good() -> Evidence:
    """One letter: asked, approved by Ana, posted, applied."""
    review = {
        "thread_id": "t1",
        "id": "r1",
        "status": "applied",
        "digest": "shown",
        "closed_at": NOON,
        "asked_at": NOON,
        "due_at": NOON + dt.timedelta(hours=4),
        "error": None,
        "action": "post_0",
        "approvals": 1,
        "payload": {"proposal": dict(LETTER), "proposal_digest": DIGEST},
    }
    decision = {
        "thread_id": "t1",
        "review_id": "r1",
        "type": "approve",
        "by": "ana",
        "via": "desk",
        "digest": "shown",
        "final_digest": DIGEST,
        "decision": {"type": "approve"},
        "decided_at": NOON + dt.timedelta(minutes=2),
        "dispatched_at": NOON + dt.timedelta(minutes=3),
    }
    effect = {
        "key": "r1",
        "thread_id": "t1",
        "review_id": "r1",
        "action": "post_0",
        "digest": DIGEST,
        "by": "ana",
        "status": "done",
        "idempotent": False,
    }
    return Evidence(
        reviews=[review],
        decisions=[decision],
        events=[
            event(1, "asked"),
            event(2, "decided", by="ana"),
            event(3, "effect_done", key="r1"),
            event(4, "applied", by="ana"),
        ],
        effects=[effect],
        runs=[{"thread_id": "t1", "holder": None}],
        acts=[{"key": "r1", "thread": "t1", "digest": DIGEST, "letter": dict(LETTER)}],
        history=[op("decide", "ana"), op("decide", "bob", "fail")],
        since=NOON,
        now=NOON + dt.timedelta(hours=1),
    )


def op(name: str, client: str, outcome: str = "ok", **what: object) -> Row:
    told = {"op": name, "client": client, "thread": "t1", "review": "r1", "outcome": outcome, "error": None}
    return {**told, **what}


def undecided(found: Evidence, status: str) -> None:
    found.reviews[0] |= {"status": status, "closed_at": None}
    found.decisions.clear()
    found.events[:] = [event(1, "asked")]
    found.history.clear()


def rejected(found: Evidence) -> None:
    found.decisions[0] |= {"type": "reject", "final_digest": None}


def edited(found: Evidence) -> None:
    found.decisions[0] |= {"type": "edit", "decision": {"type": "edit", "changes": {"body": "Bye"}}}


def undone(found: Evidence) -> None:
    found.events.append(event(5, "undone", by="ana"))
    found.history.append(op("undo", "ana"))


def never_done(found: Evidence) -> None:
    found.acts.clear()
    found.effects.clear()


def too_late(found: Evidence) -> None:
    found.history.append(op("undo", "ana", "fail", error="TooLate"))
    found.decisions[0]["dispatched_at"] = None


def expired_early(found: Evidence) -> None:
    found.decisions[0] |= {"via": "system", "by": "system:expiry"}


def before_the_decision(kind: str, by: str, minutes: int = 10) -> Callable[[Evidence], None]:
    """Something that happened to the case, and holds until `minutes` after noon, before Ana decided it."""
    until = (NOON + dt.timedelta(minutes=minutes)).isoformat()
    return lambda found: found.events.insert(1, event(1, kind, by=by, until=until))


def held_by_two(found: Evidence) -> None:
    before_the_decision("claimed", "ana")(found)
    before_the_decision("claimed", "bob")(found)


def begun_for_a_probe(found: Evidence) -> None:
    found.probes.add("t1")
    found.acts.clear()


def drafted(found: Evidence) -> None:
    found.history.append(op("draft", "cleo", body={"body": "Bye"}))
    found.drafts.append({"thread_id": "t1", "review_id": "r1", "by": "cleo", "body": {"body": "Hi"}})


BROKEN: list[tuple[str, str, Callable[[Evidence], object]]] = [
    ("I1", "decided twice", lambda e: e.events.insert(2, event(2, "decided", by="bob"))),
    ("I1", "two decisions", lambda e: e.decisions.append({**e.decisions[0], "by": "bob"})),
    ("I1", "both accepted", lambda e: e.history.append(op("decide", "bob"))),
    ("I1", "accepted, and not kept", lambda e: undecided_but(e, op("decide", "ana"))),
    (
        "I1",
        "refused, and kept",
        lambda e: e.history[0].update(outcome="fail"),
    ),
    ("I1", "pending, with a decision", lambda e: e.reviews[0].update(status="pending")),
    ("I2", "done twice", lambda e: e.acts.append(e.acts[0])),
    ("I2", "not in the ledger", lambda e: e.effects.clear()),
    ("I2", "done, and nothing was", lambda e: e.acts.clear()),
    ("I2", "approved, and never done", never_done),
    ("I2", "left begun", lambda e: e.effects[0].update(status="started")),
    ("I2", "unknown to nobody", lambda e: e.effects[0].update(status="unknown")),
    ("I3", "nobody decided", lambda e: e.decisions.clear()),
    ("I4", "another act", lambda e: e.acts[0].update(digest="other")),
    ("I4", "another letter", lambda e: e.acts[0].update(letter={**LETTER, "body": "Bye"})),
    ("I4", "another case", lambda e: e.decisions[0].update(digest="other")),
    ("I5", "nobody is asked", lambda e: e.paused.add(("t1", "r2"))),
    ("I5", "asked for nothing", lambda e: undecided(e, "pending")),
    ("I6", "never told", lambda e: e.reviews[0].update(status="decided")),
    ("I6", "a run without end", lambda e: e.runs[0].update(holder="a:1")),
    ("I6", "stuck", lambda e: e.unfinished.append("t1")),
    ("I6", "failed in silence", lambda e: e.reviews[0].update(status="failed")),
    ("I7", "rejected", rejected),
    ("I7", "superseded", lambda e: e.reviews[0].update(status="superseded")),
    ("I8", "nobody asked", lambda e: e.events.pop(0)),
    ("I8", "no event of the decision", lambda e: [one["data"].pop("by", None) for one in e.events]),
    ("I8", "no event of the end", lambda e: e.events.pop()),
    ("I8", "no event of the act", lambda e: e.events.pop(2)),
    ("I8", "the chain", lambda e: e.chain.append("seal 3 does not fit")),
    ("I9", "a lost draft", lambda e: e.history.append(op("draft", "cleo"))),
    ("I9", "another draft", drafted),
    ("I9", "two holders", held_by_two),
    ("I9", "decided while another holds it", before_the_decision("claimed", "bob")),
    ("I9", "renewed after it lapsed", before_the_decision("claim_renewed", "ana")),
    ("I9", "decided by nobody", lambda e: e.history[0].update(op="claim")),
    ("I10", "another clock", lambda e: e.events[1].update(at=NOON + dt.timedelta(days=1))),
    ("I10", "before it began", lambda e: e.reviews[0].update(asked_at=NOON - dt.timedelta(days=1))),
    ("I10", "expired early", expired_early),
    ("I11", "another tenant", lambda e: (e.reviews[0].update(tenant="a"), e.events[0].update(tenant="b"))),
    (
        "I11",
        "acted on another's",
        lambda e: (e.reviews[0].update(tenant="a"), e.history[0].update(tenant="b")),
    ),
    ("I11", "told of another's", lambda e: e.history[1].update(tenant="b", error="DecisionConflict")),
    ("I12", "another recipient", lambda e: e.acts[0]["letter"].update(to="b@example.com")),
    ("I12", "not the edit", edited),
    ("I13", "a probe", lambda e: e.probes.add("t1")),
    ("I13", "begun for a probe", begun_for_a_probe),
    ("I14", "undone, and done", undone),
    ("I14", "too late, and never sent", too_late),
]


def undecided_but(found: Evidence, told: Row) -> None:
    undecided(found, "pending")
    found.acts.clear()
    found.effects.clear()
    found.history.append(told)


def test_a_good_history_is_let_through() -> None:
    """Nothing is found where nothing is wrong."""
    assert check(good()) == []


def test_every_invariant_is_there_and_can_fail() -> None:
    """I1 to I14, each with a broken history of its own."""
    assert list(INVARIANTS) == [f"I{number}" for number in range(1, 15)]
    assert {name for name, _, _ in BROKEN} == set(INVARIANTS)


@pytest.mark.parametrize(("name", "what", "breaks"), BROKEN, ids=[f"{n}-{what}" for n, what, _ in BROKEN])
def test_a_broken_history_is_seen(name: str, what: str, breaks: Callable[[Evidence], object]) -> None:
    """The invariant that is broken complains."""
    found = good()

    breaks(found)

    assert INVARIANTS[name](found) != [], what


def test_a_real_run_is_let_through(db_url: str, tmp_path: Path) -> None:
    """What the library leaves behind, read back: approved, rejected and still waiting."""
    sink, history = Sink(tmp_path / "sink"), History(tmp_path / "history")
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = letters(2).compile(checkpointer=checkpointer)
        for number in range(3):
            graph.invoke(request(sink.path, number), thread(f"t{number}"))
        for case in desk.pending()[:3]:
            decision = Reject() if case.gate == "gate_1" else Approve()
            with history.op("ana", "decide", thread=case.thread_id, review=case.id):
                desk.decide(case.id, decision, by="ana", digest=case.digest, thread_id=case.thread_id)
        desk.resume(graph)

    found = gather(db_url, sink, history)

    assert check(found) == []
    assert len(found.acts) == 1
    assert len(found.paused) == 3


def held_by_two_in_turn(found: Evidence) -> None:
    before_the_decision("claim_taken_over", "ana")(found)
    before_the_decision("claimed", "bob")(found)


LEFT_ALONE: list[tuple[str, Callable[[Evidence], object]]] = [
    ("held by who decided", before_the_decision("claimed", "ana")),
    ("a lease that had lapsed", before_the_decision("claimed", "bob", minutes=1)),
    ("a lease taken over", held_by_two_in_turn),
    (
        "not there for others",
        lambda e: e.history.append(op("claim", "eve", "fail", tenant="b", error="ReviewNotFound")),
    ),
]


@pytest.mark.parametrize(("what", "adds"), LEFT_ALONE, ids=[what for what, _ in LEFT_ALONE])
def test_what_is_right_is_let_through(what: str, adds: Callable[[Evidence], object]) -> None:
    """A checker that complains of everything shows nothing either."""
    found = good()

    adds(found)

    assert check(found) == [], what


def test_a_missing_review_of_a_real_pause_is_seen(db_url: str, tmp_path: Path) -> None:
    """The pauses are read from LangGraph's own tables and not from ours."""
    with open_checkpointer(db_url) as checkpointer:
        letters().compile(checkpointer=checkpointer).invoke(request(tmp_path / "sink"), thread("t1"))
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute("DELETE FROM hitl.reviews")

    assert [line[:2] for line in check(gather(db_url))] == ["I5"]
