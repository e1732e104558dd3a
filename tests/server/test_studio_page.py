"""docs/howto/studio.md from its own text: its files are written, its server is started, its code is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hitl_graph import Desk
from tests.server.dev_server import ROOT, DevServer

pytestmark = [pytest.mark.xdist_group("langgraph-dev"), pytest.mark.timeout(300)]

PAGE = (ROOT / "docs/howto/studio.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(json|py)( file=\S+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(PAGE)


def test_a_newcomers_path(db_url: str, tmp_path: Path) -> None:
    """Each step is under thirty lines; the answer and the desk's decision both reach the served thread."""
    [config] = [text for kind, _, text in BLOCKS if kind == "json"]
    [graph] = [text for kind, name, text in BLOCKS if name == " file=support.py"]
    client = "\n".join(text for kind, name, text in BLOCKS if kind == "py" and not name)
    assert all(len(re.findall(r"^.*\S.*$", text, re.MULTILINE)) < 30 for _, _, text in BLOCKS)
    (tmp_path / "support.py").write_text(graph, encoding="utf-8")
    server = DevServer(tmp_path, db_url, config)
    try:
        server.start()
        (tmp_path / "client.py").write_text(
            client.replace("http://127.0.0.1:2024", server.url), encoding="utf-8"
        )
        env = {**os.environ, "HITL_DATABASE_URL": db_url}
        done = subprocess.run(
            [sys.executable, str(tmp_path / "client.py")],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with Desk(db_url) as desk:
            cases = list(desk.cases(workflow="support"))
    finally:
        server.stop()

    assert (
        "Is this reply safe to send to the customer? {'to': 'ana@example.com', 'body': 'Draft 1'}"
        in done.stdout
    )
    assert "ana [{'op': 'replace', 'path': '/body', 'value': 'On Monday.'}]" in done.stdout
    assert [(case.status.value, case.decision_type, case.by) for case in cases] == [
        ("applied", "elsewhere", "ana"),
        ("applied", "reject", "ana"),
        ("pending", None, None),
    ]
    assert "sent: {'to': 'ana@example.com', 'body': 'On Monday.'}" in server.log
