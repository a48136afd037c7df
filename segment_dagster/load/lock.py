"""One at a time: who loads, and who looks at what was loaded."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dlt.common.pipeline import get_dlt_pipelines_dir
from filelock import FileLock, Timeout

from segment_dagster.errors import SettingError
from segment_dagster.load.duckdb_file import CREDENTIALS, OPEN, connect
from segment_dagster.load.errors import LoadError, explain, holder_of
from segment_dagster.load.place import Place

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PIPELINE_NAME = "segment_pipeline"
POLL = 0.1
"""Seconds between two attempts to open a file that another process holds."""

logger = logging.getLogger(__name__)


@contextmanager
def alone(place: Place, *, make: bool = False) -> Iterator[None]:
    """Hold the destination: no other run loads into it or looks at it, and no other process opens a DuckDB file.

    Waits as long as the place says for whoever has it. A thread that holds it may take it again.

    Args:
        place: The destination. One without a file is held on this machine, against runs of the same home.
        make: Whether a file that is not there is made.

    Raises:
        LoadError: It was held by others for that long.
        SettingError: There is no place for the lock.
    """
    if place.lock_file is None:
        with home(place):
            yield
        return
    deadline = time.monotonic() + place.lock_timeout
    with _locked(place.lock_file, place, deadline, CREDENTIALS), _opened(place, deadline, make=make):
        yield


@contextmanager
def home(place: Place) -> Iterator[None]:
    """Hold the pipeline's working directory: two runs in it would break each other's files.

    Raises:
        LoadError: Others held it for as long as the place says.
        SettingError: There is no place for it.
    """
    deadline = time.monotonic() + place.lock_timeout
    lock_file = Path(get_dlt_pipelines_dir()) / f"{PIPELINE_NAME}.lock"
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"leads to {lock_file.parent}, which cannot be made ({error.strerror})"
        raise SettingError("DLT_DATA_DIR", problem, "Set it to a directory that can be written to.") from None
    with _locked(lock_file, place, deadline, "DLT_DATA_DIR"):
        yield


def await_free(place: Place) -> None:
    """Wait until the destination could be loaded into, and let go of it again: nothing should be read in vain.

    Raises:
        LoadError: It was held by others for as long as the place says.
        SettingError: There is no place for the lock.
    """
    with alone(place):
        pass


@contextmanager
def _locked(file: Path, place: Place, deadline: float, setting: str) -> Iterator[None]:
    lock = FileLock(file, is_singleton=True)
    again = lock.is_locked
    what = str(place.file) if setting == CREDENTIALS else f"the pipeline {PIPELINE_NAME}"
    try:
        # filelock would make the directory, and DuckDB another file in it, where both were moved away meanwhile
        file.parent.resolve(strict=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            _tell(what, _run(place, setting), place)
            lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    except Timeout:
        raise _too_long(what, _run(place, setting), place, setting) from None
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
def _opened(place: Place, deadline: float, *, make: bool) -> Iterator[None]:
    """Keep a DuckDB file open: dlt opens and closes it many times, and any process could take it in between."""
    assert place.file is not None
    whole = place.file.resolve()
    if whole in OPEN or not (make or place.file.exists()):
        yield
        return
    connection = OPEN[whole] = _connect(place, deadline)
    try:
        yield
    finally:
        del OPEN[whole]
        connection.close()


def _connect(place: Place, deadline: float) -> "DuckDBPyConnection":
    import duckdb

    assert place.file is not None
    told = None
    while True:
        try:
            return connect(place.file)
        except duckdb.Error as failure:
            who = holder_of(failure)
            if who is None:
                raise LoadError(explain(failure, "open", place)) from failure
            if time.monotonic() >= deadline:
                raise _too_long(str(place.file), who, place, CREDENTIALS) from failure
        if who != told:
            _tell(str(place.file), who, place)
            told = who
        time.sleep(POLL)


def _run(place: Place, setting: str) -> str:
    """The run that holds a lock, as far as DuckDB knows it: it has the file open, as a rule."""
    import duckdb

    if setting == CREDENTIALS and place.file and place.file.exists() and place.file.resolve() not in OPEN:
        try:
            duckdb.connect(str(place.file)).close()
        except duckdb.Error as failure:
            return f"another run, {who}" if (who := holder_of(failure)) else "another run"
    return "another run"


def _tell(what: str, who: str, place: Place) -> None:
    logger.warning("%s is in use by %s: waiting for it, up to %g s", what, who, place.lock_timeout)


def _too_long(what: str, who: str, place: Place, setting: str) -> LoadError:
    return LoadError(
        f"{what} is locked by {who}, and was for {place.lock_timeout:g} s: one process at a time can load. "
        f"Close it there, raise SEGMENT_LOCK_TIMEOUT, or set {setting} to another place."
    )
