"""How people decide, and where their habits are worth a look (R21, R29): hints for those who lead. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hitl_graph.plain import key_of
from hitl_graph.views.charts import interval, of_words

__all__ = ["Habit", "Hint", "gate_hints", "habits", "person_hints"]

YES = ("approve", "choose")
_ENOUGH = 20
_RITUAL = 50
_ALWAYS = 0.85
_QUICK_S = 15.0
_MORE = 1.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Habit:
    """One person's decisions.

    Attributes:
        by: Who. decisions: How many. kinds: Of which type how many. gates: At which gate of which type how many.
        pace: Half of what they decided while they were at it came within so many seconds of the one before; None where
            too few tell.
    """

    by: str
    decisions: int
    kinds: Mapping[str, int]
    gates: Mapping[str, Mapping[str, int]]
    pace: float | None

    def of(self, *kinds: str) -> int:
        """How many of these types."""
        return sum(self.kinds.get(kind, 0) for kind in kinds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hint:
    """Something to look at, about a person or a gate. It accuses nobody."""

    about: str
    kind: str
    text: str


def habits(rows: Iterable[Mapping[str, Any]], paces: Iterable[Mapping[str, Any]]) -> list[Habit]:
    """Who decided how, busiest first; names that differ in case only are one person.

    Args:
        rows: by, gate, type, decisions. paces: by, decisions, median.
    """
    names: dict[str, str] = {}
    gates: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        key = key_of(row["by"])
        names.setdefault(key, row["by"])
        kinds = gates.setdefault(key, {}).setdefault(row["gate"], {})
        kinds[row["type"]] = kinds.get(row["type"], 0) + row["decisions"]
    quick = {key_of(row["by"]): row["median"] for row in paces if row["decisions"] >= _ENOUGH // 2}
    out = [
        Habit(
            by=names[key],
            decisions=sum(sum(kinds.values()) for kinds in of.values()),
            kinds=_summed(of.values()),
            gates=of,
            pace=quick.get(key),
        )
        for key, of in gates.items()
    ]
    return sorted(out, key=lambda one: (-one.decisions, one.by))


def person_hints(everybody: Sequence[Habit]) -> list[Hint]:
    """Who may approve without looking, and who rejects what others at the same gates let through."""
    out = []
    for one in everybody:
        if one.decisions < _ENOUGH:
            continue
        yes, no = one.of(*YES), one.of("reject")
        if interval(yes, one.decisions)[0] >= _ALWAYS and one.pace is not None and one.pace < _QUICK_S:
            out.append(
                Hint(
                    about=one.by,
                    kind="rubber-stamping",
                    text=f"said yes without a change to {of_words(yes, one.decisions)} of {one.decisions}, "
                    f"half of them within {one.pace:.0f} s of the one before: look at some of them together.",
                )
            )
        others = _others(one, everybody)
        theirs = sum(others.values())
        if theirs >= _ENOUGH and interval(no, one.decisions)[0] > _MORE * others.get("reject", 0) / theirs:
            out.append(
                Hint(
                    about=one.by,
                    kind="over-rejection",
                    text=f"rejected {of_words(no, one.decisions)} of {one.decisions}; others at the same gates reject "
                    f"{of_words(others.get('reject', 0), theirs)}: see whether they judge by the same rule.",
                )
            )
    return out


def gate_hints(gates: Mapping[str, Mapping[str, int]]) -> list[Hint]:
    """Gates at which a person's word seems to change nothing.

    Args:
        gates: Of which type how many, by gate.
    """
    out = []
    for gate, kinds in sorted(gates.items()):
        whole, yes = sum(kinds.values()), sum(kinds.get(kind, 0) for kind in YES)
        if gate and whole >= _RITUAL and interval(yes, whole)[0] >= 0.93:
            share = of_words(yes, whole)
            text = f"{share} of {whole} were let through unchanged: asked too often, or looked at too little?"
            out.append(Hint(about=gate, kind="ritual", text=text))
    return out


def _others(one: Habit, everybody: Sequence[Habit]) -> dict[str, int]:
    """What all others decided at this person's gates."""
    return _summed(
        kinds
        for other in everybody
        if other is not one
        for gate, kinds in other.gates.items()
        if gate in one.gates
    )


def _summed(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    out: dict[str, int] = {}
    for kinds in several:
        for kind, number in kinds.items():
            out[kind] = out.get(kind, 0) + number
    return out
