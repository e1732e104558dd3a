"""One case on a terminal, in words that need no knowledge of the graph."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hitl_graph.cli.output import clock, facts, one_line, safe, short_id, span, value_text
from hitl_graph.desk import Case, Status
from hitl_graph.plain import hidden_characters
from hitl_graph.reviews import ReviewRequest
from hitl_graph.views.ways import way_words

__all__ = ["case_view", "commands"]

WIDE = 100
"""Columns from which evidence and proposal stand beside each other."""
SHORT = 60
"""Characters up to which a value stands beside its name."""

_BRIEF = ("Why it paused", "Uncertain", "If you agree", "Beware", "It says")
_STATUS = {Status.PENDING: "bold yellow", Status.FAILED: "bold red", Status.APPLIED: "green"}
_COMMANDS = {
    "approve": "approve",
    "edit": "edit --set {field}=…",
    "reject": "reject --note …",
    "choose": "choose --option …",
    "respond": "respond --message …",
    "ask_info": "ask-info --message …",
    "take_over": "take-over",
}


def case_view(
    case: Case, console: Console, *, history: Sequence[Mapping[str, Any]] = (), brief: bool = False
) -> RenderableType:
    """The whole case: question, reasons, consequence, evidence beside proposal, and how to decide it.

    Args:
        case: The case, as the desk shows it.
        console: What it is drawn on; its width decides what stands beside what.
        history: Its audit events.
        brief: Leave out what somebody who decides many cases in a row knows, and the commands.
    """
    parts: list[RenderableType] = [Rule(style="dim"), *_head(case, brief=brief)]
    request = case.request
    about = _about(case, request)
    parts += [facts({k: v for k, v in about.items() if not brief or k in _BRIEF}), Text()]
    evidence, proposal = _evidence(request), _proposal(case, request)
    if console.width >= WIDE and evidence is not None:
        beside = Table.grid(expand=True, padding=(0, 1))
        beside.add_column(ratio=1)
        beside.add_column(ratio=1)
        beside.add_row(evidence, proposal)
        parts.append(beside)
    else:
        parts += [part for part in (evidence, proposal) if part is not None]
    if request:
        parts += _more(request)
    if case.decision_type:
        parts.append(_decided(case))
    if not brief and case.status is Status.PENDING:
        parts += [
            Text("Decide", "bold"),
            commands(case),
            Text("  --reason, --cause and --note say why", "dim"),
        ]
    if history:
        parts += [Text(), Text("History", "bold"), _events(history)]
    return Group(*parts)


def commands(case: Case) -> Table:
    """The exact command for each decision that the case takes, bound to what is shown, and where it leads."""
    request = case.request
    leads = request.continuation if request else {}
    longest = max(case.proposal, key=lambda field: len(str(case.proposal[field])), default="FIELD")
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)  # a command is copied whole
    table.add_column(style="dim", overflow="fold")
    acts = case.foreign.proposals if case.foreign else ()
    if len(acts) > 1:
        example = ", ".join('{"type": "approve"}' for _ in acts)
        command = f"  hitl-graph decide {short_id(case.id)} each --decisions '[{example}]'"
        table.add_row(f"{command} --digest {_short(case.digest)}", "one for each act, in this order")
        return table
    for word in case.allowed:
        text = _COMMANDS[word].format(field=shlex.quote(one_line(longest).plain))
        command = f"  hitl-graph decide {short_id(case.id)} {text} --digest {_short(case.digest)}"
        to = leads.get(word, "").replace("__end__", "the end")
        table.add_row(command, one_line(f"→ {to}" if to else ""))
    return table


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]


def _head(case: Case, *, brief: bool) -> Iterator[Text]:
    yield safe(case.question, "bold")
    kind = case.kind or ("erased" if _erased(case) else f"{case.shape.value}, not of this library")
    names = [case.gate or case.node or "a node", kind]
    if not brief:
        names += [f"thread {case.thread_id}", *([f"workflow {case.workflow}"] if case.workflow else [])]
    line = Text("  ·  ".join(one_line(name).plain for name in names), "dim")
    status = (case.status.value, _STATUS.get(case.status, "bold"))
    yield Text.assemble(status, f" {span(case.waited_s)}  ·  ", line)
    if case.error:
        yield safe(f"The last answer did not take: {case.error}", "red")
    yield Text()


def _erased(case: Case) -> bool:
    return case.digest.startswith("erased:")


def _about(case: Case, request: ReviewRequest | None) -> dict[str, Text | str]:
    if request is None:
        return _about_raw(case)
    action = request.action
    happens = safe(request.consequence)
    if action.get("reversible") is False:
        happens.append("\nThis cannot be undone.", "bold red")
    if action.get("if_wrong"):
        happens.append("\nIf it is wrong: ", "dim").append_text(safe(action["if_wrong"], "dim"))
    about: dict[str, Text | str] = {
        "Why it paused": Text("\n").join(safe(reason.text) for reason in request.why)
    }
    if request.uncertainty:
        about["Uncertain"] = Text("\n").join(safe(text) for text in request.uncertainty)
    about["If you agree"] = happens
    if request.tool_call:
        about["The agent calls"] = _call(request)
    about["Who must act"] = _owner(case, request)
    about |= _people(case, request)
    if request.blocks:
        about["Blocks"] = safe(", ".join(request.blocks))
    if request.warnings:
        about["Beware"] = Text("\n").join(safe(text, "bold red") for text in request.warnings)
    made = [f"{name} {value}" for name, value in vars(request.versions).items() if value]
    if made:
        about["Made with"] = one_line(", ".join(made), "dim")
    about["Review"] = safe(case.id, "dim")
    about["Digest"] = safe(case.digest, "dim")
    return about


def _about_raw(case: Case) -> dict[str, Text | str]:
    """A question that no gate of ours asked, or nothing of one that was erased."""
    whose: dict[str, Text | str] = {"Review": safe(case.id), "Digest": safe(case.digest)}
    if _erased(case):
        gone = "what was asked, shown and written is gone; when and by whom: "
        return {"Erased": one_line(f"{gone}hitl-graph audit show {short_id(case.id)}"), **whose}
    foreign = case.foreign
    who = f"node {case.node or 'unknown'} of another library or your own code; it says no more than this"
    about: dict[str, Text | str] = {"Asked by": one_line(who)}
    if foreign and foreign.description.strip() not in ("", case.question.strip()):
        about["It says"] = safe(foreign.description)
    return {**about, **whose}


def _people(case: Case, request: ReviewRequest) -> dict[str, Text | str]:
    """Who is at it, who has said yes, and who may not."""
    about: dict[str, Text | str] = {}
    if case.claimed_by:
        about["Who is at it"] = one_line(f"{case.claimed_by}, until {clock(case.claimed_until)}", "yellow")
    if request.approvals > 1:
        said = ", ".join(vote["by"] for vote in case.votes if vote["counts"]) or "nobody yet"
        about["Approvals"] = one_line(f"{request.approvals} people must agree; so far {said}")
    if request.excluded:
        about["May not decide"] = one_line(", ".join(request.excluded))
    return about


def _call(request: ReviewRequest) -> Text:
    text = one_line(request.act)
    if request.other_tools:
        text.append("; an edit may call instead: ").append_text(one_line(", ".join(request.other_tools)))
    return text


def _owner(case: Case, request: ReviewRequest) -> Text:
    text = one_line(str(request.owner))
    if case.owner not in (None, request.owner.group):  # escalated or rerouted since
        text.append(", now with ").append_text(one_line(case.owner or ""))
    text.append(f", priority {request.priority.value}")
    if case.due_at is not None and request.sla is not None:
        left = (case.due_at - case.asked_at).total_seconds() - case.waited_s
        when = f"in {span(left)}" if left >= 0 else f"{span(left)} ago"
        if case.status is Status.PENDING:
            text.append(f"; due {when} ({clock(case.due_at)})", "" if left >= 0 else "bold red")
        then = request.sla.on_expiry.replace("_", " ")
        goal = request.sla.escalate_to or request.sla.default
        text.append("; if nobody acts: ").append_text(one_line(f"{then} to {goal}" if goal else then))
    return text


def _evidence(request: ReviewRequest | None) -> Panel | None:
    if request is None:
        return None
    parts: list[Text] = []
    for item in request.evidence:
        source = f"({item.source})" if item.source else ""
        parts += [
            Text.assemble(one_line(item.title, "bold"), "  ", one_line(source, "dim")),
            value_text(item.content),
        ]
        if item.url:
            parts.append(safe(item.url, "dim"))
        parts.append(Text())
    body = Group(*parts[:-1]) if parts else Text("No evidence was found.", "red")
    return Panel(
        body, title="Evidence: what is known", title_align="left", box=box.ROUNDED, border_style="dim"
    )


def _proposal(case: Case, request: ReviewRequest | None) -> Panel | None:
    """What is proposed, as the agent's own words: apart from the evidence."""
    if _erased(case):
        return None
    foreign = case.foreign
    acts = foreign.proposals if foreign else ()
    if request:
        acts = ({"name": request.act, "args": dict(request.proposal)},)
    parts: list[RenderableType] = []
    for act in acts:
        if len(acts) > 1:
            parts.append(one_line(act["name"], "bold"))
        parts.append(_fields(act["args"]))
    if not parts:
        parts.append(value_text(case.payload))
    name = ", ".join(dict.fromkeys(str(act["name"]) for act in acts)) or "an answer"
    title = Text.assemble("Proposed: ", one_line(name))
    return Panel(Group(*parts), title=title, title_align="left", box=box.ROUNDED, border_style="yellow")


