"""What a serializer that is strict by its constructor, not by the environment, loads and refuses."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import EXT_CONSTRUCTOR_SINGLE_ARG, JsonPlusSerializer
from langgraph.types import Command, Interrupt, Send
from pydantic import BaseModel

from .graphs import answers, asks, chain, thread
from .recording import Recorder


class Model(BaseModel):
    to: str = "a"


@dataclass
class Data:
    to: str = "a"


class Pair(NamedTuple):
    to: str


class Colour(Enum):
    RED = "red"


def strict() -> JsonPlusSerializer:
    return JsonPlusSerializer(allowed_msgpack_modules=None)


def round_trip(value: Any, serde: JsonPlusSerializer | None = None) -> Any:
    serde = serde or strict()
    return serde.loads_typed(serde.dumps_typed(value))


@pytest.mark.parametrize(
    "value",
    [
        Send("node", {"text": "x"}),
        Command(update={"text": "x"}, goto="node"),
        Interrupt(value={"question": "ok?"}, id="0" * 32, response_schema={"type": "object"}),
        HumanMessage("hi", id="1"),
        AIMessage("", tool_calls=[{"name": "act", "args": {}, "id": "1"}], id="2"),
        ToolMessage("done", tool_call_id="1", id="3"),
        datetime(2026, 1, 2, tzinfo=UTC),
        timedelta(hours=4),
        Decimal("1.10"),
        UUID(int=7),
        {1, 2},
        b"bytes",
        2**64 - 1,
        "nul \x00 stays",
        {"plain": [1, None, True, 1.5, "text"]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_langgraph_and_messages_need_loads_as_itself(value: Any) -> None:
    """Send packets, commands, interrupts, messages and plain values survive strict loading."""
    assert round_trip(value) == value


@pytest.mark.parametrize("value", [Model(), Data(), Pair("a")], ids=lambda value: type(value).__name__)
def test_an_object_of_an_unknown_class_becomes_a_plain_dict(value: Any) -> None:
    """Blocked with a log line, not with an exception: code that expects the class gets a dict."""
    assert round_trip(value) == {"to": "a"}


def test_an_enum_becomes_its_value() -> None:
    """State that every client can read should hold the value in the first place."""
    assert round_trip(Colour.RED) == "red"


def test_an_unknown_class_is_blocked_inside_sends_and_interrupts_too() -> None:
    """Nested payloads are checked like the rest."""
    assert round_trip(Send("node", {"mail": Model()})).arg == {"mail": {"to": "a"}}
    assert round_trip(Interrupt(value=Model(), id="0" * 32)).value == {"to": "a"}


def test_listed_classes_load_as_themselves() -> None:
    """allowed_msgpack_modules takes classes or (module, name) pairs."""
    serde = JsonPlusSerializer(allowed_msgpack_modules=[Model, (Data.__module__, "Data")])
    assert round_trip([Model(), Data(), Pair("a")], serde) == [Model(), Data(), {"to": "a"}]


def test_a_tuple_comes_back_as_a_list() -> None:
    """Strict or not."""
    assert round_trip((1, 2)) == [1, 2]


def test_an_exception_comes_back_as_its_repr() -> None:
    """Why an error handler sees text after a pause."""
    assert round_trip(ValueError("boom")) == "ValueError('boom')"


def test_an_integer_over_64_bits_cannot_be_saved() -> None:
    """It raises when written, not when read."""
    with pytest.raises(TypeError, match="64-bit"):
        strict().dumps_typed(2**64)


def test_a_lone_surrogate_is_stored_as_a_question_mark() -> None:
    """Stock fault: what was shown is not what is stored."""
    assert round_trip("a\ud800b") == "a?b"


def tampered(target: Path) -> tuple[str, bytes]:
    """A msgpack row that asks for a call of os.mkdir(target) when it is loaded."""
    call = ormsgpack.packb(("os", "mkdir", str(target)))
    return "msgpack", ormsgpack.packb(ormsgpack.Ext(EXT_CONSTRUCTOR_SINGLE_ARG, call))


@pytest.mark.skipif("LANGGRAPH_STRICT_MSGPACK" in os.environ, reason="the variable changes the default")
def test_a_tampered_row_runs_code_by_default(tmp_path: Path) -> None:
    """Stock fault: loading executes what the row names."""
    serde = JsonPlusSerializer()
    serde.loads_typed(tampered(tmp_path / "made"))
    assert (tmp_path / "made").exists()


def test_a_tampered_row_runs_nothing_when_strict(tmp_path: Path) -> None:
    """The argument comes back as data."""
    assert strict().loads_typed(tampered(tmp_path / "made")) == str(tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_pickle_rows_are_refused() -> None:
    """pickle_fallback is off unless asked for."""
    with pytest.raises(NotImplementedError):
        strict().loads_typed(("pickle", b"anything"))


def test_a_json_row_constructs_nothing() -> None:
    """Old "json" rows with a constructor envelope stay data."""
    row = b'{"lc": 2, "type": "constructor", "id": ["os", "mkdir"], "args": ["x"]}'
    assert strict().loads_typed(("json", row))["id"] == ["os", "mkdir"]


def test_a_paused_thread_works_under_a_strict_saver() -> None:
    """Pause, answer and state of a plain-JSON graph need no allowlist."""
    graph, config = chain(("gate", asks("ok?"))).compile(checkpointer=Recorder(serde=strict())), thread()
    graph.invoke({}, config)
    graph.invoke(answers(graph, config, {"ok?": {"type": "approve"}}), config)
    assert graph.get_state(config).values["log"] == [["ok?", {"type": "approve"}]]


def test_compile_leaves_the_saver_alone_without_the_environment_variable() -> None:
    """No allowlist is derived from the state's schema then: a strict saver must be told."""
    saver = Recorder(serde=strict())
    assert chain(("gate", asks("ok?"))).compile(checkpointer=saver).checkpointer is saver


def test_with_allowlist_is_a_shallow_copy_of_the_saver() -> None:
    """With the variable set compile() does this: a saver must work as copy.copy(saver)."""
    saver = Recorder(serde=strict())
    clone: Any = saver.with_allowlist({(Model.__module__, "Model")})
    assert (clone is saver, clone.storage is saver.storage) == (False, True)
    assert round_trip(Model(), clone.serde) == Model()
    assert copy.copy(saver).storage is saver.storage
