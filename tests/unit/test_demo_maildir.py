"""The demo's mailbox: one whole mail for each key, whatever is killed."""

from __future__ import annotations

import mailbox
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from hitl_graph.demo import maildir

EMAIL = {"to": "ana@example.com", "subject": "Your card", "body": "Hello,\n\nit is on its way.\n"}


def only_mail(folder: Path) -> EmailMessage:
    [path] = (folder / "new").iterdir()
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_a_sent_mail_is_what_was_given(tmp_path: Path) -> None:
    """Recipient, subject and body come back to the character."""
    maildir.send_into(tmp_path, EMAIL, "k1")

    mail = only_mail(tmp_path)
    assert {"to": mail["To"], "subject": mail["Subject"], "body": mail.get_content()} == EMAIL


def test_the_standard_library_reads_the_mailbox(tmp_path: Path) -> None:
    """The folder is a Maildir like any other."""
    message_id = maildir.send_into(tmp_path, EMAIL, "k1")

    box = mailbox.Maildir(tmp_path, create=False)
    assert [mail["Message-ID"] for mail in box] == [message_id]


def test_name_and_message_id_hold_the_key(tmp_path: Path) -> None:
    """A mail can be found by the review that sent it."""
    message_id = maildir.send_into(tmp_path, EMAIL, "Review-1")

    [path] = (tmp_path / "new").iterdir()
    assert message_id == "<hitl-Review-1@example.com>"
    assert "Review-1" in path.name
    assert path.suffix == ".eml"


def test_a_second_send_with_one_key_writes_nothing(tmp_path: Path) -> None:
    """The same key gives the same id and one mail, whatever the second says."""
    first = maildir.send_into(tmp_path, EMAIL, "k1")
    second = maildir.send_into(tmp_path, {**EMAIL, "subject": "Other"}, "k1")

    assert first == second
    assert only_mail(tmp_path)["Subject"] == "Your card"


def test_a_mail_that_its_reader_moved_is_not_sent_again(tmp_path: Path) -> None:
    """A mail program renames what was read; the key still counts as sent."""
    maildir.send_into(tmp_path, EMAIL, "k1")
    [path] = (tmp_path / "new").iterdir()
    path.rename(tmp_path / "cur" / f"{path.name}:2,S")

    maildir.send_into(tmp_path, EMAIL, "k1")

    assert maildir.count(tmp_path) == 1
    assert not list((tmp_path / "new").iterdir())


def test_a_process_killed_before_the_receipt_does_not_send_again(tmp_path: Path) -> None:
    """The mail itself, found under its name, is proof enough."""
    maildir.send_into(tmp_path, EMAIL, "k1")
    [receipt] = (tmp_path / "sent").iterdir()
    receipt.unlink()

    maildir.send_into(tmp_path, EMAIL, "k1")

    assert maildir.count(tmp_path) == 1


def test_a_killed_process_leaves_each_mail_whole_and_once(tmp_path: Path) -> None:
    """kill -9 in the middle of sending, then all keys again: one complete mail per key."""
    code = (
        "import itertools, pathlib, sys\n"
        "from hitl_graph.demo.maildir import send_into\n"
        "for n in itertools.count():\n"
        "    mail = {'to': 'a@example.com', 'subject': 's', 'body': 'b'}\n"
        "    send_into(pathlib.Path(sys.argv[1]), mail, f'k{n}')\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        sent = [sender.stdout.readline() for _ in range(20)]
        sender.kill()
        sent += sender.stdout.readlines()

    for number in range(len(sent) + 5):
        maildir.send_into(tmp_path, {"to": "a@example.com", "subject": "s", "body": "b"}, f"k{number}")

    bodies = [message_from_bytes(path.read_bytes()).get_payload() for path in (tmp_path / "new").iterdir()]
    assert bodies == ["b\n"] * (len(sent) + 5)


def test_eight_threads_with_one_key_send_one_mail(tmp_path: Path) -> None:
    """A race has one winner and no error."""
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: maildir.send_into(tmp_path, EMAIL, "k1"), range(32)))

    assert len(ids) == 1
    assert maildir.count(tmp_path) == 1


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    """What is being written lies in `tmp` and nowhere after."""
    maildir.send_into(tmp_path, EMAIL, "k1")

    assert not list((tmp_path / "tmp").iterdir())


