"""dlt's pipeline `segment_pipeline` and its working directory, which holds rows during a load."""

import logging
import shutil
from contextlib import suppress
from pathlib import Path

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import DltException
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.common.runtime.collector import NULL_COLLECTOR

from segment_dagster._compat.dlt_logs import install_log_filter
from segment_dagster._compat.dlt_packages import PENDING, drop_once
from segment_dagster._compat.dlt_state import remember_duckdb_file
from segment_dagster.load.destination import Destination
from segment_dagster.load.errors import LoadError, format_load_error
from segment_dagster.load.local_lock import pipeline_lock

logger = logging.getLogger(__name__)


def register_pipeline(destination: Destination) -> None:
    """Register the pipeline, so that `dlt.pipeline` and `dlt pipeline segment_pipeline show` find the dataset.

    Raises:
        LoadError: The working directory cannot be written to, or others held its lock too long.
    """
    with pipeline_lock(destination):
        try:
            remember_file(attach_pipeline(destination), destination)
        except OSError as failure:
            raise LoadError(format_load_error(failure, "run", destination)) from failure


def attach_pipeline(destination: Destination) -> dlt.Pipeline:
    """Return the pipeline with the state of its working directory. A directory that dlt cannot read is deleted."""
    install_log_filter()

    def attach() -> dlt.Pipeline:
        return dlt.pipeline(
            destination.pipeline_name,
            destination=destination.factory,
            dataset_name=destination.dataset,
            progress=NULL_COLLECTOR,
        )

    try:
        return attach()
    except ConfigurationException:
        raise
    except (DltException, OSError, ValueError, LookupError, TypeError, AttributeError) as failure:
        # safe to delete: the working directory is a copy of what dlt keeps in the destination
        directory = Path(get_dlt_pipelines_dir(), destination.pipeline_name)
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
    """Drop the pipeline's local state, and make its new working directory private."""
    drop_once(pipeline)
    make_private(Path(pipeline.working_dir))


def make_private(directory: Path) -> None:
    """Make the working directory readable only by its owner: dlt creates everything in it readable for all."""
    for path in (directory, *directory.rglob("*")):
        with suppress(FileNotFoundError):
            path.chmod(0o700 if path.is_dir() else 0o600)


def discard_packages(pipeline: dlt.Pipeline) -> None:
    """Delete packages that were not completely loaded: the next run reads the rows again, and the files hold rows."""
    for folder in PENDING:
        for package in Path(pipeline.working_dir, folder).glob("*"):
            shutil.rmtree(package, ignore_errors=True)


def remember_file(pipeline: dlt.Pipeline, destination: Destination) -> None:
    """Record the DuckDB file, so that `dlt.pipeline` and `dlt pipeline segment_pipeline show` find it."""
    if destination.file is not None:
        remember_duckdb_file(pipeline, destination.file)
