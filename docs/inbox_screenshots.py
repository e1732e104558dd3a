"""Takes the pictures of the inbox: `python -m docs.inbox_screenshots`. Needs Debian's Chromium.

Every page in each of its states goes to `build/screenshots`, in light, dark and on a phone; the three that the README
and `howto/inbox.md` show go to `docs/images`. With names of states only these are taken.
"""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from hitl_graph.storage.migrate import migrate
from hitl_graph.testing.databases import Databases
from tests.inbox.states import STATES, Office, State, Window, office, show
from tests.support.browser import chromium

IMAGES = Path(__file__).parent / "images"
BUILD = Path("build/screenshots")
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
KEPT = {"queue": ("light", 900), "case-edit": ("light", 1120), "insights": ("dark", 900)}
"""What the README and the page about the inbox show: in which look, and how much of it from its top, in pixels."""


def main() -> None:
    """All of them, or those that are named."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="*", help="of states; none: all")
    names = parser.parse_args().names
    BUILD.mkdir(parents=True, exist_ok=True)
    chosen = [state for state in STATES if not names or state.name in names]
    with (
        Databases(prepare=migrate) as databases,
        databases.fresh_database() as url,
        office(url) as desk,
        chromium() as browser,
        _window(browser, desk) as window,
    ):
        for state in chosen:
            _take(window, state)


@contextlib.contextmanager
def _window(browser: Browser, desk: Office) -> Iterator[Window]:
    window = Window(browser, desk, {"reduced_motion": "reduce"})
    try:
        yield window
    finally:
        window.close()


def _take(window: Window, state: State) -> None:
    page = show(window, state)
    for look, how in LOOKS.items():
        page.set_viewport_size(how["viewport"])
        page.emulate_media(color_scheme=how["color_scheme"])
        _picture(page, BUILD / f"{state.name}-{look}.png")
        kept, height = KEPT.get(state.name, ("", 0))
        if kept == look:
            clip: Any = {"x": 0, "y": 0, "width": how["viewport"]["width"], "height": height}
            path = IMAGES / f"inbox_{state.name.replace('-', '_')}.png"
            page.screenshot(path=path, full_page=True, clip=clip)
    page.close()


def _picture(page: Page, path: Path) -> None:
    """The whole page, or the window where a dialog stands in front of it."""
    whole = page.locator("dialog[open]").count() == 0
    page.screenshot(path=path, full_page=whole)


if __name__ == "__main__":
    main()
