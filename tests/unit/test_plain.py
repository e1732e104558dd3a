"""Plain JSON: what may be kept, its digest, and text that hides something."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import hashlib
import json
import math
import types
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from hitl_graph.errors import PlainJsonError
from hitl_graph.plain import digest, hidden_characters, plain_json, printable


class Colour(enum.Enum):
    RED = "red"


class Word(enum.StrEnum):
    YES = "yes"


class Number(enum.IntEnum):
    ONE = 1


class Email(BaseModel):
    to: str
    sent: dt.date


@dataclasses.dataclass
class Line:
    sku: str
    tags: tuple[str, ...] = ()


class Text(str):
    __slots__ = ()


UTC = dt.UTC
TURNED: dict[str, tuple[Any, Any]] = {
    "null": (None, None),
    "bool": (True, True),
    "integer": (-3, -3),
    "the largest integer": (2**53 - 1, 2**53 - 1),
    "the smallest integer": (1 - 2**53, 1 - 2**53),
    "float": (0.1, 0.1),
    "text": ("grüß dich 👋", "grüß dich 👋"),
    "text of a subclass": (Text("a"), "a"),
    "enum": (Colour.RED, "red"),
    "text enum": (Word.YES, "yes"),
    "integer enum": (Number.ONE, 1),
    "tuple": ((1, (2,)), [1, [2]]),
    "set": ({"b", "a"}, ["a", "b"]),
    "deque": (collections.deque([1]), [1]),
    "model": (Email(to="ana", sent=dt.date(2026, 1, 31)), {"to": "ana", "sent": "2026-01-31"}),
    "dataclass": (Line("a", ("x",)), {"sku": "a", "tags": ["x"]}),
    "read-only mapping": (types.MappingProxyType({"a": 1}), {"a": 1}),
    "enum as a key": ({Colour.RED: 1}, {"red": 1}),
    "date": (dt.date(2026, 1, 31), "2026-01-31"),
    "time of day": (dt.datetime(2026, 1, 31, 9, tzinfo=UTC), "2026-01-31T09:00:00+00:00"),
    "span of time": (dt.timedelta(minutes=1.5), 90.0),
    "decimal": (decimal.Decimal("1.10"), "1.10"),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
}


@pytest.mark.parametrize(("value", "plain"), TURNED.values(), ids=TURNED.keys())
def test_a_value_has_its_plain_form(value: Any, plain: Any) -> None:
    """Each kind of value is turned into what its JSON would be."""
    assert plain_json(value, "email") == plain


@pytest.mark.parametrize("value", [value for value, _ in TURNED.values()], ids=TURNED.keys())
def test_the_plain_form_is_made_of_plain_types(value: Any) -> None:
    """Nothing of a subclass is left that a database driver or msgpack would treat in its own way."""

    def types_in(found: Any) -> set[type]:
        inner = (
            [*found, *found.values()] if isinstance(found, dict) else found if isinstance(found, list) else []
        )
        return {type(found)}.union(*map(types_in, inner))

    assert types_in(plain_json(value, "email")) <= {dict, list, str, int, float, bool, type(None)}


REFUSED: dict[str, tuple[Any, str]] = {
    "NaN": (math.nan, "email"),
    "infinity": (math.inf, "email"),
    "minus infinity": (-math.inf, "email"),
    "NaN in a list": ({"lines": [0.5, math.nan]}, "email.lines[1]"),
    "NaN in a model's float": (
        type("M", (BaseModel,), {"__annotations__": {"x": float}})(x=math.nan),
        "email.x",
    ),
    "integer over 2^53": ({"id": 2**53 + 1}, "email.id"),
    "integer under -2^53": (-(2**53) - 1, "email"),
    "lone surrogate": ({"body": "a\ud83d"}, "email.body"),
    "low surrogate": ("\udc00", "email"),
    "NUL": ({"body": ["a\x00"]}, "email.body[0]"),
    "NUL in a key": ({"a\x00": 1}, "email (a key)"),
    "surrogate in a key": ({"\ud800": 1}, "email (a key)"),
    "number as a key": ({1: 2}, "email"),
    "null as a key": ({"a": {None: 2}}, "email.a"),
    "tuple as a key": ({("a",): 2}, "email"),
    "bytes": ({"file": b"abc"}, "email.file"),
    "bytearray": (bytearray(b"a"), "email"),
    "object": ({"client": object()}, "email.client"),
    "function": (len, "email"),
    "class": (Line, "email"),
    "complex": (1j, "email"),
    "iterator": (iter([1]), "email"),
    "in a dataclass": (Line("a\x00"), "email.sku"),
}


@pytest.mark.parametrize(("value", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_would_be_changed_is_refused_with_its_place(value: Any, field: str) -> None:
    """What JSON, Postgres or a browser would change is an error that names the part."""
    with pytest.raises(PlainJsonError) as caught:
        plain_json(value, "email")
    assert caught.value.field == field


def test_a_pair_of_surrogates_in_json_text_is_one_character() -> None:
    """A character beyond the basic plane is not two lone halves."""
    assert plain_json(json.loads('"\\ud83d\\ude00"'), "email") == "\U0001f600"


def test_the_copy_shares_nothing_with_the_value() -> None:
    """Changing the value later does not change what was kept."""
    value = {"lines": [{"n": 1}]}
    plain = plain_json(value, "email")
    value["lines"][0]["n"] = 2
    assert plain == {"lines": [{"n": 1}]}


def test_keys_keep_their_order() -> None:
    """A form shows the fields in the order in which they were given."""
    assert list(plain_json({"b": 1, "a": 2}, "email")) == ["b", "a"]


SAFE = 2**53 - 1
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(-SAFE, SAFE)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "ü", ""]), inner),
    max_leaves=15,
)
ANY = settings(deadline=None)


def turned(value: Any) -> Any:
    """The same JSON with the keys the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@ANY
