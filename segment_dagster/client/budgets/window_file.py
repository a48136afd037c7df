"""A file that holds the sliding window of one budget, for the processes of one machine in turn."""

import fcntl
import os
import random
import time
from pathlib import Path
from weakref import finalize

from segment_dagster.client.budgets.budget import StoreError
from segment_dagster.client.budgets.private_directory import private_directory, private_file
from segment_dagster.client.budgets.window import SlidingWindow
from segment_dagster.client.budgets.window_bytes import from_bytes, to_bytes

LOCK_TIMEOUT = 2.0
"""Seconds that the lock is waited for. Each holds it for some 20 µs, unless its process is stopped meanwhile."""

MAX_SIZE = 64 * 1024 * 1024
"""Bytes of a file that are read: a million requests a minute have 16 MB."""


class WindowFile:
    """The file. It stays open, and is opened anew if somebody has deleted it. Threads may not share one.

    Args:
        directory: A directory of this user's own.
        name: Its name.
        minute: Length of the minute, in microseconds.
    """

    def __init__(self, directory: Path, name: str, minute: int) -> None:
        self.path = directory / name
        self.minute = minute
        self._descriptor = -1
        self._size = 0
        self._close: finalize[..., WindowFile] | None = None

    def lock(self) -> None:
        """Lock the file against other processes.

        The kernel takes the lock away from a process that ends, however it ends. A forked child does not have it.

        Raises:
            OSError: The file cannot be opened.
            StoreError: Another process held it for too long.
        """
        while True:
            if self._close is None:
                with private_directory(self.path.parent) as directory:
                    self._descriptor = private_file(self.path.name, directory)
                self._close = finalize(self, os.close, self._descriptor)
            _lock(self._descriptor)
            found = os.fstat(self._descriptor)
            if found.st_nlink:
                self._size = found.st_size
                return
            self._close()
            self._close = None

    def unlock(self) -> None:
        """Let other processes lock it."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def read(self, now: int) -> SlidingWindow | None:
        """Return the window; `None` if the file holds something else."""
        if self._size > MAX_SIZE:
            return None
        return from_bytes(os.pread(self._descriptor, self._size, 0), self.minute, now)

    def write(self, window: SlidingWindow) -> None:
        """Write the window.

        Raises:
            OSError: It cannot be written.
        """
        content = to_bytes(window)
        if os.pwrite(self._descriptor, content, 0) < len(content):
            raise OSError("there is no room left")
        if len(content) < self._size:
            os.ftruncate(self._descriptor, len(content))


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except (BlockingIOError, PermissionError):
            # POSIX lets a system say either
            if time.monotonic() > deadline:
                raise StoreError(f"another process has locked it for more than {LOCK_TIMEOUT:g} s") from None
        time.sleep(random.uniform(0.0001, 0.001))  # noqa: S311 - no secret
