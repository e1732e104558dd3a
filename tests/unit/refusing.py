"""How a gate that is defined wrong is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl_graph.errors import DefinitionError
from hitl_graph.gates import Gate


def refused(make: Callable[..., Gate], **changes: Any) -> str:
    """The field that the error names when the gate is built like this."""
    with pytest.raises(DefinitionError) as caught:
        make(**changes)
    assert f"{caught.value.field}: " in str(caught.value)
    return caught.value.field
