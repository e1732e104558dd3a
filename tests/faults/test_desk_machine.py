"""A Hypothesis state machine over the desk: whatever people, workers and time do, the model and the rows agree."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hitl_graph import Approve, Desk, Edit, Reject, Sla, open_checkpointer
from hitl_graph.errors import DeskError
from hitl_graph.testing import FakeClock
from hitl_graph.testing.databases import Databases

from .checker import check
from .evidence import gather
from .graphs import letters, request, thread
from .history import History
from .sink import Sink

PEOPLE = st.sampled_from(["ana", "bob", "cleo"])
DECISIONS = st.sampled_from(
    [Approve(), Reject(), Edit({"body": "better"}), Edit({"to": "other@example.com"})]
)
WHICH = st.integers(0, 5)


class DeskMachine(RuleBasedStateMachine):
    """Cases come from a real graph. The model is small: who decided what last, and what may have been done."""

    url: str
    folder: Path
    clock: FakeClock
    number = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).number += 1
        self.name = f"m{type(self).number}"
        self.sink, self.history = Sink(self.folder / self.name), History()
        self.threads: list[str] = []
        self.decided: dict[tuple[str, str], str] = {}
        self.since = self.clock.now()
        self.stack = contextlib.ExitStack()
        saver = self.stack.enter_context(open_checkpointer(self.url, max_size=2))
        self.desk = self.stack.enter_context(Desk(self.url, max_size=3))
        self.graph = letters(sla=Sla(4, on_expiry="reject")).compile(checkpointer=saver)

    @rule()
    def opens(self) -> None:
        """A thread pauses."""
        if len(self.threads) < 3:
            self.threads.append(f"{self.name}-{len(self.threads)}")
            self.graph.invoke(request(self.sink.path, len(self.threads)), thread(self.threads[-1]))

    def case(self, which: int) -> Any:
        """One of the cases, in any status."""
        cases = [case for name in self.threads for case in self.desk.cases(thread_id=name)]
        return cases[which % len(cases)]

    def does(self, who: str, name: str, case: Any, call: Any, *given: Any, **more: Any) -> str:
        """An operation at the desk, and its outcome."""
        with self.history.op(who, name, thread=case.thread_id, review=case.id) as told:
            call(case.id, *given, by=who, thread_id=case.thread_id, **more)
        return str(told["outcome"])

    @precondition(lambda self: self.threads)
    @rule(which=WHICH, who=PEOPLE, decision=DECISIONS, undo_s=st.sampled_from([0.0, 30.0]))
    def decides(self, which: int, who: str, decision: Any, undo_s: float) -> None:
        """Taken exactly when the case waits and nobody else is at it."""
        case = self.case(which)
        held = case.claimed_by not in (None, who) and case.claimed_until > self.clock.now()
        outcome = self.does(
            who, "decide", case, self.desk.decide, decision, digest=case.digest, undo_s=undo_s
        )
        assert outcome == ("ok" if case.status == "pending" and not held else "fail")
        if outcome == "ok":
            self.decided[case.thread_id, case.id] = decision.type

    @precondition(lambda self: self.threads)
    @rule(which=WHICH, who=PEOPLE)
    def undoes(self, which: int, who: str) -> None:
        """Taken back exactly until the thread is told (I14)."""
        case = self.case(which)
        outcome = self.does(who, "undo", case, self.desk.undo)
        assert outcome == ("ok" if case.status == "decided" and case.dispatched_at is None else "fail")
        if outcome == "ok":
            self.decided.pop((case.thread_id, case.id), None)

    @precondition(lambda self: self.threads)
    @rule(
        which=WHICH,
        who=PEOPLE,
        what=st.sampled_from(["claim", "release", "snooze", "reroute", "draft", "retry"]),
    )
    def handles(self, which: int, who: str, what: str) -> None:
        """Everything that is no decision decides nothing."""
        case = self.case(which)
        wants: dict[str, dict[str, Any]] = {
            "snooze": {"hours": 1},
            "reroute": {"to": "others", "reason": "theirs"},
        }
        more = wants.get(what, {})
        given = [{"body": "later"}] if what == "draft" else []
        call = self.desk.drafts.save if what == "draft" else getattr(self.desk, what)
        self.does(who, what, case, call, *given, **more)
        now = self.desk.show(case.id, thread_id=case.thread_id)
        assert now.decision_type == case.decision_type

    @precondition(lambda self: self.threads)
    @rule(durability=st.sampled_from(["sync", "exit"]))
    def resumes(self, durability: Any) -> None:
        """A worker comes by."""
        self.desk.resume(self.graph, thread_ids=self.threads, durability=durability)

    @rule(seconds=st.sampled_from([1, 31, 700, 20_000]))
    def time_passes(self, seconds: int) -> None:
        """Leases lapse, undo windows close, cases fall due."""
        self.clock.advance(seconds=seconds)

    @precondition(lambda self: self.threads)
    @rule()
    def expires(self) -> None:
        """What is due happens: a rejection, never an approval."""
        self.desk.deadlines.act()

    @precondition(lambda self: self.threads)
    @rule(which=WHICH)
    def gets_new_input(self, which: int) -> None:
        """What was asked before is void."""
        name = self.threads[which % len(self.threads)]
        self.graph.invoke(request(self.sink.path, 9), thread(name))

    @precondition(lambda self: self.threads)
    @rule(which=WHICH, who=PEOPLE, lets_go=st.booleans())
    def holds(self, which: int, who: str, lets_go: bool) -> None:
        """A thread is held, and sometimes let go."""
        hold = self.desk.holds.pause(
            "thread", self.threads[which % len(self.threads)], by=who, reason="a look"
        )
        if lets_go:
            self.desk.holds.release(hold.id, by=who)

    @invariant()
    def nothing_is_broken(self) -> None:
        """I1 to I14 at every step; what was done is what was approved last."""
        if not self.threads:
            return
        found = gather(
            self.url, self.sink, self.history, threads=self.threads, finished=False, since=self.since
        )
        assert check(found) == []
        for act in self.sink.acts():
            assert self.decided.get((act["thread"], act["key"])) in ("approve", "edit")

    def teardown(self) -> None:
        """Disconnect."""
        self.stack.close()


@pytest.fixture
def machine(databases: Databases) -> Iterator[type[DeskMachine]]:
    """The machine on a database of its own, under a clock that only it moves."""
    with databases.fresh_database() as url, FakeClock(url) as clock, tempfile.TemporaryDirectory() as folder:
        yield type("Machine", (DeskMachine,), {"url": url, "clock": clock, "folder": Path(folder)})


def test_the_desk_keeps_its_promises(machine: type[DeskMachine]) -> None:
    """Claim, decide, undo, snooze, reroute, draft, retry, resume, new input, expiry and holds, in any order."""
    full = int(os.environ.get("HITL_EXAMPLES", "0"))
    given = settings(
        max_examples=full or 8,
        stateful_step_count=30 if full else 12,
        derandomize=not full,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=given)


def test_an_unknown_case_is_no_case(machine: type[DeskMachine]) -> None:
    """The machine's desk is a real one: what is not there is an error of ours."""
    with Desk(machine.url) as desk, pytest.raises(DeskError):
        desk.decide("nothing", Approve(), by="ana", digest="sha256:0")
