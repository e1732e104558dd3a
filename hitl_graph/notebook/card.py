"""The review card: a case in a notebook, decided where it is shown."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import getpass
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Self

import anywidget
import traitlets

from hitl_graph.answers import apply_decision, check_decision
from hitl_graph.coercion import parse_json
from hitl_graph.decisions import Decision, Edit, decision_from_json
from hitl_graph.desk import Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError, DecisionConflict, DefinitionError, HitlError, StaleReview
from hitl_graph.notebook.form import form_fields, read_form
from hitl_graph.notebook.markup import case_html, page, record_html, text_html
from hitl_graph.notebook.session import Busy, Session, Went
from hitl_graph.notebook.thread import OpenCase, Thread, config_of, needs_loop, read_thread
from hitl_graph.notebook.view import case_view, confirmation, record_view, shown_diff, thread_view
from hitl_graph.plain import JSON, plain_json, printable
from hitl_graph.reviews import ReviewRequest

__all__ = ["ReviewCard", "review_card"]

STATIC = Path(__file__).parent / "static"


class ReviewCard(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is a subclass of an untyped class
    """The open cases of one thread, to be decided in JupyterLab or marimo; see `review_card`.

    Attributes:
        session: Who decides, on which thread.
        last: How the thread went on after the last decision, or None.
    """

    _esm = STATIC / "card.js"
    _css = STATIC / "card.css"

    view = traitlets.Dict().tag(sync=True)
    """All that is shown, as plain JSON of printable text."""
    drafts = traitlets.Dict().tag(sync=True)
    """What was typed and not decided yet, by case: it outlives a reload of the page."""
    seen = traitlets.Int(0).tag(sync=True)
    """Written by the page after each decision: in marimo, cells that use the card run again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.last: Went | None = None
        self._thread: Thread | None = None
        self._told: list[dict[str, Any]] = []
        self._decided: list[str] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._home = _home_of(session.graph)
        self.on_msg(self._heard)
        self.refresh()

    @property
    def thread(self) -> Thread | None:
        """The thread as it was last read."""
        return self._thread

    def refresh(self) -> Self:
        """Read the thread again; with an async checkpointer, as soon as the loop is free."""
        if needs_loop(self.session.graph):
            self._publish(phase="reading")
            self._start(self._look())
        else:
            self._thread = read_thread(self.session.graph, self.session.config)
            self._publish()
        return self

    async def arefresh(self) -> Self:
        """`refresh`, for every checkpointer: the card is up to date when it returns."""
        await self._look()
        return self

    def decide(self, decision: Decision, *, review: str | None = None) -> Thread:
        """Decide from code, as a click would: the open case, or the one that `review` names.

        Returns:
            The thread as it stands afterwards.

        Raises:
            AnswerError: The case does not take it, or several are open and none is named.
            DefinitionError: The checkpointer needs `await card.adecide(...)`.
            DecisionConflict, StaleReview, ReviewClosed: As for `Desk.decide`. In all of these nothing was saved.
        """
        if needs_loop(self.session.graph):
            raise DefinitionError("card", "decide", "needs `await card.adecide(...)`: the checkpointer is async")
        went = _wait(self._decide(self._case(review), decision))
        return went.thread

    async def adecide(self, decision: Decision, *, review: str | None = None) -> Thread:
        """`decide`, for every checkpointer."""
        return (await self._decide(self._case(review), decision)).thread

    def _case(self, review: str | None) -> OpenCase:
        cases = self._thread.cases if self._thread else ()
        named = [case for case in cases if review in (None, case.id)]
        if len(named) != 1:
            ids = ", ".join(case.id for case in cases) or "none"
            raise AnswerError("card", "review", f"{review or 'no name'} is not one open case: open are {ids}")
        return named[0]

    async def _decide(self, case: OpenCase, decision: Decision) -> Went:
        return self._done(case, await self.session.decide(case.id, case.digest, decision))

    def _done(self, case: OpenCase, went: Went, answer: str = "") -> Went:
        """Keep what came of a decision, and show it."""
        self.last, self._thread = went, went.thread
        if not went.refused:
            self._decided.append(case.id)
            self.drafts = {key: value for key, value in self.drafts.items() if key != case.id}
            if case.request is None:
                self._told.append({"question": case_view(case)["question"], "answer": answer, "by": printable(self.session.by)})
        self._publish()
        return went

    # What the page sends: {"type": ..., "review": ..., "digest": ..., ...}.

    def _heard(self, _widget: object, content: Any, _buffers: object) -> None:
        if not isinstance(content, Mapping):
            return
        kind = content.get("type")
        if kind == "draft":
            self.drafts = {**self.drafts, str(content.get("review")): dict(content.get("draft") or {})}
        elif kind == "preview":
            self._preview(content)
        elif kind == "look":
            self._start(self._quietly(self._look()))
        elif kind == "go_on":
            self._start(self._going(self.session.go_on(), None))
        elif kind in ("decide", "answer"):
            self._start(self._clicked(content))

    async def _look(self) -> None:
        before = self._thread
        self._thread = await self.session.look()
        if before != self._thread or self.view.get("phase") != "ready":
            self._publish(notice=self.view.get("notice"))

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # shown on the card, where there is nobody else to tell
            self._publish(notice=_notice("error", f"The thread could not be read: {error}"))

    async def _clicked(self, content: Mapping[str, Any]) -> None:
        """A decision from the page. Whatever is wrong with it is shown, and what was typed stays."""
        review, digest = str(content.get("review")), str(content.get("digest"))
        case = next((one for one in (self._thread.cases if self._thread else ()) if one.id == review), None)
        try:
            if case is None or case.digest != digest:
                await self._look()
                return self._publish(notice=_notice("stale", _STALE))
            if content["type"] == "answer":
                text = str(content.get("text", ""))
                return await self._going(self.session.answer(review, digest, _json(text)), case, text)
            decision = _decision(case, content)
            text = content.get("decision", {}).get("type", "").replace("_", " ")
            await self._going(self.session.decide(review, digest, decision), case, text)
        except AnswerError as error:
            self._publish(problem={"review": review, "field": error.field, "text": printable(error.problem)})
        return None

    async def _going(self, work: Coroutine[Any, Any, Went], case: OpenCase | None, text: str = "") -> None:
        self._publish(phase="working")
        try:
            went = await work
        except AnswerError as error:
            review = case.id if case else ""
            self._publish(problem={"review": review, "field": error.field, "text": printable(error.problem)})
        except Busy as error:
            self._publish(notice=_notice("stale", str(error)))
        except HitlError as error:
            self._thread = await self.session.look()
            self._publish(notice=_notice("stale", _conflict(error)))
        except Exception as error:  # noqa: BLE001  # the kernel would only log it
            self._publish(notice=_notice("error", f"It could not be done: {error!r}"))
        else:
            if went.refused:
                self._thread = went.thread
                self._publish(problem={"review": case.id if case else "", "field": "", "text": printable(went.error or "")})
            elif case is not None:
                self._done(case, went, text)
            else:
                self.last, self._thread = went, went.thread
                self._publish()

    def _preview(self, content: Mapping[str, Any]) -> None:
        """The word diff of what is being typed, and what is wrong with it so far. Decides nothing."""
        review = content.get("review")
        case = next((one for one in (self._thread.cases if self._thread else ()) if one.id == review), None)
        if case is None or case.request is None:
            return
        request, problem, diffs = case.request, None, {}
        try:
            edit = _edit(request, content)
            final = apply_decision(request, edit).final or {}
            names = final if edit.tool else edit.changes
            diffs = {name: shown_diff(request.proposal.get(name), final.get(name)) for name in names}
        except AnswerError as error:
            problem = {"review": review, "field": error.field, "text": printable(error.problem)}
        self.send({"type": "preview", "review": review, "number": content.get("number"), "diffs": diffs, "problem": problem})

    def _publish(
        self, *, phase: str = "ready", notice: Mapping[str, str] | None = None, problem: Mapping[str, str] | None = None
    ) -> None:
        """Everything that is shown, in one piece."""
        thread = self._thread
        records = [record_view(record) for record in thread.records] if thread else []
        self.view = {
            "phase": phase,
            "revision": int(self.view.get("revision", 0)) + 1,
            "decisions": len(self._decided),
            "by": printable(self.session.by),
            "desk": self.session.has_desk,
            "thread": thread_view(thread) if thread else None,
            "cases": [case_view(case) for case in thread.cases] if thread else [],
            "records": [{**record, "mine": record["id"] in self._decided} for record in records],
            "told": list(self._told),
            "notice": dict(notice) if notice else None,
            "problem": dict(problem) if problem else None,
        }

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run on the loop that the notebook's own code runs on: a saver and a client belong to theirs."""
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        home = self._home if self._home is not None and self._home.is_running() else here
        if home is None:
            asyncio.run(work)
        elif home is here:
            task = home.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            asyncio.run_coroutine_threadsafe(work, home)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The card; and for a reader without a kernel the case as it stood, read-only."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "text/html": self.to_html(), "text/plain": self._plain()}, metadata

    def to_html(self) -> str:
        """The cases and records as they stand, as HTML without scripts."""
        view = self.view
        stood = f"As it stood at {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC. Run the cell to decide."
        thread = view["thread"] or {"thread": "", "words": "is being read"}
        head = f"<p><small>Thread {text_html(thread['thread'])} {text_html(thread['words'])}. {stood}</small></p>"
        cases = [page(case_html(case)) for case in view["cases"]]
        records = [page(record_html(record)) for record in view["records"] if record["mine"]]
        return "".join([*cases, *records]) + page(head) if cases or records else page(head)

    def _plain(self) -> str:
        thread, cases = self._thread, self.view["cases"]
        words = f"{thread.thread_id} {self.view['thread']['words']}" if thread else "is being read"
        return "\n".join([f"ReviewCard: thread {words}", *(f"  {case['question']}" for case in cases)])


