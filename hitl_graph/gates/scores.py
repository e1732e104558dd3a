"""Where a confidence comes from: the state, a function, token logprobs, or agreement among samples."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hitl_graph.gates.gate import read
from hitl_graph.plain import digest, plain_json

__all__ = ["Agreement", "Score", "ScoreSource", "TokenLogprobs", "usable"]

Score = float | None
"""A share from 0 to 1; None when there is none, and then a person is asked."""


@dataclasses.dataclass(frozen=True)
class TokenLogprobs:
    """The probability that a model gave its label: the product over the label's tokens alone.

    Args:
        message: State key of the answer, a `ChatOpenAI` message made with `logprobs=True` (or its JSON).
        label: The label whose tokens count: a state key.

    Where the label stands several times in the answer, as in a rationale, the least sure mention counts.
    There is no score, and so a person is asked, when the message has no logprobs, was cut off, or does not
    hold the label as it is written in the state (or as JSON writes it).

    Source: chain rule, p(label) = exp(Σ log p(token | tokens before)).
    """

    message: str
    label: str

    def score(self, state: Any) -> Score:
        """exp of the sum of the label's token logprobs, from 0 to 1."""
        return self._measured(state)[0]

    def missing(self, state: Any) -> str:
        """Why there is no score, in words; empty when there is one."""
        return self._measured(state)[1]

    def _measured(self, state: Any) -> tuple[Score, str]:
        message, label = read(state, self.message), read(state, self.label)
        metadata = _metadata(message)
        tokens = _logprobs(metadata)
        if not tokens:
            return None, "the model's answer has no token logprobs"
        if metadata.get("finish_reason") not in _WHOLE:
            return None, f"the model's answer was cut off ({metadata.get('finish_reason') or 'no end'})"
        if label is None or str(label) == "":
            return None, "there is no label"
        text = b"".join(token for token, _ in tokens)
        mentions = {
            found.span()
            for spelled in _spellings(str(label))
            for found in re.finditer(re.escape(spelled), text)
            if _stands_alone(text, *found.span())
        }
        if not mentions:
            return None, "the label is not in the model's answer"
        return min(_probability(tokens, start, end) for start, end in mentions), ""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The share of independent samples that agree with the proposal (self-consistency).

    Args:
        samples: State key of a list of at least two sampled answers, the same shape as the proposal.
        proposal: State key of the proposal.
    """

    samples: str
    proposal: str

    def score(self, state: Any) -> Score:
        """Share of samples equal to the proposal, from 0 to 1."""
        if self.missing(state):
            return None
        samples, wanted = read(state, self.samples), _same(read(state, self.proposal))
        return sum(wanted is not None and _same(sample) == wanted for sample in samples) / len(samples)

    def missing(self, state: Any) -> str:
        """Why there is no score, in words; empty when there is one."""
        if not _is_several(read(state, self.samples)):
            return "fewer than two samples were drawn"
        return (
            "nothing was proposed, so that nothing can agree" if _is_blank(read(state, self.proposal)) else ""
        )


def _is_several(samples: object) -> bool:
    return isinstance(samples, Sequence) and not isinstance(samples, str) and len(samples) >= 2


def _is_blank(value: object) -> bool:
    """Whether it says nothing: a refused, cut or filtered answer comes as empty text."""
    if isinstance(value, Mapping):
        return all(_is_blank(inner) for inner in value.values())
    return value is None or (isinstance(value, str) and not value.strip())


def _same(value: object) -> str | None:
    """Equal for equal JSON; None for what is none, which agrees with nothing."""
    try:
        return digest(plain_json(value, "sample"))
    except ValueError:
        return None


ScoreSource = str | TokenLogprobs | Agreement | Callable[[Any], Score] | Callable[[Any], Awaitable[Score]]
"""A state key, token logprobs, agreement, or any function of the state (sync, or async in async graphs)."""


def usable(score: object) -> Score:
    """The score when it is a share from 0 to 1, else None: what cannot be read is never confident."""
    if isinstance(score, bool) or not isinstance(score, (int, float)):
        return None
    return float(score) if math.isfinite(score) and 0 <= score <= 1 else None


_ROUNDING = 1e-4
"""By which a logprob may be above 0."""

_WHOLE = ("stop", "tool_calls", "function_call")
"""The ends of an answer that is whole; without any, the connection was lost."""


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Whether a mention is a word of its own: `refund` is not what `not_refund` or `refundable` says."""
    before, after = text[:start].decode("utf-8", "replace"), text[end:].decode("utf-8", "replace")
    label = text[start:end].decode("utf-8", "replace")
    return not (_joins(before[-1:], label[:1]) or _joins(label[-1:], after[:1]))


def _joins(one: str, other: str) -> bool:
    """Whether two neighbours belong to one word. Scripts without blanks have no words in this sense."""
    return all(char == "_" or (char.isalnum() and char.isascii()) for char in (one, other) if char) and bool(
        one and other
    )


def _spellings(label: str) -> set[bytes]:
    """The label as text, and as it stands inside a JSON string."""
    spelled = {label, json.dumps(label)[1:-1], json.dumps(label, ensure_ascii=False)[1:-1]}
    return {text.encode("utf-8", "surrogatepass") for text in spelled}


def _probability(tokens: list[tuple[bytes, float]], start: int, end: int) -> float:
    """exp of the summed logprobs of the tokens that touch the bytes from `start` to `end`."""
    at, total = 0, 0.0
    for token, logprob in tokens:
        if at < end and at + len(token) > start:
            total += logprob
        at += len(token)
    return math.exp(total)


def _metadata(message: Any) -> Mapping[str, Any]:
    """What a chat answer says about itself, of a message or of its JSON."""
    found = message.get("response_metadata") if isinstance(message, Mapping) else None
    found = found or getattr(message, "response_metadata", None)
    return found if isinstance(found, Mapping) else {}


def _logprobs(metadata: Mapping[str, Any]) -> list[tuple[bytes, float]]:
    """(bytes, logprob) of each token of a chat answer, in order; none when they cannot be read."""
    try:
        content = (metadata.get("logprobs") or {}).get("content") or []
        return [(_bytes(entry), _logprob(entry["logprob"])) for entry in content]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _logprob(value: Any) -> float:
    """A logarithm of a probability: at most 0, but for rounding.

    Raises:
        ValueError: It is none, such as NaN after an overflow, or a plain probability.
    """
    logprob = float(value)
    if not logprob <= _ROUNDING:
        raise ValueError("no logarithm of a probability")
    return min(0.0, logprob)


def _bytes(entry: Mapping[str, Any]) -> bytes:
    """A token's bytes: its text is no text where a character is split over several tokens."""
    told = entry.get("bytes")
    return bytes(told) if told is not None else str(entry["token"]).encode("utf-8", "surrogatepass")
