"""What must be said about a gate before it may be built (R8, R11, R31, R57)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping, Sequence

from hitl_graph.decisions import APPROVING, DECISIONS
from hitl_graph.errors import DefinitionError
from hitl_graph.reviews import Evidence, Option, Owner, ReviewKind, Sla
from hitl_graph.risk import ActionClass

__all__ = [
    "check_action",
    "check_allowed",
    "check_consequence",
    "check_evidence",
    "check_name",
    "check_options",
    "check_owner",
    "check_people",
    "check_question",
    "check_refusal",
    "check_sla",
    "check_text",
]

MOST_APPROVALS = 20
"""More people than that do not look; they sign."""

_BARE = frozenset(
    """
    a accept agree all and approval approve approved can check confirm do does go good human if is it item
    kindly look me needed no now of ok okay or please proceed proposal ready required review reviewed see
    should step that the there this to verify we yes you your draft email message reply text correct right
    fine alright take have has needs need lgtm think thoughts following validate sign off input action
    required any objections objection what i be by of on for with us everything everyone attention quick
    quickly kind let know feedback comments in looks reject pending could would at
    """.split()
)


def check_name(name: object) -> None:
    """A gate's name is a node's name: no `|` and no `:`, which LangGraph reserves."""
    if not isinstance(name, str) or not name.strip():
        raise DefinitionError("gate", "name", "is empty: give the gate the name of its node, such as 'reply'")
    if "|" in name or ":" in name:
        raise DefinitionError(f"gate {name!r}", "name", "holds '|' or ':', which LangGraph keeps for itself")


def check_text(where: str, field: str, value: object, example: str) -> None:
    """A sentence for a reader must be there."""
    if not isinstance(value, str) or not any(character.isalnum() for character in value):
        raise DefinitionError(where, field, f"says nothing: {example}")


def check_question(where: str, question: object) -> None:
    """The question must name what is to be decided; "please review" does not."""
    check_text(
        where,
        "question",
        question,
        "ask what is to be decided, such as 'Is this safe to send to the customer?'",
    )
    words = set(re.findall(r"[^\W\d_]+", str(question).lower()))
    if sum(map(len, words)) < 5 or words <= _BARE:
        raise DefinitionError(
            where,
            "question",
            f"{question!r} does not say what is to be decided: name the act and what could be wrong with it",
        )


def check_owner(where: str, owner: object) -> None:
    """Somebody must own the case."""
    if not isinstance(owner, Owner):
        raise DefinitionError(where, "owner", "is missing: say who must act, such as Owner('support-leads')")


def check_action(where: str, action: object) -> None:
    """The act must be declared."""
    if not isinstance(action, ActionClass):
        raise DefinitionError(where, "action", "is missing: declare an ActionClass(name, reversible=…)")


def check_evidence(where: str, evidence: object) -> None:
    """Evidence must stand beside the question."""
    if callable(evidence):
        return
    if not isinstance(evidence, Sequence) or isinstance(evidence, str) or not evidence:
        raise DefinitionError(
            where, "evidence", "is missing: a list of Evidence, or a function of the state that returns one"
        )
    for number, item in enumerate(evidence):
        if not isinstance(item, Evidence):
            raise DefinitionError(
                where, f"evidence[{number}]", f"is a {type(item).__name__}, not an Evidence"
            )


def check_consequence(where: str, consequence: object, fields: Iterable[str] | None) -> None:
    """What happens after the click must be said, with fields that the proposal has."""
    if callable(consequence):
        return
    check_text(where, "consequence", consequence, "say what happens next, such as 'Sends an email to {to}.'")
    try:
        parts = [part for part in string.Formatter().parse(str(consequence)) if part[1] is not None]
    except ValueError as error:
        raise DefinitionError(where, "consequence", f"cannot be filled in: {error}") from None
    for _, name, form, conversion in parts:
        if form or conversion:
            problem = f"{{{name}}} has a format: use a function of the proposal for that"
            raise DefinitionError(where, "consequence", problem)
        if not name or not name.isidentifier():
            raise DefinitionError(
                where, "consequence", f"{{{name}}} is no field: use {{field}} with a plain name"
            )
        if fields is not None and name not in fields:
            raise DefinitionError(
                where, "consequence", f"{{{name}}} is no field of the schema ({', '.join(fields)})"
            )


def check_options(
    where: str, kind: ReviewKind, options: Sequence[Option], allowed: Sequence[str] | None
) -> None:
    """A case in which one chooses has at least two options, all different."""
    chooses = kind is ReviewKind.CHOOSE or (allowed is not None and "choose" in allowed)
    if chooses and len(options) < 2:
        raise DefinitionError(
            where, "options", "are missing: a choice needs at least two Option(value, label, …)"
        )
    values = [option.value for option in options]
    if doubled := sorted({v for v in values if values.count(v) > 1}):
        raise DefinitionError(where, "options", f"{doubled} stands there twice")


def check_allowed(where: str, allowed: Sequence[str] | None) -> None:
    """Decisions are named by the words of the vocabulary."""
    if allowed is None:
        return
    if isinstance(allowed, str) or not allowed:
        raise DefinitionError(where, "allowed", f"is a list of some of {', '.join(DECISIONS)}")
    if unknown := [word for word in allowed if word not in DECISIONS]:
        raise DefinitionError(where, "allowed", f"{unknown} not in {', '.join(DECISIONS)}")


def check_refusal(where: str, allowed: Sequence[str] | None) -> None:
    """Whoever may say yes may say no as well."""
    if allowed is not None and "approve" in allowed and not set(allowed) - APPROVING:
        problem = "leaves no way to say no: allow reject, take_over, respond or ask_info as well"
        raise DefinitionError(where, "allowed", problem)


def check_people(where: str, approvals: object, not_by: object, sla: object, *, four_eyes: object) -> None:
    """How many must approve, and who may not; a time limit that approves would be nobody's approval."""
    if isinstance(approvals, bool) or not isinstance(approvals, int) or not 1 <= approvals <= MOST_APPROVALS:
        problem = f"is a number of people from 1 to {MOST_APPROVALS}"
        raise DefinitionError(where, "approvals", problem)
    if approvals > 1 and isinstance(sla, Sla) and sla.on_expiry == "approve":
        raise DefinitionError(where, "sla.on_expiry", f"may not approve what {approvals} people must approve")
    if not isinstance(four_eyes, bool):
        raise DefinitionError(where, "four_eyes", "is True or False")
    if (four_eyes or callable(not_by) or not_by) and isinstance(sla, Sla) and sla.on_expiry == "approve":
        problem = "may not approve what somebody else must have looked at: nobody has"
        raise DefinitionError(where, "sla.on_expiry", problem)
    if callable(not_by):
        return
    named = not_by if isinstance(not_by, Sequence) and not isinstance(not_by, str) else [None]
    if not all(isinstance(name, str) and name.strip() for name in named):
        raise DefinitionError(
            where, "not_by", "is a list of names, or a function of the state that gives one"
        )


