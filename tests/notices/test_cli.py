"""`hitl-graph notices`: the same from a terminal; addresses go in by stdin and come out nowhere."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from hitl_graph import open_checkpointer
from hitl_graph.cli.app import main
from tests.notices.receivers import pause, receiving, secret_graph


@pytest.fixture(autouse=True)
def _database(db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HITL_DATABASE_URL", db_url)


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str, given: str = ""
) -> Any:
    """What a command printed as JSON, and its exit code."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(SystemExit) as left:
        main(["notices", *args])
    said = capsys.readouterr()
    out = json.loads(said.out) if said.out.startswith("{") else said.out
    return left.value.code, out or said.err


def test_a_target_is_put_told_and_removed(
    db_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the address on stdin to the notice at the receiver."""
    with receiving() as receiver:
        put = run(
            capsys, monkeypatch, "put", "all", "webhook", "--json", given=f"{receiver.url}?token=word\n"
        )
        with open_checkpointer(db_url) as checkpointer:
            pause(secret_graph().compile(checkpointer=checkpointer))
        sent = run(capsys, monkeypatch, "deliver", "--json")
        told = receiver.verified(put[1]["target"]["secret"])
    listed = run(capsys, monkeypatch, "targets", "--json")
    outbox = run(capsys, monkeypatch, "outbox", "--json")
    removed = run(capsys, monkeypatch, "remove", "all")
    left = run(capsys, monkeypatch, "targets", "--json")

    assert (put[0], sent, removed[0]) == (0, (0, {"sent": 1}), 0)
    assert told[0]["type"] == "review.asked"
    assert [row["status"] for row in outbox[1]["notices"]] == ["sent"]
    assert "word" not in json.dumps([put, listed, outbox])
    assert left == (0, {"targets": []})


def test_senders_are_put_listed_and_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is printed once."""
    put = run(capsys, monkeypatch, "put-sender", "crm", "--person", "ana", "--json")
    listed = run(capsys, monkeypatch, "senders", "--json")
    removed = run(capsys, monkeypatch, "remove-sender", "crm")
    again = run(capsys, monkeypatch, "remove-sender", "crm")

    assert put[1]["sender"]["secret"].startswith("whsec_")
    assert listed[1]["senders"] == [{"id": "crm", "people": ["ana"], "groups": [], "active": True}]
    assert (removed[0], again[0]) == (0, 1)
    assert "there is none called 'crm'" in again[1]


@pytest.mark.parametrize("command", ["targets", "senders", "outbox"])
def test_lists_say_that_they_are_empty(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """In words."""
    code, said = run(capsys, monkeypatch, command)

    assert code == 0
    assert said.startswith("No")


@pytest.mark.parametrize("given", ["", "\n", "http://example.com/\n"])
def test_an_address_that_cannot_be_taken_is_an_error_of_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """It names the field, and exits with 1."""
    code, said = run(capsys, monkeypatch, "put", "all", "webhook", given=given)

    assert code == 1
    assert "address" in said
    assert said.count("\n") == 1


def test_retry_says_how_many(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """None, where nothing was given up."""
    assert run(capsys, monkeypatch, "retry") == (0, "0 queued again.\n")


@pytest.mark.parametrize("given", ["slack://S3CRETTOKEN", "pagerduty://S3CRETTOKEN"])
def test_an_address_that_apprise_cannot_read_is_not_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Else it would be noticed when the first notice is lost."""
    code, said = run(capsys, monkeypatch, "put", "leads", "apprise", given=f"{given}\n")

    assert code == 1
    assert "address" in said
    assert "S3CRETTOKEN" not in said
    assert run(capsys, monkeypatch, "targets", "--json")[1] == {"targets": []}


def test_a_secret_is_printed_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever puts the same again does not learn it."""
    put = ("put-sender", "crm", "--person", "ana")
    first = run(capsys, monkeypatch, *put, "--json")[1]["sender"]["secret"]

    again = run(capsys, monkeypatch, *put)
    as_json = run(capsys, monkeypatch, *put, "--json")

    assert first.startswith("whsec_")
    assert again == (0, "crm is changed, and signs with the secret that it has.\n")
    assert as_json[1]["sender"]["secret"] is None
