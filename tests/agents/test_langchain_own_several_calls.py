"""LangChain's tests of several calls in one message, for ours: each is a case of its own, told apart by its id."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from hitl_graph import Approve, Edit, Reject, Respond
from hitl_graph.agents import GateMiddleware
from tests.support.agent_threads import AgentThread, Mode, Says, agent_gate
from tests.support.fake_model import call, calls

GATES: dict[Any, Any] = {
    "send_email": agent_gate("mail"),
    "delete_file": agent_gate("files", allowed=("approve", "reject")),
    "ask_user": agent_gate("user", allowed=("respond",)),
}


def paused(*several: AIMessage, mode: Mode = "sync") -> AgentThread:
    """One message with several calls, then the end."""
    return AgentThread(GateMiddleware(GATES), calls(*several), "Ended.", mode=mode).start()


def five() -> AgentThread:
    """Free, gated, free, gated, free."""
    return paused(
        call("look_up", "a", what="1"),
        call("send_email", "b", to="2"),
        call("look_up", "c", what="3"),
        call("delete_file", "d", path="4"),
        call("look_up", "e", what="5"),
    )


def answers(thread: AgentThread) -> dict[str, ToolMessage]:
    return {m.tool_call_id: m for m in thread.messages if isinstance(m, ToolMessage)}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_each_gated_call_is_a_question_of_its_own(mode: Mode) -> None:
    """All are open at once, each with its own id, tool, arguments and decisions."""
    thread = paused(
        call("send_email", "b", to="ana"),
        call("delete_file", "d", path="x"),
        call("look_up", "e", what="y"),
        mode=mode,
    )

    cases = thread.cases
    assert {id_: (case["tool_call"]["name"], case["proposal"]) for id_, case in cases.items()} == {
        "b": ("send_email", {"to": "ana"}),
        "d": ("delete_file", {"path": "x"}),
    }
    assert "edit" in cases["b"]["allowed"] and "edit" not in cases["d"]["allowed"]
    assert len({question.id for question in thread.open}) == 2


def test_nothing_of_the_message_runs_before_all_its_gated_calls_are_decided() -> None:
    """As in LangChain's batched mode: a free call may rest on what a person says no to."""
    thread = paused(
        call("look_up", "a", what="1"), call("send_email", "b", to="ana"), call("send_email", "c", to="bob")
    )

    thread.answer(Approve(), to="b")

    assert (thread.ran, list(thread.cases)) == ([], ["c"])


def test_a_free_call_beside_a_gated_one_runs_with_it() -> None:
    """Both results reach the model, and its message keeps both calls."""
    thread = paused(call("look_up", "a", what="1"), call("send_email", "b", to="ana"))

    thread.answer(Approve())

    assert sorted(thread.ran) == ["look_up(1)", "send_email(ana, )"]
    assert [one["id"] for one in thread.proposals] == ["a", "b"]


def test_one_approved_and_one_rejected() -> None:
    """Each call gets its own answer, whatever the order in which they come."""
    thread = paused(call("send_email", "b", to="ana"), call("delete_file", "d", path="x"))

    thread.answer_all({"d": Reject(note="Keep it."), "b": Approve()})

    told = answers(thread)
    assert thread.ran == ["send_email(ana, )"]
    assert (told["b"].status, told["d"].status) == ("success", "error")
    assert "Keep it." in str(told["d"].content)
    assert [one["id"] for one in thread.proposals] == ["b", "d"]


def test_one_approved_and_one_answered_in_words() -> None:
    """Decisions of different kinds in one message."""
    thread = paused(call("send_email", "b", to="ana"), call("ask_user", "q", what="colour?"))

    thread.answer_all({"b": Approve(), "q": Respond("blue")})

    assert thread.ran == ["send_email(ana, )"]
    assert answers(thread)["q"].content == "blue"


def test_two_edits() -> None:
    """Each call runs with its own edit; both stand in the history as the model wrote them."""
    thread = paused(call("send_email", "b", to="ana", body="1"), call("send_email", "c", to="bob", body="2"))

    thread.answer_all({"b": Edit({"body": "one"}), "c": Edit({"body": "two"})})

    assert sorted(thread.ran) == ["send_email(ana, one)", "send_email(bob, two)"]
    assert [one["args"]["body"] for one in thread.proposals] == ["1", "2"]


