"""Plain JSON: what may stand in state, in a request and in an answer, and its digest."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import hashlib
import math
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import rfc8785
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from hitl_graph.errors import PlainJsonError

__all__ = ["JSON", "digest", "hidden_characters", "hidden_runs", "key_of", "plain_json", "printable"]

JSON = Any
"""A str, int, float, bool, None, list or dict of these."""

MAX_SAFE_INTEGER = 2**53 - 1
"""Beyond this a browser rounds an integer (RFC 8785, section 3.2.2.3)."""

MAX_DEPTH = 64
"""Deeper values would exhaust the readers of other languages, and of this one."""

_SURROGATE = re.compile("[\ud800-\udfff]")
# C0 and C1 controls but newline and tab, bidi controls, zero-width and filler characters, tags, variation
# selectors and private use: what a terminal or a page would act on or hide instead of showing.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200c\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\u2800\ue000-\uf8ff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
    # a carriage return ends a line of a mail, and hides the line that it stands in
    "|\r(?!\n)"
    # a zero-width joiner is plain between emoji and hidden everywhere else
    "|(?<![\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d"
    "|\u200d(?![\u2190-\u2bff\U0001f000-\U0001faff])"
    # the selector of coloured emoji is plain behind what it can colour, and behind a digit of a keycap
    "|(?<![#*0-9\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff])\ufe0f"
    "|(?<=[#*0-9])\ufe0f(?!\u20e3)"
)
_RUN = re.compile(f"(?:{_HIDDEN.pattern})+")
_MAYBE = re.compile(f"{_HIDDEN.pattern.split(']', 1)[0]}\r\u200d\ufe0f]")
"""One class of all that may be hidden: a long text is read over for it in no time."""

# In a name nothing of these can be seen, not even beside an emoji: soft hyphens, joiners, fillers, variation
# selectors, musical and shorthand controls, the blank Braille pattern, tags.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def plain_json(value: object, field: str) -> JSON:
    """A copy of `value` in plain JSON, or an error that names the part that is none.

    Pydantic models, dataclasses, enums, dates, decimals, UUIDs, tuples and sets are turned into what their
    JSON would be; nothing is rounded, replaced or dropped on the way.

    Args:
        value: Any Python value.
        field: What to call it in an error, such as `"email"`.

    Returns:
        dict, list, str, int, float, bool or None; dictionaries keep their order.

    Raises:
        PlainJsonError: NaN, an infinity or a number beyond ±(2^53 - 1), a lone surrogate, a NUL character, a
            key that is no string or stands there twice, more than 64 levels, or an object that has no JSON
            form.
    """
    return _plain(value, field, MAX_DEPTH)


def _plain(value: object, field: str, depth: int) -> JSON:
    if type(value) in _PLAIN_TYPES:  # nearly everything is: only the rest is asked about kind by kind
        return _plain_type(value, field, depth)
    for kind, convert in _CONVERTED:
        if isinstance(value, kind):
            return _plain(convert(value, field), field, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return _plain_type(value, field, depth)


def _plain_type(value: object, field: str, depth: int) -> JSON:
    if isinstance(value, str):
        return _text(value, field)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _number(value, field)
    if depth == 0:
        raise PlainJsonError("", field, f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return _mapping(value, field, depth - 1)
    if isinstance(value, AbstractSet):
        return sorted((_plain(v, f"{field}[]", depth - 1) for v in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain(v, f"{field}[{i}]", depth - 1) for i, v in enumerate(value)]
    problem = f"a {type(value).__name__} has no plain JSON form: convert it before the gate"
    raise PlainJsonError("", field, problem)


def _mapping(value: Mapping[Any, Any], field: str, depth: int) -> dict[str, JSON]:
    out = {_key(k, field): _plain(v, f"{field}.{k}", depth) for k, v in value.items()}
    if len(out) < len(value):
        raise PlainJsonError("", field, "has two keys that are the same in JSON")
    return out


def _number(value: float, field: str) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        raise PlainJsonError("", field, f"{value} is no JSON number: write it as a string or leave it out")
    if abs(value) > MAX_SAFE_INTEGER:  # the number itself may be too long to print
        problem = "is a number beyond ±(2^53 - 1) and would be rounded: write it as a string"
        raise PlainJsonError("", field, problem)
    return float(value) if isinstance(value, float) else int(value)


def _dump(model: Any, field: str) -> object:
    try:
        return model.model_dump(mode="json")
    except (UnicodeDecodeError, PydanticSerializationError):
        raise PlainJsonError("", field, f"a {type(model).__name__} holds bytes that are no text") from None


_PLAIN_TYPES = frozenset({str, int, float, bool, type(None), dict, list, tuple})
_CONVERTED: tuple[tuple[Any, Callable[[Any, str], object]], ...] = (
    (enum.Enum, lambda value, _: value.value),
    (BaseModel, _dump),
    ((dt.datetime, dt.date, dt.time), lambda value, _: value.isoformat()),
    (dt.timedelta, lambda value, _: value.total_seconds()),
    ((decimal.Decimal, uuid.UUID), lambda value, _: str(value)),
)


def digest(value: JSON) -> str:
    """SHA-256 over the canonical form of plain JSON, as `"sha256:<hex>"`.

    Two values have the same digest exactly when they are the same JSON, whatever the order of their keys.

    Source: RFC 8785 (JSON Canonicalization Scheme).
    """
    return "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def printable(text: str) -> str:
    """`text` with every hidden or acting character written out as `⟨U+202E⟩`; newlines and tabs are kept.

    For a terminal or a log: what comes back cannot move the cursor, change colours, reverse or hide text.
    """
    return _HIDDEN.sub(lambda m: f"⟨U+{ord(m.group()):04X}⟩", text)


def key_of(name: str) -> str:
    """What tells one name from another: Ana, ana, a composed or decomposed accent and what cannot be seen are one."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFKC", plain)).split())


def hidden_characters(text: str) -> list[str]:
    """The hidden or acting characters in `text`, each once, as `["U+200B", "U+202E"]`."""
    return [f"U+{code:04X}" for code in sorted({ord(c) for c in _HIDDEN.findall(text)})]


def hidden_runs(text: str) -> Iterator[tuple[int, int]]:
    """Where hidden or acting characters stand in `text`: from and to, those side by side together."""
    if _MAYBE.search(text):
        yield from (match.span() for match in _RUN.finditer(text))


def _text(value: str, field: str) -> str:
    if bad := _SURROGATE.search(value):
        raise PlainJsonError(
            "",
            field,
            f"holds a lone surrogate (U+{ord(bad.group()):04X}) at {bad.start()}: it cannot be stored",
        )
    if "\x00" in value:
        raise PlainJsonError(
            "", field, f"holds a NUL character at {value.index(chr(0))}: it cannot be stored"
        )
    return str(value)


def _key(key: object, field: str) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if not isinstance(key, str):
        raise PlainJsonError("", field, f"has the key {key!r}: JSON keys are strings")
    return _text(key, f"{field} (a key)")
