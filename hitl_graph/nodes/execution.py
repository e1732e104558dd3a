"""Checks for the moment of the act (R75): who must not be contacted, when one may act, what has changed since."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from hitl_graph.calendars import BusinessHours
from hitl_graph.errors import ProposalError
from hitl_graph.gates import Ask, Gate
from hitl_graph.gates.case import evidence_digest, last_record
from hitl_graph.nodes.clock import now

__all__ = ["evidence_unchanged", "not_listed", "within"]

Check = Callable[[Any], str | None]
"""Looks at the state just before the act; a sentence holds the act, None lets it happen."""


def not_listed(who: Callable[[Any], Any], listed: Container[Any] | Callable[[Any], bool]) -> Check:
    """Hold an act towards somebody who is on a list, such as those who must not be contacted.

    Args:
        who: Gives from the state whom the act is towards; a list of several is looked at one by one.
        listed: The list, or a function that looks somebody up; it is asked at each act.

    Example:
        >>> check = not_listed(lambda state: state["email"]["to"], {"ana@example.com"})
        >>> check({"email": {"to": "ana@example.com"}})
        'ana@example.com is listed as not to be contacted'
    """

    def check(state: Any) -> str | None:
        found = who(state)
        for one in found if isinstance(found, (list, tuple, set, frozenset)) else [found]:
            if listed(one) if callable(listed) else one in listed:
                return f"{one} is listed as not to be contacted"
        return None

    return check


def within(hours: BusinessHours) -> Check:
    """Hold an act outside working time, by this process's clock.

    Args:
        hours: The calendar, with its time zone, such as `BusinessHours(zone="Europe/Berlin")`.
    """

    def check(_: Any) -> str | None:
        at = now()
        return None if hours.is_open(at) else f"{at.isoformat(timespec='minutes')} is outside working time"

    return check


def evidence_unchanged(gate: Gate) -> Check:
    """Hold an act when what its approval was given on is no longer what stands in the state.

    Args:
        gate: The gate that approved it; its evidence is collected once more.
    """

    def check(state: Any) -> str | None:
        record = last_record(gate.name, state)
        if record is None or record.get("evidence_digest") is None:
            return None  # nobody was asked: the act itself sees to its approval
        judged = (_get(state, "judgements") or {}).get(gate.name) or {}
        try:
            verdict = gate.judge(state, judged.get("signals"), asked=True)
        except ProposalError as error:
            return f"it cannot be judged any more: {error}"
        if isinstance(verdict, Ask) and evidence_digest(verdict.request) == record["evidence_digest"]:
            return None
        return f"the evidence has changed since {record['by']} decided on it"

    return check


def _get(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
