"""`hitl-graph audit`: what people and scripts do with the log, by exit codes and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hitl_graph import Desk, Edit, open_checkpointer
from tests.support.commands import Command
from tests.support.graphs import mail_graph, thread

from .log import tamper, write


def test_verify_says_whether_the_log_holds(hg: Command, db_url: str) -> None:
    """Exit code 0 and the number of events; what waits for the sealer is told."""
    write(db_url, 1, 2)
    waiting, sealed, whole = hg("audit", "verify"), hg("audit", "seal"), hg("audit", "verify", "--json")

    assert (waiting.code, "2 wait for the sealer" in waiting.out) == (0, True)
    assert sealed.out == "Sealed 2 events.\n"
    assert (whole.code, whole.json["ok"], whole.json["checked"]) == (0, True, 2)


def test_verify_fails_where_it_does_not(hg: Command, db_url: str) -> None:
    """Exit code 1, and where and what is wrong."""
    write(db_url, 1, 2)
    hg("audit", "seal")
    tamper(db_url, "UPDATE hitl.events SET type = 'x' WHERE id = 2")
    told, as_json = hg("audit", "verify"), hg("audit", "verify", "--json")

    assert (told.code, "does not hold at seal 2: event 2" in told.out) == (1, True)
    assert (as_json.code, as_json.json["broken"]["wrong"]) == (1, "altered")


def test_an_anchor_in_a_file_finds_what_was_cut_off(hg: Command, db_url: str, tmp_path: Path) -> None:
    """Taken today, compared tomorrow."""
    write(db_url, 1, 2)
    file = str(tmp_path / "anchor.json")
    taken, holds = hg("audit", "anchor", "--out", file), hg("audit", "verify", "--anchor", file)
    tamper(db_url, "DELETE FROM hitl.chain WHERE seq = 2", "DELETE FROM hitl.events WHERE id = 2")
    cut = hg("audit", "verify", "--anchor", file)

    assert (taken.code, taken.out, holds.code) == (0, "", 0)
    assert "the anchor at 2" in " ".join(holds.out.split())
    assert (cut.code, "ends at seal 1" in cut.out) == (1, True)


def test_a_file_that_is_no_anchor_is_refused(hg: Command, tmp_path: Path) -> None:
    """As an error of the command, not as a broken log."""
    file = tmp_path / "anchor.json"
    file.write_text("nonsense", encoding="utf-8")
    said = hg("audit", "verify", "--anchor", str(file), "--json")

    assert (said.code, json.loads(said.err)["error"]["type"]) == (1, "AuditError")


def test_an_export_verifies_where_there_is_no_database(
    hg: Command, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and the anchor are enough."""
    write(db_url, 1, 2)
    write(db_url, 3, thread_id="t2")
    file, anchor = str(tmp_path / "log.jsonl"), str(tmp_path / "anchor.json")
    written = hg("audit", "export", "--out", file, "--thread", "t2")
    hg("audit", "anchor", "--out", anchor)
    monkeypatch.setenv("HITL_DATABASE_URL", "postgresql://nowhere.invalid/x")
    said = hg("audit", "verify", "--export", file, "--anchor", anchor, "--json")

    assert (written.code, written.out) == (0, "")
    assert (said.code, said.json["checked"], said.json["linked"]) == (0, 1, 0)


def test_an_export_goes_to_stdout_line_by_line(hg: Command, db_url: str) -> None:
    """For pipes; it is sealed first, so that nothing is left out."""
    write(db_url, 1, 2)
    said = hg("audit", "export", "--since", "2020-01-01")

    assert [json.loads(line).get("seq") for line in said.out.splitlines()] == [None, 1, 2]


def test_show_tells_one_cases_story(hg: Command, db_url: str, tmp_path: Path) -> None:
    """For people and for programs (R45)."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "T", "sink": str(tmp_path / "sink")}, thread("t1"))
        [case] = desk.pending()
        desk.decide(case.id, Edit({"body": "Mo\u202enday"}, reason="tone"), by="ana", digest=case.digest)
        desk.resume(graph)
    told, as_json = hg("audit", "show", case.id[:8]), hg("audit", "show", case.id, "--json")

    assert told.code == as_json.code == 0
    for text in ("edit by ana", "replace /body", "yes: what was decided on", "send_email: done", "asked"):
        assert text in told.out
    assert "\u202e" not in told.out
    assert as_json.json["decided"]["by"] == "ana"


def test_erase_asks_first(hg: Command, db_url: str) -> None:
    """With --yes it does not; it tells what is gone."""
    write(db_url, {"by": "ana"})
    asked = hg("audit", "erase", "t1", "--reason", "asked for")
    done = hg("audit", "erase", "t1", "--reason", "asked for", "--yes", "--by", "dpo", "--json")
    after = hg("audit", "verify", "--json")

    assert (asked.code, "cannot be taken back" in asked.err) == (2, True)
    assert (done.code, done.json["erased"]["events"]) == (0, 1)
    assert (after.json["ok"], after.json["erased"]) == (True, 1)


def test_an_erased_case_is_shown_as_erased(hg: Command, db_url: str, tmp_path: Path) -> None:
    """Not as a question of another library's, with an empty proposal."""
    with open_checkpointer(db_url) as checkpointer, Desk(db_url) as desk:
        graph = mail_graph().compile(checkpointer=checkpointer)
        graph.invoke({"ticket": "T", "sink": str(tmp_path / "sink")}, thread("t1"))
        [case] = desk.pending()
        desk.audit.erase("t1", by="dpo", reason="asked for", force=True)
    shown = hg("show", case.id)

    assert shown.code == 0
    assert f"hitl-graph audit show {case.id[:8]}" in shown.out
    assert not [words for words in ("another library", "of this library", "Proposed") if words in shown.out]


@pytest.mark.parametrize("before", [(), ("--tenant", "other")])
def test_each_command_is_about_one_tenant(hg: Command, db_url: str, before: tuple[str, ...]) -> None:
    """--tenant names it; another tenant's log and cases are not there (I11)."""
    write(db_url, 1, tenant="acme")
    named = hg("audit", "verify", "--tenant", "acme", "--json")
    others = hg("audit", "verify", *before, "--json")
    cases = hg("list", "--tenant", "acme", "--json")

    assert (named.json["tenant"], named.json["unsealed"], others.json["unsealed"]) == ("acme", 1, 0)
    assert (cases.code, cases.json["cases"]) == (0, [])


def test_every_command_on_a_database_takes_a_tenant() -> None:
    """None is forgotten, whoever adds it."""
    import typer

    from hitl_graph.cli.app import app
    from hitl_graph.cli.tenants import with_tenants

    def leaves(command: Any) -> list[Any]:
        inner = getattr(command, "commands", {}).values()
        return [leaf for one in inner for leaf in leaves(one)] or [command]

    options = {
        one.name: [p.name for p in one.params] for one in leaves(with_tenants(typer.main.get_command(app)))
    }

    assert all(names.count("tenant") == 1 for names in options.values() if "db" in names)
    assert "db" in options["list"]
