"""The pattern of a JSON Schema in words: what is to be typed, and an example of it. Pure.

Only plain patterns are read: characters and classes of them one after the other, each with a count. Of any other
nothing is said, for half of it would be wrong. None is tried that could take long, whatever it is given.
"""

from __future__ import annotations

import re

__all__ = ["pattern_words"]

_KNOWN = (
    ("an e-mail address", "name@example.com", ("name", "name.example.com", "1", "a-1")),
    ("a web address", "https://example.com/page", ("example", "example.com", "name@example.com", "a/b:1")),
)
"""Kinds of text that people know by name, with one that is of the kind and some that are not."""

_DAYS = (r"^\d{4}-\d{2}-\d{2}$", r"^\d{4}-\d\d-\d\d$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")

_CLASSES = {
    "[A-Z]": ("capital letter", "ABCDEFGHIJ"),
    "[a-z]": ("small letter", "abcdefghij"),
    "[A-Za-z]": ("letter", "AbcdefghiJ"),
    "[a-zA-Z]": ("letter", "AbcdefghiJ"),
    "[0-9]": ("digit", "1234567890"),
    r"\d": ("digit", "1234567890"),
    "[A-Z0-9]": ("capital letter or digit", "A1B2C3D4E5"),
    "[0-9A-Z]": ("capital letter or digit", "A1B2C3D4E5"),
    "[a-z0-9]": ("small letter or digit", "a1b2c3d4e5"),
    "[0-9a-z]": ("small letter or digit", "a1b2c3d4e5"),
    "[A-Za-z0-9]": ("letter or digit", "A1b2C3d4E5"),
    "[a-zA-Z0-9]": ("letter or digit", "A1b2C3d4E5"),
}
_TOKEN = re.compile(
    r"(?P<cls>\\d|\[[^\]\\]+\])(?P<count>\{\d+(?:,\d*)?\}|[+*?])?"
    r"|(?P<text>(?:[A-Za-z0-9 _/:#@,;=-]|\\[./+\-#()@\\])+)(?![{+*?])"
)
_LONGEST = 200
_MOST_PARTS = 8
_UNTRIED = re.compile(r"\)[+*?{]|\\[1-9]|\(\?|\{\d*,?\d{3,}")
"""A group that is repeated, a reference back, a look around, a large count: what can take for ever to try."""
_MOST_REPEATS = 3


def pattern_words(pattern: str) -> tuple[str, str]:
    """What a pattern asks for and an example of it, or ("", "") where that cannot be said.

    Example:
        >>> pattern_words("^INV-[0-9]{4}$")
        ('“INV-”, then 4 digits', 'INV-1234')
    """
    parts = _parts(pattern) if len(pattern) <= _LONGEST and not _UNTRIED.search(pattern) else None
    if parts is None or (not parts and len(re.findall(r"[+*?{]", pattern)) > _MOST_REPEATS):
        return "", ""
    try:
        takes = re.compile(pattern).search
    except re.error:
        return "", ""
    if pattern in _DAYS:
        return "a day, the year first", "2026-03-14"
    for name, example, others in () if parts else _KNOWN:
        if takes(example) and not any(map(takes, others)):
            return name, example
    example = "".join(example for _, example in parts)
    if not parts or not takes(example):
        return "", ""
    return ", then ".join(words for words, _ in parts), example


def _parts(pattern: str) -> list[tuple[str, str]]:
    """What stands one after the other, in words and as an example; empty for a pattern that is not so plain."""
    if not (pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")):
        return []
    body, at = pattern[1:-1], 0
    out: list[tuple[str, str]] = []
    while at < len(body):
        found = _TOKEN.match(body, at)
        if found is None or len(out) == _MOST_PARTS:
            return []
        if found["text"] is not None:
            text = re.sub(r"\\(.)", r"\1", found["text"])
            out.append((f"“{text}”", text))
        elif found["cls"] in _CLASSES:
            out.append(_several(*_CLASSES[found["cls"]], found["count"] or ""))
        else:
            return []
        at = found.end()
    return out


def _several(name: str, letters: str, count: str) -> tuple[str, str]:
    """So many of a class, in words and as an example."""
    least, most = _bounds(count)
    if (least, most) == (0, 1):
        return f"perhaps 1 {name}", letters[:1]
    if least == most:
        number = str(least)
    elif most is None:
        number = f"{least} or more" if least else "any number of"
    else:
        number = f"{least} to {most}" if least else f"at most {most}"
    shown = max(least, 3) if most is None else max(least, 1)
    kind = name if least == most == 1 else _plural(name)
    return f"{number} {kind}", (letters * (shown // len(letters) + 1))[:shown]


def _bounds(count: str) -> tuple[int, int | None]:
    """How many at least and at most; None: any number."""
    if count in ("", "+", "*", "?"):
        return (0 if count in ("*", "?") else 1), (1 if count in ("", "?") else None)
    low, comma, high = count[1:-1].partition(",")
    return int(low), int(high) if high else None if comma else int(low)


def _plural(name: str) -> str:
    """`capital letter or digit` with the last word of each in the plural."""
    return " or ".join(f"{part}s" for part in name.split(" or "))
