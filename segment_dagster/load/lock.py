"""One at a time: who loads, and who looks at what was loaded."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dlt.common.pipeline import get_dlt_pipelines_dir
from filelock import FileLock, Timeout

from segment_dagster._compat.duckdb_errors import holder_of
from segment_dagster.errors import SettingError
from segment_dagster.load.destination import Destination
from segment_dagster.load.duckdb_file import CREDENTIALS, OPEN, connect
from segment_dagster.load.errors import LoadError, format_load_error

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PIPELINE_NAME = "segment_pipeline"
POLL = 0.1
"""Seconds between two attempts to open a file that another process holds."""

logger = logging.getLogger(__name__)


@contextmanager
def destination_lock(destination: Destination, *, make: bool = False) -> Iterator[None]:
    """Hold the destination: no other run loads into it or looks at it, and no other process opens a DuckDB file.

    Waits for `lock_timeout` at most while another run has it. A thread that holds it may take it again.

    Args:
        destination: The destination. One without a file is held on this machine, against runs of the same home.
        make: Whether a file that is not there is made.

    Raises:
        LoadError: It was held by others for that long.
        SettingError: There is no place for the lock.
    """
    if destination.lock_file is None:
        with pipeline_lock(destination):
            yield
        return
    deadline = time.monotonic() + destination.lock_timeout
    with _locked(destination.lock_file, destination, deadline, CREDENTIALS), _opened(destination, deadline, make=make):
        yield


@contextmanager
def pipeline_lock(destination: Destination) -> Iterator[None]:
    """Hold the pipeline's working directory: two runs in it would break each other's files.

    Raises:
        LoadError: It was held by others for longer than `lock_timeout`.
        SettingError: There is no place for it.
    """
    deadline = time.monotonic() + destination.lock_timeout
    lock_file = Path(get_dlt_pipelines_dir()) / f"{PIPELINE_NAME}.lock"
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"leads to {lock_file.parent}, which cannot be made ({error.strerror})"
        raise SettingError("DLT_DATA_DIR", problem, "Set it to a directory that can be written to.") from None
    with _locked(lock_file, destination, deadline, "DLT_DATA_DIR"):
        yield


@contextmanager
def _locked(file: Path, destination: Destination, deadline: float, setting: str) -> Iterator[None]:
    lock = FileLock(file, is_singleton=True)
    again = lock.is_locked
    what = str(destination.file) if setting == CREDENTIALS else f"the pipeline {PIPELINE_NAME}"
    try:
        # filelock would make the directory, and DuckDB another file in it, where both were moved away meanwhile
        file.parent.resolve(strict=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _tell(what, _run(destination, setting), destination)
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    except Timeout:
        raise _too_long(what, _run(destination, setting), destination, setting) from None
    except OSError as error:
        problem = f"leads to {file.parent}, where {file.name} cannot be made ({error.strerror})"
        raise SettingError(setting, problem, "Set it to where can be written to.") from None
    try:
        yield
    finally:
        # before it is released: whoever waits finds that the file is gone, and makes another. Windows keeps it.
        if setting == CREDENTIALS and not again:
            with suppress(PermissionError):
                file.unlink(missing_ok=True)
        lock.release()


@contextmanager
def _opened(destination: Destination, deadline: float, *, make: bool) -> Iterator[None]:
    """Keep a DuckDB file open: dlt opens and closes it many times, and any process could take it in between."""
    assert destination.file is not None
    whole = destination.file.resolve()
    if whole in OPEN or not (make or destination.file.exists()):
        yield
        return
    connection = OPEN[whole] = _connect(destination, deadline)
    try:
        yield
    finally:
        del OPEN[whole]
        connection.close()


def _connect(destination: Destination, deadline: float) -> "DuckDBPyConnection":
    import duckdb

    assert destination.file is not None
    told = None
    while True:
        try:
            return connect(destination.file)
        except duckdb.Error as failure:
            who = holder_of(failure)
            if who is None:
                raise LoadError(format_load_error(failure, "open", destination)) from failure
            if time.monotonic() >= deadline:
                raise _too_long(str(destination.file), who, destination, CREDENTIALS) from failure
        if who != told:
            _tell(str(destination.file), who, destination)
            told = who
        time.sleep(POLL)


def _run(destination: Destination, setting: str) -> str:
    """The run that holds a lock, as far as DuckDB knows it: it has the file open, as a rule."""
    import duckdb

    if (
        setting == CREDENTIALS
        and destination.file
        and destination.file.exists()
        and destination.file.resolve() not in OPEN
    ):
        try:
            duckdb.connect(str(destination.file)).close()
        except duckdb.Error as failure:
            return f"another run, {who}" if (who := holder_of(failure)) else "another run"
    return "another run"


def _tell(what: str, who: str, destination: Destination) -> None:
    logger.warning("%s is in use by %s: waiting for it, up to %g s", what, who, destination.lock_timeout)


def _too_long(what: str, who: str, destination: Destination, setting: str) -> LoadError:
    return LoadError(
        f"{what} is locked by {who}, and was for {destination.lock_timeout:g} s: one process at a time can load. "
        f"Close it there, raise SEGMENT_LOCK_TIMEOUT, or set {setting} to another place."
    )