def check_sla(
    where: str,
    sla: object,
    action: ActionClass,
    options: Sequence[Option],
    allowed: Sequence[str] | None = None,
    continuation: Mapping[str, str] | None = None,
) -> None:
    """Expiry never approves what cannot be undone, names what it needs, and decides only what a person could."""
    if sla is None:
        return
    if not isinstance(sla, Sla):
        raise DefinitionError(where, "sla", "is an Sla(hours=…, on_expiry=…)")
    final = not action.reversible or action.regulated
    if sla.on_expiry == "approve" and final:
        raise DefinitionError(
            where,
            "sla.on_expiry",
            f"may not approve {action.name!r}, which cannot be undone: escalate or reject it",
        )
    if sla.on_expiry == "escalate" and not sla.escalate_to:
        raise DefinitionError(
            where, "sla.escalate_to", "is missing: name the group that gets the case on expiry"
        )
    if sla.on_expiry == "safe_default" and sla.default not in {
        "reject",
        *(option.value for option in options),
    }:
        problem = f"{sla.default!r} is none of the options, and not 'reject'"
        raise DefinitionError(where, "sla.default", problem)
    told = sla.decides({option.value for option in options})
    if told is None or allowed is None:
        return
    if told.word not in allowed:
        problem = (
            f"would {told.word}, which the gate does not allow: allow it, or let expiry do something else"
        )
        raise DefinitionError(where, "sla.on_expiry", problem)
    if final and continuation and told.acts(continuation):
        problem = (
            f"{told.option!r} lets {action.name!r} happen, which cannot be undone: let it lead elsewhere"
        )
        raise DefinitionError(where, "sla.default", problem)