def review_card(
    graph: Any, thread: Mapping[str, Any] | str, *, by: str | None = None, desk: Desk | SyncDesk | None = None
) -> ReviewCard:
    """A card that shows what waits in a thread, takes the decision, and lets the graph go on.

    Works with every checkpointer. With ours each decision is taken exactly once, at the desk; with another one
    only this process is kept from answering twice.

    Args:
        graph: The compiled graph.
        thread: The thread's id, or its config.
        by: Who decides; the user of this process unless said.
        desk: An open desk, to use instead of one on the checkpointer's own database.

    Raises:
        DefinitionError: The graph is not compiled or has no checkpointer, or no thread is named.

    Example:
        >>> review_card(graph, "t1", by="ana")  # doctest: +SKIP
    """
    return ReviewCard(Session(graph, config_of(graph, thread), by=by or _this_user(), desk=desk))


_STALE = "This case has changed or was decided elsewhere. Nothing of yours was applied; this is how it stands now."


def _conflict(error: HitlError) -> str:
    if isinstance(error, DecisionConflict):
        word = error.decision.replace("_", " ")
        return printable(f"This was decided already: {word} by {error.by}, {error.at}. Nothing of yours was applied.")
    return _STALE if isinstance(error, StaleReview) else printable(f"{error}. Nothing of yours was applied.")


