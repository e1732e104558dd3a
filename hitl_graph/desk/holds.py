"""Holds: pause, stop and kill switch for a thread, a graph, an action class, or everything."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import difflib
import time
from collections.abc import Mapping
from typing import Any, Literal, get_args

from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Connected, Part, rows, storable
from hitl_graph.desk.identity import LEADING, Identity, identify, key_of, person_name
from hitl_graph.errors import AnswerError, HoldNotFound, NotAuthorised
from hitl_graph.plain import plain_json
from hitl_graph.storage.statements import load_statements

__all__ = ["Hold", "HoldKind", "Holds", "Scope", "SyncHolds", "allowed", "put", "said"]

SQL = load_statements("hitl_graph.desk", "holds.sql")

Scope = Literal["thread", "workflow", "action", "tenant"]
HoldKind = Literal["pause", "stop", "takeover"]

WAIT_S = 10.0
"""How long a hold waits for acts that began before it, in seconds, unless said."""
_POLL_S = 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hold:
    """One hold: what is held, by whom and why.

    Attributes:
        id: Its number.
        scope: What `value` names: a thread, a graph, an action class, or a tenant.
        kind: A pause lets go on what it held; a stop of a thread also closes what was asked and voids what was
            approved; a takeover leaves the thread to a person.
        since: By the database's clock. released_at: None while it stands.
        note: What whoever released it said.
        under_way: Acts that began before the hold and had not ended when the call returned, by their keys; those of a
            process that died or lost the database too, for it may act all the same. Empty: from the call's return on,
            nothing of this scope acts.
        warning: When it was put: that nothing goes by this name so far, and what resembles it. The hold stands.
    """

    id: int
    scope: Scope
    value: str
    kind: HoldKind
    by: str
    reason: str
    since: dt.datetime
    released_at: dt.datetime | None = None
    released_by: str | None = None
    note: str | None = None
    under_way: tuple[str, ...] = ()
    warning: str = dataclasses.field(default="", compare=False)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Hold:
        """Read a row of `hitl.holds`."""
        return cls(**{field.name: row[field.name] for field in dataclasses.fields(cls) if field.name in row})

    @property
    def standing(self) -> bool:
        """Whether it holds now."""
        return self.released_at is None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, all fields."""
        out: dict[str, Any] = plain_json(self, "hold")
        return {**out, "standing": self.standing}


class Holds(Part):
    """`desk.holds`: who may not act now. Every hold and every release is an event in the same transaction."""

    async def pause(
        self, scope: Scope, value: str = "", *, by: str, reason: str, wait_s: float = WAIT_S
    ) -> Hold:
        """Hold a scope until it is released: no run of it starts, and no effect of it acts.

        From the moment it is committed no act begins, in any process. Acts that began before are waited for.
        Pausing what is paused returns the hold that stands. After the release, what was held goes on by itself.

        Args:
            scope: "thread", "workflow" (a graph's name), "action" (an action class: its effects only) or "tenant".
            value: Which one, letter by letter; empty for everything of the tenant. A name that nothing goes by so far
                is held all the same, and the hold's `warning` says so.
            by: Who holds it. reason: Why, in words.
            wait_s: How long to wait for acts under way, in seconds; 0 does not wait.

        Raises:
            AnswerError: Something above is missing or cannot be stored, or is another tenant's name.
            NotAuthorised: Somebody who is not listed, where people are; or who does not lead, where some do. In both
                cases nothing was held.
        """
        return await self._put(scope, value, "pause", by, reason, wait_s)

    async def stop(
        self, scope: Scope, value: str = "", *, by: str, reason: str, wait_s: float = WAIT_S
    ) -> Hold:
        """The same, and for good: what a stopped thread asked is closed, and what was approved in it is void (I7).

        Of a graph, an action class or a tenant it is a kill switch: it holds as a pause does, and closes no case.
        For its arguments, result and errors see `pause`.
        """
        return await self._put(scope, value, "stop", by, reason, wait_s)

    async def release(self, hold_id: int, *, by: str, note: str | None = None) -> Hold:
        """Let go what is held, once: what nothing else holds goes on by itself, with the next resume or a worker.

        Releasing what is released changes nothing and returns it.

        Raises:
            HoldNotFound: No hold has this number. AnswerError: `by` is missing.
            NotAuthorised: Somebody who is not listed, or no person; or of what is no takeover, somebody who does not
                lead, where some do. In all of these nothing was released.
        """
        held = await self.desk.rows(SQL["find_hold"], {"id": hold_id})
        leads = bool(held) and held[0]["kind"] != "takeover"
        who = await allowed(self.desk, by, "release", f"release hold {hold_id}", leads=leads)
        what = None if note is None else said("release", "note", note)
        async with self.desk.transaction() as conn:
            if found := await rows(conn, SQL["release_hold"], {"id": hold_id, "by": who, "note": what}):
                return Hold.from_row(found[0])
        if found := await self.desk.rows(SQL["find_hold"], {"id": hold_id}):
            return Hold.from_row(found[0])
        await self.desk.refused(by=who, what=f"release hold {hold_id}", why="there is none")
        raise HoldNotFound(f"no hold {hold_id}: see `hitl-graph holds`, or desk.holds.list()")

    async def held(
        self, *, thread_id: str | None = None, workflow: str | None = None, action: str | None = None
    ) -> str | None:
        """Why an act of this thread, graph and action class is held, in words; None: it is not.

        Without an action it is about runs, which a takeover does not hold.
        """
        params = {"thread": thread_id, "workflow": workflow, "action": action}
        [found] = await self.desk.rows(SQL["held"], params)
        return None if found["because"] is None else str(found["because"])

    async def list(
        self,
        *,
        standing: bool = True,
        scope: Scope | None = None,
        value: str | None = None,
        limit: int = 1000,
    ) -> list[Hold]:
        """The holds, newest first: those that stand, or with `standing=False` all that ever stood."""
        params = {"standing": standing, "scope": scope, "value": value, "limit": limit}
        return [Hold.from_row(row) for row in await self.desk.rows(SQL["list_holds"], params)]

    async def _put(self, scope: str, value: str, kind: HoldKind, by: str, reason: str, wait_s: float) -> Hold:
        where = "pause" if kind == "pause" else "stop"
        if scope not in get_args(Scope):
            raise AnswerError(where, "scope", f"is {str(scope)[:40]!r}: one of {', '.join(get_args(Scope))}")
        if scope == "tenant":
            [own] = await self.desk.rows(SQL["own_tenant"])
            if value not in ("", own["name"]):
                problem = f"is {str(value)[:40]!r}: this desk holds tenant {own['name']!r}, and no other"
                raise AnswerError(where, "value", problem)
            value = ""
        else:
            said(where, "value", value)
        return await put(self.desk, scope, value, kind, by=by, reason=reason, wait_s=wait_s)


