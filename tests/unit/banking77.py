"""Real customer questions, where they lie beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

BANKING77 = Path(__file__).parents[3] / "shared" / "data" / "banking77" / "test.csv"


needs_banking77 = pytest.mark.skipif(
    not BANKING77.is_file(),
    reason="BANKING77's test.csv is not beside the project, under ../shared/data/banking77",
)
