"""Locks on this machine: the DuckDB file, and the pipeline's working directory."""

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
from segment_dagster.load.duckdb_file import OPEN, connect
from segment_dagster.load.errors import LoadError, format_load_error, is_retryable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

POLL = 0.1
"""Seconds between attempts to open a file that another process holds."""

logger = logging.getLogger(__name__)


@contextmanager
def local_lock(destination: Destination, *, make: bool = False) -> Iterator[None]:
    """Lock out the other runs on this machine, and every other process that would open the DuckDB file.

    Wait up to `lock_timeout` seconds while another run holds it. A thread that holds the lock can take it again.

    Args:
        destination: The destination. Without a file, the runs that share dlt's pipelines directory are locked out.
        make: Whether to create a DuckDB file that does not exist.

    Raises:
        LoadError: Others held the lock longer than `lock_timeout`.
        SettingError: The lock file cannot be created.
    """
    if destination.lock_file is None:
        with pipeline_lock(destination):
            yield
        return
    deadline = time.monotonic() + destination.lock_timeout
    with (
        _locked(destination.lock_file, destination, deadline, destination.credentials_setting),
        _open_file(destination, deadline, make=make),
    ):
        yield


@contextmanager
def pipeline_lock(destination: Destination) -> Iterator[None]:
    """Lock the pipeline's working directory: two runs in it would break each other's files.

    Raises:
        LoadError: Others held the lock longer than `lock_timeout`.
        SettingError: The lock file cannot be created.
    """
    deadline = time.monotonic() + destination.lock_timeout
    lock_file = Path(get_dlt_pipelines_dir()) / f"{destination.pipeline_name}.lock"
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
    reentered = lock.is_locked
    what = (
        str(destination.file)
        if setting == destination.credentials_setting
        else f"the pipeline {destination.pipeline_name}"
    )
    try:
        # if the directory was moved away meanwhile, filelock would create it again, and DuckDB a new file in it
        file.parent.resolve(strict=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _log_waiting(what, _describe_holder(destination, setting), destination)
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    except Timeout:
        raise _timeout_error(what, _describe_holder(destination, setting), destination, setting) from None
    except OSError as error:
        problem = f"leads to {file.parent}, where {file.name} cannot be made ({error.strerror})"
        raise SettingError(setting, problem, "Set it to where can be written to.") from None
    try:
        yield
    finally:
        # before the release: a waiting process sees that the file is gone, and creates another. Windows keeps it.
        if setting == destination.credentials_setting and not reentered:
            with suppress(PermissionError):
                file.unlink(missing_ok=True)
        lock.release()


@contextmanager
def _open_file(destination: Destination, deadline: float, *, make: bool) -> Iterator[None]:
    """Keep a DuckDB file open: dlt opens and closes it many times, and another process could take it in between."""
    assert destination.file is not None
    resolved = destination.file.resolve()
    if resolved in OPEN or not (make or destination.file.exists()):
        yield
        return
    connection = OPEN[resolved] = _connect(destination, deadline)
    try:
        yield
    finally:
        del OPEN[resolved]
        connection.close()


def _connect(destination: Destination, deadline: float) -> "DuckDBPyConnection":
    import duckdb

    assert destination.file is not None
    reported = None
    while True:
        try:
            return connect(destination.file, destination.name)
        except duckdb.Error as failure:
            who = holder_of(failure)
            if who is None:
                raise LoadError(
                    format_load_error(failure, "open", destination),
                    retryable=is_retryable(failure, "open", destination),
                ) from failure
            if time.monotonic() >= deadline:
                raise _timeout_error(
                    str(destination.file), who, destination, destination.credentials_setting
                ) from failure
        if who != reported:
            _log_waiting(str(destination.file), who, destination)
            reported = who
        time.sleep(POLL)


def _describe_holder(destination: Destination, setting: str) -> str:
    """Return who holds a lock, as a phrase. DuckDB knows it if that run has the file open, as it usually has."""
    import duckdb

    if (
        setting == destination.credentials_setting
        and destination.file
        and destination.file.exists()
        and destination.file.resolve() not in OPEN
    ):
        try:
            duckdb.connect(str(destination.file)).close()
        except duckdb.Error as failure:
            return f"another run, {who}" if (who := holder_of(failure)) else "another run"
    return "another run"


def _log_waiting(what: str, who: str, destination: Destination) -> None:
    logger.warning("%s is in use by %s: waiting for it, up to %g s", what, who, destination.lock_timeout)


def _timeout_error(what: str, who: str, destination: Destination, setting: str) -> LoadError:
    return LoadError(
        f"{what} is locked by {who}, and was for {destination.lock_timeout:g} s: one process at a time can load. "
        f"Close it there, raise SEGMENT_LOCK_TIMEOUT, or set {setting} to another place.",
        retryable=True,
    )
