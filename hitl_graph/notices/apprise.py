"""Messages to people through Apprise: in a thread, for a limited time, and without a word in the logs."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import logging
import socket
import threading
import warnings
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hitl_graph.desk.addresses import MAIL_SCHEMES, check_address, may_connect, scheme_of
from hitl_graph.errors import HitlError, NoticeError
from hitl_graph.notices.sending import SendFailed

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

__all__ = ["check_readable", "notify", "notify_in_thread"]

_sending = threading.local()
_loading = threading.Lock()
_loaded = threading.Event()


def notify(address: str, title: str, body: str, *, trusted: bool, alone: bool = False) -> None:
    """Send one message to one Apprise URL, and wait for it. `alone`: only where it names one recipient.

    Raises:
        SendFailed: It was not sent, as far as Apprise can tell.
        HitlError: The extra is not installed.
    """
    try:
        check_address("apprise", "apprise", address, trusted=trusted)
    except NoticeError as error:
        raise SendFailed(str(error), certain=True, final=True) from None
    _silence()
    _sending.now = True
    try:
        service = _service(address)
        if service is None:
            raise SendFailed("Apprise cannot read the address", certain=True, final=True)
        if alone and len(service) != getattr(service, "retry", 0) + 1:  # Apprise counts its attempts in
            raise SendFailed("the address names several recipients", certain=True, final=True)
        if not trusted and scheme_of(address) in MAIL_SCHEMES:
            _check_mail_server(getattr(service, "smtp_host", ""))
        try:
            accepted = service.notify(title=title, body=body)
        except Exception:  # noqa: BLE001  # a plugin may raise anything, with the address in it
            raise SendFailed("Apprise's service failed", certain=False) from None
        if not accepted:
            raise SendFailed("Apprise's service did not accept the message", certain=False)
    finally:
        _sending.now = False


def check_readable(address: str) -> None:
    """Refuse an address that Apprise cannot read, before a notice waits for it. Nothing is sent.

    Raises:
        NoticeError: It cannot; the address is not said. HitlError: The extra is not installed.
    """
    _silence()
    _sending.now = True
    try:
        if _service(address) is None:
            raise NoticeError("apprise", "address", "is none that Apprise can read: look for what is missing")
    finally:
        _sending.now = False


def _check_mail_server(host: str) -> None:
    """Refuse a mail server whose name leads into a private network, whatever of the address named it.

    Raises:
        SendFailed: It does, or leads nowhere.
    """
    url = urlsplit(f"//{host}")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SendFailed("the mail server cannot be found", certain=True) from None
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if not may_connect(address, url, trusted=False):
            raise SendFailed("the mail server's name leads into a private network", certain=True)


async def notify_in_thread(address: str, title: str, body: str, *, trusted: bool, timeout_s: float) -> None:
    """The same without blocking. A service that hangs keeps its thread, and nobody waits for it, not even the end.

    Raises:
        SendFailed: As above, or the time ran out.
        HitlError: The extra is not installed.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        failure: BaseException | None = None
        try:
            notify(address, title, body, trusted=trusted)
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=run, name="hitl-notice", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            await done
    except TimeoutError:
        raise SendFailed("Apprise's service did not answer in time", certain=False) from None


def _service(address: str) -> NotifyBase | None:
    """The service that the address names; None where it cannot be read."""
    library = _library()
    asset = library.AppriseAsset(secure_logging=True, storage_mode="memory")
    try:
        service: NotifyBase | None = library.Apprise.instantiate(address, asset=asset)
    except Exception:  # noqa: BLE001  # a plugin's parser may raise anything
        return None
    return service


def _library() -> ModuleType:
    """Apprise, with its plugins loaded. What they warn of while that is done is about their own code.

    Raises:
        HitlError: The extra is not installed.
    """
    with _loading:
        try:
            import apprise
        except ImportError:
            raise HitlError(
                "messages through Apprise need an extra: pip install 'hitl-graph[notify]'"
            ) from None
        if not _loaded.is_set():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                apprise.Apprise.instantiate("mailto://nobody@localhost")
            _loaded.set()
    return apprise


@functools.cache
def _silence() -> None:
    """Nothing that Apprise or its HTTP client logs while we send is kept: it may hold the address."""
    for name in ("apprise", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).addFilter(lambda _: not getattr(_sending, "now", False))
