"""What a form of a case's page sends, read: which decision it is, and what stood in its fields."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hitl_graph.answers import apply_decision, check_decision
from hitl_graph.decisions import DECISIONS, Decision, Edit, decision_from_json
from hitl_graph.desk import Case
from hitl_graph.errors import AnswerError
from hitl_graph.plain import JSON, digest
from hitl_graph.reviews import ReviewRequest
from hitl_graph.views.case_view import Friction, friction
from hitl_graph.views.reading import EditForm, edit_form, form_over
from hitl_graph.views.request import typeable
from hitl_graph.wire import Shape

__all__ = [
    "Edited",
    "Sent",
    "changes_of",
    "decision_of",
    "demand",
    "demand_of_all",
    "digest_of_edits",
    "edits_of",
    "form_of",
    "from_kept",
    "kept",
    "read_sent",
]

CHANGES = "changes."
_ACT = re.compile(r"act([0-9]{1,3})\.(.+)", re.DOTALL)
"""A field about one of several acts; there is nothing below it."""
_GROUNDS = ("reason", "cause", "recurrence", "note")
_SAID = ("option", "message", "question", "words", "to", *_GROUNDS)
_NEEDED = {
    "choose": ("option", "take one of the options"),
    "respond": ("message", "is empty: write what to answer"),
    "ask_info": ("question", "is empty: say what is missing"),
}
"""What a decision cannot do without, and what to say when it is not there."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sent:
    """A form as it came: text, nothing of it trusted.

    Attributes:
        decision: The button that was pressed. texts: The text of each field of the proposal, by name.
        said: option, message, question and the grounds, where they are not blank.
        tool: The other tool. confirmed: What was typed to confirm. diffed: Which changes had been shown as a diff.
        digest: What was shown. key: What names this form. shown: What was shown, for a diff.
        acts: What was said about each act, where there are several.
    """

    decision: str = ""
    texts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    said: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tool: str = ""
    confirmed: str = ""
    diffed: str = ""
    digest: str = ""
    key: str = ""
    shown: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    acts: Mapping[int, Sent] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Edited:
    """What is changed of one act: what it is called where there are several, its arguments, and the new values."""

    label: str
    before: Mapping[str, JSON]
    changes: Mapping[str, JSON]


def read_sent(pairs: Iterable[tuple[str, str]]) -> Sent:
    """A form's fields. Line breaks are those that people type: a browser sends two characters for one."""
    values = {name: text.replace("\r\n", "\n") for name, text in pairs}
    acts: dict[int, dict[str, str]] = {}
    for name, text in values.items():
        if found := _ACT.fullmatch(name):
            acts.setdefault(int(found[1]), {})[found[2]] = text
    return dataclasses.replace(_said(values), acts={number: _said(inner) for number, inner in acts.items()})


def _said(values: Mapping[str, str]) -> Sent:
    """What is said about the whole of it, or about one act."""
    return Sent(
        decision=values.get("decision", ""),
        texts={name.removeprefix(CHANGES): text for name, text in values.items() if name.startswith(CHANGES)},
        said={name: values[name] for name in _SAID if values.get(name, "").strip()},
        tool=values.get("tool", ""),
        confirmed=values.get("confirmed", ""),
        diffed=values.get("diffed", ""),
        digest=values.get("digest", ""),
        key=values.get("key", ""),
        shown=_object(values.get("shown", "")),
    )


def decision_of(case: Case, sent: Sent) -> Decision | list[Decision]:
    """The decision that a form says, with its fields read and what must be said with it said.

    Raises:
        AnswerError: The case does not take it, or something is missing; `field` names it. Nothing was saved.
    """
    foreign, request, where = case.foreign, case.request, f"review {case.id}"
    if foreign is not None and len(foreign.proposals) > 1:
        return [_one_of(case, number, sent, where) for number in range(len(foreign.proposals))]
    body = _body(sent, where)
    if sent.decision == "edit":
        changes = changes_of(case, sent)
        if not changes and not sent.tool:
            raise AnswerError(where, "changes", "is empty: nothing was changed")
        body |= {"changes": changes, **({"tool": sent.tool} if sent.tool else {})}
    elif changed := changes_of(case, sent):
        names = ", ".join(changed)
        raise AnswerError(
            where, "changes", f"{names}: you changed it, and this would go without: send the changes"
        )
    decision = decision_from_json(body)
    if request is not None:
        decision = check_decision(request, decision, any_cause=True)
    return decision


