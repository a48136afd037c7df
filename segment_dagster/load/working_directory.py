"""dlt's pipeline `segment_pipeline` and its working directory, which holds rows while they are loaded."""

import logging
import shutil
from contextlib import suppress
from pathlib import Path

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import DltException
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector

from segment_dagster._compat.dlt_logs import install_log_filter
from segment_dagster._compat.dlt_packages import PENDING, call_after_drop
from segment_dagster._compat.dlt_state import remember_duckdb_file
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError, format_load_error
from segment_dagster.load.lock import PIPELINE_NAME, pipeline_lock

logger = logging.getLogger(__name__)

TRUNCATE_STAGING = "load.truncate_staging_dataset"
"""dlt's own setting: whether what rows were staged in is emptied after a load."""

DELETE_COMPLETED_JOBS = "load.delete_completed_jobs"
"""dlt's own setting: whether the files of rows are deleted once they are loaded."""


def register_pipeline(destination: Destination) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find what is there."""
    with pipeline_lock(destination):
        try:
            remember_file(attach_pipeline(destination), destination)
        except OSError as failure:
            raise LoadError(format_load_error(failure, "run", destination)) from failure


def attach_pipeline(destination: Destination, collector: Collector = NULL_COLLECTOR) -> dlt.Pipeline:
    """Return the pipeline, with what its working directory holds. What dlt cannot read there is deleted."""
    install_log_filter()
    # what was swapped in would stay in the staging dataset too: half of a DuckDB file, and of all that is written to it
    if destination.file is not None and dlt.config.get(TRUNCATE_STAGING) is None:
        dlt.config[TRUNCATE_STAGING] = True
    # nobody needs them, and they hold every row, secrets where those are to land
    if dlt.config.get(DELETE_COMPLETED_JOBS) is None:
        dlt.config[DELETE_COMPLETED_JOBS] = True

    def attach() -> dlt.Pipeline:
        return dlt.pipeline(
            PIPELINE_NAME, destination=destination.factory, dataset_name=destination.dataset, progress=collector
        )

    try:
        return attach()
    except ConfigurationException:
        raise
    except (DltException, OSError, ValueError, LookupError, TypeError, AttributeError) as failure:
        # what dlt keeps in its working directory is a copy of what it keeps in the destination
        directory = Path(get_dlt_pipelines_dir(), PIPELINE_NAME)
        if not directory.exists():
            raise
        logger.warning(
            "%s cannot be read (%s): it is deleted, and made anew from what the destination holds",
            directory,
            type(failure).__name__,
        )
        if directory.is_dir():
            shutil.rmtree(directory)
        else:
            directory.unlink()
        return attach()


def drop_local_state(pipeline: dlt.Pipeline) -> None:
    """Drop the pipeline's local state, and let nobody else read its new working directory.

    `dagster_dlt` drops it once more before it loads: that does the same.
    """
    call_after_drop(pipeline, lambda: make_private(Path(pipeline.working_dir)))
    pipeline.drop()


def make_private(directory: Path) -> None:
    """Let nobody else read the working directory: dlt makes it, and what it writes there, readable for all."""
    for path in (directory, *directory.rglob("*")):
        with suppress(FileNotFoundError):
            path.chmod(0o700 if path.is_dir() else 0o600)


def discard_packages(pipeline: dlt.Pipeline) -> None:
    """Delete what was not loaded to its end: the next run reads it anew, and its files hold rows."""
    for folder in PENDING:
        for package in Path(pipeline.working_dir, folder).glob("*"):
            shutil.rmtree(package, ignore_errors=True)


def remember_file(pipeline: dlt.Pipeline, destination: Destination) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find the file of this run."""
    if destination.file is not None:
        remember_duckdb_file(pipeline, destination.file)
