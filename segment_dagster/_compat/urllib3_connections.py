"""Be told of every socket that a request uses, and keep urllib3 from logging what a server wrote.

Private to: urllib3 2.8 (`PoolManager.pool_classes_by_scheme`, `HTTPConnectionPool.ConnectionCls`,
`HTTPConnection._new_conn`) and http.client of Python 3.10 to 3.13 (`HTTPConnection.response_class`, and
`HTTPResponse.begin`, which sets `msg`). urllib3's public `Retry`, `Timeout` and `socket_options` know of no socket.

If it changes: an answer that drips for ever is hung up no more, and hangs the run; `client.close()` does not end a
request that is under way. Or urllib3 logs odd heads of answers as they are, with what a terminal acts on.
"""

import http.client
from collections.abc import Callable
from typing import Any, Protocol

from urllib3.connection import HTTPConnection
from urllib3.poolmanager import PoolManager


class HasFileno(Protocol):
    """A socket of any kind: plain, in TLS, in TLS within TLS."""

    def fileno(self) -> int:
        """Return the number of its open file."""
        ...


OnSocket = Callable[[HasFileno], None]


def watch_sockets(manager: PoolManager, on_socket: OnSocket) -> None:
    """Call a function with each socket that a request of the pool manager uses, in the thread of the request.

    A new socket is passed before the handshakes with a proxy and of TLS, a kept one before the next request.

    Args:
        manager: The pools, of connections to servers or to a proxy. It has not been used yet.
        on_socket: The function.
    """
    pools: dict[str, Any] = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _watched(pool.ConnectionCls, on_socket)})
        for scheme, pool in pools.items()
    }


def _watched(connection: type[Any], on_socket: OnSocket) -> type[Any]:
    return type(connection.__name__, (_WatchedConnection, connection), {"on_socket": staticmethod(on_socket)})


class _QuietResponse(http.client.HTTPResponse):
    """A response whose head urllib3 logs nothing about: what it would log of an odd one is the sender's own text."""

    def begin(self) -> None:
        super().begin()
        self.msg.defects.clear()
        if not self.msg.is_multipart():
            self.msg.set_payload("")


class _WatchedConnection(HTTPConnection):
    """Mixed into the connections of urllib3."""

    on_socket: OnSocket
    response_class = _QuietResponse

    def _new_conn(self) -> Any:
        sock = super()._new_conn()
        self.on_socket(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.on_socket(self.sock)
        super().request(*args, **kwargs)
