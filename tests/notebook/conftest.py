"""A card that several of these files click on."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitl_graph.notebook import ReviewCard, review_card
from tests.notebook.clicking import paused


@pytest.fixture
def card(sink: Path) -> ReviewCard:
    return review_card(paused(sink), "t1", by="ana")
