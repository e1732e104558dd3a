"""`hitl-graph demo` on a terminal, its cases decided in a browser, and the mails that come of it."""

from __future__ import annotations

import stat
import sys
from email import message_from_bytes, policy
from pathlib import Path
from urllib.request import url2pathname

import pytest
from playwright.sync_api import Browser, Page, expect

from hitl_graph.demo.maildir import count
from tests.support.browser import watched
from tests.support.demo_inbox import PLAIN, address_on, plain, until
from tests.support.terminals import OpenTerminal

LONG_MS = 30_000
"""The graphs run in the process that serves the page: on a machine with much to do it answers later."""

pytestmark = pytest.mark.xdist_group("inbox-browser")


def to_case(page: Page, message: int) -> None:
    """From the queue to the case of a message, with its scripts, which read keys and what is typed."""
    page.locator(f"main a[href$='-{message}']").first.click()
    page.wait_for_url("**/cases/**")


def test_what_is_decided_in_the_browser_is_what_is_sent(
    browser: Browser, db_url: str, tmp_path: Path, terminal: OpenTerminal
) -> None:
    """R22, R25: one approved, one edited, one left; the terminal counts them, and Ctrl-C ends with the report."""
    mail = tmp_path / "mail"
    given = ("--input", str(plain(tmp_path, *[PLAIN] * 3)), "--maildir", str(mail), "--undo", "1")
    demo = terminal(db_url, "demo", "--no-browser", *given)
    address = address_on(demo)
    demo.until("3 wait, 0 decided, 0 mails sent")

    with watched(browser) as (page, errors):
        page.goto(address)
        expect(page).not_to_have_url(address)  # the token does not stay in it
        to_case(page, 1)
        page.keyboard.press("a")
        page.keyboard.press("Enter")
        expect(page.locator("#case-decided")).to_contain_text("approved it")
        demo.until("2 wait, 1 decided")

        page.goto(address.split("/sign-in")[0])
        to_case(page, 2)
        page.get_by_label("Subject").fill("Your top-up is on its way")
        expect(page.locator("#case-diff ins").first).to_be_visible(timeout=LONG_MS)
        page.get_by_role("button", name="Send with the changes").click()
        expect(page.locator("#case-decided")).to_contain_text("with changes")
        demo.until("1 wait, 2 decided, 2 mails sent")
        expect(page.locator("#case-decided")).not_to_contain_text("Sends in")
        assert errors == []

    demo.type("\x03")
    rest = demo.end()
    assert demo.process.returncode == 0
    assert "2 finished, 1 paused" in rest
    sent = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in (mail / "new").iterdir()]
    assert sum(one["Subject"] == "Your top-up is on its way" for one in sent) == 1
    assert len(sent) == count(mail) == 2


def test_the_browser_is_opened_by_a_file_that_only_this_user_can_read(
    browser: Browser, db_url: str, tmp_path: Path, terminal: OpenTerminal
) -> None:
    """How a program was called everybody on the machine can see: the token stands in the file, which leads on."""
    called, program = tmp_path / "called", tmp_path / "browser"
    program.write_text(f'#!{sys.executable}\nimport sys\nopen({str(called)!r}, "w").write(sys.argv[1])\n')
    program.chmod(0o700)
    given = ("--input", str(plain(tmp_path)), "--maildir", str(tmp_path / "mail"))
    demo = terminal(db_url, "demo", *given, DISPLAY=":99", BROWSER=str(program))
    address = address_on(demo)
    to = until(lambda: called.exists() and called.read_text(), "a browser")
    file = Path(url2pathname(to.removeprefix("file://")))

    assert address.partition("token=")[2] not in to
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with watched(browser) as (page, errors):
        page.goto(to)
        expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()
        assert errors == []
    demo.type("\x03")
    demo.end()
    assert not file.exists()
