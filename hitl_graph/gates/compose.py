"""Gates made of gates: ask when any of them asks, when all of them ask, or always."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from hitl_graph.errors import DefinitionError, ProposalError
from hitl_graph.gates.case import NO_EVIDENCE, excluded, offered, previous
from hitl_graph.gates.gate import Gate, Signals
from hitl_graph.gates.judgement import Judgement, Verdict
from hitl_graph.reviews import Reason, ReviewRequest

__all__ = ["CompositeGate", "all_of", "any_of", "strict"]


def any_of(*gates: Gate, name: str | None = None) -> CompositeGate:
    """One gate that asks when any of these asks.

    All reasons are kept, also those of the gates that would let pass.

    The case is shown as the first asking gate shows it, so list the one with the strictest owner first.

    Raises:
        DefinitionError: Fewer than two gates, or gates about different action classes or proposals.
    """
    return _composite("any", gates, name)


def all_of(*gates: Gate, name: str | None = None) -> CompositeGate:
    """One gate that asks only when all of these ask; otherwise as `any_of`."""
    return _composite("all", gates, name)


def strict(gate: Gate) -> Gate:
    """The same gate in strict mode: it asks about every proposal, whatever its policy says (R73)."""
    return gate if gate.always_asks else _composite("strict", (gate,), gate.name)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CompositeGate(Gate):
    """Several gates about the same act, in one node with one question; see `any_of`, `all_of`, `strict`."""

    gates: Sequence[Gate] = ()
    mode: Literal["any", "all", "strict"] = "any"

    @property
    def always_asks(self) -> bool:
        """As its gates make it."""
        if self.mode == "strict":
            return True
        each = [gate.always_asks for gate in self.gates]
        return any(each) if self.mode == "any" else all(each)

    @property
    def collects(self) -> bool:
        """Whether any of them does."""
        return any(gate.collects for gate in self.gates)

    def collect(self, state: Any) -> dict[str, Any]:
        """The signals of each gate, by its name."""
        return {gate.name: gate.collect(state) for gate in self.gates}

    async def acollect(self, state: Any) -> dict[str, Any]:
        """The signals of each gate, by its name."""
        return {gate.name: await gate.acollect(state) for gate in self.gates}

    def verdict(self, state: Any, proposal: dict[str, Any], signals: Signals) -> Verdict:
        """All verdicts as one."""
        verdicts = {g.name: g.verdict(state, proposal, signals.get(g.name, {})) for g in self.gates}
        asking = [name for name, verdict in verdicts.items() if verdict.ask]
        ask = {"any": bool(asking), "all": len(asking) == len(verdicts), "strict": True}[self.mode]
        reasons = tuple(reason for verdict in verdicts.values() for reason in verdict.reasons)
        if self.mode == "strict":
            reasons = (
                Reason("strict", "Strict mode: every action is approved by a person.", self.name),
                *reasons,
            )
        facts = {"gates": {name: v.facts for name, v in verdicts.items()}, "asking": asking}
        return Verdict(ask=ask, reasons=reasons, facts=facts)

    @property
    def decisions(self) -> tuple[str, ...]:
        """Those of all its gates, unless it was given its own."""
        return tuple(self.allowed) if self.allowed is not None else _words(self.gates)

    def request(self, state: Any, proposal: dict[str, Any], judgement: Judgement) -> ReviewRequest:
        """The case as the first asking gate shows it, with the evidence and uncertainty of all that ask."""
        facts = judgement.facts
        asking = [gate for gate in self.gates if gate.name in facts["asking"]] or list(self.gates[:1])
        cases = _cases(asking, state, proposal, judgement)
        edited_by = excluded(dataclasses.replace(self, not_by=()), state, proposal)
        evidence = _each_once([item for case in cases for item in case.evidence])
        warnings = _each_once([item for case in cases for item in case.warnings])
        return dataclasses.replace(
            cases[0],
            gate=self.name,
            allowed=offered(self, evidence),
            evidence=evidence,
            uncertainty=_each_once([item for case in cases for item in case.uncertainty]),
            warnings=tuple(item for item in warnings if not (evidence and item == NO_EVIDENCE)),
            options=tuple(self.options),
            continuation=dict(self.continuation),
            judgement={**facts, **({"option_field": self.option_field} if self.option_field else {})},
            previous=previous(self.name, state),
            approvals=max(case.approvals for case in cases),
            excluded=_each_once(sorted([*edited_by, *(name for case in cases for name in case.excluded)])),
        ).sealed()


def _composite(
    mode: Literal["any", "all", "strict"], gates: Sequence[Gate], name: str | None
) -> CompositeGate:
    if len(gates) < (1 if mode == "strict" else 2):
        raise DefinitionError(f"{mode}_of", "gates", "needs at least two gates")
    for number, gate in enumerate(gates):
        if not isinstance(gate, Gate):
            raise DefinitionError(f"{mode}_of", f"gates[{number}]", f"is a {type(gate).__name__}, not a gate")
    first = gates[0]
    for gate in gates[1:]:
        # The whole class, not its name: what may be undone there may be final here.
        if gate.action != first.action or gate.proposal != first.proposal:
            raise DefinitionError(
                gate.where,
                "action",
                f"differs from that of {first.where}: gates about different acts stay apart",
            )
    if mode != "strict" and len({gate.name for gate in gates}) < len(gates):
        raise DefinitionError(
            f"{mode}_of", "name", "gates need different names, so that their reasons can be told apart"
        )
    shared = {f.name: getattr(first, f.name) for f in dataclasses.fields(Gate)}
    shared.update(
        name=name or ("_and_" if mode == "all" else "_or_").join(gate.name for gate in gates),
        allowed=None if all(gate.allowed is None for gate in gates) else _words(gates),
        options=next((gate.options for gate in gates if gate.options), ()),
        unattended=first.unattended if all(gate.unattended for gate in gates) else "",
        approvals=max(gate.approvals for gate in gates),
        four_eyes=any(gate.four_eyes for gate in gates),
    )
    return CompositeGate(**shared, gates=tuple(gates), mode=mode)


def _cases(
    gates: Sequence[Gate], state: Any, proposal: dict[str, Any], judgement: Judgement
) -> list[ReviewRequest]:
    """The case as each gate shows it. One that has none to offer is left out where another has.

    Raises:
        ProposalError: None of them has.
    """
    cases, problems = [], []
    for gate in gates:
        own = dataclasses.replace(judgement, facts=judgement.facts["gates"][gate.name])
        try:
            cases.append(gate.request(state, proposal, own))
        except ProposalError as error:
            problems.append(error)
    if not cases:
        raise problems[0]
    return cases


def _words(gates: Sequence[Gate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for gate in gates for word in gate.decisions))


def _each_once(items: Sequence[Any]) -> tuple[Any, ...]:
    """The items in order, equal ones once; they may hold what cannot be hashed."""
    return tuple({repr(item): item for item in items}.values())
