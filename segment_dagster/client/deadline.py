"""A deadline for every attempt of a request: when it is over, the connection is hung up, whatever still trickles in."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

from segment_dagster._compat.urllib3_connections import HasFileno

TIMEOUTS_PER_ATTEMPT = 5
"""How many times the time-out for an answer an attempt may take, from its connection to the last byte of its body.

The time-out itself is met by no answer that sends a byte now and then.
"""

IDLE = 5.0
"""Seconds after which the thread that hangs up ends where no request is under way."""


class Attempt:
    """One try of a request."""

    def __init__(self, deadlines: "Deadlines") -> None:
        self.expired = False
        """Whether it was hung up because its time was over."""

        self.hung_up = False
        """Whether it was hung up, for this reason or because the client was closed."""

        self._deadlines = deadlines
        self._sockets: list[socket.socket] = []

    def watch(self, sock: HasFileno) -> None:
        """Add a connection. Hang up at once if the attempt is over or the client is closed."""
        self._deadlines.watch(self, sock)

    def use(self, sock: HasFileno) -> None:
        """Keep a handle of a connection's own: that of the connection moves to another object with TLS."""
        self._sockets.append(socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM))

    def hang_up(self) -> None:
        """Shut the connections down: a thread that waits for them goes on."""
        self.hung_up = True
        for sock in self._sockets:
            # it may have ended by itself in the meantime
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the handles. The connections stay open."""
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()


_current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
"""The attempt that is under way in this context. No call from it to a connection has room for it as an argument."""


def watch(sock: HasFileno) -> None:
    """Add a connection to the attempt that is under way here, if there is one."""
    if attempt := _current.get():
        attempt.watch(sock)


class Deadlines:
    """Watches the attempts that are under way in all threads.

    Args:
        seconds: What an attempt may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.closed = threading.Event()
        """Set once the client is closed."""

        self._changed = threading.Condition()
        # all may take equally long: the first is the first to be over
        self._watched: dict[Attempt, float] = {}
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Watch what is sent and received in this block, from its first connection on."""
        attempt = Attempt(self)
        token = _current.set(attempt)
        try:
            yield attempt
        finally:
            _current.reset(token)
            with self._changed:
                self._watched.pop(attempt, None)
                attempt.release()

    def watch(self, attempt: Attempt, sock: HasFileno) -> None:
        """Add a connection to an attempt. Hang up at once if the attempt is over or the client is closed."""
        with self._changed:
            attempt.use(sock)
            if self.closed.is_set() or attempt.expired:
                attempt.hang_up()
            elif attempt not in self._watched:
                self._watched[attempt] = time.monotonic() + self.seconds
                self._wake()

    def close(self) -> None:
        """Hang up all attempts."""
        self.closed.set()
        with self._changed:
            for attempt in self._watched:
                attempt.hang_up()
            self._changed.notify()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="segment-deadlines", daemon=True)
            self._thread.start()
        elif len(self._watched) == 1:
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self.closed.is_set():
                if not self._watched:
                    self._changed.wait(IDLE)
                    if not self._watched:
                        break
                attempt, until = next(iter(self._watched.items()))
                left = until - time.monotonic()
                if left > 0:
                    # it may be forgotten meanwhile, and with it the need of this thread
                    self._changed.wait(min(left, IDLE))
                    continue
                del self._watched[attempt]
                attempt.expired = True
                attempt.hang_up()
            self._thread = None
