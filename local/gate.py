"""The door of the local cloud: how requests are let in, and how it is closed for a clean stop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from local import guard

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

DRAIN = 4.0  #: seconds that requests under way get to be answered
CLOSED = "The local cloud is being restarted."


class Gate:
    """`app`, answering nothing that a web page can send (RunTask here runs commands), and nothing
    at all once closed: 503, which every AWS client tries again."""

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._port = port
        self._inside = 0
        self._closed = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif refused := self._refusal(scope):
            await _answer(send, *refused)
        else:
            await self._let_in(scope, receive, send)

    def _refusal(self, scope: Message) -> tuple[int, str, str] | None:
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        why = guard.refusal(headers, self._port, buckets=True)
        if why:
            return 403, "AccessDeniedException", why
        return (503, "ServiceUnavailable", CLOSED) if self._closed else None

    async def _let_in(self, scope: Message, receive: Receive, send: Send) -> None:
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1

    async def close(self, patience: float = DRAIN) -> bool:
        """Let nobody in, and wait until those inside have their answers; False when some have not
        within `patience` seconds: theirs are never sent."""
        self._closed = True
        deadline = time.monotonic() + patience
        while self._inside and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        return not self._inside


async def _answer(send: Send, status: int, code: str, why: str) -> None:
    body = json.dumps({"__type": code, "message": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", code.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
