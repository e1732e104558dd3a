"""`GateMiddleware`: how a call waits, what each decision does to it, and what the model is told."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.types import Command

from hitl_graph import Evidence
from hitl_graph.errors import DefinitionError
from hitl_graph.wire import Shape
from tests.agents.mailing import MAIL, THREAD, Mailing, case, kinds, mail_gate
from tests.support.fake_model import call, calls


def test_nothing_runs_before_the_decision() -> None:
    """A gated call pauses the agent before its tool runs."""
    mailing = Mailing(MAIL)

    out = mailing.ask()

    assert mailing.done == []
    assert len(out["__interrupt__"]) == 1


def test_the_case_names_the_call_its_arguments_and_the_tools_schema() -> None:
    """A reviewer sees the call, its arguments, a form made of the tool's own schema, and the conversation."""
    mailing = Mailing(MAIL)

    [one] = mailing.ask()["__interrupt__"]

    assert one.value["tool_call"] == {"id": "m1", "name": "send_email"}
    assert one.value["proposal"] == {"to": "ann@example.com", "body": "Hello"}
    assert set(one.value["edit_schema"]["properties"]) == {"to", "body", "copies"}
    assert one.value["evidence"][0]["content"] == "Write to Ann."
    assert [turn["role"] for turn in one.value["transcript"]] == ["human", "ai"]


def test_an_approved_call_runs_once_and_is_on_record() -> None:
    """Approval runs the tool; reviews and effects say who answered for it."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    out = mailing.answer(m1={"type": "approve", "by": "ana"})

    assert mailing.done == [("send_email", "ann@example.com", "Hello")]
    [record], [effect] = out["reviews"], out["effects"]
    assert (record["outcome"], record["by"], record["final_tool"]) == ("approved", "ana", "send_email")
    assert (effect["key"], effect["by"], effect["tool"]) == (record["review"], "ana", "send_email")


def test_the_models_message_stays_as_it_was() -> None:
    """No decision rewrites what the model said: providers check their own messages."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    mailing.answer(m1={"type": "edit", "changes": {"body": "Hi"}})

    said = next(m for m in mailing.values["messages"] if isinstance(m, AIMessage))
    assert said.tool_calls[0]["args"] == {"to": "ann@example.com", "body": "Hello"}


def test_several_calls_are_open_at_once_and_answered_in_any_order() -> None:
    """Three calls of a turn are three cases with ids of their own; nothing runs before the last is decided."""
    two = call("pay", "p1", amount=3)
    three = call("send_email", "m2", to="bob@example.com", body="Hi")
    mailing = Mailing(calls(MAIL, two, three), "Done.")
    mailing.ask()

    ids = {key: one.id for key, one in mailing.open().items()}
    mailing.answer(m2={"type": "reject", "reason": "wrong person"})
    mailing.answer(p1="approve")
    assert mailing.done == []
    mailing.answer(m1="approve")

    assert len(set(ids.values())) == len(ids) == 3
    assert sorted(mailing.done) == [("pay", 3), ("send_email", "ann@example.com", "Hello")]
    assert mailing.told("m2").status == "error"


def test_each_answer_goes_to_its_own_call_of_the_same_tool() -> None:
    """Two calls of one tool are told apart by their ids, not by their order."""
    again = call("send_email", "m2", to="bob@example.com", body="Hi")
    mailing = Mailing(calls(MAIL, again), "Done.")
    mailing.ask()

    mailing.answer(
        m2={"type": "edit", "changes": {"body": "second"}}, m1={"type": "edit", "changes": {"body": "first"}}
    )

    assert sorted(mailing.done) == [
        ("send_email", "ann@example.com", "first"),
        ("send_email", "bob@example.com", "second"),
    ]


def test_one_answer_without_an_id_is_refused_while_two_are_open() -> None:
    """A scalar answer cannot say which call it means."""
    mailing = Mailing(calls(MAIL, call("pay", "p1", amount=3)))
    mailing.ask()

    with pytest.raises(RuntimeError, match="interrupt id"):
        mailing.ask(Command(resume="approve"))

    assert len(mailing.open()) == 2


def test_a_rejected_call_never_runs_and_the_model_is_told_plainly() -> None:
    """The model reads who rejected what and why, and that it should not repeat it."""
    mailing = Mailing(MAIL, "Understood.")
    mailing.ask()

    mailing.answer(m1={"type": "reject", "reason": "tone", "note": "Too short for a complaint.", "by": "ana"})

    assert mailing.done == []
    words = str(mailing.told("m1").content)
    assert all(
        part in words for part in ("ana rejected", "not run", "tone", "Too short", "Do not propose the same")
    )


def test_a_persons_words_stand_for_the_tools_result() -> None:
    """A response is what the model reads as the result, and no error."""
    mailing = Mailing(MAIL, "Good.")
    mailing.ask()

    mailing.answer(m1={"type": "respond", "message": "I called her instead."})

    assert (mailing.told("m1").content, mailing.told("m1").status) == ("I called her instead.", "success")
    assert mailing.done == []


def test_a_question_goes_back_to_the_model() -> None:
    """Asking for information runs nothing, and the model reads the question."""
    mailing = Mailing(MAIL, "I do not know.")
    mailing.ask()

    mailing.answer(m1={"type": "ask_info", "question": "Which order is it about?"})

    assert "Which order is it about?" in str(mailing.told("m1").content)
    assert mailing.done == []


