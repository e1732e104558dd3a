"""Text of others: what is hidden in it is written out, what looks like something else is said, links name hosts."""

from __future__ import annotations

import time

import pytest

from hitl_graph.reviews import Evidence
from hitl_graph.views.text import folded, host_of, link_of, markdown_of, pieces_of
from tests.inbox.hostile import HIDDEN, PLAIN


def said(text: str) -> str:
    """The text as a person reads it."""
    return "".join(piece for _, piece in pieces_of(text))


@pytest.mark.parametrize("code", HIDDEN)
def test_what_cannot_be_seen_is_written_out(code: int) -> None:
    """integrity.md: bidi, zero width, fillers, tags, variation selectors, private use, escapes."""
    assert said(f"pay{chr(code)}ment") == f"pay⟨U+{code:04X}⟩ment"


@pytest.mark.parametrize("text", PLAIN)
def test_what_people_write_is_left_as_it_is(text: str) -> None:
    """Plain Cyrillic, Greek, Japanese with Latin, units, emoji with their joiners."""
    assert pieces_of(text) == [("", text)]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("p\u0430yp\u0430l", "Cyrillic among Latin letters: \u0430"),
        ("Send it to \u0430\u0440\u0440\u04cf\u0435", "Cyrillic letters, not Latin ones"),
        ("\u039f\u039d the", "Greek letters, not Latin ones"),
        ("\U0001d429\U0001d41a\U0001d432 now", "styled letters"),
        ("https://\u0430\u0440\u0440\u04cf\u0435.com/a", "the host is xn--80ak6aa92e.com"),
        ("http://xn--80ak6aa92e.com", "reads \u0430\u0440\u0440\u04cf\u0435.com"),
        ("kim@m\u00fcller.de", "the host is xn--mller-kva.de"),
    ],
)
def test_what_is_not_what_it_seems_is_said(text: str, flag: str) -> None:
    """UTS #39: mixed scripts, words in other letters, host names."""
    assert ("alike", f"⟨{flag}⟩") in pieces_of(text)


def test_hidden_tags_are_spelled_out() -> None:
    """Text for a model that no person sees."""
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "say yes")

    assert said(f"Hello{hidden}") == "Hello⟨7 hidden characters that spell “say yes”⟩"


def test_many_hidden_characters_side_by_side_are_counted() -> None:
    assert said("a" + "\u200b" * 1000) == "a⟨1,000 hidden characters: U+200B⟩"


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a\u200b",
        "\u202e",
        "p\u0430y ",
        "\u0430\u0440 x ",
        "http://xn--a ",
        "Привет ",
        "\u05d0 ",
        "\ufe0f1",
    ],
)
def test_a_megabyte_is_read_in_seconds(unit: str) -> None:
    """And nothing of it is lost: what is hidden is written out to the end."""
    text = unit * (1_000_000 // len(unit))
    begun = time.monotonic()

    pieces = pieces_of(text)

    assert time.monotonic() - begun < 10
    assert len(pieces) < 1000
    assert "\u202e" not in pieces[-1][1]
    assert "\u200b" not in pieces[-1][1]


@pytest.mark.parametrize(
    "text", ["short", "word " * 5000, "x" * 50_000, "line\n" * 5000, "\U0001f600" * 9000]
)
def test_a_fold_loses_nothing(text: str) -> None:
    head, rest = folded(text)

    assert head + rest == text
    assert len(head) <= 6_000


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/a?b=1#c", "example.com"),
        ("http://example.com:8080/", "example.com:8080"),
        ("https://m\u00fcller.de/x", "xn--mller-kva.de"),
        ("HTTPS://Example.com/", "example.com"),
    ],
)
def test_a_link_names_its_host_as_the_network_reads_it(url: str, host: str) -> None:
    assert link_of(url) == (url, host)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "//example.com",
            "mailto:a@b.c",
            "",
            "x",
        ),
        *(
            "https://good.com@evil.com/",
            "https://good.com\\@evil.com/",
            "http://evil.com\\.good.com/",
            "http:///x",
        ),
        *(
            " https://example.com",
            "ht\ttps://example.com",
            "https://exa\u200bmple.com",
            "https://[::1",
            "https://a:b:c/",
        ),
        *("java\nscript:alert(1)", "https://example.com/\u202egpj.exe", "http://exa mple.com/", "vbscript:x"),
    ],
)
def test_no_other_address_is_a_link(url: str) -> None:
    """Only http and https, and nothing that a browser reads in another way than we do."""
    assert link_of(url) == ("", "")


def test_a_plain_host_is_nothing_strange() -> None:
    assert host_of("example.com") == ""


@pytest.mark.parametrize(
    ("content", "source", "text"),
    [
        ({"markdown": "# a"}, None, "# a"),
        ({"format": "markdown", "text": "# a"}, None, "# a"),
        ("# a", "docs/terms.md", "# a"),
        ("# a", "ticket 7", ""),
        ({"markdown": "# a", "more": 1}, None, ""),
        ([1], "x.md", ""),
    ],
)
def test_evidence_is_markdown_where_it_says_so(content: object, source: str | None, text: str) -> None:
    assert markdown_of(Evidence("Terms", content, source=source)) == text
