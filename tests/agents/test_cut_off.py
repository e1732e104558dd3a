"""A model's message that was cut off is not whole: its calls are neither asked about nor run."""

from collections.abc import Mapping
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph.agents import GateMiddleware
from hitl_graph.agents.cut_off import is_cut_off
from tests.agents.mailing import ASK, THREAD, Mailing, Tools, mail_gate
from tests.support.fake_model import call
from tests.support.openai_server import OpenAIServer, Reply

MAIL = ("send_email", '{"to": "ann@example.com", "body": "Do NOT send money to this man."}')


def told_of(first: Reply, *, streaming: bool) -> tuple[dict[str, Any], str]:
    """What an agent comes to when its model's first answer is `first`, and what the model is told then."""
    replies = iter([first, Reply("I could not.")])

    def answer(_: Mapping[str, Any]) -> Reply:
        return next(replies)

    with OpenAIServer(answer) as server:
        model = ChatOpenAI(model="test", base_url=server.url, api_key="test", streaming=streaming)
        middleware = GateMiddleware({"send_email": mail_gate()})
        agent = create_agent(
            model, [Tools().send_email], middleware=[middleware], checkpointer=InMemorySaver()
        )
        out: dict[str, Any] = agent.invoke(ASK, THREAD)
        last = server.requests[-1]["messages"][-1]
    return out, str(last["content"]) if last["role"] == "tool" else ""


def test_half_a_call_of_a_stream_that_just_ended_is_no_case() -> None:
    """LangChain completes the half JSON; nobody is asked to approve the half, and the model writes it again."""
    out, told = told_of(Reply(tool_calls=[MAIL], finish="tool_calls", events=8), streaming=True)

    assert "__interrupt__" not in out
    assert "was cut off before its end" in told


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_a_call_of_a_message_that_did_not_fit_is_no_case(finish: str, streaming: bool) -> None:
    """What the provider says of the end counts."""
    out, told = told_of(Reply(tool_calls=[MAIL], finish=finish), streaming=streaming)

    assert "__interrupt__" not in out
    assert "was cut off before its end" in told


@pytest.mark.parametrize("streaming", [True, False])
def test_a_whole_call_is_asked_about(streaming: bool) -> None:
    """A message that ended as it should is a case."""
    out, _ = told_of(Reply(tool_calls=[MAIL], finish="tool_calls"), streaming=streaming)

    assert out["__interrupt__"][0].value["proposal"]["body"] == "Do NOT send money to this man."


@pytest.mark.parametrize(
    "said",
    [
        {"stop_reason": "max_tokens"},
        {"finish_reason": "MAX_TOKENS"},
        {"finish_reason": "SAFETY"},
        {"status": "incomplete"},
    ],
    ids=str,
)
def test_other_providers_words_for_it(said: dict[str, Any]) -> None:
    """Anthropic's, Gemini's and the Responses API's."""
    assert is_cut_off(AIMessage("", response_metadata=said))


def test_a_provider_that_says_nothing_of_the_end_is_believed() -> None:
    """Only a word for an early end counts."""
    assert not is_cut_off(AIMessage("", response_metadata={"model_provider": "other"}))


def test_the_rest_of_the_turn_goes_on() -> None:
    """After it was told, the model writes the call again, and that one is asked about."""
    half = call("send_email", "m1", to="ann@example.com", body="Do NOT ")
    half.response_metadata["finish_reason"] = "length"
    mailing = Mailing(half, call("send_email", "m2", to="ann@example.com", body="Do NOT send"), "Sent.")

    mailing.ask()

    assert list(mailing.open()) == ["m2"]
