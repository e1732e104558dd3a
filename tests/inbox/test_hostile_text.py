"""The corpus of bad input on the real page of a case: nothing of it is an element, nothing of it is hidden."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from hitl_graph import Evidence
from hitl_graph.desk import Case
from hitl_graph.plain import hidden_characters
from hitl_graph.reviews import Turn
from tests.inbox.cases import address, ask, foreign
from tests.inbox.hostile import FORGED, HIDDEN, MARKUP
from tests.inbox.serving import client

EVERYTHING = "\n".join((*MARKUP, *FORGED))
UNSEEN = " ".join(f"pay{chr(code)}ment" for code in HIDDEN if code != 0x0D)
_OURS = re.compile(r"/(?![/\\])|#|\?")


def hostile(db_url: str, text: str, thread: str = "t1") -> Case:
    """A case whose every part that comes from outside is this text."""
    evidence = [
        Evidence(f"Title {text[:300]}", text, source=text[:300], url="javascript:alert(1)"),
        Evidence("Flat", {text[:200]: text}, url="https://good.com\\@evil.example/"),
        Evidence("Deep", {"rows": [{"a": {text[:200]: text}}]}, url="https://evil.example/x"),
        Evidence("Words", {"markdown": text}),
    ]
    turns = [Turn("assistant", text), Turn(f"customer {text[:100]}", text)]
    return ask(
        db_url,
        thread=thread,
        proposal={"body": text, "rows": [{"a": text}], f"name {text[:60]}": "x"},
        evidence=evidence,
        transcript=turns,
        question=f"Should this happen? {text[:500]}",
        consequence=f"It happens. {text[:500]}",
    )


class Elements(HTMLParser):
    """The elements of a page, and the text between them but for what stands in text areas."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        self.inside = tag if tag == "textarea" else ""

    def handle_data(self, data: str) -> None:
        self.text += "" if self.inside else data


@pytest.fixture(scope="module")
def plain_tags() -> set[str]:
    """What the pages of the inbox are made of."""
    boxes = "html head meta title link script body header nav main footer section article aside div p span h1 h2 h3"
    forms = "form input select option textarea button label fieldset legend details summary dialog noscript template"
    words = "a strong em b i q code pre kbd mark ins del s time bdi small ul ol li dl dt dd"
    tables = "table caption thead tbody tr th td"
    return {"h4", *boxes.split(), *forms.split(), *words.split(), *tables.split(), "br", "hr", "blockquote"}


def test_no_text_becomes_an_element(db_url: str, plain_tags: set[str]) -> None:
    """No script, picture, frame, style or handler; links lead out only by http and https, and say nothing of us."""
    case = hostile(db_url, EVERYTHING)
    with client(db_url) as http:
        answer = http.get(address(case))
    assert answer.status_code == 200
    for tag, attrs in Elements(answer.text).found:
        assert tag in plain_tags, (tag, attrs)
        assert not [name for name in attrs if name.startswith("on") or name == "style"], (tag, attrs)
        assert not [name for name in attrs if name.startswith(("hx-on", "data-hx"))], (tag, attrs)
        for name in ("src", "action", "formaction", "hx-get", "hx-post", "hx-sse:connect"):
            assert _OURS.match(attrs.get(name, "/x")), (tag, attrs)
        if not _OURS.match(attrs.get("href", "/x")) and tag == "a":
            assert attrs["href"].startswith(("http://", "https://")), attrs
            assert {"noopener", "noreferrer"} <= set(attrs["rel"].split()), attrs


def test_the_page_has_no_more_buttons_than_it_draws(db_url: str) -> None:
    """Forged dialogs: what a draft paints is text."""
    calm, forged = hostile(db_url, "calm"), hostile(db_url, EVERYTHING, "t2")
    with client(db_url) as http:
        pages = [Elements(http.get(address(case)).text).found for case in (calm, forged)]
    counts = [[tag for tag, _ in page].count("button") for page in pages]
    assert counts[0] == counts[1]


def test_every_hidden_character_is_written_out(db_url: str) -> None:
    """In every place of the page; only the inputs hold the exact text, and say what it holds."""
    case = hostile(db_url, UNSEEN)
    with client(db_url) as http:
        page = http.get(address(case)).text
    elements = Elements(page)
    assert hidden_characters(elements.text) == []
    for code in HIDDEN:
        if code != 0x0D:
            assert f"⟨U+{code:04X}⟩" in elements.text or f"U+{code:04X}" in elements.text
    assert "Holds hidden characters" in page


def test_look_alike_letters_are_said(db_url: str) -> None:
    case = hostile(db_url, "Pay to p\u0430ypal, see https://\u0430\u0440\u0440\u04cf\u0435.com/")
    with client(db_url) as http:
        page = http.get(address(case)).text
    assert "⟨Cyrillic among Latin letters: \u0430⟩" in page
    assert "⟨the host is xn--80ak6aa92e.com⟩" in page


def test_a_picture_of_markdown_is_named_and_not_fetched(db_url: str) -> None:
    case = ask(
        db_url, evidence=[Evidence("Terms", {"markdown": "# Terms\n\n![plan](http://evil.example/x.png)"})]
    )
    with client(db_url) as http:
        page = http.get(address(case)).text
    assert "<strong>Terms</strong>" in page
    assert "[picture, not loaded: plan http://evil.example/x.png]" in page


def test_a_program_of_other_origin_is_shown_as_safely(db_url: str, plain_tags: set[str]) -> None:
    """What a bare interrupt carries."""
    case = foreign(db_url, {"question": EVERYTHING, UNSEEN[:100]: [EVERYTHING, UNSEEN]})
    with client(db_url) as http:
        elements = Elements(http.get(address(case)).text)
    assert {tag for tag, _ in elements.found} <= plain_tags
    assert hidden_characters(elements.text) == []


def test_a_megabyte_is_folded(db_url: str) -> None:
    """The beginning is there, the rest behind one click, and nothing is cut."""
    text = "word " * 190_000 + "END"
    case = ask(db_url, evidence=[Evidence("Log", text)])
    with client(db_url) as http:
        page = http.get(address(case)).text
    assert "Show all: 94" in page
    assert "word END" in page
