"""No loops: what was decided against is not put to a person again, and an agent that only repeats is stopped."""

from typing import Any

from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.messages import AIMessage

from tests.agents.mailing import Mailing
from tests.support.fake_model import ScriptedModel, call


def mail(id_: str, body: str = "Hello") -> AIMessage:
    return call("send_email", id_, to="ann@example.com", body=body)


def test_the_same_call_again_is_not_put_to_a_person_again() -> None:
    """The model is told that just this was rejected; nobody is asked."""
    mailing = Mailing(mail("m1"), mail("m2"), "Then not.")
    mailing.ask()

    out = mailing.answer(m1={"type": "reject", "by": "ana"})

    assert "__interrupt__" not in out
    assert "rejected by the reviewer ana before" in str(mailing.told("m2").content)
    assert mailing.done == []


def test_a_changed_call_is_a_new_case() -> None:
    """A better proposal is asked about."""
    mailing = Mailing(mail("m1"), mail("m2", "Dear Ann"), "Sent.")
    mailing.ask()
    mailing.answer(m1="reject")

    mailing.answer(m2="approve")

    assert mailing.done == [("send_email", "ann@example.com", "Dear Ann")]


def test_an_agent_that_only_repeats_is_stopped() -> None:
    """After two repeats the third ends the run, with a last message that says why."""
    mailing = Mailing(mail("m1"), mail("m2"), mail("m3"), mail("m4"), mail("m5"))
    mailing.ask()

    out = mailing.answer(m1="reject")

    assert len(mailing.model.sent) == 4
    assert isinstance(out["messages"][-1], AIMessage)
    assert "I stop here: send_email was refused" in str(out["messages"][-1].content)
    assert mailing.agent.get_state({"configurable": {"thread_id": "t1"}}).next == ()


def test_how_often_it_may_repeat_is_a_parameter() -> None:
    """With `max_repeats=0` the first repeat stops the agent."""
    mailing = Mailing(mail("m1"), mail("m2"), max_repeats=0)
    mailing.ask()

    out = mailing.answer(m1="reject")

    assert "I stop here" in str(out["messages"][-1].content)


def test_a_stopped_agent_takes_a_new_message() -> None:
    """The history of a stopped agent is one that providers take."""
    mailing = Mailing(mail("m1"), mail("m2"), "All right.", max_repeats=0)
    mailing.ask()
    mailing.answer(m1="reject")

    out = mailing.ask({"messages": [("user", "Leave it.")]})

    assert out["messages"][-1].content == "All right."


def test_after_the_user_has_spoken_the_same_call_may_be_asked_again() -> None:
    """A rejection stands until the user says something new."""
    mailing = Mailing(mail("m1"), "Rejected.", mail("m2"), "Sent.")
    mailing.ask()
    mailing.answer(m1="reject")
    mailing.ask({"messages": [("user", "I have cleared it with her, do send it.")]})

    mailing.answer(m2="approve")

    assert len(mailing.done) == 1


def test_langchain_33787_the_original_of_an_edited_call_is_not_asked_about_again() -> None:
    """After an edit ran, the model's original is refused, and the model is told that it was replaced."""
    mailing = Mailing(mail("m1"), mail("m2"), "Sent as changed.")
    mailing.ask()

    out = mailing.answer(m1={"type": "edit", "changes": {"body": "Dear Ann"}})

    assert "__interrupt__" not in out
    assert mailing.done == [("send_email", "ann@example.com", "Dear Ann")]
    assert "replaced" in str(mailing.told("m2").content)


def test_an_approved_call_may_be_proposed_again() -> None:
    """Only what was decided against is refused; the same call after an approval is a case of its own."""
    mailing = Mailing(mail("m1"), mail("m2"), "Twice.")
    mailing.ask()
    mailing.answer(m1="approve")

    assert list(mailing.open()) == ["m2"]


def test_ids_that_a_model_uses_again_do_not_mix_up_turns() -> None:
    """A model that numbers its calls from 1 in each turn gets each decision for the turn it was made in."""
    answers: list[Any] = [mail("1", "a"), mail("1", "b"), mail("1", "c"), "Done."]
    mailing = Mailing(*answers)
    mailing.ask()
    mailing.answer(**{"1": "approve"})
    mailing.answer(**{"1": "reject"})
    mailing.answer(**{"1": "approve"})

    assert [one[2] for one in mailing.done] == ["a", "c"]


def test_a_summary_of_the_messages_takes_no_rejection_away() -> None:
    """What was rejected stays rejected when the messages that said so are summarised."""
    writer = ScriptedModel(*["A summary."] * 9, checks=False)
    summary = SummarizationMiddleware(writer, trigger=("messages", 3), keep=("messages", 1))
    mailing = Mailing(mail("m1"), mail("m2"), mail("m3"), before=[summary], max_repeats=1)
    mailing.model.checks = False
    mailing.ask()

    out = mailing.answer(m1="reject")

    assert "__interrupt__" not in out
    assert "I stop here" in str(out["messages"][-1].content)


def test_a_default_that_is_written_out_makes_no_other_call_of_it() -> None:
    """The same act with `copies=0` said is the one that was rejected."""
    again = call("send_email", "m2", to="ann@example.com", body="Hello", copies=0)
    mailing = Mailing(mail("m1"), again, "Then not.")
    mailing.ask()

    out = mailing.answer(m1="reject")

    assert "__interrupt__" not in out
    assert "rejected" in str(mailing.told("m2").content)


def test_an_argument_that_the_tool_would_drop_makes_no_other_call_of_it() -> None:
    """The model is told that there is no such argument; a person is shown none that does nothing."""
    again = call("send_email", "m2", to="ann@example.com", body="Hello", urgent=True)
    mailing = Mailing(mail("m1"), again, "Then not.")
    mailing.ask()

    out = mailing.answer(m1="reject")

    assert "__interrupt__" not in out
    assert "urgent: is no argument of it" in str(mailing.told("m2").content)
