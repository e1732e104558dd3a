"""A model that fails is asked about: no failure is a guess, none is silent, and nothing is done before that."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from hitl_graph import Choose, Desk, Edit, Option, Thresholds, open_checkpointer
from hitl_graph.testing.databases import Databases
from tests.models.triage import SURE, Classify, State, chat, classifier, served, triage_graph
from tests.support.graphs import thread
from tests.support.openai_server import OpenAIServer, Reply

GOOD = Reply(tokens=SURE)


@pytest.fixture(scope="module")
def places(databases: Databases) -> Iterator[tuple[Any, Any]]:
    """A saver and a desk."""
    with databases.fresh_database() as url, open_checkpointer(url) as checkpointer, Desk(url) as desk:
        yield checkpointer, desk


class Run:
    """One message through the graph."""

    def __init__(self, places: tuple[Any, Any], classify: Classify, **changes: Any) -> None:
        checkpointer, self.desk = places
        self.done: list[str] = []
        self.name = str(uuid.uuid4())
        builder = triage_graph(classify, self.done, **changes)
        self.graph: Any = builder.compile(checkpointer=checkpointer, name="triage")

    def start(self) -> Run:
        """Send the message in."""
        self.graph.invoke({"text": "Money back!"}, thread(self.name))
        return self

    @property
    def case(self) -> Any:
        """The one case that waits."""
        [case] = self.desk.pending(thread_id=self.name)
        return case

    def decide(self, decision: Any) -> None:
        """Decide it, and let the graph go on."""
        self.desk.decide(self.case.id, decision, by="ana", digest=self.case.digest)
        [resumed] = self.desk.resume(self.graph, thread_ids=[self.name])
        assert resumed.error is None

    @property
    def reasons(self) -> str:
        """Why the person is asked."""
        return " ".join(reason["text"] for reason in self.case.payload["why"])


FAILURES: dict[str, tuple[Reply, dict[str, Any], str]] = {
    "429": (Reply(status=429, headers={"retry-after": "0.01"}), {}, "429"),
    "500": (Reply(status=500), {}, "500"),
    "401": (Reply(status=401), {}, "401"),
    "a body cut off": (Reply(tokens=SURE, cut=60), {}, "Connection error"),
    "a stream cut off": (Reply(tokens=SURE, cut=4), {"streaming": True}, "Connection error"),
    "a stream that just ends": (Reply(tokens=SURE, events=4), {"streaming": True}, "EOF while parsing"),
    "a body that is no JSON": (Reply(body='{"id": '), {}, "JSONDecodeError"),
    "a page of HTML": (Reply(body="<html>"), {}, "JSONDecodeError"),
    "an answer without choices": (Reply(body="{}"), {}, "TypeError"),
    "no answer in time": (Reply(hang=True), {"timeout": 0.1, "max_retries": 0}, "timed out"),
    "text in place of an object": (Reply("refund, I think"), {}, "JSON"),
    "a label that is none": (Reply('{"label": "weather"}'), {}, "'refund' or 'delivery'"),
    "an answer that did not fit": (Reply(tokens=SURE[:4], finish="length"), {}, "length limit"),
    "a refusal": (Reply(refusal="I will not."), {}, "I will not."),
}


@pytest.mark.parametrize(("reply", "given", "says"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failed_model_is_a_case_and_nothing_is_done(
    places: tuple[Any, Any], reply: Reply, given: dict[str, Any], says: str
) -> None:
    """The failed node's handler asks, with the error; a retry with a model that works again goes through."""
    works: list[bool] = []
    with OpenAIServer(lambda _: GOOD if works else reply) as server:
        fragile, steady = (chat(server.url, logprobs=True, **how) for how in (given, {}))

        def classify(state: State) -> dict[str, Any]:
            return classifier(steady if works else fragile)(state)

        run = Run(places, classify).start()
        assert (run.case.gate, run.done) == ("model_failed", []) and says in run.reasons

        works.append(True)
        run.decide(Choose("retry"))

    assert run.done == ["refund"] and run.desk.pending(thread_id=run.name) == []


def test_a_busy_server_is_asked_again_before_a_person_is(places: tuple[Any, Any]) -> None:
    """429 with Retry-After, then an answer: the client's own retry, and nobody is bothered."""
    busy = Reply(status=429, headers={"retry-after": "0.01"})
    with served(busy, GOOD) as server:
        run = Run(places, classifier(chat(server.url, logprobs=True))).start()

        assert run.done == ["refund"] and len(server.requests) == 2


