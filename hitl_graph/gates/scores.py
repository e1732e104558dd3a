"""Where a confidence comes from: the state, a function, token logprobs, or agreement among samples."""

from __future__ import annotations

import dataclasses
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
    There is no score, and so a person is asked, when the message has no logprobs or the label is not in it.

    Source: chain rule, p(label) = exp(Σ log p(token | tokens before)).
    """

    message: str
    label: str

    def score(self, state: Any) -> Score:
        """exp of the sum of the label's token logprobs, from 0 to 1."""
        tokens = _logprobs(read(state, self.message))
        label = str(read(state, self.label) or "")
        if not tokens or not label:
            return None
        text = "".join(token for token, _ in tokens)
        mentions = [found.start() for found in re.finditer(re.escape(label), text)]
        return min((_probability(tokens, start, start + len(label)) for start in mentions), default=None)


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
        samples = read(state, self.samples)
        if not isinstance(samples, Sequence) or isinstance(samples, str) or len(samples) < 2:
            return None
        wanted = _same(read(state, self.proposal))
        return sum(wanted is not None and _same(sample) == wanted for sample in samples) / len(samples)


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


def _probability(tokens: list[tuple[str, float]], start: int, end: int) -> float:
    """exp of the summed logprobs of the tokens that touch the characters from `start` to `end`."""
    at, total = 0, 0.0
    for token, logprob in tokens:
        if at < end and at + len(token) > start:
            total += logprob
        at += len(token)
    return math.exp(total)


def _logprobs(message: Any) -> list[tuple[str, float]]:
    """(token, logprob) pairs of a chat answer, in order; none when they cannot be read."""
    metadata = message.get("response_metadata") if isinstance(message, Mapping) else None
    metadata = metadata or getattr(message, "response_metadata", None) or {}
    try:
        content = (metadata.get("logprobs") or {}).get("content") or []
        return [(str(entry["token"]), min(0.0, float(entry["logprob"]))) for entry in content]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
