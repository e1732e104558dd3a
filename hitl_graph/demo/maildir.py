"""The demo's mail server: replies as files in a Maildir, each key delivered once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime
from pathlib import Path
from urllib.parse import quote

__all__ = ["SENDER", "count", "send_into"]

SENDER = Address("Customer support", "support", "example.com")

_FIELDS = ("to", "subject", "body")
_MAX_NAME = 200
# One recipient: an address, or a name and an address in angle brackets. Narrower than RFC 5322 on purpose:
# what a reviewer approved as one recipient can be read as nothing else.
_ONE_RECIPIENT = re.compile(
    r"(?:(?P<name>[^<>@,;:\"\\]*)<)?"
    r"(?P<user>[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*)@(?P<domain>[\w-]+(?:\.[\w-]+)*)(?(name)>)",
    re.ASCII,
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def send_into(maildir: Path, email: Mapping[str, str], key: str) -> str:
    """Puts one email into a Maildir, once per key.

    A key that was sent before writes nothing, whatever the email now says. The file appears in `new/`
    complete or not at all, also when the process is killed, and two processes with one key deliver one file.
    The cost of a call does not grow with the mailbox. A receipt under `sent/` outlives the mail, so a mail
    that its reader moved or deleted is not sent again.

    Args:
        maildir: The folder; made with its parts where absent. Its file system must know hard links.
        email: `to` (one recipient), `subject` and `body`, nothing else.
        key: What makes a second call the same send, such as the review's id; 1 to about 170 characters.

    Returns:
        The Message-ID, `"<hitl-KEY@example.com>"`, the same for every call with this key.

    Raises:
        ValueError: A field that is missing, unknown, or would reach the reader as something else than it
            says, named in the message. Nothing was written.
        OSError: The folder cannot be written. Either nothing was delivered or all of it.
    """
    name = _file_name(key)
    message_id = f"<hitl-{quote(key, safe='')}@{SENDER.domain}>"
    receipt = maildir / "sent" / name
    if receipt.exists():
        return message_id
    content = _rendered(email, message_id)
    for part in ("tmp", "new", "cur", "sent"):
        (maildir / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = maildir / "tmp" / f"{name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        with draft.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        # there already: delivered by another process, or by one that was killed before it wrote the receipt
        with contextlib.suppress(FileExistsError):
            os.link(draft, maildir / "new" / name)
    finally:
        draft.unlink(missing_ok=True)
    _sync(maildir / "new")  # first: after a power cut no receipt may stand without its mail
    receipt.touch(mode=0o600)
    return message_id


def count(maildir: Path) -> int:
    """How many mails lie in the Maildir, read and unread; 0 where there is none yet."""
    # files, not mailbox.Maildir: that one takes two files of one name in new/ and cur/ for one mail
    parts = [maildir / part for part in ("new", "cur")]
    return sum(not path.name.startswith(".") for part in parts if part.is_dir() for path in part.iterdir())


def _file_name(key: str) -> str:
    if not key:
        raise ValueError("key: is empty: give the id that makes a second send the same send")
    if _CONTROL.search(key):
        raise ValueError("key: holds a control character or a lone surrogate: use a plain id")
    # the digest keeps keys apart that differ in case only, on file systems that do not
    name = f"hitl-{quote(key, safe='')}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.eml"
    if len(name) > _MAX_NAME:
        raise ValueError(f"key: makes a file name of {len(name)} characters, {_MAX_NAME} at most: shorten it")
    return name


def _rendered(fields: Mapping[str, str], message_id: str) -> bytes:
    if missing := [name for name in _FIELDS if not isinstance(fields.get(name), str)]:
        raise ValueError(f"{missing[0]}: is missing or no text")
    if unknown := sorted(set(fields) - set(_FIELDS)):
        # to leave out a "cc" without a word would send another email than the one that was approved
        raise ValueError(f"{unknown[0]}: this mailbox sends {', '.join(_FIELDS)} and nothing else")
    for name in ("to", "subject"):
        if bad := _CONTROL.search(fields[name]):
            raise ValueError(f"{name}: holds U+{ord(bad.group()):04X}, a line break or control character")
    if bad := re.search("[\x00\ud800-\udfff]", fields["body"]):
        raise ValueError(f"body: holds U+{ord(bad.group()):04X}, which no mail can carry")
    recipient = _recipient(fields["to"])
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = recipient
    message["Subject"] = fields["subject"]
    message["Date"] = localtime()
    message["Message-ID"] = message_id
    message.set_content(fields["body"])
    content = message.as_bytes()
    _check_survives(content, recipient, fields)
    return content


def _recipient(to: str) -> Address:
    match = _ONE_RECIPIENT.fullmatch(to.strip())
    if match is None:
        raise ValueError("to: is not one email address such as ana@example.com or Ana <ana@example.com>")
    try:
        return Address((match["name"] or "").strip(), match["user"], match["domain"])
    except (ValueError, IndexError) as error:
        raise ValueError(f"to: is not one email address: {error}") from error


def _check_survives(content: bytes, recipient: Address, fields: Mapping[str, str]) -> None:
    # A header like "=?utf-8?q?a=40b=2Ecom=2C?= <c@d.com>" is one recipient here and two for its reader: read
    # it back.
    sent = message_from_bytes(content, policy=policy.default)
    if sent["To"].addresses != (recipient,):
        raise ValueError("to: would reach the reader as something else: write the name without =? and ?=")
    if str(sent["Subject"]) != fields["subject"]:
        raise ValueError("subject: would reach the reader as something else: no space in front, no =? and ?=")
    if sent.get_content().rstrip("\n") != "\n".join(re.split("\r\n|\r|\n", fields["body"])).rstrip("\n"):
        raise ValueError("body: would reach the reader as something else: look for odd line breaks")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