def _fields(proposal: Mapping[str, Any]) -> RenderableType:
    """Short values beside their names, long ones under them; hidden characters are shown and counted."""
    parts: list[RenderableType] = []
    short: dict[str, Text | str] = {}
    for name, value in proposal.items():
        label, shown = one_line(name, "bold"), value_text(value)
        if isinstance(value, str) and (found := hidden_characters(value)):
            label.append(f"  hidden: {', '.join(found)}", "bold red")
        elif len(shown) <= SHORT and "\n" not in shown.plain:
            short[label.plain] = shown
            continue
        parts += [label, shown]
    return Group(*([facts(short)] if short else []), *parts)


def _more(request: ReviewRequest) -> Iterator[RenderableType]:
    if request.options:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(justify="right")
        for number, option in enumerate(request.options, start=1):
            label = option.label if option.label != option.value.replace("_", " ") else ""
            table.add_row(
                str(number),
                one_line(option.value, "cyan"),
                one_line(label),
                one_line(option.consequence, "dim"),
            )
        yield from (Text("Options", "bold"), table, Text())
    if request.previous:
        before = request.previous
        said = [str(before[k]) for k in ("reason", "note") if before.get(k)]
        by = f"{before.get('decision')} by {before.get('by')}" + (f": {', '.join(said)}" if said else "")
        body = Group(one_line(by, "bold"), _fields(before.get("proposed") or {}))
        yield Panel(
            body, title="The attempt before this one", title_align="left", box=box.ROUNDED, border_style="dim"
        )
    if request.transcript:
        yield Text("Transcript", "bold")
        for turn in request.transcript:
            yield Text.assemble("  ", one_line(turn.role, "bold"), "  ", one_line(turn.at or "", "dim"))
            yield safe(turn.content)
        yield Text()


