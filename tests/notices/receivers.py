"""Those who are told: a real HTTP receiver and a real mail server on loopback, and a graph whose draft is a secret."""

from __future__ import annotations

import contextlib
import email
import email.policy
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from standardwebhooks import Webhook

from hitl_graph import add_gate
from tests.support.graphs import State, reply_gate, thread

DRAFT = "the-draft-nobody-may-see-7f3a"
TICKET = "the-evidence-nobody-may-see-9c1d"


class Receiver:
    """An HTTP server that keeps what it is sent, and answers as `answers` say, the last one for ever."""

    def __init__(
        self, *answers: int | Callable[[http.server.BaseHTTPRequestHandler], None], port: int = 0
    ) -> None:
        self.got: list[dict[str, Any]] = []
        self.answers = list(answers) or [200]
        self.hold = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = receiver.answers[min(len(receiver.got), len(receiver.answers) - 1)]
                receiver.got.append({"path": self.path, "headers": headers, "body": body})
                if callable(answer):
                    answer(self)
                    return
                self.send_response(answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                receiver.got.append({"path": self.path, "headers": {}, "body": b"GET"})

            def log_message(self, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a sender that gave up has closed the connection

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def bodies(self) -> list[dict[str, Any]]:
        """What was said, in order."""
        return [json.loads(one["body"]) for one in self.got]

    def verified(self, secret: str) -> list[Any]:
        """The same, each verified by the library that receivers use."""
        return [Webhook(secret).verify(one["body"], one["headers"]) for one in self.got]


@contextlib.contextmanager
def receiving(*answers: Any, port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver(*answers, port=port)
    worker = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    worker.start()
    try:
        yield receiver
    finally:
        receiver.hold.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        worker.join()


class Mailbox:
    """What a mail server took."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []

    async def handle_DATA(  # noqa: N802  # as aiosmtpd calls it
        self, server: Any, session: Session, envelope: Envelope
    ) -> str:
        self.raw.append(envelope.original_content or b"")
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails, read."""
        found = [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]
        return [mail for mail in found if isinstance(mail, EmailMessage)]

    def text(self, number: int = -1) -> str:
        """The words of one."""
        part = self.mails[number].get_body(("plain",))
        assert part is not None
        return str(part.get_content())


@contextlib.contextmanager
def mail_server(handler: Any = None, *, port: int | None = None) -> Iterator[tuple[Any, int]]:
    """A mail server: what it took, and its port."""
    box = Mailbox() if handler is None else handler
    controller = Controller(box, hostname="127.0.0.1", port=port or free_port())
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word: its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def secret_graph(**changes: Any) -> StateGraph[State]:
    """A gate about a draft that must not be in any notice."""
    builder = StateGraph(State)
    builder.add_node("draft", lambda _: {"email": {"to": "kim@example.com", "body": DRAFT}})
    add_gate(builder, reply_gate(**changes), approved=END, rejected=END)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "reply")
    return builder


def pause(graph: Any, name: str = "t1") -> None:
    """One thread, paused at the gate."""
    graph.invoke({"ticket": TICKET}, thread(name))


def query(url: str, sql: Any, *params: Any) -> list[dict[str, Any]]:
    """Rows straight from the database."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as conn:
        cursor = conn.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []


def until(fact: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    """Wait for a fact; fail with what it was when it does not come."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
