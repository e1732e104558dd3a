"""Which maintenance methods the stock savers have: what is missing here, ours must bring or refuse."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

MISSING = {
    InMemorySaver: {"prune", "aprune", "copy_thread", "acopy_thread", "delete_for_runs", "adelete_for_runs"},
    AsyncPostgresSaver: {"copy_thread", "acopy_thread", "delete_for_runs", "adelete_for_runs"},
    PostgresSaver: {
        *("copy_thread", "acopy_thread", "delete_for_runs", "adelete_for_runs"),
        *("aput", "aput_writes", "aget_tuple", "alist", "adelete_thread", "aprune"),
    },
}


@pytest.mark.parametrize("saver", MISSING, ids=lambda saver: saver.__name__)
def test_these_methods_are_not_implemented(saver: type[BaseCheckpointSaver[str]]) -> None:
    """They are inherited from the base class, where they raise NotImplementedError."""
    methods = [
        *(
            "put",
            "put_writes",
            "get_tuple",
            "list",
            "delete_thread",
            "prune",
            "copy_thread",
            "delete_for_runs",
        ),
    ]
    every = [*methods, *(f"a{name}" for name in methods)]
    inherited = {name for name in every if getattr(saver, name) is getattr(BaseCheckpointSaver, name)}
    assert inherited == MISSING[saver]


@pytest.mark.parametrize("name", ["copy_thread", "prune", "delete_for_runs", "delete_thread"])
def test_the_base_class_raises(name: str) -> None:
    """Calling what is inherited says so at once."""
    saver: BaseCheckpointSaver[str] = BaseCheckpointSaver()
    with pytest.raises(NotImplementedError):
        getattr(saver, name)(*(["thread"] if name != "copy_thread" else ["one", "other"]))
