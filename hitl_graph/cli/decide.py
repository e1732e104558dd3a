"""`hitl-graph decide`: one decision, taken once; and the thread goes on, when its graph is named."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hitl_graph.checkpointers import open_checkpointer
from hitl_graph.cli.loading import GraphNotLoaded, load_graph
from hitl_graph.cli.options import AsJson, Db, ReviewId, Thread, this_user
from hitl_graph.cli.output import case_summary, clock, one_line, out, print_json, short_id
from hitl_graph.cli.resume import outcome, told
from hitl_graph.coercion import coerce
from hitl_graph.decisions import Cause, Decision, Edit, Recurrence, decision_from_json
from hitl_graph.desk import Case, Desk, Resumed, Status
from hitl_graph.errors import AnswerError
from hitl_graph.schemas import inferred_schema

__all__ = ["decide"]


class Kind(enum.StrEnum):
    """What may be decided, as it is typed."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    CHOOSE = "choose"
    RESPOND = "respond"
    ASK_INFO = "ask-info"
    TAKE_OVER = "take-over"
    EACH = "each"


_GROUNDS = ("reason", "cause", "recurrence", "note")
_NOT_HERE = "the decision is kept, and another process resumes the thread"
_NEEDS = {
    Kind.EDIT: "changes",
    Kind.CHOOSE: "option",
    Kind.RESPOND: "message",
    Kind.ASK_INFO: "question",
    Kind.EACH: "decisions",
}
_FLAGS = {
    "decisions": "--decisions",
    "changes": "--set FIELD=VALUE or --changes",
    "option": "--option",
    "message": "--message",
    "question": "--message",
}


def decide(  # noqa: PLR0913  # each is an option of the command
    review: ReviewId,
    kind: Annotated[Kind, typer.Argument(metavar="DECISION", help=" | ".join(Kind))],
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="edit: a new value; @FILE reads it. May be repeated."
        ),
    ] = None,
    changes: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="edit: an object of new values; @FILE, or @- for stdin."),
    ] = None,
    tool: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="edit: call this tool instead; the changes are all its arguments."),
    ] = None,
    option: Annotated[str | None, typer.Option(metavar="VALUE", help="choose: the option.")] = None,
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="respond, ask-info: the words; @FILE, or @- for stdin.")
    ] = None,
    decisions: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help="each: a list with one decision for each act of a case that asks about several; @FILE, or @-.",
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="CODE", help="A short word to count by, such as tone.")
    ] = None,
    cause: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help=f"Where the mistake came from: {', '.join(Cause)}, or a code of yours."
        ),
    ] = None,
    recurrence: Annotated[Recurrence | None, typer.Option(help="Whether it will come again.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Free words for the next reader.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who decides; the user of this process unless said.")
    ] = None,
    digest: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST", help="What was shown, as `show` prints it: a case that has changed is refused."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Names this request: sent again with the same content, it is one decision."
        ),
    ] = None,
    undo_s: Annotated[
        float,
        typer.Option(
            "--undo-s", metavar="SECONDS", help="Do not tell the thread for so long, 0 to 300: see undo."
        ),
    ] = 0.0,
    graph: Annotated[
        str | None, typer.Option(metavar="MODULE:ATTRIBUTE", help="Resume the thread here, with this graph.")
    ] = None,
    thread: Thread = None,
    db: Db = None,
    as_json: AsJson = False,
) -> None:
    """Decide one case. Of all who decide at the same time, one wins; the others are told who.

    Without --digest the case is decided as it stands now. Without --graph the decision is kept, and
    the thread goes on with the next resume. With --json: {"case": ..., "resumed": ... or null}.
    """
    if undo_s and graph is not None:
        raise typer.BadParameter("--graph resumes the thread at once: it does not go with --undo-s")
    body: dict[str, Any] = {"reason": reason, "cause": cause, "recurrence": recurrence, "note": note}
    body["changes"] = _changes(set_ or [], changes)
    body["option"], body["tool"] = option, tool
    body["decisions"] = _listed(decisions)
    body["question" if kind is Kind.ASK_INFO else "message"] = None if message is None else _content(message)
    decision = _decision(kind, body)
    case, resumed = asyncio.run(
        _decide(
            review, decision, digest, graph, thread, db, _How(this_user() if by is None else by, key, undo_s)
        )
    )
    failed = resumed is not None and bool(resumed.error)
    if as_json:
        print_json({"case": case_summary(case), "resumed": None if resumed is None else outcome(resumed)})
    else:
        _tell(case, resumed)
    if failed:
        raise typer.Exit(1)


@dataclasses.dataclass(frozen=True)
class _How:
    """Who decides, and how it is sent."""

    by: str
    key: str | None
    undo_s: float


async def _decide(
    review: str,
    decision: Decision | list[Decision],
    digest: str | None,
    graph: str | None,
    thread: str | None,
    db: str | None,
    how: _How,
) -> tuple[Case, Resumed | None]:
    async with Desk(db) as desk:
        case = await desk.show(await desk.find(review), thread_id=thread)
        if graph is not None:
            _check_graph(graph, case)
        decision = _typed(case, decision)
        shown = case.digest if digest is None else _full(digest, case)
        case = await desk.decide(
            case.id,
            decision,
            by=how.by,
            digest=shown,
            thread_id=case.thread_id,
            idempotency_key=how.key,
            undo_s=how.undo_s,
        )
        if graph is None or case.status is Status.PENDING:
            return case, None
        async with open_checkpointer(db) as checkpointer:
            loaded = load_graph(graph, checkpointer)
            done = await desk.resume(loaded, thread_ids=[case.thread_id])
        case = await desk.show(case.id, thread_id=case.thread_id)
        return case, done[0] if done else Resumed(thread_id=case.thread_id, error=_NOT_HERE)