def _notice(kind: str, text: str) -> dict[str, str]:
    return {"kind": kind, "text": printable(text)}


def _decision(case: OpenCase, content: Mapping[str, Any]) -> Decision:
    """The decision that the page sent, with the form read and what must be said with it said."""
    body = {key: value for key, value in dict(content.get("decision") or {}).items() if value not in (None, "")}
    kind = body.get("type")
    if case.request is None:
        return decision_from_json(body)
    where = f"review of gate {case.request.gate!r}"
    decision: Decision
    if kind == "edit":
        decision = check_decision(case.request, dataclasses.replace(_edit(case.request, content), **_grounds(body)))
    else:
        decision = check_decision(case.request, decision_from_json(body))
    if kind == "reject" and not (decision.reason or decision.note):
        raise AnswerError(where, "reason", "is empty: say why, in a word to count by")
    final = apply_decision(case.request, decision).final
    wanted = confirmation(case.request, final) if final is not None else None
    if wanted and str(content.get("confirmed", "")).strip() != wanted["text"].strip():
        raise AnswerError(where, "confirm", f"type {wanted['text']} to confirm: this cannot be undone")
    return decision


def _edit(request: ReviewRequest, content: Mapping[str, Any]) -> Edit:
    """The edit that the form says, as the case takes it."""
    tool = content.get("tool") or None
    if tool is not None and tool not in request.other_tools:
        raise AnswerError(request.gate, "tool", "may not be called instead")
    typed = {str(name): str(text) for name, text in dict(content.get("texts") or {}).items()}
    changes = read_form(form_fields(request, tool), typed, request.gate)
    if not changes and tool is None:
        raise AnswerError(request.gate, "changes", "is empty: nothing was changed")
    edit = check_decision(request, Edit(changes, tool=tool))
    assert isinstance(edit, Edit)
    return edit


def _grounds(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in ("reason", "cause", "recurrence", "note") if key in body}


def _json(text: str) -> JSON:
    try:
        return plain_json(parse_json(text), "answer")
    except ValueError as error:
        raise AnswerError("interrupt", "answer", f"should be JSON, such as \"yes\" in quotes: {error}") from None


def _home_of(graph: Any) -> asyncio.AbstractEventLoop | None:
    """The loop of the graph's checkpointer, or the one that this is called on."""
    bound = getattr(graph.checkpointer, "loop", None)
    if isinstance(bound, asyncio.AbstractEventLoop):
        return bound
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wait(work: Coroutine[Any, Any, Went]) -> Went:
    """Run to the end from code that cannot await, on a notebook's running loop too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    out: list[Went] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            out.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001  # raised again where it was asked for
            raised.append(error)

    thread = threading.Thread(target=run, name="hitl-card")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return out[0]


def _this_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an account, as in some containers
        return "notebook"
