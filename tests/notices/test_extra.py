"""Without the extras: everything imports, and what needs one says which."""

from __future__ import annotations

import sys

import pytest

from hitl_graph import Desk, HitlError, open_checkpointer
from hitl_graph.channels import AppriseChannel
from hitl_graph.notices import deliver
from hitl_graph.web import create_app
from tests.notices.receivers import pause, receiving, secret_graph


@pytest.mark.parametrize(
    ("missing", "kind"), [("standardwebhooks", "webhook"), ("apprise", "apprise")], ids=["webhook", "apprise"]
)
async def test_a_notice_waits_for_its_extra(
    db_url: str, monkeypatch: pytest.MonkeyPatch, missing: str, kind: str
) -> None:
    """It is tried again, and the outbox says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    with receiving() as receiver, open_checkpointer(db_url) as checkpointer:
        address = receiver.url if kind == "webhook" else "mailto://user:word@localhost"
        async with Desk(db_url) as desk:
            await desk.notices.put("all", kind=kind, address=address, by="ops")
            pause(secret_graph().compile(checkpointer=checkpointer))

            sent = await deliver(desk)

            [row] = await desk.notices.outbox()
    assert (sent, row["status"], receiver.got) == (0, "queued", [])
    assert "pip install 'hitl-graph[notify]'" in row["error"]


def test_the_application_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is made."""
    monkeypatch.setitem(sys.modules, "starlette.applications", None)

    with pytest.raises(HitlError, match="hitl-graph\\[web,notify\\]"):
        create_app()


def test_a_channel_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is used."""
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(HitlError, match="hitl-graph\\[notify\\]"):
        AppriseChannel("twilio://sid:token@from/{to}").send("+4930123", "Hello", "Hello", "key-1")
