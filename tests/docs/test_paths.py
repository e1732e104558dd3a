"""The newcomer's paths: each page's own program, run as its reader would run it, prints what the page says."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.server.dev_server import QUIET

PATHS = sorted((ROOT / "docs/paths").glob("*.md"))
MOST_LINES = 29
PORT = "2024"
"""The port that the page of the Agent Server names; the test takes a free one instead."""

_FILE = re.compile(r"`([\w.]+\.\w+)`:\n\n```(?:python|py|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SESSION = re.compile(r"^```console\n\$ (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return page.stem


def files(page: Path) -> dict[str, str]:
    """The files that a page has its reader save."""
    return dict(_FILE.findall(page.read_text(encoding="utf-8")))


def sessions(page: Path) -> list[tuple[str, str]]:
    """The commands that a page has its reader run, each with what the page says it prints."""
    return _SESSION.findall(page.read_text(encoding="utf-8"))


def lines(page: Path) -> list[str]:
    """What the reader has to write, without blank lines."""
    written = [line for text in files(page).values() for line in text.splitlines()]
    return [line for line in (*written, *(command for command, _ in sessions(page))) if line.strip()]


class Reader:
    """Somebody with an empty folder, an empty home, and this library installed."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.home = home
        self.port = _free_port()
        (folder.parent / "home").mkdir()
        self.env = {
            "HOME": str(folder.parent / "home"),
            "HITL_HOME": str(home),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            **QUIET,
        }

    def save(self, page: Path) -> None:
        """Copy the files off the page."""
        for file, text in files(page).items():
            (self.folder / file).write_text(text.replace(PORT, self.port), encoding="utf-8")

    def run(self, command: str) -> str:
        """What a command prints; it must not fail."""
        done = subprocess.run(
            self._argv(command), cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        return done.stdout

    @contextlib.contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """A server that is started and left alone until the block ends."""
        log = self.folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                self._argv(command), cwd=self.folder, env=self.env, stdout=out, stderr=out
            )
        try:
            deadline = time.monotonic() + 90
            while not self._answers():
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ok", timeout=5),
        ):
            return True
        return False

    def _argv(self, command: str) -> list[str]:
        program, *rest = shlex.split(command.replace(PORT, self.port))
        if program == "python":
            return [sys.executable, "-W", "error", *rest]
        return [shutil.which(program, path=self.env["PATH"]) or program, *rest]


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.fixture
def reader(tmp_path: Path, hitl_home: Path) -> Reader:
    """A newcomer."""
    return Reader(tmp_path / "work", hitl_home)


@pytest.mark.xdist_group("paths")
@pytest.mark.parametrize("page", PATHS, ids=name)
def test_a_path_leads_where_its_page_says(page: Path, reader: Reader) -> None:
    """Every command prints just what stands below it."""
    reader.save(page)

    with contextlib.ExitStack() as servers:
        for command, output in sessions(page):
            if command.startswith("langgraph dev"):
                servers.enter_context(reader.serving(command))
            else:
                assert reader.run(command) == output


@pytest.mark.xdist_group("paths")
def test_the_paths_can_be_walked_again_and_after_a_stop(reader: Reader) -> None:
    """Stopped at the pause, then run whole, one page after the other: no run is caught in another one's thread."""
    programs = {
        command: output for page in PATHS for command, output in sessions(page) if "first_" in command
    }
    for page in PATHS:
        reader.save(page)
    for command, output in programs.items():
        program = reader.folder / command.split()[1]
        whole = program.read_text(encoding="utf-8")
        program.write_text(
            whole.replace("    desk.decide", "    raise SystemExit\n    desk.decide"), encoding="utf-8"
        )
        assert reader.run(command) == output.splitlines(keepends=True)[0]
        program.write_text(whole, encoding="utf-8")

    again = [*programs, next(iter(programs))]
    assert [reader.run(command) for command in again] == [programs[command] for command in again]


@pytest.mark.parametrize("page", PATHS, ids=name)
def test_a_path_is_short(page: Path) -> None:
    """Files and commands together, blank lines not counted."""
    written = lines(page)

    assert 10 < len(written) <= MOST_LINES


@pytest.mark.parametrize("page", PATHS, ids=name)
def test_all_code_of_a_path_is_in_its_files(page: Path) -> None:
    """The test would not run what it does not find."""
    text = page.read_text(encoding="utf-8")

    blocks = re.findall(r"^```(?!console)\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks == list(files(page).values())
    assert [command for command, output in sessions(page) if output]


def test_there_is_a_path_for_each_way_to_write_a_graph() -> None:
    """And no other."""
    assert [name(page) for page in PATHS] == ["agent-server", "create-agent", "functional-api", "plain-graph"]


@pytest.mark.parametrize("page", PATHS, ids=name)
@pytest.mark.parametrize("start", ["docs/index.md", "docs/quickstart.md"])
def test_a_newcomer_finds_the_paths(start: str, page: Path) -> None:
    """From where they begin to read."""
    assert f"](paths/{page.name})" in (ROOT / start).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [*(f"paths/{page.name}" for page in PATHS), "howto/testing.md"])
def test_the_page_stands_in_the_navigation(page: str) -> None:
    """Of the built documentation."""
    assert f'"{page}"' in (ROOT / "zensical.toml").read_text(encoding="utf-8")
