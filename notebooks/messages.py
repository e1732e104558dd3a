"""Customer messages with their right label: BANKING77 where it lies beside the project, else the demo's.

BANKING77 is no part of this project: Casanueva et al., 2020, "Efficient Intent Detection with Dual Sentence Encoders",
CC BY 4.0. `HITL_DATA` names the folder that holds `banking77/`; without it, `../shared/data` is looked at.
"""

import dataclasses
import os
import random
from pathlib import Path

from hitl_graph.demo.inbox_reader import Message, read_messages

__all__ = ["Labelled", "Messages", "load"]

BESIDE = Path(__file__).parents[2] / "shared" / "data"
SHARES = (0.6, 0.2, 0.2)
"""How the demo's few messages are divided: to learn from, to choose on, to report on."""
MATTERS = {
    "card_delivery": "card",
    "card_problem": "card",
    "account_access": "account",
    "account_change": "account",
    "identity_check": "account",
    "security_and_fraud": "security",
    "other": "account",
}
"""The demo's twelve categories, folded: some fifty messages cannot teach twelve. What is not named is about money."""


@dataclasses.dataclass(frozen=True)
class Labelled:
    """One message and its right label."""

    text: str
    label: str


@dataclasses.dataclass(frozen=True)
class Messages:
    """Three parts that share no message: `learn` from it, `choose` on it, `report` on it.

    `whose` says where they come from, `sizes` how many there are. Texts may be shown only when they are `ours`.
    """

    learn: list[Labelled]
    choose: list[Labelled]
    report: list[Labelled]
    whose: str
    sizes: str
    ours: bool


def load(seed: int = 7) -> Messages:
    """The messages, divided the same way for the same seed.

    Raises:
        InputError: The files are there and cannot be read.
    """
    folder = Path(os.environ.get("HITL_DATA") or BESIDE) / "banking77"
    if not (folder / "train.csv").is_file() or not (folder / "test.csv").is_file():
        return _shipped(seed)
    train, test = _labelled(folder / "train.csv", seed), _labelled(folder / "test.csv", seed)
    cut = len(train) * 7 // 10
    whose = "BANKING77 (Casanueva et al., 2020, CC BY 4.0)"
    return Messages(train[:cut], train[cut:], test, whose, _sizes(train[:cut], train[cut:], test), ours=False)


def _shipped(seed: int) -> Messages:
    rows = [Labelled(row.text, MATTERS.get(row.label, "money")) for row in _labelled(None, seed)]
    first, second = (round(len(rows) * share) for share in (SHARES[0], SHARES[0] + SHARES[1]))
    parts = rows[:first], rows[first:second], rows[second:]
    whose = (
        "the messages that ship with the demo, since BANKING77 is not beside the project: enough to see how it works, "
        "too few to learn from or to conclude anything"
    )
    return Messages(*parts, whose, _sizes(*parts), ours=True)


def _sizes(learn: list[Labelled], choose: list[Labelled], report: list[Labelled]) -> str:
    return f"{len(learn):,} to learn from, {len(choose):,} to choose on, {len(report):,} to report on"


def _labelled(path: Path | None, seed: int) -> list[Labelled]:
    rows: list[Message] = read_messages(path)
    random.Random(seed).shuffle(rows)  # noqa: S311  # an order, not a secret
    return [Labelled(row.text, row.extra["category"]) for row in rows]
