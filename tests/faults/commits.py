"""Where in the stream of Postgres messages a transaction that holds a marker is committed."""

from __future__ import annotations

import dataclasses
import struct

__all__ = ["CommitWatch", "Committing"]


@dataclasses.dataclass(frozen=True)
class Committing:
    """The commit that was waited for is in the data at hand. `arrived`: it is let through, and its reply is not."""

    arrived: bool


class _Frames:
    """Whole messages (type, body) out of a stream that comes in pieces."""

    def __init__(self, *, begun: bool) -> None:
        self._rest = b""
        self._begun = begun

    def of(self, data: bytes) -> list[tuple[bytes, bytes]]:
        self._rest += data
        found = []
        if not self._begun and len(self._rest) >= 4:  # the first message of a client has no type
            size = struct.unpack(">I", self._rest[:4])[0]
            if len(self._rest) < size:
                return []
            self._rest, self._begun = self._rest[size:], True
        while self._begun and len(self._rest) >= 5:
            size = struct.unpack(">I", self._rest[1:5])[0] + 1
            if len(self._rest) < size:
                break
            found.append((self._rest[:1], self._rest[5:size]))
            self._rest = self._rest[size:]
        return found


class CommitWatch:
    """Follows one connection: its prepared statements, its transaction, and the commit that is waited for."""

    def __init__(self) -> None:
        self._up, self._down = _Frames(begun=False), _Frames(begun=True)
        self._prepared: dict[bytes, bytes] = {}
        self._in_block = False
        self._found = False
        self._awaiting_reply = False

    def seen_up(self, data: bytes, watched: tuple[bytes, bool] | None) -> Committing | None:
        """Look at what the client says; `watched` is (marker, whether the commit shall arrive)."""
        for kind, body in self._up.of(data):
            text = self._statement(kind, body)
            if watched and text is not None and watched[0] in text:
                self._found = True
            if text is not None and text.lstrip()[:5].upper() == b"BEGIN":
                self._in_block = True
            commits = text is not None and text.lstrip()[:6].upper() == b"COMMIT"
            ends = kind == b"Q" if commits else kind == b"S" and not self._in_block
            if commits and kind != b"Q":
                self._in_block = False  # a COMMIT in a pipeline: its Sync follows
            if watched and self._found and ends:
                self._found, self._awaiting_reply = False, watched[1]
                return Committing(watched[1])
        return None

    def seen_down(self, data: bytes) -> bool:
        """Whether this answer says that the commit, which was let through, has been done: it must not pass."""
        for kind, body in self._down.of(data):
            if kind == b"Z":
                self._in_block = body[:1] != b"I"
                if self._awaiting_reply and body[:1] == b"I":
                    return True
        return self._awaiting_reply  # nothing of the reply passes

    def _statement(self, kind: bytes, body: bytes) -> bytes | None:
        if kind == b"Q":
            return body.rstrip(b"\0")
        if kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            self._prepared[name] = query
            return None
        if kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            return self._prepared.get(name, b"")
        return None
