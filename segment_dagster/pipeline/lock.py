"""One at a time: who loads, and who looks at what was loaded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlt.common.pipeline import get_dlt_pipelines_dir
from filelock import FileLock, Timeout

from segment_dagster.errors import SettingError
from segment_dagster.pipeline.errors import LoadError

PIPELINE_NAME = "segment_pipeline"
LOCK_TIMEOUT = 600.0
"""Seconds to wait for another run of the pipeline on this machine."""

logger = logging.getLogger(__name__)


@contextmanager
def alone() -> Iterator[None]:
    """Hold the pipeline's lock on this machine. A thread that holds it may take it again.

    Raises:
        LoadError: Another run held it for ten minutes.
        SettingError: There is no place for it.
    """
    pipelines = Path(get_dlt_pipelines_dir())
    try:
        pipelines.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"leads to {pipelines}, which cannot be made ({error.strerror})"
        raise SettingError("DLT_DATA_DIR", problem, "Set it to a directory that can be written to.") from None
    lock = FileLock(pipelines / f"{PIPELINE_NAME}.lock", is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logger.warning("another run holds the pipeline %s: waiting for it to end", PIPELINE_NAME)
        try:
            lock.acquire(timeout=LOCK_TIMEOUT)
        except Timeout:
            raise LoadError(
                f"another run has held the pipeline {PIPELINE_NAME} ({lock.lock_file}) for {LOCK_TIMEOUT:.0f} s. "
                "Wait for it to end, or set DLT_DATA_DIR to give this run a home of its own."
            ) from None
    try:
        yield
    finally:
        lock.release()
