"""Agents and the desk, on Postgres: one case for each call, decided and resumed once."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.types import Command

from hitl_graph import Approve, Desk, Edit, Reject, open_checkpointer
from hitl_graph.agents import GateMiddleware
from hitl_graph.errors import AnswerError, DecisionConflict
from tests.agents.mailing import ASK, MAIL, THREAD, Mailing, Tools, mail_gate, pay_gate
from tests.support.fake_model import ScriptedModel, call, calls

PAY = call("pay", "p1", amount=3)


def test_the_desk_lists_one_case_for_each_call_and_each_owner_sees_theirs(db_url: str) -> None:
    """Two calls of a turn are two rows, each naming its call and its owner."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        Mailing(calls(MAIL, PAY), checkpointer=saver).ask()

        cases = desk.pending()
        [finance] = desk.pending(owner="finance")

    assert sorted(case.request.tool_call.id for case in cases if case.request and case.request.tool_call) == [
        "m1",
        "p1",
    ]
    assert finance.request is not None
    assert finance.request.act == "pay"


def test_decisions_of_the_desk_run_the_calls_once(db_url: str) -> None:
    """Edited at the desk and resumed, each tool runs once, with who decided on record."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        mailing = Mailing(calls(MAIL, PAY), "Done.", checkpointer=saver)
        mailing.ask()
        for case in desk.pending():
            mail = case.request is not None and case.request.act == "send_email"
            desk.decide(
                case.id, Edit({"body": "Dear Ann"}) if mail else Reject(), by="ana", digest=case.digest
            )
        desk.resume(mailing.agent)
        desk.resume(mailing.agent)

        assert mailing.done == [("send_email", "ann@example.com", "Dear Ann")]
        assert {record["by"] for record in mailing.values["reviews"]} == {"ana"}
        assert desk.pending() == []


def test_a_decision_can_be_made_while_another_call_waits(db_url: str) -> None:
    """Decided one after the other, with a resume between, nothing is asked or run twice."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        mailing = Mailing(calls(MAIL, PAY), "Done.", checkpointer=saver)
        mailing.ask()
        one, two = desk.pending()
        desk.decide(one.id, Approve(), by="ana", digest=one.digest)
        desk.resume(mailing.agent)
        left = [case.id for case in desk.pending()]
        desk.decide(two.id, Approve(), by="ana", digest=two.digest)
        desk.resume(mailing.agent)

        assert left == [two.id]
        assert sorted(mailing.done) == [("pay", 3), ("send_email", "ann@example.com", "Hello")]


def test_an_edit_that_the_tool_does_not_take_is_refused_at_the_desk(db_url: str) -> None:
    """The desk knows the tool's schema from the case itself."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        Mailing(PAY, checkpointer=saver).ask()
        [case] = desk.pending()

        with pytest.raises(AnswerError, match="amount"):
            desk.decide(case.id, Edit({"amount": "much"}), by="ana", digest=case.digest)
        assert len(desk.pending()) == 1


def test_a_second_decision_is_a_conflict(db_url: str) -> None:
    """One call is decided once."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        Mailing(PAY, checkpointer=saver).ask()
        [case] = desk.pending()
        desk.decide(case.id, Approve(), by="ana", digest=case.digest)

        with pytest.raises(DecisionConflict):
            desk.decide(case.id, Reject(), by="bob", digest=case.digest)


def test_an_agent_made_anew_goes_on_after_a_restart(db_url: str) -> None:
    """Another agent object, as in another process, asks the same and runs the approved call."""
    tools = Tools()
    gates: Any = {"send_email": mail_gate(), "pay": pay_gate()}
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        first: Any = create_agent(
            ScriptedModel(MAIL), tools.all, middleware=[GateMiddleware(gates)], checkpointer=saver
        )
        first.invoke(ASK, THREAD)
        [case] = desk.pending()
        desk.decide(case.id, Edit({"copies": 2}), by="ana", digest=case.digest)
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        second: Any = create_agent(
            ScriptedModel("Sent."), tools.all, middleware=[GateMiddleware(gates)], checkpointer=saver
        )
        desk.resume(second)
        out = second.get_state(THREAD).values

    assert len(tools.done) == 1
    assert out["reviews"][0]["final"]["copies"] == 2


async def test_the_async_saver_and_desk_do_the_same(db_url: str) -> None:
    """`async with` on both sides."""
    async with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        mailing = Mailing(calls(MAIL, PAY), "Done.", checkpointer=saver)
        await mailing.agent.ainvoke(ASK, THREAD)
        for case in await desk.pending():
            await desk.decide(case.id, Approve(), by="ana", digest=case.digest)
        await desk.resume(mailing.agent)

    assert sorted(mailing.done) == [("pay", 3), ("send_email", "ann@example.com", "Hello")]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_every_durability_gives_the_same_cases(db_url: str, durability: Any) -> None:
    """However LangGraph saves, each call is one case and runs once."""
    with open_checkpointer(db_url) as saver, Desk(db_url) as desk:
        mailing = Mailing(calls(MAIL, PAY), "Done.", checkpointer=saver)
        mailing.agent.invoke(ASK, THREAD, durability=durability)
        cases = {case.id: "approve" for case in desk.pending()}
        mailing.agent.invoke(Command(resume=cases), THREAD, durability=durability)

        assert len(cases) == 2
        assert sorted(mailing.done) == [("pay", 3), ("send_email", "ann@example.com", "Hello")]
        assert desk.pending() == []
