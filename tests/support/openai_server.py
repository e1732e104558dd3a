"""A small server that speaks the OpenAI chat protocol on loopback, for tests: it answers what it is told to.

```python
with OpenAIServer(lambda request: Reply('{"subject": "Hi", "body": "Hello"}')) as server:
    ChatOpenAI(model="test", base_url=server.url, api_key="test").invoke("…")
```

It streams when it is asked to, with logprobs when it is asked for them, and fails in the ways that servers fail.
"""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

__all__ = ["OpenAIServer", "Reply", "Token"]

Token = tuple[str | bytes, float]
"""A token's text and logprob; bytes where it is a part of a character."""


@dataclasses.dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        content: The assistant's text; JSON text for structured output.
        status: Anything but 200 is an error of that status.
        tokens: The tokens of the text, given back when the request asks for logprobs; without `content` they
            are the text.
        tool_calls: Name and JSON arguments of each tool that the assistant calls.
        finish: Why it ended; `"length"` is an answer that did not fit, and `"stop"` with tool calls is sent as such.
        refusal: What the assistant says instead of a structured answer.
        headers: Of an error.
        body: Sent as the whole body instead of an answer.
        cut: The connection is cut after so many events of a stream, or so many bytes of a body.
        events: A stream ends, as if it were complete, after so many events.
        hang: Nothing is ever answered; the server waits for the client to go.
    """

    content: str | None = None
    status: int = 200
    tokens: Sequence[Token] = ()
    tool_calls: Sequence[tuple[str, str]] = ()
    finish: str = "stop"
    refusal: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"retry-after-ms": "1"})
    body: str | None = None
    cut: int | None = None
    events: int | None = None
    hang: bool = False

    @property
    def text(self) -> str | None:
        """The assistant's text."""
        if self.content is not None or not self.tokens:
            return self.content
        return b"".join(_bytes(token) for token, _ in self.tokens).decode()


class OpenAIServer:
    """The server, for as long as its `with` block lasts.

    Args:
        answer: Gives the reply to one request body; called in the order in which requests come.

    Attributes:
        requests: The bodies that came, oldest first.
    """

    def __init__(self, answer: Callable[[Mapping[str, Any]], Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._answer = answer
        app = Starlette(routes=[Route("/v1/chat/completions", self._complete, methods=["POST"])])
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_level="critical",  # a cut connection is an error to uvicorn, and meant here
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, name="openai-server")

    @property
    def url(self) -> str:
        """What `OPENAI_BASE_URL` is set to."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._server.ready.wait(10), "the server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        reply = self._answer(body)
        if reply.hang:
            await request.receive()
        if reply.status != 200:
            error = {"message": f"test error {reply.status}", "type": "test", "param": None, "code": None}
            return JSONResponse({"error": error}, reply.status, headers=dict(reply.headers))
        if body.get("stream"):
            parts = [f"data: {json.dumps(event)}\n\n".encode() for event in _events(body, reply)]
            last = reply.cut if reply.cut is not None else reply.events
            parts = [*parts, b"data: [DONE]\n\n"] if last is None else parts[:last]
            return _Sent(parts, "text/event-stream", cut=reply.cut is not None)
        whole = (reply.body or json.dumps(_completion(body, reply))).encode()
        return _Sent([whole[: reply.cut]], "application/json", cut=reply.cut is not None)


class _Server(uvicorn.Server):
    """Says when it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class _Sent(Response):
    """Parts of a body; when `cut`, the end of it never comes and the connection is closed."""

    def __init__(self, parts: Sequence[bytes], media_type: str, *, cut: bool) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self.parts, self.cut = parts, cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if not self.cut:  # uvicorn closes the connection of an answer that is left open
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _completion(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(reply.tool_calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    choice = {
        "index": 0,
        "message": {**message, "tool_calls": calls} if calls else message,
        "finish_reason": "tool_calls" if calls and reply.finish == "stop" else reply.finish,
        "logprobs": _logprobs(reply.tokens) if body.get("logprobs") else None,
    }
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": _USAGE}


def _events(body: Mapping[str, Any], reply: Reply) -> Iterator[dict[str, Any]]:
    """A stream, one event a token; where a token is a part of a character, with the text of the whole one."""
    head = _head(body, "chat.completion.chunk")

    def event(
        delta: dict[str, Any], tokens: Sequence[Token] = (), finish: str | None = None
    ) -> dict[str, Any]:
        logprobs = _logprobs(tokens) if tokens and body.get("logprobs") else None
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
        return {**head, "choices": [choice]}

    yield event({"role": "assistant", "content": ""})
    for text, tokens in _pieces(reply):
        yield event({"content": text}, tokens)
    for number, (name, arguments) in enumerate(reply.tool_calls):
        call = {"index": number, "id": f"call_{number}", "type": "function"}
        yield event({"tool_calls": [{**call, "function": {"name": name, "arguments": ""}}]})
        for piece in _sevens(arguments):
            yield event({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    yield event({}, finish="tool_calls" if reply.tool_calls and reply.finish == "stop" else reply.finish)
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _USAGE}


def _pieces(reply: Reply) -> Iterator[tuple[str, list[Token]]]:
    """The text in the pieces that a stream brings, each with its tokens."""
    if not reply.tokens:
        yield from ((piece, []) for piece in _sevens(reply.content or ""))
        return
    kept: list[Token] = []
    for token in reply.tokens:
        kept.append(token)
        try:
            text = b"".join(_bytes(part) for part, _ in kept).decode()
        except UnicodeDecodeError:
            continue
        yield text, kept
        kept = []


def _sevens(text: str) -> Iterator[str]:
    return (text[i : i + 7] for i in range(0, len(text), 7))


_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-test", "object": kind, "created": 1, "model": body["model"]}


def _logprobs(tokens: Sequence[Token]) -> dict[str, Any]:
    content = [
        {"token": _shown(token), "logprob": logprob, "bytes": list(_bytes(token)), "top_logprobs": []}
        for token, logprob in tokens
    ]
    return {"content": content, "refusal": None}


def _bytes(token: str | bytes) -> bytes:
    return token if isinstance(token, bytes) else token.encode()


def _shown(token: str | bytes) -> str:
    """A token as OpenAI writes it: a part of a character is spelled out, byte by byte."""
    if isinstance(token, str):
        return token
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)
