"""Signed webhooks, out and in, as standard-webhooks says: id, timestamp and a signature over both and the body."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from hitl_graph.desk.addresses import check_address, may_connect
from hitl_graph.errors import HitlError, NoticeError
from hitl_graph.notices.sending import SendFailed

if TYPE_CHECKING:
    from standardwebhooks import Webhook

__all__ = ["TOLERANCE_S", "post", "signature_fits", "signed_headers"]

TOLERANCE_S = 300.0
"""How old or new a signed request may be, in seconds of the database's clock."""
_GONE = 410
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r\n]")


def signer(secret: str) -> Webhook:
    """The library's signer.

    Raises:
        HitlError: The extra is not installed.
    """
    try:
        from standardwebhooks import Webhook
    except ImportError:
        raise HitlError("webhooks need an extra: pip install 'hitl-graph[notify]'") from None
    return Webhook(secret)


def signed_headers(secret: str, message_id: str, at: dt.datetime, body: bytes) -> dict[str, str]:
    """The three headers that prove who wrote a request and when."""
    signature = signer(secret).sign(message_id, at.astimezone(dt.UTC), body.decode())
    stamp = str(int(at.timestamp()))
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def signature_fits(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the request's signatures was made with this secret. Its age is not looked at."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not re.fullmatch(r"\d{1,12}", stamp, re.ASCII):
        return False
    try:
        at = dt.datetime.fromtimestamp(int(stamp), dt.UTC)
        expected = signer(secret).sign(message_id, at, body.decode())
    except (ValueError, OverflowError, OSError):  # no UTF-8, or a year that no calendar holds
        return False
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in given)


async def post(
    address: str, headers: Mapping[str, str], body: bytes, *, trusted: bool, timeout_s: float
) -> None:
    """Post once. The answer's body is not read, a redirect is not followed, no proxy is asked.

    The host's addresses are looked at after they were resolved, and one of just these is connected to.

    Raises:
        SendFailed: It was not accepted, or the time ran out.
    """
    try:
        check_address("webhook", "webhook", address, trusted=trusted)
    except NoticeError as error:
        raise SendFailed(str(error), certain=True, final=True) from None
    url = urlsplit(address)
    sent = False
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await _connect(url, trusted=trusted)
            try:
                sent = True
                writer.write(_head(url, headers, len(body)) + body)
                await writer.drain()
                status = await _status(reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise SendFailed("the receiver did not answer in time", certain=not sent) from None
    except ssl.SSLError:
        raise SendFailed("the receiver's certificate or TLS was not accepted", certain=not sent) from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        problem = "the connection broke before an answer came" if sent else "the receiver cannot be reached"
        raise SendFailed(problem, certain=not sent) from None
    if 300 <= status < 400:
        raise SendFailed(f"the receiver redirects ({status}), and redirects are not followed", certain=True)
    if not 200 <= status < 300:
        raise SendFailed(f"the receiver answered {status}", certain=True, final=status == _GONE)


async def _connect(url: SplitResult, *, trusted: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to one of the host's addresses, if all of them are allowed."""
    host, secure = url.hostname or "", url.scheme == "https"
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, url.port or (443 if secure else 80), type=socket.SOCK_STREAM)
    for *_, place in found:
        if not may_connect(ipaddress.ip_address(str(place[0]).partition("%")[0]), url, trusted=trusted):
            raise SendFailed("the receiver's name leads into a private network", certain=True)
    context = ssl.create_default_context() if secure else None
    problem: OSError = OSError("no address")
    for *_, place in found:
        at, port = str(place[0]), int(place[1])
        try:
            return await asyncio.open_connection(
                at, port, ssl=context, server_hostname=host if secure else None
            )
        except ssl.SSLError:
            raise
        except OSError as error:
            problem = error
    raise problem


def _head(url: SplitResult, headers: Mapping[str, str], length: int) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    fields = {
        "host": url.netloc,
        "content-type": "application/json",
        "content-length": str(length),
        "user-agent": "hitl-graph",
        "connection": "close",
        **headers,
    }
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of the answer; those that only say that it is on its way are passed over."""
    while True:
        found = _STATUS.match(await reader.readuntil(b"\n"))
        if not found:
            raise ValueError("no HTTP")
        if not 100 <= (status := int(found.group(1))) < 200:
            return status
        while (await reader.readuntil(b"\n")).strip():
            pass
