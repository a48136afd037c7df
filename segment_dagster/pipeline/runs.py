"""The dlt pipeline `segment_pipeline`, and loading a source with it."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.pipeline import LoadInfo, get_dlt_pipelines_dir
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed
from filelock import FileLock, Timeout

from segment_dagster.pipeline.errors import LoadError, explain
from segment_dagster.pipeline.place import Place

PIPELINE_NAME = "segment_pipeline"
LOCK_TIMEOUT = 600.0
"""Seconds to wait for another run of the pipeline on this machine."""

logger = logging.getLogger(__name__)


@contextmanager
def exclusive(place: Place, collector: Collector = NULL_COLLECTOR) -> Iterator[dlt.Pipeline]:
    """The pipeline, while no other run on this machine has it: two of one name would break each other's files.

    Its working directory is dlt's own, `~/.dlt/pipelines/segment_pipeline`.

    Raises:
        LoadError: dlt failed inside the block, or another run held the pipeline for ten minutes.
    """
    pipelines = Path(get_dlt_pipelines_dir())
    pipelines.mkdir(parents=True, exist_ok=True)
    lock = FileLock(pipelines / f"{PIPELINE_NAME}.lock")
    try:
        with _acquired(lock):
            pipeline = dlt.pipeline(
                PIPELINE_NAME, destination=place.build(), dataset_name=place.dataset, progress=collector
            )
            try:
                yield pipeline
            except PipelineStepFailed as failure:
                raise LoadError(explain(failure, failure.step, place)) from failure
            finally:
                _remember(pipeline, place)
    except Timeout:
        raise LoadError(
            f"another run has held the pipeline {PIPELINE_NAME} ({lock.lock_file}) for {LOCK_TIMEOUT:.0f} s. "
            "Wait for it to end, or set DLT_DATA_DIR to give this run a home of its own."
        ) from None


def _acquired(lock: FileLock) -> AbstractContextManager[Any]:
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        logger.info("another run holds the pipeline %s: waiting for it to end", PIPELINE_NAME)
        return lock.acquire(timeout=LOCK_TIMEOUT)


def load(source: DltSource, place: Place, collector: Collector = NULL_COLLECTOR) -> LoadInfo:
    """Load a source into a place, in one load package.

    Raises:
        LoadError: It could not be loaded.
    """
    with exclusive(place, collector) as pipeline:
        # what an earlier run left half done would be loaded in place of this source
        pipeline.drop()
        return pipeline.run(source, loader_file_format=place.facts.loader_format)


def _remember(pipeline: dlt.Pipeline, place: Place) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find the file of this run."""
    if place.file is not None:
        pipeline.set_local_state_val("duckdb_database", str(place.file))
