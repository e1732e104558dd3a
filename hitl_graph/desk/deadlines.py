"""Deadlines that act: reminders, the escalation ladder and expiry, on the database's clock (R33, R35, R58, I10)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from hitl_graph.decisions import decision_to_json
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Connection, Part, rows
from hitl_graph.desk.expiry import NoDecision, decided_by_expiry, read_request
from hitl_graph.failpoints import failpoint
from hitl_graph.reviews import ReviewRequest, Sla
from hitl_graph.sla import Timer
from hitl_graph.storage.statements import load_statements

__all__ = ["BY", "Deadlines", "SyncDeadlines", "add_timers", "reached", "tell"]

SQL = load_statements("hitl_graph.desk", "deadlines.sql")
DECIDE = load_statements("hitl_graph.desk", "deciding.sql")["decide"]
BY = "system:sla"
"""Who acts when nobody does."""
_RANK = {"ack": 0, "reminder": 1, "repeat": 2, "escalate": 3, "expiry": 4}
Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class _Due:
    """A case that something is due for: its row, what it says about time, the timers that are due and those to come."""

    row: Row
    request: ReviewRequest
    sla: Sla
    due: Sequence[Row]
    standing: Sequence[Row]


class Deadlines(Part):
    """`desk.deadlines`: what happens to cases that nobody decides. A worker calls `act`, and so may any program."""

    async def act(self, *, limit: int = 1000) -> int:
        """Plan what is new and do what is due, each case in a transaction of its own.

        Safe to call in many processes at once: nothing happens twice, nothing before its time by the database's clock.
        After a pause of all workers each case catches up in one step: the last that is due happens, those before it are
        passed over. A decision that comes at the same time wins or loses by the same compare-and-set as any other.

        Args:
            limit: Cases at most that something is done for.

        Returns:
            How many cases something was done for.
        """
        await self.desk.rows(SQL["drop_closed"])
        planned = acted = 0
        while planned < limit and await self._plan_one():
            planned += 1
        while acted < limit and await self._act_on_one():
            acted += 1
        return acted

    async def upcoming(
        self, review_id: str | None = None, *, thread_id: str | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """What is still to come for pending cases, soonest first. Cases that `act` has not seen yet are not among them.

        Returns:
            One entry for each timer: thread_id, review_id, kind, level, at, remaining, gate, owner.
        """
        return await self.desk.rows(
            SQL["upcoming"], {"id": review_id, "thread_id": thread_id, "limit": limit}
        )

    async def _plan_one(self) -> bool:
        """Plan one case that has no plan yet."""
        async with self.desk.transaction() as conn:
            found = await rows(conn, SQL["take_unplanned"])
            if not found:
                return False
            [row] = found
            where = {"thread_id": row["thread_id"], "id": row["id"]}
            timers: list[Timer] = []
            try:
                sla = read_request(row).sla
                timers = [] if sla is None else sla.plan(row["timed_from"])
            except (NoDecision, OverflowError) as error:
                await tell(conn, where, "alarm", because=f"its time limit cannot be kept: {error}")
            due_at = next((timer.at for timer in timers if timer.kind == "expiry"), row["due_at"])
            await conn.execute(SQL["set_planned"], {**where, "due_at": due_at})
            await add_timers(conn, where, timers)
            failpoint("timer.before_commit")
        return True

    async def _act_on_one(self) -> bool:
        """Do what is due for the case that has waited for it the longest."""
        async with self.desk.transaction() as conn:
            found = await rows(conn, SQL["take_due"])
            if not found:
                return False
            [where] = found
            # Read again under the lock: what was found may have been done in between.
            [row] = await rows(conn, SQL["look"], where)
            standing = await rows(conn, SQL["standing_timers"], where)
            if due := [timer for timer in standing if timer["due"]]:
                await _act(conn, where, row, due, standing)
                failpoint("timer.before_commit")
        return True


async def _act(conn: Connection, where: Row, row: Row, due: Sequence[Row], standing: Sequence[Row]) -> None:
    """The last of what is due, by weight and then by time; what lies before it is passed over."""
    last = max(due, key=lambda timer: (_RANK[timer["kind"]], timer["level"], timer["at"], timer["id"]))
    acting = [last]
    if last["kind"] == "reminder":  # an acknowledgement ends all the same
        acting += [timer for timer in due if timer["kind"] == "ack"]
    await _end(conn, (timer for timer in due if timer not in acting), "missed")
    await _end(conn, acting, "acted")
    try:
        request, sla = _limited(row)
        case = _Due(row, request, sla, due, standing)
        if last["kind"] == "expiry":
            await tell(conn, where, "expired", **_reach(row), then=sla.on_expiry)
        async with conn.transaction():  # what one case cannot do must not stop the others
            for timer in acting:
                await _ACTS[timer["kind"]](conn, where, case, timer)
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001  # a payload can be broken in more ways than can be listed
        why = str(error) if isinstance(error, NoDecision) else f"{type(error).__name__}"
        await tell(conn, where, "alarm", because=f"{last['kind']} is due, and it keeps waiting: {why}")


def _limited(row: Row) -> tuple[ReviewRequest, Sla]:
    request = read_request(row)
    if request.sla is None:
        raise NoDecision("it has no time limit any more")
    return request, request.sla


async def _remind(conn: Connection, where: Row, case: _Due, timer: Row) -> None:
    """The others of one level that are due by now are one reminder with it."""
    await tell(
        conn, where, "reminded", **_reach(case.row), missed=len(case.due) - 1, planned=_iso(timer["at"])
    )


async def _repeat(conn: Connection, where: Row, case: _Due, timer: Row) -> None:
    left = timer["remaining"] - 1
    await tell(conn, where, "repeated", **_reach(case.row), remaining=left)
    await _repeat_later(conn, where, case, timer["level"], left)


async def _lapse(conn: Connection, where: Row, case: _Due, timer: Row) -> None:
    await tell(conn, where, "ack_lapsed", **_reach(case.row), remaining=timer["remaining"])
    await _repeat_later(conn, where, case, timer["level"], timer["remaining"])


async def _escalate(conn: Connection, where: Row, case: _Due, timer: Row) -> None:
    number = timer["level"]
    if number > len(case.sla.ladder):
        raise NoDecision(f"its ladder has no level {number}")
    level = case.sla.ladder[number - 1]
    await _end(conn, (one for one in case.standing if one["kind"] in ("repeat", "ack")), "replaced")
    because = f"nobody decided in {level.after_h:g} hours"
    params = {"to": level.to, "level": number, "due_at": case.row["due_at"], "because": because, "by": BY}
    await conn.execute(SQL["escalate"], {**where, **params})
    await _repeat_later(conn, where, case, number, level.repeat)


async def _expire(conn: Connection, where: Row, case: _Due, timer: Row) -> None:
    then = case.sla.on_expiry
    if then == "escalate":
        await _escalate_at_the_end(conn, where, case, timer)
    elif then != "keep_waiting":
        told = decided_by_expiry(case.request)
        identity = {"id": BY, "name": BY, "kind": "system", "groups": [], "rule": "system"}
        decision = decision_to_json(told.decision)
        params = {
            "digest": case.row["digest"],
            "by": BY,
            "person": BY,
            "me": BY,
            "via": "system",
            "type": decision["type"],
            "decision": json.dumps(decision),
            "identity": json.dumps(identity),
            "final_digest": told.final_digest,
            "undo_s": 0.0,
            "why": None,
        }
        if not await rows(conn, DECIDE, {**where, **params}):
            raise NoDecision("its decision did not take")


async def _escalate_at_the_end(conn: Connection, where: Row, case: _Due, timer: Row) -> None:
    """The next group has the whole time once more; after that there is nobody left to give it to."""
    row, to = case.row, case.sla.escalate_to
    if not to:
        raise NoDecision("it names nobody to escalate to")
    if timer["level"] > 0:
        raise NoDecision(f"{row['owner'] or 'nobody'} did not decide in time either")
    level = row["level"] + 1
    timers = case.sla.plan(row["now"], level=level)
    due_at = case.sla.due(row["now"])
    await _end(conn, (one for one in case.standing if not one["due"]), "replaced")
    params = {"to": to, "level": level, "due_at": due_at, "because": "it expired", "by": BY}
    await conn.execute(SQL["escalate"], {**where, **params})
    await add_timers(conn, where, timers)


_ACTS = {"reminder": _remind, "repeat": _repeat, "ack": _lapse, "escalate": _escalate, "expiry": _expire}


async def _repeat_later(conn: Connection, where: Row, case: _Due, level: int, left: int) -> None:
    """The next repeat of a level, as long as some are left."""
    if left <= 0 or not 1 <= level <= len(case.sla.ladder):
        return
    every_h = case.sla.ladder[level - 1].every_h
    if every_h is not None:
        at = case.sla.later(case.row["now"], every_h)
        await add_timers(conn, where, [Timer("repeat", level, at)], remaining=left)


def _reach(row: Row) -> dict[str, Any]:
    """Whom an event is for: whoever is at the case, else the named person, and the group."""
    return reached(row["level"], row["owner"], row["claimed_by"] or row["person"], row["due_at"])


def reached(level: int, group: str | None, person: str | None, due_at: dt.datetime | None) -> dict[str, Any]:
    """What an event of a deadline says about the case."""
    told = {"level": level, "group": group, "person": person}
    return {**told, "due_at": _iso(due_at)}


def _iso(at: dt.datetime | None) -> str | None:
    return None if at is None else at.isoformat()


async def tell(conn: Connection, where: Row, kind: str, *, by: str = BY, **data: Any) -> None:
    """Write an event in the transaction of what it describes."""
    params = {"thread_id": where["thread_id"], "id": where["id"]}
    await conn.execute(SQL["tell"], {**params, "type": kind, "data": json.dumps({"by": by, **data})})


async def add_timers(conn: Connection, where: Row, timers: Sequence[Timer], *, remaining: int = 0) -> None:
    """Keep what is to come."""
    params: dict[str, Any] = {"thread_id": where["thread_id"], "id": where["id"], "remaining": remaining}
    params |= {"kinds": [timer.kind for timer in timers], "levels": [timer.level for timer in timers]}
    await conn.execute(SQL["add_timers"], {**params, "ats": [timer.at for timer in timers]})


async def _end(conn: Connection, timers: Iterable[Row], outcome: str) -> None:
    ids = [timer["id"] for timer in timers]
    if ids:
        await conn.execute(SQL["end_timers"], {"ids": ids, "outcome": outcome})


class SyncDeadlines(SyncPart[Deadlines]):
    """`Deadlines` for plain scripts."""

    act = bridged(Deadlines.act)
    upcoming = bridged(Deadlines.upcoming)