def test_keys_that_differ_in_case_are_two_sends(tmp_path: Path) -> None:
    """Their names differ by more than case, for file systems that ignore it."""
    for key in ("a", "A"):
        maildir.send_into(tmp_path, EMAIL, key)

    assert len({path.name.lower() for path in (tmp_path / "new").iterdir()}) == 2


@pytest.mark.parametrize("key", ["../../etc/x", "/abs", ".", "..", "a:2,S", "a b", "ключ", "50%"])
def test_any_plain_key_stays_in_the_mailbox(tmp_path: Path, key: str) -> None:
    """A key is a name and never a path, and the standard library still finds the mail."""
    maildir.send_into(tmp_path / "box", EMAIL, key)

    assert [p.name for p in tmp_path.iterdir()] == ["box"]
    assert maildir.count(tmp_path / "box") == 1


@pytest.mark.parametrize("key", ["", "a\nb", "a\x00b", "\ud83d", "k" * 300])
def test_an_unusable_key_is_refused(tmp_path: Path, key: str) -> None:
    """The error names the key, and nothing is written."""
    with pytest.raises(ValueError, match="^key: "):
        maildir.send_into(tmp_path / "box", EMAIL, key)

    assert not (tmp_path / "box").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "ana@example.com\nBcc: eve@example.com"),
        ("to", "ana@example.com\r\n\r\nbody"),
        ("to", "ana@example.com, eve@example.com"),
        ("to", "ana@example.com;eve@example.com"),
        ("to", "=?utf-8?q?eve=40example=2Ecom=2C?= <ana@example.com>"),
        ("to", "group: ana@example.com;"),
        ("to", "ana@"),
        ("to", "ana"),
        ("to", ""),
        ("to", "ana@ex..com"),
        ("to", None),
        ("subject", "Hi\nBcc: eve@example.com"),
        ("subject", "Hi\rthere"),
        ("subject", "Hi\u2028there"),
        ("subject", "Hi\x85there"),
        ("subject", "=?utf-8?q?Hi=0ABcc=3A_eve?="),
        ("subject", "\ud83d"),
        ("subject", 7),
        ("body", "\ud83d"),
        ("body", "a\x00b"),
        ("cc", "eve@example.com"),
    ],
)
def test_a_field_that_would_send_something_else_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    """Injected headers, second recipients, characters that no mail carries: the error names the field."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        maildir.send_into(tmp_path / "box", {**EMAIL, field: value}, "k1")

    assert not (tmp_path / "box").exists()


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """An email without a body is not sent as an empty one."""
    with pytest.raises(ValueError, match="^body: "):
        maildir.send_into(tmp_path, {"to": "ana@example.com", "subject": "s"}, "k1")


def test_text_in_any_script_arrives(tmp_path: Path) -> None:
    """Names, subjects and bodies outside ASCII, and lines of any length, come back unchanged."""
    email = {
        "to": "Ana Núñez <ana@example.com>",
        "subject": "Ваша карта 🙂 " * 20 + "ok",
        "body": "Grüße\nFrom me\n.\n" + "é" * 3000 + "\n",
    }

    maildir.send_into(tmp_path, email, "k1")

    mail = only_mail(tmp_path)
    assert {"to": mail["To"], "subject": mail["Subject"], "body": mail.get_content()} == email


def test_an_absent_mailbox_holds_nothing(tmp_path: Path) -> None:
    """Counting makes no folder."""
    assert maildir.count(tmp_path / "box") == 0
    assert not (tmp_path / "box").exists()


def test_count_counts_read_and_unread(tmp_path: Path) -> None:
    """One mail per key."""
    for key in ("a", "b", "c"):
        maildir.send_into(tmp_path, EMAIL, key)

    assert maildir.count(tmp_path) == 3
