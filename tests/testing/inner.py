"""Runs pytest on a file as a user would, and tells what failed."""

from __future__ import annotations

import collections
import functools
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_pytest(path: Path, *options: str, cwd: Path | None = None) -> tuple[ET.Element, str]:
    """The report and what was printed. Neither this project's settings nor its conftest is used."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        argv = ["-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:randomly", f"--junitxml={report}"]
        if "no:asyncio" not in options:
            argv += ["-o", "asyncio_default_fixture_loop_scope=function"]
        if cwd is None:
            argv += ["-c", os.devnull, "--rootdir", str(path.parent), "--noconftest"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                *argv,
                "-q",
                "-W",
                "error",
                f"--junitxml={report}",
                *options,
                str(path),
            ],
            cwd=cwd or folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert report.exists(), done.stdout + done.stderr
        return ET.parse(report).getroot(), done.stdout  # noqa: S314  # pytest's own report


@functools.cache
def failures(path: Path) -> dict[str, dict[str, str]]:
    """Class → test → what it said, for each test that failed. A file is run once in each process."""
    found: dict[str, dict[str, str]] = collections.defaultdict(dict)
    for case in run_pytest(path)[0].iter("testcase"):
        for told in (*case.iter("failure"), *case.iter("error")):
            cls = str(case.get("classname")).rpartition(".")[2]
            found[cls][str(case.get("name"))] = f"{told.get('message')}\n{told.text}"
    return dict(found)
