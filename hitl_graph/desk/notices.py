"""`desk.notices`: who is told of cases, which programs may decide, and what is still to be told."""

from __future__ import annotations

import base64
import dataclasses
import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal

from hitl_graph.desk.addresses import check_address
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.connected import Part, storable
from hitl_graph.desk.policy import policy_maker
from hitl_graph.errors import NoticeError
from hitl_graph.storage.statements import load_statements

__all__ = ["LINK_ACTIONS", "NOTICE_EVENTS", "Notices", "Sender", "SyncNotices", "Target"]

SQL = load_statements("hitl_graph.desk", "notices.sql")

NOTICE_EVENTS: tuple[str, ...] = (
    "asked",
    "changed",
    "reopened",
    "refused",
    "undone",
    "reassigned",
    "rerouted",
    "reminded",
    "escalated",
    "repeated",
    "expired",
    "failed",
    "effect_unknown",
    "stood_still",
    "alarm",
)
"""What a target is told of. Whoever was told of a case is also told when it is settled."""
LINK_ACTIONS: tuple[str, ...] = ("approve", "reject")
"""What a link in a message may decide."""

_NAME = re.compile(r"[\w.-]{1,64}")
_MOST = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Where notices go. `secret` is given once, by `put`; the address never again."""

    id: str
    kind: str
    scheme: str
    owner: str
    events: tuple[str, ...] | None
    person: str | None
    actions: tuple[str, ...]
    trusted: bool
    active: bool
    queued: int = 0
    failed: int = 0
    secret: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sender:
    """A program that may decide by signed webhook, and as whom. `secret` is given once, by `put_sender`."""

    id: str
    people: tuple[str, ...]
    groups: tuple[str, ...]
    active: bool
    secret: str | None = dataclasses.field(default=None, repr=False)


class Notices(Part):
    """Targets, senders and the outbox. What is sent is `hitl_graph.notices.deliver`'s work."""

    async def put(
        self,
        target: str,
        *,
        kind: Literal["apprise", "webhook"],
        address: str,
        by: str,
        owner: str = "*",
        events: Sequence[str] | None = None,
        person: str | None = None,
        actions: Sequence[str] = (),
        secret: str | None = None,
        trusted: bool = False,
        active: bool = True,
    ) -> Target:
        """Tell a target of cases from now on, or change one of the same name.

        Args:
            target: A name for it: letters, digits, `_`, `.` and `-`.
            kind: `"webhook"`: signed requests to a program. `"apprise"`: messages to people.
            address: The webhook's https URL, or an Apprise URL. It is kept as a secret.
            by: Who says so.
            owner: Of whose cases: a group, a person, or `"*"` for all.
            events: Only of these, out of `NOTICE_EVENTS`; None: of all.
            person: Who reads it, where a message should hold links that decide in one person's name.
            actions: What those links decide, out of `LINK_ACTIONS`; none by default.
            secret: Signs what a webhook is sent (`whsec_…`); None: the one that it has, or a new one.
            trusted: Vouches for an address in a private network, plain http, or another scheme, host or setting of
                Apprise.
            active: Whether anything is sent.

        Returns:
            The target; a webhook's with its secret where it was made or given now. It is not shown again: None where
            the target keeps the one that it had.

        Raises:
            NoticeError: A field that cannot be taken. Nothing was saved.
            NotAuthorised: `by` may not say what others may do.
        """
        where = f"target {target!r}"
        _check_names(where, target=target, by=by)
        if kind not in ("apprise", "webhook"):
            raise NoticeError(where, "kind", f"is {kind!r}, and should be webhook or apprise")
        check_address(where, kind, address, trusted=trusted)
        for name, value in (("owner", owner), ("person", person or "-")):
            if not storable(value) or not value.strip():
                raise NoticeError(where, name, "is no text that can be kept")
        _check_words(where, "events", events or (), NOTICE_EVENTS)
        _check_words(where, "actions", actions, LINK_ACTIONS)
        if actions and not person:
            raise NoticeError(where, "person", "is missing: links decide in the name of one person")
        if secret is not None:
            _check_secret(where, secret)
        by = await policy_maker(self.desk, by, where=where, what=f"put {where}")
        made = secret or _new_secret()
        row = {
            "id": target,
            "kind": kind,
            "address": address,
            "given": secret,
            "secret": made if kind == "webhook" else None,
            "owner": owner,
            "events": list(events) if events else None,
            "person": person,
            "actions": list(actions),
            "trusted": trusted,
            "active": active,
            "by": by,
        }
        [put] = await self.desk.rows(SQL["put_target"], row)
        own = (
            put["secret"] if put["secret"] == row["secret"] else None
        )  # it was there before: shown to nobody
        return _target({**put, "scheme": address.partition(":")[0], "secret": own})

    async def targets(self) -> list[Target]:
        """All targets, without addresses and secrets."""
        return [_target(row) for row in await self.desk.rows(SQL["list_targets"])]

    async def remove(self, target: str, *, by: str) -> None:
        """Forget a target; what was queued for it is taken back.

        Raises:
            NoticeError: There is none of this name. Nothing was changed.
        """
        _check_names("remove", target=target, by=by)
        by = await policy_maker(self.desk, by, where="remove", what=f"remove target {target!r}")
        if not await self.desk.rows(SQL["remove_target"], {"id": target, "by": by}):
            raise NoticeError("remove", "target", f"there is none called {target!r}")

    async def outbox(
        self,
        *,
        status: str | None = None,
        target: str | None = None,
        thread_id: str | None = None,
        review_id: str | None = None,
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Notices, newest first: id, message_id, target, event, thread_id, review_id, status, attempts, error, times.

        Args:
            status: queued, sent, failed or retracted. target, thread_id, review_id: Only these. limit: 1 to 1,000.

        Raises:
            ValueError: An unknown status, or a limit out of range.
        """
        if not 1 <= limit <= _MOST:
            raise ValueError(f"limit: {limit} is not from 1 to {_MOST}")
        if status not in (None, "queued", "sent", "failed", "retracted"):
            raise ValueError(f"status: {status!r} is not queued, sent, failed or retracted")
        wanted = {"status": status, "target": target, "thread_id": thread_id, "review_id": review_id}
        return await self.desk.rows(SQL["list_outbox"], {**wanted, "limit": limit})

    async def retry(self, *, by: str, target: str | None = None, notice: int | None = None) -> int:
        """Send what was given up after all: everything, of one target, or one notice by its id. Returns how many."""
        _check_names("retry", by=by)
        params = {"by": by, "target": target, "id": notice}
        return len(await self.desk.rows(SQL["retry_outbox"], params))

    async def prune(self, *, by: str, days: int = 90) -> int:
        """Forget notices that were settled more than `days` ago, of cases that are over. Returns how many.

        Raises:
            NoticeError: `days` is not from 1 to 36,500. Nothing was forgotten.
        """
        _check_names("prune", by=by)
        if not 1 <= days <= 36_500:
            raise NoticeError("prune", "days", f"is {days}: give 1 to 36,500")
        [row] = await self.desk.rows(SQL["prune"], {"by": by, "days": days})
        return int(row["gone"])

    async def put_sender(
        self,
        sender: str,
        *,
        by: str,
        people: Sequence[str] = (),
        groups: Sequence[str] = (),
        secret: str | None = None,
        active: bool = True,
    ) -> Sender:
        """Let a program decide by signed webhook, in these names and no others.

        Args:
            sender: A name for it. by: Who says so.
            people: In whose name it may decide. groups: In the name of anybody who is listed in one of these.
            secret: What it signs with (`whsec_…`); None: the one that it has, or a new one.
            active: Whether its signature counts.

        Returns:
            The sender, with its secret where it was made or given now. It is not shown again: None where the sender
            keeps the one that it had.

        Raises:
            NoticeError: A field that cannot be taken. Nothing was saved.
            NotAuthorised: `by` may not say what others may do.
        """
        where = f"sender {sender!r}"
        _check_names(where, sender=sender, by=by)
        for field, names in (("people", people), ("groups", groups)):
            if isinstance(names, str) or not all(storable(name) and name.strip() for name in names):
                raise NoticeError(where, field, "should be a list of names")
        if not people and not groups:
            raise NoticeError(where, "people", "is empty: name those in whose name it may decide, or groups")
        if secret is not None:
            _check_secret(where, secret)
        by = await policy_maker(self.desk, by, where=where, what=f"put {where}")
        row = {"id": sender, "people": list(people), "groups": list(groups), "active": active, "by": by}
        made = secret or _new_secret()
        [put] = await self.desk.rows(SQL["put_sender"], {**row, "given": secret, "secret": made})
        return _sender({**put, "secret": made if put["secret"] == made else None})

    async def senders(self) -> list[Sender]:
        """All senders, without their secrets."""
        return [_sender(row) for row in await self.desk.rows(SQL["list_senders"])]

    async def remove_sender(self, sender: str, *, by: str) -> None:
        """Forget a sender: nothing that it signs decides any more.

        Raises:
            NoticeError: There is none of this name. Nothing was changed.
        """
        _check_names("remove", sender=sender, by=by)
        by = await policy_maker(self.desk, by, where="remove", what=f"remove sender {sender!r}")
        if not await self.desk.rows(SQL["remove_sender"], {"id": sender, "by": by}):
            raise NoticeError("remove", "sender", f"there is none called {sender!r}")


class SyncNotices(SyncPart[Notices]):
    """`Notices`, blocking."""

    put = bridged(Notices.put)
    targets = bridged(Notices.targets)
    remove = bridged(Notices.remove)
    outbox = bridged(Notices.outbox)
    retry = bridged(Notices.retry)
    prune = bridged(Notices.prune)
    put_sender = bridged(Notices.put_sender)
    senders = bridged(Notices.senders)
    remove_sender = bridged(Notices.remove_sender)


def _target(row: dict[str, Any]) -> Target:
    events = row["events"]
    return Target(**{**row, "events": events and tuple(events), "actions": tuple(row["actions"])})


def _sender(row: dict[str, Any]) -> Sender:
    return Sender(**{**row, "people": tuple(row["people"]), "groups": tuple(row["groups"])})


def _check_names(where: str, **names: str) -> None:
    for field, name in names.items():
        if field == "by":
            if not storable(name) or not name.strip():
                raise NoticeError(where, "by", "is empty: say who changes this")
        elif not isinstance(name, str) or not _NAME.fullmatch(name):
            raise NoticeError(
                where, field, "should be a name of letters, digits, '_', '.' and '-', 64 at most"
            )


def _check_words(where: str, field: str, words: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(words, str) or any(word not in known for word in words):
        raise NoticeError(where, field, f"should be a list out of {', '.join(known)}")


def _check_secret(where: str, secret: str) -> None:
    """A secret as standard-webhooks writes it: `whsec_` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (ValueError, AttributeError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise NoticeError(
            where, "secret", "should be whsec_ and the base64 of 24 to 64 random bytes; or give none"
        )


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
