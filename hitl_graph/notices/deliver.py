"""Sending the outbox: at least once, with the same id in every attempt; one slow receiver holds up nobody else."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

import psycopg

from hitl_graph.desk import Desk
from hitl_graph.errors import HitlError
from hitl_graph.notices import apprise, links, messages, webhook
from hitl_graph.notices.sending import SendFailed
from hitl_graph.storage.statements import load_statements

__all__ = ["deliver"]

SQL = load_statements("hitl_graph.notices", "outbox.sql")
_log = logging.getLogger("hitl_graph.notices")

_LEASE_BEYOND_S = 20.0
_AT_ONCE = 32
_MOST_PER_CALL = 500
_LINK_HOURS = 72


async def deliver(desk: Desk, *, timeout_s: float = 10.0, attempts: int = 12) -> int:
    """Send what is due, and take back what nobody needs to hear any more. Safe to run in several processes at once.

    A notice is leased, sent outside any transaction, and marked. A process that dies in between leaves it to the next,
    which sends it again under the same message id. What fails is tried again later and later; after `attempts` it is
    given up, with an event `alarm`.

    Args:
        desk: An open desk.
        timeout_s: How long one receiver may take, in seconds.
        attempts: How often one notice is tried.

    Returns:
        How many were sent.
    """
    due = [row["target"] for row in await desk.rows(SQL["due_targets"])]
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(target: str) -> int:
        async with slots:
            return await _to_target(desk, target, timeout_s, attempts)

    done = await asyncio.gather(*(one(target) for target in due), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return sum(result for result in done if isinstance(result, int))


async def _to_target(desk: Desk, target: str, timeout_s: float, attempts: int) -> int:
    """What is due for one target, in order, until nothing is left or something fails."""
    await desk.rows(SQL["retract"], {"target": target})
    for sent in range(_MOST_PER_CALL):
        rows = await desk.rows(SQL["claim"], {"target": target, "lease_s": timeout_s + _LEASE_BEYOND_S})
        if not rows:
            return sent
        if not await _send(desk, rows[0], timeout_s, attempts):
            return sent
    return _MOST_PER_CALL


async def _send(desk: Desk, row: Mapping[str, Any], timeout_s: float, attempts: int) -> bool:
    """One attempt, and what came of it. False where the target should be left alone for now."""
    refused: SendFailed | None = None
    try:
        if row["kind"] == "webhook":
            await _post(row, timeout_s)
        else:
            await _notify(desk, row, timeout_s)
    except SendFailed as error:
        refused = error
    except HitlError as error:
        refused = SendFailed(str(error), certain=True)
    except psycopg.Error:  # no attempt was made; the lease lapses
        raise
    except Exception as error:  # noqa: BLE001  # one notice that nobody foresaw must not hold up the others
        refused = SendFailed(f"it could not be sent ({type(error).__name__})", certain=False)
    if refused is not None:
        _log.warning("notice %s to target %s: %s", row["message_id"], row["target"], refused)
        told = {"certain": refused.certain, "final": refused.final, "error": str(refused)[:300]}
        place = {"id": row["id"], "attempts": row["attempts"], "most": attempts}
        await desk.rows(SQL["mark_failed"], {**place, **told})
        return False
    await desk.rows(SQL["mark_sent"], {"id": row["id"]})
    return True


async def _post(row: Mapping[str, Any], timeout_s: float) -> None:
    body = messages.webhook_body(row["event"], row["body"], _case_url(row))
    headers = webhook.signed_headers(row["secret"], row["message_id"], row["now"], body)
    await webhook.post(row["address"], headers, body, trusted=row["trusted"], timeout_s=timeout_s)


async def _notify(desk: Desk, row: Mapping[str, Any], timeout_s: float) -> None:
    actions = await _actions(desk, row)
    title, text = messages.message(row["event"], row["body"], _case_url(row), actions, row["message_id"])
    await apprise.notify_in_thread(row["address"], title, text, trusted=row["trusted"], timeout_s=timeout_s)


def _case_url(row: Mapping[str, Any]) -> str | None:
    base = os.environ.get("HITL_INBOX_URL")
    return messages.case_url(base, row["thread_id"], row["review_id"]) if base and row["review_id"] else None


async def _actions(desk: Desk, row: Mapping[str, Any]) -> dict[str, str]:
    """The links that decide, where the target asked for them: the same ones in every attempt."""
    base, body = os.environ.get("HITL_INBOX_URL"), row["body"]
    wanted = [action for action in row["actions"] if action in body.get("allowed", ())]
    if (
        not base
        or not row["person"]
        or not wanted
        or row["event"] in ("failed", "effect_unknown", "stood_still", "alarm")
    ):
        return {}
    if "approve" in wanted:
        case = await desk.show(row["review_id"], thread_id=row["thread_id"])
        wanted = [action for action in wanted if action != "approve" or not links.takes_more(case)]
    key = await links.link_key(desk)
    said = {
        "thread_id": row["thread_id"],
        "review_id": row["review_id"],
        "digest": body["digest"],
        "person": row["person"],
        "expires": int(row["created_at"].timestamp()) + _LINK_HOURS * 3600,
    }
    made = {a: links.Link(**said, action=a, nonce=f"{row['message_id']}.{a}") for a in wanted}
    return {a: f"{base.rstrip('/')}/links/{links.token_of(link, key)}" for a, link in made.items()}
