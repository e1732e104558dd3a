"""Reviews of the functional API at the desk, on a real Postgres, with both savers."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.func import entrypoint, task

from hitl_graph import Desk, open_checkpointer
from hitl_graph.decisions import Approve, Edit, Reject, Respond
from hitl_graph.errors import AnswerError, DecisionConflict
from hitl_graph.functional import Reviewed, review
from tests.functional.flows import TICKET, at_once, support
from tests.unit.factories import EMAIL, Counter, Outbox, measured, review_gate

CONFIG: Any = {"configurable": {"thread_id": "t"}}


async def test_a_review_is_one_case_with_everything(db_url: str) -> None:
    """I5: three of LangGraph's tasks stand in it, and there is one row; its id is the act's key."""
    outbox = Outbox()
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        flow = support(mode="async", outbox=outbox, saver=checkpointer)
        await flow.ainvoke(TICKET, CONFIG)
        [case] = await desk.pending()
        assert (case.gate, case.action, case.proposal) == ("reply", "send_email", EMAIL)
        with pytest.raises(AnswerError):
            await desk.decide(case.id, Respond("Hi"), by="ana", digest=case.digest)
        await desk.decide(case.id, Edit({"body": "Better."}), by="ana", digest=case.digest)
        with pytest.raises(DecisionConflict):
            await desk.decide(case.id, Reject(), by="ben", digest=case.digest)
        [resumed] = await desk.resume(flow)
        record = resumed.values["record"]
        assert outbox == [(case.id, {**EMAIL, "body": "Better."})]
        assert (record["by"], record["via"], record["review"]) == ("ana", "desk", case.id)
        assert (await desk.show(case.id)).status == "applied" and await desk.pending() == []


def test_another_process_takes_it_up(db_url: str) -> None:
    """The answer meets a new saver and a new flow: nothing is measured again, and the key is the same."""
    score, outbox = Counter(0.1), Outbox()
    gate = measured(score, unattended="The score is calibrated.")
    with open_checkpointer(db_url) as checkpointer:
        support(gate, saver=checkpointer).invoke(TICKET, CONFIG)
    with Desk(db_url) as desk:
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        [resumed] = desk.resume(support(gate, saver=checkpointer, outbox=outbox))
    assert resumed.applied == (case.id,) and outbox == [(case.id, EMAIL)] and score.calls == 1


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_an_edit_that_makes_another_act_is_the_next_case(db_url: str, durability: Any) -> None:
    """I12: the first is applied, the second waits, and nothing was done."""
    outbox = Outbox()
    async with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        flow = support(mode="async", outbox=outbox, saver=checkpointer)
        await flow.ainvoke(TICKET, CONFIG, durability=durability)
        [first] = await desk.pending()
        await desk.decide(first.id, Edit({"to": "other@example.com"}), by="ana", digest=first.digest)
        await desk.resume(flow, durability=durability)
        [second] = await desk.pending()
        assert (await desk.show(first.id)).status == "applied"
        assert outbox == [] and second.proposal["to"] == "other@example.com" and second.id != first.id
        await desk.decide(second.id, Approve(), by="ben", digest=second.digest)
        await desk.resume(flow, durability=durability)
        assert [key for key, _ in outbox] == [second.id] and await desk.pending() == []


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_several_at_once_are_several_cases(db_url: str, durability: Any) -> None:
    """R37: decided by different people, in two runs; each answer finds its own."""
    outbox = Outbox()
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        flow = at_once("sync", outbox=outbox, saver=checkpointer)
        flow.invoke(["0@x", "1@x", "2@x"], CONFIG, durability=durability)
        cases = {case.proposal["to"]: case for case in desk.pending()}
        desk.decide(cases["1@x"].id, Approve(), by="ana", digest=cases["1@x"].digest)
        desk.resume(flow, durability=durability)
        assert outbox == [(cases["1@x"].id, "1@x")]
        assert sorted(case.proposal["to"] for case in desk.pending()) == ["0@x", "2@x"]
        desk.decide(cases["0@x"].id, Reject(), by="ben", digest=cases["0@x"].digest)
        desk.decide(cases["2@x"].id, Approve(), by="cem", digest=cases["2@x"].digest)
        [resumed] = desk.resume(flow, durability=durability)
        assert resumed.values == ["rejected", "approved", "approved"] and len(outbox) == 2
        assert {desk.show(case.id).status.value for case in cases.values()} == {"applied"}


def test_an_approval_of_another_draft_is_taken_back(db_url: str) -> None:
    """I4: the draft came out differently; the case is pending again, and says what to do."""
    drafts, outbox = Counter("draft 1", "draft 2", "draft 1"), Outbox()

    def proposal() -> dict[str, str]:
        return {**EMAIL, "body": drafts(None)}

    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        flow = support(outbox=outbox, proposal=proposal, saver=checkpointer)
        flow.invoke(TICKET, CONFIG)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [resumed] = desk.resume(flow)
        [again] = desk.pending()
        assert resumed.refused == (case.id,) and again.id == case.id and outbox == []
        assert "make it in a @task" in str(again.error)
        desk.decide(again.id, Approve(), by="ana", digest=again.digest)
        desk.resume(flow)
        assert [email["body"] for _, email in outbox] == ["draft 1"]


def test_an_error_after_the_answer_is_tried_again(db_url: str) -> None:
    """The case is failed, not lost; the retry goes on with the decision that stands."""
    outbox = Outbox()
    broken = [True]

    @task
    def send(email: Any, key: str) -> None:
        if broken:
            broken.clear()
            raise ConnectionError("no connection")
        outbox.append((key, email))

    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:

        @entrypoint(checkpointer=checkpointer)
        def flow(context: dict[str, Any]) -> None:
            reviewed = review(review_gate(), dict(EMAIL), context=context)
            send(reviewed.require(), reviewed.key).result()

        flow.invoke(TICKET, CONFIG)
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        [resumed] = desk.resume(flow)
        assert resumed.failed == (case.id,) and "no connection" in str(resumed.error)
        desk.retry(case.id, by="ana")
        desk.resume(flow)
        assert outbox == [(case.id, EMAIL)] and desk.show(case.id).status == "applied"


def test_records_are_kept_by_the_flow_that_saves_them(db_url: str) -> None:
    """R19: `entrypoint.final(save=...)` hands them to the thread's next run."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:

        @entrypoint(checkpointer=checkpointer)
        def flow(context: dict[str, Any], *, previous: Any = None) -> Any:
            reviews = [*(previous or ())]
            saved.append([record["outcome"] for record in reviews])
            reviewed = review(review_gate(), dict(EMAIL), context={**context, "reviews": reviews})
            return entrypoint.final(value=reviewed.outcome, save=[*reviews, reviewed.record])

        shown: list[Any] = []
        saved: list[list[str]] = []
        for decision in (Reject(reason="tone"), Approve()):
            flow.invoke(TICKET, CONFIG)
            [case] = desk.pending()
            shown.append(case.payload["previous"])
            desk.decide(case.id, decision, by="ana", digest=case.digest)
            desk.resume(flow)
        flow.invoke(TICKET, CONFIG)
        assert saved[-1] == ["rejected", "approved"]
        assert shown[0] is None and shown[1]["reason"] == "tone"


def test_a_task_may_give_back_what_was_reviewed(db_url: str) -> None:
    """The checkpoint keeps it as what it is: a replay does not get a bare dict, or nothing."""

    @task
    def one(to: str) -> Reviewed:
        return review(review_gate(), {**EMAIL, "to": to}, context=TICKET)

    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:

        @entrypoint(checkpointer=checkpointer)
        def flow(people: list[str]) -> list[str]:
            return [reviewed.require()["to"] for reviewed in (one(to).result() for to in people)]

        flow.invoke(["0@x", "1@x"], CONFIG)
        for _ in range(2):
            [case] = desk.pending()
            desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            [resumed] = desk.resume(flow)
        assert resumed.values == ["0@x", "1@x"]
