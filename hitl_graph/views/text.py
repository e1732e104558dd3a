"""Text of others as a person can see it: hidden characters written out, look-alike letters said, real hosts. Pure.

What is flagged follows Unicode's UTS #39 where a few rules of ours can: letters of several scripts in one word, words
of another script that read as Latin ones, host names in other letters than they seem. Plain Cyrillic, plain Greek,
Japanese with Latin in it and joined emoji are nothing strange.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from hitl_graph.plain import hidden_runs, printable
from hitl_graph.reviews import Evidence

__all__ = ["FOLD", "Piece", "folded", "host_of", "link_of", "markdown_of", "pieces_of"]

Kind = Literal["", "hidden", "alike"]
Piece = tuple[Kind, str]
"""`("", text)` as it is; `("hidden", "⟨U+202E⟩")` in place of characters; `("alike", "⟨…⟩")` behind what it says."""

FOLD = 4_000
"""Characters of a long text that are seen without asking for the rest."""

_SLACK = 2_000
_MOST = 600
"""Pieces of one text; what is hidden in the rest of it is written out without a mark, for a page has to be drawn."""
_EACH = 8
"""So many hidden characters side by side are written out one by one; more of them are counted."""

_LETTERS = re.compile(r"[^\W\d_]+")
_OTHER = re.compile(
    "[\u2102-\u214f\u0370-\u1fff\u2c00-\u2dff\ua640-\uabff\U00010280-\U000107ff\U0001d400-\U0001d7ff]"
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_HOST = re.compile(r"(?:https?://|www\.|@)([^\s/?#<>\"'()\[\]]{1,253})", re.IGNORECASE)
_LINKED = re.compile(r"://|www\.|@", re.IGNORECASE)
_STYLED = re.compile("[\u2102-\u214f\U0001d400-\U0001d7ff]")
_ASIA = frozenset(
    {"Latin", "Cjk", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Katakana-hiragana", "Ideographic"}
)
_CYRILLIC = (
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u043a"
    "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u04ae\u04c0"
)
_GREEK = (
    "\u03bf\u03bd\u03c1\u03b9\u03c5\u03c7\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f"
    "\u03a1\u03a4\u03a5\u03a7"
)
_ALIKE = frozenset(
    _CYRILLIC + _GREEK + "\u0585\u0578\u057d\u0581\u0570\u0566\u0501\u1d0f\u1d04\u1d1c\u1d20\u1d21\u1d22"
)


def pieces_of(text: str) -> list[Piece]:
    """The text in pieces: nothing hidden, nothing that looks like something else unsaid."""
    out: list[Piece] = []
    at = 0
    for start, stop in itertools.chain(hidden_runs(text), [(len(text), len(text))]):
        for piece in _visible(text[at:start], text):
            out.append(piece)
            at += len(piece[1]) if piece[0] == "" else 0
            if len(out) > _MOST:
                return [
                    *out,
                    ("alike", "⟨there is more of this; from here on it is not marked⟩"),
                    ("", printable(text[at:])),
                ]
        out.append(("hidden", _written(text[start:stop])))
        at = stop
    return [piece for piece in out if piece[1]]


def folded(text: str, most: int = FOLD) -> tuple[str, str]:
    """The text that is seen at once, and the rest of one that is long; together they are the text."""
    if len(text) <= most + _SLACK:
        return text, ""
    cut = max(text.rfind("\n", most // 2, most), text.rfind(" ", most - 200, most)) + 1 or most
    return text[:cut], text[cut:]


def link_of(url: str) -> tuple[str, str]:
    """The address that may be followed and its host as the network reads it; ("", "") for any other text.

    Only http and https, with a host, without a name before it, and without anything that a browser reads in another way
    than we do: backslashes, blanks, control characters.
    """
    if (
        not re.match(r"https?://[^/?#\\]", url, re.IGNORECASE)
        or re.search(r"[\\\s\x00-\x20\x7f]", url)
        or any(hidden_runs(url))
    ):
        return "", ""
    try:
        parts = urlsplit(url)
        host = _ascii(parts.hostname or "")
        port = parts.port
    except ValueError:
        return "", ""
    if not host or "@" in parts.netloc or not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        return "", ""
    return url, host if port is None else f"{host}:{port}"


def markdown_of(item: Evidence) -> str:
    """The text of a piece of evidence that says that it is Markdown, and "" for any other.

    It says so by what it holds, `{"markdown": "..."}` or `{"format": "markdown", "text": "..."}`, or by a source whose
    name ends in `.md`.
    """
    content = item.content
    if isinstance(content, str):
        return content if (item.source or "").lower().endswith((".md", ".markdown")) else ""
    if not isinstance(content, dict):
        return ""
    if set(content) == {"markdown"} and isinstance(content["markdown"], str):
        return content["markdown"]
    said = content.get("format")
    if (
        set(content) == {"format", "text"}
        and said in ("markdown", "text/markdown")
        and isinstance(content["text"], str)
    ):
        return content["text"]
    return ""


def host_of(host: str) -> str:
    """What a host in other letters than ASCII is for the network, or how one in that form reads; "" for a plain one."""
    try:
        if not host.isascii():
            return f"the host is {_ascii(host)}"
        if re.search(r"(?:\A|\.)xn--", host, re.IGNORECASE):
            labels = [_read(label) for label in host.split(".")]
            return f"reads {printable('.'.join(labels))}"
    except ValueError:
        return "is no host"
    return ""


def _ascii(host: str) -> str:
    return host.encode("idna").decode().lower()


def _read(label: str) -> str:
    return label[4:].encode().decode("punycode") if label.lower().startswith("xn--") else label


def _written(run: str) -> str:
    """Hidden characters as text."""
    tags = [chr(ord(char) - 0xE0000) for char in run if 0xE0020 <= ord(char) < 0xE007F]
    if len(tags) > 2 and len(tags) == len(run):
        return f"⟨{len(run)} hidden characters that spell “{''.join(tags)[:200]}”⟩"
    if len(run) <= _EACH:
        return "".join(f"⟨U+{ord(char):04X}⟩" for char in run)
    names = ", ".join(f"U+{ord(char):04X}" for char in dict.fromkeys(run[:1000]))
    kinds = names if len(names) <= 80 else f"{names[:80].rsplit(',', 1)[0]} and others"
    return f"⟨{len(run):,} hidden characters: {kinds}⟩"


def _visible(part: str, whole: str) -> Iterator[Piece]:
    """A part without hidden characters, with a remark behind each word or host that is not what it seems."""
    if part.isascii() and "xn--" not in part.lower():
        yield "", part
        return
    remarks: list[tuple[int, str]] = []
    for found in _HOST.finditer(part) if _LINKED.search(part) else ():
        if len(remarks) < _MOST and (said := host_of(found[1].rstrip(".,;:!"))):
            remarks.append((found.end(), said))
    if _OTHER.search(part) and (_LATIN.search(whole) or _STYLED.search(part)):
        words = ((found.end(), _strange(found[0], whole)) for found in _LETTERS.finditer(part))
        remarks += itertools.islice((remark for remark in words if remark[1]), _MOST)
    at = 0
    for stop, said in sorted(remarks):
        yield "", part[at:stop]
        yield "alike", f"⟨{said}⟩"
        at = stop
    yield "", part[at:]


def _strange(word: str, whole: str) -> str:
    """What is strange about the letters of a word."""
    if not _OTHER.search(word):
        return ""
    if not _LATIN.search(word):
        styled = [char for char in word if _script(char) == "Styled"]
        if styled:
            return "styled letters"
        if (
            len(word) > 1
            and _ALIKE.issuperset(word)
            and _LATIN.search(whole)
            and not _spoken(_script(word[0]), whole)
        ):
            return f"{_script(word[0])} letters, not Latin ones"
        return ""
    scripts = {script for char in word if (script := _script(char))}
    if len(scripts) < 2 or scripts <= _ASIA:
        return ""
    odd = "".join(dict.fromkeys(char for char in word if _script(char) not in ("", "Latin")))
    if scripts == {"Latin", "Greek"} and _ALIKE.isdisjoint(odd):
        return ""  # μm, kΩ, Δt
    names = " and ".join(sorted(scripts - {"Latin"}))
    return f"{names} among Latin letters: {odd[:20]}"


@functools.lru_cache(maxsize=8)
def _spoken(script: str, whole: str) -> bool:
    """Whether a text has words of a script that could be no Latin ones: then it is written in it."""
    ranges = {"Cyrillic": "[\u0400-\u052f]", "Greek": "[\u0370-\u03ff]", "Armenian": "[\u0530-\u058f]"}
    letters = set(re.findall(ranges.get(script, r"[^\W\d_]"), whole))
    return not _ALIKE.issuperset(letters)


@functools.lru_cache(maxsize=4096)
def _script(char: str) -> str:
    """The script of a letter, by the first word of its name; "" for what belongs to none."""
    if not char.isalpha():
        return ""
    if char.isascii():
        return "Latin"
    first, _, rest = unicodedata.name(char, "").partition(" ")
    if first in ("FULLWIDTH", "HALFWIDTH"):
        first = rest.partition(" ")[0]
    if first in ("MATHEMATICAL", "SCRIPT", "DOUBLE-STRUCK", "BLACK-LETTER"):
        return "Styled"
    if first in ("MICRO", "MODIFIER", "FEMININE", "MASCULINE", "KELVIN", "ANGSTROM", "OHM", ""):
        return ""
    return first.capitalize()
