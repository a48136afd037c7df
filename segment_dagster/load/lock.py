"""Lock a dataset for the time of a load: against runs on this machine, and on any other one."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from segment_dagster.load.advisory_lock import AdvisoryLock
from segment_dagster.load.capabilities import LockKind
from segment_dagster.load.destination import Destination
from segment_dagster.load.lease import Lease
from segment_dagster.load.local_lock import local_lock


class DatasetLock(Protocol):
    """A lock of one dataset in its destination, which runs on any machine respect."""

    def acquire(self) -> None:
        """Take the lock, or wait for it up to `lock_timeout` seconds.

        Raises:
            LoadError: Others held it longer, or the destination cannot be reached.
        """

    def check(self) -> None:
        """Refuse to go on if the lock was lost.

        Raises:
            LoadError: It was: another run may have loaded at the same time.
        """

    def release(self) -> None:
        """Give the lock back, if it is still held."""


class _LocalOnly:
    """No lock in the destination: see `Capabilities.lock`."""

    def __init__(self, destination: Destination) -> None:
        pass

    def acquire(self) -> None:
        pass

    def check(self) -> None:
        pass

    def release(self) -> None:
        pass


_LOCKS: Mapping[LockKind | None, Callable[[Destination], DatasetLock]] = {
    None: _LocalOnly,
    "file": _LocalOnly,
    "advisory": AdvisoryLock,
    "lease": Lease,
}


class _Held(threading.local):
    """The locks that this thread holds."""

    def __init__(self) -> None:
        self.locks: list[tuple[Destination, DatasetLock]] = []


_HELD = _Held()


@contextmanager
def destination_lock(destination: Destination, *, make: bool = False) -> Iterator[DatasetLock]:
    """Lock the dataset for a load: no other run loads it, on this machine or another one.

    Never read from the API inside: others wait. A thread that holds the lock can take it again.

    Args:
        destination: The destination.
        make: Whether to create a DuckDB file that does not exist.

    Yields:
        The lock, to check that it is still held.

    Raises:
        LoadError: Others held the lock longer than `lock_timeout`, or it was lost inside the block.
        SettingError: A lock file cannot be created.
    """
    with local_lock(destination, make=make), _dataset_lock(destination) as lock:
        yield lock


@contextmanager
def _dataset_lock(destination: Destination) -> Iterator[DatasetLock]:
    for held, lock in _HELD.locks:
        if held == destination:
            yield lock
            return
    lock = _LOCKS[destination.capabilities.lock](destination)
    lock.acquire()
    _HELD.locks.append((destination, lock))
    try:
        yield lock
        lock.check()
    finally:
        _HELD.locks.pop()
        lock.release()
