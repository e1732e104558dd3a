"""Who is let do what with a case: the rules, asked when somebody does it and by pages before they try. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hitl_graph.desk.identity import Act, Identity, authorise, identify
from hitl_graph.errors import CaseClaimed, NotAuthorised
from hitl_graph.plain import key_of

__all__ = ["ACTS", "STOPPED_BY_A_CLAIM", "admit", "claimed_by_another"]

ACTS = (
    *("acknowledge", "claim", "decide", "heartbeat", "reassign", "release", "reroute", "retry", "snooze"),
    *("take_over_claim", "undo"),
)
"""What is done with a case, by the desk's methods."""
STOPPED_BY_A_CLAIM = frozenset({"claim", "decide", "heartbeat", "reassign", "release", "reroute", "snooze"})
"""What nobody else does while somebody has claimed the case; the statements of each say so too."""
_FOR_LEADS = frozenset({"reassign", "reroute"})
_OF_ONES_OWN = frozenset({"acknowledge", "release", "retry"})
"""What keeps the case from nobody, so that who has a part in what is proposed may do it."""


def admit(
    what: str,
    row: Mapping[str, Any],
    by: str,
    *,
    review_id: str = "",
    excluded: Collection[str] = (),
    act: Act | None = None,
    decided_by: str | None = None,
    via: str = "desk",
) -> Identity:
    """Who this is, with the rule that lets them do this with a case. Whether it is open and free is another matter.

    Args:
        what: One of `ACTS`. row: The case as `lock_case` gives it, with what the directory says of them.
        by: Who. review_id: For the error. excluded: Who has a part in what is proposed.
        act: What a decision lets through, or an undo takes back. decided_by: Who may undo it whatever it was.
        via: As in `identify`.

    Raises:
        NotAuthorised: They may not; the error says which rule stands against it.
    """
    who = identify(by, row, review_id=review_id, via=via)
    if what == "undo" and decided_by is not None and key_of(who.id) == key_of(decided_by):
        return who
    if what in ("decide", "undo"):
        return authorise(who, row, act, review_id=review_id, excluded=excluded)
    who = authorise(who, row, review_id=review_id, leads=what in _FOR_LEADS)
    if what not in _OF_ONES_OWN and key_of(who.id) in {key_of(name) for name in excluded}:
        raise NotAuthorised(review_id, who.id, "has a part in what is proposed, so that it is for others")
    return who


def claimed_by_another(row: Mapping[str, Any], by: str, *, review_id: str = "") -> CaseClaimed | None:
    """Who else has claimed the case of a row, as the error that says so; None where nobody has."""
    holder: str | None = row["claimed_by"]
    if holder is None or key_of(holder) == key_of(by):
        return None
    return CaseClaimed(review_id, holder, row["claimed_until"].isoformat())
