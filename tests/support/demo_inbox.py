"""The demo on a terminal with its inbox: where it is, and its cases decided as the pages would."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hitl_graph import Desk
from hitl_graph.decisions import Approve, Choose, Decision
from hitl_graph.desk import Case
from tests.support.terminals import AtTerminal

__all__ = ["address_on", "decide_all", "pending", "plain", "until"]

PLAIN = "I topped up 50 with Apple Pay and it vanished again."
"""A message of which the demo asks only whether the reply may be sent."""
_LONGEST_S = 60.0


def plain(folder: Path, *texts: str) -> Path:
    """A file with these messages; without any, with one that only its reply is asked about."""
    path = folder / "in.csv"
    path.write_text(
        "\n".join(["text", *(f'"{text}"' for text in texts or (PLAIN,))]) + "\n", encoding="utf-8"
    )
    return path


def address_on(demo: AtTerminal) -> str:
    """The address that the terminal shows, when the inbox is there."""
    before = demo.until("Ctrl-C ends")
    found = re.search(r"http://127\.0\.0\.1:\d+/sign-in/token\?token=[\w-]+", before)
    assert found, before
    return found[0]


def until(true: Callable[[], Any], what: str) -> Any:
    """What `true` gives, as soon as it is something."""
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


def pending(url: str) -> list[Case]:
    """What waits for a decision."""
    with Desk(url) as desk:
        return list(desk.pending())


def decide_all(url: str, workflow: str | None = None, *, decision: Decision | None = None) -> int:
    """Decide what waits now, of one graph or all: approve, or choose as proposed, unless another decision is given."""
    with Desk(url) as desk:
        cases = list(desk.pending(workflow=workflow))
        for case in cases:
            said = Choose(case.proposal["category"]) if case.gate == "triage" else Approve()
            desk.decide(case.id, decision or said, by="ana", digest=case.digest)
    return len(cases)