class SyncHolds(SyncPart[Holds]):
    """`Holds`, blocking."""

    pause = bridged(Holds.pause)
    stop = bridged(Holds.stop)
    release = bridged(Holds.release)
    held = bridged(Holds.held)
    list = bridged(Holds.list)


async def put(
    desk: Connected, scope: str, value: str, kind: HoldKind, *, by: str, reason: str, wait_s: float
) -> Hold:
    """Put a hold, or find the one that stands, and wait for the acts that began before it."""
    where = "take_over" if kind == "takeover" else kind
    if isinstance(wait_s, bool) or not isinstance(wait_s, (int, float)) or not wait_s >= 0:
        raise AnswerError(where, "wait_s", "is a number of seconds, 0 or more")
    thread = value if scope == "thread" else ""
    what, leads = f"{where} {scope} {value}".strip(), kind != "takeover"
    who = await allowed(desk, by, where, what, thread=thread, system=True, leads=leads)
    named = {"scope": scope, "value": value, "kind": kind, "by": who, "reason": said(where, "reason", reason)}
    found: list[dict[str, Any]] = []
    while not found:  # released between the two statements: put it anew
        async with desk.transaction() as conn:
            await conn.execute(SQL["lock_cases"], {"value": thread})
            found = await rows(conn, SQL["move_takeover"], named) if kind == "takeover" else []
            found = found or await rows(conn, SQL["put_hold"], named)
            found = found or await rows(conn, SQL["standing_hold"], named)
    hold = Hold.from_row(found[0])
    under_way = await _acts_under_way(desk, named, wait_s)
    return dataclasses.replace(hold, under_way=under_way, warning=await _warning(desk, scope, value))


async def _warning(desk: Connected, scope: str, value: str) -> str:
    """That nothing goes by the name of a hold so far: it may be misspelled, and hold nothing."""
    [row] = await desk.rows(SQL["seen"], {"scope": scope, "value": value})
    if row["seen"]:
        return ""
    known = [row["name"] for row in await desk.rows(SQL["names"], {"scope": scope})]
    close = set(difflib.get_close_matches(key_of(value), [key_of(name) for name in known]))
    like = ", ".join(repr(name) for name in known if key_of(name) in close)
    problem = f"nothing goes by the name of {scope} {value!r} so far"
    return f"{problem}: is it {like}?" if like else f"{problem}: look whether it is spelled so"


async def _acts_under_way(desk: Connected, named: Mapping[str, Any], wait_s: float) -> tuple[str, ...]:
    """The acts that had not ended when `wait_s` had passed, and those whose actors are not connected any more."""
    deadline = time.monotonic() + wait_s
    while acts := await desk.rows(SQL["acts_under_way"], named):
        if time.monotonic() >= deadline or not any(row["connected"] for row in acts):
            break
        await asyncio.sleep(_POLL_S)
    return tuple(row["key"] for row in acts)


async def allowed(
    desk: Connected,
    by: str,
    where: str,
    what: str,
    *,
    thread: str = "",
    system: bool = False,
    leads: bool = False,
) -> str:
    """The name of who may hold and release: anybody named while nobody is listed, then those who are listed.

    A system that is listed may hold (`system`), and only a person lets go. What is for those who lead (`leads`) is for
    anybody listed as long as nobody does.

    Raises:
        AnswerError: The name is empty or cannot be kept. NotAuthorised: They may not; the attempt is kept.
    """
    name = person_name(by, where=where)
    [row] = await desk.rows(SQL["known"], {"person": key_of(name)})
    try:
        who = identify(name, row, via="webhook" if system else "desk")
        if leads:
            _must_lead(who, row)
    except NotAuthorised as error:
        await desk.refused(by=name, what=what, why=error.why, thread_id=thread)
        raise
    return who.id


def _must_lead(who: Identity, row: Mapping[str, Any]) -> None:
    if row["led"] and who.kind == "human" and not LEADING & set(row["known"]["roles"]):
        raise NotAuthorised("", who.id, "does not lead, and there are some who do")


def said(where: str, field: str, text: object) -> str:
    """A text that must be said, and that can be kept.

    Raises:
        AnswerError: It is empty, or no storable text.
    """
    if not isinstance(text, str) or not text.strip():
        raise AnswerError(where, field, "is empty: say it")
    if not storable(text):
        raise AnswerError(where, field, "holds a character that cannot be stored")
    return text