def test_a_person_can_do_without_the_model(places: tuple[Any, Any]) -> None:
    """Skip leads past the gate and its act, to where a person works by hand."""
    with served(Reply(status=500)) as server:
        run = Run(places, classifier(chat(server.url, logprobs=True))).start()
        run.decide(Choose("skip"))

    assert run.done == [] and run.graph.get_state(thread(run.name)).values["done"] == ["by hand"]


def test_a_model_that_fails_again_is_asked_about_again(places: tuple[Any, Any]) -> None:
    """A retry that fails is a new case."""
    with served(Reply(status=500)) as server:
        run = Run(places, classifier(chat(server.url, logprobs=True))).start()
        first = run.case.id
        run.decide(Choose("retry"))

    assert run.case.id != first and run.done == []


def test_an_answer_without_logprobs_is_asked_about_by_the_gate(places: tuple[Any, Any]) -> None:
    """The model answered, but nothing says how surely: the person chooses, and is told why."""
    with served(Reply('{"label": "refund"}')) as server:
        run = Run(places, classifier(chat(server.url, logprobs=True))).start()
        assert run.case.gate == "triage" and run.done == []
        assert "no usable confidence for this one: the model's answer has no token logprobs." in run.reasons

        run.decide(Choose("delivery"))

    assert run.done == ["delivery"]


def test_an_unsure_answer_is_asked_about_by_the_gate(places: tuple[Any, Any]) -> None:
    """Half sure is under the bar."""
    unsure = (*SURE[:3], ("refund", -0.7), ('"}', 0))
    with served(Reply(tokens=unsure)) as server:
        run = Run(places, classifier(chat(server.url, logprobs=True))).start()

    assert "Confidence 0.50 is under the bar of 0.90" in run.reasons and run.done == []


def test_a_score_survives_the_checkpoint(places: tuple[Any, Any]) -> None:
    """The model's message comes back from the database with its logprobs, parsed object and all."""
    with served(GOOD) as server:
        strict = Thresholds({"tag_ticket": {"*": 0.999}})
        run = Run(places, classifier(chat(server.url, logprobs=True)), thresholds=strict).start()

    assert "Confidence 0.98 is under the bar" in run.reasons
    kept = run.graph.get_state(thread(run.name)).values["answer"]
    assert kept.response_metadata["finish_reason"] == "stop"


class Judge:
    """A score that asks a model each time: a second opinion."""

    def __init__(self, model: Any, *, catches: bool) -> None:
        self.model, self.catches = model, catches

    def __call__(self, state: Any) -> float | None:
        """The model's word for how sure it is; None when it has none and failures are caught here."""
        try:
            return float(self.model.invoke(f"How sure? {state['tag']}").content)
        except (openai.OpenAIError, ValueError):
            if self.catches:
                return None
            raise


def tagged(_: Any) -> dict[str, Any]:
    """A classifier without a model."""
    return {"tag": "refund"}


def test_a_score_that_failed_is_none_and_asked_about(places: tuple[Any, Any]) -> None:
    """A score function that says None when its model fails."""
    with served(Reply(status=500)) as server:
        run = Run(places, tagged, score=Judge(chat(server.url), catches=True)).start()

    assert run.case.gate == "triage" and run.done == []
    assert run.case.payload["why"][0]["code"] == "no_score"


def test_a_score_that_raises_stops_the_thread_before_the_act(places: tuple[Any, Any]) -> None:
    """Loud, not silent: the run raises, nothing was done, and the thread goes on once the model works."""
    with served(Reply(status=500), Reply(status=500), Reply("0.99")) as server:
        run = Run(places, tagged, score=Judge(chat(server.url), catches=False))
        with pytest.raises(openai.OpenAIError):
            run.start()
        assert run.done == []

        run.graph.invoke(None, thread(run.name))

    assert run.done == ["refund"]


def test_a_score_that_is_no_share_is_asked_about(places: tuple[Any, Any]) -> None:
    """A model that says 95 where 0.95 was meant is not 95 times sure."""
    with served(Reply("95")) as server:
        run = Run(places, tagged, score=Judge(chat(server.url), catches=True)).start()

    assert run.case.payload["why"][0]["code"] == "no_score" and run.done == []


def test_a_label_can_be_put_right_before_the_retry(places: tuple[Any, Any]) -> None:
    """Where something was proposed already, the person may edit it and let the step run again."""

    def stuck(state: Any) -> dict[str, Any]:
        if state.get("tag") == "refund":
            raise RuntimeError("the model does not know this label any more")
        return {"score": 1.0}

    run = Run(places, stuck, score="score", options=(Option("refund"), Option("delivery")))
    run.graph.invoke({"text": "x", "tag": "refund"}, thread(run.name))
    run.decide(Edit({"value": "delivery"}))

    assert run.done == ["delivery"]
