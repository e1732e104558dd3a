"""deepagents 554: in a subagent, an edit and a rejection must work as well as an approval.

The reporter could only approve: after an edit or a rejection the subagent went on as if nothing had been said.
"""

from typing import Any

import pytest
from langchain_core.messages import ToolMessage

from hitl_graph import Approve, Desk, Edit, Reject, Respond, open_checkpointer
from tests.support.deep_agents import SUBAGENT_CALL, DeepThread, delegate
from tests.support.fake_model import call


def looking_up(**more: Any) -> DeepThread:
    """A supervisor who delegates to a subagent whose one tool call is gated."""
    return DeepThread(
        [delegate(), "All done."], [call("send_email", to="ana"), "Told the supervisor."], **more
    )


@pytest.mark.parametrize(
    ("decision", "ran", "status"),
    [
        (Approve(), ["send_email(ana, )"], "success"),
        (Edit({"body": "Hello"}), ["send_email(ana, Hello)"], "success"),
        (Reject(reason="tone"), [], "error"),
        (Respond("Sent by hand already."), [], "success"),
    ],
    ids=["approve", "edit", "reject", "respond"],
)
def test_deepagents_554_every_decision_reaches_the_subagent(
    decision: Any, ran: list[str], status: str
) -> None:
    """The tool runs as decided, and the subagent's model is told what came of its call."""
    thread = looking_up().start()

    thread.answer(decision)

    told = thread.subagent.sent[-1][-1]
    assert isinstance(told, ToolMessage)
    assert (thread.ran, told.status) == (ran, status)
    assert thread.messages[-1].content == "All done."
    assert thread.open == []


@pytest.mark.parametrize(
    ("answer", "ran"),
    [
        ({"type": "approve"}, ["send_email(ana, )"]),
        (
            {"type": "edit", "edited_action": {"name": "send_email", "args": {"to": "ana", "body": "Hello"}}},
            ["send_email(ana, Hello)"],
        ),
        ({"type": "reject", "message": "Not now."}, []),
    ],
    ids=["approve", "edit", "reject"],
)
def test_deepagents_554_langchains_own_answers_reach_the_subagent(answer: Any, ran: list[str]) -> None:
    """As the reporter sent them."""
    thread = looking_up().start()

    thread.answer({"decisions": [answer]})

    assert thread.ran == ran


def test_deepagents_554_the_subagent_starts_once() -> None:
    """It goes on where it paused, and is not begun again: its model is asked twice in all."""
    thread = looking_up().start()

    thread.answer(Edit({"body": "Hello"}))

    assert (len(thread.subagent.sent), len(thread.supervisor.sent)) == (2, 2)


def test_deepagents_554_the_case_names_the_subagents_own_call() -> None:
    """Not the supervisor's call of the subagent."""
    thread = looking_up().start()

    case = thread.cases["c1"]
    assert case["tool_call"] == {"id": "c1", "name": "send_email"}
    assert SUBAGENT_CALL not in thread.cases


def test_deepagents_554_the_desk_shows_one_review_and_its_edit_is_what_runs(db_url: str) -> None:
    """A pause two graphs deep is one case of the outer thread, decided and resumed like any other."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        thread = looking_up(checkpointer=checkpointer).start()
        [case] = desk.pending()

        desk.decide(case.id, Edit({"body": "Hello"}), by="ana", digest=case.digest)
        [resumed] = desk.resume(thread.agent)

        assert (case.thread_id, case.gate, resumed.applied) == ("t", "mail", (case.id,))
        assert thread.ran == ["send_email(ana, Hello)"]
        assert desk.show(case.id).status == "applied"
        assert desk.pending() == []
