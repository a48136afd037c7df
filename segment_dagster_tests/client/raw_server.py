"""A server that sends whatever bytes a test wants, and keeps on sending them."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Raw:
    """The server, and the connections that it has got."""

    port: int
    asked: list[bytes] = field(default_factory=list)
    """The head of every request."""

    waiting: threading.Event = field(default_factory=threading.Event)
    """Set once a request has come."""

    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def drip(self, connection: socket.socket, *parts: bytes, pause: float = 0.005) -> None:
        """Send the first parts at once and the last one again and again, until the client hangs up."""
        *first, last = parts
        connection.sendall(b"".join(first))
        while not self.stopping.wait(pause):
            connection.sendall(last)


@contextlib.contextmanager
def serving(answer: Callable[[Raw, socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[Raw]:
    """Serve every connection, once its request has come, by `answer`; in TLS where a context is given."""
    listener = socket.create_server(("127.0.0.1", 0))
    raw = Raw(listener.getsockname()[1])
    connections: list[socket.socket] = []

    def wrapped(connection: socket.socket) -> socket.socket:
        return context.wrap_socket(connection, server_side=True) if context else connection

    def serve(connection: socket.socket) -> None:
        # the client hangs up in the middle: that is what is tested
        with contextlib.suppress(OSError), wrapped(connection) as connection:
            raw.asked.append(head_of(connection))
            raw.waiting.set()
            answer(raw, connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield raw
    finally:
        raw.stopping.set()
        # it wakes the thread that accepts
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def head_of(connection: socket.socket) -> bytes:
    """What comes up to the end of a request's head."""
    head = b""
    while b"\r\n\r\n" not in head and (more := connection.recv(65536)):
        head += more
    return head