def test_answers_one_after_the_other() -> None:
    """The first is kept while the second is waited for; nothing runs twice."""
    thread = paused(call("send_email", "b", to="ana"), call("delete_file", "d", path="x"))

    thread.answer(Edit({"body": "Hi"}), to="b")
    assert list(thread.cases) == ["d"]
    thread.answer(Approve(), to="d")

    assert sorted(thread.ran) == ["delete_file(x)", "send_email(ana, Hi)"]
    assert [record["tool_call"]["id"] for record in thread.values["reviews"]] == ["b", "d"]


def test_the_same_call_twice_is_two_cases() -> None:
    """Same tool, same arguments: the id tells them apart."""
    thread = paused(call("send_email", "b", to="ana"), call("send_email", "c", to="ana"))

    thread.answer_all({"b": Approve(), "c": Reject()})

    assert thread.ran == ["send_email(ana, )"]
    assert answers(thread)["c"].status == "error"


def test_of_two_calls_under_one_id_neither_is_asked_about_or_runs() -> None:
    """An approval of one would be an approval of the other. The history says so once for each."""
    thread = AgentThread(
        GateMiddleware(GATES),
        calls(call("send_email", "b", to="ana"), call("send_email", "b", to="bob")),
        "Ended.",
    )
    thread.model.checks = False  # providers would refuse such a message themselves

    thread.start()

    assert (thread.open, thread.ran) == ([], [])
    assert "id of its own" in str(answers(thread)["b"].content)


@pytest.mark.parametrize(
    ("decision", "ran"),
    [
        (Approve(), "send_email(2, )"),
        (Edit({"body": "200"}), "send_email(2, 200)"),
        (Reject(note="Not that."), None),
    ],
    ids=["approved", "edited", "rejected"],
)
def test_the_order_of_the_calls_is_the_models(decision: object, ran: str | None) -> None:
    """Free and gated calls mixed: the message keeps all five, as the model wrote them, whatever was decided."""
    thread = five()

    thread.answer_all({"b": decision, "d": Approve()})

    assert [(one["id"], list(one["args"].values())) for one in thread.proposals] == [
        ("a", ["1"]),
        ("b", ["2"]),
        ("c", ["3"]),
        ("d", ["4"]),
        ("e", ["5"]),
    ]
    expected = ["delete_file(4)", "look_up(1)", "look_up(3)", "look_up(5)", *([ran] if ran else [])]
    assert sorted(thread.ran) == sorted(expected)
    assert set(answers(thread)) == {"a", "b", "c", "d", "e"}


def test_one_bad_answer_among_several_costs_no_call_its_one_run() -> None:
    """In LangChain's per-call mode the good ones' tools may have run already; here none has, and each runs once."""
    thread = paused(call("send_email", "b", to="ana"), call("delete_file", "d", path="x"))

    with pytest.raises(ValueError, match="type"):
        thread.answer_all({"b": Approve(), "d": {"type": "nonsense"}})

    assert thread.ran == []
    thread.run(None)  # what was taken of the good answers is kept, and the rest is asked about
    thread.answer_all(dict.fromkeys(thread.cases, Approve()))
    assert sorted(thread.ran) == ["delete_file(x)", "send_email(ana, )"]


def test_an_id_that_is_used_again_brings_back_no_earlier_edit() -> None:
    """Providers may number calls from one in every turn; the free call of the later turn is the model's own."""
    script: list[Says] = [
        call("send_email", "1", to="ana", body="mine"),
        call("look_up", "1", what="b.txt"),
        "Ended.",
    ]
    thread = AgentThread(GateMiddleware(GATES), *script).start()

    thread.answer(Edit({"body": "a person's"}))

    assert thread.ran == ["send_email(ana, a person's)", "look_up(b.txt)"]
    results = [m for m in thread.messages if isinstance(m, ToolMessage)]
    assert results[-1].content == "done: look_up(b.txt)"


def test_an_id_that_is_used_again_brings_back_no_earlier_approval() -> None:
    """The same id on the same gated tool in a later turn is a new case."""
    script: list[Says] = [call("send_email", "1", to="ana"), call("send_email", "1", to="bob"), "Ended."]
    thread = AgentThread(GateMiddleware(GATES), *script).start()

    thread.answer(Approve())

    assert thread.ran == ["send_email(ana, )"]
    assert thread.cases["1"]["proposal"] == {"to": "bob"}
