"""A structured answer that comes in one message with calls that did not run is not the agent's last word."""

from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from tests.agents.mailing import Mailing
from tests.support.fake_model import call, calls


class Report(BaseModel):
    """What the agent says in the end."""

    text: str


def both() -> AIMessage:
    """A mail and the report of it, in one message."""
    return calls(
        call("send_email", "m1", to="ann@example.com", body="Hello"), call("Report", "r1", text="It is sent.")
    )


def test_a_rejected_call_is_told_to_the_model_before_it_reports() -> None:
    """The report that was written before the rejection is not given out."""
    last = call("Report", "r2", text="It was rejected.")
    mailing = Mailing(both(), last, response_format=ToolStrategy(Report))
    mailing.ask()

    out = mailing.answer(m1="reject")

    assert out["structured_response"] == Report(text="It was rejected.")
    assert mailing.done == []


def test_an_approved_call_keeps_the_report() -> None:
    """What was written in view of the call stands when the call ran."""
    mailing = Mailing(both(), response_format=ToolStrategy(Report))
    mailing.ask()

    out = mailing.answer(m1="approve")

    assert out["structured_response"] == Report(text="It is sent.")
    assert len(mailing.done) == 1
