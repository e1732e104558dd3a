"""What came of a run, counted from what is stored: the threads' states, the desk's rows and the mails."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from hitl_graph.demo.parallel import in_parallel
from hitl_graph.demo.report import Report
from hitl_graph.desk import Case, Desk, Status

__all__ = ["counted"]

GATES = ("triage", "escalation", "draft_failed", "reply")
LOADS_AT_ONCE = 8


@dataclasses.dataclass
class _Rows:
    """What the desk has of a run."""

    asked: Counter[str] = dataclasses.field(default_factory=Counter)
    why: dict[str, Counter[str]] = dataclasses.field(default_factory=dict)
    decisions: Counter[str] = dataclasses.field(default_factory=Counter)
    reviewers: Counter[str] = dataclasses.field(default_factory=Counter)
    applied: set[str] = dataclasses.field(default_factory=set)
    open: dict[str, str] = dataclasses.field(default_factory=dict)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    undecided: int = 0
    edits_told: int = 0
    drafted_by: Counter[str] = dataclasses.field(default_factory=Counter)
    example: dict[str, str] | None = None

    def add(self, case: Case) -> None:
        gate = case.gate or case.node
        self.asked[gate] += 1
        why = self.why.setdefault(gate, Counter())
        why.update(reason.code for reason in (case.request.why if case.request else ()))
        if case.decision_type is None:
            self.undecided += 1
        else:
            self.decisions[case.decision_type] += 1
            self.reviewers[case.by or "unknown"] += 1
            self.edits_told += case.decision_type == "edit" and case.status is not Status.DECIDED
        if gate == "reply" and case.request:
            self.drafted_by[case.request.versions.model or "unknown"] += 1
        if case.status is Status.APPLIED:
            self.applied.add(case.id)
        elif case.status in (Status.PENDING, Status.DECIDED):
            self.open[case.thread_id] = gate
        elif case.status is Status.FAILED:
            self.failed[case.thread_id] = case.error or "the graph raised"
        if self.example is None or case.status is Status.PENDING or case.decision_type == "edit":
            self.example = {"thread": case.thread_id, "review": case.id, "status": case.status.value}


@dataclasses.dataclass
class _States:
    """What the threads themselves keep."""

    classified: int = 0
    drafts: int = 0
    finished: int = 0
    taken_over: int = 0
    handed_over: int = 0
    sent: int = 0
    left_at_triage: int = 0
    passed: Counter[str] = dataclasses.field(default_factory=Counter)
    records: set[str] = dataclasses.field(default_factory=set)
    edited: int = 0
    judged_again: int = 0
    fields: Counter[str] = dataclasses.field(default_factory=Counter)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, thread_id: str, snapshot: Any, rows: _Rows) -> None:
        values = snapshot.values
        records = values.get("reviews") or []
        self.classified += "guess" in values
        self.drafts += values.get("drafts", 0)
        self.sent += sum(not done.get("held") for done in values.get("effects") or ())
        self.passed.update(
            gate for gate, kept in (values.get("judgements") or {}).items() if kept["outcome"] == "proceed"
        )
        self.records |= {record["review"] for record in records}
        for record in records:
            self._add_record(record)
        if thread_id in rows.open:
            self.left_at_triage += rows.open[thread_id] == "triage"
        elif thread_id in rows.failed or snapshot.next or "guess" not in values:
            error = next(
                (str(task.error) for task in snapshot.tasks if task.error), "it did not reach its end"
            )
            self.failed[thread_id] = rows.failed.get(thread_id, error)
        else:
            self.finished += 1
            self._add_end(values, records)

    def _add_record(self, record: Mapping[str, Any]) -> None:
        self.judged_again += record["outcome"] == "judged_again"
        if record["decision"] == "edit" and record["proposed"] != record["final"]:
            self.edited += 1
            self.fields.update({change["path"].split("/")[1] for change in record["patch"]})

    def _add_end(self, values: Mapping[str, Any], records: list[Any]) -> None:
        last = records[-1] if records else {}
        if last.get("outcome") == "taken_over":
            self.taken_over += 1
            self.left_at_triage += last["gate"] == "triage"
        elif "handed_over" in values or (last.get("gate") == "draft_failed" and not values.get("effects")):
            self.handed_over += 1


async def counted(
    threads: Iterable[str], graph: Any, desk: Desk, *, mails: int, after: int | None = None
) -> Report:
    """Count what is stored of these threads.

    Args:
        threads: The threads' ids.
        graph: The compiled graph.
        desk: The open desk.
        mails: Mails that came into the maildir during the run.
        after: No review of the run is older than this one, by its `seq`.
    """
    threads = list(threads)
    rows = await _rows(set(threads), desk, graph.name, after)
    states = await _states(threads, graph, rows)
    asked = {gate: rows.asked[gate] for gate in GATES if gate in rows.asked}
    passed = {gate: states.passed[gate] for gate in GATES if gate in states.passed}
    report = Report(
        workflow=graph.name,
        messages=len(threads),
        finished=states.finished,
        paused=len(rows.open),
        failed=len(states.failed),
        judged={
            gate: asked.get(gate, 0) + passed.get(gate, 0)
            for gate in GATES
            if gate in asked or gate in passed
        },
        passed=passed,
        proceeded=sum(passed.values()),
        asked=asked,
        why={gate: dict(rows.why[gate].most_common()) for gate in asked},
        reviews=sum(asked.values()),
        decisions=dict(rows.decisions.most_common()),
        reviewers=dict(rows.reviewers.most_common()),
        edited=states.edited,
        edits_by_field=dict(states.fields.most_common()),
        rejected=rows.decisions["reject"],
        taken_over=states.taken_over,
        handed_over=states.handed_over,
        sent=states.sent,
        drafted_by=dict(rows.drafted_by.most_common()),
        example=rows.example,
    )
    return dataclasses.replace(report, problems=tuple(_problems(report, rows, states, mails)))


async def _rows(threads: set[str], desk: Desk, workflow: str, after: int | None) -> _Rows:
    rows = _Rows()
    while True:
        page = await desk.cases(workflow=workflow, after=after, limit=500)
        for case in page:
            if case.thread_id in threads:
                rows.add(case)
        if page.next is None:
            return rows
        after = page.next


async def _states(threads: list[str], graph: Any, rows: _Rows) -> _States:
    states, queue = _States(), iter(threads)

    async def worker() -> None:
        for thread_id in queue:
            states.add(thread_id, await graph.aget_state({"configurable": {"thread_id": thread_id}}), rows)

    await in_parallel(worker, workers=LOADS_AT_ONCE)
    return states


def _problems(report: Report, rows: _Rows, states: _States, mails: int) -> Iterable[str]:
    """The sums that do not hold. Each compares figures from different places."""
    total, asked = report.messages, rows.asked
    sums = [
        ("messages", total, "finished, paused and failed", report.finished + report.paused + report.failed),
        (
            "finished",
            report.finished,
            "sent, taken over and handed over",
            report.sent + report.taken_over + report.handed_over,
        ),
        (
            "answered reviews at the desk",
            len(rows.applied),
            "records in the threads' states",
            len(states.records),
        ),
        ("edits that were told", rows.edits_told, "edits in the threads' states", states.edited),
        ("sent", report.sent, "mails in the maildir", mails),
    ]
    if not report.failed:
        past_triage = states.classified - states.left_at_triage
        sums += [
            ("judged by triage", report.judged.get("triage", 0), "sorted messages", states.classified),
            ("judged by escalation", report.judged.get("escalation", 0), "messages past triage", past_triage),
            (
                "reviews of replies",
                asked["reply"],
                "drafts and edits judged again",
                states.drafts + states.judged_again,
            ),
        ]
    for name, one, other_name, other in sums:
        if one != other:
            yield f"{name}: {one}, but {other_name}: {other}"
    if rows.applied != states.records:
        yield "the reviews that the desk calls answered are not those that the threads hold records of"
    for thread_id, error in sorted(states.failed.items())[:10]:
        yield f"{thread_id} failed: {error}"