@given(JSON_VALUES)
def test_plain_json_is_left_as_it_is(value: Any) -> None:
    """What is plain already comes back equal."""
    assert plain_json(value, "email") == value


@ANY
@given(JSON_VALUES)
def test_a_digest_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    """A database that reorders keys does not change what was approved."""
    assert digest(value) == digest(turned(value))


@ANY
@given(JSON_VALUES)
def test_a_digest_survives_json_text(value: Any) -> None:
    """Written as text and read again, by us or a browser, it is the same content."""
    assert digest(json.loads(json.dumps(value))) == digest(value)


@ANY
@given(JSON_VALUES, JSON_VALUES)
def test_two_values_have_one_digest_only_if_they_are_the_same(one: Any, other: Any) -> None:
    """Different content has a different digest; 1 and 1.0 are the same number in JSON."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    if same or digest(one) == digest(other):
        assert one == other and digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (None, False),
        ("1", 1),
        ([], {}),
        ("", None),
        ({"a": None}, {}),
        ([1, 2], [2, 1]),
        ("é", "e\u0301"),
    ],
    ids=repr,
)
def test_values_that_look_alike_have_different_digests(one: Any, other: Any) -> None:
    """Python's equalities and a reader's eye are not the digest's."""
    assert digest(one) != digest(other)


def test_a_digest_is_the_sha_256_of_the_canonical_form() -> None:
    """Keys sort by UTF-16 units and nothing is escaped that need not be, as in RFC 8785, section 3.2.3."""
    value = {"\u20ac": "Euro Sign", "\r": "Carriage Return", "1": "One", "\u0080": "Control"}
    canonical = '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u20ac":"Euro Sign"}'
    assert digest(value) == "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


HIDDEN: dict[str, tuple[str, list[str]]] = {
    "bidi override": ("pay \u202e001", ["U+202E"]),
    "bidi embedding": ("\u202a\u202b\u202c", ["U+202A", "U+202B", "U+202C"]),
    "bidi isolate": ("\u2066a\u2069", ["U+2066", "U+2069"]),
    "direction marks": ("\u200ea\u200f\u061c", ["U+061C", "U+200E", "U+200F"]),
    "zero width": ("pay\u200bpal\u200c\ufeff", ["U+200B", "U+200C", "U+FEFF"]),
    "joiner in a word": ("pay\u200dpal", ["U+200D"]),
    "fillers": ("\u3164\uffa0\u115f", ["U+115F", "U+3164", "U+FFA0"]),
    "soft hyphen": ("pay\u00adpal", ["U+00AD"]),
    "tags": ("a\U000e0041", ["U+E0041"]),
    "variation selectors": ("a\ufe01b\U000e0100", ["U+FE01", "U+E0100"]),
    "private use": ("\ue000\U000f0000", ["U+E000", "U+F0000"]),
    "escape sequence": ("\x1b[2J", ["U+001B"]),
    "OSC 8 link": ("\x1b]8;;http://x\x07y", ["U+0007", "U+001B"]),
    "C1 control": ("\x9b31m", ["U+009B"]),
    "backspace": ("yes\x08\x08\x08no", ["U+0008"]),
    "line separators": ("a\u2028b\u2029", ["U+2028", "U+2029"]),
    "surrogate": ("a\ud800", ["U+D800"]),
    "NUL": ("a\x00", ["U+0000"]),
    "newline and tab": ("a\n\tb", []),
    "Cyrillic": ("Привет, мир", []),
    "Arabic": ("مرحبا", []),
    "accents": ("e\u0301é", []),
    "family": ("👨\u200d👩\u200d👧", []),
    "heart": ("❤\ufe0f", []),
    "plain": ("Is this safe to send?", []),
}


@pytest.mark.parametrize(("text", "found"), HIDDEN.values(), ids=HIDDEN.keys())
def test_hidden_characters_are_found(text: str, found: list[str]) -> None:
    """What a screen would act on or hide is named; what people write is not."""
    assert hidden_characters(text) == found


@pytest.mark.parametrize(("text", "found"), HIDDEN.values(), ids=HIDDEN.keys())
def test_printable_text_shows_what_was_hidden(text: str, found: list[str]) -> None:
    """Each hidden character is written out, and nothing hidden is left; plain text is untouched."""
    shown = printable(text)
    assert all(f"⟨{name}⟩" in shown for name in found) and not hidden_characters(shown)
    assert found or shown == text


@ANY
@given(st.text(max_size=30))
def test_printable_text_is_safe_and_stable(text: str) -> None:
    """Whatever is printed holds nothing hidden, and printing it again changes nothing."""
    assert not hidden_characters(printable(text)) and printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        1e16,
        10**5000,
        {"red": 1, Colour.RED: 2},
        json.loads("[" * 900 + "]" * 900),
    ],
    ids=["2^53", "large float", "many digits", "keys that collide", "depth"],
)
def test_what_cannot_be_kept_is_refused(value: Any) -> None:
    """What plain JSON lets through can be stored, read back and digested."""
    with pytest.raises(PlainJsonError):
        plain_json(value, "email")
