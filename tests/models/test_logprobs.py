"""The confidence of a label from `ChatOpenAI`'s token logprobs, over real HTTP, however the answer comes."""

from __future__ import annotations

import functools
import json
import math
import operator
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from hitl_graph.gates import TokenLogprobs
from tests.models.triage import SURE, Label, chat, served
from tests.support.openai_server import Reply, Token

P = math.exp(-0.02)
"""Of `SURE`."""


def invoked(model: Any) -> AIMessage:
    """One answer at once."""
    answer: AIMessage = model.invoke("x")
    return answer


def streamed(model: Any) -> AIMessage:
    """One answer in chunks, added up."""
    answer: AIMessage = functools.reduce(operator.add, model.stream("x"))
    return answer


def structured(model: Any) -> AIMessage:
    """The message behind a structured answer."""
    answer: AIMessage = model.with_structured_output(Label, method="json_schema", include_raw=True).invoke(
        "x"
    )["raw"]
    return answer


def as_json(model: Any) -> dict[str, Any]:
    """The message as a state of plain JSON keeps it."""
    plain: dict[str, Any] = json.loads(invoked(model).model_dump_json())
    return plain


WAYS: list[Callable[[Any], Any]] = [invoked, streamed, structured, as_json]
ways = pytest.mark.parametrize("way", WAYS)


def told(message: Any, label: str = "refund") -> tuple[float | None, str]:
    """The score, and why there is none."""
    source, state = TokenLogprobs("answer", "tag"), {"answer": message, "tag": label}
    return source.score(state), source.missing(state)


def asked(way: Callable[[Any], Any], tokens: tuple[Token, ...], label: str = "refund") -> float | None:
    """The score of an answer of these tokens."""
    with served(Reply(tokens=tokens)) as server:
        return told(way(chat(server.url, logprobs=True)), label)[0]


@ways
def test_a_label_of_several_tokens_has_the_product_of_their_probabilities(way: Callable[[Any], Any]) -> None:
    """At once, streamed, structured, or as JSON: the same number."""
    assert asked(way, SURE) == pytest.approx(P)


async def test_the_async_calls_give_the_same() -> None:
    """`ainvoke` and `astream`."""
    with served(Reply(tokens=SURE)) as server:
        model = chat(server.url, logprobs=True)
        at_once = await model.ainvoke("x")
        chunks = [chunk async for chunk in model.astream("x")]

    assert told(at_once)[0] == told(functools.reduce(operator.add, chunks))[0] == pytest.approx(P)


@ways
def test_of_two_mentions_the_less_sure_one_counts(way: Callable[[Any], Any]) -> None:
    """A rationale repeats a label with ease; the value itself was a guess."""
    tokens = (('{"label":"', -0.1), ("refund", -1.2), ('","label":"', -0.1), ("refund", -0.001), ('"}', 0))
    assert asked(way, tokens) == pytest.approx(math.exp(-1.2))


@pytest.mark.parametrize("way", [invoked, streamed])
def test_a_label_that_is_a_key_as_well_is_not_more_sure_for_it(way: Callable[[Any], Any]) -> None:
    """A key that the schema forces has probability 1; that of the value counts."""
    tokens = (('{"', 0), ("refund", 0), ('": false, "label": "', 0), ("refund", -0.7), ('"}', 0))
    assert asked(way, tokens) == pytest.approx(math.exp(-0.7))


@pytest.mark.parametrize("way", [invoked, streamed])
@pytest.mark.parametrize(
    ("label", "tokens"),
    [
        ("退款", ((b"\xe9\x80", -0.1), (b"\x80", -0.2), ("款", -0.3))),
        ("👍", (("Say ", -5.0), (b"\xf0\x9f", -0.1), (b"\x91\x8d", -0.5))),
        ("café", (('{"label": "caf', -0.2), ("é", -0.4), ('"}', -5.0))),
        ("café", (('{"label": "caf', -0.2), ("\\u00e9", -0.4), ('"}', -5.0))),
        ('say "no"', (('{"label": "', -5.0), ('say \\"no', -0.5), ('\\"', -0.1), ('"}', -5.0))),
    ],
    ids=["split character", "split emoji", "accent", "accent in JSON", "quotes in JSON"],
)
def test_a_label_beyond_plain_letters_is_found(
    way: Callable[[Any], Any], label: str, tokens: tuple[Token, ...]
) -> None:
    """Tokens are bytes, some no character by themselves; JSON may write a character in another way."""
    own = 0.6
    assert asked(way, tokens, label) == pytest.approx(math.exp(-own))


NONE: dict[str, tuple[Callable[[Any], Any], Reply, dict[str, Any], str]] = {
    "no logprobs were asked for": (invoked, Reply(tokens=SURE), {"logprobs": None}, "no token logprobs"),
    "no logprobs came": (invoked, Reply('{"label":"refund"}'), {}, "no token logprobs"),
    "a stream without logprobs": (streamed, Reply(tokens=SURE), {"logprobs": None}, "no token logprobs"),
    "a label in a tool call": (
        invoked,
        Reply(tool_calls=[("Label", '{"label":"refund"}')]),
        {},
        "no token logprobs",
    ),
    "a refusal": (structured, Reply(refusal="I cannot say."), {}, "no token logprobs"),
    "another label": (invoked, Reply(tokens=[("delivery", 0)]), {}, "not in the model's answer"),
    "another case of letters": (invoked, Reply(tokens=[("Refund", 0)]), {}, "not in the model's answer"),
    "an answer that did not fit": (
        invoked,
        Reply(tokens=[("refund", 0), (" or", -1)], finish="length"),
        {},
        "cut off (length)",
    ),
    "an answer that was filtered": (
        invoked,
        Reply(tokens=[("refund", 0)], finish="content_filter"),
        {},
        "cut off (content_filter)",
    ),
    "a stream that just ends": (streamed, Reply(tokens=SURE, events=6), {}, "cut off (no end)"),
}


@pytest.mark.parametrize(("way", "reply", "given", "why"), NONE.values(), ids=NONE.keys())
def test_without_a_whole_answer_there_is_no_score_and_it_says_why(
    way: Callable[[Any], Any], reply: Reply, given: dict[str, Any], why: str
) -> None:
    """Never a guess: no score is asked about."""
    with served(reply) as server:
        score, missing = told(way(chat(server.url, **{"logprobs": True, **given})))

    assert score is None and why in missing


def test_a_score_has_no_reason_to_be_missing() -> None:
    """`missing` is empty where there is a score."""
    with served(Reply(tokens=SURE)) as server:
        assert told(invoked(chat(server.url, logprobs=True)))[1] == ""


def test_usage_and_streamed_tool_calls_come_through() -> None:
    """The server speaks enough of the protocol for the client to put both together."""
    call = ("send_email", json.dumps({"to": "ana@example.com", "body": "On its way."}))
    with served(Reply(tool_calls=[call, call])) as server:
        message: Any = streamed(chat(server.url, stream_usage=True))

    assert [one["args"]["to"] for one in message.tool_calls] == ["ana@example.com"] * 2
    assert message.usage_metadata["total_tokens"] == 2
