"""Slips in what is asked for: nothing else is shown, or decided, instead."""

from __future__ import annotations

from typing import Any

import pytest

from hitl_graph.errors import ReviewNotFound
from tests.desk.opening import Opened


@pytest.mark.parametrize("typed", [0, 1, 3])
def test_too_little_of_an_id_means_no_case(refund: Opened, typed: int) -> None:
    """An empty variable in a script is not the only case that waits."""
    with pytest.raises(ReviewNotFound, match="too short"):
        refund.desk.find(refund.id[:typed])

    assert refund.desk.find(refund.id[:4]) == refund.id


def test_an_unknown_filter_is_refused(refund: Opened) -> None:
    """All cases would come back."""
    slip: dict[str, Any] = {"thread": "t9"}
    with pytest.raises(TypeError, match="thread: no such filter: owner"):
        refund.desk.pending(**slip)


def test_an_unknown_status_is_named(refund: Opened) -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="status: 'zz' is none of pending, decided"):
        refund.desk.cases(status="zz")