def _decided(case: Case) -> RenderableType:
    """Who decided what; for an edit, proposed and final side by side."""
    decision = case.decision or {}
    told = [
        f"{k}: {decision[k]}" for k in ("option", "reason", "cause", "recurrence", "note") if decision.get(k)
    ]
    kind = (case.decision_type or "").replace("_", " ")
    who = one_line(f"by {case.by}, {clock(case.decided_at)}, via {case.via}")
    head = Text.assemble("Decided: ", (kind, "bold"), " ", who)
    parts: list[RenderableType] = [head, *(one_line(line) for line in told)]
    parts += [safe(decision[name]) for name in ("message", "question") if decision.get(name)]
    if isinstance(changes := decision.get("changes"), dict):
        table = Table(box=box.SIMPLE_HEAD, expand=True, header_style="bold", show_lines=True)
        table.add_column("Field")
        table.add_column("Proposed", ratio=1, overflow="fold")
        table.add_column("Final", ratio=1, overflow="fold")
        for field, value in changes.items():
            table.add_row(one_line(field), value_text(case.proposal.get(field)), value_text(value))
        parts.append(table)
    return Group(*parts)


def _events(history: Sequence[Mapping[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for event in history:
        data = event["data"] or {}
        said = {k: v for k, v in data.items() if k in ("by", "because", "error") and v}
        table.add_row(
            Text(f"  {clock(event['at'])}", "dim"),
            one_line(str(event["type"]).replace("_", " ")),
            one_line(
                ", ".join([*(f"{k} {v}" for k, v in said.items()), *filter(None, [way_words(data)])]), "dim"
            ),
        )
    return table
