"""Responses that break the connection below HTTP."""

import asyncio
import socket
import struct

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Transports = dict[tuple[str, int], asyncio.Transport]
"""The open connections, by the client's address."""

_BLANKS = b" " * 100


def recording_protocol(transports: Transports) -> type[asyncio.Protocol]:
    """Return a uvicorn protocol that records its open connections in `transports`."""

    class Recording(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override, unused-ignore]
            self._client = tuple(transport.get_extra_info("peername")[:2])
            transports[self._client] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self._client, None)
            super().connection_lost(exc)

    return Recording


class Reset(Response):
    """Resets the connection without an answer."""

    def __init__(self, transports: Transports) -> None:
        super().__init__(None, 500)
        self.status_code = 0
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset the connection of the request."""
        transport = self._transports[tuple(scope["client"])]
        # A linger time of zero makes the kernel send RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        # uvicorn answers 500 and logs an error if the application returns before the disconnect is known.
        await client_gone(receive)


class Truncated(Response):
    """Announces a body, sends half of it and closes the connection."""

    def __init__(self, transports: Transports, body: bytes, headers: dict[str, str], media_type: str) -> None:
        super().__init__(body, 200, headers, media_type)
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write the headers with the full Content-Length, then half of the body."""
        transport = self._transports[tuple(scope["client"])]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in self.raw_headers)
        transport.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + bytes(self.body)[: len(self.body) // 2])
        transport.close()
        await client_gone(receive)


class Endless(Response):
    """Sends an endless body: 100 blanks every hundredth of a second."""

    def __init__(self, headers: dict[str, str], media_type: str) -> None:
        super().__init__(None, 200, headers, media_type)
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until the client disconnects."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.ensure_future(client_gone(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": _BLANKS, "more_body": True})
            await asyncio.wait((gone,), timeout=0.01)


async def client_gone(receive: Receive) -> None:
    """Wait until the client disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass
