"""A real browser and real notebook servers, for tests: Debian's Chromium, JupyterLab and marimo as processes.

Nothing of the user's is read or written: each server has folders of its own, a free port and a token, and
announces and fetches nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["MISSING", "chromium", "jupyterlab", "listened", "marimo", "watched"]

MISSING = "Chromium is missing: install Debian's chromium"
_START_S = 60

_QUIET = (
    "--no-sandbox",  # as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Whatever is not on this machine cannot be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_ENGLISH = "en-US"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium with a fresh profile.

    Where there is none the test is skipped, and in CI it fails.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def jupyterlab(root: Path, home: Path, *, dark: bool = False) -> Iterator[str]:
    """JupyterLab on the notebooks under `root`. Gives its address with `{}` where a notebook's path goes.

    Args:
        root: The folder that it shows.
        home: An empty folder for its own files.
        dark: Its dark theme.
    """
    settings = {
        "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
            "fetchNews": "false",
            "checkForUpdates": False,
        },
        "@jupyterlab/apputils-extension/themes.jupyterlab-settings": {
            "theme": "JupyterLab Dark" if dark else "JupyterLab Light"
        },
        "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"autoStartDefaultKernel": True},
    }
    for name, content in settings.items():
        path = home / "settings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    token, port = secrets.token_hex(16), _free_port()
    quiet = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {name: str(home / folder) for name, folder in quiet.items()}
    command = [
        *(
            sys.executable,
            "-m",
            "jupyterlab",
            "--allow-root",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={port}",
        ),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}", "--ServerApp.port_retries=0"),
        "--LabApp.extension_manager=readonly",  # the other one asks PyPI
        "--LabServerApp.news_url=",
        *("--LabApp.collaborative=False", "--ServerApp.terminals_enabled=False"),
    ]
    address = f"http://127.0.0.1:{port}"
    with _server(command, home, environment, f"{address}/api?token={token}"):
        yield f"{address}/lab/tree/{{}}?reset&token={token}"


@contextlib.contextmanager
def marimo(notebook: Path, home: Path) -> Iterator[str]:
    """marimo editing one notebook. Gives its address."""
    token, port = secrets.token_hex(16), _free_port()
    command = [
        *(
            sys.executable,
            "-m",
            "marimo",
            "--yes",
            "--quiet",
            "edit",
            str(notebook),
            "--headless",
            "--skip-update-check",
        ),
        *("--host=127.0.0.1", f"--port={port}", "--token", "--token-password", token),
    ]
    config = home / "marimo" / "marimo.toml"
    config.parent.mkdir()
    config.write_text('[runtime]\nauto_instantiate = true\n[display]\ntheme = "system"\n', encoding="utf-8")
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "XDG_STATE_HOME": str(home),
    }
    address = f"http://127.0.0.1:{port}"
    with _server(command, home, environment, f"{address}/health"):
        yield f"{address}/?access_token={token}"


@contextlib.contextmanager
def watched(browser: Browser, **context: object) -> Iterator[tuple[Page, list[str]]]:
    """A page in a context of its own, and the list of what its console calls errors."""
    opened = browser.new_context(locale=_ENGLISH, **context)
    page, errors = opened.new_page(), []
    listened(page, errors)
    try:
        yield page, errors
    finally:
        opened.close()


def listened(page: Page, errors: list[str]) -> None:
    """Write what a page's console calls errors into a list."""
    page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    page.on(
        "console",
        lambda said: errors.append(f"{said.text} ({said.location})") if said.type == "error" else None,
    )


@contextlib.contextmanager
def _server(command: list[str], home: Path, environment: dict[str, str], ready: str) -> Iterator[None]:
    out = home / "server.log"
    with out.open("wb") as written:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={
                **os.environ,
                **environment,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "NO_PROXY": "127.0.0.1",
            },
            stdout=written,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # its kernels end with it
        )
    try:
        _wait_for(ready, process, out)
        yield
    finally:
        _stop(process)


def _wait_for(address: str, process: subprocess.Popen[bytes], out: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended:\n{out.read_text(errors='replace')[-4000:]}"
        try:
            with opener.open(address, timeout=5) as answer:
                answer.read()
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the server did not start:\n{out.read_text(errors='replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    assert process.poll() is not None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
