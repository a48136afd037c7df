"""A directory of one's own for what is read, and the end of those whose process died before it could delete its own."""

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from segment_dagster.source.versions import history_table

PREFIX = "segment_dagster_"
LOCK = ".lock"
"""What the name of the lock beside a home ends in. It is held for as long as the home's process lives."""

JOB = re.compile(r"(?P<table>\w+)\.[0-9a-f]{10}\.\d+\.(sql|reference)")
"""The name of a file in TMPDIR in which dlt 1.31 writes down a job before it moves it into the load package."""

JOB_IS_DEAD = 3600
"""Seconds after which such a file is nobody's any more: dlt moves it in the same breath."""


class Home:
    """A directory in TMPDIR that no other process deletes while this one lives.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self) -> None:
        # the lock first: a process that is killed between the two leaves no home without one
        self._lock = _held()
        self.path = _of(self._lock)
        self.path.mkdir(mode=0o700)

    def delete(self) -> None:
        """Delete the directory and what is in it."""
        _delete(self._lock)


def sweep(tables: Iterable[str]) -> None:
    """Delete what processes that were killed left in TMPDIR: their homes, and jobs of dlt's that were never run.

    A home is its process's for as long as the lock beside it is held: the kernel lets go of it when the process ends,
    however it ends. The process's number would not tell: containers that share a TMPDIR each count their own.

    Args:
        tables: Names of the tables whose jobs they may be.
    """
    directory = Path(tempfile.gettempdir())
    for path in directory.glob(f"{PREFIX}*{LOCK}"):
        lock = _lock(path)
        # held: its process lives; not to be opened: it is another user's
        with contextlib.suppress(Timeout, OSError):
            lock.acquire()
            _delete(lock)
    named = {name for table in tables for name in (table, history_table(table))}
    for path in directory.glob("*.*.*.*"):
        job = JOB.fullmatch(path.name)
        if job and job["table"] in named:
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > JOB_IS_DEAD:
                    path.unlink()


def _held() -> FileLock:
    """A lock of a new name, held."""
    # filelock would make the directory
    directory = Path(tempfile.gettempdir()).resolve(strict=True)
    while True:
        lock = _lock(directory / f"{PREFIX}{uuid4().hex}{LOCK}")
        # another process may find it before it is held, take it for a dead one's and delete it
        with contextlib.suppress(Timeout):
            lock.acquire()
            return lock


def _lock(path: Path) -> FileLock:
    # what a thread has locked, the one that ends the process lets go of
    return FileLock(path, blocking=False, thread_local=False)


def _of(lock: FileLock) -> Path:
    return Path(lock.lock_file).with_suffix("")


def _delete(lock: FileLock) -> None:
    shutil.rmtree(_of(lock), ignore_errors=True)
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
