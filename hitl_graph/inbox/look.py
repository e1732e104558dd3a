"""A look at the queue: what somebody wants to see of it, as their address says."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlencode

from hitl_graph.desk.connected import storable
from hitl_graph.reviews import Priority, ReviewKind

__all__ = ["FIELDS", "TABS", "WHOSE", "Look", "place_of"]

TABS = ("waiting", "snoozed", "failed", "decided")
WHOSE = ("mine", "team", "all")
SORTS = ("oldest", "due", "priority", "newest")
FIELDS = ("gate", "kind", "action", "owner", "workflow", "priority")
"""What can be filtered by its value."""
_LONGEST = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look:
    """What is looked at: everything of it stands in the page's address.

    Attributes:
        tab: waiting, snoozed, failed or decided (in the last seven days).
        who: mine, my team's or all.
        gate, kind, action, owner, workflow, priority: Only these; empty does not filter.
        blocking: Only what blocks customers. late: Only what is past its time.
        q: Words that all must be found.
        sort: oldest, due, priority or newest first.
        after: Where the page before ended.
    """

    tab: str = "waiting"
    who: str = "all"
    gate: str = ""
    kind: str = ""
    action: str = ""
    owner: str = ""
    workflow: str = ""
    priority: str = ""
    blocking: bool = False
    late: bool = False
    q: str = ""
    sort: str = "oldest"
    after: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """From an address; what cannot be meant is as if it were not there."""
        given: dict[str, Any] = {}
        for field, known in (("tab", TABS), ("who", WHOSE), ("sort", SORTS)):
            if query.get(field) in known:
                given[field] = query[field]
        for field in ("q", *FIELDS):
            text = " ".join(query.get(field, "").split()) if field == "q" else query.get(field, "")
            if text and storable(text) and len(text) <= _LONGEST:
                given[field] = text
        for field, values in (("kind", set(ReviewKind)), ("priority", set(Priority))):
            if field in given and given[field] not in values:
                del given[field]
        for field in ("blocking", "late"):
            given[field] = query.get(field) == "1"
        if place_of(given.get("tab", "waiting"), given.get("sort", "oldest"), query.get("after", "")):
            given["after"] = query["after"]
        return cls(**given)

    def query(self) -> dict[str, str]:
        """What differs from the queue as it is opened; without the place in it, which is no part of a view."""
        out = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default and field.name != "after":
                out[field.name] = "1" if value is True else str(value)
        return out

    def address(self, **changes: Any) -> str:
        """The address of this look with some of it changed, from its first page on."""
        after = changes.pop("after", "")
        query = dataclasses.replace(self, after="", **changes).query() | ({"after": after} if after else {})
        return f"/?{urlencode(query)}" if query else "/"

    @property
    def trail(self) -> str:
        """What a case's address carries so that its neighbours are those of this look; empty for the plain queue."""
        query = self.query()
        return f"&from={quote(urlencode(query), safe='')}" if query else ""

    @classmethod
    def of_trail(cls, text: str) -> Self:
        """The look that a case was opened from."""
        try:
            return cls.read(dict(parse_qsl(text, max_num_fields=20)))
        except ValueError:
            return cls()

    @property
    def is_filtered(self) -> bool:
        """Whether cases are left out beyond the tab and whose they are."""
        return bool(self.q or self.blocking or self.late or any(getattr(self, name) for name in FIELDS))

    @property
    def order(self) -> str:
        """How rows are ordered: what was decided always by when."""
        return "decided" if self.tab == "decided" else self.sort

    def chips(self) -> list[dict[str, str]]:
        """What is filtered, each with the address that leads on without it."""
        out = [
            {"field": name, "value": str(getattr(self, name)), "without": self.address(**{name: ""})}
            for name in FIELDS
            if getattr(self, name)
        ]
        if self.blocking:
            out.append(
                {"field": "only", "value": "blocks customers", "without": self.address(blocking=False)}
            )
        if self.late:
            out.append({"field": "only", "value": "past its time", "without": self.address(late=False)})
        if self.q:
            out.append({"field": "words", "value": self.q, "without": self.address(q="")})
        return out

    def after_row(self, row: Mapping[str, Any]) -> str:
        """Where the page that ends with this row ends."""
        if self.order == "due":
            return f"{'' if row['due_at'] is None else row['due_at'].isoformat()}~{row['seq']}"
        if self.order == "priority":
            return f"{row['rank']}~{row['seq']}"
        if self.order == "decided":
            return f"{row['decided_at'].isoformat()}~{row['seq']}"
        return str(row["seq"])


def place_of(tab: str, sort: str, after: str) -> dict[str, Any]:
    """The parameters of a place in the queue; none where the text is no place in this order."""
    first, _, seq = after.rpartition("~")
    if not re.fullmatch(r"[0-9]{1,18}", seq):
        return {}
    out: dict[str, Any] = {"after": int(seq)}
    try:
        if tab == "decided" or sort == "due":
            out["place"] = dt.datetime.fromisoformat(first).isoformat() if first else "infinity"
        elif sort == "priority":
            out["place"] = int(first)
        elif first:
            return {}
    except ValueError:
        return {}
    return out
