"""Who decides the demo's cases, and the script that does it where nobody can be asked."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Protocol

from hitl_graph.decisions import (
    Approve,
    AskInfo,
    Cause,
    Choose,
    Decision,
    Edit,
    Recurrence,
    Reject,
    Respond,
    TakeOver,
)
from hitl_graph.desk import Case

__all__ = ["Reviewer", "ScriptedReviewer"]


class Reviewer(Protocol):
    """Decides one case after the other.

    `by` is the name that stands in the records. `at_once` is how many cases are decided before their threads
    go on.
    """

    by: str
    at_once: int

    def decide(self, case: Case, row: int, turn: int) -> Decision | None:
        """The decision; None leaves this case and all others as they are.

        Args:
            case: The case, as the desk shows it.
            row: The message's 1-based place in its file.
            turn: How often this gate has asked about this message before.
        """
        ...

    def refused(self, case: Case, problem: str) -> None:
        """The case did not take the decision; it is asked about again."""
        ...


@dataclasses.dataclass(kw_only=True)
class ScriptedReviewer:
    """Decides by dice that fall the same way for the same seed, message, gate and turn, in whatever order.

    Args:
        seed: Another seed, other decisions.
        known: The right category of a message by its row, where the file says it. The graph is not told.
    """

    seed: int = 0
    known: Mapping[int, str] = dataclasses.field(default_factory=dict)
    by: str = "scripted reviewer"
    at_once: int = 100

    def decide(self, case: Case, row: int, turn: int) -> Decision:
        """Mostly approves and chooses right; now and then edits, rejects, asks, or takes over."""
        dice = Dice(self.seed, row, case.gate or case.node, turn)
        if case.gate == "triage":
            return self._choose(case, row, dice)
        if case.gate == "escalation":
            return self._handle(dice)
        if case.gate == "draft_failed":
            return Choose("retry" if turn == 0 else "skip", note="Tried once more, then without the model.")
        return self._read(case, dice)

    def refused(self, case: Case, problem: str) -> None:
        """A script that is refused is a mistake in it."""
        raise AssertionError(f"the scripted decision about {case.gate} was refused: {problem}")

    def _choose(self, case: Case, row: int, dice: Dice) -> Decision:
        options = [option.value for option in case.request.options] if case.request else []
        right = self.known.get(row)
        right = right if right in options else case.proposal["category"]
        if dice.throw("slip") < 0.92:
            return Choose(right)
        others = [value for value in options if value != right]
        return Choose(others[int(dice.throw("which") * len(others))], note="Read in a hurry.")

    def _handle(self, dice: Dice) -> Decision:
        share = dice.throw("handle")
        if share < 0.7:
            return Approve(note="The agent may draft this one.")
        if share < 0.85:
            return Respond(
                "Hello,\n\nI have read your message myself and will look into it today. You will hear from "
                "me, by name, before the end of the day.\n\nKind regards,\nA colleague of customer support\n",
                recurrence=Recurrence.EDGE,
            )
        return TakeOver(reason="needs_a_person", note="I will call the customer.")

    def _read(self, case: Case, dice: Dice) -> Decision:
        share = dice.throw("read")
        if share < 0.80:
            return Approve()
        if share < 0.87:
            body = case.proposal["body"].replace("Hello,", "Dear customer,", 1)
            body = body.replace(
                "Kind regards,", "Please write again if this does not settle it.\n\nKind regards,"
            )
            return Edit(
                {"body": body}, reason="tone", cause=Cause.INSTRUCTIONS, recurrence=Recurrence.RECURRING
            )
        if share < 0.91:
            subject = f"Re: {case.proposal['subject']}"[:200]
            return Edit({"subject": subject}, reason="subject", cause=Cause.INSTRUCTIONS)
        if share < 0.96:
            note = ("Please write it shorter.", "The tone is cold.", "Offer a call with a person.")
            words = note[int(dice.throw("note") * len(note))]
            return Reject(reason="tone", note=words, cause=Cause.MODEL, recurrence=Recurrence.RECURRING)
        if share < 0.98:
            return AskInfo("Which payment is it about, and on which date?", cause=Cause.SOURCE_DATA)
        return TakeOver(reason="needs_a_person", note="I will write this one myself.")


class Dice:
    """Shares from 0 to 1 that depend on nothing but the names they are thrown for."""

    def __init__(self, *names: object) -> None:
        self._names = "\0".join(map(str, names))

    def throw(self, name: str) -> float:
        """The share for one more name."""
        raw = hashlib.sha256(f"{self._names}\0{name}".encode()).digest()[:8]
        return int.from_bytes(raw, "big") / 2**64
