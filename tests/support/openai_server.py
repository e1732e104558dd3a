"""A small server that speaks the OpenAI chat protocol on loopback, for tests: it answers what it is told to.

```python
with OpenAIServer(lambda request: Reply('{"subject": "Hi", "body": "Hello"}')) as server:
    ChatOpenAI(model="test", base_url=server.url, api_key="test").invoke("…")
```
"""

from __future__ import annotations

import dataclasses
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

__all__ = ["OpenAIServer", "Reply"]


@dataclasses.dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        content: The assistant's text; JSON text for structured output.
        status: Anything but 200 is an error of that status.
        tokens: (token, logprob) pairs of the text, given back when the request asks for logprobs.
        tool_calls: Name and JSON arguments of each tool that the assistant calls.
    """

    content: str | None = None
    status: int = 200
    tokens: Sequence[tuple[str, float]] = ()
    tool_calls: Sequence[tuple[str, str]] = ()


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
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
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

    async def _complete(self, request: Request) -> JSONResponse:
        body = await request.json()
        self.requests.append(body)
        reply = self._answer(body)
        if reply.status != 200:
            error = {"message": f"test error {reply.status}", "type": "test", "param": None, "code": None}
            return JSONResponse({"error": error}, reply.status, headers={"retry-after-ms": "1"})
        return JSONResponse(_completion(body, reply))


class _Server(uvicorn.Server):
    """Says when it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _completion(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(reply.tool_calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": None}
    logprobs = [
        {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}
        for token, logprob in reply.tokens
    ]
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {**message, "tool_calls": calls} if calls else message,
                "finish_reason": "tool_calls" if calls else "stop",
                "logprobs": {"content": logprobs, "refusal": None} if body.get("logprobs") else None,
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
