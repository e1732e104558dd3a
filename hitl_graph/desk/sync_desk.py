"""The desk for plain scripts: the same calls without `await`, run on a loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from hitl_graph.desk.audit import SyncAudit
from hitl_graph.desk.authority import SyncAuthorities
from hitl_graph.desk.bridge import SyncPart, bridged
from hitl_graph.desk.codes import SyncCodes
from hitl_graph.desk.deadlines import SyncDeadlines
from hitl_graph.desk.desk import Desk
from hitl_graph.desk.drafts import SyncDrafts
from hitl_graph.desk.effects import SyncEffects
from hitl_graph.desk.holds import SyncHolds
from hitl_graph.desk.notices import SyncNotices
from hitl_graph.desk.people import SyncPeople
from hitl_graph.desk.starts import SyncStarts

__all__ = ["SyncDesk"]

R = TypeVar("R")


class SyncDesk(SyncPart[Desk]):
    """What `with Desk() as desk:` gives: `Desk`, blocking."""

    pending = bridged(Desk.pending)
    cases = bridged(Desk.cases)
    show = bridged(Desk.show)
    find = bridged(Desk.find)
    history = bridged(Desk.history)
    counts = bridged(Desk.counts)
    unfinished_runs = bridged(Desk.unfinished_runs)
    decide = bridged(Desk.decide)
    refused = bridged(Desk.refused)
    retry = bridged(Desk.retry)
    undo = bridged(Desk.undo)
    claim = bridged(Desk.claim)
    heartbeat = bridged(Desk.heartbeat)
    release = bridged(Desk.release)
    take_over_claim = bridged(Desk.take_over_claim)
    reassign = bridged(Desk.reassign)
    reroute = bridged(Desk.reroute)
    snooze = bridged(Desk.snooze)
    acknowledge = bridged(Desk.acknowledge)
    resume = bridged(Desk.resume)
    start = bridged(Desk.start)
    take_over = bridged(Desk.take_over)
    hand_back = bridged(Desk.hand_back)
    findings = bridged(Desk.findings)
    reconcile = bridged(Desk.reconcile)
    locate = bridged(Desk.locate)
    reopen = bridged(Desk.reopen)
    set_aside = bridged(Desk.set_aside)
    run_on = bridged(Desk.run_on)

    def __init__(self, desk: Desk) -> None:
        super().__init__(self, desk)
        self.desk = desk
        self.people = SyncPeople(self, desk.people)
        self.authority = SyncAuthorities(self, desk.authority)
        self.codes = SyncCodes(self, desk.codes)
        self.drafts = SyncDrafts(self, desk.drafts)
        self.notices = SyncNotices(self, desk.notices)
        self.deadlines = SyncDeadlines(self, desk.deadlines)
        self.holds = SyncHolds(self, desk.holds)
        self.audit = SyncAudit(self, desk.audit)
        self.effects = SyncEffects(self, desk.effects)
        self.starts = SyncStarts(self, desk.starts)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hitl-desk", daemon=True)

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """The result of `work`, run on the desk's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def open(self) -> SyncDesk:
        """Start the loop and connect."""
        self._thread.start()
        try:
            self.run(self.desk.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def close(self) -> None:
        """Disconnect and stop the loop."""
        try:
            self.run(self.desk.__aexit__(None, None, None))
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
