"""The gated calls of one task, decided together: asked about in the order of the message, whoever comes first.

`ToolNode` runs the calls of a message at once. Whichever gated call arrives first asks for all of them, so that the
answers find their calls in every replay, and none acts before all are decided.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt

from hitl_graph.agents.gated_call import End, GatedCall
from hitl_graph.agents.tool_spec import call_digest
from hitl_graph.errors import DefinitionError, PlainJsonError, ProposalError
from hitl_graph.functional import Reviewed, areview, review

__all__ = ["adecided", "decided"]

_BOARD = "__hitl_board"
_FIRST = threading.Lock()


class Board:
    """What came of the gated calls of one task, by their ids; or the pause that they wait in."""

    def __init__(self, task_id: object) -> None:
        self.task_id = task_id
        self.lock = threading.Lock()
        self.alock = asyncio.Lock()
        self.ends: dict[str, tuple[str | None, End]] = {}
        self.pause: tuple[Any, ...] | None = None

    def end_of(self, call: GatedCall) -> End | None:
        """The end of a call, if the task's calls are decided.

        Raises:
            GraphInterrupt: They wait for people.
        """
        if self.pause is not None:
            raise GraphInterrupt(self.pause)
        if call.id is None or call.id not in self.ends:
            return None
        digest, end = self.ends[call.id]
        if digest != _digest(call):
            return call.refused("It is not the call that was decided on. Propose it again as it is now.")
        return end

    def keep(self, ends: list[tuple[GatedCall, End]], asked: list[Any]) -> None:
        """Keep what came of them."""
        self.ends.update({str(call.id): (_digest(call), end) for call, end in ends})
        if asked:
            self.pause = tuple({one.id: one for one in asked}.values())


def decided(call: GatedCall) -> End:
    """What came of a call; pauses until a person has decided about all gated calls of the task.

    Raises:
        GraphInterrupt: It pauses here.
        DefinitionError: It is called outside a graph, or without a checkpointer.
    """
    if call.id is None:
        return _reviewed(call)
    board = _board(call)
    with board.lock:
        if (end := board.end_of(call)) is not None:
            return end
        ends, asked = [], []
        for one in call.siblings():
            try:
                ends.append((one, _reviewed(one)))
            except GraphInterrupt as pause:
                asked += pause.args[0]
        board.keep(ends, asked)
        return _end(board, call)


async def adecided(call: GatedCall) -> End:
    """`decided`, for async graphs."""
    if call.id is None:
        return await _areviewed(call)
    board = _board(call)
    async with board.alock:
        if (end := board.end_of(call)) is not None:
            return end
        ends, asked = [], []
        for one in call.siblings():
            try:
                ends.append((one, await _areviewed(one)))
            except GraphInterrupt as pause:
                asked += pause.args[0]
        board.keep(ends, asked)
        return _end(board, call)


def _board(call: GatedCall) -> Board:
    try:
        running: dict[str, Any] = get_config()["configurable"]
    except RuntimeError:
        problem = "is outside of a running graph: call the tool in a node"
        raise DefinitionError(call.tool.gate.where, "gated", problem) from None
    task_id = running.get("__pregel_task_id")
    with _FIRST:
        board = running.get(_BOARD)
        if not isinstance(board, Board) or board.task_id != task_id:  # a graph called inside inherits keys
            board = running[_BOARD] = Board(task_id)
    return board


def _end(board: Board, call: GatedCall) -> End:
    end = board.end_of(call)
    assert end is not None
    return end


def _reviewed(call: GatedCall) -> End:
    if (end := call.at_once()) is not None:
        return end
    tool = call.tool
    try:
        found: Reviewed = review(tool.gate, call.proposal(), context=call.context(), shape=tool.shape)
    except ProposalError as error:
        return call.unshown(error)
    return call.settled(found)


async def _areviewed(call: GatedCall) -> End:
    if (end := call.at_once()) is not None:
        return end
    tool = call.tool
    try:
        found = await areview(tool.gate, call.proposal(), context=call.context(), shape=tool.shape)
    except ProposalError as error:
        return call.unshown(error)
    return call.settled(found)


def _digest(call: GatedCall) -> str | None:
    try:
        return call_digest(call.tool.name, call.proposal())
    except PlainJsonError:
        return None
