"""An HTTP session that asks again after a passing fault, and that can be ended in the middle of a request."""

import contextlib
import socket
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Event, Lock
from typing import Any

from dlt.sources.helpers.requests import Response, Session
from requests.adapters import HTTPAdapter  # noqa: TID251 - dlt does not hand it on
from tenacity import Retrying
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Connections:
    """The open connections of a client's sessions."""

    def __init__(self) -> None:
        self.closed = Event()
        self._lock = Lock()
        self._open: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()

    def add(self, connection: HTTPConnection) -> None:
        """Keep a connection in mind; hang up at once where the client is closed."""
        with self._lock:
            self._open.add(connection)
        if self.closed.is_set():
            _hang_up(connection)

    def close(self) -> None:
        """Hang up all: a thread that waits for an answer gets an error now and not when the answer comes."""
        self.closed.set()
        with self._lock:
            for connection in self._open:
                _hang_up(connection)

    def adapter(self, most: int) -> HTTPAdapter:
        """A transport for requests whose connections are kept in mind, and of which there are at most so many."""
        connections = self

        class Http(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                connections.add(self)

        class Https(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                connections.add(self)

        class HttpPool(HTTPConnectionPool):
            ConnectionCls = Http

        class HttpsPool(HTTPSConnectionPool):
            ConnectionCls = Https

        # who finds every connection in use waits for one
        adapter = HTTPAdapter(pool_maxsize=most, pool_block=True)
        adapter.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
        return adapter


class RetryingSession(Session):
    """A session of dlt's requests helper whose every `send` is tried as often as told. Threads may share one.

    Args:
        timeout: Seconds to wait for a connection, and for an answer.
        retrying: When to try again and when to stop.
        turn: Entered for every try.
        connections: Keeps the session's connections in mind.
        most_open: Connections at once, at most.
    """

    def __init__(
        self,
        timeout: tuple[float, float],
        retrying: Retrying,
        turn: Callable[[], AbstractContextManager[None]],
        connections: Connections,
        most_open: int,
    ) -> None:
        super().__init__(timeout=timeout, raise_for_status=False)
        self._retrying = retrying
        self._turn = turn
        for scheme in ("http://", "https://"):
            self.mount(scheme, connections.adapter(most_open))

    def send(self, request: Any, **kwargs: Any) -> Response:
        """Send a prepared request until an answer passes the response hooks."""
        send_once = super().send

        def attempt() -> Response:
            with self._turn():
                response: Response = send_once(request, **kwargs)  # type: ignore[no-untyped-call] # dlt leaves it untyped
                return response

        return self._retrying(attempt)


def _hang_up(connection: HTTPConnection) -> None:
    if connection.sock is not None:
        # it may have ended by itself in the meantime
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
