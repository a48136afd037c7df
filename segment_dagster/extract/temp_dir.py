"""A directory of one's own for what is read, and the end of those whose process died before it could delete its own."""

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from filelock import FileLock, Timeout

from segment_dagster.extract.versions import history_table

PREFIX = "segment_dagster_"
LOCK = ".lock"
"""What the name of the lock beside a home ends in. It is held for as long as the home's process lives."""

NAME = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{32}})")
"""The name of a home."""

MARKER = ".segment_dagster"
"""A file in each home that holds its id. A directory without it is somebody else's, whatever its name is."""

JOB = re.compile(r"(?P<table>\w+)\.[0-9a-f]{10}\.\d+\.(sql|reference)")
"""The name of a file in TMPDIR in which dlt 1.31 writes down a job before it moves it into the load package."""

JOB_BEGINNING = 65_536
"""Bytes of such a file that are looked at."""

JOB_IS_DEAD = 3600
"""Seconds after which such a file is nobody's any more: dlt moves it in the same breath."""


class TempDir:
    """A directory in TMPDIR that no other process deletes while this one lives.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self) -> None:
        # the lock first: a process that is killed between the two leaves no home without one
        self._lock = _held()
        self.path = _of(self._lock)
        self.path.mkdir(mode=0o700)
        (self.path / MARKER).write_text(_id_of(self.path))

    def __enter__(self) -> "TempDir":
        """Use the home for a while."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete it."""
        self.delete()

    def delete(self) -> None:
        """Delete the directory and what is in it."""
        _delete(self._lock)


def remove_stale(tables: Iterable[str], now: float) -> None:
    """Delete what processes that were killed left in TMPDIR: their homes, and jobs of dlt's that were never run.

    A home is its process's for as long as the lock beside it is held: the kernel lets go of it when the process ends,
    however it ends. The process's number would not tell: containers that share a TMPDIR each count their own.

    What is not surely one of these is left alone: a home has its exact name, this user's uid, and its own id inside.

    Args:
        tables: Names of the tables whose jobs they may be.
        now: The current time by the clock of TMPDIR's file system, in seconds since 1970: a new file's.
    """
    directory = Path(tempfile.gettempdir())
    for path in directory.glob(f"{PREFIX}*{LOCK}"):
        # what is no lock of ours is not opened either: that would empty it
        if not NAME.fullmatch(path.name.removesuffix(LOCK)) or not _is_own(path, stat.S_ISREG) or path.stat().st_size:
            continue
        lock = _lock(path)
        # held: its process lives; not to be opened: it is another user's
        with contextlib.suppress(Timeout, OSError):
            lock.acquire()
            if _is_home(_of(lock)):
                _delete(lock)
            else:
                lock.release()
    named = {name for table in tables for name in (table, history_table(table))}
    for path in directory.glob("*.*.*.*"):
        job = JOB.fullmatch(path.name)
        if job and job["table"] in named:
            with contextlib.suppress(OSError):
                if now - path.lstat().st_mtime > JOB_IS_DEAD and _is_job(path, job["table"]):
                    path.unlink()


def _is_own(path: Path, of_kind: Callable[[int], bool]) -> bool:
    """Return whether a path is this user's and of a kind; a link is not."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return of_kind(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())


def _is_home(path: Path) -> bool:
    """Return whether a directory is a home of ours, or one whose process was killed before it could mark it."""
    if not os.path.lexists(path):
        return True
    if not _is_own(path, stat.S_ISDIR):
        return False
    marker = path / MARKER
    if _is_own(marker, stat.S_ISREG):
        # cut off where its process was killed while it wrote it
        return _id_of(path).startswith(marker.read_text(errors="replace")) and marker.stat().st_size <= len(
            _id_of(path)
        )
    return not any(path.iterdir())


def _is_job(path: Path, table: str) -> bool:
    """Return whether a file is a load job of dlt's for a table: SQL that names the table, or the path of a file."""
    if not _is_own(path, stat.S_ISREG):
        return False
    with path.open("rb") as job:
        beginning = job.read(JOB_BEGINNING)
    return not beginning or table.encode() in beginning


def _id_of(path: Path) -> str:
    return path.name.removeprefix(PREFIX)


def _held() -> FileLock:
    """Return a lock with a new name, acquired."""
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
