"""Mail servers that misbehave."""

from __future__ import annotations

import socket
import threading


class hangs_up:  # noqa: N801  # used as a function
    """A mail server that takes the message and says nothing more."""

    def __init__(self, *, stays: bool = False) -> None:
        self.got = bytearray()
        self.stays = stays
        self.over = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.worker = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> tuple[int, bytearray]:
        self.worker.start()
        return self.server.getsockname()[1], self.got

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.server.close()
        self.worker.join(5)

    def _serve(self) -> None:
        talk, _ = self.server.accept()
        with talk:
            talk.sendall(b"220 hello\r\n")
            for answer in (b"250 hello", b"250 sender", b"250 recipient", b"354 go on"):
                talk.recv(1000)
                talk.sendall(answer + b"\r\n")
            while b"\r\n.\r\n" not in self.got:
                self.got += talk.recv(1000)
            if self.stays:
                self.over.wait(5)
