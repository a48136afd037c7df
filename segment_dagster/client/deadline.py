"""A deadline for every attempt of a request: its connection is hung up, whatever still trickles in."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Protocol

TIMEOUTS_PER_ATTEMPT = 5
"""How many times the time-out for an answer an attempt may take, from its connection to the last byte of its body.

The time-out itself is met by no answer that sends a byte now and then.
"""

IDLE = 5.0
"""Seconds after which the thread that hangs up ends where no request is under way."""


class HasFileno(Protocol):
    """A socket of any kind: plain, in TLS, in TLS within TLS."""

    def fileno(self) -> int:
        """Return the number of its open file."""
        ...


class Attempt:
    """One try of a request."""

    def __init__(self) -> None:
        self.expired = False
        """Whether it was hung up because its time was over."""

        self.hung_up = False
        self._sockets: list[socket.socket] = []

    def use(self, sock: HasFileno) -> None:
        """Keep a handle of a connection's own: that of the connection moves to another object with TLS."""
        self._sockets.append(socket.fromfd(sock.fileno(), socket.AF_INET, socket.SOCK_STREAM))

    def hang_up(self) -> None:
        """End what is sent and received: a thread that waits for it goes on."""
        self.hung_up = True
        for sock in self._sockets:
            # it may have ended by itself in the meantime
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Close the handles. The connection stays open."""
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()


class Deadlines:
    """Watches the attempts that are under way in all threads.

    Args:
        seconds: What an attempt may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.closed = threading.Event()
        self._changed = threading.Condition()
        # all may take as long: the first is the first to be over
        self._watched: dict[Attempt, float] = {}
        self._thread: threading.Thread | None = None
        self._local = threading.local()

    @contextlib.contextmanager
    def attempt(self) -> Iterator[Attempt]:
        """Watch an attempt of this thread, from its first connection on."""
        attempt = self._local.attempt = Attempt()
        try:
            yield attempt
        finally:
            self._local.attempt = None
            self._forget(attempt)

    def answered(self) -> None:
        """End the watch of this thread's attempt: its answer has come whole."""
        if attempt := getattr(self._local, "attempt", None):
            self._forget(attempt)

    def watch(self, sock: HasFileno) -> None:
        """Add a connection to this thread's attempt. Hang up at once where that is over or the client is closed."""
        attempt: Attempt | None = getattr(self._local, "attempt", None)
        if attempt is None:
            return
        with self._changed:
            attempt.use(sock)
            if self.closed.is_set() or attempt.expired:
                attempt.hang_up()
            elif attempt not in self._watched:
                self._watched[attempt] = time.monotonic() + self.seconds
                self._wake()

    def close(self) -> None:
        """Hang up all."""
        self.closed.set()
        with self._changed:
            for attempt in self._watched:
                attempt.hang_up()
            self._changed.notify()

    def _forget(self, attempt: Attempt) -> None:
        with self._changed:
            self._watched.pop(attempt, None)
            attempt.release()

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