def _check_graph(name: str, case: Case) -> None:
    """A graph that the case is not of is refused before anything is decided."""
    graph = load_graph(name)
    nodes = getattr(graph, "nodes", {})
    if case.workflow and graph.name not in ("LangGraph", case.workflow):
        raise GraphNotLoaded(
            f"{name} is {graph.name!r}, and the case is of {case.workflow!r}: nothing was decided"
        )
    if case.node and case.node not in nodes:
        raise GraphNotLoaded(f"{name} has no node {case.node!r}, where the case waits: nothing was decided")


def _typed(case: Case, decision: Decision | list[Decision]) -> Decision | list[Decision]:
    """An edit of an act of other origin, with text turned into the types that its arguments have now.

    Our own cases know their types, and turn text into them where every answer is checked.
    """
    if not isinstance(decision, Edit) or case.request is not None:
        return decision
    return dataclasses.replace(decision, changes=coerce(decision.changes, inferred_schema(case.proposal)))


def _full(digest: str, case: Case) -> str:
    """A digest may be typed in part, as it is shown in part."""
    bare = digest.removeprefix("sha256:")
    return case.digest if len(bare) >= 8 and case.digest.removeprefix("sha256:").startswith(bare) else digest


def _decision(kind: Kind, body: dict[str, Any]) -> Decision | list[Decision]:
    needed = _NEEDS.get(kind)
    if tool := body.pop("tool", None):
        if kind is not Kind.EDIT:
            raise typer.BadParameter(f"{kind} takes no --tool")
        return decision_from_json({**_given(body, "changes"), "type": "edit", "tool": tool})
    if needed and not body.get(needed):
        raise typer.BadParameter(f"{kind} needs {_FLAGS[needed]}")
    for name, flag in _FLAGS.items():
        if name != needed and body.get(name):
            raise typer.BadParameter(f"{kind} takes no {flag}")
    if kind is Kind.EACH:
        return [decision_from_json(one) for one in body["decisions"]]
    return decision_from_json({"type": kind.replace("-", "_"), **_given(body, needed)})


def _given(body: dict[str, Any], needed: str | None) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None and name in (needed, *_GROUNDS)}


def _changes(pairs: Sequence[str], changes: str | None) -> dict[str, Any]:
    """The new values: text of `--set` is turned into the field's own type where the case is checked."""
    out: dict[str, Any] = {}
    if changes is not None:
        try:
            found = json.loads(_content(changes))
        except ValueError as error:
            raise typer.BadParameter(f"--changes: is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise typer.BadParameter('--changes: is no object such as {"body": "…"}')
        out.update(found)
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not field or not equals:
            raise typer.BadParameter(f"--set {pair!r}: write FIELD=VALUE")
        out[field] = _content(value)
    return out


def _listed(decisions: str | None) -> list[dict[str, Any]] | None:
    if decisions is None:
        return None
    try:
        found = json.loads(_content(decisions))
    except ValueError as error:
        raise typer.BadParameter(f"--decisions: is no JSON: {error}") from None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise typer.BadParameter('--decisions: is no list such as [{"type": "approve"}, {"type": "reject"}]')
    return found


def _content(value: str) -> str:
    """The text itself, or that of `@FILE` or stdin (`@-`); `@@` stands for an @ at the start."""
    if value == "@-":
        return sys.stdin.read()
    if value.startswith("@@") or not value.startswith("@"):
        return value.removeprefix("@") if value.startswith("@@") else value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnswerError("", value, f"cannot be read: {error}") from None


def _tell(case: Case, resumed: Resumed | None) -> None:
    if case.status is Status.PENDING:
        said = sum(vote["counts"] for vote in case.votes)
        text = Text.assemble(
            "Your vote is kept: ", (f"{said} of {case.approvals}", "bold"), " people say so."
        )
        out().print(text, soft_wrap=True)
        return
    word = (case.decision_type or "decided").replace("_", " ")
    text = Text.assemble((word, "bold"), " ", one_line(f"by {case.by}: {case.question}"))
    text.append(f"\nReview {short_id(case.id)}, digest {case.digest[:19]}…", "dim")
    if resumed is None and case.dispatch_at and case.decided_at and case.dispatch_at > case.decided_at:
        text.append(
            f"\nUntil {clock(case.dispatch_at)} nothing goes out: hitl-graph undo {short_id(case.id)}"
        )
    elif resumed is None:
        text.append(
            "\nThe decision is kept. Its thread goes on with: hitl-graph resume MODULE:ATTRIBUTE --thread "
        )
        text.append_text(one_line(case.thread_id))
        text.append("\n(or `desk.resume(graph)` in the program that has the graph)", "dim")
    else:
        text.append("\n").append_text(told(resumed))
    out().print(text, soft_wrap=True)
