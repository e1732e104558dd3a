"""The review card: a case in a notebook, decided where it is shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import getpass
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Self

import anywidget
import traitlets

from hitl_graph.decisions import Decision
from hitl_graph.desk import Desk
from hitl_graph.desk.sync_desk import SyncDesk
from hitl_graph.errors import AnswerError, DecisionConflict, DefinitionError, HitlError, StaleReview
from hitl_graph.notebook.loops import bound_loop, running_loop, wait_for
from hitl_graph.notebook.markup import case_html, page, record_html, text_html
from hitl_graph.notebook.sent import decision_of, json_of, preview_of
from hitl_graph.notebook.session import Busy, Session, Went
from hitl_graph.notebook.thread import OpenCase, Thread, config_of, needs_loop, read_thread
from hitl_graph.notebook.view import case_view, thread_view
from hitl_graph.plain import printable
from hitl_graph.views.request import clock, record_view

__all__ = ["ReviewCard", "review_card"]

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("dom.js", "form.js", "record.js", "case.js", "card.js")
"""In this order one module: a notebook loads a widget's code from one text, and nothing else."""


class ReviewCard(anywidget.AnyWidget):
    """The open cases of one thread, to be decided in JupyterLab or marimo; see `review_card`.

    Attributes:
        session: Who decides, on which thread.
        last: How the thread went on after the last decision, or None.
    """

    _esm = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)
    _css = (STATIC / "card.css").read_text(encoding="utf-8")

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
        self._home = bound_loop(session.graph) or running_loop()
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
            self._start(self._safely(self._look()))
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
            raise DefinitionError(
                "card", "decide", "needs `await card.adecide(...)`: the checkpointer is async"
            )
        return wait_for(self._decide(self._case(review), decision), bound_loop(self.session.graph)).thread

    async def adecide(self, decision: Decision, *, review: str | None = None) -> Thread:
        """`decide`, for every checkpointer."""
        if self._thread is None:  # with an async one the card may not have been read yet
            await self._look()
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
                self._told.append(
                    {
                        "question": case_view(case)["question"],
                        "answer": answer,
                        "by": printable(self.session.by),
                    }
                )
        self._publish()
        return went

    # What the page sends: {"type": ..., "review": ..., "digest": ..., ...}.

    def _heard(self, _widget: object, content: Any, _buffers: object) -> None:
        if not isinstance(content, Mapping):
            return
        try:
            self._told_by_page(content.get("type"), content)
        except (HitlError, ValueError, TypeError) as error:  # text that is none, such as half a character
            notice = _notice("error", f"It could not be read: {error}")
            self._publish(phase=self.view["phase"], notice=notice)

    def _told_by_page(self, kind: object, content: Mapping[str, Any]) -> None:
        if kind == "draft":
            self.drafts = {**self.drafts, str(content.get("review")): dict(content.get("draft") or {})}
        elif kind == "preview":
            self._preview(content)
        elif kind == "look":
            self._start(self._safely(self._look()))
        elif kind == "go_on":
            self._start(self._safely(self._going(self.session.go_on(), None)))
        elif kind in ("decide", "answer"):
            self._start(self._safely(self._clicked(content)))

    async def _look(self) -> None:
        before = _gist(self._thread)
        self._thread = await self.session.look()
        if before != _gist(self._thread) or self.view.get("phase") != "ready":
            self._publish(notice=self.view.get("notice"))

    async def _safely(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # the card is where it is seen; a kernel would only log it
            self._publish(notice=_notice("error", f"It could not be done: {error!r}"))

    async def _clicked(self, content: Mapping[str, Any]) -> None:
        """A decision from the page. Whatever is wrong with it is shown, and what was typed stays."""
        review, digest = str(content.get("review")), str(content.get("digest"))
        case = self._shown(review)
        try:
            if case is None or case.digest != digest:
                await self._look()
                return self._publish(notice=_notice("stale", _STALE))
            if content["type"] == "answer":
                text = str(content.get("text", ""))
                return await self._going(self.session.answer(review, digest, json_of(text)), case, text)
            decision = decision_of(case, content)
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
            waits = (
                isinstance(error, DecisionConflict) and case is not None and self._shown(case.id) is not None
            )
            self._publish(
                notice={**_notice("stale", _conflict(error)), "go_on": waits}
            )  # decided, not resumed yet
        else:
            if went.refused:
                self._thread = went.thread
                self._publish(
                    problem={
                        "review": case.id if case else "",
                        "field": "",
                        "text": printable(went.error or ""),
                    }
                )
            elif case is not None:
                self._done(case, went, text)
            else:
                self.last, self._thread = went, went.thread
                self._publish()

    def _preview(self, content: Mapping[str, Any]) -> None:
        case = self._shown(content.get("review"))
        if case is not None and case.request is not None:
            self.send(preview_of(case.id, case.request, content))

    def _shown(self, review: object) -> OpenCase | None:
        return next((one for one in (self._thread.cases if self._thread else ()) if one.id == review), None)

    def _publish(
        self,
        *,
        phase: str = "ready",
        notice: Mapping[str, Any] | None = None,
        problem: Mapping[str, str] | None = None,
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
        here = running_loop()
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


_STALE = (
    "This case has changed or was decided elsewhere. Nothing of yours was applied; this is how it stands now."
)


def _conflict(error: HitlError) -> str:
    if isinstance(error, DecisionConflict):
        word = error.decision.replace("_", " ")
        return printable(
            f"This was decided already: {word} by {error.by}, {clock(error.at)}. Nothing of yours was applied."
        )
    return _STALE if isinstance(error, StaleReview) else printable(f"{error}. Nothing of yours was applied.")


def _notice(kind: str, text: str) -> dict[str, str]:
    return {"kind": kind, "text": printable(text)}


def _gist(thread: Thread | None) -> object:
    """What makes a thread look another: its state may hold what cannot be compared."""
    if thread is None:
        return None
    cases = [(case.id, case.digest) for case in thread.cases]
    return thread.standing, thread.next, cases, len(thread.records), thread.error


def _this_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without an account, as in some containers
        return "notebook"
