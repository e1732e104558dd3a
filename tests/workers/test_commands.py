"""`hitl-graph worker` and `hitl-graph start`, and the extra that they need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Approve, Desk
from hitl_graph.cli.app import main
from hitl_graph.cli.named_graphs import CONFIG, named_graphs
from hitl_graph.workers import Worker
from tests.support.graphs import lines, mail_graph
from tests.workers.processes import ROOT, WorkerProcess, until
from tests.workers.test_worker import QUICK


def run(*args: str) -> int:
    """The exit code of a command in this process."""
    with pytest.raises(SystemExit) as left:
        main(args)
    return int(left.value.code or 0)


def test_start_tells_the_thread(hitl_default_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, the start as it stands."""
    assert run("start", "mail", "--input", '{"ticket": "1"}', "--by", "ana", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["workflow"], told["by"], told["status"], told["input"]) == (
        "mail",
        "ana",
        "queued",
        {"ticket": "1"},
    )


def test_a_thread_that_is_started_already_is_refused(
    hitl_default_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and exit code 1; --queue waits instead."""
    args = ("start", "mail", "--input", "{}", "--thread", "t1", "--by", "ana")
    assert run(*args) == 0

    assert run(*args) == 1
    assert "thread t1 is started by ana already" in capsys.readouterr().err

    assert run(*args, "--queue") == 0


def test_input_that_is_no_json_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and the option is named."""
    assert run("start", "mail", "--input", "{") == 2
    assert "--input" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no graph is named"),
        (("--graph", "nothing"), "no MODULE:ATTRIBUTE"),
        (("--graph", "tests.support.graphs:nothing"), "has no 'nothing'"),
        (("--graph", "a=x:g", "--graph", "a=y:g"), "two graphs are called 'a'"),
        (("--config", "missing.json"), "missing.json cannot be read"),
    ],
)
def test_a_worker_that_has_no_graph_says_so(
    db_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    said: str,
) -> None:
    """One line, and exit code 1; nothing is run."""
    monkeypatch.chdir(tmp_path)

    assert run("worker", "--db", db_url, *args) == 1

    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"graphs": []}', '{"graph": {}}', '{"graphs": {"a": {}}}'])
def test_a_config_that_names_no_graphs_is_refused(
    db_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """The error says what it should hold."""
    (tmp_path / CONFIG).write_text(text)

    assert run("worker", "--db", db_url, "--config", str(tmp_path / CONFIG)) == 1

    assert "names no graphs" in capsys.readouterr().err


def test_the_config_of_this_project_names_its_examples() -> None:
    """Names from the file, paths from its folder; both ways to write a path."""
    named = named_graphs([], ROOT / CONFIG)

    assert "review_before_send" in named
    assert named["review_before_send"].path == str(ROOT / "examples/review_before_send.py") + ":graph"


def test_a_worker_runs_the_graphs_of_a_config(db_url: str, tmp_path: Path) -> None:
    """From the folder that it is started in, as `langgraph dev` does."""
    (tmp_path / "graphs.py").write_text(
        "from tests.support.graphs import mail_graph\n\ngraph = mail_graph()\n"
    )
    (tmp_path / CONFIG).write_text('{"graphs": {"mail": {"path": "./graphs.py:graph"}}}')
    options = ("--config", str(tmp_path / CONFIG))
    with Desk(db_url) as desk, WorkerProcess(db_url, options=options) as worker:
        desk.start("mail", {"ticket": "1", "sink": str(tmp_path / "sink")}, thread_id="t1", by="ana")
        [case] = until(lambda: desk.pending(workflow="mail"), "the thread pauses")
        desk.decide(case.id, Approve(), by="ben", digest=case.digest)
        until(lambda: lines(tmp_path / "sink"), "the act is done")
        worker.says("works for mail")
        worker.says("thread t1: went on with 1 answers")


async def test_a_tenants_worker_runs_only_its_threads(db_url: str, tmp_path: Path) -> None:
    """I11: threads of the same name of another tenant are not touched."""
    given: dict[str, Any] = {"ticket": "1", "sink": str(tmp_path / "sink")}
    async with Desk(db_url, tenant="globex") as other:
        await other.start("mail", given, thread_id="t1", by="zoe")
        async with Worker({"mail": mail_graph()}, db_url, tenant="acme", **QUICK) as worker:
            await worker.desk.start("mail", given, thread_id="t1", by="ana")
            await worker.idle()
            [case] = await worker.desk.pending()
            await worker.desk.decide(case.id, Approve(), by="ana", digest=case.digest)
            await worker.idle()

        assert [start.status for start in await other.starts.list()] == ["queued"]
        assert len(lines(tmp_path / "sink")) == 1


def test_without_the_extra_the_error_names_it() -> None:
    """What to install, not only what is missing."""
    program = "import sys; sys.modules['procrastinate'] = None; import hitl_graph.workers"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stderr.splitlines()[-1].endswith("install hitl-graph[worker]")
