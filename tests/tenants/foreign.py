"""What one tenant owns, and calling whatever a desk can do with the ids of it."""

from __future__ import annotations

import dataclasses
import inspect
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psycopg

from hitl_graph import Approve, Desk, open_checkpointer
from hitl_graph.desk.connected import Part
from tests.support.graphs import mail_graph, thread

SECRET = "Vermilion-Sparrow-77"  # noqa: S105  # stands in everything that the tenant acme holds


@dataclasses.dataclass(frozen=True)
class Ids:
    """The names of one tenant's things."""

    review_id: str
    thread_id: str
    key: str
    digest: str
    hold_id: int
    start_id: int
    target: str
    sender: str
    person: str
    code: str
    workflow: str


NOWHERE = Ids(
    review_id="5eed" * 8,
    thread_id="thread-nowhere",
    key="feed" * 8,
    digest="sha256:" + "beef" * 16,
    hold_id=987_654,
    start_id=987_655,
    target="target-nowhere",
    sender="sender-nowhere",
    person="person-nowhere",
    code="code-nowhere",
    workflow="flow-nowhere",
)


def fill(url: str, folder: Path) -> Ids:
    """The tenant acme, with something of every kind."""
    with open_checkpointer(url, tenant="acme") as checkpointer, Desk(url, tenant="acme") as desk:
        graph = mail_graph().compile(checkpointer=checkpointer, name="flow-acme")
        for name in ("thread-done", "thread-acme"):
            graph.invoke({"ticket": f"{SECRET} of {name}", "sink": str(folder / "sink")}, thread(name))
        done, open_case = desk.pending()
        desk.decide(done.id, Approve(), by="ana", digest=done.digest, idempotency_key="key-acme")
        desk.resume(graph)
        desk.drafts.save(
            open_case.id, {"type": "approve", "reason": SECRET}, by="ana", digest=open_case.digest
        )
        hold = desk.holds.pause("action", "act-acme", by="ana", reason=SECRET)
        start = desk.start("flow-acme", {"ticket": SECRET}, thread_id="thread-new", by="ana")
        desk.codes.put(kind="reason", code="code-acme", label=SECRET)
        desk.notices.put("target-acme", kind="webhook", address=f"https://example.com/{SECRET}", by="ana")
        desk.notices.put_sender("sender-acme", by="ana", people=["ana"])
        desk.people.put("person-acme", groups=["support-leads"], name=SECRET)
        desk.audit.seal()
        [effect] = desk.effects.list()
        return Ids(
            review_id=open_case.id,
            thread_id="thread-acme",
            key=effect.key,
            digest=open_case.digest,
            hold_id=hold.id,
            start_id=start.id,
            target="target-acme",
            sender="sender-acme",
            person="person-acme",
            code="code-acme",
            workflow="flow-acme",
        )


def calls(desk: Desk) -> dict[str, Callable[..., Any]]:
    """Everything that a desk and its parts can do, by name."""
    parts = {name: part for name, part in vars(desk).items() if isinstance(part, Part)}
    found = {}
    for prefix, owner in {"": desk, **{f"{name}.": part for name, part in parts.items()}}.items():
        for name, member in inspect.getmembers(type(owner)):
            if not name.startswith("_") and (
                inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member)
            ):
                found[prefix + name] = getattr(owner, name)
    return found


def arguments(name: str, call: Callable[..., Any], ids: Ids) -> dict[str, Any]:
    """What the call is given: the ids, and plain values for what it must have.

    Raises:
        KeyError: A parameter that this table does not know: add it.
    """
    named: dict[str, Any] = {
        **dataclasses.asdict(ids),
        "person_id": ids.person,
        "prefix": ids.review_id[:20],
        "id": ids.review_id,
        "body": {"type": "approve"},
        "decision": Approve(),
        "notice": 1,
        "given": ids.review_id,
    }
    plain: dict[str, Any] = {
        "by": "mallory",
        "reason": "why not",
        "to": "mallory",
        "happened": False,
        "input": {},
        "kind": "webhook" if name.startswith("notices") else "reason",
        "address": "https://example.com/hook",
        "scope": "thread",
        "value": ids.thread_id,
        "action": "act",
        "what": "decide",
        "why": "because",
        "hours": 1.0,
        "group": "group",
        "wait_s": 0.0,
    }
    given = {}
    for parameter in inspect.signature(call).parameters.values():
        needed = parameter.default is inspect.Parameter.empty
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            given["thread_id"] = ids.thread_id
        elif parameter.name in named and (needed or parameter.name in ("thread_id", "review_id", "target")):
            given[parameter.name] = named[parameter.name]
        elif needed or parameter.name in ("hours", "group", "wait_s"):
            given[parameter.name] = plain[parameter.name]
    return given


async def outcome(url: str, name: str, ids: Ids) -> str:
    """What comes of a call by a tenant that has nothing yet, in words without these ids and without times."""
    tenant = f"tenant-{uuid.uuid4().hex}"
    async with Desk(url, tenant=tenant) as desk:
        call = calls(desk)[name]
        told = await _told(call, arguments(name, call, ids))
    names = {field: value for field, value in dataclasses.asdict(ids).items() if isinstance(value, str)}
    for field, value in {**names, "tenant": tenant}.items():
        told = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", f"<{field}>", told)
    told = told.replace(ids.review_id[:20], "<prefix>")
    return re.sub(r"\b[0-9a-f]{12,}\b|\d+", "#", told)


async def _told(call: Callable[..., Any], given: dict[str, Any]) -> str:
    try:
        result = call(**given)
        return repr(
            [line async for line in result] if isinstance(result, AsyncIterator) else await _of(result)
        )
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def _of(result: Awaitable[Any]) -> Any:
    return await result


def everything(url: str, tenant: str) -> dict[str, list[str]]:
    """All that a tenant owns, as a superuser sees it."""
    query = """
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
        WHERE c.relkind = 'r' ORDER BY 1"""
    with psycopg.connect(url, autocommit=True) as conn:
        tables = [row[0] for row in conn.execute(query).fetchall()]
        rows = "SELECT t::text FROM {} t WHERE tenant = %s ORDER BY 1"
        return {table: [row[0] for row in conn.execute(rows.format(table), [tenant])] for table in tables}


def without_role(url: str) -> None:
    """Let connections keep the superuser they come as, whom row-level security does not bind."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION hitl.enter(name text) RETURNS boolean LANGUAGE sql AS "
            "$$ SELECT set_config('hitl.tenant', name, false) IS NOT NULL $$"
        )
