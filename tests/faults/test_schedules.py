"""Seeded schedules of racing people, workers, deadlines, holds, deaths and cuts; see `schedules.py` for the big run."""

from __future__ import annotations

import os

import pytest

from .schedules import run_seeds

SEEDS = int(os.environ.get("HITL_SEEDS", "60"))
PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_breaks_an_invariant(part: int) -> None:
    """I1 to I14 hold in every one; a complaint names the seed, which `schedules.py` replays."""
    seeds = list(range(part, SEEDS, PARTS))

    assert run_seeds(seeds, run=f"schedules-{os.getpid()}-{part}") == {}
