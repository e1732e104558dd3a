"""What every gate is: a pure policy over a proposed action, and what to ask when it does not let it pass."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from hitl_graph.errors import DefinitionError, PlainJsonError, ProposalError
from hitl_graph.gates import checks
from hitl_graph.gates.case import build_request, last_record, resolve, tool_of
from hitl_graph.gates.judgement import Ask, Judgement, Proceed, Verdict
from hitl_graph.gates.schema import ProposalSchema, as_object
from hitl_graph.plain import plain_json, printable
from hitl_graph.reviews import (
    Evidence,
    Option,
    Owner,
    Priority,
    Reason,
    ReviewKind,
    ReviewRequest,
    Sla,
    Turn,
    Versions,
    proposal_digest,
)
from hitl_graph.risk import ActionClass

__all__ = ["Gate", "Signals", "read"]

Signals = Mapping[str, Any]
"""What was measured about a proposal before it is judged: scores, detected exceptions. Plain JSON."""

IDENTITY = ("to", "cc", "bcc", "recipient", "recipients", "tool")
"""Fields that make another act of it when they change, unless the gate names its own."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Gate(abc.ABC):
    """A policy: given a state, proceed or ask, and what exactly to ask.

    Pure: no LangGraph, no database, no clock.

    Args:
        name: The name of the gate and of its node.
        action: What kind of act is proposed.
        proposal: The state key that holds the proposed arguments (a JSON object, or one value).
        question: What the person must decide, in words; a bare "please review" is refused.
        evidence: What they need for it: a list of Evidence, or a function of the state.
        consequence: What happens when they say yes, with `{field}`s of the proposal, or a function of the
            proposal.
        owner: Who must act.
        why: Why this gate exists, in a sentence.
        kind: The reviewer's job; it picks the screen and the usual decisions.
        schema: A pydantic model, TypedDict, dataclass or JSON Schema of the proposal: the edit form, and its
            check.
        options: The choices, where one chooses.
        option_field: The field that a choice sets; `"value"` where the proposal is one value.
        allowed: The decisions offered; None: the usual ones of the kind, and those that the wiring continues.
        identity: Fields that make another act of it when an edit changes them: such an edit is reviewed
            again.
        sla: How long it may wait. uncertainty, transcript, priority, blocks, versions: shown with the case;
            each a value or a function of the state.
        unattended: Why an irreversible act may pass without a person when this gate lets it.
        approvals: How many different people must say the same yes; a no by one of them is enough.
        not_by: Who may not decide, for they have a part in what is proposed: names, or a function of the state
            that gives some.
        four_eyes: Whoever edits the proposal is not the one who approves the edit: it is judged again, by others.

    Raises:
        DefinitionError: Something above is missing or contradicts itself; the error names the field.
    """

    usual: ClassVar[Mapping[ReviewKind, tuple[str, ...]]] = {
        ReviewKind.SAFE_TO_SEND: ("approve", "edit", "reject"),
        ReviewKind.CHOOSE: ("choose",),
        ReviewKind.VERIFY: ("approve", "edit", "reject"),
        ReviewKind.MERGE: ("approve", "edit", "reject"),
        ReviewKind.RULE: ("approve", "edit", "reject"),
        ReviewKind.RESPOND: ("respond",),
    }

    name: str = ""
    action: ActionClass = None  # type: ignore[assignment]  # checked below, so that the error names the field
    proposal: str = ""
    question: str = ""
    evidence: Sequence[Evidence] | Callable[[Any], Sequence[Evidence]] = ()
    consequence: str | Callable[[dict[str, Any]], str] = ""
    owner: Owner = None  # type: ignore[assignment]  # the same
    why: str = ""
    kind: ReviewKind = ReviewKind.SAFE_TO_SEND
    schema: object = None
    options: Sequence[Option] = ()
    option_field: str | None = None
    allowed: Sequence[str] | None = None
    identity: Sequence[str] = IDENTITY
    sla: Sla | None = None
    uncertainty: Sequence[str] | Callable[[Any], Sequence[str]] = ()
    transcript: str | Callable[[Any], Sequence[Turn]] | None = None
    priority: Priority | Callable[[Any], Priority] = Priority.NORMAL
    blocks: Sequence[str] | Callable[[Any], Sequence[str]] = ()
    versions: Versions | Callable[[Any], Versions] = Versions()
    unattended: str = ""
    approvals: int = 1
    not_by: Sequence[str] | Callable[[Any], str | Sequence[str] | None] = ()
    four_eyes: bool = False
    continuation: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Where each decision leads; filled in by the wiring."""

    def __post_init__(self) -> None:
        checks.check_name(self.name)
        checks.check_action(self.where, self.action)
        checks.check_text(
            self.where, "proposal", self.proposal, "name the state key that holds what is proposed"
        )
        if "." in self.proposal:
            problem = "reaches into a value: name a whole state key, which an edit can be written to"
            raise DefinitionError(self.where, "proposal", f"{self.proposal!r} {problem}")
        checks.check_question(self.where, self.question)
        checks.check_evidence(self.where, self.evidence)
        checks.check_consequence(self.where, self.consequence, self.proposal_schema.fields)
        checks.check_owner(self.where, self.owner)
        try:
            object.__setattr__(self, "kind", ReviewKind(self.kind))
        except ValueError:
            raise DefinitionError(self.where, "kind", f"is one of {', '.join(ReviewKind)}") from None
        checks.check_allowed(self.where, self.allowed)
        checks.check_options(self.where, self.kind, self.options, self.allowed)
        checks.check_sla(self.where, self.sla, self.action, self.options, self.allowed, self.continuation)
        checks.check_refusal(self.where, self.allowed)
        checks.check_people(self.where, self.approvals, self.not_by, self.sla, four_eyes=self.four_eyes)

    @property
    def where(self) -> str:
        """How errors call this gate."""
        return f"gate {self.name!r}"

    @property
    def decisions(self) -> tuple[str, ...]:
        """The decisions that this gate must be given a continuation for."""
        return tuple(self.allowed) if self.allowed is not None else self.usual[self.kind]

    def check_choice(self, elsewhere: Collection[str] = ()) -> None:
        """Refuse options that would all do the same: a person's choice must make a difference.

        Args:
            elsewhere: The options that lead elsewhere than to the act.

        Raises:
            DefinitionError: Several options lead to the act, and no field is named that a choice sets.
        """
        if "choose" not in self.decisions or self.option_field or not self.approves:
            return
        same = [option.value for option in self.options if option.value not in elsewhere]
        if len(same) > 1:
            problem = (
                f"is missing, and {', '.join(same)} would all do what was proposed: name the field that a choice "
                'sets ("value" where the proposal is one value), or the nodes that options lead to'
            )
            raise DefinitionError(self.where, "option_field", problem)

    @property
    def always_asks(self) -> bool:
        """Whether no proposal passes without a person."""
        return False

    @property
    def approves(self) -> bool:
        """Whether a yes at this gate lets its act happen."""
        return True

    @property
    def collects(self) -> bool:
        """Whether something must be measured first that may come out differently the second time."""
        return False

    @property
    def judged_first(self) -> bool:
        """Whether the judgement is kept in the state before anybody is asked, so that no replay can flip it."""
        return self.collects or not self.always_asks

    @cached_property
    def proposal_schema(self) -> ProposalSchema:
        """The schema, read once."""
        return ProposalSchema(self.where, self.schema)

    def collect(self, state: Any) -> dict[str, Any]:
        """Measure the signals that `judge` needs. May call models; what it gives is kept, not made twice."""
        return {}

    async def acollect(self, state: Any) -> dict[str, Any]:
        """`collect`, for async graphs."""
        return self.collect(state)

    @abc.abstractmethod
    def verdict(self, state: Any, proposal: dict[str, Any], signals: Signals) -> Verdict:
        """Decide whether to ask. Pure: the same arguments give the same verdict."""

    def judge(self, state: Any, signals: Signals | None = None, *, asked: bool = False) -> Proceed | Ask:
        """Judge what is proposed in `state`.

        Args:
            state: The graph's state.
            signals: What `collect` measured; None collects now.
            asked: A person has been asked about this already: their answer counts, whatever the policy says now.

        Raises:
            ProposalError: The proposal is missing, fails the schema, or cannot be kept as plain JSON
                unchanged.
        """
        proposal = self.proposed(state)
        verdict = self.verdict(state, proposal, self.collect(state) if signals is None else signals)
        if not verdict.ask and (outside := self._no_option(proposal)):
            text = f"{printable(outside)!r} is none of the options."
            reasons = (Reason("no_option", text, self.name), *verdict.reasons)
            verdict = dataclasses.replace(verdict, ask=True, reasons=reasons)
        if asked and not verdict.ask:
            text = "The policy would let it pass now, but a person has been asked."
            reasons = (Reason("asked_already", text, self.name), *verdict.reasons)
            verdict = dataclasses.replace(verdict, ask=True, reasons=reasons)
        if not verdict.ask and self._is_another_act(state, proposal):
            text = "An edit made another act of it, so it is looked at once more."
            reasons = (Reason("another_act", text, self.name), *verdict.reasons)
            verdict = dataclasses.replace(verdict, ask=True, reasons=reasons)
        judgement = Judgement(
            gate=self.name,
            action=self.action.name,
            outcome="ask" if verdict.ask else "proceed",
            reasons=verdict.reasons,
            facts=verdict.facts,
            proposal_key=self.proposal,
            proposal_digest=proposal_digest(self.action.name, proposal, tool_of(state)),
            owner=str(self.owner),
            unattended=self.unattended,
        )
        if not verdict.ask:
            return Proceed(judgement)
        return Ask(judgement, self.request(state, proposal, judgement))

    def request(self, state: Any, proposal: dict[str, Any], judgement: Judgement) -> ReviewRequest:
        """The case to show when the verdict is to ask."""
        return build_request(self, state, proposal, judgement)

    def own_evidence(self, judgement: Judgement) -> tuple[Evidence, ...]:
        """What the gate itself brings as evidence, besides what it was given."""
        return ()

    def proposed(self, state: Any) -> dict[str, Any]:
        """The proposal in `state` as a JSON object (one value stands under `value`).

        Raises:
            ProposalError: It is missing, fails the schema, or cannot be kept as plain JSON unchanged.
        """
        value = read(state, self.proposal)
        if value is None:
            raise ProposalError(
                self.where, self.proposal, "is not in the state: the node before the gate must set it"
            )
        try:
            proposal = as_object(plain_json(value, self.proposal))
        except PlainJsonError as error:
            raise ProposalError(self.where, error.field, error.problem) from None
        if problem := self.proposal_schema.problem(proposal):
            raise ProposalError(self.where, f"{self.proposal}.{problem[0]}", problem[1])
        return proposal

    def _no_option(self, proposal: Mapping[str, Any]) -> str | None:
        """What is proposed in the field that a choice sets, when it is none of the options."""
        if not self.options or self.option_field is None or self.option_field not in proposal:
            return None
        value = str(proposal[self.option_field])
        return None if value in {option.value for option in self.options} else value

    def _is_another_act(self, state: Any, proposal: dict[str, Any]) -> bool:
        """Whether a person edited an earlier proposal into this one, and nobody has seen it since (I12)."""
        last = last_record(self.name, state)
        return (
            last is not None
            and last["outcome"] == "judged_again"
            and last["final_digest"] == proposal_digest(self.action.name, proposal, tool_of(state))
        )

    def resolved(self, name: str, state: Any) -> Any:
        """A field that is a value or a function of the state, as a value."""
        return resolve(getattr(self, name), state)


def read(state: Any, path: str) -> Any:
    """The value at a dotted path in a state of mappings or objects; None when it is not there."""
    value = state
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
        if value is None:
            return None
    return value
