"""What kind of act something is: the action class and its risk sheet."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection
from typing import Literal, get_args

from hitl_graph.errors import DefinitionError

__all__ = ["ActionClass", "Audience", "Risk", "Touch"]

Audience = Literal["nobody", "internal", "customer", "public"]
"""Who sees the result of the act."""

Touch = Literal["money", "access", "legal", "reputation", "trust", "safety"]
"""What the act can harm (R15)."""


class Risk(enum.StrEnum):
    """The bar that an action class sets."""

    LOW = "low"
    """Remind, tag, deduplicate, route: may run alone."""
    MEDIUM = "medium"
    """Seen by somebody, or costly to take back."""
    HIGH = "high"
    """Irreversible and touching money, access, legal status or safety; or irreversible and public."""


@dataclasses.dataclass(frozen=True)
class ActionClass:
    """What kind of act it is, and so how high the bar stands: a text is judged by what is done with it.

    Args:
        name: A short identifier, such as `"send_email"`.
        reversible: Whether the act can be taken back completely. What cannot is gated by default.
        audience: Who sees the result.
        touches: What it can harm: money, access, legal, reputation, trust, safety.
        if_wrong: What happens when it was wrong, in a sentence for the reviewer.
        noticed_quickly: Whether a mistake would be noticed soon.
        auditable: Whether one can tell afterwards what was done.
        regulated: Whether a regulation demands a person; such a gate can never be taken off.
        amount: The field of the proposal that says how much it is about; people may have authority up to an
            amount (`desk.authority`).

    Raises:
        DefinitionError: A missing name, or a word that is not one of those above.

    Example:
        >>> ActionClass("send_email", reversible=False, audience="customer", touches={"trust"}).risk
        <Risk.MEDIUM: 'medium'>
    """

    name: str
    _: dataclasses.KW_ONLY
    reversible: bool
    audience: Audience = "internal"
    touches: Collection[Touch] = frozenset()
    if_wrong: str = ""
    noticed_quickly: bool | None = None
    auditable: bool | None = None
    regulated: bool = False
    amount: str | None = None

    def __post_init__(self) -> None:
        where = f"action class {self.name!r}"
        if not isinstance(self.name, str) or not self.name.strip():
            raise DefinitionError("action class", "name", "is empty: name the act, such as 'send_email'")
        if not isinstance(self.reversible, bool):
            raise DefinitionError(where, "reversible", "is True or False")
        if self.audience not in get_args(Audience):
            raise DefinitionError(where, "audience", f"is one of {', '.join(get_args(Audience))}")
        if self.amount is not None and (not isinstance(self.amount, str) or not self.amount.strip()):
            raise DefinitionError(where, "amount", "is the name of a field of the proposal, such as 'amount'")
        touches = frozenset([self.touches] if isinstance(self.touches, str) else self.touches)
        if unknown := sorted(touches - set(get_args(Touch))):
            raise DefinitionError(where, "touches", f"{unknown} not in {', '.join(get_args(Touch))}")
        object.__setattr__(self, "touches", touches)

    @property
    def risk(self) -> Risk:
        """The bar, from the sheet: reversible acts that stay inside and touch nothing are low."""
        grave = bool(set(self.touches) & {"money", "access", "legal", "safety"})
        if self.regulated or (not self.reversible and (grave or self.audience == "public")):
            return Risk.HIGH
        if not self.reversible or grave or self.audience in ("customer", "public"):
            return Risk.MEDIUM
        return Risk.LOW

    def sheet(self) -> dict[str, object]:
        """The risk sheet as plain JSON, as a reviewer sees it."""
        return {
            "name": self.name,
            "reversible": self.reversible,
            "audience": self.audience,
            "touches": sorted(self.touches),
            "if_wrong": self.if_wrong,
            "noticed_quickly": self.noticed_quickly,
            "auditable": self.auditable,
            "regulated": self.regulated,
            "amount": self.amount,
            "risk": self.risk.value,
        }
