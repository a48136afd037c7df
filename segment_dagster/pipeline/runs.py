"""The dlt pipeline `segment_pipeline`, and loading a source with it."""

from collections.abc import Iterator
from contextlib import contextmanager

import dlt
from dlt.common.pipeline import LoadInfo
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.extract import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from segment_dagster.pipeline.errors import LoadError, explain
from segment_dagster.pipeline.lock import PIPELINE_NAME, alone
from segment_dagster.pipeline.place import Place


@contextmanager
def exclusive(place: Place, collector: Collector = NULL_COLLECTOR) -> Iterator[dlt.Pipeline]:
    """The pipeline, while no other run on this machine has it: two of one name would break each other's files.

    Its working directory is dlt's own: `segment_pipeline` in `~/.dlt/pipelines`, for root in `/var/dlt/pipelines`.

    Raises:
        LoadError: dlt failed inside the block, or another run held the pipeline for ten minutes.
    """
    with alone():
        try:
            pipeline = dlt.pipeline(
                PIPELINE_NAME, destination=place.build(), dataset_name=place.dataset, progress=collector
            )
            try:
                # what an earlier run left half done would be loaded in place of what comes now
                pipeline.drop()
                _make_again(pipeline)
                yield pipeline
            finally:
                _remember(pipeline, place)
        except PipelineStepFailed as failure:
            raise LoadError(explain(failure, failure.step, place)) from failure
        except OSError as failure:
            # between its steps dlt writes to its working directory too
            raise LoadError(explain(failure, "run", place)) from failure


def load(source: DltSource, place: Place, collector: Collector = NULL_COLLECTOR) -> LoadInfo:
    """Load a source into a place, in one load package.

    Raises:
        LoadError: It could not be loaded.
    """
    with exclusive(place, collector) as pipeline:
        return pipeline.run(source, loader_file_format=place.facts.loader_format)


def _make_again(pipeline: dlt.Pipeline) -> None:
    """Make tables that somebody dropped: dlt takes what it made once to be there."""
    pipeline.sync_destination()
    if pipeline.default_schema_name is None:
        return
    with pipeline.destination_client() as client:
        assert isinstance(client, SqlJobClientBase)
        missing = [name for name, columns in client.get_storage_tables(pipeline.default_schema.tables) if not columns]
        if missing:
            client.update_stored_schema(missing, force=True)


def _remember(pipeline: dlt.Pipeline, place: Place) -> None:
    """Let `dlt.pipeline("segment_pipeline")` and `dlt pipeline segment_pipeline show` find the file of this run."""
    if place.file is not None:
        pipeline.set_local_state_val("duckdb_database", str(place.file))
