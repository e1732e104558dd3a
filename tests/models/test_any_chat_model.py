"""Any LangChain chat model feeds a gate: without logprobs, by agreement among samples or a score of one's own."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from hitl_graph.gates import Agreement, TokenLogprobs
from tests.models.triage import State, triage_graph
from tests.support.graphs import thread


def says(*labels: str) -> GenericFakeChatModel:
    """A chat model of no provider in particular: it says these, over and over."""
    return GenericFakeChatModel(messages=itertools.cycle(AIMessage(label) for label in labels))


def sampled(model: Any, times: int = 5) -> Any:
    """A node that asks the same thing several times and proposes the first answer."""

    def classify(_: State) -> dict[str, Any]:
        samples = [model.invoke("x").text for _ in range(times)]
        return {"tag": samples[0], "samples": samples}

    return classify


def ran(classify: Any, **changes: Any) -> tuple[list[str], list[Any]]:
    """What was done, and the reasons of what is asked."""
    done: list[str] = []
    graph: Any = triage_graph(classify, done, **changes).compile(checkpointer=InMemorySaver())
    out = graph.invoke({"text": "x"}, thread("t1"))
    return done, [reason for one in out.get("__interrupt__", ()) for reason in one.value["why"]]


def test_samples_that_agree_pass() -> None:
    """Five of five."""
    done, asked = ran(sampled(says("refund")), score=Agreement("samples", "tag"))
    assert (done, asked) == (["refund"], [])


@pytest.mark.parametrize(
    ("labels", "share"), [(("refund", "delivery"), "0.60"), (("refund", *["delivery"] * 4), "0.20")], ids=str
)
def test_samples_that_differ_are_asked_about(labels: tuple[str, ...], share: str) -> None:
    """The share that says the same as the proposal is the confidence, also where most say otherwise."""
    done, [why] = ran(sampled(says(*labels)), score=Agreement("samples", "tag"))
    assert done == [] and f"Confidence {share} is under the bar" in why["text"]


def test_one_sample_is_none() -> None:
    """It agrees with itself always; the case says so."""
    done, [why] = ran(sampled(says("refund"), times=1), score=Agreement("samples", "tag"))
    assert done == [] and why["code"] == "no_score" and "fewer than two samples" in why["text"]


def test_a_model_without_logprobs_is_asked_about() -> None:
    """`TokenLogprobs` of a provider that gives none: every message goes to a person, with the reason."""

    def classify(_: State) -> dict[str, Any]:
        answer = says("refund").invoke("x")
        return {"answer": answer, "tag": answer.text}

    done, [why] = ran(classify, score=TokenLogprobs("answer", "tag"))
    assert done == [] and "has no token logprobs" in why["text"]


@pytest.mark.parametrize(("score", "done"), [(0.95, ["refund"]), (0.5, []), (None, []), (float("nan"), [])])
def test_a_score_of_ones_own_is_a_state_key(score: Any, done: list[str]) -> None:
    """Whatever measured it: a calibrated classifier, a rule, another model."""
    assert ran(lambda _: {"tag": "refund", "score": score}, score="score")[0] == done
