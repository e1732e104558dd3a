"""What somebody changes of a case, as far as it can be read: its diff, what is wrong, and what a yes to it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_graph.answers import check_decision
from hitl_graph.decisions import Edit
from hitl_graph.desk import Case
from hitl_graph.desk.weighing import weigh
from hitl_graph.errors import AnswerError
from hitl_graph.inbox.sent import Edited, Sent, digest_of_edits, edits_of, form_of
from hitl_graph.inbox.standing import Standing
from hitl_graph.inbox.wording import Wording
from hitl_graph.plain import JSON
from hitl_graph.views.case_view import Friction, case_shown, friction
from hitl_graph.views.diff import Piece, Work, part_diffs, word_diff
from hitl_graph.views.reading import EditForm, Reading, form_over

__all__ = ["Changed", "changed", "decided_diff", "draft_values"]

_MOST_WRONG = 10
Diffs = list[tuple[str, list[Piece]]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Changed:
    """What somebody changes.

    Attributes:
        diffs: By field. digest: What a form carries to say that it showed them; empty where they cannot be sent.
        wrong: What is wrong with fields, the first of each.
        friction: What a yes takes, to the proposal as it would be. refused: The rule against their sending it.
    """

    diffs: Diffs
    digest: str
    wrong: Sequence[AnswerError]
    friction: Friction
    refused: str = ""

    @property
    def is_edit(self) -> bool:
        """Whether something is changed, be it right or wrong: then an approval of what is proposed is not meant."""
        return bool(self.diffs or self.digest or self.wrong)


def changed(case: Case, sent: Sent, stand: Standing | None = None) -> Changed:
    """What a form changes; where some of it cannot be taken, what it says is compared as it was typed.

    Args:
        case: As it stands. sent: The form. stand: How whoever sends it stands to the case.
    """
    try:
        edits = edits_of(case, sent)
    except AnswerError as error:
        diffs, wrong = _as_typed(case, sent)
        return Changed(diffs=diffs, digest="", wrong=wrong or [error], friction=_friction(case, sent, {}))
    several, work = len(edits) > 1 or bool(sent.acts), Work()
    diffs = [
        (f"{one.label}: {name}" if several else name, word_diff(one.before.get(name), value, work))
        for one in edits
        for name, value in one.changes.items()
    ]
    changes = edits[0].changes if len(edits) == 1 and not several else {}
    return Changed(
        diffs=diffs,
        digest=digest_of_edits(edits),
        wrong=(),
        friction=_friction(case, sent, changes),
        refused=_refused(case, sent, edits, stand) if stand is not None else "",
    )


def decided_diff(case: Case) -> Diffs:
    """What an edit that was decided changes."""
    said = case.decision or {}
    changes = said.get("changes") if case.decision_type == "edit" else None
    if not isinstance(changes, Mapping):
        return []
    before = {} if said.get("tool") else case.proposal
    work = Work()
    return [
        part
        for name, value in changes.items()
        for part in part_diffs(str(name), before.get(name), value, work)
    ]


def draft_values(case: Case, sent: Sent, stand: Standing) -> dict[str, Any]:
    """What the page says about what is being typed."""
    return {
        "shown": case_shown(case),
        "change": changed(case, sent, stand),
        "standing": stand,
        "words": Wording(case, sent),
        "errors": {},
    }


def _as_typed(case: Case, sent: Sent) -> tuple[Diffs, list[AnswerError]]:
    """What cannot be sent as it is: what of it can be read, the rest as it was typed, and what is wrong."""
    work, where = Work(), f"review {case.id}"
    foreign = case.foreign
    if foreign is not None and len(foreign.proposals) > 1:
        diffs: Diffs = []
        wrong: list[AnswerError] = []
        for number, act in enumerate(foreign.proposals):
            one = sent.acts.get(number, Sent())
            if one.decision == "edit":
                read = form_over(act["args"], act.get("schema"), one.texts).read(where)
                label = f"{number + 1}. {act['name']}: "
                diffs += [(label + name, pieces) for name, pieces in _diffs(read, act["args"], work)]
                wrong += [
                    AnswerError(where, f"act{number}.{each.field}", each.problem) for each in read.wrong
                ]
        return diffs, wrong[:_MOST_WRONG]
    try:
        form = form_of(case, sent)
    except AnswerError as error:
        return [], [error]
    read = form.read(where)
    wrong = [*read.wrong, *_unfit(case, form, read, sent.tool)]
    return _diffs(read, {} if sent.tool else case.proposal, work), wrong[:_MOST_WRONG]


def _diffs(read: Reading, before: Mapping[str, JSON], work: Work) -> Diffs:
    said: Diffs = [(name, word_diff(before.get(name), value, work)) for name, value in read.changes.items()]
    return said + [(name, word_diff(old, new, work)) for name, old, new in read.raw]


def _unfit(case: Case, form: EditForm, read: Reading, tool: str) -> list[AnswerError]:
    """What the case does not take of that which can be read: field by field, each without those before."""
    request, left = case.request, dict(read.changes)
    out: list[AnswerError] = []
    while request is not None and left and len(out) < _MOST_WRONG:
        try:
            check_decision(request, Edit(left, tool=tool or None), any_cause=True)
        except AnswerError as error:
            key = form.key(error.field)
            if not (out or read.wrong) or key in left:
                out.append(error)
            if key not in left:
                break
            del left[key]
        else:
            break
    return out


def _friction(case: Case, sent: Sent, changes: Mapping[str, JSON]) -> Friction:
    """What a yes takes, to the proposal as it would be with the changes."""
    request = case.request
    if request is None:
        return friction(None, None)
    final = dict(changes) if sent.tool else {**request.proposal, **changes}
    return friction(request, final, sent.tool)


def _refused(case: Case, sent: Sent, edits: Sequence[Edited], stand: Standing) -> str:
    """The rule against letting through what would be done with the changes."""
    if case.request is None or len(edits) != 1:
        return ""
    try:
        return stand.weighed(weigh(case, Edit(dict(edits[0].changes), tool=sent.tool or None)).act)
    except AnswerError:
        return ""  # it cannot be sent, and why is said
