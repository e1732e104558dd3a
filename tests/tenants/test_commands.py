"""Commands speak of the tenant that is named, and of no other (I11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl_graph import open_checkpointer
from hitl_graph.cli.app import main
from tests.support.graphs import mail_graph, thread

Hg = Callable[..., tuple[int, str]]


@pytest.fixture
def hg(
    db_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Hg:
    """Runs a command on a database where the tenant `default` has a case."""
    monkeypatch.setenv("HITL_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", "160")
    with open_checkpointer(db_url) as checkpointer:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "T", "sink": str(tmp_path / "sink")}, thread("t1"))

    def run(*args: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(args)
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    return run


def test_doctor_counts_the_cases_of_its_tenant(hg: Hg) -> None:
    """No number, id, group or thread of another's."""
    own, other = hg("doctor", "--json"), hg("doctor", "--tenant", "acme", "--json")
    found = [
        {check["name"]: check["found"] for check in json.loads(said)["checks"]} for _, said in (own, other)
    ]

    assert found[0]["reviews"] == "1 pending" and "waiting" in found[0]
    assert found[1]["reviews"] == "no reviews yet" and "waiting" not in found[1]


@pytest.mark.parametrize("name", ["", " ", " acme"])
def test_a_tenant_that_is_no_name_is_refused(hg: Hg, name: str) -> None:
    """A script with an empty variable does not act on `default`."""
    code, said = hg("list", "--tenant", name)

    assert code == 2 and "is no name" in said
