"""The question of the running node: its id, what it showed when it was asked, and whether it is answered."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from langgraph.config import get_config
from langgraph.types import Interrupt

from hitl_graph.decisions import VIA_DESK
from hitl_graph.errors import AnswerError
from hitl_graph.reviews import ReviewRequest
from hitl_graph.storage.fence import fence_of
from hitl_graph.wire import native_request
from hitl_graph.wire.replies import ENVELOPE

__all__ = ["Asked", "aasked", "asked", "is_answered", "review_id"]

_LOG = logging.getLogger("hitl_graph")

_NO_TASK = "00000000-0000-0000-0000-000000000000"
"""The task under which LangGraph keeps an answer without an id."""
_NO_ANSWER = [("__resume__", None)]


@runtime_checkable
class Decisions(Protocol):
    """A checkpointer that knows what the desk has decided, for sync graphs."""

    def word(self, thread_id: str, review_id: str) -> dict[str, Any] | None:
        """The desk's decision: type, by, via, decision; `status` is `decided` while the thread has not taken it."""
        ...


@runtime_checkable
class AsyncDecisions(Protocol):
    """The same, for async graphs."""

    async def aword(self, thread_id: str, review_id: str) -> dict[str, Any] | None:
        """The desk's decision: type, by, via, decision; `status` is `decided` while the thread has not taken it."""
        ...


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the running question showed when it was asked; empty where the answer says so itself.

    `gone_on`: the thread has gone on since, so that the answer names an older pause. `decided`: what the desk has
    decided about it, and the thread has not taken yet. `by_desk`: the answer says that it is the desk's, and the desk's
    own row says just the same. `kept`: an earlier run has brought the answer, and whoever runs the thread now has not.
    """

    digest: str | None = None
    proposal_digest: str | None = None
    gone_on: bool = False
    decided: Mapping[str, Any] | None = None
    by_desk: bool = False
    kept: bool = False

    def forget_if_changed(self, request: ReviewRequest) -> None:
        """Drop an answer that was given about another proposal: what stands here now has to be asked about."""
        if self.proposal_digest not in (None, request.proposal_digest):
            _forget()

    def check(self, where: str, answer: object) -> None:
        """Refuse an answer at an older pause: replayed, it would do once more what was done, or what was withdrawn.

        And one past the desk where the desk has decided: one case, one decision (I1).

        Raises:
            AnswerError: The thread has gone on, or the desk has decided. Nothing was saved.
        """
        if self.gone_on:
            problem = "names a pause that the thread has left behind: look at what stands there now"
            raise AnswerError(where, "checkpoint", problem)
        if self.decided is not None and not _tells(answer, self.decided):
            said = f"{self.decided['type']} by {self.decided['by']}"
            problem = f"has decided already: {said}; `desk.resume` or a worker tells the thread"
            raise AnswerError(where, "desk", problem)


def review_id() -> str:
    """The id of the running node's interrupt, and so of its review: known before and after it pauses."""
    return Interrupt.from_ns(None, get_config()["configurable"]["checkpoint_ns"]).id


def is_answered() -> bool:
    """Whether an answer waits for the running task: a person was asked, and must not be passed over."""
    return _answer() is not None


def asked() -> Asked:
    """What this question showed, and what the desk says of its answer.

    An answer without an id that came before the question was asked is dropped.

    LangGraph hands such an answer to whatever asks first in the run. After the state was changed that is another
    question than the one that was answered: its content would be let through before anybody has seen it. A saver
    that has kept the answer is told to keep none.
    """
    saver, found = _saver_to_ask(), Asked()
    if saver is None:
        return found
    if not _is_sent_by_desk():
        head = saver.get_tuple(_root())
        found, stray = _look(head)
        if stray:
            saver.put_writes(_root(_at()), _NO_ANSWER, _NO_TASK)
    word = saver.word(_thread(), review_id()) if isinstance(saver, Decisions) else None
    return _compared(found, word)


async def aasked() -> Asked:
    """`asked`, for code on the event loop."""
    saver, found = _saver_to_ask(), Asked()
    if saver is None:
        return found
    if not _is_sent_by_desk():
        head = await saver.aget_tuple(_root())
        found, stray = _look(head)
        if stray:
            await saver.aput_writes(_root(_at()), _NO_ANSWER, _NO_TASK)
    word = await saver.aword(_thread(), review_id()) if isinstance(saver, AsyncDecisions) else None
    return _compared(found, word)


