"""Links that decide: each is bound to one case as it stood, one person, one action and a time, and decides once."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
import os
import secrets
from typing import Any

from hitl_graph.decisions import Approve, Decision, Reject
from hitl_graph.desk import Case, Desk
from hitl_graph.desk.notices import LINK_ACTIONS
from hitl_graph.errors import DeskError, HitlError, LinkRefused, NoticeError
from hitl_graph.notices.refusals import note_refusal
from hitl_graph.plain import key_of
from hitl_graph.storage.statements import load_statements
from hitl_graph.storage.ways import coming_through

__all__ = ["Link", "link_key", "make_link", "open_link", "read_token", "takes_more", "token_of", "use_link"]

SQL = load_statements("hitl_graph.notices", "links.sql")
_LONGEST = 4000
_LEAST = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Link:
    """What a link says. `expires` is in seconds since 1970 on the database's clock."""

    thread_id: str
    review_id: str
    digest: str
    person: str
    action: str
    expires: int
    nonce: str


async def make_link(desk: Desk, case: Case, *, person: str, action: str, hours: float = 72.0) -> str:
    """A link's token: what stands behind `/links/` in its address.

    Args:
        case: The case, as it stands. person: In whose name it decides. action: `"approve"` or `"reject"`.
        hours: For how long, above 0.

    Raises:
        NoticeError: No such action, or no time.
    """
    if action not in LINK_ACTIONS:
        raise NoticeError("link", "action", f"is {action!r}, and should be {' or '.join(LINK_ACTIONS)}")
    if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not 0 < hours <= 24 * 366:
        raise NoticeError("link", "hours", f"is {hours!r}: give more than 0, and a year at most")
    [state] = await desk.rows(SQL["state"], {"nonce": ""})
    link = Link(
        thread_id=case.thread_id,
        review_id=case.id,
        digest=case.digest,
        person=person,
        action=action,
        expires=int(state["now"] + hours * 3600),
        nonce=secrets.token_urlsafe(16),
    )
    return token_of(link, await link_key(desk))


async def open_link(desk: Desk, token: str, *, signed_in: str = "") -> tuple[Link, Case]:
    """What a link is about. Looking decides nothing and writes nothing, except that a forged link is noted.

    Args:
        desk: The desk. token: The link's.
        signed_in: Who is known to hold it, if anybody is: whoever is not its person gets nothing by it.

    Raises:
        LinkRefused: It would decide nothing.
    """
    link = await _read(desk, token)
    _check_person(link, signed_in)
    await _check_time_and_use(desk, link)
    try:
        case = await desk.show(link.review_id, thread_id=link.thread_id)
    except DeskError:
        raise LinkRefused("the case is not there") from None
    if case.status != "pending" or case.digest != link.digest:
        raise LinkRefused("the case has been settled, or has changed")
    return link, case


async def use_link(desk: Desk, token: str, *, signed_in: str = "", undo_s: float = 0) -> Case:
    """Decide by a link, once.

    Args:
        desk: The desk. token: The link's. signed_in: Who is known to hold it, if anybody is.
        undo_s: Seconds for which the decision can be taken back.

    Returns:
        The case, decided.

    Raises:
        LinkRefused: Nothing was decided: the link was altered, has expired, was used, or the case is another by now.
            The attempt is kept as an event.
    """
    link = await _read(desk, token)
    place = {"thread_id": link.thread_id, "review_id": link.review_id}
    with coming_through("link"):
        try:
            _check_person(link, signed_in)
            return await _decide(desk, link, undo_s)
        except LinkRefused as refused:
            await note_refusal(desk, by=signed_in or link.person, what="link", why=refused.why, **place)
            raise
        except HitlError as error:  # the desk has kept why
            raise LinkRefused(type(error).__name__) from None


async def _read(desk: Desk, token: str) -> Link:
    try:
        return read_token(token, await link_key(desk))
    except LinkRefused as refused:
        with coming_through("link"):
            await note_refusal(desk, by="unknown", what="link", why=refused.why)
        raise


async def _decide(desk: Desk, link: Link, undo_s: float) -> Case:
    await _check_time_and_use(desk, link)
    if link.action == "approve" and takes_more(await desk.show(link.review_id, thread_id=link.thread_id)):
        raise LinkRefused("a link approves nothing of a high risk")
    case = await desk.decide(
        link.review_id,
        _decision(link),
        by=link.person,
        digest=link.digest,
        thread_id=link.thread_id,
        idempotency_key=f"link:{link.nonce}",
        undo_s=undo_s,
    )
    # Two clicks at the same time are one decision, by the key. This tells the second that it was the second.
    used: dict[str, Any] = {"thread_id": link.thread_id, "review_id": link.review_id, "by": link.person}
    used |= {"nonce": link.nonce, "expires": link.expires}
    if not await desk.rows(SQL["use"], used):
        raise LinkRefused("it was used before")
    return case


def takes_more(case: Case) -> bool:
    """Whether a yes asks more than a press: of a high risk somebody has to see what they approve."""
    return case.request is not None and case.request.action.get("risk") == "high"


async def link_key(desk: Desk) -> bytes:
    """The key that links are signed with: from `HITL_SECRET`, else one that the database keeps.

    Raises:
        NoticeError: `HITL_SECRET` is too short to be one.
    """
    if given := os.environ.get("HITL_SECRET"):
        if len(given) < _LEAST:
            raise NoticeError(
                "links", "HITL_SECRET", f"is shorter than {_LEAST} characters: give a random text"
            )
    else:
        params = {"id": "links", "new": secrets.token_hex(32)}
        while not (rows := await desk.rows(SQL["secret"], params)):
            pass  # somebody made it just now, and their row cannot be seen by the statement that met it
        given = rows[0]["secret"]
    return hashlib.sha256(f"hitl links:{desk.tenant}:{given}".encode()).digest()


def token_of(link: Link, key: bytes) -> str:
    """The link as text: what it says, and a signature over that."""
    said = _encode(json.dumps(dataclasses.asdict(link), separators=(",", ":")).encode())
    return f"{said}.{_encode(_sign(key, said))}"


def read_token(token: str, key: bytes) -> Link:
    """What `token_of` wrote.

    Raises:
        LinkRefused: Not with this key.
    """
    said, _, signature = token.partition(".")
    if len(token) > _LONGEST or not token.isascii():
        raise LinkRefused("it is none of ours")
    if not hmac.compare_digest(_encode(_sign(key, said)), signature):
        raise LinkRefused("its signature is wrong")
    try:
        padded = said + "=" * (-len(said) % 4)
        fields: dict[str, Any] = json.loads(base64.urlsafe_b64decode(padded))
        return Link(**fields)
    except (ValueError, TypeError, binascii.Error):  # signed by another version of this library
        raise LinkRefused("it cannot be read") from None


def _check_person(link: Link, signed_in: str) -> None:
    if signed_in and key_of(signed_in) != key_of(link.person):
        raise LinkRefused(f"it is for {link.person}")


async def _check_time_and_use(desk: Desk, link: Link) -> None:
    [state] = await desk.rows(SQL["state"], {"nonce": link.nonce})
    if state["used"]:
        raise LinkRefused("it was used before")
    if state["now"] >= link.expires:
        raise LinkRefused("it has expired")


def _decision(link: Link) -> Decision:
    return Approve() if link.action == "approve" else Reject()


def _sign(key: bytes, said: str) -> bytes:
    return hmac.new(key, b"link." + said.encode(), hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
