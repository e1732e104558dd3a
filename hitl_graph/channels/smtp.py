"""Mail through an SMTP server. One recipient, one message, one Message-ID for each key."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import smtplib
import ssl
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from hitl_graph.channels.channel import check_message
from hitl_graph.errors import DefinitionError, EffectNotDone, EffectUnknown
from hitl_graph.nodes.clock import now

__all__ = ["SmtpChannel"]

_ADDRESS = re.compile(r"[^\s<>,;:\"()\[\]\\@]{1,64}@[^\s<>,;:\"()\[\]\\@]{1,255}")
_POLICY = SMTP.clone(cte_type="7bit")  # every server takes it
_GO_ON, _ACCEPTED = 354, 250


@dataclasses.dataclass(frozen=True, kw_only=True)
class SmtpChannel:
    """Sends mail. A server that drops doubles by Message-ID can do so: the same key is the same message.

    Args:
        host: The server. sender: The address that it is from.
        port: None: 587, or 465 with `security="tls"`.
        security: `"starttls"` turns a plain connection into a safe one and refuses a server that cannot; `"tls"` is
            safe from the start; `"none"` is for a server on this machine.
        user: To sign in with. password: Its password; read it from the environment. timeout_s: For each step.

    Raises:
        DefinitionError: A field that cannot be taken, or a password that would go over an open connection.
    """

    host: str
    sender: str
    port: int | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise DefinitionError(
                "SmtpChannel", "security", f"is {self.security!r}: give starttls, tls or none"
            )
        if not _is_address(self.sender):
            raise DefinitionError("SmtpChannel", "sender", "is no mail address, such as desk@example.com")
        if (self.user is None) != (self.password is None):
            raise DefinitionError("SmtpChannel", "password", "goes with user: give both or none")
        if self.password is not None and self.security == "none":
            raise DefinitionError("SmtpChannel", "security", "is none: a password needs starttls or tls")

    def send(self, to: str, subject: str, body: str, key: str) -> None:
        """Send one mail; see `Channel.send`."""
        check_message(to, subject, body, key)
        if not _is_address(to):
            raise EffectNotDone("to: is not one mail address; nothing was sent")
        message = self._message(to, subject, body, key)
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise EffectNotDone(f"mail: {_said(error)}; nothing was sent") from None
        try:
            self._hand_over(server, to, message, key)
        finally:
            server.close()

    def message_id(self, key: str) -> str:
        """The Message-ID of everything that is sent under a key."""
        digest = hashlib.sha256(f"hitl-graph mail:{key}".encode()).hexdigest()[:40]
        return f"<{digest}@{self.sender.rpartition('@')[2]}>"

    def _message(self, to: str, subject: str, body: str, key: str) -> bytes:
        message = EmailMessage(policy=_POLICY)
        try:
            message["From"] = Address(addr_spec=self.sender)
            message["To"] = Address(addr_spec=to)
            message["Subject"] = subject
            message["Date"] = format_datetime(now())
            message["Message-ID"] = self.message_id(key)
            message.set_content(body)
            return message.as_bytes()
        except (ValueError, HeaderParseError, UnicodeError, IndexError):
            raise EffectNotDone("to, subject or body cannot be written as a mail; nothing was sent") from None

    def _connect(self) -> smtplib.SMTP:
        """Connected, safe and signed in."""
        if self.security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port or 465, timeout=self.timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port or 587, timeout=self.timeout_s)
        try:
            if self.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, to: str, message: bytes, key: str) -> None:
        """The conversation. Up to the first byte of the message nothing is sent; an answer after it settles it."""
        try:
            for what, (code, _) in (
                ("the sender", server.mail(self.sender)),
                ("the recipient", server.rcpt(to)),
                ("the message", server.docmd("DATA")),
            ):
                if code not in (_ACCEPTED, 251, _GO_ON):
                    raise EffectNotDone(f"mail: the server refused {what} ({code}); nothing was sent")
        except (OSError, smtplib.SMTPException) as error:
            raise EffectNotDone(f"mail: {_said(error)}; nothing was sent") from None
        try:
            server.send(_stuffed(message))
            code, _ = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            because = f"the connection ended after the message was handed over ({_said(error)})"
            raise EffectUnknown(key, "mail", because) from None
        if code != _ACCEPTED:
            raise EffectNotDone(f"mail: the server did not take the message ({code}); nothing was sent")


def _is_address(text: str) -> bool:
    """One bare address. Other alphabets before the @ are refused: not every server takes them."""
    return isinstance(text, str) and text.isascii() and _ADDRESS.fullmatch(text) is not None


def _stuffed(message: bytes) -> bytes:
    """The message as DATA wants it: lines end in CRLF, a dot at the start of one is doubled, a lone dot ends it."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    return b"".join((b"." if line[:1] == b"." else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def _said(error: Exception) -> str:
    """What went wrong, without what the server said: it may repeat an address or a name."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "the server did not accept the user and password"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "the server offers no STARTTLS, or no way to sign in"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the server answered {error.smtp_code}"
    if isinstance(error, ssl.SSLError):
        return "the server's certificate or TLS was not accepted"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "the server did not answer in time"
    return "the server cannot be reached, or closed the connection"