def _body(sent: Sent, where: str) -> dict[str, Any]:
    """What a decision says besides changes: the grounds, and the one thing that it cannot do without."""
    if sent.decision not in DECISIONS:
        raise AnswerError(where, "decision", "is none of those that this case takes")
    needed = _NEEDED.get(sent.decision)
    if needed and needed[0] not in sent.said:
        raise AnswerError(where, *needed)
    own = (*_GROUNDS, needed[0]) if needed else _GROUNDS
    return {"type": sent.decision, **{name: text for name, text in sent.said.items() if name in own}}


def demand(case: Case, decision: Decision | list[Decision], sent: Sent, opened: Iterable[int]) -> None:
    """Refuse a yes that the risk asks more of: evidence not opened, a text not typed, a diff not seen.

    Raises:
        AnswerError: On `diff`, or as `demand_of_all`. Nothing was saved.
    """
    edits = any(isinstance(one, Edit) for one in (decision if isinstance(decision, list) else [decision]))
    if edits and sent.diffed != digest_of_edits(edits_of(case, sent)):
        raise AnswerError(
            f"review {case.id}", "diff", "look at the changes as they are below, and send them then"
        )
    demand_of_all(case, decision, sent.confirmed, opened)


def demand_of_all(
    case: Case, decision: Decision | list[Decision], confirmed: str, opened: Iterable[int]
) -> None:
    """What is asked on a page and by a program: a no says why; by its risk, a yes wants evidence opened, a text typed.

    Raises:
        AnswerError: On `reason`, `evidence` or `confirmed`. Nothing was saved.
    """
    request, where = case.request, f"review {case.id}"
    if isinstance(decision, list):
        return
    if decision.type == "reject" and not (decision.reason or decision.note):
        raise AnswerError(where, "reason", "is empty: say why, in a word to count by")
    if request is None:
        return
    final = apply_decision(request, decision).final
    asks = friction(request, final, (decision.tool or "") if isinstance(decision, Edit) else "")
    missing = asks.evidence - len({number for number in opened if 0 <= number < asks.evidence})
    if missing > 0:
        raise AnswerError(where, "evidence", f"open it first: {missing} of {asks.evidence} not opened yet")
    _typed(where, asks, confirmed)


def form_of(case: Case, sent: Sent) -> EditForm:
    """The form of what would be done, with what was typed in it; one without inputs where nothing can be edited.

    Raises:
        AnswerError: A tool that may not be called instead.
    """
    request: ReviewRequest | None = case.request
    if request is not None:
        if sent.tool and sent.tool not in request.other_tools:
            raise AnswerError(f"review {case.id}", "tool", "may not be called instead")
        form = edit_form(request, sent.texts, sent.tool or None)
        if not sent.tool:
            return form
        texts = {
            name: text for name, text in sent.texts.items() if form.has(name)
        }  # others are of the other act
        return edit_form(request, texts, sent.tool)
    foreign = case.foreign
    assert foreign is not None
    if foreign.proposals:
        return form_over(foreign.proposals[0]["args"], foreign.proposals[0].get("schema"), sent.texts)
    asks = foreign.shape is Shape.RAW and foreign.response_schema
    return form_over({}, foreign.response_schema if asks else {}, sent.texts)


def changes_of(case: Case, sent: Sent) -> dict[str, JSON]:
    """The fields that were changed, in their types.

    Raises:
        AnswerError: A field that the form does not have, or text that its type does not take.
    """
    changes = form_of(case, sent).changes(f"review {case.id}")
    if changes and case.request is not None:
        checked = check_decision(case.request, Edit(changes, tool=sent.tool or None), any_cause=True)
        assert isinstance(checked, Edit)
        return checked.changes
    return changes


