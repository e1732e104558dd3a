"""Takeover: a person has a thread from here, the agent does nothing in it, until it is handed back."""

from __future__ import annotations

from hitl_graph.desk.connected import Connected
from hitl_graph.desk.holds import SQL, WAIT_S, Hold, Holds, allowed, put, said
from hitl_graph.errors import HoldNotFound

__all__ = ["Takeover"]


class Takeover(Connected):
    """A person instead of the agent, and back (R71)."""

    async def take_over(self, thread_id: str, *, by: str, reason: str, wait_s: float = WAIT_S) -> Hold:
        """Silence the agent in a thread, paused or not: no effect of it acts until it is handed back (R4).

        Gates of the thread may still ask. What was approved in it before, or let pass by a policy, is void: after the
        hand-back the agent acts only on what was approved or judged after the takeover. A decision `TakeOver` at a gate
        does the same. Taking over what one has returns the hold that stands; from somebody else it is taken away.

        Args:
            thread_id: The thread. by: Who has it from here. reason: Why, in words.
            wait_s: How long to wait for acts under way, in seconds; those left are in `under_way`.

        Raises:
            AnswerError: Something above is missing or cannot be stored.
            NotAuthorised: Somebody who is not listed. In both cases nothing was taken over.
        """
        said("take_over", "thread_id", thread_id)
        return await put(self, "thread", thread_id, "takeover", by=by, reason=reason, wait_s=wait_s)

    async def hand_back(self, thread_id: str, *, by: str, note: str | None = None) -> Hold:
        """Give a thread back to its graph, once: its effects may act again, each on an approval of its own.

        Args:
            thread_id: The thread. by: Who gives it back. note: What was done meanwhile, for those who go on.

        Returns:
            The takeover, released.

        Raises:
            HoldNotFound: Nobody has taken it over. AnswerError: `by` is missing.
            NotAuthorised: Somebody who is not listed, or no person. In all of these nothing was changed.
        """
        said("hand_back", "thread_id", thread_id)
        who = await allowed(self, by, "hand_back", "hand_back", thread=thread_id)
        named = {"scope": "thread", "value": thread_id, "kind": "takeover"}
        if not (found := await self.rows(SQL["standing_hold"], named)):
            await self.refused(by=who, what="hand_back", why="nobody has taken it over", thread_id=thread_id)
            raise HoldNotFound(f"thread {thread_id!r}: nobody has taken it over")
        return await Holds(self).release(found[0]["id"], by=who, note=note)
