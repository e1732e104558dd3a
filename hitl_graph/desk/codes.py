"""`desk.codes`: the reasons and causes that decisions may name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hitl_graph.decisions import Cause
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Part
from hitl_graph.desk.policy import label as named
from hitl_graph.desk.policy import policy_maker
from hitl_graph.errors import AnswerError
from hitl_graph.storage.statements import load_statements

__all__ = ["Code", "CodeKind", "Codes", "SyncCodes", "check_codes"]

SQL = load_statements("hitl_graph.desk", "codes.sql")

CodeKind = Literal["reason", "cause"]
_KINDS = ("reason", "cause")
_NEEDED = frozenset({"edit", "reject", "respond", "ask_info", "take_over"})
"""Decisions that say that something was not right as it was; `approve` and `choose` do not."""
_LONGEST = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Code:
    """One reason or cause. `gate` is None where it holds for all gates."""

    kind: CodeKind
    code: str
    label: str
    gate: str | None = None


class Codes(Part):
    """The reasons and causes to count by. While none is put for a kind, any reason goes, and `Cause` for causes.

    Once there are some, for a gate or for all, every decision but `Approve` and `Choose` must name one of them, and
    what these two name must be one.
    """

    async def put(
        self, *, kind: CodeKind, code: str, label: str = "", gate: str | None = None, by: str = "operator"
    ) -> Code:
        """Add a code, or give it another label.

        Args:
            kind: "reason" or "cause". code: What is kept and counted, at most 100 characters.
            label: What people read; empty: the code. gate: The gate that it is for; None: all of them.
            by: Who does it.

        Raises:
            AnswerError: One of these is missing, or cannot be seen or stored. Nothing was saved.
            NotAuthorised: `by` is an agent, or not active.
        """
        params = _checked(kind, code, gate)
        params["label"] = params["code"] if label == "" else named("codes", "label", label)
        params["by"] = await policy_maker(self.desk, by, where="codes", what=f"put {kind} {params['code']}")
        await self.desk.rows(SQL["put_code"], params)
        return Code(kind=kind, code=params["code"], label=params["label"], gate=params["gate"] or None)

    async def list(self, *, kind: CodeKind | None = None, gate: str | None = None) -> Sequence[Code]:
        """The codes by kind, gate and code.

        Args:
            kind: Only these. gate: Only those that decisions of this gate may name; None: all.
        """
        found = await self.desk.rows(SQL["list_codes"], {"kind": kind, "gate": gate})
        return [Code(**{**row, "gate": row["gate"] or None}) for row in found]

    async def remove(
        self, *, kind: CodeKind, code: str, gate: str | None = None, by: str = "operator"
    ) -> bool:
        """Take a code away; decisions that named it keep it. Returns whether it was there.

        Raises:
            NotAuthorised: `by` is an agent, or not active.
        """
        params = _checked(kind, code, gate)
        params["by"] = await policy_maker(
            self.desk, by, where="codes", what=f"remove {kind} {params['code']}"
        )
        return bool(await self.desk.rows(SQL["remove_code"], params))


class SyncCodes(SyncPart[Codes]):
    """`Codes`, blocking."""

    put = bridged(Codes.put)
    list = bridged(Codes.list)
    remove = bridged(Codes.remove)


def check_codes(
    codes: Sequence[Mapping[str, Any]], decision: Mapping[str, Any], review_id: str, *, required: bool
) -> None:
    """Refuse a decision whose reason or cause is none of the codes that were put for it.

    Args:
        codes: Those of the case's gate and of all gates: kind, code.
        decision: As JSON; of several at once each is looked at.
        review_id: For the error. required: Whether one must be named at all.

    Raises:
        AnswerError: On the field `reason` or `cause`; it lists the codes. Nothing was saved.
    """
    for one in decision.get("decisions") or [decision]:
        for kind in _KINDS:
            known = list(dict.fromkeys(row["code"] for row in codes if row["kind"] == kind))
            said = one.get(kind)
            if not known and kind == "cause" and said is not None:
                known = list(Cause)
            if not known or said in known:
                continue
            if said is None and not (required and one["type"] in _NEEDED):
                continue
            is_what = "is missing" if said is None else f"{said!r} is unknown"
            raise AnswerError(f"review {review_id}", kind, f"{is_what}: name one of {', '.join(known)}")


def _checked(kind: str, code: str, gate: str | None) -> dict[str, Any]:
    if kind not in _KINDS:
        raise AnswerError("codes", "kind", f"{kind!r} is none of {', '.join(_KINDS)}")
    of = "" if gate is None else named("codes", "gate", gate, most=_LONGEST)
    return {"kind": kind, "code": named("codes", "code", code, most=_LONGEST), "gate": of}