def edits_of(case: Case, sent: Sent) -> list[Edited]:
    """What is changed, act by act; empty where nothing is.

    Raises:
        AnswerError: As `changes_of`.
    """
    foreign = case.foreign
    if foreign is not None and len(foreign.proposals) > 1:
        acts = [(number, act, sent.acts.get(number, Sent())) for number, act in enumerate(foreign.proposals)]
        return [
            Edited(
                label=f"{number + 1}. {act['name']}",
                before=act["args"],
                changes=_act_changes(act, number, one, f"review {case.id}"),
            )
            for number, act, one in acts
            if one.decision == "edit"
        ]
    changes = changes_of(case, sent) if sent.texts or sent.tool else {}
    if not changes and not sent.tool:
        return []
    return [Edited(label=sent.tool, before={} if sent.tool else case.proposal, changes=changes)]


def digest_of_edits(edits: Sequence[Edited]) -> str:
    """What a form carries to say which changes were shown as a diff."""
    return digest([[one.label, dict(one.changes)] for one in edits]) if edits else ""


def kept(sent: Sent) -> dict[str, JSON]:
    """What is worth keeping of a form that was not sent, as a draft."""
    out: dict[str, JSON] = {"texts": dict(sent.texts), "said": dict(sent.said), "tool": sent.tool}
    if sent.decision:
        out["decision"] = sent.decision  # about one of several acts
    return (
        {**out, "acts": {str(number): kept(one) for number, one in sent.acts.items()}} if sent.acts else out
    )


def from_kept(body: Any) -> Sent:
    """A draft as the form that it was; whatever it is not is left out."""
    if not isinstance(body, Mapping):
        return Sent()
    given = body.get("acts")
    acts = {
        int(number): _begun(one)
        for number, one in (given.items() if isinstance(given, Mapping) else ())
        if re.fullmatch("[0-9]{1,3}", str(number)) and isinstance(one, Mapping)
    }
    return dataclasses.replace(_begun(body), acts=acts)


def _begun(body: Mapping[str, Any]) -> Sent:
    return Sent(
        texts=_texts(body.get("texts")),
        said={name: text for name, text in _texts(body.get("said")).items() if name in _SAID},
        tool=str(body.get("tool") or ""),
        decision=str(body.get("decision") or ""),
    )


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}


def _one_of(case: Case, number: int, sent: Sent, where: str) -> Decision:
    """What was said about one of several acts."""
    assert case.foreign is not None
    act, one = case.foreign.proposals[number], sent.acts.get(number, Sent())
    at = f"act{number}"
    if one.decision not in act["allowed"]:
        raise AnswerError(where, f"{at}.decision", f"say what becomes of it: {' or '.join(act['allowed'])}")
    body: dict[str, Any] = {"type": one.decision}
    if one.decision == "respond":
        if "words" not in one.said:
            raise AnswerError(where, f"{at}.words", "is empty: write what to answer")
        body["message"] = one.said["words"]
    if one.decision == "reject" and "words" in one.said:
        body["note"] = one.said["words"]
    if one.decision == "edit":
        body["changes"] = _act_changes(act, number, one, where)
        if not body["changes"]:
            raise AnswerError(where, f"{at}.decision", "nothing was changed")
    return decision_from_json(body)


def _act_changes(act: Mapping[str, Any], number: int, one: Sent, where: str) -> dict[str, JSON]:
    """What is changed of one of several acts."""
    try:
        return form_over(act["args"], act.get("schema"), one.texts).changes(where)
    except AnswerError as error:
        raise AnswerError(where, f"act{number}.{error.field}", error.problem) from None


def _typed(where: str, asks: Friction, confirmed: str) -> None:
    if asks.confirm and typeable(confirmed) != typeable(asks.confirm["text"]):
        problem = f"type {asks.confirm['text']} to confirm: this cannot be undone"
        raise AnswerError(where, "confirmed", problem)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