def test_a_takeover_stops_the_agent_and_what_else_was_approved() -> None:
    """After a takeover the model is not asked again, nothing of the turn runs, and every call has its answer."""
    mailing = Mailing(calls(MAIL, call("pay", "p1", amount=3), call("look", "l1", question="who")))
    mailing.ask()

    out = mailing.answer(p1="approve", m1={"type": "take_over", "by": "ana"})

    assert mailing.done == []
    assert len(mailing.model.sent) == 1
    assert kinds(out["messages"]) == ["human", "ai", "tool", "tool", "tool"]
    assert "ana has taken over" in str(mailing.told("m1").content)
    assert "effects" not in out or out["effects"] == []


def test_the_conversation_goes_on_after_a_takeover() -> None:
    """The history after a takeover is one that providers take."""
    mailing = Mailing(MAIL, "Fine.")
    mailing.ask()
    mailing.answer(m1={"type": "take_over"})

    out = mailing.ask({"messages": [("user", "I have mailed her myself.")]})

    assert out["messages"][-1].content == "Fine."


def test_the_user_may_write_while_a_call_waits() -> None:
    """A new message closes the case, and the waiting call gets its answer, so that no call is left open."""
    mailing = Mailing(MAIL, "Fine.")
    mailing.ask()

    out = mailing.ask({"messages": [("user", "Never mind.")]})

    assert kinds(out["messages"]) == ["human", "ai", "tool", "human", "ai"]
    assert mailing.done == []


def test_without_a_checkpointer_the_error_says_so() -> None:
    """A pause that nobody could answer is refused."""
    mailing = Mailing(MAIL, checkpointer=None)

    with pytest.raises(DefinitionError, match="checkpointer"):
        mailing.agent.invoke({"messages": [("user", "Write.")]})

    assert mailing.done == []


def test_an_unreadable_answer_leaves_the_case_open() -> None:
    """A wrong answer is an error that names the field; the next answer is taken."""
    mailing = Mailing(MAIL, "Sent.")
    mailing.ask()

    with pytest.raises(ValueError, match="type"):
        mailing.answer(m1={"type": "perhaps"})
    mailing.answer(m1="approve")

    assert len(mailing.done) == 1


@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        (Shape.AGENT_INBOX, [{"type": "accept", "args": None}]),
        (Shape.LANGCHAIN_BATCH, {"decisions": [{"type": "approve"}]}),
        (Shape.NATIVE, {"type": "approve"}),
    ],
)
def test_the_payload_has_the_shape_that_a_client_renders(shape: Shape, answer: Any) -> None:
    """Each shape asks as its client expects, and takes the answer that this client sends."""
    mailing = Mailing(MAIL, "Sent.", shape=shape)
    [one] = mailing.ask()["__interrupt__"]

    mailing.answer(m1=answer)

    assert case(one.value)["tool_call"]["name"] == "send_email"
    assert len(mailing.done) == 1


def test_evidence_sees_the_agents_state_and_the_arguments() -> None:
    """A gate's functions see the messages, the arguments under `args`, and the call."""
    seen: list[Any] = []

    def evidence(state: Any) -> list[Evidence]:
        seen.append((len(state["messages"]), state["args"]["to"], state["hitl_tool_call"]["name"]))
        return [Evidence("Asked for", "x")]

    Mailing(MAIL, gates={"send_email": mail_gate(evidence=evidence)}).ask()

    assert seen[0] == (2, "ann@example.com", "send_email")


def test_the_history_is_not_saved_again_for_each_call() -> None:
    """What is sent to each call's gate holds the call, not the conversation."""
    mailing = Mailing(calls(*(call("pay", f"p{n}", amount=n) for n in range(4))))
    long = "a very long word " * 2000
    mailing.ask({"messages": [("user", long)]}, THREAD)

    saver: Any = mailing.agent.checkpointer
    sent = [
        write for key, rows in saver.writes.items() for write in rows.values() if write[1] == "__pregel_tasks"
    ]
    assert sent
    assert all(len(write[2][1]) < 2000 for write in sent)


async def test_it_works_in_an_async_graph() -> None:
    """`ainvoke` pauses and goes on as `invoke` does."""
    mailing = Mailing(calls(MAIL, call("pay", "p1", amount=3)), "Done.")
    out = await mailing.agent.ainvoke({"messages": [("user", "Write.")]}, THREAD)
    ids = {one.value["tool_call"]["id"]: one.id for one in out["__interrupt__"]}

    await mailing.agent.ainvoke(Command(resume={ids["m1"]: "approve", ids["p1"]: "reject"}), THREAD)

    assert mailing.done == [("send_email", "ann@example.com", "Hello")]


def test_streams_show_the_pause_and_the_tools_message() -> None:
    """`stream` gives the interrupts, and after the answer the tool's message."""
    mailing = Mailing(MAIL, "Sent.")

    first = list(mailing.agent.stream({"messages": [("user", "Write.")]}, THREAD, stream_mode="updates"))
    [one] = first[-1]["__interrupt__"]
    then = list(mailing.agent.stream(Command(resume={one.id: "approve"}), THREAD, stream_mode="messages"))

    assert any(isinstance(message, ToolMessage) for message, _ in then)
    assert len(mailing.done) == 1
