"""Who somebody is, as the server knows them, and what they may do. Pure: rows of the directory in, a rule out."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from hitl_graph.decisions import AGENT, SYSTEM
from hitl_graph.desk.connected import storable
from hitl_graph.errors import AnswerError, NotAuthorised
from hitl_graph.plain import hidden_characters, key_of

__all__ = ["Act", "Identity", "amount_of", "authorise", "identify", "key_of", "person_name"]

DECIDING = frozenset({"reviewer", "lead", "admin"})
"""The roles that decide; an auditor only looks."""
LEADING = frozenset({"lead", "admin"})
"""The roles that hold and release, and give any case to somebody else."""
OPEN = "open directory"
"""The rule where nobody is listed yet: anybody named may act."""
_LONGEST = 200
_NO_CHARACTERS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_LOOK_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK"})
# A text with three digits after the point is a thousand to some and one to others.
_AMOUNT = re.compile(r"[+-]?[0-9]+(\.([0-9]{1,2}|[0-9]{4,}))?")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Identity:
    """Who acts, as the directory knows them now, and the rule that lets them. `listed` is False where it is empty."""

    id: str
    name: str
    kind: str
    groups: tuple[str, ...] = ()
    rule: str = ""
    listed: bool = True

    def to_json(self) -> dict[str, Any]:
        """What is kept with the decision."""
        whole = {"id": self.id, "name": self.name, "kind": self.kind, "groups": list(self.groups)}
        return {**whole, "rule": self.rule}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Act:
    """What a decision lets through: whether it does at all, and the amount, where the action class names one."""

    approves: bool
    amount: Decimal | None = None


def person_name(by: object, *, where: str = "decide", field: str = "by", system: bool = False) -> str:
    """A name as it is kept: Unicode's composed form, no blanks around it and single ones within.

    Raises:
        AnswerError: It is empty, too long, holds a character that cannot be stored or seen, mixes Latin, Cyrillic and
            Greek letters in one word, or poses as a part of this library (`system:…`).
    """
    if not isinstance(by, str) or not by.strip():
        raise AnswerError(where, field, "is empty: say who decides")
    if not storable(by):
        raise AnswerError(where, field, "holds a character that cannot be stored")
    name = " ".join(unicodedata.normalize("NFC", by).split())
    if found := hidden_characters(name) or _unseen(name):
        raise AnswerError(where, field, f"holds hidden characters ({', '.join(found)})")
    if mixed := next(filter(_mixed, name.split()), None):
        raise AnswerError(where, field, f"mixes alphabets whose letters look alike in {mixed!r}")
    if len(name) > _LONGEST:
        raise AnswerError(where, field, f"is longer than {_LONGEST} characters")
    if name.casefold().startswith(SYSTEM) != system:
        problem = (
            "names a part of the system, which people cannot be" if not system else "is no system:… name"
        )
        raise AnswerError(where, field, problem)
    return name


def _unseen(name: str) -> list[str]:
    """What cannot be seen in a name, although a text may hold it, such as the joiners between emoji."""
    found = {c for c in name if unicodedata.category(c) in _NO_CHARACTERS or (c != " " and not key_of(c))}
    return [f"U+{ord(c):04X}" for c in sorted(found)]


def _mixed(word: str) -> bool:
    """Whether letters of several alphabets stand in one word, so that it reads as another."""
    names = (unicodedata.name(c, "").split(" ")[0] for c in word if c.isalpha())
    return len(_LOOK_ALIKE & set(names)) > 1


def identify(by: str, row: Mapping[str, Any], *, review_id: str = "", via: str = "desk") -> Identity:
    """Who this is now. `row` is what `lock_case` or `person` says: the person, and whether anybody is listed.

    Raises:
        NotAuthorised: Unknown, inactive or an agent. Agents never decide, listed or not.
    """
    if via == "system":
        return Identity(id=by, name=by, kind="system", rule="system", listed=bool(row["listed"]))
    found = row["known"]
    if key_of(by).startswith(AGENT) or (found and found["kind"] == "agent"):
        raise NotAuthorised(review_id, by, "agents do not decide")
    if not row["listed"]:
        return Identity(id=by, name=by, kind="unlisted", rule=OPEN, listed=False)
    if not found:
        raise NotAuthorised(
            review_id, by, "nobody of this name is listed (desk.people, hitl-graph people add)"
        )
    if not found["active"]:
        raise NotAuthorised(review_id, by, "is not active any more")
    if not DECIDING & set(found["roles"]):
        raise NotAuthorised(review_id, by, "is an auditor, who looks and decides nothing")
    if found["kind"] == "system" and via != "webhook":
        raise NotAuthorised(review_id, by, "is a system, and a person must decide at the desk")
    who = {"id": found["id"], "name": found["name"], "kind": found["kind"]}
    return Identity(**who, groups=tuple(found["groups"]))


def authorise(
    who: Identity,
    row: Mapping[str, Any],
    act: Act | None = None,
    *,
    review_id: str = "",
    excluded: Collection[str] = (),
    leads: bool = False,
) -> Identity:
    """The same identity with the rule that lets it act on a case.

    They must be the named person, or in the owner group or one it was escalated to; not be excluded; and where the
    directory says who may let this action through, be among those, up to their amount.

    Args:
        who: From `identify`. row: The case as `lock_case` gives it, with the authority for its action.
        act: What the decision lets through; None for what is no decision, such as a claim.
        review_id: For the error. excluded: Names that may not decide here.
        leads: Whether this is for leads and admins too, whatever their groups.

    Raises:
        NotAuthorised: One of these does not hold; the error says which.
    """
    if who.kind == "system" and who.rule == "system":
        return who
    if act is not None and key_of(who.id) in {key_of(name) for name in excluded}:
        raise NotAuthorised(review_id, who.id, "has a part in what is proposed, so that others must decide")
    if not who.listed:
        return who
    rule = _candidacy(who, row)
    if rule is None and leads and LEADING & set(row["known"]["roles"]):
        rule = "leads"
    if rule is None:
        groups = " or ".join(dict.fromkeys([row["owner"], *row["candidates"]]))
        person = f", or is {row['person']}" if row["person"] else ""
        raise NotAuthorised(review_id, who.id, f"is not in {groups}{person}")
    if act is not None and act.approves and row["authority"]:
        rule = f"{rule}; {_authority(who, row, act, review_id)}"
    return dataclasses.replace(who, rule=rule)


def _candidacy(who: Identity, row: Mapping[str, Any]) -> str | None:
    """Why they may act on this case, or None."""
    if row["person"] and key_of(row["person"]) == key_of(who.id):
        return "named person"
    groups = [group for group in (row["owner"], *row["candidates"]) if group]
    if not groups:
        return "no group is named"
    return next((f"group {group}" for group in groups if group in who.groups), None)


def _authority(who: Identity, row: Mapping[str, Any], act: Act, review_id: str) -> str:
    """The grant that covers the act.

    Raises:
        NotAuthorised: There is none for them, or none up to this amount.
    """
    own: Sequence[Mapping[str, Any]] = [
        grant
        for grant in row["authority"]
        if (grant["holder_kind"] == "person" and grant["holder"] == key_of(who.id))
        or (grant["holder_kind"] == "group" and grant["holder"] in who.groups)
    ]
    action = row["action"]
    if not own:
        raise NotAuthorised(review_id, who.id, f"has no authority for {action}")
    if any(grant["max_amount"] is None for grant in own):
        return f"authority for {action}"
    limit = max(Decimal(grant["max_amount"]) for grant in own)
    if act.amount is None:
        problem = f"may let {action} through up to {limit}, and no amount can be read from what is proposed"
        raise NotAuthorised(review_id, who.id, problem)
    if act.amount > limit:
        problem = f"may let {action} through up to {limit}, and this is about {act.amount}"
        raise NotAuthorised(review_id, who.id, problem)
    return f"authority for {action} up to {limit}"


def amount_of(final: Mapping[str, Any], field: str | None) -> Decimal | None:
    """The size of the amount in a field, whatever its sign; None where there is none that can be read.

    A text is read only where everybody reads it alike: `"1000"` and `"9.50"`, not `"1,000"`, `"1.000"` or `"1e3"`.
    """
    value = final.get(field) if field else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and not _AMOUNT.fullmatch(value.strip()):
        return None
    try:
        amount = abs(Decimal(str(value).strip()))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