def _compared(found: Asked, word: Mapping[str, Any] | None) -> Asked:
    """What is known of the answer beside the desk's word about the question; a saver that has none vouches for none."""
    answer = _answer()
    return dataclasses.replace(
        found,
        decided=word if word is not None and word["status"] == "decided" else None,
        by_desk=word is not None
        and _is_from_desk(answer)
        and answer["via"] == word["via"]
        and _tells(answer, word),
        kept=bool(_scratchpad().resume) and answer is not _sent().get(review_id()),
    )


def _saver_to_ask() -> Any:
    """The saver, if there is an answer."""
    return None if _answer() is None else get_config()["configurable"].get("__pregel_checkpointer")


def _is_sent_by_desk() -> bool:
    """Whether a run of the desk's has just brought the answer: it goes to the head, and says what it is about."""
    running, answer = get_config()["configurable"], _answer()
    by_desk = fence_of({"configurable": running}) is not None and _is_from_desk(answer)
    return review_id() in _sent() and by_desk and _says_itself(answer)


def _sent() -> Mapping[str, Any]:
    """The answers that this run has brought, by id."""
    return get_config()["configurable"].get("__pregel_resume_map") or {}


def _look(head: Any) -> tuple[Asked, bool]:
    """What the thread's newest checkpoint tells, and whether a kept answer is to be taken back."""
    at = _at()
    if head is not None and at is not None and head.checkpoint["id"] > at:  # ids grow with time
        return Asked(gone_on=True), False
    if _says_itself(_answer()):
        return Asked(), False  # and is refused where that is not so
    is_head = head is not None and head.checkpoint["id"] == at
    open_questions = _open_questions(head) if is_head else {}
    stray = _is_stray(open_questions)
    shown = native_request(open_questions.get(review_id())) or {}
    return Asked(shown.get("digest"), shown.get("proposal_digest")), stray and not open_questions


def _is_stray(open_questions: Mapping[str, Any]) -> bool:
    """Drop an answer without an id that cannot be for this question, and say whether it was one.

    It may be another's, which stands open beside this one: that one still finds it.
    """
    stray = not _scratchpad().resume and review_id() not in open_questions
    if stray:
        _LOG.warning("an answer without an id was dropped: this question had not been asked when it came")
        _forget()
    return stray


def _answer() -> Any:
    scratchpad = _scratchpad()
    if scratchpad is None:
        return None
    return scratchpad.resume[0] if scratchpad.resume else scratchpad.get_null_resume(consume=False)


def _is_from_desk(answer: Any) -> bool:
    return isinstance(answer, Mapping) and answer.get("via") in VIA_DESK


def _tells(answer: Any, decided: Mapping[str, Any]) -> bool:
    """Whether an answer is just what the desk has decided, whatever it says of where it comes from."""
    if not isinstance(answer, Mapping) or answer.get("by") != decided["by"]:
        return False
    said = {name: value for name, value in answer.items() if name not in ENVELOPE}
    return bool(said == decided["decision"])


def _says_itself(answer: Any) -> bool:
    """Whether an answer names what it was given about."""
    return isinstance(answer, Mapping) and bool(answer.get("digest") or answer.get("proposal_digest"))


def _forget() -> None:
    """Let this task find no answer. Other tasks of the step see what they saw."""
    scratchpad = _scratchpad()
    object.__setattr__(scratchpad, "resume", [])  # a new one: the old may be the saved write itself
    object.__setattr__(scratchpad, "get_null_resume", lambda consume=False: None)  # noqa: ARG005  # it is frozen


def _open_questions(saved: Any) -> dict[str, Any]:
    """By id. The root's writes list every open question of the thread, those of subgraphs and tasks included."""
    writes = saved.pending_writes or () if saved is not None else ()
    questions = [one for _, channel, value in writes if channel == "__interrupt__" for one in value]
    return {one["id"]: one.get("value") for one in questions if isinstance(one, Mapping) and "id" in one} | {
        one.id: one.value for one in questions if isinstance(one, Interrupt)
    }


def _scratchpad() -> Any:
    return get_config()["configurable"].get("__pregel_scratchpad")


def _at() -> str | None:
    """The root checkpoint that the run goes on from."""
    found = (get_config()["configurable"].get("checkpoint_map") or {}).get("")
    return None if found is None else str(found)


def _root(checkpoint: str | None = None) -> Any:
    """A checkpoint of the thread's root, or the newest."""
    named = {} if checkpoint is None else {"checkpoint_id": checkpoint}
    return {"configurable": {"thread_id": _thread(), "checkpoint_ns": "", **named}}


def _thread() -> str:
    """LangGraph keeps ids of threads as text."""
    return str(get_config()["configurable"]["thread_id"])
